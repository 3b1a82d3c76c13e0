package daemon

import (
	_ "embed"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

//go:embed demo.toml
var demoConfig string

// Demo is gosv demo: the main job on a small configuration inside the binary. With an
// argument it is one of the demo's own programs.
func Demo(args []string) int {
	if len(args) > 0 && (args[0] == "--help" || args[0] == "-h") {
		fmt.Println("gosv demo runs three small programs under supervision and says what to type in another terminal.\nCtrl-C ends it; nothing is left behind.")
		return 0
	}
	if len(args) > 0 {
		return demoProgram(args[0])
	}
	dir, err := os.MkdirTemp("", "gosv-demo-")
	if err != nil {
		fmt.Fprintf(os.Stderr, "cannot make a folder for the demo: %v\n", err)
		return 1
	}
	defer os.RemoveAll(dir)
	exe, err := os.Executable()
	if err != nil {
		fmt.Fprintf(os.Stderr, "cannot find this program's own file: %v\n", err)
		return 1
	}
	file := filepath.Join(dir, "demo.toml")
	text := strings.ReplaceAll(demoConfig, "GOSV", exe)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		fmt.Fprintf(os.Stderr, "cannot write the demo's configuration: %v\n", err)
		return 1
	}
	url := "unix://" + filepath.Join(dir, "gosv.sock")
	fmt.Printf(`gosv supervises three small programs now; Ctrl-C ends them, in order, and leaves nothing behind.
In another terminal, type:

    %[1]s ctl -s %[2]s status
    %[1]s ctl -s %[2]s tail -f clock
    %[1]s ctl -s %[2]s restart flaky
    %[1]s ctl -s %[2]s --json status

`, shortest(exe), url)
	endWithTerminal()
	return Main("gosv daemon", []string{"-n", "-c", file})
}

// endWithTerminal makes the demo end when its window is closed. A daemon would start
// everything anew at SIGHUP; that it gets the signal too does no harm, as ending comes first.
func endWithTerminal() {
	closed := make(chan os.Signal, 1)
	signal.Notify(closed, syscall.SIGHUP)
	go func() { // ends with the process
		<-closed
		syscall.Kill(os.Getpid(), syscall.SIGTERM)
	}()
}

// shortest is how a person would type the path of this program here.
func shortest(exe string) string {
	wd, err := os.Getwd()
	if err != nil {
		return exe
	}
	if rel, err := filepath.Rel(wd, exe); err == nil && !strings.HasPrefix(rel, "..") {
		return "./" + rel
	}
	return exe
}

// demoProgram is one of the programs that the demo supervises.
func demoProgram(name string) int {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	switch name {
	case "clock":
		tick := time.NewTicker(time.Second)
		for {
			fmt.Println(time.Now().Format("15:04:05"), "all is well")
			select {
			case <-stop:
				return 0
			case <-tick.C:
			}
		}
	case "web":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			fmt.Fprintf(os.Stderr, "cannot listen: %v\n", err)
			return 1
		}
		fmt.Printf("serving http://%s/\n", l.Addr())
		go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Printf("%s %q\n", r.Method, r.URL.Path)
			fmt.Fprintln(w, "This page is served by a program that gosv looks after.")
		}))
		<-stop
		return 0
	case "flaky":
		after := 5*time.Second + rand.N(10*time.Second)
		fmt.Printf("I shall crash in %v\n", after.Round(time.Second))
		select {
		case <-stop:
			return 0
		case <-time.After(after):
			fmt.Fprintln(os.Stderr, "crashing, as announced")
			return 3
		}
	}
	fmt.Fprintf(os.Stderr, "the demo has no program %q\n", name)
	return 2
}
