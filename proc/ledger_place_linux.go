package proc

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// LedgerName says whose ledger is meant.
type LedgerName struct {
	Config   string // absolute name of the configuration file
	Instance string // what tells several daemons with this file apart: identifier=, if it is not the file that says it
	Earlier  string // identifier=, which versions before had in the name in any case

	real string // what Config leads to, by Resolve
}

// Resolve looks once where the name of the configuration leads, for all who ask afterwards.
func (n LedgerName) Resolve() LedgerName {
	n.real, _ = n.leads()
	return n
}

// leads is the file that the name of the configuration leads to.
func (n LedgerName) leads() (string, error) {
	if n.real != "" {
		return n.real, nil
	}
	return filepath.EvalSymlinks(n.Config)
}

// keys name the ledger in its place, the one to make first.
func (n LedgerName) keys(config string) []string {
	var list []string
	for _, of := range []string{n.Instance, n.Earlier} {
		sum := sha256.Sum256([]byte(config + "\x00" + of))
		list = append(list, fmt.Sprintf("%x", sum[:8]))
	}
	return slices.Compact(list)
}

// in is the name of the ledger in base. The configuration may be reached by several names, so the
// file that they lead to counts; and a name that leads to another file than when gosv was killed
// is still known, by a link.
func (n LedgerName) in(base, suffix string) string {
	own := n.keys(n.Config)[0] + suffix
	real, err := n.leads()
	if err != nil || real == n.Config {
		return own
	}
	alias := filepath.Join(base, own)
	if there(alias) {
		if to, err := os.Readlink(alias); err == nil {
			return filepath.Base(to)
		}
		return own
	}
	name := n.keys(real)[0] + suffix
	n.link(base, name, suffix)
	return name
}

// link makes the name in base by which the configuration was given now lead to the ledger.
func (n LedgerName) link(base, name, suffix string) {
	alias := filepath.Join(base, n.keys(n.Config)[0]+suffix)
	if to, err := os.Readlink(alias); filepath.Base(alias) != name && !there(alias) && (err != nil || to != name) {
		os.Remove(alias)
		os.Symlink(name, alias)
	}
}

// all are the names that a ledger may have, without the account: of the configuration by the name
// that was given, and of the file that this leads to.
func (n LedgerName) all() []string {
	list := n.keys(n.Config)
	if real, err := n.leads(); err == nil && real != n.Config {
		list = append(list, n.keys(real)...)
	}
	return list
}

// rootBases are where root keeps ledgers, of all accounts.
func rootBases() []string { return []string{"/run/gosv", "/dev/shm/gosv"} }

// userBases are where an account keeps its own.
func userBases(uid int) []string {
	list := []string{"/dev/shm/gosv-" + strconv.Itoa(uid)}
	dir := "/run/user/" + strconv.Itoa(uid)
	if uid == os.Geteuid() {
		dir = os.Getenv("XDG_RUNTIME_DIR")
	}
	if filepath.IsAbs(dir) {
		list = slices.Insert(list, 0, dir+"/gosv")
	}
	return list
}

// LedgerDir makes the directory for a ledger of the account uid, which is ours or one that
// root is about to become: one that a daemon left, else in the first file system in memory
// where that can be done.
func LedgerDir(n LedgerName, uid, gid int) (string, error) {
	me := os.Geteuid()
	if left := ledgersOf(n, uid); len(left) > 0 {
		if base, name := filepath.Split(left[0]); checkDir(filepath.Clean(base), me) == nil {
			n.link(base, name, "-"+strconv.Itoa(uid))
		}
		return left[0], nil
	}
	bases := rootBases()
	if me != 0 {
		bases = userBases(me)
	}
	var why error
	for _, full := range []bool{false, true} {
		why = nil
		for _, base := range bases {
			dir, err := ledgerDir(base, n, me, uid, gid, full)
			if err == nil {
				return dir, nil
			}
			why = errors.Join(why, err)
		}
	}
	return "", why
}

// ledgersOf are the directories with something in them that daemons of the account uid left.
// Where they lie nobody but root or that account can have put them.
func ledgersOf(n LedgerName, uid int) (list []string) {
	keys := n.all()
	for _, owner := range []int{0, uid} {
		bases := rootBases()
		if owner != 0 {
			bases = userBases(owner)
		}
		for _, base := range bases {
			if checkDir(base, owner) != nil {
				continue
			}
			for _, key := range keys {
				dir := resolve(base, key+"-"+strconv.Itoa(uid))
				if checkDir(dir, uid) == nil && there(dir) && !slices.Contains(list, dir) {
					list = append(list, dir)
				}
			}
		}
		if uid == 0 {
			break
		}
	}
	return list
}

// resolve is the directory in base with a name that may be another one's alias.
func resolve(base, name string) string {
	if to, err := os.Readlink(filepath.Join(base, name)); err == nil {
		name = filepath.Base(to)
	}
	return filepath.Join(base, name)
}

// LeftLedger is a ledger that a daemon left which nobody can go on with: it is another
// account's, or there are two.
type LeftLedger struct {
	Dir      string
	uid, gid int
}

