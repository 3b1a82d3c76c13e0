package daemon

import (
	"maps"
	"sync"
	"sync/atomic"

	"gosv/conf"
)

// current is the configuration that was read last, with the accounts of those before it: groups
// of them may still be active.
type current struct {
	mu sync.Mutex // held by Store
	p  atomic.Pointer[configs]
}

type configs struct {
	now      *conf.Config
	accounts map[int]bool // uids that programs ran as in any of them; it only grows
}

// Load is the configuration that was read last; nil before the first.
func (c *current) Load() *conf.Config {
	if x := c.p.Load(); x != nil {
		return x.now
	}
	return nil
}

// Store takes a new one.
func (c *current) Store(cfg *conf.Config) {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := &configs{now: cfg}
	if old := c.p.Load(); old != nil {
		x.accounts = old.accounts
	}
	copied := false
	for _, g := range cfg.Groups {
		for _, p := range g.Processes {
			if !p.User.Set || x.accounts[p.User.UID] {
				continue
			}
			if !copied {
				if x.accounts = maps.Clone(x.accounts); x.accounts == nil {
					x.accounts = map[int]bool{}
				}
				copied = true
			}
			x.accounts[p.User.UID] = true
		}
	}
	c.p.Store(x)
}

// roster are the active groups as they are configured, for those who may not ask the manager's
// loop.
type roster struct {
	mu     sync.Mutex             // guards what follows; nothing is done with it held
	coming map[string]*conf.Group // as they are to be when they are added
	groups map[string]*conf.Group
}

// prepare names a group that is about to be added, or to take the place of another version.
func (r *roster) prepare(g *conf.Group) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.coming == nil {
		r.coming, r.groups = map[string]*conf.Group{}, map[string]*conf.Group{}
	}
	r.coming[g.Name] = g
}

// added says that it is active now.
func (r *roster) added(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if g := r.coming[name]; g != nil {
		r.groups[name] = g
		delete(r.coming, name)
	}
}

// removed says that it is not any more.
func (r *roster) removed(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.groups, name)
}

// active is an active group as it is configured, whatever the configuration says by now; nil:
// it is not active.
func (d *Daemon) active(name string) *conf.Group {
	d.roster.mu.Lock()
	defer d.roster.mu.Unlock()
	return d.roster.groups[name]
}

// prepare makes a group known that is being added. The manager's loop calls it, so that it is
// this group, and not one of that name that another call has asked for in vain.
func (d *Daemon) prepare(g *conf.Group) {
	d.pools.prepare(g)
	d.roster.prepare(g)
}

// runsAs says whether programs run as an account, or did since the start.
func (d *Daemon) runsAs(uid int) bool {
	x := d.cfg.p.Load()
	return x != nil && x.accounts[uid]
}
