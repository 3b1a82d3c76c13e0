package logs

import "bytes"

// ansi removes terminal escape sequences as Supervisor's stripEscapes does: from ESC [ on
// everything goes, up to and including the first of ansiEnds. Supervisor begins anew with
// every piece it reads, and so loses the rest of a piece that ends inside a sequence and
// shows the other half. Here the state is kept: the result is the same however the
// stream was cut.
type ansi struct {
	inside bool // within a sequence
	esc    bool // the last piece ended with ESC, which may be the beginning of one
}

const ansiEnds = "HfABCDRsuJKhlpm"

// strip works in place and returns the new bounds of the piece buf[lo:hi]; lo may become
// one less, for the ESC that was held back.
func (a *ansi) strip(buf []byte, lo, hi int) (int, int) {
	if a.esc {
		a.esc = false
		lo--
		buf[lo] = 0x1b
	}
	to := lo // what is kept ends here
	for from := lo; from < hi; {
		if a.inside {
			end := bytes.IndexAny(buf[from:hi], ansiEnds)
			if end < 0 {
				return lo, to
			}
			a.inside = false
			from += end + 1
			continue
		}
		n := bytes.IndexByte(buf[from:hi], 0x1b)
		if n < 0 {
			return lo, to + copy(buf[to:hi], buf[from:hi])
		}
		if to != from { // the common case moves nothing
			copy(buf[to:], buf[from:from+n])
		}
		to += n
		from += n
		switch {
		case from+1 == hi:
			a.esc = true
			return lo, to
		case buf[from+1] == '[':
			// The original looks for the end from the bracket on, which is none.
			a.inside = true
			from += 2
		default:
			buf[to] = 0x1b
			to++
			from++
		}
	}
	return lo, to
}

// end is what was held back when the stream ends.
func (a *ansi) end() []byte {
	if !a.esc {
		return nil
	}
	a.esc = false
	return []byte{0x1b}
}
