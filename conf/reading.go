package conf

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// reading is one section on its way into values. It turns every fault into an Error.
type reading struct {
	*loader
	s      *section
	kind   kinds
	v      *values
	names  names
	suffix string             // what Supervisor's program reader appends to its errors
	plain  func(*option) bool // options of which Supervisor's errors lack the suffix
	bad    bool               // something was refused
}

func (l *loader) reading(s *section, v *values) *reading {
	k, _ := sectionKindOf(s.name)
	v.users = l.users
	return &reading{loader: l, s: s, kind: k.kind, v: v, names: names{host: l.host, env: l.env}}
}

// option finds a row of the table; its index is for Origin.
func (l *loader) option(kind kinds, key string) (*option, int) {
	index := l.index[kind]
	if index == nil {
		index = map[string]int{}
		for i := range options() {
			if options()[i].in&kind != 0 {
				index[options()[i].name] = i
			}
		}
		l.index[kind] = index
	}
	if i, ok := index[key]; ok {
		return &options()[i], i
	}
	return nil, 0
}

// settings are those of the section and, of [DEFAULT], those that it does not have itself.
func (r *reading) settings() []setting {
	if len(r.defaults) == 0 {
		return r.s.settings
	}
	list := slices.Clone(r.s.settings)
	for _, d := range r.defaults {
		if o, _ := r.option(r.kind, d.key); o != nil && r.s.setting(d.key) == nil {
			list = append(list, d)
		}
	}
	return list
}

func (r *reading) get(key string) *setting {
	if x := r.s.setting(key); x != nil {
		return x
	}
	for i := range r.defaults {
		if r.defaults[i].key == key {
			return &r.defaults[i]
		}
	}
	return nil
}

func (r *reading) has(key string) bool { return r.get(key) != nil }

// all sets every option that the section has, except those that skip names, and
// complains about those that the table does not have.
func (r *reading) all(skip func(*option) bool) {
	for _, x := range r.settings() {
		o, _ := r.option(r.kind, x.key)
		switch {
		case o == nil:
			r.unknown(x)
		case skip == nil || !skip(o):
			r.set(o, x)
		}
	}
}

// first sets one option before all others.
func (r *reading) first(key string) {
	if x := r.get(key); x != nil {
		o, _ := r.option(r.kind, key)
		r.set(o, *x)
	}
}

// set expands one value and sets its option; false means that it was refused.
func (r *reading) set(o *option, x setting) bool {
	value, ok := r.expand(o, x)
	return ok && r.assign(o, x, value)
}

func (r *reading) expand(o *option, x setting) (any, bool) {
	r.names.use = o.use
	if r.plain != nil && r.plain(o) && o.use&useGroup != 0 { // the group's reader knows less
		r.names.use &= useHere
	}
	r.names.here = r.here[x.pos.File]
	if r.textual {
		if text, ok := x.value.(string); ok && !r.toml[x.pos.File] && !strings.Contains(r.names.here, "%") {
			x.value = strings.ReplaceAll(text, "%(here)s", r.names.here) // as Supervisor does it
		} else {
			r.names.use |= useHere
		}
	}
	where := r.s.name + "." + o.name
	if o.bare {
		where = o.name
	}
	value, err := expandAny(x.value, r.toml[x.pos.File], r.names.lookup)
	if err == nil && o.twice {
		where = o.name
		value, err = expandAny(value, false, r.names.lookup)
	}
	if err != nil {
		r.unexpandable(o, x, value, where, err)
		return nil, false
	}
	return value, true
}

// assign sets the option to an expanded value.
func (r *reading) assign(o *option, x setting, value any) bool {
	err := o.set(r.v, value)
	if err == nil {
		return true
	}
	e := &Error{Pos: x.pos, Compat: err.Error()}
	e.Msg, e.Hint = o.explain(value, err)
	if o.fail != "" {
		e.Compat = fmt.Sprintf(o.fail, written(value))
	}
	r.fault(o, e)
	return false
}

// fault reports an error of an option.
func (r *reading) fault(o *option, e *Error) {
	r.bad = true
	e.Section, e.Key = r.s.name, o.name
	if e.Compat == "" {
		e.Compat = e.Msg
	}
	if r.plain == nil || !r.plain(o) {
		e.Compat += r.suffix
	}
	r.fail(e)
}

// refuse reports an error of the section with Supervisor's text.
func (r *reading) refuse(key, msg, hint, compat string) {
	e := &Error{Pos: r.s.pos, Section: r.s.name, Key: key, Msg: msg, Hint: hint, Compat: compat}
	if x := r.get(key); x != nil {
		e.Pos = x.pos
	}
	r.bad = true
	r.fail(e)
}

// required reports a required option that is missing.
func (r *reading) required(key string) {
	o, _ := r.option(r.kind, key)
	if r.has(key) || r.broken { // a line that could not be read may have been it
		return
	}
	example := o.sample
	if example == "" {
		example = o.typ.example
	}
	compat := o.absent
	if strings.Contains(compat, "%s") {
		compat = fmt.Sprintf(compat, r.s.name)
	}
	r.refuse("", key+"= is missing", "add for example "+key+"="+example, compat+r.suffix)
	r.noticed(key)
}

// noticed says that Supervisor notices the last fault when it reads key.
func (r *reading) noticed(key string) {
	if n := len(r.errs); n > 0 && r.errs[n-1].Section == r.s.name {
		r.errs[n-1].as = key
	}
}

