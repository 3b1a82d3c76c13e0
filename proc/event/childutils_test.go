package event

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"strconv"
	"testing"
	"time"
	"unicode/utf8"
)

// echo is a listener on Supervisor's own childutils. It rejects its first event, and
// reports on standard error what it understood.
const echo = `
import json, sys
from supervisor import childutils
first = True
while True:
    headers, payload = childutils.listener.wait(sys.stdin, sys.stdout)
    sys.stderr.write(json.dumps([headers, payload]) + "\n")
    sys.stderr.flush()
    if first:
        childutils.listener.fail(sys.stdout)
    else:
        childutils.listener.ok(sys.stdout)
    first = False
`

// TestChildutils lets a listener written for Supervisor talk to a pool over pipes.
func TestChildutils(t *testing.T) {
	t.Parallel()
	const python = "/usr/bin/python3"
	if out, err := exec.Command(python, "-c", "import supervisor.childutils").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED, not tried with Supervisor's childutils: %s: %v %s", python, err, out)
	}
	cmd := exec.Command(python, "-u", "-c", echo)
	cmd.Env = append(cmd.Environ(), "PYTHONIOENCODING=utf-8")
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	stderr, err3 := cmd.StderrPipe()
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.AfterFunc(60*time.Second, func() { cmd.Process.Kill() })
	defer deadline.Stop()

	var bus Bus
	pool := NewPool(Options{
		Name: "el", Server: "sup", Processes: []string{"el_0"}, Types: []Type{Any}, BufferSize: 100, Bus: &bus,
		Log: func(level, text string) {
			if level != "DEBG" {
				t.Log(level, text)
			}
		},
	})
	defer pool.Close()
	pumped := make(chan struct{})
	go func() {
		defer close(pumped)
		buf := make([]byte, 7) // in small pieces
		for {
			n, err := stdout.Read(buf)
			pool.Output("el_0", buf[:n])
			if err != nil {
				return
			}
		}
	}()
	pool.Running("el_0", func(b []byte) error {
		_, err := stdin.Write(b)
		return err
	})

	events := []Event{
		{Type: ProcessGroupAdded, Group: "grün"},
		{Type: SupervisorStateChangeRunning},
		{Type: ProcessStateExited, Process: "web_0", Group: "web", From: "RUNNING", PID: 99, Expected: true},
		{Type: ProcessCommunicationStdout, Process: "tok", Group: "tok", PID: 7, Data: []byte("zz")},
		{Type: ProcessLogStdout, Process: "web_0", Group: "web", PID: 7, Data: []byte("ö€😀\nline two\n")},
		{Type: ProcessLogStderr, Process: "web_0", Group: "web", PID: 7, Data: []byte("\x88\n")},
		{Type: RemoteCommunication, Kind: "deploy", Data: []byte("v1")},
		{Type: Tick3600, When: 7200},
	}
	for _, ev := range events {
		bus.Publish(ev)
	}
	got := bufio.NewScanner(stderr)
	for i := -1; i < len(events); i++ { // the first one comes twice
		serial := max(i, 0)
		ev := events[serial]
		if !got.Scan() {
			t.Fatalf("the listener ended before event %d: %v", serial, got.Err())
		}
		var headers map[string]string
		var payload string
		if err := json.Unmarshal(got.Bytes(), &[]any{&headers, &payload}); err != nil {
			rest, _ := io.ReadAll(stderr)
			t.Fatalf("the listener says %s\n%s", got.Bytes(), rest)
		}
		want := map[string]string{
			"ver": "3.0", "server": "sup", "pool": "el",
			"serial": strconv.Itoa(serial), "poolserial": strconv.Itoa(serial),
			"eventname": ev.Type.String(), "len": strconv.Itoa(utf8.RuneCount(ev.Payload())),
		}
		for key, value := range want {
			if headers[key] != value {
				t.Errorf("event %d: header %s = %q, want %q", serial, key, headers[key], value)
			}
		}
		if len(headers) != len(want) {
			t.Errorf("event %d: headers %v", serial, headers)
		}
		if payload != string(ev.Payload()) {
			t.Errorf("event %d: payload %q, want %q", serial, payload, ev.Payload())
		}
	}
	stdin.Close()
	<-pumped
	cmd.Wait() // it ends with a traceback, at the end of its input
	if s := pool.Stats(); s.Processed != uint64(len(events)) || s.Rejected != 1 {
		t.Errorf("Stats = %+v", s)
	}
}
