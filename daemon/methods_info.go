package daemon

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"gosv/conf"
)

// infoMethods are those that show processes and their configuration.
func infoMethods() []*method {
	return []*method{
		quickly(rpc("supervisor.getProcessInfo", read, "What is known of a process.",
			func(ctx context.Context, c *call, in processParam) (*processInfo, error) {
				return c.process(ctx, in.Name)
			})),
		quickly(rpc("supervisor.getAllProcessInfo", read, "What is known of all processes, by group and name.",
			func(ctx context.Context, c *call, _ none) (list processInfos, err error) {
				if c.asText {
					c.text, err = c.allText(ctx)
					return nil, err
				}
				return c.processes(ctx)
			})),
		rpc("supervisor.getAllConfigInfo", read, "The configuration of all processes as it was read last, by name; inuse says whether the group is active.",
			func(ctx context.Context, c *call, _ none) ([]configInfo, error) { return c.configInfo(ctx) }),
	}
}

type processParam struct {
	Name string `doc:"a process: name or group:name"`
}

func (c *call) process(ctx context.Context, spec string) (*processInfo, error) {
	group, name, err := oneName(spec)
	if err != nil {
		return nil, err
	}
	info, err := c.mgr.Process(ctx, group, name)
	if err != nil {
		return nil, named(err, spec)
	}
	stdout, stderr := c.logs.paths(group, name)
	x := &processInfo{}
	x.fill(&info, time.Now(), stdout, stderr)
	return x, nil
}

func (c *call) processes(ctx context.Context) (processInfos, error) {
	list, err := c.mgr.Known(ctx)
	if err != nil {
		return nil, err
	}
	if c.stir != nil {
		c.stir(1 + len(list)/100)
	}
	now := time.Now()
	out := make(processInfos, len(list))
	for i := range list {
		stdout, stderr := c.logs.paths(list[i].Group, list[i].Name)
		out[i].fill(&list[i], now, stdout, stderr)
	}
	return out, nil
}

// configInfo is what getAllConfigInfo says of a process. The fields of type any are
// "none" where nothing is configured; XML-RPC as the original speaks it has no null.
type configInfo struct {
	Autostart             bool   `json:"autostart"`
	Autorestart           any    `json:"autorestart"` // false, true, "unexpected"
	Directory             string `json:"directory"`
	UID                   any    `json:"uid"`
	Command               string `json:"command"`
	Exitcodes             []int  `json:"exitcodes"`
	Group                 string `json:"group"`
	GroupPrio             int    `json:"group_prio"`
	InUse                 bool   `json:"inuse"`
	Killasgroup           bool   `json:"killasgroup"`
	Name                  string `json:"name"`
	ProcessPrio           int    `json:"process_prio"`
	RedirectStderr        bool   `json:"redirect_stderr"`
	Startretries          int    `json:"startretries"`
	Startsecs             int    `json:"startsecs"`
	StdoutCaptureMaxbytes int    `json:"stdout_capture_maxbytes"`
	StdoutEventsEnabled   bool   `json:"stdout_events_enabled"`
	StdoutLogfile         string `json:"stdout_logfile"`
	StdoutLogfileBackups  int    `json:"stdout_logfile_backups"`
	StdoutLogfileMaxbytes int    `json:"stdout_logfile_maxbytes"`
	StdoutSyslog          bool   `json:"stdout_syslog"`
	Stopsignal            int    `json:"stopsignal"`
	Stopwaitsecs          int    `json:"stopwaitsecs"`
	StderrCaptureMaxbytes int    `json:"stderr_capture_maxbytes"`
	StderrEventsEnabled   bool   `json:"stderr_events_enabled"`
	StderrLogfile         string `json:"stderr_logfile"`
	StderrLogfileBackups  int    `json:"stderr_logfile_backups"`
	StderrLogfileMaxbytes int    `json:"stderr_logfile_maxbytes"`
	StderrSyslog          bool   `json:"stderr_syslog"`
	Serverurl             string `json:"serverurl"`
}

func (c *call) configInfo(ctx context.Context) ([]configInfo, error) {
	active, err := c.mgr.Groups(ctx)
	if err != nil {
		return nil, err
	}
	inUse := map[string]bool{}
	for _, g := range active {
		inUse[g.Name] = true
	}
	list := []configInfo{}
	for _, g := range c.sup.config().Groups {
		for _, p := range g.Processes {
			x := configOf(g, p)
			x.InUse = inUse[g.Name]
			var stdout, stderr string
			if x.InUse {
				stdout, stderr = c.logs.paths(g.Name, p.Name)
			}
			x.StdoutLogfile = logfileText(p.Stdout.Logfile, stdout)
			x.StderrLogfile = logfileText(p.Stderr.Logfile, stderr)
			list = append(list, x)
		}
	}
	slices.SortStableFunc(list, func(a, b configInfo) int { return cmp.Compare(a.Name, b.Name) })
	return list, nil
}

func configOf(g *conf.Group, p *conf.Process) configInfo {
	x := configInfo{
		Autostart:             p.Autostart,
		Autorestart:           p.Autorestart == conf.RestartAlways,
		Directory:             orNone(p.Directory),
		UID:                   "none",
		Command:               p.Command.Line,
		Exitcodes:             p.Exitcodes,
		Group:                 g.Name,
		GroupPrio:             g.Priority,
		Killasgroup:           p.Killasgroup,
		Name:                  p.Name,
		ProcessPrio:           p.Priority,
		RedirectStderr:        p.RedirectStderr,
		Startretries:          p.Startretries,
		Startsecs:             wholeSeconds(p.Startsecs),
		StdoutCaptureMaxbytes: int(p.Stdout.CaptureMaxbytes),
		StdoutEventsEnabled:   p.Stdout.EventsEnabled,
		StdoutLogfileBackups:  p.Stdout.LogfileBackups,
		StdoutLogfileMaxbytes: int(p.Stdout.LogfileMaxbytes),
		StdoutSyslog:          p.Stdout.Syslog,
		Stopsignal:            int(p.Stopsignal),
		Stopwaitsecs:          wholeSeconds(p.Stopwaitsecs),
		StderrCaptureMaxbytes: int(p.Stderr.CaptureMaxbytes),
		StderrEventsEnabled:   p.Stderr.EventsEnabled,
		StderrLogfileBackups:  p.Stderr.LogfileBackups,
		StderrLogfileMaxbytes: int(p.Stderr.LogfileMaxbytes),
		StderrSyslog:          p.Stderr.Syslog,
		Serverurl:             orNone(p.ServerURL),
	}
	if p.User.Set {
		x.UID = p.User.UID
	}
	if p.Autorestart == conf.RestartUnexpected {
		x.Autorestart = "unexpected"
	}
	if x.Command == "" && p.Command.Argv != nil {
		x.Command = strings.Join(p.Command.Argv, " ")
	}
	if x.Exitcodes == nil {
		x.Exitcodes = []int{}
	}
	return x
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// logfileText is the path in use, or what is configured: "auto", "none", a path.
func logfileText(f conf.LogFile, inUse string) string {
	switch {
	case f.Kind == conf.LogNone:
		return "none"
	case f.Kind == conf.LogPath:
		return f.Path
	case inUse != "":
		return inUse
	}
	return "auto"
}

// wholeSeconds rounds up, so that what a TOML file says as 0.5 does not look like 0. The
// original keeps negative ones as they are.
func wholeSeconds(s conf.Seconds) int {
	if s < 0 {
		return int(time.Duration(s) / time.Second)
	}
	return int((time.Duration(s) + time.Second - 1) / time.Second)
}
