package conf

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

// CommandLine is a command line in gosv's own manner: the flags are those of urfave/cli. What
// its App would do with them is done here, for its help is a template: text/template looks
// up methods by name, for which the linker keeps every method of every type (2 MB).
type CommandLine struct {
	Name, Usage string
	Line        string // of the usage, after the name
	More        string // a paragraph after that; "" for none
	Version     string // "": there is no --version
	Flags       []cli.Flag
	Commands    []*CommandLine
	Run         func(*cli.Context) error // of one of Commands
}

// ErrHelp and ErrVersion are what a command line may ask for instead.
var (
	ErrHelp    = flag.ErrHelp
	ErrVersion = errors.New("flag: version requested")
)

// Parse reads the flags before the first word that is none. The context answers to the
// flags' first names, and has the words.
func (c *CommandLine) Parse(args []string) (*cli.Context, error) {
	set := flag.NewFlagSet(c.Name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	flags := c.flags()
	for _, f := range flags {
		if err := f.Apply(set); err != nil {
			return nil, err
		}
	}
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	given := map[string]string{}
	set.Visit(func(f *flag.Flag) { given[f.Name] = f.Value.String() })
	for _, f := range flags {
		names := f.Names()
		typed := ""
		for _, name := range names {
			value, ok := given[name]
			switch {
			case !ok:
				continue
			case typed != "":
				return nil, fmt.Errorf("%s and %s are two forms of the same flag", dashed(typed), dashed(name))
			case name != names[0]:
				if err := set.Set(names[0], value); err != nil {
					return nil, err
				}
			}
			typed = name
		}
	}
	ctx := cli.NewContext(nil, set, nil)
	switch {
	case !c.has("help") && ctx.Bool("help"):
		return nil, ErrHelp
	case c.Version != "" && ctx.Bool("version"):
		return nil, ErrVersion
	}
	return ctx, nil
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

func (c *CommandLine) has(name string) bool {
	for _, f := range c.Flags {
		if f.Names()[0] == name {
			return true
		}
	}
	return false
}

// flags are the command's own, and those that each has.
func (c *CommandLine) flags() []cli.Flag {
	list := c.Flags[:len(c.Flags):len(c.Flags)]
	if !c.has("help") {
		list = append(list, &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show help", DisableDefaultText: true})
	}
	if c.Version != "" {
		list = append(list, &cli.BoolFlag{Name: "version", Aliases: []string{"v"}, Usage: "print the version", DisableDefaultText: true})
	}
	return list
}

// Help prints what the command is for and its flags.
func (c *CommandLine) Help(w io.Writer) {
	var b strings.Builder
	fmt.Fprintf(&b, "NAME:\n   %s - %s\n\nUSAGE:\n   %s\n", c.Name, c.Usage, strings.TrimSpace(c.Name+" "+c.Line))
	if c.More != "" {
		fmt.Fprintf(&b, "\n   %s\n", c.More)
	}
	if c.Version != "" {
		fmt.Fprintf(&b, "\nVERSION:\n   %s\n", c.Version)
	}
	if len(c.Commands) > 0 {
		b.WriteString("\nCOMMANDS:\n")
		var rows [][2]string
		for _, sub := range c.Commands {
			rows = append(rows, [2]string{sub.Name[strings.LastIndex(sub.Name, " ")+1:], sub.Usage})
		}
		columns(&b, rows)
	}
	b.WriteString("\nOPTIONS:\n")
	var rows [][2]string
	for _, f := range c.flags() {
		left, right, _ := strings.Cut(f.String(), "\t")
		right = strings.TrimSuffix(right, " (default: false)") // a flag is off until it is given
		rows = append(rows, [2]string{left, right})
	}
	columns(&b, rows)
	io.WriteString(w, b.String())
}

func columns(b *strings.Builder, rows [][2]string) {
	wide := 0
	for _, r := range rows {
		wide = max(wide, len(r[0]))
	}
	for _, r := range rows {
		fmt.Fprintf(b, "   %-*s  %s\n", wide, r[0], r[1])
	}
}
