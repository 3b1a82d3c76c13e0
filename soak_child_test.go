package main

import (
	"bufio"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// soaker is what the soak's daemon supervises: soaker MODE [ARG]. It keeps apart from child
// so that its main processes can be told from what they leave behind.
func soaker() {
	mode, arg := os.Args[1], ""
	if len(os.Args) > 2 {
		arg = os.Args[2]
	}
	switch mode {
	case "write":
		soakWrite(arg)
	case "talk": // numbered lines that nobody counts
		for i := 0; ; i++ {
			if _, err := fmt.Printf("talk %d %d\n", os.Getpid(), i); err != nil {
				os.Exit(1)
			}
			time.Sleep(2 * time.Millisecond) // the program's own behaviour
		}
	case "idle":
		pause()
	case "stubborn":
		signal.Ignore(syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
		pause()
	case "exit":
		time.Sleep(time.Duration(20+rand.IntN(280)) * time.Millisecond) // the program's own behaviour
		os.Exit(rand.IntN(3))
	case "fast":
		os.Exit(1)
	case "fork":
		for range 2 {
			exec.Command("sleep", "3").Start() // holds the pipe that long when it is left behind
		}
		pause()
	case "ear":
		os.Args = []string{"child", "listen", arg}
		child()
	}
	fmt.Fprintf(os.Stderr, "soaker: no mode %q\n", mode)
	os.Exit(2)
}

// soakBatch is how many lines one write has.
const soakBatch = 4

// soakWrite writes numbered lines with a checksum, and keeps in a file of its own run how many
// have been taken. What is in that file is in the log; one batch more may be.
func soakWrite(dir string) {
	id := fmt.Sprintf("%s-%d-%x", os.Getenv("SUPERVISOR_PROCESS_NAME"), os.Getpid(), time.Now().UnixNano())
	f, err := os.Create(filepath.Join(dir, id))
	if err != nil {
		os.Exit(1)
	}
	for n := 0; ; n += soakBatch {
		var lines []byte
		for i := range soakBatch {
			lines = append(lines, soakLine(id, n+i)...)
		}
		if _, err := os.Stdout.Write(lines); err != nil {
			os.Exit(1)
		}
		f.WriteAt(fmt.Appendf(nil, "%12d\n", n+soakBatch), 0)
		time.Sleep(time.Duration(rand.IntN(6)) * time.Millisecond) // the program's own behaviour
	}
}

func soakLine(id string, n int) string {
	text := fmt.Sprintf("%s %08d", id, n)
	return fmt.Sprintf("%s %08x\n", text, crc32.ChecksumIEEE([]byte(text)))
}

// soakLog reads what is in a log and its backups, the oldest first: by run, how many lines.
// Each line must be whole and follow the one before it.
func soakLog(log string) (map[string]int, error) {
	next := map[string]int{}
	backups, _ := filepath.Glob(log + ".*")
	for i := len(backups); i >= 0; i-- {
		name := log
		if i > 0 {
			name = fmt.Sprintf("%s.%d", log, i)
		}
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		at := 0
		for s := bufio.NewScanner(f); s.Scan(); at++ {
			id, n, ok := soakParse(s.Text())
			if !ok {
				return nil, fmt.Errorf("%s:%d: a broken line %q", name, at+1, last(s.Text(), 200))
			}
			if n != next[id] {
				return nil, fmt.Errorf("%s:%d: line %d of %s where %d is due", name, at+1, n, id, next[id])
			}
			next[id] = n + 1
		}
	}
	return next, nil
}

// soakParse reads a line of soakWrite.
func soakParse(line string) (id string, n int, ok bool) {
	id, rest, _ := strings.Cut(line, " ")
	if _, err := fmt.Sscanf(rest, "%d", &n); err != nil {
		return "", 0, false
	}
	return id, n, soakLine(id, n) == line+"\n"
}

// soakRuns is by run how many lines its program says it has written.
func soakRuns(dir string) (map[string]int, error) {
	runs := map[string]int{}
	files, err := os.ReadDir(dir)
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, err
		}
		var n int
		fmt.Sscan(string(text), &n)
		runs[f.Name()] = n
	}
	return runs, err
}
