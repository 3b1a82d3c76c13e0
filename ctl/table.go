package ctl

import (
	"strings"
	"unicode/utf8"

	"gosv/daemon/wire"
)

// showStatus prints the status table: the name in the width of the longest, but at least
// 30, and three columns of gap; the state in 10; the description.
func (s *session) showStatus(ps []wire.Process) {
	if s.rep != nil {
		for i := range ps {
			s.rep.Result = append(s.rep.Result, rowOf(&ps[i]))
		}
		return
	}
	names := make([]string, len(ps))
	width := 30
	for i := range ps {
		names[i] = escape(makeNamespec(ps[i].Group, ps[i].Name))
		width = max(width, utf8.RuneCountInString(names[i]))
	}
	for i := range ps {
		s.pad(names[i], width+3)
		s.pad(escape(ps[i].State), 10)
		s.line(escape(ps[i].Description))
	}
}

// pad prints text and blanks up to width characters, counted as Python counts them.
func (s *session) pad(text string, width int) {
	s.out.WriteString(text)
	if n := width - utf8.RuneCountInString(text); n > 0 {
		s.out.WriteString(strings.Repeat(" ", n))
	}
}

// rowOf is a process as --json shows it.
func rowOf(p *wire.Process) row {
	return row{
		Name: makeNamespec(p.Group, p.Name), Group: p.Group, Process: p.Name,
		State: p.State, StateCode: p.StateCode, PID: p.PID,
		Start: p.Start, Stop: p.Stop, Now: p.Now,
		ExitStatus: p.ExitStatus, SpawnErr: p.SpawnErr, Description: p.Description,
		Stdout: p.Stdout, Stderr: p.Stderr,
	}
}

// columns lays out words as Python's cmd.Cmd.columnize does: as few rows as fit into
// width, filled downwards, two blanks between columns.
func columns(list []string, width int) []string {
	for rows := 1; ; rows++ {
		cols := (len(list) + rows - 1) / rows
		widths := make([]int, cols)
		total := 2 * (cols - 1)
		for i, word := range list {
			if n := len(word) - widths[i/rows]; n > 0 {
				widths[i/rows] += n
				total += n
			}
		}
		if total > width && rows < len(list) {
			continue
		}
		lines := make([]string, rows)
		for i, word := range list {
			gap := "  "
			if i < rows {
				gap = ""
			}
			lines[i%rows] += gap + word + strings.Repeat(" ", widths[i/rows]-len(word))
		}
		return lines
	}
}
