package daemon

import (
	"strings"
	"testing"
	"time"
)

// A line that comes while another one is being written must not end up in its place: both
// would have been in one buffer.
func TestTargetKeepsLines(t *testing.T) {
	var tgt *target
	var got strings.Builder
	made := make(chan struct{})
	tgt = newTarget(func(lines []byte) (int, error) {
		<-made
		before := string(lines)
		if !strings.HasPrefix(before, "inner") {
			tgt.write([]byte("inner\n")) // as somebody else does meanwhile
		}
		if string(lines) != before {
			t.Errorf("while %q was written it became %q", before, lines)
		}
		got.Write(lines)
		return len(lines), nil
	}, func() error { return nil })
	close(made)
	var want strings.Builder
	for _, line := range []string{"first\n", "second\n", "third\n", "fourth\n"} {
		tgt.write([]byte(line))
		tgt.flush(time.Minute)
		want.WriteString(line + "inner\n")
	}
	tgt.close()
	if got.String() != want.String() {
		t.Errorf("got\n%swant\n%s", got.String(), want.String())
	}
}