// LeftLedgers are those beside dir of the account uid, which is or will be ours. Those of
// other accounts only root can deal with; it looks for them only where it has made the
// directories itself.
func LeftLedgers(n LedgerName, dir string, uid int) (list []LeftLedger) {
	accounts := []int{uid}
	if os.Geteuid() == 0 {
		keys := n.all()
		for _, base := range rootBases() {
			for _, name := range namesIn(base) { // there may be very many
				key, account, _ := strings.Cut(name, "-")
				if !slices.Contains(keys, key) {
					continue
				}
				if id, err := strconv.Atoi(account); err == nil && !slices.Contains(accounts, id) {
					accounts = append(accounts, id)
				}
			}
		}
		slices.Sort(accounts[1:])
	}
	for _, account := range accounts {
		for _, d := range ledgersOf(n, account) {
			var st unix.Stat_t
			if d != dir && unix.Lstat(d, &st) == nil {
				list = append(list, LeftLedger{Dir: d, uid: account, gid: int(st.Gid)})
			}
		}
	}
	return list
}

// namesIn are the names of what is in a directory, in no order.
func namesIn(dir string) []string {
	d, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	return names
}

// RootLedger is the directory of a daemon that ran as root, where we are not root and so can do
// nothing about its programs; "" if there is none.
func RootLedger(n LedgerName) string {
	if os.Geteuid() == 0 {
		return ""
	}
	for _, base := range rootBases() {
		for _, key := range n.all() {
			if dir := resolve(base, key+"-0"); checkDir(base, 0) == nil && checkDir(dir, 0) == nil {
				return dir
			}
		}
	}
	return ""
}

// WindUpName is argv[0] of a helper that ends the programs of a ledger: a program whose main
// sees it must answer with os.Exit(daemon.WindUp(os.Args[1:])).
const WindUpName = "gosv-windup"

// WindUpHeld is its exit status when a daemon lives that has the ledger.
const WindUpHeld = 3

// WindUp ends the programs of the ledger as update would, with the rights of its account and
// no others: what it says, that account could have written. It waits for that, however long
// it takes, and returns what the helper had to say, *ErrHeld if a daemon lives.
func (left LeftLedger) WindUp() (said string, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return "", err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		r.Close()
		w.Close()
		return "", err
	}
	attr := &syscall.ProcAttr{Dir: "/", Env: []string{"PATH=/usr/bin:/bin"}, Files: []uintptr{null.Fd(), w.Fd(), w.Fd()}, Sys: &syscall.SysProcAttr{}}
	if left.uid != os.Geteuid() {
		attr.Sys.Credential = &syscall.Credential{Uid: uint32(left.uid), Gid: uint32(left.gid), Groups: groupsOf(left.uid)}
	}
	pid, err := syscall.ForkExec(self(), []string{WindUpName, left.Dir}, attr)
	w.Close()
	null.Close()
	if err != nil {
		r.Close()
		return "", err
	}
	text, _ := io.ReadAll(io.LimitReader(r, 64<<10))
	io.Copy(io.Discard, r)
	r.Close()
	var status syscall.WaitStatus
	for {
		if _, err = syscall.Wait4(pid, &status, 0, nil); err != syscall.EINTR {
			break
		}
	}
	said = strings.TrimSpace(string(text))
	switch {
	case err != nil:
		return said, err
	case status.Exited() && status.ExitStatus() == WindUpHeld:
		held, _ := strconv.Atoi(said[strings.LastIndexByte(said, ' ')+1:])
		return said, &ErrHeld{held}
	case !status.Exited() || status.ExitStatus() != 0 || there(left.Dir):
		return said, errors.New(statusText(status))
	}
	os.Remove(filepath.Join(left.Dir, "lock"))
	os.Remove(left.Dir)
	return said, nil
}

// groupsOf are the supplementary groups of an account, as far as the system knows it.
func groupsOf(uid int) (list []uint32) {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return nil
	}
	ids, _ := u.GroupIds()
	for _, id := range ids {
		if n, err := strconv.ParseUint(id, 10, 32); err == nil {
			list = append(list, uint32(n))
		}
	}
	return list
}

// ledgerRoom is the least room that there has to be where a ledger is made.
const ledgerRoom = 1 << 20

// ledgerDir is a directory in base, both made if need be and checked: nobody else may write there.
// One that has no room is taken with full only: there may be some later.
func ledgerDir(base string, n LedgerName, me, uid, gid int, full bool) (string, error) {
	var fsys unix.Statfs_t
	if err := unix.Statfs(filepath.Dir(base), &fsys); err != nil {
		return "", &fs.PathError{Op: "statfs", Path: filepath.Dir(base), Err: err}
	}
	if kind := uint32(fsys.Type); kind != unix.TMPFS_MAGIC && kind != unix.RAMFS_MAGIC {
		return "", fmt.Errorf("%s is not in memory", filepath.Dir(base))
	}
	if room := fsys.Bavail * uint64(fsys.Bsize); fsys.Blocks > 0 && room < ledgerRoom && !full {
		return "", fmt.Errorf("%s is full", filepath.Dir(base))
	}
	if err := ownDir(base, 0o711, me); err != nil {
		return "", err
	}
	dir := filepath.Join(base, n.in(base, "-"+strconv.Itoa(uid)))
	err := os.Mkdir(dir, 0o700)
	if err == nil && uid != me {
		err = os.Chown(dir, uid, gid)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return dir, checkDir(dir, uid)
}

func ownDir(dir string, mode os.FileMode, uid int) error {
	if err := os.Mkdir(dir, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return checkDir(dir, uid)
}

func checkDir(dir string, uid int) error {
	st, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if sys := st.Sys().(*syscall.Stat_t); !st.IsDir() || int(sys.Uid) != uid || st.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s is not a directory that only user %d may write to", dir, uid)
	}
	return nil
}
