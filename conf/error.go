package conf

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/xrash/smetrics"
)

// Error is one fault in a configuration, in the user's words.
type Error struct {
	Pos     Pos
	Section string // "program:web"; "" for the file as a whole
	Key     string // "startsecs"; "" for the section as a whole
	Msg     string
	Hint    string // one thing to try, or ""
	Compat  string // the one-line text Supervisor gives for this fault, or "" where Msg is it

	as   string // the option that is not there, or after which Supervisor notices; "": Key
	turn int    // when Supervisor would have met the fault
}

// Errors is a list of faults, sorted by file and line.
type Errors []*Error

// String is "file:line", "file" for a whole file, and "" for the zero Pos.
func (p Pos) String() string {
	if p.File == "" || p.Line == 0 {
		return p.File
	}
	return p.File + ":" + strconv.Itoa(p.Line)
}

// Error is "file:line: [section] key: message (hint)", without the parts that are not known.
func (e *Error) Error() string {
	var b strings.Builder
	if p := e.Pos.String(); p != "" {
		b.WriteString(p + ": ")
	}
	switch {
	case e.Section != "" && e.Key != "":
		b.WriteString("[" + e.Section + "] " + e.Key + ": ")
	case e.Section != "":
		b.WriteString("[" + e.Section + "]: ")
	case e.Key != "":
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.Msg)
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

// Error is all faults, one a line.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, f := range e {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the faults to errors.Is and errors.As.
func (e Errors) Unwrap() []error {
	errs := make([]error, len(e))
	for i, f := range e {
		errs[i] = f
	}
	return errs
}

// Sort orders the faults by file and line; faults of one line keep their order.
func (e Errors) Sort() {
	slices.SortStableFunc(e, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line))
	})
}

// Compat is what supervisord prints after "Error: " for these faults: the text of the
// first one that it meets, because it stops there. It is "" when there is no fault.
func (e Errors) Compat() string {
	if len(e) == 0 {
		return ""
	}
	first := slices.MinFunc(e, func(a, b *Error) int { return cmp.Compare(a.turn, b.turn) })
	return cmp.Or(first.Compat, first.Msg)
}

// suggest is the word of known that was probably meant by word, for "did you mean x?", or ""
// if none is near: one slip in three letters, at most three, and one letter the same.
func suggest(word string, known []string) string {
	best, least := "", min(3, (len(word)+2)/3)+1
	for _, k := range known {
		// Ukkonen counts insertions, deletions and replacements; swapped letters are two.
		if d := smetrics.Ukkonen(strings.ToLower(word), strings.ToLower(k), 1, 1, 1); d < least && d < len(word) {
			best, least = k, d
		}
	}
	return best
}
