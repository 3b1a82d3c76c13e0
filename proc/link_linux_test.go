package proc

import (
	"testing"

	"golang.org/x/sys/unix"
)

// What a brain said last is heard, also if it has not read what it was told itself. (The soak,
// seed 32: a keeper started a gosv again that had ended in order.)
func TestLinkLastWords(t *testing.T) {
	t.Parallel()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	sendNow(pair[0], sayDied, 1)
	if err := send(pair[1], sayBye, 2, -1); err != nil {
		t.Fatal(err)
	}
	unix.Close(pair[1])
	data, _, err := receive(pair[0])
	if err != nil || data[0] != sayBye || linkNumber(data) != 2 {
		t.Errorf("heard %v %v, want the last words", data, err)
	}
	if data, _, err := receive(pair[0]); err == nil {
		t.Errorf("heard %v, want the end", data)
	}
}
