package proc

import (
	"syscall"
	"testing"
)

// A machine that has no room for a child now is asked again the next time; one that cannot make it so
// is not.
func TestNoChild(t *testing.T) {
	for _, e := range []syscall.Errno{syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE} {
		k := &UnixKernel{}
		if _, err, ok := k.noChild(e); err != e || !ok || k.indirect.Load() {
			t.Errorf("%v: %v, %v, for good %v", e, err, ok, k.indirect.Load())
		}
	}
	for _, e := range []syscall.Errno{syscall.ENOSYS, syscall.EPERM, syscall.EINVAL} {
		k := &UnixKernel{}
		if _, err, ok := k.noChild(e); err != nil || ok || !k.indirect.Load() {
			t.Errorf("%v: %v, %v, for good %v", e, err, ok, k.indirect.Load())
		}
	}
}
