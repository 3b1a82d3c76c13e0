package daemon

import (
	"maps"
	"sync"
	"sync/atomic"

	"gosv/conf"
)

// current is the configuration that was read last, with what must be remembered of those
// before it: groups of them may still be active.
type current struct {
	mu sync.Mutex // held by Store
	p  atomic.Pointer[configs]
}

type configs struct {
	now, before *conf.Config
	accounts    map[int]bool // uids that programs ran as in any of them; it only grows
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
		x.before, x.accounts = old.now, old.accounts
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

// before is the configuration before the last one, nil if there was none.
func (d *Daemon) before() *conf.Config {
	if x := d.cfg.p.Load(); x != nil {
		return x.before
	}
	return nil
}

// runsAs says whether programs run as an account, or did since the start.
func (d *Daemon) runsAs(uid int) bool {
	x := d.cfg.p.Load()
	return x != nil && x.accounts[uid]
}
