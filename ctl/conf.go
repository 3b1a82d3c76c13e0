package ctl

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"gosv/conf"
)

// ConfMain is gosv conf: everything about configurations that needs no daemon. It returns
// the exit code: 0, 1 for a faulty configuration, 2 for a wrong command line.
func ConfMain(args []string) int { return confRun(os.Stdout, os.Stderr, args) }

// EchoConf is echo_supervisord_conf: the sample configuration, whatever the arguments.
func EchoConf([]string) int {
	if err := conf.Sample(os.Stdout, "ini"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitGeneric
	}
	return exitOK
}

// errFaulty is a configuration with faults, which have been printed.
var errFaulty = errors.New("the configuration has faults")

func confRun(out, errOut io.Writer, args []string) int {
	err := confDo(out, errOut, args)
	var faults conf.Errors
	switch {
	case err == nil:
		return exitOK
	case err == errFaulty:
		return exitGeneric
	case errors.As(err, &faults):
		fmt.Fprintln(errOut, err)
		return exitGeneric
	}
	fmt.Fprintf(errOut, "gosv conf: %v\n", err)
	return exitUsage
}

// confDo reads the command line and does what it says.
func confDo(out, errOut io.Writer, args []string) error {
	command := confCommand(out, errOut)
	c, err := command.Parse(flagsFirst(args))
	switch {
	case err == conf.ErrHelp:
		command.Help(out)
		return nil
	case err != nil:
		return err
	case c.NArg() == 0:
		return errors.New("a command is missing: check, show, convert, sample, schema or options")
	}
	for _, sub := range command.Commands {
		if sub.Name != command.Name+" "+c.Args().First() {
			continue
		}
		c, err := sub.Parse(c.Args().Tail())
		switch {
		case err == conf.ErrHelp:
			sub.Help(out)
			return nil
		case err != nil:
			return err
		}
		return sub.Run(c)
	}
	return fmt.Errorf("there is no command %q (check, show, convert, sample, schema, options)", c.Args().First())
}

func confCommand(out, errOut io.Writer) *conf.CommandLine {
	return &conf.CommandLine{
		Name: "gosv conf", Usage: "check, show and convert configurations", Line: "COMMAND [options]",
		Commands: []*conf.CommandLine{
			{
				Name: "gosv conf check", Usage: "say everything that is wrong with FILE", Line: "[options] FILE",
				Flags: []cli.Flag{
					&cli.BoolFlag{Name: "json", Usage: "print one JSON object"},
					&cli.BoolFlag{Name: "strict", Usage: "a program that would not start is an error too"},
					&cli.BoolFlag{Name: "container", Usage: "FILE is for process 1 of a container: warn if stopping everything may not fit into its 25 seconds"},
				},
				Run: func(c *cli.Context) error { return confCheck(c, out, errOut) },
			},
			{
				Name: "gosv conf show", Usage: "print every value in force, and where it comes from", Line: "FILE [SECTION]",
				Run: func(c *cli.Context) error {
					cfg, err := loadFirst(c, 2)
					if err != nil {
						return err
					}
					return buffered(out, func(w io.Writer) error { return conf.Show(w, cfg, c.Args().Get(1)) })
				},
			},
			{
				Name: "gosv conf convert", Usage: "print FILE in the other format", Line: "[options] FILE",
				Flags: []cli.Flag{&cli.StringFlag{Name: "to", Usage: "ini or toml (the other one than FILE's if not given)"}},
				Run: func(c *cli.Context) error {
					if c.NArg() != 1 {
						return errOneFile
					}
					return buffered(out, func(w io.Writer) error { return confConvert(w, c.Args().First(), c.String("to")) })
				},
			},
			{
				Name: "gosv conf sample", Usage: "print a configuration with every option and its default", Line: "[options]",
				Flags: []cli.Flag{&cli.StringFlag{Name: "format", Value: "ini", Usage: "ini or toml"}},
				Run: func(c *cli.Context) error {
					return buffered(out, func(w io.Writer) error { return conf.Sample(w, c.String("format")) })
				},
			},
			{
				Name: "gosv conf schema", Usage: "print the JSON Schema of the TOML format",
				Run: func(*cli.Context) error { return buffered(out, conf.Schema) },
			},
			{
				Name: "gosv conf options", Usage: "print the reference of all options",
				Run: func(*cli.Context) error { return buffered(out, conf.OptionsDoc) },
			},
		},
	}
}

// flagsFirst moves the flags before the file names, behind which cli looks for none.
func flagsFirst(args []string) []string {
	var flags, rest []string
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case a == "--":
			return args
		case i == 0 || !strings.HasPrefix(a, "-"):
			rest = append(rest, a)
		case strings.TrimLeft(a, "-") == "to" || strings.TrimLeft(a, "-") == "format":
			flags = append(flags, args[i:min(i+2, len(args))]...)
			i++
		default:
			flags = append(flags, a)
		}
	}
	if len(rest) == 0 {
		return flags
	}
	return append(append(rest[:1:1], flags...), rest[1:]...) // the command's own flags
}

