package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestUpgradeUnderAServiceManager: sockets that were given stay, who connects to them is
// served by the new version, and READY=1 is said again.
func TestUpgradeUnderAServiceManager(t *testing.T) {
	t.Parallel()
	b, two := upgradable(t, "", `[program:p]
command = sleep 1000
startsecs = 0
`)
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: b.path("s.sock"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	ln.SetUnlinkOnClose(false)
	file, err := ln.File()
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	notify, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: b.path("notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer notify.Close()
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$@"`, "sh", b.path("supervisord"), "-n", "-c", b.path("s.conf"))
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "LISTEN_FDS=1", "NOTIFY_SOCKET="+b.path("notify"))
	cmd.ExtraFiles = []*os.File{file}
	b.run(cmd)
	file.Close()
	b.answers()
	hear := func() {
		t.Helper()
		buf := make([]byte, 4096)
		for {
			notify.SetReadDeadline(time.Now().Add(patience))
			n, err := notify.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(buf[:n]), "READY=1") {
				return
			}
		}
	}
	hear()
	before := b.reaches("p", "RUNNING")
	for i := range 3 {
		b.install([]string{two.next, two.this}[i%2])
		b.upgrade()
		hear()
	}
	if now := b.one("p"); now.Pid != before.Pid {
		t.Errorf("p is %d, and was %d", now.Pid, before.Pid)
	}
	b.stop()
	if _, err := os.Stat(b.path("s.sock")); err != nil {
		t.Errorf("the socket that was given is gone: %v", err)
	}
}

// TestUpgradeWithKeeper: the link to the keeper goes over: after the upgrade the daemon may
// be killed, and nothing is lost still.
func TestUpgradeWithKeeper(t *testing.T) {
	t.Parallel()
	b, two := upgradable(t, "keeper = true\n", floodLines+"[program:p]\ncommand = sleep 1000\n")
	b.write("flood.sh", flood)
	b.start()
	b.reaches("lines", "RUNNING")
	b.reaches("p", "RUNNING")
	before := pids(b)
	b.install(two.next)
	for range 3 {
		b.upgrade()
	}
	same := func() {
		t.Helper()
		if now := pids(b); now["lines"] != before["lines"] || now["p"] != before["p"] {
			t.Errorf("the programs are %v, and were %v", now, before)
		}
	}
	same()
	keeper := fmt.Sprintf("/proc/%d/exe", b.cmd.Process.Pid)
	b.until("the keeper is the new version too", func() bool {
		is, err := os.Stat(keeper)
		want, wrong := os.Stat(b.path("supervisord"))
		return err == nil && wrong == nil && os.SameFile(is, want)
	})
	for range 2 {
		b.killBrain(nil)
		same()
	}
	b.signal(syscall.SIGUSR2)
	b.until("USR2 was heard", func() bool { return b.count("received SIGUSR2") == 1 })
	b.do("stop", named{Name: "lines"})
	numbered(t, "lines", b.read("lines.log"), "line ")
	b.stop()
}

// TestUpgradeThenKeeperKilled: a daemon that has been upgraded has signals blocked, and the next keeper,
// the daemon that this one starts, and its programs do not have that of it.
func TestUpgradeThenKeeperKilled(t *testing.T) {
	t.Parallel()
	b, _ := upgradable(t, "keeper = true\n", "[program:p]\ncommand = sleep 1000\n")
	b.start()
	p := b.reaches("p", "RUNNING")
	b.upgrade()
	brain := b.brain()
	b.kill9()
	b.until("there is another one", func() bool { return b.count("the keeper", "has died; the new one") == 1 })
	b.newKeeper(b.cmd.Process.Pid, brain, p)
	syscall.Kill(brain, syscall.SIGKILL)
	b.another(brain)
	b.do("restart", named{Name: "p"})
	b.unblocked(b.reaches("p", "RUNNING"))
	keeper := b.pid()
	brain = b.brain()
	syscall.Kill(keeper, syscall.SIGTERM)
	b.until("all have ended", func() bool { return isGone(keeper) && isGone(brain) })
}

