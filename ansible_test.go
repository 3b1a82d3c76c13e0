package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestExampleAnsible runs the play of examples/ansible against this machine, with every place
// moved into a directory, and a daemon in the background where systemd would start one.
func TestExampleAnsible(t *testing.T) {
	t.Parallel()
	gosv := static(t)
	if _, err := exec.LookPath("ansible-playbook"); err != nil {
		t.Skip("ansible-playbook is not here to run the play (apt-get install ansible)")
	}
	if !hasCollection() {
		t.Skip("Ansible's module for Supervisor is not here (apt-get install ansible, or ansible-galaxy collection install community.general)")
	}
	dir := t.TempDir()
	repo, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	move := strings.NewReplacer("../../gosv", gosv, "../../packaging", repo+"/packaging", "/usr/local/bin/", dir+"/bin/", "/etc/systemd/system/", dir+"/etc/", "/etc/", dir+"/etc/",
		"/var/log/gosv", dir+"/log", "/run/gosv/", dir+"/", "become: true", "become: false", "command: gosv ", "command: "+dir+"/bin/gosv ",
		"hosts: app", "hosts: localhost")
	play := move.Replace(string(readAll(t, repo+"/examples/ansible/play.yml")))
	head, rest, _ := strings.Cut(play, "      ansible.builtin.systemd_service:\n")
	_, tail, ok := strings.Cut(rest, "\n\n")
	if !ok {
		t.Fatalf("the play starts no daemon:\n%s", play)
	}
	play = head + "      ansible.builtin.command: " + dir + "/bin/gosv daemon -c " + dir + "/etc/gosv.conf\n      args: {creates: " + dir + "/gosv.sock}\n\n" + tail
	conf := move.Replace(string(readAll(t, repo+"/examples/ansible/gosv.conf")))
	for _, d := range []string{"bin", "etc", "play", "tmp"} {
		if err := os.Mkdir(dir+"/"+d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	writeConf(t, dir+"/play/play.yml", play)
	ansible := func(name string, args ...string) (string, error) {
		cmd := exec.Command(name, append(args, "-c", "local", "-i", "localhost,", "-e", "ansible_python_interpreter=/usr/bin/python3")...)
		cmd.Dir = dir + "/play"
		cmd.Env = append(os.Environ(), "ANSIBLE_PIPELINING=1", "ANSIBLE_NOCOLOR=1", "ANSIBLE_HOME="+dir+"/tmp", "ANSIBLE_LOCAL_TEMP="+dir+"/tmp", "ANSIBLE_REMOTE_TEMP="+dir+"/tmp", "LC_ALL=C.UTF-8")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	run := func(args ...string) (string, error) {
		return ansible("ansible-playbook", append(args, dir+"/play/play.yml")...)
	}
	ctl := func(args ...string) string {
		out, _ := exec.Command("gosv", append([]string{"ctl", "-c", dir + "/etc/gosv.conf"}, args...)...).Output()
		return strings.TrimSpace(string(out))
	}
	t.Cleanup(func() { ctl("shutdown") })
	writeConf(t, dir+"/play/gosv.conf", conf)
	if out, err := run(); err != nil || !strings.Contains(out, "failed=0") {
		t.Fatalf("the play: %v\n%s", err, out)
	}
	pid := ctl("pid", "worker")
	until(t, "the worker runs", func() bool { return strings.Contains(ctl("status", "worker"), "RUNNING") })
	// A change touches what has changed, here by the commands of docs/fleet.md; one with faults
	// nothing.
	writeConf(t, dir+"/play/gosv.conf", conf+"[program:second]\ncommand = /bin/sleep 1000000\n")
	for line := range strings.Lines(docsBlock(t, "docs/fleet.md")) {
		line = strings.ReplaceAll(strings.TrimSpace(line), "/etc/", dir+"/etc/")
		var args []string
		for i, part := range strings.Split(line, "'") { // every other one is quoted
			if i%2 == 1 {
				args = append(args, part)
			} else {
				args = append(args, strings.Fields(part)...)
			}
		}
		args[1] = "localhost"
		if out, err := ansible(args[0], args[1:]...); err != nil && !strings.Contains(line, "healthcheck") { // which comes too early
			t.Errorf("%s: %v\n%s", line, err, out)
		}
	}
	until(t, "the second program runs", func() bool { return strings.Contains(ctl("status", "second"), "RUNNING") })
	if now := ctl("pid", "worker"); now != pid {
		t.Errorf("the worker was restarted: %s, then %s", pid, now)
	}
	writeConf(t, dir+"/play/gosv.conf", conf+"[program:third]\ncomand = /bin/sleep 1000000\n")
	if out, err := run("--start-at-task=The configuration, only if it has no faults"); err == nil || !strings.Contains(out, "did you mean command") {
		t.Errorf("the play with a fault: %v\n%s", err, out)
	}
	if strings.Contains(string(readAll(t, dir+"/etc/gosv.conf")), "third") {
		t.Error("a configuration with faults is in place")
	}
}

// hasCollection says whether Ansible finds community.general.
func hasCollection() bool {
	home, _ := os.UserHomeDir()
	dirs := append(filepath.SplitList(os.Getenv("ANSIBLE_COLLECTIONS_PATH")), home+"/.ansible/collections", "/usr/share/ansible/collections",
		"/usr/lib/python3/dist-packages")
	for _, d := range dirs {
		if _, err := os.Stat(d + "/ansible_collections/community/general/plugins/modules/supervisorctl.py"); err == nil {
			return true
		}
	}
	return false
}
