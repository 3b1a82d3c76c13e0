package proc

import (
	"bytes"
	"fmt"
	"testing"

	"gosv/conf"
)

// FuzzLedger: no ledger hurts, whatever is in it; one that was cut off anywhere, or damaged in
// one place, loses the record there and no other.
func FuzzLedger(f *testing.F) {
	f.Add([]byte(""), uint(5), uint(0), byte(0))
	f.Add([]byte("00000000 {}\n"), uint(300), uint(150), byte(7))
	f.Add([]byte(`deadbeef {"h":{"Version":1,"Boot":"b"}}`+"\n"), uint(90), uint(1), byte(255))
	f.Add([]byte("\n\n\x00 "), uint(1<<20), uint(200), byte('\n'))
	f.Fuzz(func(t *testing.T, text []byte, cut, at uint, flip byte) {
		parseLedger(text, "b")

		const n = 5
		var good []byte
		ends := []int{}
		add := func(r *ledgerRecord) {
			line, err := appendSealed(nil, r)
			if err != nil {
				t.Fatal(err)
			}
			good = append(good, line...)
			ends = append(ends, len(good))
		}
		add(&ledgerRecord{Head: &ledgerHead{Version: ledgerVersion, Boot: "b", PID: 7}})
		for i := range n {
			add(&ledgerRecord{Groups: []*conf.Group{{Name: fmt.Sprintf("g%d", i)}}})
		}
		whole := 0 // groups that are before the cut
		cut %= uint(len(good) + 1)
		for _, end := range ends[1:] {
			if end <= int(cut) {
				whole++
			}
		}
		p, err := parseLedger(good[:cut], "b")
		if err != nil || (p == nil) != (int(cut) < ends[0]) || p != nil && len(p.Groups) != whole {
			t.Fatalf("cut off at %d: %+v %v, want %d groups", cut, p, err, whole)
		}
		if p, err := parseLedger(good, "another"); p != nil || err != nil {
			t.Fatalf("the ledger of another life is read: %+v %v", p, err)
		}

		bad := bytes.Clone(good)
		at = uint(ends[0]) + at%uint(len(good)-ends[0])
		if bad[at] == flip {
			return
		}
		bad[at] = flip
		// A newline that goes takes two lines with it.
		lost := 1
		if good[at] == '\n' && int(at) != len(good)-1 {
			lost = 2
		}
		if p, err = parseLedger(bad, "b"); err != nil || p == nil || len(p.Groups) != n-lost {
			t.Fatalf("byte %d is %q: %+v %v, want %d groups", at, flip, p, err, n-lost)
		}
		for _, g := range p.Groups {
			if len(g.Name) != 2 || g.Name[0] != 'g' {
				t.Fatalf("byte %d is %q: a group %q", at, flip, g.Name)
			}
		}
	})
}
