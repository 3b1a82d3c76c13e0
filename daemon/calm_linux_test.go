package daemon

import (
	"bufio"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestDroppable(t *testing.T) {
	t.Parallel()
	const smaps = `00400000-00919000 r-xp 00000000 fe:00 14419971                           /usr/bin/gosv (deleted)
Rss:                4168 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
00919000-00e60000 r--p 00519000 fe:00 14419971                           /usr/bin/gosv (deleted)
Anonymous:             0 kB
00e60000-00ec9000 rw-p 00a60000 fe:00 14419971                           /usr/bin/gosv (deleted)
Anonymous:            88 kB
00ed0000-00ed1000 r--p 00a60000 fe:00 14419971                           /usr/bin/gosv (deleted)
Anonymous:             4 kB
01000000-01001000 r--p 00000000 fe:00 77                                 /etc/localtime
Anonymous:             0 kB
01001000-01002000 r--s 00000000 fe:00 14419971                           /usr/bin/gosv (deleted)
Anonymous:             0 kB
7f0000000000-7f0000001000 r--p 00000000 00:00 0 
Anonymous:             0 kB
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
Anonymous:             0 kB
`
	for _, test := range []struct {
		name string
		code uint64
		want []mapping
	}{
		{"code and constants, nothing else", 0x401000, []mapping{{0x400000, 0x919000}, {0x919000, 0xe60000}}},
		{"code of no file", 0x7f0000000000, nil},
		{"no such code", 0x10, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := droppable(bufio.NewScanner(strings.NewReader(smaps)), uintptr(test.code)); !slices.Equal(got, test.want) {
				t.Errorf("droppable = %x, want %x", got, test.want)
			}
		})
	}
}

// The pages go, and the program goes on.
func TestDropProgram(t *testing.T) {
	before := shared(t)
	dropProgram()
	if after := shared(t); after >= before {
		t.Errorf("%d KiB of files were mapped before, %d KiB after", before, after)
	}
}

// shared is how many KiB of files are mapped; those on a tmpfs, as of an initramfs, are RssShmem.
func shared(t *testing.T) (kib int) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip(err)
	}
	told := false
	for line := range strings.Lines(string(status)) {
		name, rest, _ := strings.Cut(line, ":")
		if name != "RssFile" && name != "RssShmem" {
			continue
		}
		n, err := strconv.Atoi(strings.Fields(rest)[0])
		if err != nil {
			t.Fatal(err)
		}
		kib, told = kib+n, true
	}
	if !told {
		t.Skip("the kernel does not say what is mapped")
	}
	return kib
}
