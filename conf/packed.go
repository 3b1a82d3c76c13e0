package conf

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// Pack writes a configuration, and groups that are active and may be older than it, as
// plain data for another version of this program. What instances of one section share is
// written once, and shared again by Unpack.
func Pack(c *Config, active []*Group) ([]byte, error) {
	p := &packed{Config: *c}
	p.Config.Groups = nil
	known := map[*Group]int{}
	add := func(g *Group) int {
		i, ok := known[g]
		if !ok {
			i = len(p.Groups)
			known[g] = i
			p.Groups = append(p.Groups, p.pack(g))
		}
		return i
	}
	for _, g := range c.Groups {
		p.Configured = append(p.Configured, add(g))
	}
	for _, g := range active {
		p.Active = append(p.Active, add(g))
	}
	b, err := json.Marshal(p)
	if err != nil || !bytes.Contains(b, []byte(`\ufffd`)) { // as encoding/json writes what is no UTF-8
		return b, err
	}
	return json.Marshal(mapStrings(reflect.ValueOf(p), hide).Interface())
}

// Unpack reads what Pack wrote. Options that its writer did not know have their defaults.
func Unpack(b []byte) (c *Config, active []*Group, err error) {
	p := &packed{}
	setDefaults(inSupervisord, &values{supervisord: &p.Config.Supervisord})
	p.Config.Supervisord.ShutdownTimeout = NoTimeout
	if err := json.Unmarshal(b, p); err != nil {
		return nil, nil, fmt.Errorf("cannot read the configuration that was handed over: %w", err)
	}
	if bytes.Contains(b, []byte(hidden[1:])) {
		p = mapStrings(reflect.ValueOf(p), show).Interface().(*packed)
	}
	groups := make([]*Group, len(p.Groups))
	for i := range p.Groups {
		if groups[i], err = p.unpack(&p.Groups[i]); err != nil {
			return nil, nil, err
		}
	}
	pick := func(list []int) (out []*Group) {
		for _, i := range list {
			if i < 0 || i >= len(groups) {
				err = fmt.Errorf("the configuration that was handed over has no group %d", i)
				return nil
			}
			out = append(out, groups[i])
		}
		return out
	}
	c = &p.Config
	c.Groups, active = pick(p.Configured), pick(p.Active)
	return c, active, err
}

type packed struct {
	Config     Config
	Groups     []packedGroup
	Configured []int
	Active     []int
	Origins    []*Origin
	Envs       []Env

	origins map[*Origin]int
	envs    map[*Var]int
}

type packedGroup struct {
	Group     Group
	Processes []packedProcess
}

// packedProcess is a process whose shared parts are numbers: from 1, 0 for none.
type packedProcess struct {
	Process                      Process
	Origin, Environment, FileEnv int
}

func (x *packedProcess) UnmarshalJSON(b []byte) error {
	type plain packedProcess
	setDefaults(inProgram, &values{process: &x.Process, program: &programOptions{}})
	return json.Unmarshal(b, (*plain)(x))
}

func (p *packed) pack(g *Group) packedGroup {
	out := packedGroup{Group: *g}
	out.Group.Processes = nil
	for _, x := range g.Processes {
		y := packedProcess{*x, p.origin(x.Origin), p.env(x.Environment), p.env(x.FileEnv)}
		y.Process.Origin, y.Process.Environment, y.Process.FileEnv = nil, nil, nil
		out.Processes = append(out.Processes, y)
	}
	return out
}

func (p *packed) origin(o *Origin) int {
	if o == nil {
		return 0
	}
	if p.origins == nil {
		p.origins = map[*Origin]int{}
	}
	if p.origins[o] == 0 {
		p.Origins = append(p.Origins, o)
		p.origins[o] = len(p.Origins)
	}
	return p.origins[o]
}

func (p *packed) env(e Env) int {
	if len(e) == 0 {
		return 0
	}
	if p.envs == nil {
		p.envs = map[*Var]int{}
	}
	n := p.envs[&e[0]]
	if n == 0 || len(p.Envs[n-1]) != len(e) {
		p.Envs = append(p.Envs, e)
		n = len(p.Envs)
		p.envs[&e[0]] = n
	}
	return n
}

func (p *packed) unpack(x *packedGroup) (*Group, error) {
	g := &x.Group
	for i := range x.Processes {
		y := &x.Processes[i]
		if n := max(y.Environment, y.FileEnv); y.Origin > len(p.Origins) || n > len(p.Envs) || min(y.Origin, y.Environment, y.FileEnv) < 0 {
			return nil, fmt.Errorf("the configuration that was handed over is not complete: %s", y.Process.Name)
		}
		if y.Origin > 0 {
			y.Process.Origin = p.Origins[y.Origin-1]
		}
		if y.Environment > 0 {
			y.Process.Environment = p.Envs[y.Environment-1]
		}
		if y.FileEnv > 0 {
			y.Process.FileEnv = p.Envs[y.FileEnv-1]
		}
		g.Processes = append(g.Processes, &y.Process)
	}
	return g, nil
}

// packedOrigin names options: their numbers are not the same in every version.
type packedOrigin struct {
	Section string
	Pos     Pos
	Files   []string
	Places  []packedPlace
	Flags   map[string]string
}

type packedPlace struct {
	Option     string
	File, Line int
}

// MarshalJSON writes an Origin for Unpack.
func (o *Origin) MarshalJSON() ([]byte, error) { return json.Marshal(o.packed()) }

// UnmarshalJSON leaves out what options this version does not have.
func (o *Origin) UnmarshalJSON(b []byte) error {
	var x packedOrigin
	if err := json.Unmarshal(b, &x); err != nil {
		return err
	}
	*o = Origin{Section: x.Section, pos: x.Pos, files: x.Files, flags: x.Flags}
	kind := kinds(^kinds(0))
	if k, _ := sectionKindOf(x.Section); k != nil {
		kind = k.kind
	}
	for _, p := range x.Places {
		i := slices.IndexFunc(options(), func(o option) bool { return o.name == p.Option && o.in&kind != 0 })
		if i >= 0 && p.File >= 0 && p.File < len(x.Files) {
			o.places = append(o.places, place{uint16(i), uint16(p.File), int32(p.Line)})
		}
	}
	return nil
}

// hidden begins the text of a string that is no UTF-8, which JSON cannot carry.
const hidden = "\x00bytes:"

func hide(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return hidden + base64.StdEncoding.EncodeToString([]byte(s))
}

func show(s string) string {
	text, ok := strings.CutPrefix(s, hidden)
	if !ok {
		return s
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return s
	}
	return string(b)
}

// mapStrings is a copy of plain data with every string changed by f. What is not exported
// is copied as it is.
func mapStrings(v reflect.Value, f func(string) string) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	switch v.Kind() {
	case reflect.String:
		out.SetString(f(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(mapStrings(v.Elem(), f))
		}
	case reflect.Slice:
		if !v.IsNil() {
			out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := range v.Len() {
				out.Index(i).Set(mapStrings(v.Index(i), f))
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				out.Field(i).Set(mapStrings(v.Field(i), f))
			}
		}
	}
	return out
}
