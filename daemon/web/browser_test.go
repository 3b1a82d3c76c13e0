package web

import (
	"bytes"
	"flag"
	"fmt"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gosv/daemon/wire"
)

var shots = flag.String("shots", "", "keep the browser test's screenshots in this directory")

// aFleet is a daemon with a bit of everything.
func aFleet() *fakeDaemon {
	now := time.Now().Unix()
	up := func(group, name string, pid int, age int64, text string) wire.Process {
		return wire.Process{Group: group, Name: name, State: "RUNNING", PID: pid, Start: now - age, Now: now,
			Description: fmt.Sprintf("pid %d, uptime %s", pid, text)}
	}
	is := func(group, name, state, text string) wire.Process {
		return wire.Process{Group: group, Name: name, State: state, Now: now, Description: text}
	}
	f := newFake(
		up("api", "api_00", 2214, 189_312, "2 days, 4:35:12"),
		up("api", "api_01", 2215, 189_312, "2 days, 4:35:12"),
		is("api", "api_02", "STARTING", ""),
		is("billing", "billing", "BACKOFF", "Exited too quickly (process log may have details)"),
		is("cron", "nightly", "EXITED", "Nov 22 03:10 AM"),
		is("import", "import", "FATAL", `can't find command '/srv/import/bin/run-the-importer-with-a-rather-long-name'`),
		up("nginx", "nginx", 901, 86_461, "1 day, 0:01:01"),
		is("queue", "mailer", "STOPPING", ""),
		is("queue", "thumbnails", "STOPPED", "Not started"),
		up("redis", "redis", 877, 47, "0:00:47"),
	)
	var log strings.Builder
	for i := range 60 {
		fmt.Fprintf(&log, "2026-11-22 18:%02d:07,113 INFO  api.request: GET /v1/orders/%d 200 in %d ms\n", i%60, 48_100+i*37, 3+i*7%40)
	}
	log.WriteString("2026-11-22 19:00:02,448 WARN  api.pool: <script>alert(1)</script> & friends, ünïcödé \u2713\n")
	f.logs["api:api_00/stdout"] = log.String()
	f.logs["redis:redis/stdout"] = ""
	return f
}

// aCrowd is sixty processes in all states, with names of all kinds.
func aCrowd() *fakeDaemon {
	names := []string{"worker", "a b", "naïve-ünïcödé", "名前が長いプログラム", "مرحبا", "with.dots.and-dashes_and_more_of_them", "<b>&amp;</b>", "%41+%2F?#", `it's "quoted"`,
		"\u202eevil", "\x1b[31mred", "x"}
	states := []string{"RUNNING", "RUNNING", "STARTING", "BACKOFF", "STOPPING", "EXITED", "STOPPED", "FATAL", "UNKNOWN"}
	var procs []wire.Process
	for i := range 60 {
		p := process(fmt.Sprintf("group%d", i/12), fmt.Sprintf("%s-%02d", names[i%len(names)], i), states[i%len(states)], "")
		switch p.State {
		case "RUNNING":
			p.Description = fmt.Sprintf("pid %d, uptime 12 days, 3:04:05", 30_000+i)
		case "BACKOFF", "FATAL":
			p.Description = "Exited too quickly (process log may have details)"
		case "EXITED":
			p.Description = "Nov 22 03:10 AM"
		case "STOPPED":
			p.Description = "Not started"
		}
		procs = append(procs, p)
	}
	return newFake(procs...)
}

// site is a server as the daemon's: the page, and streams of logs beside it.
func site(t *testing.T, f *fakeDaemon) (address string, more chan<- string) {
	t.Helper()
	lines := make(chan string)
	mux := http.NewServeMux()
	mux.Handle("/", New(f, Options{}))
	mux.HandleFunc("/logtail/", func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, "/logtail/")
		if !strings.Contains(path, "/") {
			path += "/stdout"
		}
		f.mu.Lock()
		text, ok := f.logs[path]
		f.mu.Unlock()
		if !ok {
			http.NotFound(w, r)
			return
		}
		io.WriteString(w, text[max(0, len(text)-1024):])
		w.(http.Flusher).Flush()
		for {
			select {
			case <-r.Context().Done():
				return
			case line := <-lines:
				io.WriteString(w, line)
				w.(http.Flusher).Flush()
			}
		}
	})
	s := httptest.NewServer(mux)
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL, lines
}

// in is an expression on the row of a process.
func in(name, rest string) string {
	return fmt.Sprintf(`document.querySelector('tr[data-name="%s"]')`, name) + rest
}

