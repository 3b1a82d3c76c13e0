package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What happens in the first moment after an upgrade is heard by who listened before it: no
// event of a storm of them is missing, over one connection and many upgrades. (The soak, seed
// 51, with the race detector: a change of state was missing.)
func TestUpgradeEvents(t *testing.T) {
	t.Parallel()
	b := newBox(t, "", `
[program:p]
process_name = p%(process_num)d
numprocs = 10
command = sh -c 'sleep 0.0%(process_num)d; kill -KILL $$'
startsecs = 0
autorestart = true
[program:f]
process_name = f%(process_num)d
numprocs = 10
command = false
startretries = 1000
`).start()
	c, err := net.Dial("unix", b.path("s.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintln(c, `{"id":1,"m":"events","p":{"types":["PROCESS_STATE"]}}`)
	const upgrades = 6
	done := make(chan string, 1)
	go func() {
		at := map[string]string{}
		n := 0
		for d := json.NewDecoder(bufio.NewReader(c)); ; n++ {
			var line struct {
				Ev *struct {
					Type, Payload string
					Lost          int // what came while we were too slow is counted
				}
			}
			if err := d.Decode(&line); err != nil || line.Ev == nil {
				done <- fmt.Sprintf("after %d events: %v", n, err)
				return
			}
			if line.Ev.Lost > 0 {
				clear(at)
			}
			name, rest, _ := strings.Cut(line.Ev.Payload, " ")
			_, from, _ := strings.Cut(rest, "from_state:")
			from, _, _ = strings.Cut(from, " ")
			if was := at[name]; was != "" && was != from {
				done <- fmt.Sprintf("event %d: %s %s from %s, but it was %s", n, line.Ev.Type, name, from, was)
				return
			}
			if at[name] = strings.TrimPrefix(line.Ev.Type, "PROCESS_STATE_"); strings.HasPrefix(line.Ev.Payload, "processname:p9 ") && at[name] == "STOPPED" {
				done <- ""
				return
			}
		}
	}()
	for range upgrades {
		b.do("upgrade", nil)
	}
	b.do("stop", named{Name: "all"})
	if text := <-done; text != "" {
		t.Error(text)
	}
	b.stop()
}

// signalAmid sends a signal some time after the next upgrade has begun; began says whether it has.
func (b *box) signalAmid(s syscall.Signal, after time.Duration) (began func() bool, sent <-chan struct{}) {
	n := b.count("INFO", "upgrading from")
	began = func() bool { return b.count("INFO", "upgrading from") > n }
	done := make(chan struct{})
	go func() {
		defer close(done)
		for !began() && !b.t.Failed() {
			time.Sleep(time.Millisecond) // between two looks of a poll that the upgrade ends
		}
		time.Sleep(after)
		b.signal(s)
	}()
	return began, done
}

// TestUpgradeSignals: a signal that comes in the midst of an upgrade is dealt with once, by this version or the next one.
// In the first life of a daemon one can come in the moment in which the kernel ends its threads; so the first upgrade is not counted.
func TestUpgradeSignals(t *testing.T) {
	t.Parallel()
	b, _ := upgradable(t, "", "[program:p]\ncommand = sleep 1000\n")
	b.start()
	b.reaches("p", "RUNNING")
	b.upgrade()
	for i := range 25 {
		_, sent := b.signalAmid(syscall.SIGUSR2, time.Duration(i)*time.Millisecond) // another moment each time
		b.upgrade()
		<-sent
		b.until("USR2 was heard", func() bool { return b.count("received SIGUSR2") > i })
	}
	if n := b.count("received SIGUSR2"); n != 25 {
		t.Errorf("25 signals were heard %d times", n)
	}
	b.stop()
}

// TestUpgradeHangup: a SIGHUP in the midst of an upgrade may be lost, but ends no version of gosv.
func TestUpgradeHangup(t *testing.T) {
	t.Parallel()
	b, _ := upgradable(t, "", "")
	b.start()
	b.upgrade()
	for i := range 10 {
		began, sent := b.signalAmid(syscall.SIGHUP, time.Duration(i)*time.Millisecond)
		b.until("an upgrade has begun", func() bool {
			b.ctl("upgrade") // the last restart may be under way
			return began()
		})
		<-sent
		b.until("it answers", func() bool { _, code := b.ctl("pid"); return code == 0 })
	}
	b.stop()
}
