package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

// upstreamBase is the head of the configurations: as Supervisor's own end-to-end tests have
// it, in the foreground and loud.
const upstreamBase = `[supervisord]
loglevel=debug                  ; log level; default info
logfile=@DIR@/main.log
logfile_maxbytes=50MB           ; max main logfile bytes b4 rotation; default 50MB
pidfile=@DIR@/pid
childlogdir=@DIR@
nodaemon=true                   ; start in foreground if true; default false
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[unix_http_server]
file=@DIR@/s   ; the path to the socket file
[supervisorctl]
serverurl=unix://@DIR@/s ; use a unix:// URL  for a unix socket
`

// upstream is a scenario of Supervisor's own end-to-end tests, named by the issue that it
// is about.
type upstream struct {
	name string
	conf string // follows upstreamBase, and may add to its sections
	env  []string
	args []string
	run  func(t *testing.T, sd *side, d *console)
}

// ctl starts supervisorctl with the scenario's configuration on a terminal.
func (sd *side) ctl(t *testing.T, env []string, args ...string) *console {
	t.Helper()
	return sd.onTerminal(t, sd.ctlProg, env, append([]string{"-c", "supervisord.conf"}, args...)...)
}

func expecting(exprs ...string) func(*testing.T, *side, *console) {
	return func(t *testing.T, _ *side, d *console) {
		t.Helper()
		for _, e := range exprs {
			d.expect(e)
		}
	}
}

