package daemon

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"gosv/conf"
	"gosv/daemon/wire"
	"gosv/proc"
	"gosv/proc/event"
)

type none struct{}

// stateMethods are those about the daemon itself.
func stateMethods() []*method {
	version := func(context.Context, *call, none) (string, error) { return APIVersion, nil }
	return []*method{
		rpc("supervisor.getAPIVersion", read, "The version of this API.", version),
		rpc("supervisor.getVersion", read, "The old name of getAPIVersion.", version),
		rpc("supervisor.getSupervisorVersion", read, "The version of Supervisor whose behaviour is offered.",
			func(context.Context, *call, none) (string, error) { return SupervisorVersion, nil }),
		rpc("supervisor.getIdentification", read, "The identifier of this supervisord, from its configuration.",
			func(_ context.Context, c *call, _ none) (string, error) {
				return c.sup.config().Supervisord.Identifier, nil
			}),
		quickly(rpc("supervisor.getState", read, "The state of supervisord: statecode 1 RUNNING. While it shuts down (0 RESTARTING, -1 SHUTDOWN) the answer is the fault SHUTDOWN_STATE.",
			func(_ context.Context, c *call, _ none) (daemonState, error) {
				mood := c.mgr.Mood()
				return daemonState{int(mood), moodName(mood)}, nil
			})),
		rpc("supervisor.getPID", read, "The process id of supervisord.",
			func(_ context.Context, c *call, _ none) (int, error) { return c.pid, nil }),
		rpc("supervisor.shutdown", admin, "Stop all processes and end supervisord.",
			func(_ context.Context, c *call, _ none) (bool, error) {
				c.sup.shutdown()
				return true, nil
			}),
		rpc("supervisor.restart", admin, "Stop all processes and start again from the configuration file. If that is broken nothing is stopped, and the fault is CANT_REREAD.",
			func(ctx context.Context, c *call, _ none) (bool, error) {
				return true, c.reload(ctx)
			}),
		whileDown(rpc("supervisor.sendRemoteCommEvent", admin, "Send an event of type REMOTE_COMMUNICATION to the event listeners that subscribed to it.",
			func(_ context.Context, c *call, in remoteComm) (bool, error) {
				c.bus.Publish(event.Event{Type: event.RemoteCommunication, Kind: string(in.Type), Data: []byte(in.Data)})
				return true, nil
			})),
	}
}

type daemonState struct {
	Code int    `json:"statecode"`
	Name string `json:"statename"`
}

type remoteComm struct {
	Type word `doc:"what listeners get as its type"`
	Data word `doc:"what listeners get as its data"`
}

// moodName is Supervisor's name of the daemon's state.
func moodName(m proc.Mood) string {
	switch m {
	case proc.MoodRunning:
		return "RUNNING"
	case proc.MoodRestarting:
		return "RESTARTING"
	}
	return "SHUTDOWN"
}

// groupMethods are those about the configuration and the active groups.
func groupMethods() []*method {
	return []*method{
		rpc("supervisor.reloadConfig", admin, "Read the configuration anew and say which groups differ from the active ones. Nothing is started or stopped. A broken configuration is the fault CANT_REREAD and changes nothing. The result is [[added, changed, removed]], three arrays of group names.",
			func(ctx context.Context, c *call, _ none) ([][][]string, error) {
				ch, err := c.changes(ctx)
				if err != nil {
					return nil, err
				}
				return [][][]string{{ch.Added, ch.Changed, ch.Removed}}, nil
			}),
		rpc("supervisor.addProcessGroup", admin, "Make a group of the configuration active and start its autostart processes.",
			func(ctx context.Context, c *call, in groupParam) (bool, error) { return true, c.addGroup(ctx, in.Name) }),
		rpc("supervisor.removeProcessGroup", admin, "Make a group whose processes are all stopped inactive.",
			func(ctx context.Context, c *call, in groupParam) (bool, error) {
				return true, c.removeGroup(ctx, in.Name)
			}),
	}
}

type groupParam struct {
	Name string `doc:"a group"`
}

func (c *call) addGroup(ctx context.Context, name string) error {
	g := findGroup(c.sup.config().Groups, name)
	if g == nil {
		return fault(wire.BadName, name)
	}
	return namedOrNil(c.sup.add(ctx, g), name)
}

func (c *call) removeGroup(ctx context.Context, name string) error {
	if name == "" {
		return fault(wire.BadName, name)
	}
	return namedOrNil(c.sup.remove(ctx, name), name)
}

// namedOrNil is named for an error that may be nil.
func namedOrNil(err error, name string) error {
	if err == nil {
		return nil
	}
	return named(err, name)
}

// changes rereads the configuration and says what differs.
func (c *call) changes(ctx context.Context) (*wire.Changes, error) {
	_, plan, err := c.sup.reread(ctx)
	if err != nil {
		return nil, rereadFault(err)
	}
	ch := &wire.Changes{Added: []string{}, Changed: []string{}, Removed: []string{}}
	for _, g := range plan.Added {
		ch.Added = append(ch.Added, g.Name)
	}
	for _, x := range plan.Changed {
		ch.Changed = append(ch.Changed, x.New.Name)
		for _, r := range x.Reasons {
			ch.Reasons = append(ch.Reasons, wire.Reason{
				Group: x.New.Name, Process: r.Process, Option: r.Key, Old: r.Old, New: r.New,
				File: r.Pos.File, Line: r.Pos.Line,
			})
		}
	}
	for _, g := range plan.Removed {
		ch.Removed = append(ch.Removed, g.Name)
	}
	return ch, nil
}

// reload begins the restart of everything, unless the configuration is broken.
func (c *call) reload(ctx context.Context) error {
	if err := c.sup.reload(ctx); err != nil {
		return rereadFault(err)
	}
	return nil
}

// rereadFault is CANT_REREAD for whatever keeps the configuration from being read.
func rereadFault(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) || errors.Is(err, os.ErrNotExist) {
		return fault(wire.CantReread, err.Error())
	}
	return err
}

// findGroup is the configured group of that name, or nil.
func findGroup(groups []*conf.Group, name string) *conf.Group {
	for _, g := range groups {
		if g.Name == name {
			return g
		}
	}
	return nil
}
