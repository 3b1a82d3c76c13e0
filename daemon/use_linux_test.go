package daemon

import (
	"os"
	"strings"
	"testing"
	"time"
)

func FuzzStat(f *testing.F) {
	f.Add([]byte("4242 (a) b) (c) S 1 4242 4242 0 -1 4194560 106 0 0 0 150 50 0 0 20 0 1 0 12345 2269184 207 18446744073709551615"))
	f.Add([]byte("1 ("))
	f.Fuzz(func(t *testing.T, stat []byte) { parseStat(stat, 4096) })
}

func TestParseStat(t *testing.T) {
	t.Parallel()
	const rest = " S 1 4242 4242 0 -1 4194560 106 0 0 0 150 50 0 0 20 0 1 0 12345 2269184 207 18446744073709551615"
	want := procUse{true, 2 * time.Second, 207 * 4096}
	if got := parseStat([]byte("4242 (a) b) (c)"+rest), 4096); got != want {
		t.Errorf("parseStat = %+v, want %+v", got, want)
	}
	if got := parseStat([]byte("4242 (a)"+strings.Replace(rest, " S ", " Z ", 1)), 4096); got.ok {
		t.Errorf("a zombie uses %+v", got)
	}
	if got := useOf(os.Getpid()); !got.ok || got.rss < 1<<20 {
		t.Errorf("this test uses %+v", got)
	}
}
