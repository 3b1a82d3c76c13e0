package conf

import (
	"fmt"
	"slices"
)

// meant is a hint for an option that this section has by another name, or "".
func (r *reading) meant(key string) string {
	names := optionNames(r.kind)
	if s := suggest(key, names); s != "" {
		return "did you mean " + s + "?"
	}
	if r.kind == inAccess && (key == "username" || key == "name") {
		_, name := sectionKindOf(r.s.name)
		return fmt.Sprintf("who logs in gives the section's name, %s; an account of this machine is user=", name)
	}
	if s := otherWord(key); slices.Contains(names, s) {
		return "did you mean " + s + "?"
	}
	return ""
}

// otherWord is the option that goes by this name elsewhere: in units, crontabs and the
// files of other supervisors.
func otherWord(key string) string {
	switch key {
	case "cmd", "exec", "execstart":
		return "command"
	case "cwd", "chdir", "workdir", "working_directory", "workingdirectory":
		return "directory"
	case "env":
		return "environment"
	case "log", "logfile", "stdout":
		return "stdout_logfile"
	case "stderr":
		return "stderr_logfile"
	case "restart":
		return "autorestart"
	case "username":
		return "user"
	case "stop_timeout", "stopwait":
		return "stopwaitsecs"
	case "instances", "replicas":
		return "numprocs"
	}
	return ""
}

// elsewhere is a kind of section that has this option.
func elsewhere(key string, not kinds) string {
	for _, k := range sectionKinds {
		if k.kind != not && slices.Contains(optionNames(k.kind), key) {
			if k.named {
				return k.name + ":x"
			}
			return k.name
		}
	}
	return ""
}
