package conf

import (
	"strings"
	"testing"
)

func TestAccessErrors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, file, text, want string }{
		{"a TCP server for all", "x.toml", "[inet_http_server]\nport = 9001\n", "x.toml:2: [inet_http_server] port: everybody who reaches this address could run programs, for there is no password (add username and password, or an [access.NAME], or listen on 127.0.0.1, or say insecure = true)"},
		{"as in the original", "x.ini", "[supervisord]\n[inet_http_server]\nport = 9001\n", ""},
		{"loopback", "x.toml", "[inet_http_server]\nport = '127.0.0.1:9001'\n", ""},
		{"loopback by name", "x.toml", "[inet_http_server]\nport = 'localhost:9001'\n", ""},
		{"loopback, version 6", "x.toml", "[inet_http_server]\nport = '[::1]:9001'\n", ""},
		{"no loopback", "x.toml", "[inet_http_server]\nport = '127.0.0.1.example.com:9001'\n", "everybody who reaches"},
		{"meant", "x.toml", "[inet_http_server]\nport = 9001\ninsecure = true\n", ""},
		{"a password", "x.toml", "[inet_http_server]\nport = 9001\nusername = 'u'\npassword = 'p'\n", ""},
		{"a user", "x.toml", "[inet_http_server]\nport = 9001\n[access.u]\npassword = 'p'\n", ""},
		{"a user without a password", "x.toml", "[inet_http_server]\nport = 9001\n[access.u]\nuser = 'root'\n", "everybody who reaches"},
		{"twice the same name", "x.ini", "[supervisord]\n[inet_http_server]\nport = 9001\nusername = u\npassword = p\n[access:u]\npassword = q\n", `x.ini:4: [inet_http_server] username: "u" is the user of [access:u]`},
		{"nobody", "x.ini", "[supervisord]\n[access:u]\nrole = read\n", "x.ini:2: [access:u]: nobody can be this user (add password=, or user="},
		{"a colon", "x.ini", "[supervisord]\n[access:u:v]\npassword = p\n", "x.ini:2: [access:u:v]: the name of a user has no colon"},
		{"no name", "x.ini", "[supervisord]\n[access:]\npassword = p\n", "the section needs a name"},
		{"an unknown role", "x.ini", "[supervisord]\n[access:u]\npassword = p\nrole = oprate\n", `x.ini:4: [access:u] role: must be read, operate or admin, not "oprate" (did you mean operate?)`},
		{"an unknown account", "x.ini", "[supervisord]\n[access:u]\nuser = nobody-has-this\n", "x.ini:3: [access:u] user: there is no account"},
		{"a limited admin", "x.ini", "[supervisord]\n[access:u]\npassword = p\nrole = admin\nprograms = a\n", "x.ini:5: [access:u] programs: an admin changes the whole daemon"},
		{"an open bracket", "x.ini", "[supervisord]\n[access:u]\npassword = p\nprograms = [a\n", `x.ini:4: [access:u] programs: must be names and patterns`},
		{"audit without a folder", "x.ini", "[supervisord]\naudit_logfile = /no/such/dir/a.log\n", "x.ini:2: [supervisord] audit_logfile: the directory /no/such/dir does not exist"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := Load(write(t, test.file, test.text), Options{})
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func TestAccess(t *testing.T) {
	t.Parallel()
	c := load(t, "x.ini", "[supervisord]\n[program:web]\ncommand=/bin/cat\nnumprocs=2\nprocess_name=w%(process_num)d\n"+
		"[access:a]\npassword={SHA}x\nrole=operate\nprograms=web:w1, work*\n[access:b]\nuser=root\nprograms=\n[access:c]\npassword=p\n")
	if c.Access[0].Role != RoleOperate || c.Access[1].Role != RoleRead || !c.Access[1].User.Set || c.Access[0].Name != "a" {
		t.Errorf("%+v", c.Access)
	}
	for _, test := range []struct {
		user           int
		group, process string
		want           bool
	}{
		{0, "web", "w1", true}, {0, "web", "w0", false}, {0, "worker", "x", true}, {0, "xwork", "work", false}, {0, "", "", false},
		{1, "web", "w1", false}, {2, "web", "w1", true},
	} {
		if got := c.Access[test.user].Sees(test.group, test.process); got != test.want {
			t.Errorf("%s sees %s:%s: %v", c.Access[test.user].Name, test.group, test.process, got)
		}
	}
	if got := c.Audit(); got != AuditNone {
		t.Errorf("an INI file's audit: %s", got)
	}
	if got := load(t, "x.toml", "").Audit(); got != AuditMain {
		t.Errorf("a TOML file's audit: %s", got)
	}
	if got := load(t, "x.ini", "[supervisord]\naudit_logfile=MAIN\n").Audit(); got != AuditMain {
		t.Errorf("audit of MAIN: %s", got)
	}
}

func FuzzPatterns(f *testing.F) {
	f.Add("web:*,work[a-z]", "web", "w1")
	f.Add("[", "a", "b")
	f.Fuzz(func(t *testing.T, patterns, group, process string) {
		list, err := patternList(patterns)
		if err != nil {
			return
		}
		if list == nil {
			t.Error("no pattern is everything")
		}
		(&Access{Programs: list}).Sees(group, process)
	})
}
