package daemon

import (
	"fmt"
	"net"
	"syscall"
	"time"
)

// rooms share out a server's connections, so that nobody takes those of others: root, the
// daemon's own user and the socket's owner have as many as all others together, and of
// these each account, or address, has a part. It belongs to the server's lock.
type rooms struct {
	all, each int            // how many others may have, and each of them
	own       int            // those of root and the like
	others    int            // those of everybody else
	taken     map[string]int // likewise, by who has them
	calls     map[string]int // requests under way of those who are no admins

	said time.Time // when a refusal was logged
}

// ownRoom is the room of root and the like.
const ownRoom = "own"

// newRooms takes care that connections do not use up the descriptors: files is how many
// there may be, which programs need too.
func newRooms(files uint64) rooms {
	all := maxConns
	if files/4 < uint64(all) {
		all = max(16, int(files/4))
	}
	return rooms{all: all, each: min(maxPeerConns, max(8, all/2)), taken: map[string]int{}, calls: map[string]int{}}
}

// maxFiles is the limit of open descriptors.
func maxFiles() uint64 {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 1024
	}
	return uint64(limit.Cur)
}

// enter counts a connection in, if there is room.
func (r *rooms) enter(who string) bool {
	if who == ownRoom {
		if r.own >= r.all {
			return false
		}
		r.own++
		return true
	}
	if r.others >= r.all || r.taken[who] >= r.each {
		return false
	}
	r.others++
	r.taken[who]++
	return true
}

// leave counts it out again.
func (r *rooms) leave(who string) {
	if who == ownRoom {
		r.own--
		return
	}
	r.others--
	if r.taken[who]--; r.taken[who] == 0 {
		delete(r.taken, who)
	}
}

// refused says what to log about a connection that found no room: once a minute.
func (r *rooms) refused(who string, now time.Time) string {
	if now.Sub(r.said) < time.Minute {
		return ""
	}
	r.said = now
	switch {
	case who == ownRoom:
		return fmt.Sprintf("%d connections of root or gosv's own user are open, which is the most: more are closed at once", r.own)
	case r.others >= r.all:
		return fmt.Sprintf("%d connections are open, which is the most: more are closed at once", r.others)
	}
	return fmt.Sprintf("%s has %d connections, which is the most for one: more are closed at once", who, r.taken[who])
}

// roomOf is the room that a peer's connection is counted in: his account's, or that of his
// address, of which those of version 6 have a whole network.
func (s *server) roomOf(p peer) string {
	switch {
	case s.unix == nil:
		host, _, err := net.SplitHostPort(p.address)
		if err != nil {
			return p.address
		}
		if ip := net.ParseIP(host); ip != nil && ip.To4() == nil {
			return ip.Mask(net.CIDRMask(64, 128)).String() + "/64"
		}
		return host
	case p.uid >= 0 && (p.uid == 0 || p.uid == s.uid || p.uid == s.owner):
		return ownRoom
	}
	return fmt.Sprintf("uid %d", p.uid)
}

// maxPeerCalls is how many requests of one who is no admin may be under way at once, on
// all his connections to a server.
const maxPeerCalls = 64

// begin counts a request in, if there is room; end must be called when it is done. Admins
// may do everything anyway; others must not be able to use up the daemon's memory.
func (s *server) begin(w *caller) (end func(), ok bool) {
	if w.access == admin {
		return func() {}, true
	}
	who := s.roomOf(w.peer)
	if w.name != "" {
		who = "user " + w.name
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rooms.calls[who] >= maxPeerCalls {
		return nil, false
	}
	if s.rooms.calls == nil {
		s.rooms.calls = map[string]int{}
	}
	s.rooms.calls[who]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.rooms.calls[who]--; s.rooms.calls[who] == 0 {
			delete(s.rooms.calls, who)
		}
	}, true
}

// share is how much of a limit in bytes a request may use: one who is no admin a 64th of it,
// since he may have 64 at once.
func (c *call) share(n int64) int64 {
	if c.access == admin {
		return n
	}
	return n / 64
}
