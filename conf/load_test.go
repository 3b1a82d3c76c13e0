package conf

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// write puts a configuration into a file of its own directory.
func write(t testing.TB, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// load loads a text that must be right.
func load(t testing.TB, name, text string) *Config {
	t.Helper()
	c, err := Load(write(t, name, text), Options{Environ: []string{"PATH=/bin", "NAME=joe"}})
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return c
}

// sameModel are the options of cmp for "means the same": where things are written, and in
// which order variables are, does not matter.
var sameModel = cmp.Options{
	cmpopts.IgnoreTypes(Pos{}, &Origin{}),
	cmpopts.IgnoreFields(Config{}, "File", "TOML", "Included", "Notices"),
	cmpopts.IgnoreFields(InetServer{}, "Insecure"), // a conversion to TOML must add it
	cmp.Comparer(func(a, b Env) bool { return a.equal(b) }),
	cmp.Comparer(func(a, b Command) bool {
		x, err1 := a.Words()
		y, err2 := b.Words()
		return slices.Equal(x, y) && (err1 == nil && err2 == nil || a.Line == b.Line)
	}),
}

func TestLoadErrors(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/errors/*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if filepath.Ext(file) == ".golden" {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			_, err := Load(file, Options{Environ: []string{"PATH=/bin"}})
			var errs Errors
			if !errors.As(err, &errs) {
				t.Fatalf("Load(%q) = %v, want errors", file, err)
			}
			cwd, err := os.Getwd()
			if err != nil {
				t.Fatal(err)
			}
			got := strings.ReplaceAll(errs.Error()+"\n", cwd+"/", "") // included files have absolute names
			golden(t, "errors/"+filepath.Base(file)+".golden", got)
			for _, e := range errs {
				if e.Pos.File == "" || e.Pos.Line == 0 {
					t.Errorf("no place: %v", e)
				}
			}
		})
	}
}

func TestInspect(t *testing.T) {
	t.Parallel()
	file := write(t, "x.conf", "[supervisord]\n[program:a]\ncomand=/bin/cat\n")
	c, notices, errs := Inspect(file, Options{})
	if c != nil || len(errs) != 1 || len(notices) != 1 || !strings.Contains(notices[0].Text, "did you mean command?") {
		t.Errorf("got %v, %v, %v", c, notices, errs)
	}
}

// A fault in a password or an environment is told without it: it goes to logs.
func TestFaultsKeepSecrets(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, text string }{
		{"x.ini", "[unix_http_server]\nfile=/tmp/x\nusername=u\npassword=50%hidden\n[supervisord]\n"},
		{"x.toml", "[unix_http_server]\nfile = \"/tmp/x\"\nusername = \"u\"\npassword = \"a${hidden\"\n"},
		{"x.toml", "[unix_http_server]\nfile = \"/tmp/x\"\nusername = \"u\"\npassword = [\"hidden\"]\n"},
		{"x.ini", "[supervisord]\n[program:a]\ncommand=/bin/cat\nenvironment=A=\"hidden,B=1\n"},
		{"x.ini", "[supervisord]\n[program:a]\ncommand=/bin/cat\nenvironment=A=hidden B=1\n"},
		{"x.ini", "[supervisord]\n[program:a]\ncommand=/bin/cat\nenvironment=A=hidden%\n"},
		{"x.toml", "[program.a]\ncommand = \"/bin/cat\"\nenvironment = { A = [\"hidden\"] }\n"},
	} {
		path := filepath.Join(t.TempDir(), test.name)
		if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(path, Options{}); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%q: %v", test.text, err)
		}
	}
}

func TestLoadMissing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, file, want string }{
		{"none", "/no/such/file.conf", "could not find config file /no/such/file.conf"},
		{"directory", "/tmp", "could not read config file /tmp (is a directory)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Load(test.file, Options{})
			if err == nil || err.Error() != test.want {
				t.Errorf("Load(%q) = %v, want %s", test.file, err, test.want)
			}
		})
	}
}

func TestLoadTooLarge(t *testing.T) {
	t.Parallel()
	file := write(t, "big.conf", "[supervisord]\n"+strings.Repeat("# comment\n", maxFile/10+1))
	if _, err := Load(file, Options{}); err == nil || !strings.Contains(err.Error(), "larger than 16 MiB") {
		t.Errorf("got %v", err)
	}
}

func TestOverrides(t *testing.T) {
	t.Parallel()
	file := write(t, "x.conf", "[supervisord]\nloglevel=warn\nuser=no-such-user\n")
	c, err := Load(file, Options{Overrides: []Override{
		{"-e", "loglevel", "debug"}, {"-n", "nodaemon", ""}, {"--logfile", "logfile", "/tmp/x.log"}, {"-u", "user", "0"},
		{"--profile_options", "profile_options", "cumulative"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	sd := c.Supervisord
	if sd.Loglevel != Debug || !sd.Nodaemon || sd.Logfile != "/tmp/x.log" || !sd.User.Set {
		t.Errorf("got %+v", sd)
	}
	if pos := sd.Origin.Pos("loglevel"); pos != (Pos{}) {
		t.Errorf("loglevel is at %v, want the command line", pos)
	}
	_, err = Load(file, Options{Overrides: []Override{{"-e", "loglevel", "foo"}, {"-u", "user", "no-such-user"}}})
	var errs Errors
	if !errors.As(err, &errs) || len(errs) != 2 {
		t.Fatalf("got %v", err)
	}
	want := []string{"invalid value for -e 'foo': bad logging level name 'foo'", "Invalid user name no-such-user"}
	if got := []string{errs[0].Compat, errs[1].Compat}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	_, tried := Find("/opt/gosv/bin/supervisord")
	want := []string{"/opt/gosv/etc/supervisord.conf", "/opt/gosv/supervisord.conf", "supervisord.conf",
		"etc/supervisord.conf", "/etc/supervisord.conf", "/etc/supervisor/supervisord.conf"}
	if !slices.Equal(tried, want) {
		t.Errorf("tried %q, want %q", tried, want)
	}
	modern := []string{"gosv.toml", "/etc/gosv/gosv.toml", "/etc/gosv.toml",
		"supervisord.conf", "etc/supervisord.conf", "/etc/supervisord.conf", "/etc/supervisor/supervisord.conf"}
	if _, tried := Find("gosv daemon"); !slices.Equal(tried, modern) && tried[len(tried)-1] == modern[6] { // a file may be there
		t.Errorf("tried %q, want %q", tried, modern)
	}
	if _, tried := Find("supervisord"); tried[0] != "etc/supervisord.conf" {
		t.Errorf("tried %q", tried)
	}
	if err := os.WriteFile("supervisord.conf", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if path, _ := Find("/opt/gosv/bin/supervisord"); path != "supervisord.conf" {
		t.Errorf("found %q", path)
	}
}

func TestFormatIsDecidedByContent(t *testing.T) {
	t.Parallel()
	ini := "[supervisord]\n[program:a]\ncommand=/bin/cat -u\n"
	toml := "[program.a]\ncommand = '/bin/cat -u'\n"
	for _, test := range []struct{ name, file, text, format string }{
		{"ini", "x.conf", ini, ""}, {"toml", "x.toml", toml, ""},
		{"ini in toml", "x.toml", ini, ""}, {"toml in conf", "x.conf", toml, ""}, {"toml in ini", "x.ini", toml, ""},
		{"ini without", "x", ini, ""}, {"toml without", "x", toml, ""}, {"ini forced", "x.toml", ini, "ini"}, {"toml forced", "x.ini", toml, "toml"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := Load(write(t, test.file, test.text), Options{Format: test.format})
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Groups) != 1 || c.Groups[0].Processes[0].Command.String() != "/bin/cat -u" {
				t.Errorf("got %+v", c.Groups)
			}
		})
	}
}

func TestNotices(t *testing.T) {
	t.Parallel()
	text := `[supervisord]
stdout_logfile = x
http_port = 1
[prgram:x]
command = %(nope)s
[program:a]
command = /bin/cat
startsec = 1
stdout_logfile_maxbytes = 0
stderr_logfile = /tmp/x
redirect_stderr = true
[program:b]
command = /bin/cat
stdout_logfile = syslog
[eventlistener:l]
command = x
events = TICK
result_handler = mine:handler
[rpcinterface:other]
supervisor.rpcinterface_factory = other:make
[ctlplugin:other]
supervisor.ctl_factory = other:make
[supervisorctl]
prompt = %(nope)s
[group:g]
programs = c,d,
[program:c]
command = c
process_name = same
[program:d]
command = d
process_name = same
[fcgi-program:b]
command = x
socket = tcp://localhost:9
[access:ops]
username = ops
password = {SHA}C+7Hteo/D9vJXQ3UfzxbwnXaijM=
[program]
[unix_http_server]
file = /tmp/s
username = u
password = {SHA}9d4e1e23bd5b727046a9e3b4b7db57bd8d6ee684
[program:e]
command = d
cwd = /
logfile = /tmp/x
nodaemon = true
`
	file := write(t, "supervisord.conf", text)
	c, err := Load(file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, n := range c.Notices {
		b.WriteString(n.Level + " " + strings.ReplaceAll(n.Text, filepath.Dir(file)+"/", "") + "\n")
	}
	golden(t, "notices.golden", b.String())
	for _, g := range c.Groups {
		if g.Name == "g" && (len(g.Processes) != 1 || g.Processes[0].Command.Line != "d") {
			t.Errorf("of two processes with one name the last must count: %+v", g.Processes)
		}
	}
}

// TestTutorial loads the two files of a tutorial as users copy them: first where the
// accounts and directories are missing, then where they are there.
func TestTutorial(t *testing.T) {
	t.Parallel()
	main, err := os.ReadFile("testdata/tutorial/supervisord.conf")
	if err != nil {
		t.Fatal(err)
	}
	blog, err := os.ReadFile("testdata/tutorial/blog.ini")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	put := func(replace ...string) string {
		r := strings.NewReplacer(replace...)
		os.MkdirAll(filepath.Join(dir, "relative/directory"), 0o755)
		for name, text := range map[string][]byte{"supervisord.conf": main, "relative/directory/blog.ini": blog} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(r.Replace(string(text))), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return filepath.Join(dir, "supervisord.conf")
	}
	// The names of the tutorial may exist on the machine that runs this.
	file := put("=tomcat", "=no-such-tomcat", "user = test", "user = no-such-test", "/opt/apache", "/opt/no-such-apache")
	_, err = Load(file, Options{})
	if err == nil {
		t.Fatal("it loads without its accounts")
	}
	golden(t, "tutorial.golden", strings.ReplaceAll(err.Error(), dir+"/", "")+"\n")

	file = put("=tomcat", "=root", "user = test", "user = root", "/opt/apache-tomcat-8.0.35", dir)
	if err := os.Mkdir(filepath.Join(dir, "logs"), 0o755); err != nil {
		t.Fatal(err)
	}
	c, err := Load(file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range c.Groups {
		p := g.Processes[0]
		got = append(got, g.Name+" "+p.Command.Line+" "+strings.TrimPrefix(p.Stdout.Logfile.Path, dir)+" "+p.Stdout.LogfileMaxbytes.String())
	}
	want := []string{"blog /usr/bin/python /opt/bin/test.py /tmp/blog_stdout.log 20MB",
		"xx " + dir + "/bin/catalina.sh run /logs/catalina.out 20MB"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	ctl, err := LoadCtl(file, Options{})
	if err != nil || ctl.ServerURL != "unix:///tmp/supervisor.sock" {
		t.Errorf("LoadCtl = %+v, %v", ctl, err)
	}
	faults := Check(c)
	if len(faults) == 0 || !strings.Contains(faults.Error(), "supervisord.conf:27: [program:xx] command: the command") {
		t.Errorf("Check = %v", faults)
	}
}

func TestLoadCtl(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, file, text string
		want             Supervisorctl
		err              string
	}{
		{"ini", "x.conf", "[supervisorctl]\nserverurl=unix:///run//x\nprompt=%(ENV_NAME)s\nusername=u\npassword=p\n",
			Supervisorctl{ServerURL: "unix:///run/x", Prompt: "joe", Username: "u", Password: "p"}, ""},
		{"ini other sections broken", "x.conf", "[supervisorctl]\n[program:a]\nstartsecs=x\n", Supervisorctl{ServerURL: "http://localhost:9001", Prompt: "supervisor"}, ""},
		{"ini missing", "x.conf", "[supervisord]\n", Supervisorctl{}, ".ini file does not include supervisorctl section"},
		{"ini broken line", "x.conf", "[supervisorctl]\nfoo\n", Supervisorctl{}, "Source contains parsing errors"},
		{"toml missing", "x.toml", "[unix_http_server]\nfile='/run/x'\nusername='u'\npassword='p'\n",
			Supervisorctl{ServerURL: "unix:///run/x", Prompt: "supervisor", Username: "u", Password: "p"}, ""},
		{"toml without url", "x.toml", "[inet_http_server]\nport=9001\n[supervisorctl]\nprompt='x'\n", Supervisorctl{ServerURL: "http://localhost:9001", Prompt: "x"}, ""},
		{"toml hash is no password", "x.toml", "[unix_http_server]\nfile='/run/x'\nusername='u'\npassword='{SHA}x'\n",
			Supervisorctl{ServerURL: "unix:///run/x", Prompt: "supervisor"}, ""},
		{"toml", "x.toml", "[supervisorctl]\nserverurl='http://a:1'\nhistory_file='/tmp/h'\n", Supervisorctl{ServerURL: "http://a:1", Prompt: "supervisor", HistoryFile: "/tmp/h"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := LoadCtl(write(t, test.file, test.text), Options{Environ: []string{"NAME=joe"}})
			if test.err != "" {
				if e, ok := err.(Errors); !ok || !strings.Contains(e.Compat(), test.err) {
					t.Fatalf("got %v, want %s", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, *got, sameModel); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestInstance: identifier= tells two daemons of one file apart only where the file does not say it.
func TestInstance(t *testing.T) {
	for _, c := range []struct {
		text, flag, want string
	}{
		{"identifier = a", "", ""},
		{"identifier = a", "b", "b"},
		{"identifier = a-%(ENV_NODE)s", "", "a-1"},
		{"", "", ""},
	} {
		file := filepath.Join(t.TempDir(), "s.conf")
		if err := os.WriteFile(file, []byte("[supervisord]\n"+c.text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		opts := Options{Environ: []string{"NODE=1"}}
		if c.flag != "" {
			opts.Overrides = []Override{{"-i", "identifier", c.flag}}
		}
		cfg, err := Load(file, opts)
		if err != nil {
			t.Fatal(err)
		}
		if got := cfg.Supervisord.Instance; got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
