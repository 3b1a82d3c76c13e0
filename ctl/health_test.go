package ctl

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// probed is a daemon that answers probes: the paths in down with 503.
func probed(t *testing.T, down ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, ok := r.BasicAuth(); strings.HasPrefix(r.Host, "127.0.0.1") && (!ok || password != "secret") {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		for _, path := range down {
			if r.URL.Path == path {
				w.WriteHeader(http.StatusServiceUnavailable)
				fmt.Fprintf(w, "[-]web FATAL\n%s failed\n", path[1:])
				return
			}
		}
		switch r.URL.Path {
		case "/livez", "/readyz", "/startupz":
			if _, verbose := r.URL.Query()["verbose"]; verbose {
				fmt.Fprintf(w, "[+]web RUNNING\n")
			}
			fmt.Fprintf(w, "ok\n")
		default:
			http.NotFound(w, r)
		}
	})
}

func TestHealth(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	listen := func(name string, h http.Handler) string {
		ln, err := net.Listen("unix", filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		s := &http.Server{Handler: h}
		go s.Serve(ln)
		t.Cleanup(func() { s.Close() })
		return "unix://" + filepath.Join(dir, name)
	}
	well := listen("well", probed(t))
	unready := listen("unready", probed(t, "/readyz"))
	dead := listen("dead", probed(t, "/readyz", "/livez"))
	other := listen("other", http.NotFoundHandler())
	shut := listen("shut", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	silent, err := net.Listen("unix", filepath.Join(dir, "silent"))
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	tcp := httptest.NewServer(probed(t))
	defer tcp.Close()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	program := "[program:a]\ncommand=/bin/true\n"
	onlyServer := write("server.conf", "[unix_http_server]\nfile="+dir+"/well\n[supervisord]\n"+program)
	withCtl := write("ctl.conf", "[unix_http_server]\nfile="+dir+"/nope\n[supervisord]\n[supervisorctl]\nserverurl="+well+"\n"+program)
	withInet := write("inet.conf", "[inet_http_server]\nport="+strings.TrimPrefix(tcp.URL, "http://")+"\nusername=u\npassword=secret\n[supervisord]\n"+program)
	toml := write("c.toml", "[unix_http_server]\nfile = \""+dir+"/unready\"\n[program.a]\ncommand = \"/bin/true\"\n")
	broken := write("broken.conf", "[supervisord]\n[program:a]\n")
	for _, row := range []struct {
		args string
		code int
		out  string // contained in what is printed
	}{
		{"-s " + well, 0, "ok\n"},
		{"--ready --serverurl " + well, 0, "ok\n"},
		{"--live -s " + unready, 0, "ok\n"},
		{"-s " + unready, 1, "[-]web FATAL\nreadyz failed\n"},
		{"--startup -s " + unready, 0, "ok"},
		{"-v -s " + well, 0, "[+]web RUNNING\nok\n"},
		{"--consul -s " + well, 0, "ok"},
		{"--consul -s " + unready, 1, "readyz failed"},
		{"--consul -s " + dead, 2, "readyz failed"},
		{"--consul -s unix://" + dir + "/nope", 2, "cannot talk to unix://" + dir + "/nope"},
		{"-s unix://" + dir + "/nope", 1, "cannot talk to"},
		{"-s http://127.0.0.1:1", 1, "refused"},
		{"--timeout 100ms -s unix://" + dir + "/silent", 1, "no answer from unix://" + dir + "/silent within 100ms"},
		{"-s " + other, 1, "it is not gosv"},
		{"-s " + shut, 1, "does not let this account in: only root"},
		{"-s " + tcp.URL, 1, "wants a name and a password"},
		{"-u x -p wrong -s " + tcp.URL, 1, "wants a name and a password"},
		{"-u x -p secret -s " + tcp.URL, 0, "ok"},
		{"-c " + onlyServer, 0, "ok"},
		{"-c " + withCtl, 0, "ok"},
		{"-c " + withInet, 0, "ok"},
		{"-c " + toml, 1, "readyz failed"},
		{"-c " + toml + " -s " + well, 0, "ok"},
		{"-c " + broken, 2, "broken.conf"},
		{"-c " + dir + "/missing.conf", 2, "missing.conf"},
		{"", 2, "say which server"},
		{"-s ftp://x", 2, "unknown protocol"},
		{"--nope", 2, "--nope"},
		{"--timeout 0 -s " + well, 2, "timeout"},
		{"extra", 2, "extra"},
		{"--help", 0, "Usage: gosv healthcheck"},
	} {
		t.Run(row.args, func(t *testing.T) {
			var out, stderr bytes.Buffer
			sys := system{out: &out, err: &stderr, environ: []string{"PATH=/bin"}, find: func() string { return "" }}
			code := health(sys, strings.Fields(row.args))
			if code != row.code || !strings.Contains(out.String()+stderr.String(), row.out) {
				t.Errorf("healthcheck %s = %d, %q, %q; want %d, %q", row.args, code, out.String(), stderr.String(), row.code, row.out)
			}
			if (code == 2) != (stderr.Len() > 0) && !strings.Contains(row.args, "--consul") {
				t.Errorf("exit code %d and on stderr %q", code, stderr.String())
			}
		})
	}
}