var upstreams = []upstream{
	{
		name: "291a percent signs in the environment",
		conf: "[program:print_env]\ncommand=/usr/bin/env\nstartsecs=0\nautorestart=false\n",
		env:  []string{"THE_PERCENT=" + strings.Repeat("%", 300)},
		run:  expecting("THE_PERCENT="+strings.Repeat("%", 300), "exited: print_env"),
	},
	{
		name: "550 environment of supervisord in tail",
		conf: "[supervisord]\nenvironment=THIS_SHOULD=BE_IN_CHILD_ENV\n[program:print_env]\ncommand=/bin/sh -c \"env; sleep 0.5\"\nstartsecs=0\nstartretries=0\nautorestart=false\n",
		run: func(t *testing.T, sd *side, d *console) {
			d.expect("success: print_env entered RUNNING state")
			d.expect(`exited: print_env \(exit status 0; expected\)`)
			c := sd.ctl(t, nil, "tail -100000", "print_env")
			c.expect("THIS_SHOULD=BE_IN_CHILD_ENV")
			if rc := c.expectEnd(); rc != 0 {
				t.Errorf("tail ended with %d", rc)
			}
		},
	},
	{
		name: "565 UTF-8 from both streams in tail -f",
		conf: "[program:hello]\ncommand=/bin/sh -c 'while :; do echo \"The Øresund bridge ends in Malmö\"; sleep 0.1; done'\n",
		run: func(t *testing.T, sd *side, d *console) {
			d.expect("success: hello entered RUNNING state")
			c := sd.ctl(t, nil, "tail", "-f", "hello")
			for range 3 {
				c.expect("The Øresund bridge ends in Malmö\r\n")
			}
		},
	},
	{
		name: "638 a byte that is no UTF-8",
		conf: "[program:produce-unicode-error]\ncommand=/usr/bin/printf '\\210\\n'\nstartretries=0\nautorestart=false\n",
		run:  expecting(`Undecodable: b'\\x88\\n'`, "received SIGCHLD indicating a child quit"),
	},
	{
		name: "663 a listener's protocol in the log",
		conf: "[eventlistener:listener_663]\ncommand=/usr/bin/python3 -u %(here)s/listener.py\nevents=TICK_5\n",
		run:  expecting("OKREADY", "BUSY -> ACKNOWLEDGED"),
	},
	{
		name: "664 a name with umlauts",
		conf: "[program:test_öäü]\ncommand=/bin/cat\n",
		run: func(t *testing.T, sd *side, d *console) {
			d.expect("test_öäü entered RUNNING state")
			sd.ctl(t, nil, "status").expect(`test_öäü\s+RUNNING`)
		},
	},
	{
		name: "733 a listener that ends supervisord when something is FATAL",
		conf: "[program:nonexistent]\ncommand=%(here)s/nonexistent\nstartsecs=0\nstartretries=0\nautorestart=false\n[eventlistener:fatal]\ncommand=/bin/bash -c 'while true; do printf \"READY\\n\"; read line; kill -15 $PPID; printf \"RESULT 2\\n\"; printf \"OK\"; done'\nevents=PROCESS_STATE_FATAL\nstartsecs=0\n",
		run: func(t *testing.T, sd *side, d *console) {
			d.expect("gave up: nonexistent entered FATAL state")
			d.expect("received SIGTERM indicating exit request")
			if rc := d.expectEnd(); rc != 0 {
				t.Errorf("ended with %d", rc)
			}
		},
	},
	{
		name: "835 UTF-8 over sendProcessStdin",
		conf: "[program:cat]\ncommand=/bin/cat\n",
		run: func(t *testing.T, sd *side, d *console) {
			d.expect("cat entered RUNNING state")
			if _, err := sd.rpc("supervisor.sendProcessStdin", []any{"cat", "The Øresund bridge ends in Malmö"}); err != nil {
				t.Fatal(err)
			}
			d.expect("The Øresund bridge ends in Malmö")
		},
	},
	{
		name: "836 fg echoes what is typed",
		conf: "[program:cat]\ncommand=/bin/cat\n",
		run: func(t *testing.T, sd *side, d *console) {
			d.expect("cat entered RUNNING state")
			c := sd.ctl(t, nil, "fg", "cat")
			c.expect("Press Ctrl-C to exit")
			for _, line := range []string{"Hi", "Hello", "The Øresund bridge ends in Malmö"} {
				c.send(line + "\r")
				c.expect(line) // the terminal
				c.expect(line) // the program
			}
			c.send("\x03")
			c.expect("Exiting foreground")
		},
	},
	{
		name: "986 percent signs in a command",
		conf: "[program:echo]\ncommand=/bin/bash -c \"echo 'dhcrelay -d -q -a %%h:%%p %%P -i Vlan1000 192.168.0.1'\"\nstartsecs=0\nautorestart=false\n",
		run:  expecting("dhcrelay -d -q -a %h:%p %P -i Vlan1000 192.168.0.1"),
	},
	{
		name: "1054 avail",
		conf: "[program:cat]\ncommand=/bin/cat\n",
		run: func(t *testing.T, sd *side, d *console) {
			d.expect("cat entered RUNNING state")
			sd.ctl(t, nil, "avail").expect(`cat\s+in use\s+auto`)
		},
	},
	{
		name: "1170a environment of supervisord in a command",
		conf: "[supervisord]\nenvironment=FOO=\"set from [supervisord] section\"\n[program:echo_secret]\ncommand=/bin/bash -c \"echo '%(ENV_FOO)s'\"\nstartsecs=0\nautorestart=false\n",
		run:  expecting(`set from \[supervisord\] section`),
	},
	{
		name: "1170b environment of a program in its command",
		conf: "[supervisord]\nenvironment=FOO=\"set from [supervisord] section\"\n[program:echo_secret]\ncommand=/bin/bash -c \"echo '%(ENV_FOO)s'\"\nenvironment=FOO=\"set from [program] section\"\nstartsecs=0\nautorestart=false\n",
		run:  expecting(`set from \[program\] section`),
	},
	{
		name: "1170c environment of a listener in its command",
		conf: "[supervisord]\nenvironment=FOO=\"set from [supervisord] section\"\n[eventlistener:echo_secret]\ncommand=/bin/bash -c \"echo '%(ENV_FOO)s' >&2\"\nevents=PROCESS_STATE_FATAL\nenvironment=FOO=\"set from [eventlistener] section\"\nstartsecs=0\nautorestart=false\n",
		run:  expecting(`set from \[eventlistener\] section`),
	},
	{
		name: "1224 the main log on standard output",
		conf: "[supervisord]\nnodaemon=true\nlogfile=/dev/stdout\nlogfile_maxbytes=0\nnodaemon=true\n[program:cat]\ncommand=/bin/cat\n",
		run:  expecting("cat entered RUNNING state"),
	},
	{
		name: "1231a tail -f of UTF-8",
		conf: helloConf,
		run: func(t *testing.T, sd *side, d *console) {
			d.expect("success: hello entered RUNNING state")
			c := sd.ctl(t, []string{"LANG=C.UTF-8"}, "tail", "-f", "hello")
			for i := range 5 {
				c.expect(fmt.Sprintf("%d - hash=57d94b…381088", i))
			}
		},
	},
	{
		name: "1231b tail -f with a locale that is not UTF-8",
		conf: helloConf,
		run: func(t *testing.T, sd *side, d *console) {
			d.expect("success: hello entered RUNNING state")
			c := sd.ctl(t, latin1, "tail", "-f", "hello")
			c.expect("Warning: sys.stdout.encoding is set to ")
			c.expect("Unicode output may fail.")
		},
	},
	{
		name: "1231c tail with a locale that is not UTF-8",
		conf: helloConf,
		run: func(t *testing.T, sd *side, d *console) {
			d.expect("success: hello entered RUNNING state")
			c := sd.ctl(t, latin1, "tail", "hello")
			c.expect("Warning: sys.stdout.encoding is set to ")
			c.expect("Unicode output may fail.")
		},
	},
	{
		name: "1298 tail -f into a pipe",
		conf: "[program:spew]\ncommand=/bin/bash -c 'i=0; while :; do i=$((i+1)); echo \"spewage $i\"; sleep 0.05; done'\n",
		run: func(t *testing.T, sd *side, d *console) {
			d.expect("success: spew entered RUNNING state")
			c := sd.onTerminal(t, "/bin/bash", nil, "-c", sd.ctlProg+" -c supervisord.conf tail -f spew | /bin/cat -u")
			c.expect("spewage 2")
			c = sd.onTerminal(t, "/bin/bash", nil, "-c", sd.ctlProg+" -c supervisord.conf tail -f spew | head -2; echo and on")
			c.expect("spewage")
			c.expect("and on")
		},
	},
	{
		name: "1483a the usual identifier",
		conf: "[program:cat]\ncommand=/bin/cat\n",
		run:  identified("supervisor"),
	},
	{
		name: "1483b an identifier in the file",
		conf: "[supervisord]\nidentifier=from_config_file\n[program:cat]\ncommand=/bin/cat\n",
		run:  identified("from_config_file"),
	},
	{
		name: "1483c the command line's identifier wins",
		conf: "[supervisord]\nidentifier=from_config_file\n[program:cat]\ncommand=/bin/cat\n",
		args: []string{"-i", "from_command_line"},
		run:  identified("from_command_line"),
	},
	{
		name: "1596 many short connections",
		conf: "[program:cat]\ncommand=/bin/cat\n[inet_http_server]\nport=127.0.0.1:@PORT@\n",
		run: func(t *testing.T, sd *side, d *console) {
			d.expect("cat entered RUNNING state")
			client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
			var failed atomic.Int64
			for range 200 {
				resp, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/ok.html", sd.port))
				if err != nil || resp.StatusCode != 200 {
					failed.Add(1)
					continue
				}
				resp.Body.Close()
			}
			if failed.Load() > 0 {
				t.Errorf("%d of 200 requests failed", failed.Load())
			}
			sd.ctl(t, nil, "status").expect(`cat\s+RUNNING`)
		},
	},
}

