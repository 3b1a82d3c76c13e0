package web

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
)

// Options say under which names the daemon is known.
type Options struct {
	// Hosts are the names, with or without a port, that may stand in the Host header besides
	// IP addresses, localhost and the machine's own names: the configured host, a proxy's
	// name. A proxy that changes Host needs its origin ("name" or "name:port") here too.
	// "*" believes every Host, as the original does.
	Hosts []string
}

const hostsFile = "/etc/hosts"

// CheckHost refuses requests whose Host is not a name of this machine: with DNS rebinding,
// any web site can give its own name our address and so read and use the page through the
// browser of somebody who can reach it. An address cannot be rebound. Who comes by the
// unix socket may call us what they like: browsers do not.
func (o Options) CheckHost(r *http.Request) error {
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && addr.Network() == "unix" {
		return nil
	}
	name := hostName(r.Host)
	if name == "" || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return nil // no Host at all is HTTP/1.0; browsers always send one
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return nil
	}
	for _, h := range o.Hosts {
		if h == "*" || hostName(h) == name {
			return nil
		}
	}
	hosts, _ := os.ReadFile(hostsFile) // without it there are fewer names
	own, _ := os.Hostname()
	if slices.Contains(ownNames(own, string(hosts)), name) {
		return nil
	}
	return fmt.Errorf("host %q is not a name of this machine that gosv knows: "+
		"it answers to IP addresses, to localhost, and to the machine's own names", r.Host)
}

// ownNames are the names of a machine: its hostname, its first label alone and with .local
// (multicast DNS), and what hosts, the text of /etc/hosts, calls it besides.
func ownNames(hostname, hosts string) []string {
	own := hostName(hostname)
	if own == "" {
		return nil
	}
	short, _, _ := strings.Cut(own, ".")
	names := []string{own, short, short + ".local"}
	for line := range strings.Lines(hosts) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(strings.ToLower(line))
		if len(words) > 1 && slices.Contains(words[1:], own) {
			names = append(names, words[1:]...)
		}
	}
	return names
}

// hostName is a Host header without its port, in lower case and without a final dot.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// CheckOrigin refuses requests other than GET, HEAD and OPTIONS that another site's page
// makes its visitor's browser send (CSRF). The browser says so in Sec-Fetch-Site, and over
// plain HTTP, where it leaves that out, in Origin or at least Referer. A request with none
// of them is no browser's: curl, a script.
func (o Options) CheckOrigin(r *http.Request) error {
	var cross http.CrossOriginProtection
	for _, h := range o.Hosts {
		cross.AddTrustedOrigin("http://" + h) // what is no origin, such as "*", trusts nobody
		cross.AddTrustedOrigin("https://" + h)
	}
	err := cross.Check(r)
	if err == nil && r.Header.Get("Origin") == "" && r.Header.Get("Sec-Fetch-Site") == "" {
		err = o.checkReferer(r)
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("not from a page of this site: %v (a proxy in between must pass on the Host header)", err)
}

func (o Options) checkReferer(r *http.Request) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	referer := r.Header.Get("Referer")
	if referer == "" {
		return nil
	}
	if u, err := url.Parse(referer); err == nil && u.Host != "" && (u.Host == r.Host || slices.Contains(o.Hosts, u.Host)) {
		return nil
	}
	return errors.New("Referer does not match Host")
}
