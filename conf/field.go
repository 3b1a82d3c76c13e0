package conf

import (
	"slices"
	"strconv"
	"strings"
)

// values is where the options of one section are kept while it is read, shown or
// compared. Which of the pointers are set depends on the section's kind.
type values struct {
	supervisord *Supervisord
	unix        *UnixServer
	inet        *InetServer
	ctl         *Supervisorctl
	process     *Process
	program     *programOptions
	group       *groupOptions
	include     *includeOptions
	plugin      *pluginOptions
	access      *Access
	users       map[string]User // accounts that were looked up already; may be nil
}

// programOptions is what a program, event listener or fcgi-program says once, and what
// is not in Process.
type programOptions struct {
	processName             string
	numprocs, numprocsStart int
	priority                int // of an event listener's pool
	listener                Listener
	socket                  Socket
}

type groupOptions struct {
	programs []string
	priority int
}

type includeOptions struct{ files []string }

type pluginOptions struct{ factory string }

// field is how one option is set, shown and compared.
type field struct {
	typ  *valueType
	set  func(*values, any) error
	get  func(*values) string // set reads it back
	same func(a, b *values) bool
}

func stringField(typ *valueType, f func(*values) *string) field {
	return field{
		typ: typ,
		set: func(v *values, x any) (err error) { return store(f(v), x, parseString) },
		get: func(v *values) string { return *f(v) },
		same: func(a, b *values) bool {
			return *f(a) == *f(b)
		},
	}
}

func boolField(f func(*values) *bool) field {
	return field{
		typ:  boolType,
		set:  func(v *values, x any) error { return store(f(v), x, parseBool) },
		get:  func(v *values) string { return strconv.FormatBool(*f(v)) },
		same: func(a, b *values) bool { return *f(a) == *f(b) },
	}
}

func intField(f func(*values) *int) field {
	return field{
		typ:  intType,
		set:  func(v *values, x any) error { return store(f(v), x, parseInt) },
		get:  func(v *values) string { return strconv.Itoa(*f(v)) },
		same: func(a, b *values) bool { return *f(a) == *f(b) },
	}
}

// pathField is a string that check turns into the path to use.
func pathField(typ *valueType, check func(string) (string, error), f func(*values) *string) field {
	t := stringField(typ, f)
	t.set = func(v *values, x any) error {
		return store(f(v), x, func(x any) (string, error) {
			s, err := parseString(x)
			if err != nil {
				return "", err
			}
			return check(s)
		})
	}
	return t
}

func listField(typ *valueType, parse func(any) ([]string, error), f func(*values) *[]string) field {
	return field{
		typ:  typ,
		set:  func(v *values, x any) error { return store(f(v), x, parse) },
		get:  func(v *values) string { return formatList(*f(v)) },
		same: func(a, b *values) bool { return slices.Equal(*f(a), *f(b)) },
	}
}

// filesField is a list with blanks between.
func filesField(f func(*values) *[]string) field {
	t := listField(filesType, fileList, f)
	t.get = func(v *values) string { return strings.Join(*f(v), " ") }
	return t
}

func exitcodesField(f func(*values) *[]int) field {
	return field{
		typ:  exitcodesType,
		set:  func(v *values, x any) error { return store(f(v), x, parseExitcodes) },
		get:  func(v *values) string { return formatInts(*f(v)) },
		same: func(a, b *values) bool { return slices.Equal(*f(a), *f(b)) },
	}
}

func userField(f func(*values) *User) field {
	return field{
		typ: userType,
		set: func(v *values, x any) error {
			text, cacheable := x.(string)
			if u, ok := v.users[text]; ok && cacheable {
				*f(v) = u
				return nil
			}
			err := store(f(v), x, parseUser)
			if err == nil && cacheable && v.users != nil {
				v.users[text] = *f(v)
			}
			return err
		},
		get: func(v *values) string { return f(v).String() },
		same: func(a, b *values) bool { // Supervisor keeps and compares the uid only
			return f(a).Set == f(b).Set && f(a).UID == f(b).UID
		},
	}
}

func ownerField(f func(*values) *Owner) field {
	return field{
		typ:  ownerType,
		set:  func(v *values, x any) error { return store(f(v), x, parseOwner) },
		get:  func(v *values) string { return f(v).String() },
		same: func(a, b *values) bool { return f(a).UID == f(b).UID && f(a).GID == f(b).GID },
	}
}

func environmentField(f func(*values) *Env) field {
	return field{
		typ:  environmentType,
		set:  func(v *values, x any) error { return f(v).Set(x) },
		get:  func(v *values) string { return f(v).String() },
		same: func(a, b *values) bool { return f(a).equal(*f(b)) },
	}
}

func commandField(f func(*values) *Command) field {
	return field{
		typ: commandType,
		set: func(v *values, x any) error { return f(v).Set(x) },
		get: func(v *values) string { return f(v).String() },
		same: func(a, b *values) bool {
			return f(a).Line == f(b).Line && slices.Equal(f(a).Argv, f(b).Argv)
		},
	}
}

// inetField is the two fields that port= fills.
func inetField(f func(*values) *InetServer) field {
	return field{
		typ: inetType,
		set: func(v *values, x any) error {
			host, port, err := parseInet(x)
			if err == nil {
				f(v).Host, f(v).Port = host, port
			}
			return err
		},
		get: func(v *values) string {
			host := f(v).Host
			if host == "" {
				host = "*"
			}
			return host + ":" + strconv.Itoa(f(v).Port)
		},
		same: func(a, b *values) bool {
			return f(a).Host == f(b).Host && f(a).Port == f(b).Port
		},
	}
}

// typedField is for the types that know how to read and to write themselves.
func typedField[T comparable, P interface {
	*T
	Set(any) error
	String() string
}](typ *valueType, f func(*values) *T) field {
	return field{
		typ:  typ,
		set:  func(v *values, x any) error { return P(f(v)).Set(x) },
		get:  func(v *values) string { return P(f(v)).String() },
		same: func(a, b *values) bool { return *f(a) == *f(b) },
	}
}

// store puts what parse makes of x into *to; *to stays as it is when x is no good.
func store[T any](to *T, x any, parse func(any) (T, error)) error {
	y, err := parse(x)
	if err == nil {
		*to = y
	}
	return err
}

// equal says whether both have the same variables, in whatever order.
func (e Env) equal(other Env) bool {
	if len(e) != len(other) {
		return false
	}
	if slices.Equal(e, other) {
		return true
	}
	at := make(map[string]string, len(e))
	for _, x := range e {
		at[x.Name] = x.Value
	}
	for _, x := range other {
		if v, ok := at[x.Name]; !ok || v != x.Value {
			return false
		}
	}
	return true
}
