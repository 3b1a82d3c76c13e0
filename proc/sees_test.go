package proc_test

import (
	"syscall"
	"testing"

	"gosv/conf"
	"gosv/proc"
)

// Who sees some processes only does nothing to the others, however he names them.
func TestSees(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.add(groupOf("web", 1, program("a", nil), program("b", nil)))
		w.add(single("x", nil))
		w.took()
		sees := func(p *conf.Process) bool { return p.Name == "a" }
		for _, test := range []struct {
			op   proc.Op
			want []string
		}{
			{proc.Op{Kind: proc.Signal, Signal: syscall.SIGHUP}, []string{"web:a signalled"}},
			{proc.Op{Kind: proc.Signal, Signal: syscall.SIGHUP, Group: "web"}, []string{"web:a signalled"}},
			{proc.Op{Kind: proc.Signal, Signal: syscall.SIGHUP, Group: "web", Process: "b"}, []string{"BAD_NAME: web:b"}},
			{proc.Op{Kind: proc.Stop, Group: "x"}, []string{"BAD_NAME: x"}},
			{proc.Op{Kind: proc.Restart, Group: "x", Process: "x"}, []string{"BAD_NAME: x"}},
		} {
			test.op.Sees = sees
			t.Logf("%+v", test.op)
			same(t, "results", w.do(test.op), test.want)
		}
	})
}