// confConvert is conf.Convert to the other format when to is empty.
func confConvert(w io.Writer, file, to string) error {
	if to != "" {
		return conf.Convert(w, file, to)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return conf.Convert(w, file, "toml") // which knows how to say it
	}
	var b bytes.Buffer
	if err := conf.Convert(&b, file, "toml"); err != nil {
		return err
	}
	if bytes.Equal(b.Bytes(), text) { // it is TOML already
		return conf.Convert(w, file, "ini")
	}
	_, err = w.Write(b.Bytes())
	return err
}

var errOneFile = errors.New("one file is wanted")

// loadFirst loads the file that the first of at most max arguments names.
func loadFirst(c *cli.Context, max int) (*conf.Config, error) {
	if c.NArg() < 1 || c.NArg() > max {
		return nil, errOneFile
	}
	return conf.Load(c.Args().First(), conf.Options{Environ: os.Environ()})
}

// buffered prints nothing when print fails half-way.
func buffered(out io.Writer, print func(io.Writer) error) error {
	var b bytes.Buffer
	if err := print(&b); err != nil {
		return err
	}
	_, err := out.Write(b.Bytes())
	return err
}

// checked is what conf check --json prints.
type checked struct {
	Gosv     int            `json:"gosv"`
	Command  string         `json:"command"`
	Exit     int            `json:"exit"`
	Errors   []confFault    `json:"errors"`
	Warnings []confFault    `json:"warnings"`
	Notes    []confFault    `json:"notes,omitempty"`  // true elsewhere than here, perhaps
	Result   map[string]int `json:"result,omitempty"` // groups and processes
}

// confFault is one fault or remark; File and Line are left out where there is no place.
type confFault struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Section string `json:"section,omitempty"`
	Key     string `json:"key,omitempty"`
	Msg     string `json:"msg"`
	Hint    string `json:"hint,omitempty"`

	text string // as a person reads it
}

// confFaults is list as --json shows it, never nil.
func confFaults(list conf.Errors) []confFault {
	out := make([]confFault, len(list))
	for i, e := range list {
		out[i] = confFault{e.Pos.File, e.Pos.Line, e.Section, e.Key, e.Msg, e.Hint, e.Error()}
	}
	return out
}

// several is n things.
func several(n int, one, more string) string {
	if n == 1 {
		more = one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// confCheck loads a file and looks whether what it names is there. Errors are what the
// daemon refuses; that a program would not start is a warning, for the others would.
func confCheck(c *cli.Context, out, errOut io.Writer) error {
	if c.NArg() != 1 {
		return errOneFile
	}
	cfg, notices, faults := conf.Inspect(c.Args().First(), conf.Options{Environ: os.Environ()})
	var warnings, notes []confFault
	for _, n := range notices {
		if n.Level != "INFO" {
			warnings = append(warnings, confFault{Msg: n.Text, text: n.Text})
		}
	}
	processes := 0
	if cfg != nil {
		if unfit := conf.Check(cfg); c.Bool("strict") {
			faults = unfit
		} else {
			warnings = append(warnings, confFaults(unfit)...)
		}
		if e := conf.ContainerFits(cfg); e != nil && (c.Bool("container") || os.Getpid() == 1) {
			warnings = append(warnings, confFaults(conf.Errors{e})...)
		} else if e := conf.LateStop(cfg); e != nil {
			notes = confFaults(conf.Errors{e})
		}
		for _, g := range cfg.Groups {
			processes += len(g.Processes)
		}
	}
	exit := exitOK
	if len(faults) > 0 {
		exit = exitGeneric
	}
	if c.Bool("json") {
		r := checked{Gosv: jsonVersion, Command: "check", Exit: exit, Errors: confFaults(faults), Warnings: warnings, Notes: notes}
		if warnings == nil {
			r.Warnings = []confFault{}
		}
		if cfg != nil {
			r.Result = map[string]int{"groups": len(cfg.Groups), "processes": processes}
		}
		e := json.NewEncoder(out)
		e.SetEscapeHTML(false)
		if err := e.Encode(r); err != nil {
			return err
		}
	} else {
		for _, w := range warnings {
			fmt.Fprintf(errOut, "warning: %s\n", escapeLines(w.text))
		}
		for _, n := range notes {
			fmt.Fprintf(errOut, "note: %s\n", escapeLines(n.text))
		}
		for _, e := range faults {
			fmt.Fprintln(errOut, escapeLines(e.Error()))
		}
		if exit == exitOK {
			fmt.Fprintf(out, "%s: no faults (%s, %s)\n", escapeLines(c.Args().First()), several(len(cfg.Groups), "group", "groups"), several(processes, "process", "processes"))
		}
	}
	if exit != exitOK {
		return errFaulty
	}
	return nil
}
