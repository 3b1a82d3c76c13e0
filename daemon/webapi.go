package daemon

import (
	"context"
	"encoding/json"
	"net/http"

	"gosv/daemon/web"
	"gosv/daemon/wire"
	"gosv/logs"
	"gosv/proc/event"
)

// webBackend is what the web page asks of the daemon: the same methods as everyone, with
// the access that the request has, which comes in its context.
type webBackend struct{ *api }

type callKey struct{}

// serveWeb is the web page: everything that is not an interface for programs.
func (c *call) serveWeb(w http.ResponseWriter, r *http.Request) {
	c.api.webPage().ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callKey{}, c)))
}

// webPage is the page, made at the first request.
func (a *api) webPage() http.Handler {
	if a.whole != nil {
		return a.whole.webPage()
	}
	a.pageOnce.Do(func() { a.page = web.New(webBackend{a}, a.webOptions()) })
	return a.page
}

// webOptions: besides addresses the page believes the names that the configuration listens on.
func (a *api) webOptions() web.Options {
	var o web.Options
	for _, s := range a.sup.config().InetServers {
		if s.Host != "" {
			o.Hosts = append(o.Hosts, s.Host)
		}
	}
	return o
}

// guardBrowser refuses what a foreign web site makes somebody's browser send to the
// interfaces for programs. Programs send none of the headers by which it is known.
func (c *call) guardBrowser(r *http.Request) error {
	o := c.webOptions()
	if err := o.CheckHost(r); err != nil {
		return err
	}
	return o.CheckOrigin(r)
}

// of is the request that ctx belongs to.
func (b webBackend) of(ctx context.Context) *call { return ctx.Value(callKey{}).(*call) }

func (b webBackend) Processes(ctx context.Context) ([]wire.Process, error) {
	list, err := b.of(ctx).processes(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]wire.Process, len(list))
	for i := range list {
		out[i] = list[i].wire()
	}
	return out, nil
}

func (b webBackend) Act(ctx context.Context, action, group, name string) ([]wire.Result, error) {
	switch action {
	case web.Start:
		return b.do(ctx, wire.MethodStart, group, name)
	case web.Stop:
		return b.do(ctx, wire.MethodStop, group, name)
	case web.Restart:
		return b.do(ctx, wire.MethodRestart, group, name)
	case web.ClearLog:
		return b.do(ctx, wire.MethodClear, group, name)
	case web.StopAll:
		return b.do(ctx, wire.MethodStop, "", "")
	}
	ctx = context.WithoutCancel(ctx) // RestartAll: what was stopped is started again, whoever still looks
	stopped, err := b.do(ctx, wire.MethodStop, "", "")
	if err != nil {
		return stopped, err
	}
	started, err := b.do(ctx, wire.MethodStart, "", "")
	return append(stopped, started...), err
}

// do calls a method of the JSON protocol and collects its results. Without a group it is
// about all processes.
func (b webBackend) do(ctx context.Context, method, group, name string) (list []wire.Result, err error) {
	target := "all"
	if group != "" {
		target = group + ":" + name
	}
	params, err := json.Marshal(wire.TargetIn{Name: target})
	if err != nil {
		return nil, err
	}
	c := *b.of(ctx)
	c.who.over = "web"
	c.send = func(v any) error {
		if r, ok := v.(wire.Result); ok {
			list = append(list, r)
		}
		return nil
	}
	_, err = c.invoke(ctx, method, args{json: params})
	return list, err
}

func (b webBackend) Tail(ctx context.Context, group, name, stream string, n int64) ([]byte, error) {
	path, err := b.of(ctx).logOf(ctx, group+":"+name, stream)
	if err != nil {
		return nil, err
	}
	data, err := logs.Read(path, -min(n, b.of(ctx).share(maxRead)), 0)
	if err != nil {
		return nil, noFile(path)
	}
	return data, nil
}

func (b webBackend) Watch(ctx context.Context) <-chan struct{} {
	bell := make(chan struct{}, 1)
	cancel := b.of(ctx).bus.Subscribe([]event.Type{event.ProcessState, event.ProcessGroup}, func(uint64, event.Event) {
		select {
		case bell <- struct{}{}:
		default:
		}
	})
	go func() {
		defer cancel()
		select {
		case <-ctx.Done():
		case <-b.of(ctx).closing:
			cancel() // nobody rings any more
			close(bell)
		}
	}()
	return bell
}

func (b webBackend) Identification() string { return b.sup.config().Supervisord.Identifier }
func (b webBackend) Version() string        { return Version }
