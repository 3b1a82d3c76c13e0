package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"gosv/conf"
	"gosv/proc"
)

// shutdownTimeout is how long all of a shutdown may take, 0 for as long as it takes. Process
// 1 is killed by whoever runs the container after some time, so there it is bounded.
func shutdownTimeout(s *conf.Supervisord, pid int) time.Duration {
	switch {
	case s.ShutdownTimeout != conf.NoTimeout:
		return time.Duration(s.ShutdownTimeout)
	case pid == 1:
		return time.Duration(conf.DefaultTimeout)
	}
	return 0
}

// sayTimeout warns of a program that asks for more time to stop than process 1 gives when
// nobody has configured how much; what was configured was judged when it was read.
func (d *Daemon) sayTimeout(cfg *conf.Config) {
	if d.top != 1 {
		return
	}
	if e := conf.LateStop(cfg); e != nil {
		d.log.Warn(e.Msg + ": " + e.Hint)
	}
}

// terminationMax is what Kubernetes shows of a termination log.
const terminationMax = 4096

// writeTermination writes why gosv ends to the file that whoever runs the container looks
// at. It makes no file: where there is none, nobody looks.
func writeTermination(path, reason string) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		_, err = f.WriteString(reason[:min(len(reason), terminationMax-1)] + "\n")
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("cannot write why gosv ends to %q: %w", path, err)
	}
	return nil
}

// reportVerdict writes the verdict, if there comes one until ended is closed: at once,
// because whoever runs the container may not wait until all is stopped.
func (d *Daemon) reportVerdict(ended <-chan struct{}) {
	var v proc.Verdict
	select {
	case v = <-d.verdicts:
	case <-ended:
		select {
		case v = <-d.verdicts:
		default:
			return
		}
	}
	if err := writeTermination(d.config().Supervisord.TerminationLog, v.Reason); err != nil {
		d.log.Warn(err.Error())
	}
}
