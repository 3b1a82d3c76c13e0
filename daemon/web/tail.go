package web

import (
	"errors"
	"net/http"
	"strconv"

	"gosv/daemon/wire"
)

const (
	minTail = 1024
	maxTail = 16 << 20 // a browser has little joy in more, and the page is made in memory
)

// tailPage is tail.html.
type tailPage struct {
	common
	Namespec string // "" when none was asked for
	Known    bool   // there is such a process: its log can be followed
	Stream   string
	Limit    int64
	Limits   []limit
	Text     string // the log, or what is the matter with it
	Failed   bool   // it is the latter
}

type limit struct {
	Bytes int64
	Label string
}

// tail shows the end of a log. Beside the original's parameters, stream=stderr shows that one.
func (h *handler) tail(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(w, r)
	if err != nil {
		h.notice(w, http.StatusBadRequest, notice{Title: "Bad request", Text: "The form could not be read: " + err.Error()})
		return
	}
	page := tailPage{
		common: h.common("Supervisor tail of process None"),
		Limit:  tailLimit(form["limit"]),
		Stream: "stdout",
		Limits: []limit{{minTail, "1 KB"}, {16 << 10, "16 KB"}, {256 << 10, "256 KB"}, {1 << 20, "1 MB"}},
	}
	if form["stream"] == "stderr" {
		page.Stream = "stderr"
	}
	page.Namespec = form["processname"]
	if page.Namespec == "" {
		page.Text, page.Failed = "No process name found", true
	} else {
		page.Title = "Supervisor tail of process " + page.Namespec
		h.readTail(r, &page)
	}
	h.render(w, http.StatusOK, page)
}

func (h *handler) readTail(r *http.Request, page *tailPage) {
	p, ok, err := h.find(r.Context(), page.Namespec)
	if err == nil && !ok {
		err = &wire.Fault{Code: wire.BadName, Msg: page.Namespec}
	}
	var data []byte
	if err == nil {
		page.Known = true
		data, err = h.b.Tail(r.Context(), p.Group, p.Name, page.Stream, page.Limit)
	}
	var f *wire.Fault
	switch {
	case err == nil:
		page.Text = valid(string(data))
		return
	case errors.As(err, &f) && f.Code == wire.NoFile:
		page.Text, page.Known = "No file for "+page.Namespec, false
	case errors.As(err, &f) && wire.Number(f.Code) != 0:
		page.Text = "ERROR: " + failure(err)
	default:
		page.Text = failure(err)
	}
	page.Failed = true
}

// tailLimit is how many bytes of a log to show: what is no number counts as too small.
func tailLimit(s string) int64 {
	n, err := strconv.ParseUint(s, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return maxTail
	}
	return int64(min(max(n, minTail), maxTail))
}
