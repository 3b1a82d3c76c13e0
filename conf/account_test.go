package conf

import (
	"math"
	"os"
	"os/user"
	"slices"
	"strconv"
	"testing"
)

func TestParseUser(t *testing.T) {
	t.Parallel()
	me, err := user.LookupId(strconv.Itoa(os.Getuid()))
	if err != nil {
		t.Skipf("SKIPPED: no account for our uid: %v", err)
	}
	for _, v := range []any{me.Username, me.Uid, int64(os.Getuid())} {
		u, err := parseUser(v)
		if err != nil {
			t.Fatal(err)
		}
		if !u.Set || u.Name != me.Username || u.UID != os.Getuid() || strconv.Itoa(u.GID) != me.Gid || u.More[0] != u.GID {
			t.Errorf("parseUser(%v) = %+v", v, u)
		}
		if slices.Contains(u.More[1:], u.GID) {
			t.Errorf("parseUser(%v) has its primary group twice: %v", v, u.More)
		}
		if again, err := parseUser(u.String()); err != nil || again.UID != u.UID {
			t.Errorf("parseUser(%q) = %+v, %v", u.String(), again, err)
		}
	}
	bad := map[any]string{
		"nosuch":     "Invalid user name nosuch",
		"":           "Invalid user name ",
		"99999":      "Invalid user id 99999",
		int64(99999): "Invalid user id 99999",
		"-1":         "Invalid user id -1",
		1.5:          "must be a name or a number, not a number",
		true:         "must be a name or a number, not a boolean",
	}
	for v, want := range bad {
		if u, err := parseUser(v); text(err) != want {
			t.Errorf("parseUser(%v) = %+v, %v, want %q", v, u, err, want)
		}
	}
	for pair, gid := range map[string]int{"12345:54321": 54321, "0:0": 0} { // needs no account
		u, err := parseUser(pair)
		if err != nil || !u.Set || u.GID != gid || !slices.Equal(u.More, []int{gid}) || u.String() != pair || u.Name != "" {
			t.Errorf("parseUser(%q) = %+v, %v", pair, u, err)
		}
	}
	for _, text := range []string{"1:", ":1", "1:2:3", "-1:2", "a:1", "99999999999:1"} {
		if u, err := parseUser(text); err == nil {
			t.Errorf("parseUser(%q) = %+v", text, u)
		}
	}
	if u := numericUser("1000", 1000, 1000); !u.Set || u.UID != 1000 || u.GID != 1000 || !slices.Equal(u.More, []int{1000}) || u.Name != "" {
		t.Errorf("a user without accounts is %+v", u)
	}
	for id, want := range map[int64]bool{0: true, 1234: true, math.MaxInt32: true, -1: false, 1 << 32: false, 99999999999: false} {
		if int64(int(id)) != id {
			continue // no number of a 32-bit machine
		}
		if got := anyID(int(id), t.TempDir()+"/passwd"); got != want || anyID(int(id), "/") {
			t.Errorf("without accounts, %d is one: %v, want %v", id, got, want)
		}
	}
	if (User{}).String() != "" {
		t.Error("no user is not the empty text")
	}
}

func TestParseOwner(t *testing.T) {
	t.Parallel()
	me, err := user.LookupId(strconv.Itoa(os.Getuid()))
	if err != nil {
		t.Skipf("SKIPPED: no account for our uid: %v", err)
	}
	gid, err := strconv.Atoi(me.Gid)
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		in  any
		gid int
		err string
	}{
		{in: me.Username, gid: -1},
		{in: int64(os.Getuid()), gid: -1},
		{in: me.Username + ":" + me.Gid, gid: gid},
		{in: me.Uid + ":" + me.Gid, gid: gid},
		{in: "nosuch", err: "Invalid user:group definition nosuch"},
		{in: me.Username + ":nosuch", err: "Invalid user:group definition " + me.Username + ":nosuch"},
		{in: me.Username + ":", err: "Invalid user:group definition " + me.Username + ":"},
		{in: "", err: "Invalid user:group definition "},
		{in: true, err: "must be a name or a number, not a boolean"},
	}
	for _, c := range cases {
		o, err := parseOwner(c.in)
		if text(err) != c.err {
			t.Errorf("parseOwner(%v) fails with %v, want %q", c.in, err, c.err)
		}
		if err == nil && (!o.Set || o.UID != os.Getuid() || o.GID != c.gid) {
			t.Errorf("parseOwner(%v) = %+v, want group %d", c.in, o, c.gid)
		}
	}
}
