package daemon

import (
	"bufio"
	"bytes"
	"os"
	"reflect"
	"strconv"

	"golang.org/x/sys/unix"
)

// dropProgram unmaps the pages of our own code and constants. They stay in the page cache,
// and the kernel maps those that are used again, 16 at a time; a start uses about 9 MiB of
// them and the work after it 1 or 2. Only mappings of our executable that cannot be written
// and hold no page of their own (a debugger's breakpoints would be some) are touched, so
// nothing can be lost.
func dropProgram() {
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer f.Close()
	for _, m := range droppable(bufio.NewScanner(f), reflect.ValueOf(dropProgram).Pointer()) {
		unix.Syscall(unix.SYS_MADVISE, m.from, m.to-m.from, unix.MADV_DONTNEED)
	}
}

// mapping is a range of our addresses.
type mapping struct{ from, to uintptr }

// droppable reads /proc/self/smaps and finds what is mapped, read-only and unchanged, from
// the file that the address code is mapped from.
func droppable(smaps *bufio.Scanner, code uintptr) []mapping {
	type candidate struct {
		mapping
		file  string // device and inode
		clean bool
	}
	var list []candidate
	var file string // of code
	for smaps.Scan() {
		w := bytes.Fields(smaps.Bytes())
		switch {
		case len(w) >= 5 && bytes.IndexByte(w[0], '-') > 0: // from-to perms offset dev inode path
			list = append(list, candidate{})
			c := &list[len(list)-1]
			lo, hi, _ := bytes.Cut(w[0], []byte("-"))
			from, err1 := strconv.ParseUint(string(lo), 16, strconv.IntSize)
			to, err2 := strconv.ParseUint(string(hi), 16, strconv.IntSize)
			inode := string(w[4])
			if err1 != nil || err2 != nil || inode == "0" {
				continue
			}
			c.mapping = mapping{uintptr(from), uintptr(to)}
			if here := c.from <= code && code < c.to; here {
				file = string(w[3]) + " " + inode
			}
			if perms := string(w[1]); perms == "r-xp" || perms == "r--p" {
				c.file = string(w[3]) + " " + inode
			}
		case len(w) == 3 && string(w[0]) == "Anonymous:" && len(list) > 0:
			list[len(list)-1].clean = string(w[1]) == "0"
		}
	}
	var found []mapping
	for _, c := range list {
		if c.clean && c.file != "" && c.file == file {
			found = append(found, c.mapping)
		}
	}
	return found
}
