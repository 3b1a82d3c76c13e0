package daemon

import (
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"

	"gosv/proc"
)

func TestInitFlags(t *testing.T) {
	t.Parallel()
	type signals = map[syscall.Signal]syscall.Signal
	for _, row := range []struct {
		args string
		want proc.Init
		err  string
	}{
		{"-- a -b", proc.Init{Argv: []string{"a", "-b"}}, ""},
		{"a -g", proc.Init{Argv: []string{"a", "-g"}}, ""},
		{"-gsw -vv a", proc.Init{Argv: []string{"a"}, Group: true, Subreaper: true, WarnReaped: true}, ""},
		{"--setsid a", proc.Init{Argv: []string{"a"}, Group: true, Session: true}, ""},
		{"--setsid -c a", proc.Init{Argv: []string{"a"}}, ""},
		{"-r 15:3 --rewrite=HUP=0,SIGUSR1=RTMIN+1 a", proc.Init{Argv: []string{"a"}, Rewrite: signals{15: 3, 1: 0, 10: 35}}, ""},
		{"-e 143 -e 0 --remap-exit 3=4,5:6 a", proc.Init{Argv: []string{"a"}, Remap: map[int]int{143: 0, 0: 0, 3: 4, 5: 6}}, ""},
		{"-p SIGKILL a", proc.Init{Argv: []string{"a"}, ParentDeath: 9}, ""},
		{"", proc.Init{}, "no command"},
		{"-g --", proc.Init{}, "no command"},
		{"-r 15 a", proc.Init{}, "bad --rewrite"},
		{"-r 0:15 a", proc.Init{}, "bad --rewrite"},
		{"-r 15:65 a", proc.Init{}, "bad --rewrite"},
		{"-r KILL:TERM a", proc.Init{}, "nobody is told of KILL"},
		{"-e 256 a", proc.Init{}, "bad exit status"},
		{"-e -1 a", proc.Init{}, "bad exit status"},
		{"--remap-exit 1 a", proc.Init{}, "bad exit status"},
		{"-p 0 a", proc.Init{}, "bad --parent-death"},
		{"--nope a", proc.Init{}, "not recognized"},
		{"-h", proc.Init{}, "help"},
	} {
		f := &initFlags{}
		err := f.parse(initDialect{name: "gosv init"}, strings.Fields(row.args))
		if err != nil || row.err != "" {
			if err == nil || !strings.Contains(err.Error(), row.err) || row.err == "" {
				t.Errorf("%q: error %v, want %q", row.args, err, row.err)
			}
			continue
		}
		got, want := f.Init, row.want
		if !slices.Equal(got.Argv, want.Argv) || got.Group != want.Group || got.Session != want.Session || got.Subreaper != want.Subreaper ||
			got.WarnReaped != want.WarnReaped || got.ParentDeath != want.ParentDeath || !maps.Equal(got.Rewrite, want.Rewrite) || !maps.Equal(got.Remap, want.Remap) {
			t.Errorf("%q = %+v, want %+v", row.args, got, want)
		}
	}
}

func FuzzInitFlags(f *testing.F) {
	for _, s := range []string{"-r 15:3 x", "--remap-exit 143=0 -- x -y", "-gvvve1 x", "-p RTMAX-3 x", "--rewrite TERM=QUIT,HUP=0 x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		flags := &initFlags{}
		if flags.parse(initDialect{}, strings.Fields(line)) == nil && len(flags.Argv) == 0 {
			t.Errorf("%q has no command and no error", line)
		}
		for a, b := range flags.Rewrite {
			if a < 1 || a > 64 || b < 0 || b > 64 {
				t.Errorf("%q rewrites %d to %d", line, a, b)
			}
		}
	})
}
