package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
)

// get is a small curl for the scripts: get URL [PATH] prints the status and the body; URL
// may be unix:///path, then with a PATH.
func get() {
	url, path := os.Args[1], ""
	client := &http.Client{}
	if file, ok := strings.CutPrefix(url, "unix://"); ok {
		client.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", file)
		}}
		url = "http://localhost"
	}
	if len(os.Args) > 2 {
		path = os.Args[2]
	}
	resp, err := client.Get(url + path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(resp.Status)
	io.Copy(os.Stdout, resp.Body)
	os.Exit(0)
}
