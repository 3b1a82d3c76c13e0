package daemon

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gosv/conf"
	"gosv/daemon/wire"
	"gosv/daemon/xmlrpc"
	"gosv/proc"
	"gosv/proc/state"
)

// TestMethods asks everything over XML-RPC and over JSON. want is the answer as JSON, or
// "! CODE NUMBER TEXT" for a fault.
func TestMethods(t *testing.T) {
	t.Parallel()
	long := wire.Fault{Code: wire.AbnormalTermination, Number: 40}
	for _, tt := range []struct {
		name   string
		method string
		params []any
		want   string
		world  func(*fake)
	}{
		{"version", "supervisor.getAPIVersion", nil, `"3.0"`, nil},
		{"old version", "supervisor.getVersion", nil, `"3.0"`, nil},
		{"supervisor version", "supervisor.getSupervisorVersion", nil, `"4.2.5"`, nil},
		{"identification", "supervisor.getIdentification", nil, `"fake"`, nil},
		{"state", "supervisor.getState", nil, `{"statecode":1,"statename":"RUNNING"}`, nil},
		{"state in shutdown", "supervisor.getState", nil, "! SHUTDOWN_STATE 6", moodOf(proc.MoodShutdown)},
		{"pid", "supervisor.getPID", nil, `4242`, nil},
		{"pid in restart", "supervisor.getPID", nil, "! SHUTDOWN_STATE 6", moodOf(proc.MoodRestarting)},
		{"arity before mood", "supervisor.getPID", []any{1}, "! INCORRECT_PARAMETERS 2", moodOf(proc.MoodShutdown)},
		{"comm event in shutdown", "supervisor.sendRemoteCommEvent", []any{"a", "b"}, `true`, moodOf(proc.MoodShutdown)},
		{"comm event of numbers", "supervisor.sendRemoteCommEvent", []any{5, "b"}, `true`, nil},
		{"list in shutdown", "system.methodSignature", []any{"system.listMethods"}, `["array"]`, moodOf(proc.MoodShutdown)},
		{"shutdown", "supervisor.shutdown", nil, `true`, nil},
		{"restart", "supervisor.restart", nil, `true`, nil},
		{"restart with a broken config", "supervisor.restart", nil, "! CANT_REREAD 92 CANT_REREAD: unknown option", brokenConfig},
		{"reload", "supervisor.reloadConfig", nil, `[[[],[],[]]]`, nil},
		{"reload with a plan", "supervisor.reloadConfig", nil, `[[["newone"],["cat"],["quick"]]]`, (*fake).setPlan},
		{"reload a broken config", "supervisor.reloadConfig", nil, "! CANT_REREAD 92 CANT_REREAD: unknown option", brokenConfig},

		{"unknown", "supervisor.fly", nil, "! UNKNOWN_METHOD 1", nil},
		{"private", "supervisor._update", []any{"x"}, "! UNKNOWN_METHOD 1", nil},
		{"traversal", "supervisor.supervisord.options.warnings.linecache.os.system", []any{"id"}, "! UNKNOWN_METHOD 1", nil},

		{"add", "supervisor.addProcessGroup", []any{"newone"}, `true`, nil},
		{"add unknown", "supervisor.addProcessGroup", []any{"nope"}, "! BAD_NAME 10 BAD_NAME: nope", nil},
		{"add active", "supervisor.addProcessGroup", []any{"cat"}, "! ALREADY_ADDED 90 ALREADY_ADDED: cat", nil},
		{"remove", "supervisor.removeProcessGroup", []any{"quick"}, `true`, nil},
		{"remove unknown", "supervisor.removeProcessGroup", []any{"nope"}, "! BAD_NAME 10 BAD_NAME: nope", nil},
		{"remove nothing", "supervisor.removeProcessGroup", []any{""}, "! BAD_NAME 10 BAD_NAME: ", nil},
		{"remove running", "supervisor.removeProcessGroup", []any{"cat"}, "! STILL_RUNNING 91 STILL_RUNNING: cat", nil},

		{"start", "supervisor.startProcess", []any{"quick"}, `true`, nil},
		{"start in a group", "supervisor.startProcess", []any{"grp:g2", false}, `true`, nil},
		{"start running", "supervisor.startProcess", []any{"cat"}, "! ALREADY_STARTED 60 ALREADY_STARTED: cat", nil},
		{"start running by its full name", "supervisor.startProcess", []any{"cat:cat"}, "! ALREADY_STARTED 60 ALREADY_STARTED: cat:cat", nil},
		{"start with a number for wait", "supervisor.startProcess", []any{"quick", 0}, `true`, nil},
		{"start unknown", "supervisor.startProcess", []any{"nope"}, "! BAD_NAME 10 BAD_NAME: nope", nil},
		{"start an unknown member", "supervisor.startProcess", []any{"grp:x"}, "! BAD_NAME 10 BAD_NAME: grp:x", nil},
		{"start a bare group", "supervisor.startProcess", []any{"grp"}, "! BAD_NAME 10 BAD_NAME: grp", nil},
		{"start nothing", "supervisor.startProcess", []any{""}, "! BAD_NAME 10 BAD_NAME: ", nil},
		{"start colon", "supervisor.startProcess", []any{":"}, "! BAD_NAME 10 BAD_NAME: :", nil},
		{"start of no group", "supervisor.startProcess", []any{":*"}, "! BAD_NAME 10 BAD_NAME: :*", nil},
		{"start without a name", "supervisor.startProcess", nil, "! INCORRECT_PARAMETERS 2", nil},
		{"start with too much", "supervisor.startProcess", []any{"cat", true, 1}, "! INCORRECT_PARAMETERS 2", nil},
		{"start a number", "supervisor.startProcess", []any{1}, "! INCORRECT_PARAMETERS 2 INCORRECT_PARAMETERS: name must be string, not 1", nil},
		{"start fails to spawn", "supervisor.startProcess", []any{"quick"}, "! SPAWN_ERROR 50 SPAWN_ERROR: quick", failing("start quick", &proc.Fault{Reason: proc.SpawnError})},
		{"start without a file", "supervisor.startProcess", []any{"quick"}, "! NO_FILE 20 NO_FILE: can't find command '/x'", failing("start quick", &proc.Fault{Reason: proc.NoFile, Text: "can't find command '/x'"})},
		{"start what cannot run", "supervisor.startProcess", []any{"quick"}, "! NOT_EXECUTABLE 21 NOT_EXECUTABLE: command at '/x' is not executable", failing("start quick", &proc.Fault{Reason: proc.NotExecutable, Text: "command at '/x' is not executable"})},
		{"start ends abnormally", "supervisor.startProcess", []any{"quick"}, "! ABNORMAL_TERMINATION 40 ABNORMAL_TERMINATION: quick", failing("start quick", &long)},
		{"start of a closed manager", "supervisor.startProcess", []any{"quick"}, "! SHUTDOWN_STATE 6", failing("start quick", proc.ErrClosed)},
		{"start a group by star", "supervisor.startProcess", []any{"grp:*"}, `[{"name":"g2","group":"grp","status":80,"description":"OK"}]`, nil},
		{"start a group by colon", "supervisor.startProcess", []any{"cat:"}, `[]`, nil},
		{"start an unknown group", "supervisor.startProcess", []any{"nope:*"}, "! BAD_NAME 10 BAD_NAME: nope:*", nil},
		{"signal an unknown group", "supervisor.signalProcess", []any{"nope:*", "HUP"}, "! BAD_NAME 10 BAD_NAME: nope:*", nil},
		{"start group", "supervisor.startProcessGroup", []any{"grp"}, `[{"name":"g2","group":"grp","status":50,"description":"SPAWN_ERROR: grp:g2"}]`, failing("start g2", &proc.Fault{Reason: proc.SpawnError})},
		{"start group unknown", "supervisor.startProcessGroup", []any{"nope"}, "! BAD_NAME 10 BAD_NAME: nope", nil},
		{"start group nothing", "supervisor.startProcessGroup", []any{""}, "! BAD_NAME 10 BAD_NAME: ", nil},
		{"start all", "supervisor.startAllProcesses", []any{false}, `[{"name":"g2","group":"grp","status":80,"description":"OK"},{"name":"fatal","group":"fatal","status":80,"description":"OK"},{"name":"quick","group":"quick","status":80,"description":"OK"}]`, nil},

		{"stop", "supervisor.stopProcess", []any{"cat"}, `true`, nil},
		{"stop stopped", "supervisor.stopProcess", []any{"quick"}, "! NOT_RUNNING 70 NOT_RUNNING: quick", nil},
		{"stop unknown", "supervisor.stopProcess", []any{"nope:x"}, "! BAD_NAME 10 BAD_NAME: nope:x", nil},
		{"stop fails", "supervisor.stopProcess", []any{"cat"}, "! FAILED 30 FAILED: unknown problem", failing("stop cat", &proc.Fault{Reason: proc.Failed, Text: "unknown problem"})},
		{"stop group", "supervisor.stopProcessGroup", []any{"grp", true}, `[{"name":"g1","group":"grp","status":80,"description":"OK"}]`, nil},
		{"stop all", "supervisor.stopAllProcesses", nil, `[{"name":"cat","group":"cat","status":80,"description":"OK"},{"name":"g1","group":"grp","status":80,"description":"OK"}]`, nil},

		{"signal", "supervisor.signalProcess", []any{"cat", "SIGWINCH"}, `true`, nil},
		{"signal by number", "supervisor.signalProcess", []any{"cat", 28}, `true`, nil},
		{"signal 0", "supervisor.signalProcess", []any{"cat", "0"}, `true`, nil},
		{"signal in lower case", "supervisor.signalProcess", []any{"cat", "hup"}, `true`, nil},
		{"bad signal", "supervisor.signalProcess", []any{"cat", "FOO"}, "! BAD_SIGNAL 11 BAD_SIGNAL: FOO", nil},
		{"bad number", "supervisor.signalProcess", []any{"cat", 99}, "! BAD_SIGNAL 11 BAD_SIGNAL: 99", nil},
		{"name before signal", "supervisor.signalProcess", []any{"nope", "FOO"}, "! BAD_NAME 10 BAD_NAME: nope", nil},
		{"signal before state", "supervisor.signalProcess", []any{"quick", "FOO"}, "! BAD_SIGNAL 11 BAD_SIGNAL: FOO", nil},
		{"signal stopped", "supervisor.signalProcess", []any{"quick", "HUP"}, "! NOT_RUNNING 70 NOT_RUNNING: quick", nil},
		{"bad signal to a group", "supervisor.signalProcess", []any{"grp:*", "FOO"}, `[{"name":"g1","group":"grp","status":11,"description":"BAD_SIGNAL: FOO"}]`, nil},
		{"signal group", "supervisor.signalProcessGroup", []any{"grp", "HUP"}, `[{"name":"g1","group":"grp","status":80,"description":"OK"}]`, nil},
		{"bad signal to an unknown group", "supervisor.signalProcessGroup", []any{"nope", "FOO"}, "! BAD_NAME 10 BAD_NAME: nope", nil},
		{"bad signal to all", "supervisor.signalAllProcesses", []any{"FOO"}, `[{"name":"g1","group":"grp","status":11,"description":"BAD_SIGNAL: FOO"},{"name":"cat","group":"cat","status":11,"description":"BAD_SIGNAL: FOO"}]`, nil},
		{"signal an array", "supervisor.signalProcess", []any{"cat", []any{}}, "! INCORRECT_PARAMETERS 2 INCORRECT_PARAMETERS: signal must be string, not an array", nil},

		{"info", "supervisor.getProcessInfo", []any{"fatal"}, `{"description":"can't find command '/nonexistent/fatal'","exitstatus":0,"group":"fatal","logfile":"/var/log/fatal.out","name":"fatal","now":1795372867,"pid":0,"spawnerr":"can't find command '/nonexistent/fatal'","start":0,"state":200,"statename":"FATAL","stderr_logfile":"","stdout_logfile":"/var/log/fatal.out","stop":0}`, nil},
		{"info of a group", "supervisor.getProcessInfo", []any{"grp:*"}, "! BAD_NAME 10 BAD_NAME: grp:*", nil},
		{"info unknown", "supervisor.getProcessInfo", []any{"nope"}, "! BAD_NAME 10 BAD_NAME: nope", nil},

		{"main log", "supervisor.readLog", []any{0, 10}, `"2026-11-22"`, nil},
		{"main log by its old name", "supervisor.readMainLog", []any{-5, 0}, `"4242\n"`, nil},
		{"main log, bad arguments", "supervisor.readLog", []any{-1, 5}, "! BAD_ARGUMENTS 3", nil},
		{"clear the main log", "supervisor.clearLog", nil, `true`, nil},
		{"clear the main log in vain", "supervisor.clearLog", nil, "! FAILED 30", failing("clear main", io.ErrClosedPipe)},
		{"stdout", "supervisor.readProcessStdoutLog", []any{"cat", 0, 0}, `"hello ü\nworld\n"`, nil},
		{"stdout by its old name", "supervisor.readProcessLog", []any{"cat", "6", 0.0}, `"ü\nworld\n"`, nil},
		{"stdout, a cut character", "supervisor.readProcessLog", []any{"cat", 0, 7}, `"hello ` + "\uFFFD" + `"`, nil},
		{"stdout past the end", "supervisor.readProcessLog", []any{"cat", 100, 5}, `""`, nil},
		{"stdout, bad length", "supervisor.readProcessLog", []any{"cat", 0, -1}, "! BAD_ARGUMENTS 3", nil},
		{"stdout, no number", "supervisor.readProcessLog", []any{"cat", "a", 0}, "! INCORRECT_PARAMETERS 2 INCORRECT_PARAMETERS: offset must be int, not a", nil},
		{"stderr missing", "supervisor.readProcessStderrLog", []any{"cat", 0, 0}, "! NO_FILE 20 NO_FILE: /var/log/cat.err", nil},
		{"stderr of none", "supervisor.readProcessStderrLog", []any{"quick", 0, 0}, "! NO_FILE 20", nil},
		{"read of a group", "supervisor.readProcessLog", []any{"cat:*", 0, 0}, "! BAD_NAME 10 BAD_NAME: cat:*", nil},
		{"tail", "supervisor.tailProcessStdoutLog", []any{"cat", 0, 100}, `["hello ü\nworld\n",15,false]`, nil},
		{"tail, less", "supervisor.tailProcessLog", []any{"cat", 0, 5}, `["orld\n",15,true]`, nil},
		{"tail at the end", "supervisor.tailProcessLog", []any{"cat", 15, 100}, `["",15,false]`, nil},
		{"tail past the end", "supervisor.tailProcessLog", []any{"cat", 100, 5}, `["",15,false]`, nil},
		{"tail of none", "supervisor.tailProcessStderrLog", []any{"quick", 0, 100}, `["",0,false]`, nil},
		{"tail unknown", "supervisor.tailProcessLog", []any{"nope", 0, 100}, "! BAD_NAME 10 BAD_NAME: nope", nil},
		{"clear", "supervisor.clearProcessLogs", []any{"cat"}, `true`, nil},
		{"clear by its old name", "supervisor.clearProcessLog", []any{"quick"}, `true`, nil},
		{"clear unknown", "supervisor.clearProcessLogs", []any{"nope"}, "! BAD_NAME 10 BAD_NAME: nope", nil},
		{"clear a group", "supervisor.clearProcessLogs", []any{"grp:*"}, "! BAD_NAME 10 BAD_NAME: grp:*", nil},
		{"clear in vain", "supervisor.clearProcessLogs", []any{"cat"}, "! FAILED 30 FAILED: cat", failing("clear cat", io.ErrClosedPipe)},
		{"clear all", "supervisor.clearAllProcessLogs", nil, `[{"name":"g1","group":"grp","status":80,"description":"OK"},{"name":"g2","group":"grp","status":80,"description":"OK"},{"name":"cat","group":"cat","status":30,"description":"FAILED: cat"},{"name":"fatal","group":"fatal","status":80,"description":"OK"},{"name":"quick","group":"quick","status":80,"description":"OK"}]`, failing("clear cat", io.ErrClosedPipe)},

		{"stdin", "supervisor.sendProcessStdin", []any{"cat", "grüße\n"}, `true`, nil},
		{"stdin of a number", "supervisor.sendProcessStdin", []any{"cat", 5}, "! INCORRECT_PARAMETERS 2 INCORRECT_PARAMETERS: 5", nil},
		{"stdin of a truth", "supervisor.sendProcessStdin", []any{"cat", true}, "! INCORRECT_PARAMETERS 2 INCORRECT_PARAMETERS: True", nil},
		{"stdin unknown", "supervisor.sendProcessStdin", []any{"nope", "x"}, "! BAD_NAME 10 BAD_NAME: nope", nil},
		{"stdin of a group", "supervisor.sendProcessStdin", []any{"cat:*", "x"}, "! BAD_NAME 10 BAD_NAME: cat:*", nil},
		{"stdin of a stopped one", "supervisor.sendProcessStdin", []any{"quick", "x"}, "! NOT_RUNNING 70 NOT_RUNNING: quick", nil},
		{"stdin closed", "supervisor.sendProcessStdin", []any{"cat", "x"}, "! NO_FILE 20 NO_FILE: cat", failing("stdin cat", &proc.Fault{Reason: proc.NoFile, Text: "EPIPE"})},

		{"signature unknown", "system.methodSignature", []any{"nope"}, "! SIGNATURE_UNSUPPORTED 4", nil},
		{"signature of a short name", "system.methodSignature", []any{"status"}, "! SIGNATURE_UNSUPPORTED 4", nil},
		{"help unknown", "system.methodHelp", []any{"nope"}, "! SIGNATURE_UNSUPPORTED 4", nil},
		{"multicall", "system.multicall", []any{[]any{
			multi("supervisor.getPID"), multi("supervisor.getPID", 1), multi("nope"), multi("status"),
			multi("supervisor.startProcess", "quick"), multi("supervisor.startProcess", "cat"),
			multi("system.multicall", []any{}), xmlrpc.Struct{{Name: "params", Value: []any{}}}, 5,
		}}, `[4242,{"faultCode":2,"faultString":"INCORRECT_PARAMETERS"},{"faultCode":1,"faultString":"UNKNOWN_METHOD"},{"faultCode":1,"faultString":"UNKNOWN_METHOD"},true,{"faultCode":60,"faultString":"ALREADY_STARTED: cat"},{"faultCode":2,"faultString":"INCORRECT_PARAMETERS: Recursive system.multicall forbidden"},{"faultCode":2,"faultString":"INCORRECT_PARAMETERS: No methodName"},{"faultCode":2,"faultString":"INCORRECT_PARAMETERS: No methodName"}]`, nil},
		{"multicall of nothing", "system.multicall", []any{[]any{}}, `[]`, nil},
		{"multicall in shutdown", "system.multicall", []any{[]any{multi("supervisor.getPID")}}, `[{"faultCode":6,"faultString":"SHUTDOWN_STATE"}]`, moodOf(proc.MoodShutdown)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			if tt.world != nil {
				tt.world(f)
			}
			_, path := f.serveUnix(t, conf.UnixServer{})
			if got := f.normal(askXML(t, path, tt.method, tt.params)); got != canonical(t, tt.want) {
				t.Errorf("over XML-RPC:\ngot  %s\nwant %s", got, tt.want)
			}
			if got := f.normal(askJSON(t, path, tt.method, tt.params)); got != canonical(t, tt.want) {
				t.Errorf("over JSON:\ngot  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func moodOf(m proc.Mood) func(*fake) { return func(f *fake) { f.mood = m } }

func failing(what string, err error) func(*fake) { return func(f *fake) { f.fail[what] = err } }

func brokenConfig(f *fake) {
	f.broken = conf.Errors{{Section: "program:web", Key: "startsec", Msg: "unknown option"}}
}

// TestListMethods: exactly Supervisor's names, each with help and its signature.
func TestListMethods(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"supervisor.addProcessGroup": "boolean string", "supervisor.clearAllProcessLogs": "array", "supervisor.clearLog": "boolean",
		"supervisor.clearProcessLog": "boolean string", "supervisor.clearProcessLogs": "boolean string", "supervisor.getAPIVersion": "string",
		"supervisor.getAllConfigInfo": "array", "supervisor.getAllProcessInfo": "array", "supervisor.getIdentification": "string",
		"supervisor.getPID": "int", "supervisor.getProcessInfo": "struct string", "supervisor.getState": "struct",
		"supervisor.getSupervisorVersion": "string", "supervisor.getVersion": "string", "supervisor.readLog": "string int int",
		"supervisor.readMainLog": "string int int", "supervisor.readProcessLog": "string string int int",
		"supervisor.readProcessStderrLog": "string string int int", "supervisor.readProcessStdoutLog": "string string int int",
		"supervisor.reloadConfig": "array", "supervisor.removeProcessGroup": "boolean string", "supervisor.restart": "boolean",
		"supervisor.sendProcessStdin": "boolean string string", "supervisor.sendRemoteCommEvent": "boolean string string",
		"supervisor.shutdown": "boolean", "supervisor.signalAllProcesses": "array string", "supervisor.signalProcess": "boolean string string",
		"supervisor.signalProcessGroup": "array string string", "supervisor.startAllProcesses": "array boolean",
		"supervisor.startProcess": "boolean string boolean", "supervisor.startProcessGroup": "array string boolean",
		"supervisor.stopAllProcesses": "array boolean", "supervisor.stopProcess": "boolean string boolean",
		"supervisor.stopProcessGroup": "array string boolean", "supervisor.tailProcessLog": "array string int int",
		"supervisor.tailProcessStderrLog": "array string int int", "supervisor.tailProcessStdoutLog": "array string int int",
		"system.listMethods": "array", "system.methodHelp": "string string", "system.methodSignature": "array string", "system.multicall": "array array",
	}
	f := newFake(t)
	c := &call{api: f.api, access: admin}
	names := f.methods().rpc
	if len(names) != 41 || !slices.IsSorted(names) {
		t.Errorf("%d names: %q", len(names), names)
	}
	for _, name := range names {
		if got := strings.Join(c.listed(name).signature(), " "); got != want[name] {
			t.Errorf("signature of %s: got %q, want %q", name, got, want[name])
		}
		help, err := c.invoke(t.Context(), "system.methodHelp", args{list: []any{name}})
		if err != nil || !strings.Contains(help.(string), "@return ") {
			t.Errorf("help of %s: %v, %v", name, help, err)
		}
	}
}

func TestDescription(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 22, 6, 1, 0, 0, time.Local)
	for _, tt := range []struct {
		name string
		info proc.Info
		now  time.Time
		want string
	}{
		{"never started", proc.Info{State: state.Stopped}, start, "Not started"},
		{"running", proc.Info{State: state.Running, PID: 13962, Start: start}, start.Add(64 * time.Second), "pid 13962, uptime 0:01:04"},
		{"a day", proc.Info{State: state.Running, PID: 1, Start: start}, start.Add(25*time.Hour + 61*time.Second), "pid 1, uptime 1 day, 1:01:01"},
		{"two days", proc.Info{State: state.Running, PID: 1, Start: start}, start.Add(48*time.Hour + 61*time.Second), "pid 1, uptime 2 days, 0:01:01"},
		{"clock set back", proc.Info{State: state.Running, PID: 1, Start: start}, start.Add(-time.Hour), "pid 1, uptime 0:00:00"},
		{"fatal", proc.Info{State: state.Fatal, SpawnErr: "no"}, start, "no"},
		{"backoff, nothing known", proc.Info{State: state.Backoff, Name: "x"}, start, `unknown error (try "tail x")`},
		{"exited", proc.Info{State: state.Exited, Start: start, Stop: start.Add(13 * time.Hour)}, start, "Nov 22 07:01 PM"},
		{"stopped, morning", proc.Info{State: state.Stopped, Start: start, Stop: start.Add(time.Minute)}, start, "Nov 22 06:02 AM"},
		{"stopped after spawn errors only", proc.Info{State: state.Stopped, Start: start}, start, "Not started"},
		{"starting", proc.Info{State: state.Starting, Start: start}, start, ""},
		{"stopping", proc.Info{State: state.Stopping, Start: start}, start, ""},
	} {
		if got := description(&tt.info, tt.now); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestPython: Python's own client library reads everything.
func TestPython(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("/usr/bin/python3")
	if err != nil {
		t.Skip("no /usr/bin/python3")
	}
	f := newFake(t)
	f.infos = append(f.infos, proc.Info{Group: "grü", Name: "test_\"ö<&>\x1b", State: state.Fatal, SpawnErr: "a\rb]]>"})
	addr := f.serveTCP(t, "user", "foo")
	out, err := exec.Command(python, "-c", `
import sys, xmlrpc.client
s = xmlrpc.client.ServerProxy('http://user:foo@%s/RPC2' % sys.argv[1])
print(len(s.system.listMethods()), s.supervisor.getPID(), s.supervisor.getState())
info = s.supervisor.getAllProcessInfo()
print(len(info), list(info[0]), ascii(info[-1]['name']), ascii(info[-1]['group']), ascii(info[-1]['spawnerr']))
conf = s.supervisor.getAllConfigInfo()
print(len(conf), list(conf[0]), conf[0]['autorestart'], conf[0]['uid'], conf[0]['exitcodes'])
try: s.supervisor.startProcess('nope')
except xmlrpc.client.Fault as f: print(f)
print(s.system.multicall([{'methodName': 'supervisor.getPID'}, {'methodName': 'supervisor.startProcess', 'params': ['nope']}]))
print(s.supervisor.tailProcessStdoutLog('cat', 0, 100))
try: xmlrpc.client.ServerProxy('http://%s/RPC2' % sys.argv[1]).supervisor.getPID()
except xmlrpc.client.ProtocolError as e: print(e.errcode, e.errmsg)
`, addr).CombinedOutput()
	want := `41 4242 {'statecode': 1, 'statename': 'RUNNING'}
6 ['name', 'group', 'start', 'stop', 'now', 'state', 'statename', 'spawnerr', 'exitstatus', 'logfile', 'stdout_logfile', 'stderr_logfile', 'pid', 'description'] 'test_"\xf6<&>\ufffd' 'gr\xfc' 'a\rb]]>'
6 ['autostart', 'autorestart', 'directory', 'uid', 'command', 'exitcodes', 'group', 'group_prio', 'inuse', 'killasgroup', 'name', 'process_prio', 'redirect_stderr', 'startretries', 'startsecs', 'stdout_capture_maxbytes', 'stdout_events_enabled', 'stdout_logfile', 'stdout_logfile_backups', 'stdout_logfile_maxbytes', 'stdout_syslog', 'stopsignal', 'stopwaitsecs', 'stderr_capture_maxbytes', 'stderr_events_enabled', 'stderr_logfile', 'stderr_logfile_backups', 'stderr_logfile_maxbytes', 'stderr_syslog', 'serverurl'] unexpected none [0]
<Fault 10: 'BAD_NAME: nope'>
[4242, {'faultCode': 10, 'faultString': 'BAD_NAME: nope'}]
['hello ü\nworld\n', 15, False]
401 Unauthorized
`
	if err != nil || string(out) != want {
		t.Errorf("%v\ngot  %s\nwant %s", err, out, want)
	}
}

// BenchmarkAllProcessInfo is what a dashboard asks for every few seconds.
func BenchmarkAllProcessInfo(b *testing.B) {
	f := &fake{mood: proc.MoodRunning}
	for i := range 1000 {
		f.infos = append(f.infos, proc.Info{Group: "many", Name: fmt.Sprintf("worker_%04d", i), State: state.Running, PID: i + 1, Start: startedAt()})
	}
	c := &call{api: &api{mgr: f, logs: &oneLog{path: filepath.Join("var", "log", "worker")}, log: slog.New(slog.DiscardHandler)}, access: admin}
	r := httptest.NewRequest(http.MethodPost, "/RPC2", nil)
	b.ReportAllocs()
	for b.Loop() {
		out, ok := c.answerXML(nil, r, "supervisor.getAllProcessInfo", nil)
		if b.SetBytes(int64(len(out))); !ok || len(out) < 1000*1000 {
			b.Fatalf("%s", out)
		}
		c.texts.Put(c.text)
		c.text = nil
	}
}
