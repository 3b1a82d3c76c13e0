package event

import (
	"fmt"
	"testing"
)

// FuzzPool lets listeners start, speak, stop and die in any order while events come: each event
// that was taken in is dealt with, waits, is being worked on, or was dropped and counted; no
// listener is sent one that it did not ask for; the order of what one is sent is never turned
// around but by an event that comes back.
func FuzzPool(f *testing.F) {
	f.Add([]byte("rarsRbeeb0R1e"))
	f.Add([]byte("rRe0e1gr"))
	f.Add([]byte("reeeeeeeeeeeeeeeeR02R02"))
	f.Add([]byte("RrebxgRreO"))
	f.Fuzz(func(t *testing.T, script []byte) {
		var bus Bus
		const members = 2
		sent := [members]int{} // envelopes that wait for an answer
		accepted := uint64(0)
		p := NewPool(Options{Name: "l", Processes: []string{"l0", "l1"}, Types: []Type{Tick}, BufferSize: 3, Bus: &bus, Log: func(string, string) {}})
		defer p.Close()
		running := [members]bool{}
		for i, c := range script {
			m := i % members
			name := fmt.Sprint("l", m)
			switch c {
			case 'r':
				running[m] = true
				p.Running(name, func([]byte) error {
					if sent[m]++; sent[m] > 1 || !running[m] {
						t.Fatalf("step %d of %q: %s has %d events at once, running: %t", i, script, name, sent[m], running[m])
					}
					return nil
				})
			case 'f':
				running[m] = true
				p.Running(name, func([]byte) error { return fmt.Errorf("closed") })
			case 's':
				running[m] = false
				p.Stopping(name)
			case 'g':
				running[m], sent[m] = false, 0
				p.Gone(name)
			case 'e':
				accepted++
				bus.Publish(Event{Type: Tick5, When: int64(i)})
			case 'R':
				p.Output(name, []byte("READY\n"))
			case '0':
				sent[m] = 0
				p.Output(name, []byte("RESULT 2\nOKREADY\n"))
			case '1':
				sent[m] = 0
				p.Output(name, []byte("RESULT 4\nFAILREADY\n"))
			default:
				sent[m] = 0 // it is deaf now, or says half a word
				p.Output(name, []byte{c})
			}
			busy := uint64(0)
			p.mu.Lock()
			for _, m := range p.members {
				if m.sent != nil {
					busy++
				}
			}
			p.mu.Unlock()
			s := p.Stats()
			if s.Accepted != accepted || s.Accepted != s.Processed+uint64(s.Buffered)+s.Overflowed+busy || s.Buffered > 3 {
				t.Fatalf("step %d of %q: %+v, %d taken in, %d being worked on", i, script, s, accepted, busy)
			}
		}
	})
}
