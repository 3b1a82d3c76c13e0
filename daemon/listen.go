package daemon

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"gosv/conf"
)

// openServers opens every configured socket. When one fails the others are closed again,
// and the error is supervisord's text with a second sentence that says what to do.
func openServers(d *Daemon, cfg *conf.Config) ([]*server, error) {
	return openSockets(newAPI(d), cfg)
}

func openSockets(a *api, cfg *conf.Config) (list []*server, err error) {
	defer func() {
		if err != nil {
			closeServers(list)
			list = nil
		}
	}()
	for i := range cfg.InetServers {
		c := &cfg.InetServers[i]
		ln, before := a.handed.take(c.Section, false)
		if ln == nil {
			ln = a.given.inet(c)
		}
		if ln == nil {
			if ln, err = listenInet(c); err != nil {
				return list, err
			}
		}
		s := newServer(a, c.Section, ln, c.Username, c.Password)
		s.metrics, s.users = c.Metrics, cfg.Access
		if before != nil {
			s.before = before.Conns
		}
		list = append(list, s)
	}
	for i := range cfg.UnixServers {
		c := &cfg.UnixServers[i]
		var file *socketFile
		ln, before := a.handed.take(c.Section, true)
		if ln != nil {
			file = before.file()
		} else {
			ln, file = a.given.unix(c)
		}
		if ln == nil {
			if ln, file, err = listenUnix(c); err != nil {
				return list, err
			}
		}
		if file.replaced {
			a.log.Info(fmt.Sprintf("Unlinking stale socket %s", c.File))
		}
		s := newServer(a, c.Section, ln, c.Username, c.Password)
		s.unix, s.file, s.uid, s.owner = c, file, os.Geteuid(), file.owner
		s.metrics, s.users = c.Metrics, cfg.Access
		s.strict = cfg.TOML && file.openToAll()
		if before != nil {
			s.before = before.Conns
		}
		list = append(list, s)
	}
	return list, nil
}

// listenInet opens a TCP socket. An empty host or "*" is every IPv4 address, as in the original.
func listenInet(c *conf.InetServer) (net.Listener, error) {
	host := strings.TrimSuffix(strings.TrimPrefix(c.Host, "["), "]")
	network := "tcp"
	if host == "" || host == "*" {
		network, host = "tcp4", ""
	}
	address := net.JoinHostPort(host, strconv.Itoa(c.Port))
	ln, err := net.Listen(network, address)
	if err == nil {
		return ln, nil
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return nil, fmt.Errorf(`Could not determine IP address for hostname %s, please try setting an explicit IP address in the "port" setting of your [%s] section.  For example, instead of "port = %d", try "port = 127.0.0.1:%d."`, host, c.Section, c.Port, c.Port)
	}
	remedy := fmt.Sprintf("cannot listen on %s: change port= in [%s]", address, c.Section)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		remedy = fmt.Sprintf("Something already listens on %s: end it, or change port= in [%s]", address, c.Section)
	case errors.Is(err, syscall.EACCES):
		remedy = fmt.Sprintf("Port %d is for root only: choose one above 1023 for port= in [%s]", c.Port, c.Section)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		remedy = fmt.Sprintf("%s is not an address of this machine: change port= in [%s]", host, c.Section)
	}
	return nil, socketError(err, remedy)
}

// socketError is supervisord's text for a socket that cannot be opened, a line by itself
// for those who look for it, and the remedy.
func socketError(err error, remedy string) error {
	var errno syscall.Errno
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("Another program is already listening on a port that one of our HTTP servers is configured to use.  Shut this program down first before starting supervisord.\n%s.", remedy)
	case errors.As(err, &errno):
		return fmt.Errorf("Cannot open an HTTP server: socket.error reported errno.%s (%d)\n%s.", unix.ErrnoName(errno), int(errno), remedy)
	}
	return fmt.Errorf("Cannot open an HTTP server: %v\n%s.", err, remedy)
}

// withoutAuth are the sections of those servers that ask nobody for a password.
func withoutAuth(list []*server) (sections []string) {
	for _, s := range list {
		if !s.asks() {
			sections = append(sections, s.section)
		}
	}
	return sections
}

// closeServers closes all servers at once and waits for them.
func closeServers(list []*server) {
	done := make(chan struct{})
	for _, s := range list {
		go func() {
			defer func() { done <- struct{}{} }()
			s.close()
		}()
	}
	for range list {
		<-done
	}
}