// poorContrast names the texts of the page whose contrast is below WCAG's 4.5 to 1.
const poorContrast = `(() => {
	const parts = (colour) => colour.match(/[\d.]+/g).map(Number);
	const light = (colour) => {
		const [r, g, b] = parts(colour).map((v) => (v / 255 <= 0.03928 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const poor = [];
	for (const e of document.querySelectorAll("body *")) {
		if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility()) continue;
		let back = e;
		while (back !== document.documentElement && (parts(getComputedStyle(back).backgroundColor)[3] ?? 1) === 0) back = back.parentElement;
		const [a, b] = [light(getComputedStyle(e).color), light(getComputedStyle(back).backgroundColor)].sort((x, y) => y - x);
		const ratio = (a + 0.05) / (b + 0.05);
		if (ratio < 4.5) poor.push(e.localName + "." + e.className + " " + ratio.toFixed(2));
	}
	return [...new Set(poor)].join(", ");
})()`

// TestBrowser uses the pages as people do, in a real Chromium.
func TestBrowser(t *testing.T) {
	c := startChrome(t)
	run := func(name string, f func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			whole := c.t
			c.t = t
			defer func() { c.t = whole }()
			c.look(1280, 800, "light")
			defer func() { // also when f gives up
				c.open("about:blank#") // before its server goes
				if list := c.complaints(); len(list) > 0 {
					t.Errorf("the console says: %q", list)
				}
			}()
			f(t)
		})
	}

	run("looks", func(t *testing.T) {
		address, _ := site(t, aFleet())
		crowd, _ := site(t, aCrowd())
		empty, _ := site(t, newFake())
		long := strings.Repeat("long", 60)
		longer, _ := site(t, newFake(process(long, "x", "FATAL", long+long), process("a", "a", "RUNNING", "pid 1, uptime 0:00:01")))
		for _, x := range []struct {
			name          string
			width, height int
			url           string
		}{
			{"status", 1280, 800, address + "/"},
			{"message", 1280, 800, address + "/?message=" + url.QueryEscape("Process api:api_00 restarted")},
			{"failed", 1280, 800, address + "/?message=" + url.QueryEscape("ERROR: Process import: no such file")},
			{"empty", 1280, 800, empty + "/"},
			{"tail", 1280, 800, address + "/tail.html?processname=api%3Aapi_00&limit=16384"},
			{"notail", 1280, 800, address + "/tail.html?processname=cron%3Anightly"},
			{"confirm", 1280, 800, address + "/index.html?action=stop&processname=api%3Aapi_00"},
			{"tablet", 900, 900, address + "/"},
			{"phone", 360, 740, address + "/"},
			{"phone_tail", 360, 740, address + "/tail.html?processname=api%3Aapi_00&limit=16384"},
			{"phone_confirm", 360, 740, address + "/index.html?action=stopall"},
			{"crowd", 1280, 800, crowd + "/"},
			{"phone_crowd", 360, 740, crowd + "/"},
			{"long", 1100, 800, longer + "/?message=" + long},
			{"tablet_long", 900, 900, longer + "/"},
			{"phone_long", 360, 740, longer + "/?message=" + long},
			{"phone_long_tail", 360, 740, longer + "/tail.html?processname=" + long + ":x"},
		} {
			c.look(x.width, x.height, "light")
			c.open(x.url)
			if x.name == "status" || x.name == "phone" || x.name == "tail" {
				c.wait(`document.querySelector("#live").textContent === "live"`)
			}
			for _, scheme := range []string{"light", "dark"} {
				c.look(x.width, x.height, scheme)
				if wide := c.eval(`document.documentElement.scrollWidth`).(float64); int(wide) > x.width {
					t.Errorf("%s: %v pixels wide, the window has %d", x.name, wide, x.width)
				}
				if poor := c.eval(poorContrast); poor != "" {
					t.Errorf("%s, %s: hard to read: %s", x.name, scheme, poor)
				}
				pic, err := png.DecodeConfig(bytes.NewReader(c.shoot(x.name + "_" + scheme)))
				if err != nil || pic.Width != x.width {
					t.Errorf("%s: screenshot %+v, %v", x.name, pic, err)
				}
			}
		}
	})

	run("no name looks like another", func(t *testing.T) {
		f := newFake(process("live", "live", "STOPPED", ""), process("\u202eevil", "\u202eevil", "STOPPED", ""))
		address, _ := site(t, f)
		c.open(address)
		c.wait(`document.querySelector("#live").textContent === "live"`)
		c.wait(`document.querySelectorAll("td.name")[1].textContent === "\\u202eevil"`)
		c.eval(`document.querySelectorAll("button[value=start]")[1].click()`)
		c.wait(`document.querySelector(".status_msg").textContent === "Process \\u202eevil started"`)
		if got := f.done(); !slices.Equal(got, []string{"start \u202eevil \u202eevil"}) {
			t.Errorf("did %q", got)
		}
	})

	run("states change without a reload", func(t *testing.T) {
		f := aFleet()
		address, _ := site(t, f)
		c.open(address)
		c.eval(`window.mark = 1`)
		c.wait(`document.querySelector("#live").textContent === "live"`)
		f.set(func(f *fakeDaemon) { f.procs[5] = running(f.procs[5]) })
		c.wait(in("import", `.querySelector("td.status").textContent === "running"`))
		f.set(func(f *fakeDaemon) {
			f.procs = append(slices.Delete(f.procs, 9, 10), process("a", "first", "STOPPED", "Not started"))
		})
		c.wait(`document.querySelector("tbody").rows[0].dataset.name === "a:first" && !` + in("redis", ""))
		c.wait(`document.querySelector("#summary").textContent.startsWith("10 processes: 4 running")`)
		if c.eval(`window.mark`) != 1.0 {
			t.Error("the page was loaded anew")
		}
	})

	run("all go, and one comes", func(t *testing.T) {
		f := aFleet()
		address, _ := site(t, f)
		c.open(address)
		c.wait(`document.querySelector("#live").textContent === "live"`)
		f.set(func(f *fakeDaemon) { f.procs = nil })
		c.wait(`document.querySelector("#empty")?.textContent === "No programs to manage"`)
		c.wait(`document.querySelector("#live").textContent === "live"`)
		f.set(func(f *fakeDaemon) { f.procs = []wire.Process{process("a", "a", "STOPPED", "Not started")} })
		c.wait(in("a", ""))
	})

	run("uptime counts", func(t *testing.T) {
		address, _ := site(t, aFleet())
		c.open(address)
		c.wait(in("redis", `.querySelector(".info").textContent.match(/^pid 877, uptime 0:(00:(49|5\d)|[0-5][1-9]:\d\d)$/)`))
		c.wait(in("nginx", `.querySelector(".info").textContent.match(/^pid 901, uptime 1 day, 0:(01:(0[3-9]|[1-5]\d)|0[2-9]:\d\d)$/)`))
	})

	run("an action needs no new page", func(t *testing.T) {
		f := aFleet()
		f.asked = make(chan struct{})
		address, _ := site(t, f)
		c.open(address)
		c.eval(`window.mark = 1`)
		c.wait(`document.querySelector("#live").textContent === "live"`)
		c.eval(in("redis", `.querySelector("button[value=stop]").click()`))
		c.wait(in("redis", `.getAttribute("aria-busy") === "true"`))
		c.wait(`document.querySelector(".status_msg").textContent === "Stop redis…"`)
		f.asked <- struct{}{}
		c.wait(`document.querySelector(".status_msg").textContent === "Process redis stopped"`)
		c.wait(in("redis", `.querySelector("button[value=start]")`))
		if got := f.done(); !slices.Equal(got, []string{"stop redis redis"}) || c.eval(`window.mark`) != 1.0 {
			t.Errorf("did %q, want one stop and the same page", got)
		}
	})

	run("all asks first", func(t *testing.T) {
		f := aFleet()
		address, _ := site(t, f)
		c.open(address)
		c.wait(`document.querySelector("#live").textContent === "live"`)
		c.eval(`document.querySelector('[data-confirm="stopall"]').click()`)
		c.wait(`document.querySelector("dialog").open`)
		c.shoot("dialog_light")
		c.press("Escape")
		c.wait(`!document.querySelector("dialog").open`)
		c.eval(`document.querySelector('[data-confirm="stopall"]').click()`)
		c.press("Enter") // the focus is on Cancel
		c.wait(`!document.querySelector("dialog").open`)
		if got := f.done(); len(got) > 0 {
			t.Errorf("did %q without a yes", got)
		}
		c.eval(`document.querySelector('[data-confirm="stopall"]').click()`)
		c.press("Tab")
		c.press("Enter")
		c.wait(`document.querySelector(".status_msg")?.textContent.startsWith("All stopped at ")`)
		c.wait(`document.querySelectorAll('[data-state="stopped"]').length === 10`)
		if got := f.done(); !slices.Equal(got, []string{"stopall"}) {
			t.Errorf("did %q, want stopall", got)
		}
	})

	run("keyboard", func(t *testing.T) {
		f := aFleet()
		address, _ := site(t, f)
		c.open(address)
		c.wait(`document.querySelector("#live").textContent === "live"`)
		c.press("/")
		c.wait(`document.activeElement.type === "search"`)
		for _, key := range "red" {
			c.press(string(key))
		}
		c.wait(`[...document.querySelectorAll("tbody tr")].filter((r) => !r.hidden).length === 1`)
		c.press("Tab") // the name
		c.press("Tab") // Restart
		c.press("Tab") // Stop
		c.wait(`document.activeElement.value === "stop"`)
		c.press("Enter")
		c.wait(`document.querySelector(".status_msg")?.textContent === "Process redis stopped"`)
		c.wait(in("redis", `.querySelector("td.name a") === document.activeElement`))
		c.press("/")
		c.press("Escape")
		c.wait(`[...document.querySelectorAll("tbody tr")].filter((r) => !r.hidden).length === 10`)
	})

	run("a log runs on", func(t *testing.T) {
		f := aFleet()
		address, more := site(t, f)
		c.open(address + "/tail.html?processname=api%3Aapi_00&limit=16384")
		c.wait(`document.querySelector("#live").textContent === "live"`)
		more <- "one <b>more</b> line\n"
		c.wait(`document.querySelector("#log").textContent.endsWith("one <b>more</b> line\n")`)
		f.mu.Lock()
		want := f.logs["api:api_00/stdout"] + "one <b>more</b> line\n"
		f.logs["api:api_00/stdout"] = want
		f.mu.Unlock()
		if got := c.eval(`document.querySelector("#log").textContent`); got != want {
			t.Errorf("the page shows %q, want the log once: %q", got, want)
		}
		c.eval(`document.querySelector("#follow").click()`)
		c.wait(`document.querySelector("#live").textContent === "paused"`)
		f.set(func(f *fakeDaemon) { f.logs["api:api_00/stdout"] += "meanwhile\n" })
		c.eval(`document.querySelector("#follow").click()`)
		c.wait(`document.querySelector("#log").textContent.endsWith("line\nmeanwhile\n")`)
		if got := c.eval(`document.querySelector("#log").textContent`); got != want+"meanwhile\n" {
			t.Errorf("after the pause the page shows %q", got)
		}
		c.shoot("tail_follow")
	})

	run("without JavaScript", func(t *testing.T) {
		c.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
		defer c.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": false}, nil)
		f := aFleet()
		address, _ := site(t, f)
		c.open(address)
		c.shoot("noscript_light")
		c.leave(in("redis", `.querySelector("button[value=stop]")`))
		c.wait(`document.querySelector(".status_msg")?.textContent === "Process redis stopped"`)
		c.leave(`document.querySelector('[href="index.html?action=restartall"]')`)
		c.wait(`document.querySelector("#question")?.textContent === "Restart all processes?"`)
		if got := f.done(); !slices.Equal(got, []string{"stop redis redis"}) {
			t.Errorf("did %q before the confirmation, want one stop", got)
		}
		c.leave(`document.querySelector(".danger")`)
		c.wait(`document.querySelector(".status_msg")?.textContent.startsWith("All restarted at ")`)
		if got := f.done(); !slices.Equal(got, []string{"stop redis redis", "restartall"}) {
			t.Errorf("did %q, want stop and restartall", got)
		}
	})

	run("hostile names", func(t *testing.T) {
		nasty := `"><img src=x onerror=window.bad=1>`
		f := newFake(process(nasty, `'</script><script>window.bad=1</script>`, "STOPPED", "<b onclick=x>"))
		address, _ := site(t, f)
		c.open(address + "/?message=" + url.QueryEscape("<script>window.bad=1</script>"))
		c.wait(`document.querySelector("#live").textContent === "live"`)
		c.eval(`document.querySelector("button[value=start]").click()`)
		c.wait(`document.querySelector(".status_msg").textContent.startsWith("Process ")`)
		c.wait(`document.querySelector("button[value=stop]")`)
		if c.eval(`window.bad ?? 0`) != 0.0 {
			t.Error("a name was run as a script")
		}
		if n := c.eval(`document.querySelectorAll("tbody img, tbody b").length`); n != 0.0 {
			t.Error("a name was taken for HTML")
		}
	})

	run("the daemon goes away and comes back", func(t *testing.T) {
		f := aFleet()
		address, _ := site(t, f)
		c.open(address)
		c.wait(`document.querySelector("#live").textContent === "live"`)
		f.set(func(f *fakeDaemon) { f.err = &wire.Fault{Code: wire.ShutdownState, Number: 6} })
		c.wait(`document.querySelector("#live").className === "off" && document.querySelector("table.stale")`)
		c.shoot("stale_light")
		f.set(func(f *fakeDaemon) { f.err, f.procs[0] = nil, process("api", "api_00", "EXITED", "just now") })
		c.wait(`document.querySelector("#live").textContent === "live"`)
		c.wait(in("api:api_00", `.querySelector("td.status").textContent === "exited"`))
	})
}
