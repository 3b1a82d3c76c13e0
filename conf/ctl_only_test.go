package conf

import (
	"strings"
	"testing"
)

// ctl keeps nothing of programs, and sees their faults all the same.
func TestLoadCtlOnly(t *testing.T) {
	t.Parallel()
	text := "[program:a]\ncommand=/bin/cat\n  more\n\n  of it\nserverurl=http://wrong\n[supervisorctl]\nserverurl=unix:///x\nprompt=y\n" +
		"[program:b]\nprompt=z\n[supervisorctl]\nusername=u\n"
	got, err := LoadCtl(write(t, "x.ini", text), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got.ServerURL != "unix:///x" || got.Prompt != "y" || got.Username != "u" {
		t.Errorf("%+v", got)
	}
	_, err = LoadCtl(write(t, "x.ini", text+"[program:c]\nnonsense\n"), Options{})
	if err == nil || !strings.Contains(err.Error(), `x.ini:15: [program:c]: cannot read "nonsense"`) {
		t.Errorf("error %v", err)
	}
}
