package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"os/user"
	"strconv"
	"strings"
)

// parseUser is Supervisor's name_to_uid, with all of the account that spawning needs: a name,
// or a number that must have an account. Where there are no accounts at all (a container
// without /etc/passwd) any number is taken, with a group of the same number; so is the number
// that we run as already, and anywhere two numbers, uid:gid.
func parseUser(v any) (User, error) {
	text, isID, id, err := accountText(v)
	if err != nil {
		return User{}, err
	}
	if u, ok := numericPair(text); ok {
		return u, nil
	}
	if !isID {
		account, err := user.Lookup(text)
		if err != nil {
			return User{}, fmt.Errorf("Invalid user name %s", text)
		}
		return newUser(text, account)
	}
	account, err := user.LookupId(strconv.Itoa(id))
	switch {
	case err == nil:
		return newUser(text, account)
	case id == os.Getuid():
		return numericUser(text, id, os.Getgid()), nil
	case anyID(id, "/etc/passwd"):
		return numericUser(text, id, id), nil
	}
	return User{}, fmt.Errorf("Invalid user id %s", text)
}

// numericPair is uid:gid, which needs no account.
func numericPair(text string) (User, bool) {
	a, b, pair := strings.Cut(text, ":")
	uid, err1 := strconv.ParseUint(a, 10, 31)
	gid, err2 := strconv.ParseUint(b, 10, 31)
	if !pair || err1 != nil || err2 != nil {
		return User{}, false
	}
	return numericUser(text, int(uid), int(gid)), true
}

func numericUser(text string, uid, gid int) User {
	return User{Set: true, Text: text, UID: uid, GID: gid, More: []int{gid}}
}

// newUser completes an account with its groups: the primary one first, as Supervisor's
// drop_privileges has it, then those that list the user.
func newUser(text string, account *user.User) (User, error) {
	uid, err1 := strconv.Atoi(account.Uid)
	gid, err2 := strconv.Atoi(account.Gid)
	if err := errors.Join(err1, err2); err != nil {
		return User{}, fmt.Errorf("cannot use account %s: %v", account.Username, err)
	}
	more := []int{gid}
	groups, err := account.GroupIds()
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // no /etc/group, no groups
		return User{}, fmt.Errorf("cannot list the groups of %s: %v", account.Username, err)
	}
	for _, g := range groups {
		if n, err := strconv.Atoi(g); err == nil && n != gid {
			more = append(more, n)
		}
	}
	return User{Set: true, Text: text, Name: account.Username, UID: uid, GID: gid, More: more}, nil
}

// String is the user as written; "" when not configured.
func (x User) String() string { return x.Text }

// parseOwner is Supervisor's colon_separated_user_group: user or user:group, names or numbers.
// Without a group GID is -1. The error is the same whatever is wrong; callers wrap it again.
func parseOwner(v any) (Owner, error) {
	text, _, _, err := accountText(v)
	if err != nil {
		return Owner{}, err
	}
	bad := fmt.Errorf("Invalid user:group definition %s", text)
	name, group, given := strings.Cut(text, ":")
	u, err := parseUser(name)
	if err != nil {
		return Owner{}, bad
	}
	o := Owner{Set: true, Text: text, UID: u.UID, GID: -1}
	if given {
		if o.GID, err = parseGroup(group); err != nil {
			return Owner{}, bad
		}
	}
	return o, nil
}

// parseGroup is Supervisor's name_to_gid.
func parseGroup(text string) (int, error) {
	_, isID, id, _ := accountText(text)
	if !isID {
		g, err := user.LookupGroup(text)
		if err != nil {
			return 0, fmt.Errorf("Invalid group name %s", text)
		}
		return strconv.Atoi(g.Gid)
	}
	if _, err := user.LookupGroupId(strconv.Itoa(id)); err != nil && !anyID(id, "/etc/group") {
		return 0, fmt.Errorf("Invalid group id %s", text)
	}
	return id, nil
}

// String is the owner as written; "" when not configured.
func (x Owner) String() string { return x.Text }

// accountText is v as text, and as a number if it is one by Python's int.
func accountText(v any) (text string, isID bool, id int, err error) {
	switch v := v.(type) {
	case string:
		text = v
	case int64:
		text = strconv.FormatInt(v, 10)
	default:
		return "", false, 0, fmt.Errorf("must be a name or a number, not %s", kindOf(v))
	}
	id, bad := pyInt(text, 10)
	return text, bad == nil, id, nil
}

// anyID says whether id is a user or group although there is no file of them to list it. The
// kernel takes the lower half of a greater number, which may be root's.
func anyID(id int, file string) bool {
	_, err := os.Stat(file)
	return errors.Is(err, fs.ErrNotExist) && id >= 0 && id <= math.MaxInt32
}
