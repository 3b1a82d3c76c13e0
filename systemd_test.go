package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serviceManager is a fake systemd: it hears what a daemon tells it.
type serviceManager struct {
	conn *net.UnixConn
	path string
	said chan string
}

func newServiceManager(t *testing.T) *serviceManager {
	t.Helper()
	m := &serviceManager{path: filepath.Join(t.TempDir(), "notify"), said: make(chan string, 1000)}
	var err error
	if m.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.path, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.conn.Close() })
	go func() {
		defer close(m.said)
		buf := make([]byte, 64<<10)
		for {
			n, err := m.conn.Read(buf)
			if err != nil {
				return
			}
			m.said <- string(buf[:n])
		}
	}()
	return m
}

// hears waits for a message that matches, and fails if another comes first, but for those
// that match but.
func (m *serviceManager) hears(t *testing.T, want, but string) string {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case text := <-m.said:
			if regexp.MustCompile("^(?:" + want + ")$").MatchString(text) {
				return text
			}
			if but == "" || !regexp.MustCompile("^(?:"+but+")$").MatchString(text) {
				t.Fatalf("the daemon said %q, want %q", text, want)
			}
		case <-deadline:
			t.Fatalf("the daemon did not say %q in time", want)
		}
	}
}

func writeConf(t *testing.T, file, text string) string {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestNotify is a daemon's life as systemd hears of it.
func TestNotify(t *testing.T) {
	t.Parallel()
	m := newServiceManager(t)
	dir := t.TempDir()
	good := "[unix_http_server]\nfile=" + dir + "/s.sock\n[supervisord]\nlogfile=" + dir + "/d.log\npidfile=none\n" +
		"[supervisorctl]\nserverurl=unix://" + dir + "/s.sock\n" +
		"[program:a]\ncommand=child env\nstdout_logfile=" + dir + "/a.log\nstartsecs=0\n" +
		"[program:b]\ncommand=child sleep\nautostart=false\nstartsecs=0\n"
	file := writeConf(t, dir+"/s.conf", good)
	p := startInit(t, []string{"gosv", "daemon", "-n", "-c", file}, []string{"NOTIFY_SOCKET=" + m.path, "WATCHDOG_USEC=nonsense"})
	const status = `STATUS=.*`
	m.hears(t, "READY=1\nSTATUS=2 programs: 1 (STARTING|RUNNING), 1 STOPPED", "")
	if out, err := exec.Command("gosv", "ctl", "-c", file, "start", "b").CombinedOutput(); err != nil {
		t.Errorf("start: %v %s", err, out)
	}
	m.hears(t, "STATUS=2 programs: 2 RUNNING", status)

	until(t, "the program has said what its environment is", func() bool { return strings.Contains(string(readAll(t, dir+"/a.log")), "SUPERVISOR_PROCESS_NAME=a\n") })
	p.signal(syscall.SIGHUP)
	text := m.hears(t, "RELOADING=1\nMONOTONIC_USEC=[0-9]+", status)
	var usec int64
	fmt.Sscanf(text, "RELOADING=1\nMONOTONIC_USEC=%d", &usec)
	if up := uptime(t); usec <= 0 || time.Duration(usec)*time.Microsecond > up+time.Minute {
		t.Errorf("%q, but this machine has been up for %v", text, up)
	}
	m.hears(t, "READY=1\nSTATUS=2 programs: 1 (STARTING|RUNNING), 1 STOPPED", status)

	writeConf(t, file, "[supervisord]\n[program:a]\n")
	p.signal(syscall.SIGHUP)
	m.hears(t, "RELOADING=1\nMONOTONIC_USEC=[0-9]+", status)
	m.hears(t, "READY=1\nSTATUS=the configuration has faults, so nothing was changed", status)

	p.signal(syscall.SIGTERM)
	m.hears(t, "STOPPING=1\nSTATUS=stopping everything", status)
	if code, out, stderr := p.end(t); code != 0 {
		t.Errorf("exit status %d\n%s%s", code, out, stderr)
	}
	env := string(readAll(t, dir+"/a.log"))
	if !strings.Contains(env, "SUPERVISOR_PROCESS_NAME=a") || strings.Contains(env, "NOTIFY_SOCKET") || strings.Contains(env, "WATCHDOG") {
		t.Errorf("a program's environment:\n%s", env)
	}
}

// TestWatchdog: life signs come when they are asked for, and not otherwise (TestNotify).
func TestWatchdog(t *testing.T) {
	t.Parallel()
	m := newServiceManager(t)
	dir := t.TempDir()
	file := writeConf(t, dir+"/s.toml", "[supervisord]\nlogfile = \"none\"\npidfile = \"none\"\n")
	p := startInit(t, []string{"gosv", "daemon", "-n", "-c", file}, []string{"NOTIFY_SOCKET=" + m.path, "WATCHDOG_USEC=200000"})
	m.hears(t, "READY=1\nSTATUS=0 programs", "")
	for range 5 {
		m.hears(t, "WATCHDOG=1", "")
	}
	p.signal(syscall.SIGTERM)
	m.hears(t, "STOPPING=1\nSTATUS=stopping everything", "WATCHDOG=1")
	p.end(t)
	q := startInit(t, []string{"gosv", "daemon", "-n", "-c", file}, []string{"NOTIFY_SOCKET=" + m.path, "WATCHDOG_USEC=200000", "WATCHDOG_PID=1"})
	m.hears(t, "READY=1\nSTATUS=0 programs", "WATCHDOG=1")
	q.signal(syscall.SIGTERM)
	m.hears(t, "STOPPING=1\nSTATUS=stopping everything", "")
	q.end(t)
}

// TestListenFDS: sockets that a service manager has opened are used, by address or by name,
// over a reload too, and their files are left.
func TestListenFDS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	unixLn, err := net.ListenUnix("unix", &net.UnixAddr{Name: dir + "/given.sock", Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	unixLn.SetUnlinkOnClose(false)
	tcpLn, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	unixFile, err1 := unixLn.File()
	tcpFile, err2 := tcpLn.(*net.TCPListener).File()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	tcp := tcpLn.Addr().String()
	unixLn.Close()
	tcpLn.Close()
	// The port of the configuration is another one: the name says that it is meant.
	file := writeConf(t, dir+"/s.toml", "[unix_http_server]\nfile = \""+dir+"/given.sock\"\n[inet_http_server]\nport = \"127.0.0.1:1\"\n"+
		"[supervisord]\nlogfile = \"none\"\npidfile = \"none\"\n[program.a]\ncommand = [\"child\", \"env\"]\nstdout_logfile = \""+dir+"/a.log\"\n")
	// LISTEN_PID is the daemon's own, which a shell knows before it becomes the daemon.
	p := &initProc{cmd: exec.Command("sh", "-c", `LISTEN_PID=$$ exec gosv daemon -n -c "$0"`, file)}
	p.cmd.Env = append(os.Environ(), "LISTEN_FDS=2", "LISTEN_FDNAMES=other:inet_http_server")
	p.cmd.ExtraFiles = []*os.File{unixFile, tcpFile}
	var out strings.Builder
	p.cmd.Stdout, p.cmd.Stderr = &out, &out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.cmd.Process.Kill(); p.cmd.Wait() })
	unixFile.Close()
	tcpFile.Close()
	for _, life := range []string{"first", "after a reload"} {
		for _, url := range []string{"unix://" + dir + "/given.sock", "http://" + tcp} {
			until(t, url+" answers, "+life, func() bool {
				return exec.Command("gosv", "healthcheck", "-s", url).Run() == nil
			})
		}
		if life == "first" {
			p.cmd.Process.Signal(syscall.SIGHUP)
			exec.Command("gosv", "healthcheck", "--live", "-s", "http://"+tcp).Run() // the socket never refuses
		}
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the daemon ended with %v\n%s", err, out.String())
	}
	if _, err := os.Stat(dir + "/given.sock"); err != nil {
		t.Errorf("the socket's file is gone: %v", err)
	}
	if env := string(readAll(t, dir+"/a.log")); strings.Contains(env, "LISTEN_") {
		t.Errorf("a program's environment:\n%s", env)
	}
}

