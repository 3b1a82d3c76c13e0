package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Steps that talk to the daemon's sockets: byte for byte where it matters.

// dial connects to the unix socket, or to the TCP port where the step's line says tcp.
func (sd *side) dial(tcp bool) (net.Conn, error) {
	if tcp {
		return net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", sd.port), 10*time.Second)
	}
	return net.DialTimeout("unix", filepath.Join(sd.dir, "s"), 10*time.Second)
}

// rpc calls a method and returns the answer's XML text, or its status if that is not 200.
func (sd *side) rpc(method string, params []any) (string, error) {
	return sd.post(callXML(method, params))
}

func (sd *side) post(body string) (string, error) {
	client := http.Client{
		Timeout:   patience,
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) { return sd.dial(false) }},
	}
	resp, err := client.Post("http://localhost/RPC2", "text/xml", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if resp.StatusCode != 200 {
		return fmt.Sprintf("HTTP %s\n%s", resp.Status, text), nil
	}
	return string(text), err
}

func callXML(method string, params []any) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<?xml version='1.0'?>\n<methodCall>\n<methodName>%s</methodName>\n<params>\n", xmlText(method))
	for _, p := range params {
		fmt.Fprintf(&b, "<param>\n%s</param>\n", valueXML(p))
	}
	b.WriteString("</params>\n</methodCall>\n")
	return b.String()
}

func xmlText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

func valueXML(v any) string {
	switch v := v.(type) {
	case bool:
		if v {
			return "<value><boolean>1</boolean></value>\n"
		}
		return "<value><boolean>0</boolean></value>\n"
	case float64:
		return fmt.Sprintf("<value><int>%d</int></value>\n", int64(v))
	case string:
		return "<value><string>" + xmlText(v) + "</string></value>\n"
	case []any:
		s := "<value><array><data>\n"
		for _, e := range v {
			s += valueXML(e)
		}
		return s + "</data></array></value>\n"
	case map[string]any:
		s := "<value><struct>\n"
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			s += "<member>\n<name>" + xmlText(k) + "</name>\n" + valueXML(v[k]) + "</member>\n"
		}
		return s + "</struct></value>\n"
	}
	return "<value><nil/></value>\n"
}

// stepRPC calls a method with arguments written as a JSON array's inside: rpc METHOD "cat", 1.
// A file's name in its place (rpc <FILE) posts the file. A member that gosv's configuration
// info has in addition is left out; one case shows it with rpcfull.
func (sd *side) stepRPC(args string) error { return sd.call(args, withoutAutorestart) }

func (sd *side) stepRPCFull(args string) error {
	return sd.call(args, func(s string) string { return s })
}

func (sd *side) call(args string, change func(string) string) error {
	var text string
	var err error
	if file, ok := strings.CutPrefix(args, "<"); ok {
		body, rerr := os.ReadFile(filepath.Join(sd.dir, file))
		if rerr != nil {
			return rerr
		}
		text, err = sd.post(string(body))
	} else {
		method, rest, _ := strings.Cut(args, " ")
		var params []any
		if err := json.Unmarshal([]byte("["+rest+"]"), &params); err != nil {
			return err
		}
		text, err = sd.rpc(method, params)
	}
	if err != nil {
		return err
	}
	sd.show("rpc %s\n%s\n", args, compact(change(strings.TrimSuffix(text, "\n"))))
	return nil
}

// withoutAutorestart is a configuration info without the member that Supervisor 4.2.5 has not.
func withoutAutorestart(s string) string {
	return regexp.MustCompile(`<member>\n<name>autorestart</name>\n<value>.*</value>\n</member>\n`).ReplaceAllString(s, "")
}

// compact writes XML exactly as Python lays it out in fewer lines, and leaves everything
// else as it is, so that what differs in layout still differs.
func compact(s string) string {
	for _, r := range compacts {
		s = r.re.ReplaceAllString(s, r.with)
	}
	return s
}

