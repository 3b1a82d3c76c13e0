package conf

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGroupsAsJSON: groups that a daemon left for the next one are the same to Diff.
func TestGroupsAsJSON(t *testing.T) {
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("[supervisord]\nenvironment=A=\"1\"\n")
	for i := range 100 {
		fmt.Fprintf(&b, "[program:p%d]\ncommand=/bin/sleep %d\nexitcodes=0,2\nenvironment=B=\"x\"\nnumprocs=2\nprocess_name=%%(program_name)s_%%(process_num)d\nuser=root\nkill_escaped=true\nstdout_logfile=NONE\n", i, i)
	}
	b.WriteString("[eventlistener:l]\ncommand=/bin/cat\nevents=TICK_5,PROCESS_STATE\n[fcgi-program:f]\ncommand=/bin/cat\nsocket=tcp://127.0.0.1:1\n[group:g]\nprograms=p1,p2\npriority=5\n")
	file := filepath.Join(dir, "s.conf")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := Load(file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(cfg.Groups)
	if err != nil {
		t.Fatal(err)
	}
	var again []*Group
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if plan := Diff(again, cfg.Groups); !plan.Empty() {
		t.Errorf("differs: %+v", plan.Changed[0].Reasons)
	}
	t.Logf("%d bytes", len(text))
}
