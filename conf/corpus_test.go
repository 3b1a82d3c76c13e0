package conf

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestCorpus reads real configurations. Faults that are owed to the machine (accounts,
// directories and variables that are missing) do not count; Supervisor's own reading is
// compared in TestSupervisorReadsTheCorpus.
func TestCorpus(t *testing.T) {
	t.Parallel()
	const noMain = ".ini file does not include supervisord section"
	want := map[string]struct {
		groups  string   // name or name*processes, in order of start
		errs    []string // faults of the file, by a part of their text
		unknown string   // options that gosv does not know
	}{
		"01-countly.conf":            {},
		"02-laradock-worker.conf":    {groups: "laravel-worker*8"},
		"03-weblate.conf":            {groups: "stdout celery-backup celery-beat celery-main celery-memory celery-notify celery-search check nginx uwsgi"},
		"05-fika-zeo.conf":           {groups: "celery_worker fika zeo"},
		"07-upstart-job.conf":        {errs: []string{"stands before the first section header"}},
		"08-taskmaster-tabs.conf":    {groups: "ls", unknown: "logfile_syslog tty_mode stdout_logfile_syslog stderr_logfile_syslog"},
		"12-ovs-forwarder.conf":      {groups: "ovsdb configure-ovs ovs-forwarder vswitchd"},
		"14-eol-publishing.conf":     {groups: "crono data_worker unicorn"},
		"16-node-puppeteer.conf":     {groups: "base_consumer*1 base_supplier_consumer*1 supplier_chapter_consumer*1 supplier_image_consumer*1", errs: []string{noMain}},
		"17-python-indieweb.conf":    {groups: "uwsgi", unknown: "python_logfile"},
		"20-supvisors-alt.conf":      {},
		"22-globallometree.conf":     {groups: "forum globallometree", unknown: "http_port"},
		"24-cern-fts.conf":           {groups: "edg-mkdgridmap-once cron globus-gridftp-server"},
		"26-timv-env.conf":           {groups: "LBJPOS mongod"},
		"30-magriculture.conf":       {},
		"31-icinga2.conf":            {groups: "stdout icinga2"},
		"33-guacws.conf":             {groups: "guacd guacws"},
		"36-wtfuzzer.conf":           {groups: "apache2 mysql"},
		"39-hocker-duplicate.conf":   {groups: "apache cron"},
		"40-desktainer-percent.conf": {groups: "main*4", errs: []string{"is neither %% nor the beginning of %(name)s"}},
		"41-beacon2.conf":            {groups: "beacon*1"},
		"42-greenbone.conf":          {groups: "init postfix postgresql redis sshd ospd-openvas gvmd gsad gsad-https gsad-https-owncert GVMUpdate crond", unknown: "serverurl depends_on"},
		"44-qgis-fcgi.conf":          {groups: "qgis*1", errs: []string{noMain}},
		"45-bongos-group.conf":       {groups: "Bongos*2"},
		"51-docde.conf":              {groups: "docde", unknown: "stdout_maxbytes"},
		"52-azure-ssh-spaces.conf":   {groups: "sshd", unknown: "unmask"},
		"53-wine-novnc.conf":         {groups: "X11 blackbelt explorer fluxbox novnc x11vnc"},
		"56-fediuk-guillemets.conf":  {},
		"57-52poke-mediawiki.conf":   {groups: "poolcounter php-fpm nginx"},
		"59-fanuc-ros.conf":          {groups: "ros"},
		"60-enophia-boxdrawing.conf": {groups: "fastapi streamlit"},
	}
	files, err := filepath.Glob("testdata/corpus/*.conf")
	if err != nil || len(files) != len(want) {
		t.Fatalf("%d files, %d expectations, %v", len(files), len(want), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			w := want[filepath.Base(file)]
			l := newLoader(file, Options{})
			doc := l.readMain()
			if doc == nil {
				t.Fatal(l.errs)
			}
			l.include(doc)
			l.build(doc)
			var groups []string
			for _, g := range l.cfg.Groups {
				groups = append(groups, groupText(g))
			}
			if got := strings.Join(groups, " "); got != w.groups {
				t.Errorf("groups %s, want %s", got, w.groups)
			}
			for _, part := range w.errs {
				if !strings.Contains(l.errs.Error(), part) {
					t.Errorf("no error has %q: %v", part, l.errs)
				}
			}
			for _, e := range l.errs {
				machine := strings.Contains(e.Msg, "does not exist") || strings.Contains(e.Msg, "there is no") || strings.Contains(e.Msg, "is not set")
				if known := containsPart(w.errs, e.Msg); !machine && !known {
					t.Error(e)
				}
			}
			var unknown []string
			for _, n := range l.cfg.Notices {
				if before, _, ok := strings.Cut(n.Text, ": unknown option"); ok {
					if name := before[strings.LastIndex(before, " ")+1:]; !slices.Contains(unknown, name) {
						unknown = append(unknown, name)
					}
				}
			}
			if got := strings.Join(unknown, " "); got != w.unknown {
				t.Errorf("unknown options %q, want %q", got, w.unknown)
			}
		})
	}
}

func groupText(g *Group) string {
	if len(g.Processes) == 1 && g.Processes[0].Name == g.Name {
		return g.Name
	}
	return g.Name + "*" + string(rune('0'+len(g.Processes)))
}

func containsPart(parts []string, text string) bool {
	for _, p := range parts {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}
