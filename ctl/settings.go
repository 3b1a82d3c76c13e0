package ctl

import (
	"errors"
	"time"

	"gosv/conf"
)

// settings is the command line over the configuration file over the defaults.
type settings struct {
	file               string // the configuration used, "" for none
	url                string
	urlGiven           bool   // on the command line
	username, password string // both or none
	prompt, history    string
	interactive, json  bool
	timeout            time.Duration
	warnings           []string // about the configuration
}

// settle finds and reads the configuration. A missing one is no error unless it was asked for.
func settle(f *flags, sys system) (settings, error) {
	set := settings{file: f.config, interactive: f.interactive || len(f.words) == 0, json: f.json, timeout: f.timeout}
	if !f.given["configuration"] {
		set.file = sys.find()
	} // with -c '' nothing is read, as by Supervisor
	c := &conf.Supervisorctl{}
	if set.file != "" {
		var err error
		if c, err = conf.LoadCtl(set.file, conf.Options{Environ: sys.environ, NoCtl: f.own}); err != nil {
			return set, configError(err)
		}
	}
	for _, n := range c.Notices {
		set.warnings = append(set.warnings, n.Text)
	}
	set.urlGiven = f.serverURL != ""
	set.url = orText(orText(f.serverURL, c.ServerURL), "http://localhost:9001")
	set.username, set.password = c.Username, c.Password
	if f.given["username"] {
		set.username = f.username
	}
	if f.given["password"] {
		set.password = f.password
	}
	if set.username == "" || set.password == "" {
		set.username, set.password = "", ""
	}
	set.prompt = orText(c.Prompt, "supervisor")
	set.history = orText(f.history, c.HistoryFile)
	return set, nil
}

// configError is what is wrong with a configuration in Supervisor's words.
func configError(err error) error {
	var faults conf.Errors
	if errors.As(err, &faults) {
		return usageError(faults.Compat())
	}
	return usageError(err.Error())
}
