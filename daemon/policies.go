package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"gosv/proc"
)

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
