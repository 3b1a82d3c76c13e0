"""The supervisors that compare.py knows: how each one is told to run the same programs.

A program is (name, argv). Each peer writes its own configuration for them; one that is not
installed, or cannot do a thing, is left out of that row.
"""
import glob
import os
import resource
import shutil
import signal
import subprocess
import sysconfig


class Cannot(Exception):
    """The peer has no such thing; the text says why."""


class Peer:
    name = ""
    tools = ()       # the programs it takes; the first is the daemon
    most = 10 ** 6   # programs it can run
    settle = 0.3     # seconds after which it starts a dead program again without a penalty

    def __init__(self, child, given=None):
        self.child = child
        self.path = {t: shutil.which(t) for t in self.tools}
        if given:
            self.path[self.tools[0]] = os.path.realpath(given)

    def found(self):
        return all(self.path.values())

    def tool(self, i=0):
        return self.path[self.tools[i]]

    def configure(self, d, programs, rotate=None, direct=False):
        if len(programs) > self.most:
            raise Cannot("at most %d programs" % self.most)
        if direct and self.name not in ("gosv", "dinit"):
            raise Cannot("all output goes through the supervisor")
        self.d, self.programs, self.logs = d, programs, d + "/log"
        os.makedirs(self.logs, exist_ok=True)
        self.write(rotate, direct)

    def env(self):
        return {"PATH": os.environ["PATH"], "HOME": self.d, "LANG": "C.UTF-8"}

    def run(self, argv, timeout=100):
        return subprocess.run(argv, env=self.env(), cwd=self.d, stdin=subprocess.DEVNULL, timeout=timeout,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout

    def stop(self, pid):
        os.kill(pid, signal.SIGTERM)

    def files(self, name):
        """What is kept of a program's output, oldest first."""
        return [self.logs + "/%s.log" % name]

    def status(self):
        raise Cannot("no status of all")

    def restart_all(self):
        raise Cannot("no restart of all")

    def version(self):
        return [self.tool(), "--version"]

    def rpc(self):
        raise Cannot("no HTTP API")

    def installed(self):
        return sum(size(p) for p in self.path.values())


def size(path):
    path = os.path.realpath(path)
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.lstat(os.path.join(b, f)).st_size for b, _, fs in os.walk(path) if not b.endswith("__pycache__") for f in fs)


