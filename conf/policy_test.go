package conf

import (
	"strings"
	"testing"
	"time"
)

func TestExitOn(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		want ExitOn
		bad  bool
	}{
		{"never", ExitOn{}, false},
		{"FATAL", ExitOn{When: ExitFatal}, false},
		{"failure", ExitOn{When: ExitFailure}, false},
		{" any ", ExitOn{When: ExitAny}, false},
		{"all", ExitOn{When: ExitAll}, false},
		{"main=web", ExitOn{When: ExitMain, Main: "web"}, false},
		{"main = g:web", ExitOn{When: ExitMain, Main: "g:web"}, false},
		{"main", ExitOn{}, true},
		{"main=", ExitOn{}, true},
		{"fatal=web", ExitOn{}, true},
		{"", ExitOn{}, true},
		{"sometimes", ExitOn{}, true},
	} {
		var got ExitOn
		err := got.Set(test.text)
		if (err != nil) != test.bad || got != test.want {
			t.Errorf("Set(%q) = %+v, %v, want %+v, error %v", test.text, got, err, test.want, test.bad)
		}
		var again ExitOn
		if err := again.Set(got.String()); err != nil || again != got {
			t.Errorf("Set(%q), which String wrote, = %+v, %v", got.String(), again, err)
		}
	}
}

func FuzzExitOn(f *testing.F) {
	for _, s := range []string{"never", "main=web", "main=a=b", "main= ", "ALL", "=", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var x, y ExitOn
		if x.Set(s) == nil && (y.Set(x.String()) != nil || x != y) {
			t.Errorf("Set(%q) = %+v, read back %+v", s, x, y)
		}
	})
}

func TestRestarts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		value any
		want  Restarts
		bad   bool
	}{
		{"unlimited", Restarts{}, false},
		{"0", Restarts{Limited: true}, false},
		{"5", Restarts{true, 5}, false},
		{int64(5), Restarts{true, 5}, false},
		{"-1", Restarts{}, true},
		{"many", Restarts{}, true},
	} {
		var got Restarts
		if err := got.Set(test.value); (err != nil) != test.bad || got != test.want {
			t.Errorf("Set(%v) = %+v, %v, want %+v, error %v", test.value, got, err, test.want, test.bad)
		}
	}
}

// A program has [supervisord]'s budget unless it has its own.
func TestRestartBudgetInherited(t *testing.T) {
	t.Parallel()
	c := load(t, "x.ini", `[supervisord]
max_restarts = 4
[program:a]
command = /bin/cat
[program:b]
command = /bin/cat
max_restarts = 0
restart_window = 5
[program:c]
command = /bin/cat
max_restarts = unlimited
[eventlistener:l]
command = /bin/cat
events = TICK_5
`)
	want := map[string]struct {
		most   Restarts
		window time.Duration
	}{
		"a": {Restarts{true, 4}, time.Minute}, "b": {Restarts{true, 0}, 5 * time.Second},
		"c": {Restarts{}, time.Minute}, "l": {Restarts{true, 4}, time.Minute},
	}
	for _, g := range c.Groups {
		p, w := g.Processes[0], want[g.Name]
		if p.MaxRestarts != w.most || time.Duration(p.RestartWindow) != w.window {
			t.Errorf("%s: %v within %v, want %v within %v", p.Name, p.MaxRestarts, p.RestartWindow, w.most, w.window)
		}
	}
	old := load(t, "y.ini", "[supervisord]\nmax_restarts=4\n[program:a]\ncommand=/bin/cat\n")
	now := load(t, "z.ini", "[supervisord]\nmax_restarts=5\n[program:a]\ncommand=/bin/cat\n")
	plan := Diff(old.Groups, now.Groups)
	if len(plan.Changed) != 1 || plan.Changed[0].Reasons[0].Key != "max_restarts" || !plan.Changed[0].Reasons[0].Live {
		t.Errorf("plan %+v, want a live change of max_restarts", plan)
	}
}

func TestPolicyFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, text, fault, warning string }{
		{"main missing", "[supervisord]\nexit_on=main=webb\n[program:web]\ncommand=/bin/cat\n",
			`x.ini:2: [supervisord] exit_on: there is no program "webb" (did you mean web?)`, ""},
		{"main in a group", "[supervisord]\nexit_on=main=g:web\n[program:web]\ncommand=/bin/cat\n[group:g]\nprograms=web\n", "", ""},
		{"main by program", "[supervisord]\nexit_on=main=web\n[program:web]\ncommand=/bin/cat\n[group:g]\nprograms=web\n", "", ""},
		{"word", "[supervisord]\nexit_on=failures\n", `x.ini:2: [supervisord] exit_on: must be never, fatal, failure, any, all or main=NAME, not "failures" (did you mean failure?)`, ""},
		{"drain", "[supervisord]\ndrain_secs=-1\n", "x.ini:2: [supervisord] drain_secs: must not be negative, not -1", ""},
		{"timeout", "[supervisord]\nshutdown_timeout=-3\n", "x.ini:2: [supervisord] shutdown_timeout: must not be negative, not -3", ""},
		{"window", "[supervisord]\nrestart_window=0\n", "x.ini:2: [supervisord] restart_window: must be more than 0 seconds, not 0", ""},
		{"own window", "[supervisord]\n[program:a]\ncommand=/bin/cat\nrestart_window=-1\n", "x.ini:4: [program:a] restart_window: must be more than 0 seconds, not -1", ""},
		{"fits", "[supervisord]\nshutdown_timeout=20\n[program:a]\ncommand=/bin/cat\n[program:b]\ncommand=/bin/cat\n", "", ""},
		{"does not fit", "[supervisord]\nshutdown_timeout=20\ndrain_secs=1\n[program:a]\ncommand=/bin/cat\npriority=1\n[program:b]\ncommand=/bin/cat\n", "",
			"x.ini:2: [supervisord] shutdown_timeout: stopping everything may take 21 seconds"},
		{"together by priority", "[supervisord]\nshutdown_timeout=15\n[program:a]\ncommand=/bin/cat\n[program:b]\ncommand=/bin/cat\nstopwaitsecs=15\n", "", ""},
		{"together in a group", "[supervisord]\nshutdown_timeout=15\n[program:a]\ncommand=/bin/cat\n[program:b]\ncommand=/bin/cat\nstopwaitsecs=15\n[group:g]\nprograms=a,b\n", "", ""},
		{"no limit", "[supervisord]\nshutdown_timeout=0\n[program:a]\ncommand=/bin/cat\nstopwaitsecs=1000\n", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, notices, errs := Inspect(write(t, "x.ini", test.text), Options{})
			got := ""
			if len(errs) > 0 {
				got = errs.Error()
			}
			if !strings.HasSuffix(got, test.fault) || test.fault == "" && got != "" {
				t.Errorf("fault %q, want %q", got, test.fault)
			}
			found := test.warning == ""
			for _, n := range notices {
				if test.warning != "" && strings.Contains(n.Text, test.warning) {
					found = true
				} else if n.Level == "WARN" {
					t.Errorf("notice %q", n.Text)
				}
			}
			if !found {
				t.Errorf("no warning %q in %v", test.warning, notices)
			}
		})
	}
}