// unknown reports an option that the table does not have: INI goes on, as Supervisor does.
func (r *reading) unknown(x setting) {
	if r.isFree() {
		return
	}
	e := &Error{Pos: x.pos, Section: r.s.name, Key: x.key, Msg: "unknown option"}
	if s := r.meant(x.key); s != "" {
		e.Hint = s
	} else if k := elsewhere(x.key, r.kind); k != "" {
		e.Hint = "it belongs into [" + k + "]"
	}
	if r.toml[x.pos.File] {
		r.bad = true
		r.fail(e)
		return
	}
	e.Msg += ", ignored"
	r.warn(e)
}

func (r *reading) isFree() bool {
	k, _ := sectionKindOf(r.s.name)
	return k.free
}

// origin is where the section and its options are written.
func (r *reading) origin() *Origin {
	list := r.settings()
	o := &Origin{Section: r.s.name, pos: r.s.pos, files: r.files, places: make([]place, 0, len(list))}
	for _, x := range list {
		if _, i := r.option(r.kind, x.key); options()[i].name == x.key {
			o.places = append(o.places, place{
				option: uint16(i),
				file:   uint16(max(0, slices.Index(r.files, x.pos.File))),
				line:   int32(x.pos.Line),
			})
		}
	}
	return o
}

// unexpandable reports a fault of %-expansion.
func (r *reading) unexpandable(o *option, x setting, value any, where string, err error) {
	text, ok := value.(string)
	if !ok {
		text = written(x.value)
	}
	available := r.names.available()
	if r.kind == inSupervisord && o.name == "environment" { // as 4.2.5 says it, which knows one name less
		where = "supervisord.environment"
		available = slices.DeleteFunc(available, func(s string) bool { return s == "host_node_name" })
	}
	e := &Error{Pos: x.pos, Compat: expansionError(text, where, err, available)}
	percent := "%%"
	if o.twice {
		percent = "%%%%"
	}
	var unknown *expandError
	percented, dollared := strconv.Quote(text), "${"
	if o.secret() {
		percented = "it"
	} else if errors.As(err, &unknown) {
		dollared = shorten(unknown.Msg)
	}
	switch {
	case errors.As(err, &unknown) && unknown.Dollar:
		e.Msg = strconv.Quote(dollared) + " is neither ${NAME} nor ${NAME:-default}"
		e.Hint = "write a literal ${ as $${"
	case !errors.As(err, &unknown) || !unknown.Unknown:
		e.Msg = "a % in " + percented + " is neither %% nor the beginning of %(name)s"
		e.Hint = "write a literal % as " + percent
	case strings.HasPrefix(unknown.Name, "ENV_"):
		e.Msg = "the environment variable " + unknown.Name[len("ENV_"):] + " is not set"
		e.Hint = "set it before starting gosv"
		if r.kind&(inSupervisord|inInclude|inCtl) == 0 {
			e.Hint += ", or in environment= of [supervisord]"
		}
		if r.toml[x.pos.File] {
			e.Hint += "; ${" + unknown.Name[len("ENV_"):] + ":-default} does without, and $${ is a literal ${"
		}
	default:
		e.Msg = fmt.Sprintf("%%(%s)s is not known here", unknown.Name)
		known := r.names.plain()
		if s := suggest(unknown.Name, known); s != "" {
			e.Hint = "did you mean %(" + s + ")s?"
		} else {
			e.Hint = "known are " + strings.Join(append(known, "ENV_name"), ", ")
		}
	}
	r.fault(o, e)
}

// secret says whether messages, which go to logs, must not have the value.
func (o *option) secret() bool { return o.name == "password" || o.name == "environment" }

// explain says in plain words what is wrong with a value, and what to do.
func (o *option) explain(value any, err error) (msg, hint string) {
	text := written(value)
	switch o.typ {
	case userType:
		return "there is no account " + strconv.Quote(text),
			"create it (useradd " + text + "), or remove " + o.name + "="
	case ownerType:
		return "there is no such user or group: " + strconv.Quote(text),
			"create it, or remove " + o.name + "="
	case directoryType:
		return "the directory " + text + " does not exist", "mkdir -p " + text
	case pathType, logfileType:
		if _, isText := value.(string); isText && text != "" {
			dir := filepath.Dir(text)
			return "the directory " + dir + " does not exist", "mkdir -p " + dir
		}
	case environmentType:
		if _, isText := value.(string); !isText {
			return err.Error(), `write { KEY = "value" }`
		}
		reason, _, _ := strings.Cut(err.Error(), " in value ")
		return "cannot read it: " + lower(reason),
			`write KEY="value",KEY2="value2"`
	}
	if msg = "must be " + o.typ.means; o.secret() {
		return msg, ""
	}
	msg += ", not " + strconv.Quote(text)
	if s := suggest(text, o.typ.words); s != "" {
		hint = "did you mean " + s + "?"
	}
	return msg, hint
}

// written is a value as a person would write it.
func written(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		list := make([]string, len(v))
		for i, x := range v {
			list[i] = written(x)
		}
		return strings.Join(list, ",")
	}
	return fmt.Sprint(v)
}

func lower(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// shorten keeps a long text from filling the log.
func shorten(s string) string {
	const most = 20
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}