var compacts = []struct {
	re   *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`^<\?xml version='1.0'\?>\n<methodResponse>\n<params>\n<param>\n([\s\S]*)\n</param>\n</params>\n</methodResponse>$`), "answer $1"},
	{regexp.MustCompile(`^<\?xml version='1.0'\?>\n<methodResponse>\n<fault>\n([\s\S]*)\n</fault>\n</methodResponse>$`), "fault $1"},
	{regexp.MustCompile(`<member>\n<name>(\w+)</name>\n<value><(int|string|boolean)>([^<\n]*)</(?:int|string|boolean)></value>\n</member>\n`), "  $1 = $2 $3\n"},
	{regexp.MustCompile(`<value><array><data>\n((?:<value><int>\d+</int></value>\n)*)</data></array></value>`), "<value>array<data>$1</data></value>"},
}

// ask sends a request "METHOD PATH [Header:value]..." and returns the answer; a path that
// starts with tcp: goes to the TCP port.
func (sd *side) ask(args string) (*http.Response, []byte, error) {
	all := words(args)
	path, tcp := strings.CutPrefix(all[1], "tcp:")
	conn, err := sd.dial(tcp)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	req := all[0] + " " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
	body := ""
	for _, h := range all[2:] {
		if b, ok := strings.CutPrefix(h, "body:"); ok {
			body = b
			req += fmt.Sprintf("Content-Length: %d\r\n", len(b))
			continue
		}
		req += strings.Replace(h, ":", ": ", 1) + "\r\n"
	}
	if _, err := io.WriteString(conn, req+"\r\n"+body); err != nil {
		return nil, nil, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: all[0]})
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp, data, err
}

// stepHTTP shows status, type and body of an answer.
func (sd *side) stepHTTP(args string) error {
	resp, body, err := sd.ask(args)
	if err != nil {
		return err
	}
	sd.show("http %s\n%s %q\n%s\n", args, resp.Status, resp.Header.Get("Content-Type"), body)
	return nil
}

// stepHead shows the status, and the headers that clients act upon.
func (sd *side) stepHead(args string) error {
	resp, _, err := sd.ask(args)
	if err != nil {
		return err
	}
	sd.show("head %s\n%s\n", args, resp.Status)
	if auth := resp.Header.Get("Www-Authenticate"); auth != "" {
		sd.show("Www-Authenticate: %s\n", auth)
	}
	return nil
}

// stepPage shows the status and which of the expressions, separated by " | ", the body matches:
// page PATH :: EXPR | EXPR.
func (sd *side) stepPage(args string) error {
	path, exprs, _ := strings.Cut(args, " :: ")
	resp, body, err := sd.ask("GET " + path)
	if err != nil {
		return err
	}
	sd.show("page %s\n%s %s\n", path, resp.Status, resp.Header.Get("Content-Type"))
	for _, e := range strings.Split(exprs, " | ") {
		re, err := regexp.Compile("(?s)" + e)
		if err != nil {
			return err
		}
		sd.show("%v %s\n", re.Match(body), e)
	}
	return nil
}

// stepRaw sends a file's bytes as they are and shows the status line of what comes back.
func (sd *side) stepRaw(args string) error {
	data, err := os.ReadFile(filepath.Join(sd.dir, args))
	if err != nil {
		return err
	}
	conn, err := sd.dial(false)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write([]byte(strings.ReplaceAll(string(data), "\n", "\r\n"))); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil && err != io.EOF {
		return err
	}
	sd.show("raw %s\n%s\n", args, strings.TrimRight(line, "\r\n"))
	return nil
}

// stepStream reads a path until what came matches: stream PATH REGEXP.
func (sd *side) stepStream(args string) error {
	path, expr, _ := strings.Cut(args, " ")
	re, err := regexp.Compile(expr)
	if err != nil {
		return err
	}
	conn, err := sd.dial(false)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	var got []byte
	buf := make([]byte, 4096)
	for !re.Match(got) {
		n, err := resp.Body.Read(buf)
		got = append(got, buf[:n]...)
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("%w after %q", err, got)
		}
	}
	sd.show("stream %s\n%s %s\n%s\n", path, resp.Status, resp.Header.Get("Content-Type"), got)
	return nil
}
