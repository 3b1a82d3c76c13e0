// Gosv is a process supervisor in one static binary. Called as supervisord or
// supervisorctl (symlinks) it is them; as gosv it has the same under its first word.
//
// A limit of CPU time is not counted in processors: the daemon hardly uses one, and looking it up
// would cost each command a tenth of a millisecond.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"gosv/ctl"
	"gosv/daemon"
	"gosv/proc"
)

func main() { os.Exit(run(os.Args)) }

// run is the program that the name or the first word asks for.
func run(args []string) int {
	if daemon.HandedOver() {
		return daemon.TakeOver()
	}
	switch name := filepath.Base(args[0]); name {
	case "supervisord":
		return daemon.Main(called(args[0]), args[1:])
	case "pidproxy":
		return proc.PidProxy(args[0], args[1:])
	case "supervisorctl":
		return ctl.Main(called(args[0]), args[1:])
	case "echo_supervisord_conf":
		return ctl.EchoConf(args[1:])
	case proc.KeeperName:
		return proc.Keeper(args[1:])
	case proc.WindUpName:
		return daemon.WindUp(args[1:])
	case proc.ShimName:
		return proc.ExecShim(args[1:])
	default:
		if daemon.IsInit(name) {
			return daemon.InitMain(name, args[1:])
		}
	}
	if len(args) < 2 {
		help(os.Stderr)
		return 2
	}
	rest := args[2:]
	switch args[1] {
	case "--":
		return daemon.InitMain("gosv init", args[1:])
	case "init":
		return daemon.InitMain("gosv init", rest)
	case "daemon":
		return daemon.Main("gosv daemon", rest)
	case "ctl":
		return ctl.Main("gosv ctl", rest)
	case "conf":
		return ctl.ConfMain(rest)
	case "healthcheck":
		return ctl.HealthMain(rest)
	case "demo":
		return daemon.Demo(rest)
	case "version", "--version", "-v":
		fmt.Println("gosv " + daemon.Version)
		return 0
	case "help", "--help", "-h":
		help(os.Stdout)
		return 0
	}
	fmt.Fprintf(os.Stderr, "gosv: there is no %q\n\n", args[1])
	help(os.Stderr)
	return 2
}

// called is the path that a name without a slash was found at, which a script in Python is
// told: the usual places of configuration files begin beside it, and messages name it.
func called(name string) string {
	if strings.Contains(name, "/") {
		return name
	}
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		path := filepath.Join(dir, name)
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0 {
			return path
		}
	}
	return name
}

func help(w io.Writer) {
	fmt.Fprint(w, `gosv supervises programs: it starts them, keeps them up, and keeps what they write.

  gosv daemon -c FILE          supervise what FILE says (INI as for supervisord, or TOML)
  gosv ctl [-c FILE] [ACTION]  ask and command a running daemon; without ACTION a shell
  gosv conf check FILE         say everything that is wrong with a configuration
  gosv conf show|convert|sample|schema|options
  gosv healthcheck -c FILE     ask a running daemon how it is: exit status 0 if all is well
  gosv [init OPTIONS] -- CMD   run one command as the first process of a container should
  gosv demo                    see it work, with nothing to configure
  gosv version

Each takes --help. Called as supervisord, supervisorctl, pidproxy or echo_supervisord_conf, gosv
is a drop-in for them.
`)
}
