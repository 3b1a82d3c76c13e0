package ctl

import (
	"os"
	"path/filepath"
	"testing"
)

// TestPluginWarning: a [ctlplugin:x], with its factory or without, is ignored, and standard error
// says so; standard output is what it always is.
func TestPluginWarning(t *testing.T) {
	t.Parallel()
	dir, url := t.TempDir(), newFake().serveJSON(t)
	const ignored = "gosv loads no Python plugins; this section is ignored\n"
	for _, tt := range []struct{ name, text, want string }{
		{"none.conf", "[supervisorctl]\nserverurl=" + url + "\n[rpcinterface:x]\nother=1\n", ""},
		{"some.conf", "[ctlplugin:x]\nsupervisor.ctl_factory=x:make\n[supervisorctl]\nserverurl=" + url + "\n[ctlplugin:y]\n",
			"warning: " + dir + "/some.conf:1: [ctlplugin:x]: " + ignored + "warning: " + dir + "/some.conf:5: [ctlplugin:y]: " + ignored},
		{"some.toml", "[ctlplugin.x]\n\"supervisor.ctl_factory\" = \"x:make\"\n[supervisorctl]\nserverurl = \"" + url + "\"\n",
			"warning: " + dir + "/some.toml:1: [ctlplugin:x]: " + ignored},
	} {
		file := filepath.Join(dir, tt.name)
		if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, argv0 := range []string{"supervisorctl", "gosv ctl"} {
			if o := runCtl(t, argv0, "", "-c", file, "pid", "cat"); o.exit != 0 || o.out != "13359\n" || o.err != tt.want {
				t.Errorf("%s %s: %v\nwant %q", argv0, tt.name, o, tt.want)
			}
		}
	}
}
