package conf

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// parseEnvFile reads the text of a file of variables, as env_file= names: lines NAME=value,
// with "export " before them or not, empty ones and those that begin with # left out. A
// value ends at the end of the line or at a # after a blank, and loses the blanks around it.
// Between single quotes everything is meant as it stands; between double quotes \n, \r, \t,
// \", \\ and \$ are what they are in C and in a shell; both may go over several lines. There
// is no shell: a $ is a $. A name that comes twice keeps its place and gets the later value.
// With an error comes its line, and never what the file says: a line out of place may be half a
// key.
func parseEnvFile(text string) (Env, int, error) {
	p := envFile{text: strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n"), line: 1}
	var env Env
	for {
		v, more, err := p.next()
		switch {
		case err != nil:
			return nil, p.line, err
		case !more:
			return env, 0, nil
		}
		env = env.with(v)
	}
}

// envFile walks over the text. line is that of the variable being read.
type envFile struct {
	text string
	line int
	skip int // lines that the last value went on for
}

// next is the next variable; more is false at the end.
func (p *envFile) next() (v Var, more bool, err error) {
	for {
		p.line += p.skip
		p.skip = 0
		if p.text == "" {
			return v, false, nil
		}
		if line, _, _ := strings.Cut(p.text, "\n"); blankOrRemark(line) {
			p.endLine()
			continue
		}
		break
	}
	line, _, _ := strings.Cut(p.text, "\n")
	name, _, found := strings.Cut(line, "=")
	if !found {
		return v, false, fmt.Errorf("there is no =")
	}
	begin := len(name) + 1
	name = strings.TrimSpace(name)
	if rest, exported := strings.CutPrefix(name, "export "); exported {
		name = strings.TrimSpace(rest)
	}
	if !isEnvName(name) {
		return v, false, fmt.Errorf("what is before the = cannot be the name of an environment variable")
	}
	p.text = strings.TrimLeft(p.text[begin:], " \t")
	value, err := p.value()
	if err != nil {
		return v, false, fmt.Errorf("%s: %w", name, err)
	}
	return Var{name, value}, true, nil
}

func blankOrRemark(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || line[0] == '#'
}

// value reads a value and the rest of its line.
func (p *envFile) value() (string, error) {
	if p.text == "" || p.text[0] != '\'' && p.text[0] != '"' {
		line := p.endLine()
		for i := range line {
			if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
				line = line[:i]
				break
			}
		}
		return checkEnvValue(strings.TrimSpace(line))
	}
	mark := p.text[0]
	var b strings.Builder
	for i := 1; i < len(p.text); i++ {
		c := p.text[i]
		switch {
		case c == mark:
			p.text = p.text[i+1:]
			if !blankOrRemark(p.endLine()) {
				return "", fmt.Errorf("there is more after the closing quote")
			}
			return checkEnvValue(b.String())
		case c == '\\' && mark == '"' && i+1 < len(p.text):
			i++
			if e := strings.IndexByte(`nrt"\$`, p.text[i]); e >= 0 {
				b.WriteByte("\n\r\t\"\\$"[e])
			} else {
				b.WriteByte('\\')
				i--
			}
		default:
			if c == '\n' {
				p.skip++
			}
			b.WriteByte(c)
		}
	}
	return "", fmt.Errorf("the closing quote is missing")
}

// endLine takes the rest of the line.
func (p *envFile) endLine() string {
	line, rest, _ := strings.Cut(p.text, "\n")
	p.text = rest
	p.skip++
	return line
}

func checkEnvValue(s string) (string, error) {
	if strings.Contains(s, "\x00") {
		return "", fmt.Errorf("the value of an environment variable cannot hold a NUL")
	}
	return s, nil
}

func isEnvName(s string) bool {
	return s != "" && !strings.ContainsAny(s, " \t=\x00'\"")
}

// envFiles reads the files that the section's env_file= names, the later ones over the
// earlier. Names are relative to the directory of the configuration's file; one after a -
// may be absent.
func (r *reading) envFiles(names []string) Env {
	var env Env
	x := r.get("env_file")
	for _, name := range names {
		name, optional := strings.CutPrefix(name, "-")
		if name = strings.TrimSpace(name); name == "" {
			r.refuse("env_file", "the name of a file is missing", "", "")
			continue
		}
		name = r.relative(name, x.pos)
		text, err := readFile(name)
		switch {
		case os.IsNotExist(err) && optional:
			continue
		case os.IsNotExist(err):
			r.refuse("env_file", "there is no file "+name, "write -"+name+" if it may be absent", "")
			continue
		case err != nil:
			r.refuse("env_file", "cannot read "+name+": "+reason(err), "", "")
			continue
		}
		more, line, err := parseEnvFile(string(text))
		if err != nil {
			r.bad = true
			r.fail(&Error{Pos: Pos{File: name, Line: line}, Section: r.s.name, Key: "env_file", Msg: err.Error(), Compat: err.Error(),
				Hint: "write NAME=value, with quotes around a value that has quotes or more than one line"})
		}
		env = env.Merge(more)
	}
	return env
}

// relative is a path that is relative to the directory of the file where it is written.
func (r *reading) relative(path string, at Pos) string {
	path = expandUser(path)
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(r.here[at.File], path)
}

// Env is the whole environment that the configuration gives the process, secrets excepted.
func (p *Process) Env() Env {
	if len(p.FileEnv) == 0 {
		return p.Environment
	}
	return p.Environment.Merge(p.FileEnv)
}

// without is e without the variables that other has.
func (e Env) without(other Env) Env {
	if len(e) == 0 || len(other) == 0 {
		return e
	}
	names := make(map[string]bool, len(other))
	for _, v := range other {
		names[v.Name] = true
	}
	var rest Env
	for _, v := range e {
		if !names[v.Name] {
			rest = append(rest, v)
		}
	}
	return rest
}

// fileEnvReason is why two environments from files differ, by names: values may be secret.
func fileEnvReason(old, new Env) (before, after string) {
	var gone, fresh []string
	was := make(map[string]string, len(old))
	for _, v := range old {
		was[v.Name] = v.Value
	}
	is := make(map[string]bool, len(new))
	for _, v := range new {
		is[v.Name] = true
		if value, ok := was[v.Name]; !ok || value != v.Value {
			fresh = append(fresh, v.Name+"=***")
		}
	}
	for _, v := range old {
		if !is[v.Name] {
			gone = append(gone, v.Name+"=***")
		}
	}
	return strings.Join(gone, ","), strings.Join(fresh, ",")
}
