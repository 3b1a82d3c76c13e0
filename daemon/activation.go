package daemon

import (
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"gosv/conf"
)

// given are the listening sockets that a service manager opened for us (LISTEN_FDS). They
// stay open over all reloads: a server takes a duplicate, and the file remains theirs.
type given struct {
	files []*os.File
	names []string // of LISTEN_FDNAMES; shorter if there are fewer
}

// firstGiven is the descriptor of the first one, which is a rule of systemd's.
const firstGiven = 3

// takeSockets is what the environment says was given to us; nil if nothing was, or if it
// was meant for another process.
func takeSockets(getenv func(string) string, pid int) *given {
	n, err := strconv.Atoi(getenv("LISTEN_FDS"))
	if err != nil || n < 1 || n > 1000 || getenv("LISTEN_PID") != strconv.Itoa(pid) {
		return nil
	}
	g := &given{}
	if names := getenv("LISTEN_FDNAMES"); names != "" {
		g.names = strings.Split(names, ":")
	}
	for fd := firstGiven; fd < firstGiven+n; fd++ {
		syscall.CloseOnExec(fd)
		g.files = append(g.files, os.NewFile(uintptr(fd), "given"))
	}
	return g
}

// listener is the socket for a server: the one at its address, else the one with its
// section's name. nil: there is none.
func (g *given) listener(section string, is func(net.Addr) bool) net.Listener {
	if g == nil {
		return nil
	}
	var named net.Listener
	for i, f := range g.files {
		ln, err := net.FileListener(f)
		if err != nil {
			continue // no listening stream socket
		}
		switch {
		case is(ln.Addr()):
			if named != nil {
				named.Close()
			}
			return ln
		case named == nil && i < len(g.names) && g.names[i] == section:
			named = ln
		default:
			ln.Close()
		}
	}
	return named
}

// unix is the given socket of a [unix_http_server]. Its mode and owner are the giver's.
func (g *given) unix(c *conf.UnixServer) (net.Listener, *socketFile) {
	ln := g.listener(c.Section, func(a net.Addr) bool {
		return a.Network() == "unix" && a.String() == c.File
	})
	if ln == nil || ln.Addr().Network() != "unix" {
		if ln != nil {
			ln.Close()
		}
		return nil, nil
	}
	file := &socketFile{owner: os.Geteuid(), lent: true}
	if path := ln.Addr().String(); !strings.HasPrefix(path, "@") {
		file.path = path
		if file.remember() != nil { // deleted already: then nobody can come
			file.path = ""
		}
	}
	return ln, file
}

// inet is the given socket of an [inet_http_server].
func (g *given) inet(c *conf.InetServer) net.Listener {
	ln := g.listener(c.Section, func(a net.Addr) bool {
		tcp, ok := a.(*net.TCPAddr)
		return ok && tcp.Port == c.Port && sameHost(c.Host, tcp.IP)
	})
	if ln != nil && ln.Addr().Network() != "tcp" {
		ln.Close()
		return nil
	}
	return ln
}

// sameHost says whether a host of the configuration is this address.
func sameHost(host string, ip net.IP) bool {
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if host == "" || host == "*" {
		return ip.IsUnspecified()
	}
	if want := net.ParseIP(host); want != nil {
		return want.Equal(ip)
	}
	ips, err := net.LookupIP(host)
	return err == nil && slices.ContainsFunc(ips, ip.Equal)
}
