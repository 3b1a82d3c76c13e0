package web

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a condition may take to come true on a busy machine.
const patience = 2 * time.Minute

// chrome is a Chromium with one tab, driven over its DevTools pipe: file descriptors 3 and
// 4, messages of JSON that end with a zero byte.
type chrome struct {
	t       *testing.T
	out     *os.File
	session string

	mu      sync.Mutex // guards what follows
	id      int
	waiting map[int]chan reply
	errors  []string // what the page complained of
}

type reply struct {
	ID     int
	Method string
	Params json.RawMessage
	Result json.RawMessage
	Error  *struct{ Message string }
}

// startChrome skips the test, and says so, where there is no Chromium.
func startChrome(t *testing.T) *chrome {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("NOT TESTED in a browser: there is no chromium here (apt-get install --no-install-recommends chromium)")
	}
	if testing.Short() {
		t.Skip("NOT TESTED in a browser: -short")
	}
	dir := t.TempDir()
	theirs, out, err1 := os.Pipe()
	in, theirOut, err2 := os.Pipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--remote-debugging-pipe", "about:blank")
	cmd.Env = append(os.Environ(), "HOME="+dir, "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent", "XDG_CONFIG_HOME="+dir, "XDG_CACHE_HOME="+dir)
	cmd.ExtraFiles = []*os.File{theirs, theirOut}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	theirOut.Close()
	c := &chrome{t: t, out: out, waiting: map[int]chan reply{}}
	read := make(chan struct{})
	go func() {
		defer close(read)
		c.read(in)
	}()
	t.Cleanup(func() {
		c.command("Browser.close", nil)
		out.Close()
		timer := time.AfterFunc(patience, func() { cmd.Process.Kill() })
		cmd.Wait()
		timer.Stop()
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it may have left behind
		<-read
		in.Close()
	})
	var target struct{ TargetID string }
	c.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	c.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	c.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		c.call(domain+".enable", nil, nil)
	}
	return c
}

func (c *chrome) read(in *os.File) {
	r := bufio.NewReader(in)
	for {
		line, err := r.ReadBytes(0)
		if err != nil {
			c.mu.Lock()
			for _, w := range c.waiting {
				close(w)
			}
			c.waiting = nil
			c.mu.Unlock()
			return
		}
		var m reply
		if json.Unmarshal(line[:len(line)-1], &m) != nil {
			continue
		}
		c.mu.Lock()
		switch {
		case m.ID != 0 && c.waiting[m.ID] != nil:
			c.waiting[m.ID] <- m
			delete(c.waiting, m.ID)
		case m.Method == "Runtime.exceptionThrown":
			c.errors = append(c.errors, string(m.Params))
		case m.Method == "Log.entryAdded":
			var p struct {
				Entry struct{ Level, Source, Text, URL string }
			}
			json.Unmarshal(m.Params, &p)
			if p.Entry.Level == "error" {
				c.errors = append(c.errors, fmt.Sprint(p.Entry.Source, ": ", p.Entry.Text, " ", p.Entry.URL))
			}
		}
		c.mu.Unlock()
	}
}

func (c *chrome) command(method string, params any) chan reply {
	c.mu.Lock()
	defer c.mu.Unlock()
	answer := make(chan reply, 1)
	if c.waiting == nil {
		close(answer)
		return answer
	}
	c.id++
	m := map[string]any{"id": c.id, "method": method}
	if params != nil {
		m["params"] = params
	}
	if c.session != "" && method != "Browser.close" {
		m["sessionId"] = c.session
	}
	data, _ := json.Marshal(m)
	c.waiting[c.id] = answer
	c.out.Write(append(data, 0))
	return answer
}

func (c *chrome) call(method string, params, result any) {
	c.t.Helper()
	if refused := c.ask(method, params, result); refused != "" {
		c.t.Fatalf("%s: %s", method, refused)
	}
}

