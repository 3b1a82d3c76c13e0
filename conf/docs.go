package conf

import (
	"fmt"
	"io"
	"strings"
)

// OptionsDoc writes docs/options.md.
func OptionsDoc(w io.Writer) error {
	var b strings.Builder
	b.WriteString(docsHead)
	types := map[*valueType]bool{}
	var order []*valueType
	for i := range options() {
		if t := options()[i].typ; !types[t] {
			types[t] = true
			order = append(order, t)
		}
	}
	for _, t := range order {
		fmt.Fprintf(&b, "| %s | %s | `%s` | `%s` |\n", t.name, cell(t.means), cell(t.example), cell(t.toml))
	}
	b.WriteString(docsExpansion)
	for i := range sectionKinds {
		k := &sectionKinds[i]
		name := "[" + k.name + "]"
		if k.named {
			name = "[" + k.name + ":x]"
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", name, k.doc)
		if k.kind&(inListener|inFCGI) != 0 {
			b.WriteString("All options of [program:x], and:\n\n")
		}
		b.WriteString("| option | type | default | expands | |\n|---|---|---|---|---|\n")
		for j := range options() {
			if o := &options()[j]; o.in&k.kind != 0 && (k.kind == inProgram || o.in&inProgram == 0) {
				fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", o.name, o.typ.name, o.docDefault(), o.docNames(), o.docText())
			}
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (o *option) docDefault() string {
	switch {
	case o.def != "":
		return "`" + cell(o.def) + "`"
	case o.absent != "":
		return "required"
	}
	return cell(o.unset)
}

func (o *option) docNames() string {
	switch o.use {
	case perProcess:
		return "process"
	case perSection | useNum:
		return "process, without its own environment"
	case perSection:
		return "section"
	}
	names := o.use.names()
	return strings.Join(names, ", ")
}

func (o *option) docText() string {
	text := cell(o.doc)
	if o.flags != "" {
		text += " Command line: `" + strings.ReplaceAll(o.flags, ", ", "`, `") + "`."
	}
	if o.twice {
		text += " Expanded twice, so a literal percent sign is `%%%%`."
	}
	return text
}

func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

const docsHead = `<!-- Generated from conf/options.go by go test ./conf -update; do not edit. -->

# Options

gosv reads Supervisor's INI files and TOML with the same sections and options. The extension
decides (` + "`.toml`" + `, or ` + "`.conf`" + ` and ` + "`.ini`" + `), unless the content is plainly the other one.

| | INI | TOML |
|---|---|---|
| section | ` + "`[program:web]`" + ` | ` + "`[program.web]`" + ` |
| a second server | ` + "`[unix_http_server:b]`" + ` | ` + "`[unix_http_server.b]`" + ` |
| unknown section or option | warning with a hint | error with a hint |
| ` + "`[supervisord]`" + ` | required | may be left out |
| ` + "`[supervisorctl]`" + ` | required for ctl | may be left out: ctl then talks to the file's first server |
| command | one line, split like a shell does | the same, or a list of words: ` + "`[\"/bin/echo\", \"a b\"]`" + ` |
| environment | ` + "`A=\"1\",B=\"2\"`" + ` | the same in a string, or a table: ` + "`{ A = \"1\", B = \"2\" }`" + ` |
| lists | ` + "`a,b`" + ` | ` + "`[\"a\", \"b\"]`" + ` |

` + "`gosv conf check`" + ` reports all faults of a file at once, ` + "`gosv conf show`" + ` prints the effective values and
where each comes from, ` + "`gosv conf convert`" + ` translates between the formats.

## Types

| type | must be | INI | TOML |
|---|---|---|---|
`

const docsExpansion = `
## Expansions

` + "`%(name)s`" + ` stands for a value; ` + "`%(process_num)02d`" + ` formats a number. TOML strings, also those in lists and tables, are
expanded in the same way, because process_name needs it. A literal percent sign is ` + "`%%`" + ` in both formats. A name that
is not known is an error.

| name | value |
|---|---|
| ` + "`ENV_X`" + ` | the variable X of gosv's environment; after [supervisord] also those of its ` + "`environment`" + `. Every option may use it. |
| ` + "`ENV_X:-text`" + ` | the same, and the text if X is not set or empty. ` + "`%(ENV_PORT:-8080)s`" + ` |
| ` + "`here`" + ` | the directory of the file in which the option is written. When there is an [include], every option may use it. |
| ` + "`host_node_name`" + ` | the name of the host |
| ` + "`program_name`" + ` | the name of the section |
| ` + "`group_name`" + ` | the group that the program is in |
| ` + "`process_num`" + `, ` + "`numprocs`" + ` | the number of the process, and how many there are |

TOML strings may also say ` + "`${X}`" + ` for ` + "`%(ENV_X)s`" + ` and ` + "`${X:-text}`" + ` for ` + "`%(ENV_X:-text)s`" + `; there a literal ` + "`${`" + ` is ` + "`$${`" + `. INI leaves a
` + "`${`" + ` alone, as Supervisor does.

The column "expands" says which names besides ` + "`ENV_X`" + ` an option may use. "section" is here, host_node_name, program_name
and group_name; "process" is these, process_num, numprocs, and ` + "`ENV_X`" + ` also of the section's own ` + "`environment`" + `.
`