// uptime is how long the machine has been up.
func uptime(t *testing.T) time.Duration {
	t.Helper()
	var seconds float64
	if _, err := fmt.Sscan(string(readAll(t, "/proc/uptime")), &seconds); err != nil {
		t.Fatal(err)
	}
	return time.Duration(seconds * float64(time.Second))
}

// TestUnits: systemd has nothing to say against the units.
func TestUnits(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("no systemd-analyze to check the units (apt-get install systemd)")
	}
	gosv, err := exec.LookPath("gosv")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"gosv.service", "gosv.socket"} {
		writeConf(t, dir+"/"+name, strings.ReplaceAll(string(readAll(t, "packaging/"+name)), "/usr/local/bin/gosv", gosv))
	}
	out, _ := exec.Command("systemd-analyze", "verify", "--man=no", dir+"/gosv.service", dir+"/gosv.socket").CombinedOutput()
	for line := range strings.Lines(string(out)) {
		switch {
		case strings.Contains(line, "ignoring: notify-reload"): // before systemd 253
		case strings.Contains(line, dir) || strings.HasPrefix(line, "gosv."):
			t.Errorf("systemd-analyze: %s", line)
		}
	}
}

// TestUnitExposure: the sandbox of the unit is one that systemd understands, and as tight as the
// programs of a supervisor allow.
func TestUnitExposure(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("no systemd-analyze to check the units (apt-get install systemd)")
	}
	out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=82", "packaging/gosv.service").CombinedOutput()
	if strings.Contains(string(out), "unrecognized option") {
		t.Skip("systemd-analyze security works offline since systemd 250")
	}
	if err != nil || !strings.Contains(string(out), "Overall exposure level") {
		t.Errorf("systemd-analyze security: %v\n%s", err, out)
	}
	for _, name := range []string{"ProtectSystem", "ProtectClock", "ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables", "LockPersonality", "RestrictRealtime", "SystemCallArchitectures"} {
		if strings.Contains(string(out), "✗ "+name+"=") && name != "ProtectSystem" {
			t.Errorf("%s= does nothing:\n%s", name, out)
		}
	}
}
