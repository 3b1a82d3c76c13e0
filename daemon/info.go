package daemon

import (
	"strconv"
	"time"

	"gosv/daemon/wire"
	"gosv/daemon/xmlrpc"
	"gosv/proc"
	"gosv/proc/state"
)

// processInfo is a process as getProcessInfo shows it.
type processInfo struct {
	Name        string `json:"name"`
	Group       string `json:"group"`
	Start       int64  `json:"start"` // seconds since 1970, 0 for never
	Stop        int64  `json:"stop"`
	Now         int64  `json:"now"`
	State       int    `json:"state"`
	Statename   string `json:"statename"`
	Spawnerr    string `json:"spawnerr"`
	Exitstatus  int    `json:"exitstatus"`
	Logfile     string `json:"logfile"` // the old name of stdout_logfile
	Stdout      string `json:"stdout_logfile"`
	Stderr      string `json:"stderr_logfile"`
	PID         int    `json:"pid"`
	Description string `json:"description"`
}

// processInfos is the answer of getAllProcessInfo.
type processInfos []processInfo

// fill takes over what the manager says of the process.
func (x *processInfo) fill(p *proc.Info, now time.Time, stdout, stderr string) {
	*x = processInfo{
		Name: p.Name, Group: p.Group,
		Start: seconds(shownAt(p.Start, now)), Stop: seconds(shownAt(p.Stop, now)), Now: seconds(now),
		State: int(p.State), Statename: p.State.String(), Spawnerr: p.SpawnErr, Exitstatus: p.ExitStatus,
		Logfile: stdout, Stdout: stdout, Stderr: stderr,
		PID: p.PID, Description: description(p, now),
	}
}

const (
	xmlName   = "</member>\n<member>\n<name>"
	xmlStr    = "</name>\n<value><string>"
	xmlNum    = "</name>\n<value><int>"
	xmlEndStr = "</string></value>\n"
	xmlEndNum = "</int></value>\n"

	xmlEndInfo = xmlEndStr + "</member>\n</struct></value>\n"
)

// AppendXMLRPC is the struct of getProcessInfo, members in the original's order. Written
// by hand because dashboards ask for all processes every few seconds: that is mostly how often
// something is appended.
func (x *processInfo) AppendXMLRPC(dst []byte) []byte {
	dst = x.appendBefore(dst)
	dst = x.appendAfter(xmlrpc.AppendNumber(dst, x.Now))
	return append(xmlrpc.AppendText(dst, x.Description), xmlEndInfo...)
}

// appendBefore is what comes before the present time.
func (x *processInfo) appendBefore(dst []byte) []byte {
	dst = append(dst, "<value><struct>\n<member>\n<name>name"+xmlStr...)
	dst = append(xmlrpc.AppendText(dst, x.Name), xmlEndStr+xmlName+"group"+xmlStr...)
	dst = append(xmlrpc.AppendText(dst, x.Group), xmlEndStr+xmlName+"start"+xmlNum...)
	dst = append(xmlrpc.AppendNumber(dst, x.Start), xmlEndNum+xmlName+"stop"+xmlNum...)
	return append(xmlrpc.AppendNumber(dst, x.Stop), xmlEndNum+xmlName+"now"+xmlNum...)
}

// appendAfter is what comes between the present time and the description.
func (x *processInfo) appendAfter(dst []byte) []byte {
	dst = append(dst, xmlEndNum+xmlName+"state"+xmlNum...)
	dst = append(xmlrpc.AppendNumber(dst, int64(x.State)), xmlEndNum+xmlName+"statename"+xmlStr...)
	dst = append(xmlrpc.AppendText(dst, x.Statename), xmlEndStr+xmlName+"spawnerr"+xmlStr...)
	dst = append(xmlrpc.AppendText(dst, x.Spawnerr), xmlEndStr+xmlName+"exitstatus"+xmlNum...)
	dst = append(xmlrpc.AppendNumber(dst, int64(x.Exitstatus)), xmlEndNum+xmlName+"logfile"+xmlStr...)
	dst = append(xmlrpc.AppendText(dst, x.Stdout), xmlEndStr+xmlName+"stdout_logfile"+xmlStr...)
	dst = append(xmlrpc.AppendText(dst, x.Stdout), xmlEndStr+xmlName+"stderr_logfile"+xmlStr...)
	dst = append(xmlrpc.AppendText(dst, x.Stderr), xmlEndStr+xmlName+"pid"+xmlNum...)
	return append(xmlrpc.AppendNumber(dst, int64(x.PID)), xmlEndNum+xmlName+"description"+xmlStr...)
}