class Supervisor(Peer):
    name = "supervisor"
    tools = ("supervisord", "supervisorctl")

    def write(self, rotate, direct):
        self.ini, self.sock = self.d + "/s.ini", self.d + "/s.sock"
        o = ["[unix_http_server]", "file=" + self.sock, "[supervisord]", "nodaemon=true", "logfile=%s/main.log" % self.d,
             "pidfile=%s/pid" % self.d, "childlogdir=" + self.logs, "minfds=%d" % min(max(1024, 3 * len(self.programs) + 64), resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
             "[rpcinterface:supervisor]",
             "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
             "[supervisorctl]", "serverurl=unix://" + self.sock]
        for name, argv in self.programs:
            o += ["[program:%s]" % name, "command=" + " ".join(argv), "startsecs=0", "autorestart=true", "redirect_stderr=true",
                  "stdout_logfile=%s/%s.log" % (self.logs, name), "stdout_logfile_maxbytes=%d" % (rotate[0] if rotate else 0),
                  "stdout_logfile_backups=%d" % (rotate[1] if rotate else 0)]
            if direct:
                o.append("stdout_logfile_direct=true")
        with open(self.ini, "w") as f:
            f.write("\n".join(o) + "\n")

    def start(self):
        return [self.tool(), "-n", "-c", self.ini]

    def ctl(self, *words):
        return [self.tool(1), "-c", self.ini, *words]

    def status(self):
        return self.ctl("status")

    def restart_all(self):
        self.run(self.ctl("restart", "all"))

    def files(self, name):
        p = self.logs + "/%s.log" % name
        old = [f for f in glob.glob(p + ".*") if f.rpartition(".")[2].isdigit()]
        return sorted(old, key=lambda f: -int(f.rpartition(".")[2])) + [p]

    def rpc(self):
        body = "<?xml version='1.0'?><methodCall><methodName>supervisor.getAllProcessInfo</methodName><params></params></methodCall>"
        return self.sock, ("POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s"
                           % (len(body), body)).encode()

    def installed(self):
        lib = [p + "/supervisor" for p in (sysconfig.get_paths()["purelib"], "/usr/lib/python3/dist-packages")]
        return super().installed() + max([size(p) for p in lib if os.path.isdir(p)] or [0])


class Gosv(Supervisor):
    name = "gosv"
    tools = ("gosv",)

    def start(self):
        return [self.tool(), "daemon", "-n", "-c", self.ini]

    def ctl(self, *words):
        return [self.tool(), "ctl", "-c", self.ini, *words]

    installed = Peer.installed


class Ochinchina(Supervisor):
    name = "ochinchina"
    tools = ("ochinchina",)
    settle = 3.2

    def start(self):
        return [self.tool(), "-c", self.ini]

    def ctl(self, *words):
        return [self.tool(), "-c", self.ini, "ctl", *words]

    def version(self):
        return [self.tool(), "version"]

    installed = Peer.installed


class ProcessCompose(Peer):
    name = "process-compose"
    tools = ("process-compose",)

    def write(self, rotate, direct):
        self.sock = self.d + "/pc.sock"
        o = ['version: "0.5"', "processes:"]
        for name, argv in self.programs:
            o += ["  %s:" % name, "    entrypoint: [%s]" % ", ".join('"%s"' % a for a in argv),
                  "    availability: {restart: always, backoff_seconds: 1}", '    log_location: "%s/%s.log"' % (self.logs, name),
                  "    log_configuration:", "      disable_json: true", "      no_color: true", "      no_metadata: true",
                  '      fields_order: ["message"]']
            if rotate:
                o.append("      rotation: {max_size_mb: %d, max_backups: %d}" % (rotate[0] // 10 ** 6, rotate[1]))
        with open(self.d + "/pc.yaml", "w") as f:
            f.write("\n".join(o) + "\n")

    def start(self):
        return [self.tool(), "up", "-f", self.d + "/pc.yaml", "-t=false", "-U", "-u", self.sock, "-L", self.d + "/pc.log",
                "--keep-project", "--disable-dotenv", "--no-watch"]

    def status(self):
        return [self.tool(), "process", "list", "-o", "wide", "-U", "-u", self.sock]

    def files(self, name):
        return sorted(glob.glob(self.logs + "/%s-*.log" % name)) + [self.logs + "/%s.log" % name]

    def version(self):
        return [self.tool(), "version", "--short"]

    def rpc(self):
        return self.sock, b"GET /processes HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Pebble(Peer):
    name = "pebble"
    tools = ("pebble",)
    settle = 1.2

    def write(self, rotate, direct):
        os.makedirs(self.d + "/layers", exist_ok=True)
        self.sock = self.d + "/.pebble.socket"
        o = ["summary: compare", "services:"]
        for name, argv in self.programs:
            o += ["  %s:" % name, "    override: replace", "    command: " + " ".join(argv), "    startup: enabled",
                  "    on-success: restart", "    on-failure: restart", "    backoff-delay: 1ms", "    backoff-factor: 1.0",
                  "    backoff-limit: 1ms"]
        with open(self.d + "/layers/001-all.yaml", "w") as f:
            f.write("\n".join(o) + "\n")

    def env(self):
        return dict(super().env(), PEBBLE=self.d)

    def start(self):
        return [self.tool(), "run"]

    def files(self, name):
        raise Cannot("keeps output in memory")

    def status(self):
        return [self.tool(), "services"]

    def restart_all(self):
        self.run([self.tool(), "restart"] + [n for n, _ in self.programs])

    def version(self):
        return [self.tool(), "version", "--client"]

    def rpc(self):
        return self.sock, b"GET /v1/services HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Dinit(Peer):
    name = "dinit"
    tools = ("dinit", "dinitctl")

    def write(self, rotate, direct):
        os.makedirs(self.d + "/d", exist_ok=True)
        with open(self.d + "/d/boot", "w") as f:
            f.write("type = internal\n" + "".join("waits-for: %s\n" % n for n, _ in self.programs))
        for name, argv in self.programs:
            with open(self.d + "/d/" + name, "w") as f:
                f.write("type = process\ncommand = %s\nrestart = true\nsmooth-recovery = true\nrestart-delay = 0\n"
                        "restart-limit-count = 0\nlogfile = %s/%s.log\n" % (" ".join(argv), self.logs, name))

    def start(self):
        return [self.tool(), "-o", "-q", "-d", self.d + "/d", "-p", self.d + "/ctl", "-l", self.d + "/dinit.log", "boot"]

    def status(self):
        return [self.tool(1), "-p", self.d + "/ctl", "list"]


class Runit(Peer):
    name = "runit"
    tools = ("runsvdir", "runsv", "sv", "svlogd")
    most = 1000
    settle = 1.2

    def write(self, rotate, direct):
        self.sv = self.d + "/sv"
        for name, argv in self.programs:
            logs = "%s/%s" % (self.logs, name)
            os.makedirs(logs)
            os.makedirs("%s/%s/log" % (self.sv, name))
            self.script("%s/%s/run" % (self.sv, name), argv)
            self.logger("%s/%s/log/run" % (self.sv, name), logs, rotate)
        os.utime(self.sv, (1e9, 1e9))   # it waits a second for a folder that has just changed

    def script(self, path, argv):
        """A run script without a shell, which is cheaper."""
        if argv[0] != self.child:
            argv = [self.child, "exec"] + argv
        with open(path, "w") as f:
            f.write("#!" + " ".join(argv) + "\n")
        os.chmod(path, 0o755)

    def logger(self, path, logs, rotate):
        with open(logs + "/config", "w") as f:
            f.write("s%d\nn%d\n" % (rotate or (0, 0)))
        self.script(path, [self.path["svlogd"], logs])

    def dirs(self):
        return ["%s/%s" % (self.sv, n) for n, _ in self.programs]

    def start(self):
        return [self.tool(), "-P", self.sv]

    def stop(self, pid):
        os.kill(pid, signal.SIGHUP)

    def files(self, name):
        return sorted(glob.glob("%s/%s/@*.[su]" % (self.logs, name))) + ["%s/%s/current" % (self.logs, name)]

    def status(self):
        return [self.path["sv"], "status"] + self.dirs()

    def restart_all(self):
        self.run([self.path["sv"], "-w", "30", "restart"] + self.dirs())

    def version(self):
        return [self.path["sv"]]     # its usage: it has no --version


class S6(Runit):
    name = "s6"
    tools = ("s6-svscan", "s6-supervise", "s6-log", "s6-svstat", "s6-svc", "s6-svscanctl")
    most = 10 ** 6

    def logger(self, path, logs, rotate):
        self.script(path, [self.path["s6-log"], "n%d" % (rotate[1] if rotate else 10),
                           "s%d" % (rotate[0] if rotate else 268435455), logs])

    def start(self):
        return [self.tool(), "-c", str(2 * len(self.programs) + 10), self.sv]

    def stop(self, pid):
        self.run([self.path["s6-svscanctl"], "-t", self.sv])

    def each(self, command):
        return ["/bin/sh", "-c", "for d in %s/*; do %s $d; done" % (self.sv, command)]

    def status(self):
        return self.each(self.path["s6-svstat"])

    def restart_all(self):
        self.run(self.each(self.path["s6-svc"] + " -r"))

    def version(self):
        return [self.path["s6-svc"]]


class Limit(Peer):
    """A loop in C: what the kernel takes for it, supervised by nobody."""
    name = "limit"

    def write(self, rotate, direct):
        pass

    def start(self):
        return [self.child, "spawn", str(len(self.programs)), self.programs[0][1][2], self.logs]

    def version(self):
        return [self.child, "none"]


class Bare(Limit):
    name = "limit-bare"

    def start(self):
        return [self.child, "bare", str(len(self.programs)), self.programs[0][1][2]]


ALL = [Gosv, Supervisor, Ochinchina, ProcessCompose, Pebble, Dinit, Runit, S6, Limit, Bare]
