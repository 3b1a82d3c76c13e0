package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"gosv/conf"
	"gosv/logs"
	"gosv/proc"
	"gosv/proc/event"
)

// keptFormat is the version of kept. It grows when an older program that reads it would go
// wrong; new fields that it may leave out are no reason.
const keptFormat = 1

// kept is everything that a daemon leaves to the next version of itself, which begins in the
// same process: plain data, and the numbers of descriptors that stay open.
type kept struct {
	Format  int
	Version string // of the program that wrote it
	PID     int
	At      time.Duration // on CLOCK_MONOTONIC

	Launch  keptLaunch
	Began   json.RawMessage // conf.Pack: what this life began with, without its groups
	Config  json.RawMessage // conf.Pack: what was read last, and the active groups
	Manager proc.Frozen
	Logs    *logs.Frozen
	Outputs []keptOutput
	Left    json.RawMessage `json:",omitempty"` // conf.Pack: processes of Outputs whose groups are gone
	Main    []keptTarget
	Serial  uint64 // of the bus
	Ticks   event.Ticks
	Pools   map[string]event.KeptPool
	Servers []keptServer
	Masked  []int `json:",omitempty"` // that are blocked since an upgrade; children are not to inherit that
	FDs     []keptFD

	latest  *conf.Config // what Config says
	missing error        // what of FDs is not there
}

// keptLaunch is what the command line and the start have made.
type keptLaunch struct {
	Argv0      string
	FlagFile   string          `json:",omitempty"`
	Overrides  []conf.Override `json:",omitempty"`
	Compat     bool            `json:",omitempty"`
	File       string
	Foreground bool   `json:",omitempty"`
	Program    string // where the next version is looked for
	Ledger     string `json:",omitempty"`
	Dir        string `json:",omitempty"` // where it was started; "" if it is not known
}

// keptOutput is where the streams of one process go.
type keptOutput struct {
	Group, Name string
	Left        bool              `json:",omitempty"` // its group is gone, and something still writes
	Paths       [2]string         // stdout, stderr
	Sinks       [2]*logs.KeptSink // nil: not made yet
}

// keptTarget is what a place of the main log is owed.
type keptTarget struct {
	Queue []byte `json:",omitempty"`
	Lost  int    `json:",omitempty"`
}

// keptFD is a descriptor that stays open, and what it must turn out to be.
type keptFD struct {
	FD       int
	Mode     uint32 // type of file
	Dev, Ino uint64
}

// decodeKept reads what another version wrote.
func decodeKept(f *os.File) (*kept, error) {
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<40))
	if err != nil {
		return nil, fmt.Errorf("cannot read the state: %w", err)
	}
	var head struct {
		Format  int
		Version string
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, fmt.Errorf("cannot read the state: %w", err)
	}
	if head.Format != keptFormat {
		return nil, fmt.Errorf("the running gosv %s writes its state in format %d, and gosv %s reads format %d", head.Version, head.Format, Version, keptFormat)
	}
	k := &kept{}
	if err := json.Unmarshal(text, k); err != nil {
		return nil, fmt.Errorf("cannot read the state: %w", err)
	}
	if k.Logs == nil || k.Launch.File == "" {
		return nil, errors.New("the state is not complete")
	}
	return k, nil
}

// unpack reads the configurations.
func (k *kept) unpack() (began *conf.Config, err error) {
	if k.latest, k.Manager.Groups, err = conf.Unpack(k.Config); err != nil {
		return nil, err
	}
	began, _, err = conf.Unpack(k.Began)
	return began, err
}
