//go:build unix

package proc

import (
	"errors"
	"strconv"
	"syscall"

	"gosv/conf"
)

// errNotRoot is Supervisor's text for a user= that only root could serve.
var errNotRoot = errors.New("Can't drop privilege as nonroot user")

// credential is what the fork must set for u: nil when nothing, because there is no user=
// or it is who we are. ok is false when we may not become u.
func credential(u conf.User) (c *syscall.Credential, ok bool) {
	switch {
	case !u.Set || u.UID == syscall.Getuid():
		return nil, true
	case syscall.Getuid() != 0:
		return nil, false
	}
	return &syscall.Credential{Uid: uint32(u.UID), Gid: uint32(u.GID), Groups: groups(u)}, true
}

// groups are exactly u's groups, the primary one first; none of ours.
func groups(u conf.User) []uint32 {
	list := []uint32{uint32(u.GID)}
	for _, g := range u.More {
		if g != u.GID {
			list = append(list, uint32(g))
		}
	}
	return list
}

func uid(u conf.User) string { return strconv.Itoa(u.UID) }
