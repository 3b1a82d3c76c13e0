package daemon

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"gosv/conf"
	"gosv/daemon/wire"
	"gosv/daemon/xmlrpc"
)

// serveRPC2 is POST /RPC2: XML-RPC.
func (c *call) serveRPC2(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method != http.MethodPost:
		httpError(w, http.StatusBadRequest)
		return
	case r.ContentLength > c.share(maxBody):
		w.Header().Set("Connection", "close")
		httpError(w, http.StatusRequestEntityTooLarge)
		return
	case r.ContentLength == 0 && r.Header.Get("Content-Length") == "":
		httpError(w, http.StatusLengthRequired)
		return
	}
	conn, _ := r.Context().Value(connKey{}).(*serverConn)
	conn.setWatch(undecided)
	rc := http.NewResponseController(w)
	rc.SetReadDeadline(time.Now().Add(bodyTime))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, c.share(maxBody)))
	var tooLong *http.MaxBytesError
	switch {
	case errors.As(err, &tooLong):
		httpError(w, http.StatusRequestEntityTooLarge)
		return
	case err != nil: // the time for the rest is over: net/http must not wait for it either
		w.Header().Set("Connection", "close")
		httpError(w, http.StatusBadRequest)
		return
	}
	rc.SetReadDeadline(time.Time{}) // the wait for a process may be long
	method, params, err := xmlrpc.DecodeBytes(body, xmlrpc.Limits{Bytes: maxBody})
	if err != nil {
		c.badXML(w, body, err)
		return
	}
	if m := c.methods().byName[method]; m != nil && m.quick {
		conn.setWatch(unwatched)
	} else {
		conn.setWatch(watched)
	}
	buf, _ := c.answers.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	defer c.answers.Put(buf)
	answer, ok := c.answerXML((*buf)[:0], r, method, params)
	if !ok {
		httpError(w, http.StatusInternalServerError)
		return
	}
	if c.text != nil {
		defer c.texts.Put(c.text)
	} else {
		*buf = answer
	}
	if r.Context().Err() != nil {
		return // nobody waits any more
	}
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("Content-Length", strconv.Itoa(len(answer))) // of bytes: the original counts characters and cuts
	rc.SetWriteDeadline(time.Now().Add(writeTime))
	w.Write(answer)
	rc.Flush()
	rc.SetWriteDeadline(time.Time{})
}

// answerXML carries out a request and appends the answer to dst, or has it in c.text. Not ok is
// an error of our own, status 500.
func (c *call) answerXML(dst []byte, r *http.Request, method string, params []any) (answer []byte, ok bool) {
	c.who.over = "xmlrpc"
	trace := levelOf(conf.Trace)
	c.log.Log(r.Context(), trace, "XML-RPC method called: "+clip(method)+"()")
	if params == nil {
		params = []any{}
	}
	var out any
	err := error(fault(wire.UnknownMethod, ""))
	c.asText = method == "supervisor.getAllProcessInfo"
	if strings.Contains(method, ".") { // the short names are JSON's
		out, err = c.invoke(r.Context(), method, args{list: params})
	}
	var internal *errInternal
	if errors.As(err, &internal) {
		return nil, false
	}
	if err != nil {
		f := faultOf(err)
		c.log.Log(r.Context(), trace, fmt.Sprintf("XML-RPC method %s() returned fault: [%d] %s", clip(method), number(f), f.Error()))
		return xmlrpc.AppendFault(dst, number(f), faultString(f)), true
	}
	c.log.Log(r.Context(), trace, "XML-RPC method "+clip(method)+"() returned successfully")
	if c.text != nil {
		return c.text.text, true
	}
	return xmlrpc.AppendResponse(dst, xmlValue(out)), true
}

// badXML is a request that cannot be understood.
func (c *call) badXML(w http.ResponseWriter, body []byte, err error) {
	what := err.Error()
	if !errors.Is(err, xmlrpc.ErrNoMethod) {
		what = "unmarshallable: " + what
	}
	c.log.Error(fmt.Sprintf("XML-RPC request data %q is invalid: %s", clip(string(body)), clip(what)))
	httpError(w, http.StatusBadRequest)
}

// clip shortens what somebody sent, for a log line.
func clip(s string) string {
	if len(s) > 200 {
		s = s[:200] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// xmlValue makes of a method's result what package xmlrpc encodes: lists become []any,
// structs their members by the names that JSON has.
func xmlValue(v any) any {
	switch v := v.(type) {
	case xmlrpc.Appender, string, bool, int, int64:
		return v
	}
	x := reflect.ValueOf(v)
	switch x.Kind() {
	case reflect.Slice:
		list := make([]any, x.Len())
		for i := range list {
			list[i] = xmlValue(x.Index(i).Interface())
		}
		return list
	case reflect.Struct:
		s := make(xmlrpc.Struct, x.NumField())
		for i := range s {
			name, _, _ := strings.Cut(x.Type().Field(i).Tag.Get("json"), ",")
			s[i] = xmlrpc.Member{Name: name, Value: xmlValue(x.Field(i).Interface())}
		}
		return s
	}
	return v
}
