package conf

import (
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strings"
)

// Access is an [access:NAME] section: somebody who may use the servers.
type Access struct {
	Name     string   // to give with the password
	Password string   // as it is, or {SHA} and its SHA-1 in hex; "" for none
	User     User     // the account that needs no password on a unix socket
	Role     Role     // what may be done
	Programs []string // patterns of what may be seen; nil: everything
	Origin   *Origin
}

// Role is the value of role=: what somebody may do. Each includes those before it.
type Role uint8

const (
	RoleRead    Role = iota // look at processes and logs
	RoleOperate             // start, stop, signal, clear, write to stdin
	RoleAdmin               // change what the daemon runs, and end it
)

// roleWords are the words of role=, by Role. It is never changed.
var roleWords = []string{"read", "operate", "admin"}

// Set takes read, operate or admin.
func (x *Role) Set(v any) error {
	text, err := parseString(v)
	if err != nil {
		return err
	}
	i := slices.Index(roleWords, strings.ToLower(strings.TrimSpace(text)))
	if i < 0 {
		return fmt.Errorf("must be %s, not %s", roleType.means, Repr(text))
	}
	*x = Role(i)
	return nil
}

// String is the value as Set reads it.
func (x Role) String() string { return roleWords[x] }

// Sees says whether one of the patterns of programs= means the process. A pattern without
// a colon means groups, and so programs that are in no group; with one, group:process. The
// signs *, ? and [] stand for anything, one character, one of several.
func (a *Access) Sees(group, process string) bool {
	if a.Programs == nil {
		return true
	}
	return slices.ContainsFunc(a.Programs, func(pattern string) bool {
		g, p, two := strings.Cut(pattern, ":")
		if !matches(g, group) {
			return false
		}
		return !two || matches(p, process)
	})
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// patternList is the programs= of [access:x].
func patternList(v any) ([]string, error) {
	list, err := programList(v)
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		if _, err := path.Match(p, ""); err != nil {
			return nil, fmt.Errorf("%q is no pattern: a [ has no ]", p)
		}
	}
	if list == nil {
		list = []string{} // nothing, not everything
	}
	return list, nil
}

// access reads the [access:x] sections.
func (l *loader) access(doc *document) {
	for _, s := range doc.sections {
		k, name := sectionKindOf(s.name)
		if k == nil || k.kind != inAccess {
			continue
		}
		a := &Access{Name: name}
		v := &values{access: a}
		setDefaults(inAccess, v)
		r := l.reading(s, v)
		r.all(nil)
		r.hashed(a.Password)
		a.Origin = r.origin()
		own := func(key, msg, hint string) {
			e := &Error{Pos: s.pos, Section: s.name, Key: key, Msg: msg, Hint: hint}
			if x := r.get(key); x != nil {
				e.Pos = x.pos
			}
			e.Compat = e.Msg
			l.fail(e)
		}
		switch {
		case r.bad:
		case name == "":
			own("", "the section needs a name", "write [access:NAME]")
		case strings.Contains(name, ":"):
			own("", "the name of a user has no colon: HTTP ends it there", "")
		case a.Password == "" && !a.User.Set:
			own("", "nobody can be this user", "add password=, or user= for an account that comes by the unix socket")
		case a.Role == RoleAdmin && a.Programs != nil:
			own("programs", "an admin changes the whole daemon, and cannot be limited to some programs", "set role=operate, or remove programs=")
		}
		l.cfg.Access = append(l.cfg.Access, *a)
		for _, p := range a.Programs {
			if one := (Access{Programs: []string{p}}); !l.meetsAny(&one) {
				l.warn(&Error{Pos: a.Origin.Pos("programs"), Section: s.name, Key: "programs", Msg: fmt.Sprintf("no program matches %q", p)})
			}
		}
	}
}

// meetsAny says whether there is a process that a sees.
func (l *loader) meetsAny(a *Access) bool {
	return slices.ContainsFunc(l.cfg.Groups, func(g *Group) bool {
		return slices.ContainsFunc(g.Processes, func(p *Process) bool { return a.Sees(g.Name, p.Name) })
	})
}

// asksPassword says whether there is a user with a password, whom every TCP server asks for it.
func (l *loader) asksPassword() bool {
	return slices.ContainsFunc(l.cfg.Access, func(a Access) bool { return a.Password != "" })
}

// hashed warns about a hash that no password has, such as one in the base64 of htpasswd.
func (r *reading) hashed(password string) {
	hash, ok := strings.CutPrefix(password, "{SHA}")
	if !ok || len(hash) == 40 && strings.Trim(hash, "0123456789abcdef") == "" {
		return
	}
	r.warn(&Error{Pos: r.get("password").pos, Section: r.s.name, Key: "password", Msg: "no password has this hash",
		Hint: "{SHA} and 40 digits in lower-case hex: printf %s secret | sha1sum"})
}

// guarded checks that a server's own user is no other one, and that a TOML file does not
// give everybody on the network the right to run programs without having said so.
func (r *reading) guarded(username string, inet *InetServer) {
	for i := range r.cfg.Access {
		if a := &r.cfg.Access[i]; username != "" && a.Name == username {
			r.refuse("username", fmt.Sprintf("%q is the user of [%s] at %s too", username, a.Origin.Section, a.Origin.Start()), "choose another name", "")
		}
	}
	if inet == nil || r.bad || username != "" || inet.Insecure || !r.toml[r.s.pos.File] || loopback(inet.Host) || r.asksPassword() {
		return
	}
	r.refuse("port", "everybody who reaches this address could run programs, for there is no password",
		"add username and password, or an [access.NAME], or listen on 127.0.0.1, or say insecure = true", "")
}

// loopback says whether only this machine reaches the host.
func loopback(host string) bool {
	host = strings.TrimSuffix(strings.TrimPrefix(strings.ToLower(host), "["), "]")
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// The words of audit_logfile beside a path.
const (
	AuditNone = "none"
	AuditMain = "main" // the main log
)

// auditPath is audit_logfile=.
func auditPath(text string) (string, error) {
	switch word := strings.ToLower(strings.TrimSpace(text)); word {
	case AuditNone, AuditMain:
		return word, nil
	}
	return absoluteFile(text)
}

// Audit is where the lines about changes go: AuditNone, AuditMain or a path. A file of
// Supervisor's format that does not say keeps the main log as its readers know it.
func (c *Config) Audit() string {
	switch {
	case c.Supervisord.AuditLogfile != "":
		return c.Supervisord.AuditLogfile
	case c.TOML:
		return AuditMain
	}
	return AuditNone
}
