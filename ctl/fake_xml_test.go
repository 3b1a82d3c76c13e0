package ctl

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"gosv/daemon/wire"
)

func (f *fake) serveXML(t testing.TB) string { return f.serve(t, f.handleXML) }

// handleXML answers one HTTP request, as a Python supervisord does. What is not HTTP it
// waits for the rest of, likewise.
func (f *fake) handleXML(nc net.Conn) {
	r := bufio.NewReader(nc)
	if first, err := r.Peek(1); err != nil || first[0] == '{' {
		io.Copy(io.Discard, r)
		return
	}
	req, err := http.ReadRequest(r)
	if err != nil {
		return
	}
	body, _ := io.ReadAll(req.Body)
	if user, pass, _ := req.BasicAuth(); f.auth != "" && user+":"+pass != f.auth {
		f.called("401", "")
		io.WriteString(nc, "HTTP/1.1 401 Unauthorized\r\nServer: Medusa/1.12\r\nContent-Length: 0\r\n\r\n")
		return
	}
	if req.Method == http.MethodGet {
		f.logtail(nc, req.URL.Path)
		return
	}
	method, params := decodeCall(string(body))
	name := ""
	if len(params) > 0 {
		name = params[0]
	}
	f.called(method, name)
	if method == f.drop {
		return
	}
	v, fl := f.answerXML(method, params)
	if v == nil && fl == nil {
		fl = fault(wire.UnknownMethod, "")
	}
	text := "<?xml version='1.0'?>\n<methodResponse>\n"
	if fl != nil {
		text += "<fault>\n" + xmlValue(map[string]any{"faultCode": fl.Number, "faultString": fl.Error()}) + "</fault>\n"
	} else {
		text += "<params>\n<param>\n" + xmlValue(v) + "</param>\n</params>\n"
	}
	text += "</methodResponse>\n"
	// supervisord counts characters
	fmt.Fprintf(nc, "HTTP/1.1 200 OK\r\nServer: Medusa/1.12\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s", len([]rune(text)), text)
}

func (f *fake) logtail(w io.Writer, path string) {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	name, stream := "", "stdout"
	if len(parts) == 3 {
		name, stream = parts[1], parts[2]
	}
	f.called("GET", path)
	data, fl := f.log(name, stream, followBytes)
	if fl != nil {
		io.WriteString(w, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
		return
	}
	// supervisord closes the connection when it has had enough, with no last chunk
	fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(data), data)
}

func (f *fake) answerXML(method string, params []string) (any, *wire.Fault) {
	method = strings.TrimPrefix(method, "supervisor.")
	arg := func(i int) string {
		if i < len(params) {
			return params[i]
		}
		return ""
	}
	for _, verb := range []struct{ action, did string }{{"start", "started"}, {"stop", "stopped"}, {"signal", "signalled"}, {"clear", "cleared"}} {
		switch method {
		case verb.action + "Process", verb.action + "ProcessLogs":
			if _, process := splitNamespec(arg(0)); process == "" {
				return nil, badName(arg(0))
			}
			rs, fl := f.act(verb.action, verb.did, arg(0))
			if fl == nil && rs[0].Err != nil {
				fl = rs[0].Err
			}
			return true, fl
		case verb.action + "ProcessGroup":
			return f.xmlResults(f.act(verb.action, verb.did, arg(0)+":*"))
		case verb.action + "AllProcesses", verb.action + "AllProcessLogs":
			return f.xmlResults(f.act(verb.action, verb.did, "all"))
		}
	}
	switch method {
	case "getVersion", "getAPIVersion":
		return f.api, f.faults["hello"]
	case "getSupervisorVersion":
		return "4.2.5", nil
	case "getPID":
		return 4711, nil
	case "getAllProcessInfo":
		list := []any{}
		for _, p := range f.procs {
			list = append(list, xmlProcess(p))
		}
		return list, f.faults["status"]
	case "getProcessInfo":
		group, process := splitNamespec(arg(0))
		if ps := f.find(group, process); process != "" && ps != nil {
			return xmlProcess(ps[0]), nil
		}
		return nil, badName(arg(0))
	case "readLog", "readProcessStdoutLog", "readProcessStderrLog":
		name, offset, stream := arg(0), arg(1), "stdout"
		if method == "readLog" {
			name, offset = "", arg(0)
		}
		if strings.Contains(method, "Stderr") {
			stream = "stderr"
		}
		var n int64
		fmt.Sscan(offset, &n)
		data, fl := f.log(name, stream, -n)
		return string(data), fl
	case "sendProcessStdin":
		return true, f.faults["stdin"]
	case "reloadConfig":
		return []any{[]any{events(f.changes.Added), events(f.changes.Changed), events(f.changes.Removed)}}, f.faults["reread"]
	case "addProcessGroup":
		return true, f.faults["add:"+arg(0)]
	case "removeProcessGroup":
		return true, f.faults["remove:"+arg(0)]
	case "getAllConfigInfo":
		list := []any{}
		for _, a := range f.avail {
			list = append(list, map[string]any{
				"name": a.Name, "group": a.Group, "inuse": a.InUse, "autostart": a.Autostart,
				"group_prio": a.GroupPriority, "process_prio": a.ProcessPriority,
			})
		}
		return list, f.faults["avail"]
	case "restart":
		return true, f.faults["reload"]
	case "shutdown":
		return true, f.faults["shutdown"]
	}
	return nil, nil
}

