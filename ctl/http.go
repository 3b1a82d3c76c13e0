package ctl

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// exchange is one HTTP request on a connection of its own: what follows the body can be
// read too, see body. The caller closes it.
type exchange struct {
	nc   net.Conn
	r    *bufio.Reader
	resp *http.Response
	stop func() bool
}

// roundTrip sends a request and reads the head of the answer. A status other than 200 is
// a *statusError. silence is as in patient.
func (s *server) roundTrip(ctx context.Context, method, path string, body []byte, silence time.Duration) (*exchange, error) {
	nc, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	x := &exchange{nc: nc, r: bufio.NewReader(&patient{nc, s.url, silence})}
	x.stop = context.AfterFunc(ctx, func() { nc.Close() })
	if err := x.do(s, method, path, body); err != nil {
		x.close()
		if _, ok := err.(*statusError); ok {
			return nil, err
		}
		return nil, s.explain(ctx, err)
	}
	return x, nil
}

func (x *exchange) do(s *server, method, path string, body []byte) error {
	req, err := http.NewRequest(method, "http://"+s.host()+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", clientName)
	req.Header.Set("Accept", "*/*")
	if body != nil {
		req.Header.Set("Content-Type", "text/xml")
		req.Header.Set("Accept", "text/xml")
	}
	if s.username != "" {
		pair := s.username + ":" + s.password
		req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)))
	}
	if err := req.Write(x.nc); err != nil {
		return err
	}
	if x.resp, err = http.ReadResponse(x.r, req); err != nil {
		if err == io.ErrUnexpectedEOF {
			err = io.EOF
		}
		return err
	}
	if x.resp.StatusCode != http.StatusOK {
		host := s.host()
		if strings.HasPrefix(s.url, "unix://") {
			host = "127.0.0.1" // what Supervisor's transport shows
		}
		return &statusError{host + path, x.resp.StatusCode, x.resp.Status}
	}
	return nil
}

func (x *exchange) close() {
	x.stop()
	x.nc.Close()
}

// maxBody is the largest answer that is read, in bytes.
const maxBody = 256 << 20

// body reads an answer that ends with end. supervisord counts characters where
// Content-Length means bytes, so that an answer with other than ASCII letters says that it
// is shorter than it is: then the rest is taken from the connection.
func (x *exchange) body(end string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(x.resp.Body, maxBody))
	if err != nil {
		return nil, err
	}
	for !bytes.HasSuffix(bytes.TrimRight(data, "\r\n"), []byte(end)) {
		line, err := x.r.ReadBytes('\n')
		data = append(data, line...)
		if err != nil || len(data) > maxBody {
			return nil, fmt.Errorf("the answer is cut off after %d bytes", len(data))
		}
	}
	return data, nil
}

// answersHTTP says that something other than gosv answers HTTP on the socket.
func (s *server) answersHTTP(ctx context.Context) bool {
	nc, err := s.dial(ctx)
	if err != nil {
		return false
	}
	x := &exchange{nc: nc, r: bufio.NewReader(nc)}
	x.stop = context.AfterFunc(ctx, func() { nc.Close() })
	defer x.close()
	x.do(s, http.MethodPost, "/RPC2", encodeCall("supervisor.getAPIVersion")) // the header is enough
	return x.resp != nil && !strings.HasPrefix(x.resp.Header.Get("Server"), "gosv")
}
