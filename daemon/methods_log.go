package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"gosv/daemon/wire"
	"gosv/logs"
)

// maxRead is the most that one answer gives of a log, in bytes.
const maxRead = 64 << 20

// logMethods are those that read and clear logs.
func logMethods() []*method {
	mainLog := func(_ context.Context, c *call, in readParams) (string, error) {
		if c.limited {
			return "", c.who.notAllowed("the main log")
		}
		c.main.flush()
		return c.readLog(c.main.path(), in.Offset, in.Length)
	}
	readOf := func(stream string) func(context.Context, *call, processReadParams) (string, error) {
		return func(ctx context.Context, c *call, in processReadParams) (string, error) {
			path, err := c.logOf(ctx, in.Name, stream)
			if err != nil {
				return "", err
			}
			return c.readLog(path, in.Offset, in.Length)
		}
	}
	tailOf := func(stream string) func(context.Context, *call, processReadParams) ([]any, error) {
		return func(ctx context.Context, c *call, in processReadParams) ([]any, error) {
			path, err := c.logOf(ctx, in.Name, stream)
			if err != nil {
				return nil, err
			}
			return c.tailLog(path, in.Offset, in.Length)
		}
	}
	clearOne := func(ctx context.Context, c *call, in processParam) (bool, error) {
		group, name, err := oneName(in.Name)
		if err != nil {
			return false, err
		}
		return true, c.clear(ctx, group, name, in.Name)
	}
	const (
		readDoc = " Offset counts from the beginning, length 0 is all that follows; a negative offset with length 0 is that many bytes from the end."
		tailDoc = " The result is [bytes, offset, overflow]: at most length bytes of the end, the size of the log, and whether it has grown beyond offset+length."
	)
	return []*method{
		rpc("supervisor.readLog", read, "Read from the daemon's own log."+readDoc, mainLog),
		rpc("supervisor.readMainLog", read, "The old name of readLog.", mainLog),
		rpc("supervisor.clearLog", admin, "Empty the daemon's own log.",
			func(_ context.Context, c *call, _ none) (bool, error) { return true, c.clearMain() }),
		rpc("supervisor.readProcessStdoutLog", read, "Read from a process's stdout log."+readDoc, readOf("stdout")),
		rpc("supervisor.readProcessLog", read, "The old name of readProcessStdoutLog.", readOf("stdout")),
		rpc("supervisor.readProcessStderrLog", read, "Read from a process's stderr log."+readDoc, readOf("stderr")),
		rpc("supervisor.tailProcessStdoutLog", read, "Read the end of a process's stdout log."+tailDoc, tailOf("stdout")),
		rpc("supervisor.tailProcessLog", read, "The old name of tailProcessStdoutLog.", tailOf("stdout")),
		rpc("supervisor.tailProcessStderrLog", read, "Read the end of a process's stderr log."+tailDoc, tailOf("stderr")),
		rpc("supervisor.clearProcessLogs", operate, "Empty the logs of a process.", clearOne),
		rpc("supervisor.clearProcessLog", operate, "The old name of clearProcessLogs.", clearOne),
		rpc("supervisor.clearAllProcessLogs", operate, "Empty the logs of all processes.",
			func(ctx context.Context, c *call, _ none) (results, error) {
				list := results{}
				err := c.clearMany(ctx, "", func(p procID, err error) { list.add(p.group, p.name, err) })
				return list, err
			}),
	}
}

type readParams struct {
	Offset int64 `doc:"where to begin, in bytes"`
	Length int64 `doc:"how many bytes"`
}

type processReadParams struct {
	Name   string `doc:"a process: name or group:name"`
	Offset int64  `doc:"where to begin, in bytes"`
	Length int64  `doc:"how many bytes"`
}

// logOf is the path of a process's log, "" for none. Who may see some processes only does not
// get one in which there is more than theirs.
func (c *call) logOf(ctx context.Context, spec, stream string) (string, error) {
	group, name, err := oneName(spec)
	if err != nil {
		return "", err
	}
	if _, err := c.mgr.Process(ctx, group, name); err != nil {
		return "", named(err, spec)
	}
	path, stderr := c.logs.paths(group, name)
	if stream == "stderr" {
		path = stderr
	}
	if c.limited && c.whole.writesTo(path) {
		return "", c.who.notAllowed("the log of " + spec + " has gosv's own lines in it, and those of others")
	}
	return path, nil
}