// AppendXMLRPC is the array of them.
func (list processInfos) AppendXMLRPC(dst []byte) []byte {
	const size = 1400 // of one, about
	if need := len(list) * size; cap(dst)-len(dst) < need {
		dst = append(make([]byte, 0, len(dst)+need), dst...)
	}
	dst = xmlrpc.BeginArray(dst)
	for i := range list {
		dst = list[i].AppendXMLRPC(dst)
	}
	return xmlrpc.EndArray(dst)
}

// wire is the process as the method status shows it.
func (x *processInfo) wire() wire.Process {
	return wire.Process{
		Name: x.Name, Group: x.Group, State: x.Statename, StateCode: x.State, PID: x.PID,
		Start: x.Start, Stop: x.Stop, Now: x.Now,
		ExitStatus: x.Exitstatus, SpawnErr: x.Spawnerr, Description: x.Description,
		Stdout: x.Stdout, Stderr: x.Stderr,
	}
}

// shownAt is t on the wall clock as it stands now. Clients subtract start from now: after the
// clock was set, as on a board that boots in 1970, that must still be how long ago it was.
func shownAt(t, now time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	ago := now.Sub(t) // on the monotonic clock, unless t comes from an earlier daemon
	off := now.Round(0).Sub(t.Round(0)) - ago
	if off.Abs() < time.Second || off > 0 && off <= suspended()+time.Second {
		return t // a clock that is only kept in step moves nothing, nor a machine that slept
	}
	return now.Add(-ago)
}

// seconds is the time in seconds since 1970, 0 for never.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// description is Supervisor's text about a process (_interpretProcessInfo). Where it shows
// the start of 1970, because a process was stopped before it could ever be spawned, this
// says that it was not started.
func description(p *proc.Info, now time.Time) string {
	switch p.State {
	case state.Running:
		return string(appendRunning(make([]byte, 0, 64), p, now))
	case state.Fatal, state.Backoff:
		if p.SpawnErr != "" {
			return p.SpawnErr
		}
		return `unknown error (try "tail ` + p.Name + `")`
	case state.Stopped, state.Exited:
		if p.Start.IsZero() || p.Stop.IsZero() {
			return "Not started"
		}
		return p.Stop.Local().Format("Jan 02 03:04 PM")
	}
	return ""
}

// appendRunning is the description of a process that runs.
func appendRunning(dst []byte, p *proc.Info, now time.Time) []byte {
	dst = strconv.AppendInt(append(dst, "pid "...), int64(p.PID), 10)
	return appendUptime(append(dst, ", uptime "...), now.Sub(p.Start))
}

// appendUptime appends d as Python shows a timedelta: "1:02:03", "1 day, 0:00:07".
func appendUptime(dst []byte, d time.Duration) []byte {
	s := int64(max(d, 0) / time.Second)
	if days := s / 86400; days > 0 {
		dst = strconv.AppendInt(dst, days, 10)
		if days == 1 {
			dst = append(dst, " day, "...)
		} else {
			dst = append(dst, " days, "...)
		}
	}
	dst = strconv.AppendInt(dst, s%86400/3600, 10)
	dst = append(dst, ':', byte('0'+s%3600/600), byte('0'+s%600/60))
	return append(dst, ':', byte('0'+s%60/10), byte('0'+s%10))
}