// TestUpgradeWithoutKeeper: an upgrade while there is no keeper, for the next one has to wait, leaves that to the
// next version.
func TestUpgradeWithoutKeeper(t *testing.T) {
	t.Parallel()
	b, _ := upgradable(t, "keeper = true\n", "[program:p]\ncommand = sleep 1000\n")
	b.start()
	p := b.reaches("p", "RUNNING")
	brain := b.brain()
	b.kill9()
	b.until("there is another one", func() bool { return b.count("the keeper", "has died; the new one") == 1 })
	second := b.newKeeper(b.cmd.Process.Pid, brain, p)
	syscall.Kill(second, syscall.SIGKILL)
	b.until("it is dead", func() bool { return isGone(second) })
	b.upgrade()
	third := b.newKeeper(second, brain, p)
	syscall.Kill(brain, syscall.SIGKILL)
	b.another(brain)
	b.still(p)
	brain = b.brain()
	syscall.Kill(third, syscall.SIGTERM)
	b.until("all have ended", func() bool { return isGone(third) && isGone(brain) })
}

// TestUpgradeFollowsDirect: who follows a log that its program writes by itself goes on where he was, also when
// it was renamed.
func TestUpgradeFollowsDirect(t *testing.T) {
	t.Parallel()
	b, _ := upgradable(t, "", floodLines+"stdout_logfile_direct = true\n")
	b.write("flood.sh", flood)
	b.start()
	b.reaches("lines", "RUNNING")
	c, err := net.Dial("unix", b.path("s.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintln(c, `{"id":1,"m":"tail","p":{"name":"lines","follow":true}}`)
	var mu sync.Mutex
	var text strings.Builder
	go func() {
		for d := json.NewDecoder(c); ; {
			var line struct{ Ev struct{ Data []byte } }
			if d.Decode(&line) != nil {
				return
			}
			mu.Lock()
			text.Write(line.Ev.Data)
			mu.Unlock()
		}
	}()
	got := func() string {
		mu.Lock()
		defer mu.Unlock()
		return text.String()
	}
	for range 3 {
		n := len(got())
		b.until("more comes", func() bool { return len(got()) > n })
		b.upgrade()
	}
	if err := os.Rename(b.path("lines.log"), b.path("lines.old")); err != nil {
		t.Fatal(err)
	}
	b.upgrade()
	n := len(got())
	b.until("more comes of the renamed one", func() bool { return len(got()) > n })
	b.do("stop", named{Name: "lines"})
	want := b.read("lines.old")
	b.until("all has come", func() bool { return len(got()) >= len(want) })
	if got() != want {
		t.Errorf("%d bytes were followed, and are not the %d of the log", len(got()), len(want))
	}
	b.stop()
}

// TestUpgradePipelined: HTTP requests that were sent before the first of them was answered are
// answered by the next version, over the same connection.
func TestUpgradePipelined(t *testing.T) {
	t.Parallel()
	b, two := upgradable(t, "", "[program:slow]\ncommand = sleep 1000\nautostart = false\nstartsecs = 1\n")
	b.start()
	c, err := net.Dial("unix", b.path("s.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	call := func(method, params string) string {
		body := "<methodCall><methodName>supervisor." + method + "</methodName><params>" + params + "</params></methodCall>"
		return fmt.Sprintf("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	last := call("getIdentification", "")
	c.Write([]byte(call("startProcess", "<param><value>slow</value></param>") + call("getPID", "") + call("getSupervisorVersion", "") + last[:30]))
	b.until("the start has begun", func() bool { return b.one("slow").State != "STOPPED" })
	b.install(two.next)
	b.upgrade()
	c.Write([]byte(last[30:]))
	answers := bufio.NewReader(c)
	for i, want := range []string{"<boolean>1", fmt.Sprint(b.cmd.Process.Pid), "4.2.5", "supervisor"} {
		res, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if !strings.Contains(string(text), want) {
			t.Errorf("answer %d is %s, want %s", i, text, want)
		}
	}
	b.stop()
}
