package conf

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// describe is a plan as text.
func describe(p Plan) string {
	var b strings.Builder
	for _, g := range p.Added {
		fmt.Fprintf(&b, "added %s\n", g.Name)
	}
	for _, c := range p.Changed {
		fmt.Fprintf(&b, "changed %s\n", c.New.Name)
		for _, r := range c.Reasons {
			fmt.Fprintf(&b, "  %s %s: %q -> %q line %d\n", r.Process, r.Key, r.Old, r.New, r.Pos.Line)
		}
	}
	for _, g := range p.Removed {
		fmt.Fprintf(&b, "removed %s\n", g.Name)
	}
	return b.String()
}

func TestDiff(t *testing.T) {
	t.Parallel()
	head := "[supervisord]\n"
	a := "[program:a]\ncommand=/bin/a\n"
	many := func(n int, more string) string {
		return fmt.Sprintf("[program:a]\ncommand=/bin/a\nprocess_name=a%%(process_num)d\nnumprocs=%d\n%s", n, more)
	}
	listener := func(more string) string { return "[eventlistener:l]\ncommand=/bin/l\n" + more }
	fcgi := func(socket string) string { return "[fcgi-program:f]\ncommand=/bin/f\nsocket=" + socket + "\n" }
	for _, test := range []struct{ name, old, new, want string }{
		{"nothing", a, a, ""},
		{"moved", a, "\n; comment\n\n[program:a]\npriority=999\ncommand=/bin/a\n", ""},
		{"added", "", a + "[program:b]\ncommand=b\npriority=1\n", "added b\nadded a\n"},
		{"removed", a + "[program:b]\ncommand=b\npriority=1\n", "", "removed b\nremoved a\n"},
		{"command", a, "[program:a]\ncommand=/bin/b\n", "changed a\n  a command: \"/bin/a\" -> \"/bin/b\" line 3\n"},
		{"back to default", a + "startsecs=5\n", a, "changed a\n  a startsecs: \"5\" -> \"1\" line 0\n"},
		{"group's priority", a, a + "priority=5\n", "changed a\n   priority: \"999\" -> \"5\" line 4\n"},
		{"auto to file", a, a + "stdout_logfile=/tmp/x\n", "changed a\n  a stdout_logfile: \"AUTO\" -> \"/tmp/x\" line 4\n"},
		{"environment order", a + "environment=A=1,B=2\n", a + "environment=B=2,A=1\n", ""},
		{"environment", a, a + "environment=B=2\n", "changed a\n  a environment: \"\" -> \"B=2\" line 4\n"},
		{"global environment", a, "environment=X=1\n" + a, "changed a\n  a environment: \"\" -> \"X=1\" line 0\n"},
		{"user by number", a + "user=root\n", a + "user=0\n", ""},
		{"user", a, a + "user=root\n", "changed a\n  a user: \"\" -> \"root\" line 4\n"},
		{"more processes", many(2, ""), many(3, ""), "changed a\n   numprocs: \"2\" -> \"3\" line 5\n"},
		{"other numbers", many(2, ""), many(2, "numprocs_start=1\n"), "changed a\n   numprocs_start: \"0\" -> \"1\" line 6\n"},
		{"other name", a, a + "process_name=b\n", "changed a\n   process_name: \"a\" -> \"b\" line 4\n"},
		{"all processes", many(3, ""), many(3, "startsecs=7\n"), "changed a\n   startsecs: \"1\" -> \"7\" line 6\n"},
		{"each process", many(2, ""), many(2, "directory=/%(process_num)d\n"),
			"changed a\n  a:a0 directory: \"\" -> \"/0\" line 6\n  a:a1 directory: \"\" -> \"/1\" line 6\n"},
		{"member", "[group:g]\nprograms=a\n" + a, "[group:g]\nprograms=a,b\n" + a + "[program:b]\ncommand=b\n", "changed g\n   programs: \"a\" -> \"a,b\" line 3\n"},
		{"order of members", "[group:g]\nprograms=a,b\n" + a + "[program:b]\ncommand=b\n", "[group:g]\nprograms=b,a\n" + a + "[program:b]\ncommand=b\n",
			"changed g\n   programs: \"a,b\" -> \"b,a\" line 3\n"},
		{"priority in group", "[group:g]\nprograms=a\n" + a, "[group:g]\nprograms=a\n" + a + "priority=3\n", "changed g\n  g:a priority: \"999\" -> \"3\" line 6\n"},
		{"into a group", a, a + "[group:g]\nprograms=a\n", "added g\nremoved a\n"},
		{"other kind", a, "[eventlistener:a]\ncommand=/bin/a\nevents=TICK\n", "changed a\n   section: \"[program:a]\" -> \"[eventlistener:a]\" line 2\n   priority: \"999\" -> \"-1\" line 0\n"},
		{"events", listener("events=TICK,EVENT"), listener("events=EVENT,TICK"), ""},
		{"other events", listener("events=TICK"), listener("events=TICK_5"), "changed l\n   events: \"TICK\" -> \"TICK_5\" line 4\n"},
		{"buffer", listener("events=TICK"), listener("events=TICK\nbuffer_size=20"), "changed l\n   buffer_size: \"10\" -> \"20\" line 5\n"},
		{"handler", listener("events=TICK"), listener("events=TICK\nresult_handler=supervisor_stdout:event_handler"),
			"changed l\n   result_handler: \"supervisor.dispatchers:default_handler\" -> \"supervisor_stdout:event_handler\" line 5\n"},
		{"socket", fcgi("tcp://a:1"), fcgi("tcp://a:2"), "changed f\n  f socket: \"tcp://a:1\" -> \"tcp://a:2\" line 4\n"},
		{"socket mode", fcgi("unix:///tmp/x"), fcgi("unix:///tmp/x\nsocket_mode=0777"), ""},
		{"kind in group", "[group:g]\nprograms=f\n[program:f]\ncommand=/bin/f\n", "[group:g]\nprograms=f\n" + fcgi("tcp://a:1"),
			"changed g\n  g:f section: \"[program:f]\" -> \"[fcgi-program:f]\" line 4\n  g:f socket: \"\" -> \"tcp://a:1\" line 6\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			old, new := load(t, "x.conf", head+test.old), load(t, "x.conf", head+test.new)
			plan := Diff(old.Groups, new.Groups)
			if got := describe(plan); got != test.want {
				t.Errorf("got\n%swant\n%s", got, test.want)
			}
			if plan.Empty() != (test.want == "") {
				t.Errorf("Empty() = %v", plan.Empty())
			}
			if !Diff(new.Groups, new.Groups).Empty() {
				t.Error("a configuration differs from itself")
			}
		})
	}
	if got := describe(Diff(nil, load(t, "x.conf", head+a).Groups)); got != "added a\n" {
		t.Errorf("from nothing: %s", got)
	}
}

