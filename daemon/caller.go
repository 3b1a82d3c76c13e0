package daemon

import (
	"context"
	"errors"
	"os/user"
	"slices"
	"strconv"

	"gosv/conf"
	"gosv/daemon/wire"
	"gosv/proc"
)

// caller is who asks, and what he may do.
type caller struct {
	access access
	sees   func(*conf.Process) bool // nil: everything; of the rest nothing is known to him

	name   string // that he gave with a password, or of his [access:x]; "" for none
	peer   peer
	server string // the section that he came through
	over   string // json, xmlrpc, web, http
}

// grant gives him what an [access:x] section says.
func (w *caller) grant(a *conf.Access) {
	w.name, w.access, w.sees = a.Name, roleAccess(a.Role), nil
	if a.Programs != nil {
		w.sees = func(p *conf.Process) bool { return a.Sees(p.Group, p.Name) }
	}
}

// roleAccess is the level that role= gives.
func roleAccess(r conf.Role) access {
	switch r {
	case conf.RoleAdmin:
		return admin
	case conf.RoleOperate:
		return operate
	}
	return read
}

// own are the programs that run as an account.
func own(uid int) func(*conf.Process) bool {
	return func(p *conf.Process) bool { return p.User.Set && p.User.UID == uid }
}

// accountName is the name of an account, or its number.
func accountName(uid int) string {
	id := strconv.Itoa(uid)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

// authorise says what a peer on the unix socket may do without a password. This, login and
// httpAccess are the only places for rules about users; docs/access.md says them in prose.
func (s *server) authorise(p peer) caller {
	w := caller{peer: p, server: s.section}
	known := p.uid >= 0
	switch {
	case known && (p.uid == 0 || p.uid == s.uid || p.uid == s.owner):
		w.access = admin
	case known && s.account(p.uid) != nil:
		w.grant(s.account(p.uid))
	case s.username != "":
		w.access = anyone // until he shows name and password
	case known && s.programsOf(p.uid):
		w.access, w.sees = operate, own(p.uid)
	case s.file.abstract():
		w.access = anyone // an abstract socket has no mode that kept him away
	case known && s.strict:
		w.access = anyone // its mode keeps nobody away
	default:
		w.access = admin // as in the original, the socket's mode decides who gets here
	}
	return w
}

// programsOf says whether programs run as an account: those of the configuration, of one
// before it, or of the groups that are active, which an upgrade or a crash may have handed
// down. Without an answer they do: too little is safer than everything.
func (s *server) programsOf(uid int) bool {
	if s.api == nil {
		return false
	}
	if s.sup.runsAs(uid) {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTime)
	defer cancel()
	groups, err := s.mgr.Groups(ctx)
	if err != nil {
		return !errors.Is(err, proc.ErrClosed)
	}
	return slices.ContainsFunc(groups, func(g *conf.Group) bool { return slices.ContainsFunc(g.Processes, own(uid)) })
}

// account is the [access:x] that an account is on a unix socket, or nil.
func (s *server) account(uid int) *conf.Access {
	for i := range s.users {
		if a := &s.users[i]; a.User.Set && a.User.UID == uid {
			return a
		}
	}
	return nil
}

// login is what name and password give: all are compared, in a time that does not depend
// on which is right. not ok: they are no one's.
func (s *server) login(w caller, username, password string) (_ caller, ok bool) {
	if s.authentic(username, password) {
		w.name, w.access, w.sees = username, admin, nil
		ok = true
	}
	for i := range s.users {
		if a := &s.users[i]; a.Password != "" && authentic(username, password, a.Name, a.Password) {
			w.grant(a)
			ok = true
		}
	}
	return w, ok
}

// knowsPasswords says whether there is any with which somebody could come in.
func (s *server) knowsPasswords() bool {
	return s.asks() || slices.ContainsFunc(s.users, func(a conf.Access) bool { return a.Password != "" })
}

// asks says whether the server wants a password from everybody.
func (s *server) asks() bool {
	if s.username != "" || s.unix != nil {
		return s.username != ""
	}
	for i := range s.users {
		if s.users[i].Password != "" {
			return true
		}
	}
	return false
}

// notAllowed is the fault of who may not do that.
func (w *caller) notAllowed(what string) *wire.Fault {
	f := fault(wire.NotAllowed, what)
	switch {
	case w.access == anyone:
		f.Hint = "this socket is for root and gosv's own user, and for who has its username and password"
	case w.name != "":
		f.Hint = "role= and programs= of [access:" + w.name + "] say what this user may do"
	case w.sees != nil:
		f.Hint = "an account that programs run as may see and control those, and nothing else"
	}
	return f
}
