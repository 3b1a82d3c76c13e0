package web

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"gosv/daemon/wire"
)

// statusPage is index.html.
type statusPage struct {
	common
	Message string
	Bad     bool // the message tells of a failure
	Summary string
	Now     int64
	Rows    []row
}

// row is a process in the table.
type row struct {
	Namespec string
	Shade    bool // every second one
	State    string
	Class    string
	Info     string
	Start    int64 // of a running process, seconds since 1970: the script counts its uptime on
	Rev      string
	Actions  []item
}

// item is one of the five places for an action. It is empty where there is none now.
type item struct {
	Label  string
	Action string // what its button posts
	Href   string // or where its link leads
}

// status is the page with all processes; with an action it does that first.
func (h *handler) status(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(w, r)
	if err != nil {
		h.notice(w, http.StatusBadRequest, notice{Title: "Bad request", Text: "The form could not be read: " + err.Error()})
		return
	}
	if action := form["action"]; action != "" {
		h.action(w, r, action, form["processname"])
		return
	}
	message := form["message"]
	procs, err := h.processes(r.Context())
	if err != nil {
		h.unavailable(w, err, message)
		return
	}
	h.render(w, http.StatusOK, statusPage{
		common:  h.common("Supervisor Status"),
		Message: message, Bad: isBad(message),
		Summary: summary(procs),
		Now:     now(procs),
		Rows:    rows(procs),
	})
}

// processes are those of the backend as the page lists them, by group and name.
func (h *handler) processes(ctx context.Context) ([]wire.Process, error) {
	procs, err := h.b.Processes(ctx)
	if err != nil {
		return nil, err
	}
	procs = slices.Clone(procs)
	slices.SortFunc(procs, func(a, b wire.Process) int {
		return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.Name, b.Name))
	})
	return procs, nil
}

// namespec is Supervisor's make_namespec.
func namespec(group, name string) string {
	if group == name {
		return name
	}
	return group + ":" + name
}

func rows(procs []wire.Process) []row {
	list := make([]row, len(procs))
	for i, p := range procs {
		list[i] = newRow(p, i%2 == 1)
	}
	return list
}

func newRow(p wire.Process, shade bool) row {
	spec := valid(namespec(p.Group, p.Name))
	x := row{Namespec: spec, Shade: shade, State: strings.ToLower(p.State), Info: valid(p.Description)}
	clearLog := item{Label: "Clear Log", Action: ClearLog}
	stdout := item{Label: "Tail -f Stdout", Href: "logtail/" + quote(spec)}
	stderr := item{Label: "Tail -f Stderr", Href: "logtail/" + quote(spec) + "/stderr"}
	switch p.State {
	case "RUNNING":
		x.Class, x.Start = "statusrunning", p.Start
		x.Actions = []item{{Label: "Restart", Action: Restart}, {Label: "Stop", Action: Stop}, clearLog, stdout, stderr}
	case "STOPPED", "EXITED", "FATAL":
		x.Actions = []item{{Label: "Start", Action: Start}, {}, clearLog, stdout, stderr}
	default:
		x.Actions = []item{{}, {}, clearLog, stdout, stderr}
	}
	switch p.State {
	case "RUNNING":
	case "FATAL", "BACKOFF":
		x.Class = "statuserror"
	default:
		x.Class = "statusnominal"
	}
	x.Rev = revision(p, x)
	return x
}

// revision stands for what a row shows, save the uptime, which changes by itself.
func revision(p wire.Process, x row) string {
	info := x.Info
	if x.Start != 0 {
		info = ""
	}
	sum := fnv.New64a()
	fmt.Fprintf(sum, "%q %q %d %d %t", x.State, info, p.PID, p.Start, x.Shade)
	return strconv.FormatUint(sum.Sum64(), 36)
}

// summary is "7 processes: 4 running, 2 stopped, 1 fatal".
func summary(procs []wire.Process) string {
	if len(procs) == 0 {
		return ""
	}
	count := map[string]int{}
	for _, p := range procs {
		count[p.State]++
	}
	noun := "processes"
	if len(procs) == 1 {
		noun = "process"
	}
	var parts []string
	for _, state := range []string{"RUNNING", "STARTING", "STOPPING", "BACKOFF", "FATAL", "EXITED", "STOPPED", "UNKNOWN"} {
		if n := count[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, strings.ToLower(state)))
		}
	}
	return fmt.Sprintf("%d %s: %s", len(procs), noun, strings.Join(parts, ", "))
}

// now is the daemon's clock, in seconds since 1970.
func now(procs []wire.Process) int64 {
	if len(procs) > 0 && procs[0].Now != 0 {
		return procs[0].Now
	}
	return time.Now().Unix()
}

// isBad says whether a message of the page tells of a failure.
func isBad(message string) bool {
	return strings.HasPrefix(message, "ERROR: ") || strings.HasPrefix(message, "unexpected rpc fault ") ||
		strings.HasPrefix(message, "No such process named ")
}