// TestDiffEveryOption changes each option that counts and looks for it among the reasons.
func TestDiffEveryOption(t *testing.T) {
	t.Parallel()
	for i := range options() {
		o := &options()[i]
		for j := range sectionKinds {
			k := &sectionKinds[j]
			if !o.diff || o.in&k.kind == 0 || k.kind == inListener && (o.name == "redirect_stderr" || o.name == "stdout_logfile_direct") {
				continue
			}
			t.Run(k.name+"/"+o.name, func(t *testing.T) {
				t.Parallel()
				changed := exampleSection(k, o)
				plain := exampleSection(k, o)
				plain.settings = slices.DeleteFunc(plain.settings, func(x setting) bool { return x.key == o.name })
				switch {
				case o.name == "command":
					plain.settings = append(plain.settings, setting{key: "command", value: "/bin/other"})
				case o.name == "events":
					plain.settings = append(plain.settings, setting{key: "events", value: "EVENT"})
				case o.name == "socket":
					plain.settings = append(plain.settings, setting{key: "socket", value: "tcp://localhost:1"})
				}
				old, new := load(t, "x.ini", asINI(plain)), load(t, "x.ini", asINI(changed))
				plan := Diff(old.Groups, new.Groups)
				if len(plan.Changed) != 1 {
					t.Fatalf("got %s", describe(plan))
				}
				at := slices.IndexFunc(plan.Changed[0].Reasons, func(r Reason) bool { return r.Key == o.name && r.Old != r.New && r.Pos.Line > 0 })
				if at < 0 {
					t.Errorf("got %s", describe(plan))
				}
			})
		}
	}
}

// TestDiffByHand compares groups that were not loaded, as other packages' tests make them.
func TestDiffByHand(t *testing.T) {
	t.Parallel()
	old := []*Group{{Name: "g", Processes: []*Process{{Name: "a", Group: "g"}, {Name: "b", Group: "g"}}}}
	new := []*Group{{Name: "g", Processes: []*Process{{Name: "a", Group: "g", Priority: 1}, {Name: "b", Group: "g", Priority: 2}}}}
	want := "changed g\n  g:a priority: \"0\" -> \"1\" line 0\n  g:b priority: \"0\" -> \"2\" line 0\n"
	if got := describe(Diff(old, new)); got != want {
		t.Errorf("got %s", got)
	}
}