const helloConf = "[program:hello]\ncommand=%(here)s/hello\n"

const helloScript = `#!/bin/sh
i=0
while :; do
	echo "$i - hash=57d94b…381088"
	i=$((i+1))
	sleep 0.1
done
`

var latin1 = []string{"LANG=oops", "LC_ALL=POSIX", "PYTHONIOENCODING=latin-1", "PYTHONCOERCECLOCALE=0", "PYTHONUTF8=0"}

func identified(want string) func(*testing.T, *side, *console) {
	return func(t *testing.T, sd *side, d *console) {
		t.Helper()
		d.expect("cat entered RUNNING state")
		if text, err := sd.rpc("supervisor.getIdentification", nil); err != nil || !strings.Contains(text, "<string>"+want+"</string>") {
			t.Errorf("getIdentification answers %q, %v; want %s", text, err, want)
		}
	}
}

const upstreamListener = `import sys
while True:
    sys.stdout.write('READY\n')
    sys.stdout.flush()
    header = dict(x.split(':') for x in sys.stdin.readline().split())
    sys.stdin.read(int(header['len']))
    sys.stdout.write('RESULT 2\nOK')
    sys.stdout.flush()
`

// TestCompatUpstream runs the scenarios of Supervisor's own end-to-end tests against gosv,
// and, where it is installed, against the original, which shows that they are the scenarios.
func TestCompatUpstream(t *testing.T) {
	if testing.Short() {
		t.Skipf("%d end-to-end scenarios are not in the short run", len(upstreams))
	}
	sides := []int{1}
	if _, err := exec.LookPath(originalDaemon); err == nil {
		sides = []int{1, 0}
	} else {
		t.Logf("without the original: there is no %s", originalDaemon)
	}
	slot := make(chan struct{}, 4)
	for _, u := range upstreams {
		for _, i := range sides {
			t.Run(strings.ReplaceAll(u.name, " ", "_")+"/"+sideNames[i], func(t *testing.T) {
				t.Parallel()
				slot <- struct{}{}
				t.Cleanup(func() { <-slot })
				u.try(t, i)
			})
		}
	}
}

