package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"gosv/daemon/wire"
)

// confirmPage asks, with its title, before something is done.
type confirmPage struct {
	common
	Label    string
	Action   string
	Namespec string // "" for all
}

// label is what the button of an action says. all is for actions on everything.
func label(action string) (text string, all, ok bool) {
	switch action {
	case Start:
		return "Start", false, true
	case Stop:
		return "Stop", false, true
	case Restart:
		return "Restart", false, true
	case ClearLog:
		return "Clear Log", false, true
	case RestartAll:
		return "Restart All", true, true
	case StopAll:
		return "Stop All", true, true
	}
	return "", false, false
}

// action does what a POST asks, then sends the browser to the status page with a message.
// It asks back when it was a GET: a bookmark, a link in somebody's mail, a crawler.
func (h *handler) action(w http.ResponseWriter, r *http.Request, action, spec string) {
	if action == refresh {
		back(w, "Page refreshed at "+ctime())
		return
	}
	text, all, ok := label(action)
	var p wire.Process
	if !all && spec != "" { // the original looks at the name first
		found, there, err := h.find(r.Context(), spec)
		switch {
		case err != nil && r.Method != http.MethodPost:
			h.unavailable(w, err, "")
			return
		case err != nil:
			back(w, failed(action, spec, err))
			return
		case !there:
			back(w, "No such process named "+spec)
			return
		}
		p = found
	}
	if !ok || !all && spec == "" {
		// The original dies of a ValueError here, with 500.
		n := notice{Title: "Bad request", Text: "There is no action " + action + "."}
		if ok {
			n.Text = "The action " + action + " needs a process: processname is missing."
		}
		h.notice(w, http.StatusBadRequest, n)
		return
	}
	if r.Method != http.MethodPost {
		question := text + " " + spec + "?"
		switch action {
		case ClearLog:
			question = "Clear the log of " + spec + "?"
		case RestartAll:
			question, spec = "Restart all processes?", ""
		case StopAll:
			question, spec = "Stop all processes?", ""
		}
		h.render(w, http.StatusOK, confirmPage{
			common: h.common(question), Label: text, Action: action, Namespec: spec,
		})
		return
	}
	http.NewResponseController(w).SetWriteDeadline(time.Time{}) // stopping may take its time
	back(w, h.do(r.Context(), action, spec, p))
}

// do carries out an action and is its message.
func (h *handler) do(ctx context.Context, action, spec string, p wire.Process) string {
	results, err := h.b.Act(ctx, action, p.Group, p.Name)
	if err == nil && len(results) > 0 && results[0].Err != nil {
		switch action {
		case Start, Stop, ClearLog: // the others succeed whatever became of each process
			err = called(results[0].Err, spec, p)
		}
	}
	if err != nil {
		return failed(action, spec, err)
	}
	switch action {
	case Start:
		return "Process " + spec + " started"
	case Stop:
		return "Process " + spec + " stopped"
	case Restart:
		return "Process " + spec + " restarted"
	case ClearLog:
		return "Log for " + spec + " cleared"
	case RestartAll:
		return "All restarted at " + ctime()
	}
	return "All stopped at " + ctime()
}

// called is a fault about p with the name that was asked for, which may lack the group.
func called(f *wire.Fault, spec string, p wire.Process) *wire.Fault {
	if f.Msg != p.Group+":"+p.Name {
		return f
	}
	named := *f
	named.Msg = spec
	return &named
}

// failed is the original's message for an action that failed: only start has names for what
// is the matter.
func failed(action, spec string, err error) string {
	if action != Start {
		return failure(err)
	}
	text := strings.TrimPrefix(failure(err), "ERROR: ")
	var f *wire.Fault
	if errors.As(err, &f) {
		switch f.Code {
		case wire.NoFile:
			text = "no such file"
		case wire.NotExecutable:
			text = "file not executable"
		case wire.AlreadyStarted:
			text = "already started"
		case wire.SpawnError:
			text = "spawn error"
		case wire.AbnormalTermination:
			text = "abnormal termination"
		}
	}
	return "ERROR: Process " + spec + ": " + text
}

// find is the process that a namespec names: "group:name", or "name" for "name:name". It
// never names more than one, whatever "all" or "group:*" mean elsewhere.
func (h *handler) find(ctx context.Context, spec string) (p wire.Process, ok bool, err error) {
	group, name, two := strings.Cut(spec, ":")
	if !two {
		name = group
	}
	procs, err := h.b.Processes(ctx)
	if err != nil {
		return p, false, err
	}
	for _, p := range procs {
		if p.Group == group && p.Name == name {
			return p, true, nil
		}
	}
	return p, false, nil
}

// back sends the browser to the status page. 303 is fetched by GET and never cached; the
// original's 301 is. The address is relative: a proxy may have put a path before ours.
func back(w http.ResponseWriter, message string) {
	uncached(w.Header())
	w.Header().Set("Location", "./?message="+quote(message))
	writeBody(w, http.StatusSeeOther, "text/plain;charset=utf-8", []byte(message+"\n"))
}

// ctime is the time as Python's time.ctime prints it.
func ctime() string { return time.Now().Format(time.ANSIC) }
