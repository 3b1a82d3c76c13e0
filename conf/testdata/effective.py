# Prints, as one JSON line for each file named on standard input, how Supervisor itself
# reads it: {"error": text} or {"supervisord": ..., "groups": ...}. Used by compat_test.go.
import io, json, sys, warnings
warnings.simplefilter("ignore")
sys.argv[0] = "/usr/bin/supervisord"
from supervisor import options, datatypes

class Stop(Exception):
    pass

def stop(code):
    raise Stop

def plain(v):
    if v is datatypes.Automatic:
        return "AUTO"
    if v is datatypes.RestartUnconditionally:
        return "true"
    if v is datatypes.RestartWhenExitUnexpected:
        return "unexpected"
    if isinstance(v, bool) or v is None or isinstance(v, (int, str, dict, list)):
        return v
    return str(v)

def group(g):
    kind = type(g).__name__
    d = {"name": g.name, "priority": g.priority, "kind": kind, "processes": []}
    if kind == "EventListenerPoolConfig":
        from supervisor.events import getEventNameByType
        d["buffer_size"] = g.buffer_size
        d["events"] = sorted(getEventNameByType(e) for e in g.pool_events)
    if kind == "FastCGIGroupConfig":
        s = g.socket_config
        d["socket"] = [s.url, s.backlog or 0]
        if s.url.startswith("unix"):
            d["socket"] += [s.mode, list(s.owner or (-1, -1))]
    for p in g.process_configs:
        d["processes"].append({k: plain(getattr(p, k)) for k in p.req_param_names + p.optional_param_names})
    return d

def load(path):
    o = options.ServerOptions()
    o.stderr = o.stdout = io.StringIO()
    o.exit = stop
    try:
        o.realize(["-n", "-c", path], doc="", progname="supervisord")
    except Stop:
        return {"error": o.stderr.getvalue().split("\nFor help, use")[0].replace("Error: ", "", 1)}
    except Exception as e:
        return {"error": "%s: %s" % (type(e).__name__, e)}
    names = ("logfile logfile_maxbytes logfile_backups loglevel pidfile umask nodaemon silent minfds minprocs "
             "nocleanup childlogdir directory strip_ansi identifier serverurl").split()
    return {
        "supervisord": {k: getattr(o, k) for k in names},
        "environment": o.configroot.supervisord.environment,
        "servers": [{k: s.get(k) for k in "section host port file chmod chown username password".split()} for s in o.server_configs],
        "warnings": o.parse_warnings,
        "groups": [group(g) for g in o.process_group_configs],
    }

for line in sys.stdin:
    print(json.dumps(load(line.rstrip("\n"))), flush=True)