func (u *upstream) try(t *testing.T, index int) {
	dir, err := os.MkdirTemp("", "up")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	sd, err := newSide(index, filepath.Join(dir, "s"), &txtar.Archive{Files: []txtar.File{
		{Name: "supervisord.conf", Data: []byte(upstreamBase + u.conf)},
		{Name: "listener.py", Data: []byte(upstreamListener)},
		{Name: "hello", Data: []byte(helloScript)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sd.close)
	u.run(t, sd, sd.onTerminal(t, sd.daemonProg, u.env, append([]string{"-c", "supervisord.conf"}, u.args...)...))
}

// TestCompatTools: the scenarios about programs that need no daemon: help (1251), pidproxy
// (1418), the sample (1578).
func TestCompatTools(t *testing.T) {
	for _, tt := range []struct {
		name string
		argv []string
		want []string
	}{
		{"1251 help of supervisord", []string{"supervisord", "-?"}, []string{"supervisord -- run a set of applications", "-l/--logfile FILENAME -- use FILENAME as"}},
		{"1251 help of supervisorctl", []string{"supervisorctl", "-?"}, []string{"supervisorctl -- control applications", "-i/--interactive -- start an interactive"}},
		{"1418 pidproxy", []string{"pidproxy", "nonexistent-pidfile", "/bin/echo", "[1 2]"}, []string{`\[1 2\]`}},
		{"1578 sample", []string{"echo_supervisord_conf"}, []string{"Sample supervisor config file"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			prog, err := exec.LookPath(tt.argv[0])
			if err != nil {
				t.Fatal(err)
			}
			sd := &side{dir: t.TempDir(), env: os.Environ()}
			c := sd.onTerminal(t, prog, nil, tt.argv[1:]...)
			for _, w := range tt.want {
				c.expect(w)
			}
			if rc := c.expectEnd(); rc != 0 {
				t.Errorf("ended with %d", rc)
			}
		})
	}
}