func (f *fake) xmlResults(rs []wire.Result, fl *wire.Fault) (any, *wire.Fault) {
	list := []any{}
	for _, r := range rs {
		m := map[string]any{"name": r.Name, "group": r.Group, "status": 80, "description": "OK"}
		if r.Err != nil {
			m["status"], m["description"] = r.Err.Number, r.Err.Error()
		}
		list = append(list, m)
	}
	return list, fl
}

func xmlProcess(p wire.Process) map[string]any {
	return map[string]any{
		"name": p.Name, "group": p.Group, "statename": p.State, "state": p.StateCode, "pid": p.PID,
		"start": int(p.Start), "stop": int(p.Stop), "now": int(p.Now), "exitstatus": p.ExitStatus,
		"spawnerr": p.SpawnErr, "description": p.Description,
		"logfile": p.Stdout, "stdout_logfile": p.Stdout, "stderr_logfile": p.Stderr,
	}
}

// xmlValue writes a value as Python's xmlrpc.client does: control characters as they are.
func xmlValue(v any) string {
	switch v := v.(type) {
	case string:
		return "<value><string>" + strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(v) + "</string></value>\n"
	case int:
		return fmt.Sprintf("<value><int>%d</int></value>\n", v)
	case bool:
		if v {
			return "<value><boolean>1</boolean></value>\n"
		}
		return "<value><boolean>0</boolean></value>\n"
	case []any:
		text := "<value><array><data>\n"
		for _, x := range v {
			text += xmlValue(x)
		}
		return text + "</data></array></value>\n"
	case map[string]any:
		text := "<value><struct>\n"
		keys := []string{}
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			text += "<member>\n<name>" + k + "</name>\n" + xmlValue(v[k]) + "</member>\n"
		}
		return text + "</struct></value>\n"
	}
	panic(fmt.Sprintf("internal error: %T", v))
}

// decodeCall takes a call of encodeCall apart; all parameters as text.
func decodeCall(body string) (method string, params []string) {
	unescape := strings.NewReplacer("&lt;", "<", "&gt;", ">", "&#34;", `"`, "&#39;", "'", "&#xA;", "\n", "&amp;", "&")
	_, rest, _ := strings.Cut(body, "<methodName>")
	method, rest, _ = strings.Cut(rest, "</methodName>")
	for {
		var value string
		var found bool
		if _, rest, found = strings.Cut(rest, "<value>"); !found {
			return method, params
		}
		value, rest, _ = strings.Cut(rest, "</value>")
		_, value, _ = strings.Cut(value, ">")
		value, _, _ = strings.Cut(value, "</")
		params = append(params, unescape.Replace(value))
	}
}
