package daemon

import (
	"path/filepath"
	"testing"
)

// TestClearGuarded: what gosv writes itself is emptied by admins only, whatever program has it as
// its log.
func TestClearGuarded(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		access access
		audit  bool // cat's log is the audit log
		main   bool // g1's log is the main log
		want   string
	}{
		{"cat", operate, false, false, ""},
		{"cat", operate, true, false, "NOT_ALLOWED"},
		{"cat", admin, true, false, ""},
		{"grp:g1", operate, false, true, "NOT_ALLOWED"},
		{"grp:g1", admin, false, true, ""},
	} {
		f := newFake(t)
		f.audited()
		f.shared = tt.main
		if tt.audit {
			f.api.audit.path = filepath.Join(f.dir, "cat.out")
		}
		c := &call{api: f.api, access: tt.access, send: func(any) error { return nil }}
		group, name, err := oneName(tt.name)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := c.clear(t.Context(), group, name, tt.name); err != nil {
			got = faultOf(err).Code
		}
		if cleared := len(f.did) == 1; got != tt.want || cleared != (tt.want == "") {
			t.Errorf("%+v: %q, did %q", tt, got, f.did)
		}
	}
}
