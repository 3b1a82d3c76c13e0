package logs

// ring keeps the last bytes of a stream. It grows with the stream up to max.
type ring struct {
	max  int
	data []byte
	at   int // where the next byte goes once data is full
}

func (r *ring) write(b []byte) {
	if len(b) > r.max {
		b = b[len(b)-r.max:]
	}
	if room := r.max - len(r.data); room > 0 {
		n := min(room, len(b))
		r.data = append(r.data, b[:n]...)
		b = b[n:]
	}
	for len(b) > 0 {
		n := copy(r.data[r.at:], b)
		b = b[n:]
		r.at = (r.at + n) % r.max
	}
}

// last is a copy of the last n bytes; n < 0: of all.
func (r *ring) last(n int64) []byte {
	if n < 0 || n > int64(len(r.data)) {
		n = int64(len(r.data))
	}
	out := make([]byte, 0, n)
	from := len(r.data) - int(n)
	if len(r.data) < r.max {
		return append(out, r.data[from:]...)
	}
	for _, half := range [][]byte{r.data[r.at:], r.data[:r.at]} {
		skip := min(from, len(half))
		from -= skip
		out = append(out, half[skip:]...)
	}
	return out
}