// ask is a call that chromium may refuse: it says why. What it asks of a page that is being
// left is refused.
func (c *chrome) ask(method string, params, result any) (refused string) {
	c.t.Helper()
	select {
	case m, ok := <-c.command(method, params):
		if !ok {
			c.t.Fatalf("%s: chromium has ended", method)
		}
		if m.Error != nil {
			return m.Error.Message
		}
		if result != nil {
			if err := json.Unmarshal(m.Result, result); err != nil {
				c.t.Fatalf("%s: %v", method, err)
			}
		}
	case <-time.After(patience):
		c.t.Fatalf("%s: no answer of chromium", method)
	}
	return ""
}

// open loads a page and waits until it is there, its script run.
func (c *chrome) open(url string) {
	c.t.Helper()
	c.call("Page.navigate", map[string]any{"url": "about:blank"}, nil)
	c.wait(`location.href === "about:blank"`)
	c.call("Page.navigate", map[string]any{"url": url}, nil)
	c.wait(`location.href !== "about:blank" && document.readyState === "complete"`)
}

// eval is the value of an expression on the page; promises are waited for.
func (c *chrome) eval(expression string) any {
	c.t.Helper()
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails json.RawMessage
	}
	c.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &r)
	if r.ExceptionDetails != nil {
		c.t.Fatalf("%s: %s", expression, r.ExceptionDetails)
	}
	return r.Result.Value
}

// leave clicks what leads to another page, which may come before the answer.
func (c *chrome) leave(expression string) {
	c.t.Helper()
	c.ask("Runtime.evaluate", map[string]any{"expression": expression + ".click()"}, nil)
}

// wait polls until an expression is true; a page on its way in or out counts as not yet.
func (c *chrome) wait(expression string) {
	c.t.Helper()
	for end := time.Now().Add(patience); ; {
		var r struct{ Result struct{ Value any } }
		refused := c.ask("Runtime.evaluate", map[string]any{"expression": "Boolean(" + expression + ")", "returnByValue": true}, &r)
		if r.Result.Value == true {
			return
		}
		if time.Now().After(end) {
			c.t.Fatalf("never true: %s %s\n%v", expression, refused, c.eval("document.documentElement.outerHTML"))
		}
		time.Sleep(20 * time.Millisecond) // the poll's step
	}
}

// press is a key on the keyboard: "Tab", "Enter", "Escape", or a character.
func (c *chrome) press(key string) {
	c.t.Helper()
	codes := map[string]int{"Tab": 9, "Enter": 13, "Escape": 27}
	p := map[string]any{"type": "keyDown", "key": key, "windowsVirtualKeyCode": codes[key]}
	switch {
	case key == "Enter":
		p["text"] = "\r"
	case len(key) == 1:
		p["text"] = key
	}
	c.call("Input.dispatchKeyEvent", p, nil)
	c.call("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "windowsVirtualKeyCode": codes[key]}, nil)
}

// look sets the window: its width and height in CSS pixels, and the colour scheme.
func (c *chrome) look(width, height int, scheme string) {
	c.t.Helper()
	c.call("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}, nil)
	// Colours that fade would be looked at half-way.
	c.call("Emulation.setEmulatedMedia", map[string]any{
		"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme},
			{"name": "prefers-reduced-motion", "value": "reduce"}}}, nil)
}

// shoot takes a picture of the window. With -shots it is kept for people to look at.
func (c *chrome) shoot(name string) []byte {
	c.t.Helper()
	var r struct{ Data string }
	c.call("Page.captureScreenshot", map[string]any{"format": "png"}, &r)
	data, err := base64.StdEncoding.DecodeString(r.Data)
	if err != nil {
		c.t.Fatal(err)
	}
	if *shots != "" {
		if err := os.WriteFile(filepath.Join(*shots, name+".png"), data, 0o644); err != nil {
			c.t.Fatal(err)
		}
	}
	return data
}

// complaints are what the page's console told of since the last time: script errors,
// violations of the content security policy, files not found.
func (c *chrome) complaints() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.errors
	c.errors = nil
	return list
}
