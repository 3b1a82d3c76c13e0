package conf

import (
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestCommandLine(t *testing.T) {
	t.Parallel()
	c := &CommandLine{Name: "x", Usage: "does it", Line: "[options] FILE", Version: "1", Flags: []cli.Flag{
		&cli.StringFlag{Name: "name", Aliases: []string{"n"}, Value: "none", Usage: "its `NAME`"},
		&cli.BoolFlag{Name: "quick", Aliases: []string{"q"}, Usage: "do it fast"},
	}}
	for _, test := range []struct{ args, want string }{
		{"", "none false false []"},
		{"-n a -q f", "a true true [f]"},
		{"--name=a f -q", "a true false [f -q]"},
		{"-q=false -- -n", "none false false [-n]"},
		{"-n a --name b", "two forms of the same flag"},
		{"-n", "flag needs an argument: -n"},
		{"--nam", "flag provided but not defined: -nam"},
		{"-h", ErrHelp.Error()},
		{"--help", ErrHelp.Error()},
		{"-v", ErrVersion.Error()},
	} {
		ctx, err := c.Parse(strings.Fields(test.args))
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = strings.Join([]string{ctx.String("name"), word(ctx.IsSet("name")), word(ctx.Bool("quick")),
				"[" + strings.Join(ctx.Args().Slice(), " ") + "]"}, " ")
		}
		if !strings.Contains(got, test.want) {
			t.Errorf("%q: %s, want %s", test.args, got, test.want)
		}
	}
	var b strings.Builder
	c.Help(&b)
	want := `NAME:
   x - does it

USAGE:
   x [options] FILE

VERSION:
   1

OPTIONS:
   --name NAME, -n NAME  its NAME (default: "none")
   --quick, -q           do it fast
   --help, -h            show help
   --version, -v         print the version
`
	if b.String() != want {
		t.Errorf("help:\n%s\nwant:\n%s", b.String(), want)
	}
}

func word(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
