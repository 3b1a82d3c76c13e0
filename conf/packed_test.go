package conf

import (
	"encoding"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// Whatever a configuration says is the same after another program has read it: values,
// places, what is shared, and so what a reread calls changed.
func TestPackUnpack(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.toml")
	text := `
[supervisord]
environment = { A = "1" }
exit_on = "main=web"
shutdown_timeout = 9
[program.web]
command = ["cat", "-u"]
numprocs = 3
process_name = "w%(process_num)d"
exitcodes = [0, 2]
environment = { KEY = "value", B = "x bytes:y" }
max_restarts = 7
stdout_logfile = "NONE"
[fcgi-program.f]
command = "x"
socket = "tcp://127.0.0.1:9"
[eventlistener.l]
command = "x"
events = ["TICK_5"]
buffer_size = 77
[group.g]
programs = ["f"]
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(file, Options{Environ: []string{"HOME=/"}})
	if err != nil {
		t.Fatal(err)
	}
	c.Groups[0].Processes[0].Environment = Env{{"BIN", "\xff\xfe\x00"}}
	older := *c.Groups[0]
	older.Priority = 5
	active := []*Group{c.Groups[1], &older}
	b, err := Pack(c, active)
	if err != nil {
		t.Fatal(err)
	}
	got, gotActive, err := Unpack(b)
	if err != nil {
		t.Fatal(err)
	}
	exported := cmp.AllowUnexported(Origin{}, place{})
	ignore := cmp.FilterPath(func(p cmp.Path) bool {
		return strings.HasSuffix(p.GoString(), ".files") || strings.HasSuffix(p.GoString(), ".file")
	}, cmp.Ignore())
	if diff := cmp.Diff(c, got, exported, ignore); diff != "" {
		t.Errorf("configuration:\n%s", diff)
	}
	if diff := cmp.Diff(active, gotActive, exported, ignore); diff != "" {
		t.Errorf("active groups:\n%s", diff)
	}
	if gotActive[0] != got.Groups[1] {
		t.Error("a group that is active and configured has become two")
	}
	var web *Group
	for _, g := range got.Groups {
		if g.Name == "web" {
			web = g
		}
	}
	var was *Group
	for _, g := range c.Groups {
		if g.Name == "web" {
			was = g
		}
	}
	shared := func(g *Group) [2]bool {
		a, b := g.Processes[1], g.Processes[2]
		return [2]bool{a.Origin == b.Origin, &a.Environment[0] == &b.Environment[0]}
	}
	if shared(web) != shared(was) {
		t.Errorf("instances of one section share %v, before %v", shared(web), shared(was))
	}
	if p := web.Processes[1].Origin.Pos("exitcodes"); p.Line != 10 || p.File != file {
		t.Errorf("exitcodes is at %v", p)
	}
	plan, before := Diff(gotActive, got.Groups), Diff(active, c.Groups)
	if len(plan.Changed) != len(before.Changed) || len(plan.Added) != len(before.Added) || len(plan.Removed) != len(before.Removed) {
		t.Errorf("plan %+v, before %+v", plan, before)
	}
}

// The same for files that people have written.
func TestPackCorpus(t *testing.T) {
	files, _ := filepath.Glob("testdata/corpus/*.conf")
	if len(files) == 0 {
		t.Fatal("no files")
	}
	packed := 0
	for _, file := range files {
		c, err := Load(file, Options{Environ: []string{"HOME=/", "PATH=/bin"}})
		if err != nil {
			continue // not its purpose here
		}
		packed++
		b, err := Pack(c, c.Groups)
		if err != nil {
			t.Fatal(err)
		}
		got, active, err := Unpack(b)
		if err != nil {
			t.Fatal(err)
		}
		opts := []cmp.Option{cmp.AllowUnexported(Origin{}, place{}), cmp.FilterPath(func(p cmp.Path) bool {
			return strings.HasSuffix(p.GoString(), ".files") || strings.HasSuffix(p.GoString(), ".file")
		}, cmp.Ignore()), cmpopts.EquateEmpty()}
		if diff := cmp.Diff(c, got, opts...); diff != "" {
			t.Errorf("%s:\n%s", file, diff)
		}
		if diff := cmp.Diff(c.Groups, active, opts...); diff != "" {
			t.Errorf("%s:\n%s", file, diff)
		}
	}
	t.Logf("%d files", packed)
}

// An option that the writer of a state did not know has its default, not nothing.
func TestUnpackGivesDefaults(t *testing.T) {
	c := &Config{Groups: []*Group{{Name: "a", Processes: []*Process{{Name: "a", Group: "a"}}}}}
	b, err := Pack(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]any
	if err := json.Unmarshal(b, &raw); err != nil {
		t.Fatal(err)
	}
	p := raw["Groups"].([]any)[0].(map[string]any)["Processes"].([]any)[0].(map[string]any)["Process"].(map[string]any)
	delete(p, "Startretries")
	delete(p, "Exitcodes")
	delete(raw["Config"].(map[string]any)["Supervisord"].(map[string]any), "ShutdownTimeout")
	b, _ = json.Marshal(raw)
	got, _, err := Unpack(b)
	if err != nil {
		t.Fatal(err)
	}
	x := got.Groups[0].Processes[0]
	if x.Startretries != 3 || len(x.Exitcodes) != 1 || got.Supervisord.ShutdownTimeout != NoTimeout {
		t.Errorf("startretries %d, exitcodes %v, shutdown_timeout %v", x.Startretries, x.Exitcodes, got.Supervisord.ShutdownTimeout)
	}
	for _, bad := range []string{"", "{", `{"Configured":[3]}`, `{"Groups":[{"Processes":[{"Origin":4}]}]}`} {
		if _, _, err := Unpack([]byte(bad)); err == nil {
			t.Errorf("Unpack(%q) gives no error", bad)
		}
	}
}

// What AppendGroups writes is read as what encoding/json would have written.
func TestAppendGroups(t *testing.T) {
	var plain func(reflect.Type)
	seen := map[reflect.Type]bool{}
	plain = func(typ reflect.Type) {
		if seen[typ] || typ == reflect.TypeFor[Origin]() {
			return
		}
		seen[typ] = true
		if m := reflect.TypeFor[json.Marshaler](); typ.Implements(m) && typ != reflect.TypeFor[*Origin]() || typ.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
			t.Errorf("%v is written in a way of its own", typ)
		}
		switch typ.Kind() {
		case reflect.Pointer:
			plain(typ.Elem())
		case reflect.Slice:
			if plain(typ.Elem()); typ.Elem().Kind() == reflect.Uint8 {
				t.Errorf("%v: encoding/json writes bytes in base64", typ)
			}
		case reflect.Struct:
			for i := range typ.NumField() {
				if f := typ.Field(i); f.Anonymous || f.Tag.Get("json") != "" || !f.IsExported() {
					t.Errorf("field %s of %v is not written by its name", f.Name, typ)
				} else {
					plain(f.Type)
				}
			}
		}
	}
	plain(reflect.TypeFor[[]*Group]())

	check := func(name string, groups []*Group) {
		t.Helper()
		b, err := AppendGroups([]byte("x"), groups)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := json.Marshal(groups)
		if err != nil {
			t.Fatal(err)
		}
		var got, want []*Group
		if err := json.Unmarshal(b[1:], &got); err != nil {
			t.Fatalf("%s: %v in %s", name, err, b)
		}
		if err := json.Unmarshal(whole, &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n%s", name, cmp.Diff(want, got, cmp.AllowUnexported(Origin{}, place{})))
		}
		if b = b[1:]; len(b) > len(whole) {
			t.Errorf("%s: %d bytes, encoding/json writes %d", name, len(b), len(whole))
		}
	}
	files, _ := filepath.Glob("testdata/corpus/*.conf")
	for _, file := range files {
		if c, err := Load(file, Options{Environ: []string{"HOME=/", "PATH=/bin"}}); err == nil {
			check(file, c.Groups)
		}
	}
	// And with every field: encoding/json knows how to fill them.
	var fill func(v reflect.Value, n *int)
	fill = func(v reflect.Value, n *int) {
		*n++
		switch v.Kind() {
		case reflect.String:
			v.SetString("\"ä\xff\n" + strconv.Itoa(*n))
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Pointer:
			if v.Type() != reflect.TypeFor[*Origin]() {
				v.Set(reflect.New(v.Type().Elem()))
				fill(v.Elem(), n)
			}
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), *n%3, *n%3))
			for i := range v.Len() {
				fill(v.Index(i), n)
			}
		case reflect.Struct:
			for i := range v.NumField() {
				fill(v.Field(i), n)
			}
		default:
			if v.CanInt() {
				v.SetInt(int64(-*n % 100))
			} else {
				v.SetUint(uint64(*n % 100))
			}
		}
	}
	for from := range 6 {
		g := &Group{}
		fill(reflect.ValueOf(g).Elem(), &from)
		if len(g.Processes) == 0 {
			g.Processes = []*Process{{}, nil}
			fill(reflect.ValueOf(g.Processes[0]).Elem(), &from)
		}
		check("filled", []*Group{g, nil})
	}
	check("none", nil)
}