// writesTo says whether a log is a file that gosv itself writes: its standard output or
// error, sent to a file by who started it, the main log, or the audit log.
func (a *api) writesTo(path string) bool {
	st, err := os.Stat(path)
	if err != nil || !st.Mode().IsRegular() {
		return false // a pipe or a terminal has no past: of those each log keeps its own
	}
	for _, f := range []*os.File{os.Stdout, os.Stderr} {
		if own, err := f.Stat(); err == nil && os.SameFile(st, own) {
			return true
		}
	}
	paths := []string{a.main.path()}
	if a.audit != nil {
		paths = append(paths, a.audit.path)
	}
	return slices.ContainsFunc(paths, func(path string) bool {
		own, err := os.Stat(path)
		return err == nil && os.SameFile(st, own)
	})
}

// guards says whether the clearing of a process's logs would empty a file that gosv itself
// writes, which is for admins. Clearing does nothing to what is a link or no regular file.
func (c *call) guards(group, name string) bool {
	if c.access >= admin && !c.limited {
		return false
	}
	a := c.api
	if c.limited {
		a = c.whole
	}
	stdout, stderr := c.logs.paths(group, name)
	return slices.ContainsFunc([]string{stdout, stderr}, func(path string) bool {
		st, err := os.Lstat(path)
		return err == nil && st.Mode().IsRegular() && a.writesTo(path)
	})
}

// noFile is the fault of a log that is not there.
func noFile(path string) error { return fault(wire.NoFile, path) }

// readLog is what the read*Log methods answer. Bytes that are no text are replaced, where
// the original fails.
func (c *call) readLog(path string, offset, length int64) (string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", noFile(path)
	}
	want := length
	switch {
	case offset < 0:
		want = -offset
	case length == 0:
		want = st.Size() - offset
	}
	if min(want, st.Size()) > c.share(maxRead) {
		f := fault(wire.Failed, fmt.Sprintf("%d bytes are too much for one answer", min(want, st.Size())))
		f.Hint = fmt.Sprintf("ask for at most %d", c.share(maxRead))
		return "", f
	}
	data, err := logs.Read(path, offset, length)
	switch {
	case errors.Is(err, logs.ErrBadArguments):
		return "", fault(wire.BadArguments, "")
	case errors.Is(err, os.ErrNotExist):
		return "", noFile(path)
	case err != nil:
		return "", fault(wire.Failed, "")
	}
	return text(data), nil
}

// tailLog is what the tail*Log methods answer.
func (c *call) tailLog(path string, offset, length int64) ([]any, error) {
	if _, err := os.Stat(path); err != nil {
		return []any{"", 0, false}, nil
	}
	data, size, overflow, err := logs.Tail(path, offset, min(length, c.share(maxRead)))
	if err != nil {
		return []any{"", int(max(offset, 0)), false}, nil
	}
	return []any{text(data), int(size), overflow}, nil
}

// text makes valid UTF-8 of log bytes: a window may begin or end inside a character.
func text(data []byte) string { return strings.ToValidUTF8(string(data), "\uFFFD") }

// clear empties the logs of one process; spec is how the caller calls it.
func (c *call) clear(ctx context.Context, group, name, spec string) error {
	if _, err := c.mgr.Process(ctx, group, name); err != nil {
		return named(err, spec)
	}
	if c.guards(group, name) {
		return c.who.notAllowed("the log of " + spec + " has gosv's own lines in it")
	}
	if err := c.logs.clear(group, name); err != nil {
		c.log.Error(fmt.Sprintf("cannot clear the logs of '%s': %v", spec, err))
		return fault(wire.Failed, spec)
	}
	return nil
}

// clearMany empties the logs of a group, or of all processes when group is "".
func (c *call) clearMany(ctx context.Context, group string, each func(procID, error)) error {
	members, err := c.members(ctx, group)
	if err != nil {
		return err
	}
	for _, p := range members {
		each(p, c.clear(ctx, p.group, p.name, namespec(p.group, p.name)))
	}
	return nil
}

func (c *call) clearMain() error {
	if c.limited || c.access < admin { // it may be what says who did what
		return c.who.notAllowed("the main log")
	}
	path := c.main.path()
	if path == "" {
		return fault(wire.NoFile, "")
	}
	if _, err := os.Stat(path); err != nil {
		return fault(wire.NoFile, "")
	}
	c.log.Info("reopening log file")
	if err := c.main.clear(); err != nil {
		c.log.Error(fmt.Sprintf("cannot clear the log: %v", err))
		return fault(wire.Failed, "")
	}
	return nil
}
