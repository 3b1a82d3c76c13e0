#!/usr/bin/env python3
"""Measures gosv beside every other supervisor that is installed, and beside the kernel's own limits.

    compare.py                    every metric; docs/performance.md and its chart follow after each one
    compare.py start logs         these metrics
    compare.py --check            and exit with 1 when one of the figures that must be reached is not
    compare.py --quick --dry      small sizes, and nothing is written: does the script itself work?

Peers are taken from PATH: gosv (or --gosv FILE), supervisord, runsvdir, s6-svscan, dinit, pebble,
process-compose, ochinchina. In a metric they run in turn, A B C, B C A, ..., so that what else the
machine does falls on all; what must be reached is the median of the ratios of one turn.
Python's standard library and a C compiler for child.c. Linux only.
"""
import argparse
import ctypes
import datetime
import hashlib
import json
import os
import platform
import random
import resource
import select
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.dont_write_bytecode = True
sys.path.insert(0, HERE)
import peers as P   # noqa: E402
import report       # noqa: E402

RECORD = struct.Struct("<IIQQ")
RUNS, BEGINS, WROTE = 1, 2, 3
MB = 10 ** 6


# --- processes ---

def stat(pid):
    try:
        with open("/proc/%d/stat" % pid, "rb") as f:
            return f.read().rpartition(b")")[2].split()
    except OSError:
        return None


def below(root):
    """All descendants of a process, with their states."""
    kids = {}
    for d in os.listdir("/proc"):
        if d.isdigit():
            s = stat(int(d))
            if s:
                kids.setdefault(int(s[1]), []).append((int(d), s[0]))
    found, todo = {}, [root]
    while todo:
        for pid, state in kids.get(todo.pop(), ()):
            found[pid] = state
            todo.append(pid)
    return found


def end_all():
    """Kills every descendant of this process; orphans come to it (PR_SET_CHILD_SUBREAPER)."""
    for _ in range(500):
        left = below(os.getpid())
        if not left:
            return
        for pid, state in left.items():
            if state != b"Z":
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        time.sleep(0.01)


def ticks(pids):
    return sum(int(s[11]) + int(s[12]) for s in map(stat, pids) if s) / os.sysconf("SC_CLK_TCK")


def pss(pids):
    kib = 0
    for p in pids:
        with open("/proc/%d/smaps_rollup" % p) as f:
            kib += sum(int(line.split()[1]) for line in f if line.startswith("Pss:"))
    return kib


def rss(pids):
    return sum(int(open("/proc/%d/statm" % p).read().split()[1]) for p in pids) * resource.getpagesize() / 1024


def count(pids, what):
    return sum(len(os.listdir("/proc/%d/%s" % (p, what))) for p in pids)


def scheduled(pids):
    """Nanoseconds on a CPU and voluntary switches of all threads."""
    ns = n = 0
    for p in pids:
        for t in os.listdir("/proc/%d/task" % p):
            with open("/proc/%d/task/%s/schedstat" % (p, t)) as f:
                ns += int(f.read().split()[0])
            with open("/proc/%d/task/%s/status" % (p, t)) as f:
                n += sum(int(line.split()[1]) for line in f if line.startswith("voluntary"))
    return ns, n


def calls(pids, secs, out):
    """System calls in a second, by strace."""
    argv = ["strace", "-c", "-f", "-o", out] + [w for p in pids for w in ("-p", str(p))]
    s = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(secs)
    s.send_signal(signal.SIGINT)
    s.wait(30)
    with open(out) as f:
        return sum(int(line.split()[3]) for line in f if line.split()[-1:] == ["total"]) / secs


# --- one daemon with n programs ---

class Run:
    def __init__(self, b, peer, n, work=("run",), launch=True, **options):
        self.b, self.peer, self.n = b, peer, n
        self.d = tempfile.mkdtemp(dir=b.dir)
        self.rec = self.d + "/r"
        open(self.rec, "w").close()
        self.at, self.t0, self.p = 0, 0, None
        self.pid, self.since, self.begun, self.wrote = {}, {}, {}, {}
        self.names = ["p%05d" % i for i in range(n)]
        peer.configure(self.d, [(name, [b.child, work[0], self.rec, str(i)] + [str(w) for w in work[1:]])
                                for i, name in enumerate(self.names)], **options)
        if launch:
            self.launch()

    def launch(self):
        with open(self.d + "/out", "wb") as out:
            self.t0 = time.monotonic_ns()
            self.p = subprocess.Popen(self.peer.start(), env=self.peer.env(), cwd=self.d, stdin=subprocess.DEVNULL,
                                      stdout=out, stderr=out, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        signal.alarm(0)
        end_all()
        shutil.rmtree(self.d, ignore_errors=True)

    def look(self):
        with open(self.rec, "rb") as f:
            f.seek(self.at)
            data = f.read()
        data = data[:len(data) - len(data) % RECORD.size]
        self.at += len(data)
        for i, pid, kind, ns in RECORD.iter_unpack(data):
            if kind == RUNS:
                self.pid[i], self.since[i] = pid, ns
            else:
                (self.begun if kind == BEGINS else self.wrote)[i] = ns

    def until(self, true, what, secs=100, step=0.001):
        end = time.monotonic() + secs
        while True:
            self.look()
            if true():
                return
            if self.p.poll() is not None or time.monotonic() > end:
                with open(self.d + "/out", errors="replace") as f:
                    raise P.Cannot("%s within %d s: %s" % (what, secs, f.read()[-120:].replace("\n", " ").replace("|", "/")))
            time.sleep(step)

    def started(self):
        self.until(lambda: len(self.since) == self.n, "not all started", 200)
        return (max(self.since.values()) - self.t0) / 1e6

    def own(self):
        """The supervisor's own processes, loggers among them."""
        out = [self.p.pid]
        for pid, state in below(self.p.pid).items():
            try:
                if state != b"Z" and os.readlink("/proc/%d/exe" % pid) != self.b.child:
                    out.append(pid)
            except OSError:
                pass
        return out

    def running(self):
        return sum(os.path.exists("/proc/%d" % p) for p in self.pid.values())

    def stop(self):
        left = {}
        for pid in self.own() + list(self.pid.values()):
            try:
                left[os.pidfd_open(pid)] = pid
            except OSError:
                pass
        poll = select.poll()
        for fd in left:
            poll.register(fd, select.POLLIN)
        t = time.monotonic_ns()
        self.peer.stop(self.p.pid)
        while left:
            ready = poll.poll(60000)
            if not ready:
                raise P.Cannot("still running after a minute")
            for fd, _ in ready:
                poll.unregister(fd)
                os.close(fd)
                del left[fd]
        return (time.monotonic_ns() - t) / 1e6


# --- metrics ---

def start(b):
    for n in b.sizes((1, 100, 1000), (1, 20)):
        def one(peer):
            with Run(b, peer, n) as r:
                yield "%d programs" % n, r.started(), "ms"
        b.turns(one, 9 if n == 1 else 5 if n == 100 else 3)


def memory(b):
    for n in b.sizes((1, 1000, 5000), (1, 20)):
        def one(peer):
            with Run(b, peer, n) as r:
                r.started()
                time.sleep(3)
                if r.running() < n:
                    raise P.Cannot("%d of %d run" % (r.running(), n))
                own = r.own()
                yield "PSS, %d programs" % n, pss(own) / 1024, "MiB"
                yield "threads, %d programs" % n, count(own, "task"), ""
                yield "descriptors, %d programs" % n, count(own, "fd"), ""
        b.turns(one, 2 if n < 5000 else 1, [p for p in b.peers if n < 5000 or p.name in ("gosv", "dinit")], limits=False)


def idle(b):
    def one(peer):
        with Run(b, peer, b.small(100, 5)) as r:
            r.started()
            time.sleep(5)
            own = r.own()
            a, t = scheduled(own), time.monotonic()
            time.sleep(b.small(15, 2))
            z, t = scheduled(own), time.monotonic() - t
            yield "CPU", (z[0] - a[0]) / 1e3 / t, "us/s"
            yield "switches", (z[1] - a[1]) / t, "1/s"
            if shutil.which("strace"):
                yield "system calls", calls(own, 5, r.d + "/calls"), "1/s"
    b.turns(one, 1, limits=False)

    def lines(peer):
        for rate in (1, 50):
            n = b.small(100 // rate, 2)
            with Run(b, peer, n, ("slow", rate)) as r:
                r.started()
                time.sleep(b.small(max(5, 40 / rate), 1))   # gosv has learnt by then that they are quiet
                own = r.own()
                a, t = scheduled(own), time.monotonic()
                time.sleep(b.small(10, 1))
                z, t = scheduled(own), time.monotonic() - t
                yield "CPU, %d programs that write %d lines a second" % (n, rate), (z[0] - a[0]) / 1e6 / t, "ms/s"
    b.turns(lines, 1, limits=False)


def restart(b):
    def one(peer):
        n = b.small(60, 5)
        with Run(b, peer, n) as r:
            r.started()
            time.sleep(max(1.5, peer.settle))
            got, end = [], time.monotonic() + 10
            for i in random.sample(range(n), n):
                old, t = r.pid[i], time.monotonic_ns()
                os.kill(old, signal.SIGKILL)
                r.until(lambda: r.pid[i] != old, "not started again", 15, 0.0002)
                got.append((r.since[i] - t) / 1e6)
                if time.monotonic() > end:
                    break
                time.sleep(0.01)
            yield "kill to next instance", statistics.median(got), "ms"
    b.turns(one, 3)


def text(n):
    """The sum of the first n bytes that the child writes."""
    if n not in text.known:
        block = b"".join(b"%08d " % i + bytes(97 + (i + k) % 26 for k in range(9, 99)) + b"\n" for i in range(65536)) \
            if not text.block else text.block
        text.block, h, left = block, hashlib.sha256(), n
        while left > 0:
            h.update(block[:left])
            left -= len(block)
        text.known[n] = h.hexdigest()
    return text.known[n]


text.known, text.block = {}, None


def summed(files):
    h = hashlib.sha256()
    for name in files:
        if os.path.exists(name):
            with open(name, "rb") as f:
                while data := f.read(1 << 20):
                    h.update(data)
    return h.hexdigest()


def log_limit(b, size, chunk, copied):
    """One writer into a file, or through a pipe and a plain copy in C."""
    d = tempfile.mkdtemp(dir=b.dir)
    try:
        argv, cpu = [b.child, "once", d + "/r", "0", str(size), str(chunk)], 0.0
        if copied:
            r, w = os.pipe()
            c = subprocess.Popen([b.child, "copy", d + "/out"], stdin=r)
            p = subprocess.Popen(argv, stdout=w)
            os.close(r)
            os.close(w)
            p.wait()
            _, _, used = os.wait4(c.pid, 0)
            c.returncode, cpu = 0, used.ru_utime + used.ru_stime
        else:
            with open(d + "/out", "wb") as f:
                subprocess.run(argv, stdout=f)
        end = time.monotonic_ns()
        with open(d + "/r", "rb") as f:
            begun = [ns for _, _, kind, ns in RECORD.iter_unpack(f.read()) if kind == BEGINS][0]
        if summed([d + "/out"]) != text(size):
            raise P.Cannot("BYTES DIFFER")
        return size / (end - begun) * 1e3, cpu / (size / 1e9)
    finally:
        shutil.rmtree(d, ignore_errors=True)


def logs(b):
    mb = b.small(400, 20)
    for case, n, size, chunk, rotate, direct in (
            ("100-byte lines", 1, mb // 2 * MB, 100, None, False), ("64 KiB blocks", 1, mb * MB, 65536, None, False),
            ("rotated, 50 MB x 10", 1, mb * MB, 65536, (50 * MB, 10), False),
            ("50 writers", 50, mb * MB // 50, 4096, (50 * MB, 10), False),
            ("64 KiB blocks, written by the program itself", 1, mb * MB, 65536, None, True)):
        size -= size % 100

        def one(peer):
            if isinstance(peer, P.Limit):
                if n > 1 or rotate:
                    return
                rate, cpu = log_limit(b, size, chunk, peer.name == "limit")
            else:
                with Run(b, peer, n, ("out", size, chunk), rotate=rotate, direct=direct) as r:
                    peer.files("p00000")
                    r.started()
                    time.sleep(0.5)
                    own = r.own()
                    before = ticks(own)
                    open(r.rec + ".go", "w").close()
                    r.until(lambda: len(r.wrote) == n, "not all written", step=0.002)
                    last, seen = -1, time.monotonic_ns()
                    while last < n * size and time.monotonic_ns() - seen < 3e9:
                        have = sum(os.path.getsize(f) for name in r.names for f in peer.files(name) if os.path.exists(f))
                        if have != last:
                            last, seen = have, time.monotonic_ns()
                        time.sleep(0.002)
                    cpu = (ticks(own) - before) / (n * size / 1e9)
                    rate = n * size / (max(seen, *r.wrote.values(), 0) - min(r.begun.values())) * 1e3
                    if any(summed(peer.files(name)) != text(size) for name in r.names):
                        raise P.Cannot("bytes are missing or differ")
            yield case, rate, "MB/s"
            yield case + ", CPU", cpu, "s/GB"
        b.turns(one, 3)


def status(b):
    for n in b.sizes((1, 1000), (1, 20)):
        def one(peer):
            with Run(b, peer, n) as r:
                r.started()
                time.sleep(1.5)
                argv, took = peer.status(), []
                for k in range(7):
                    t = time.monotonic_ns()
                    out = peer.run(argv)
                    took.append((time.monotonic_ns() - t) / 1e6)
                if peer.name != "s6" and any(name.encode() not in out for name in r.names):
                    raise P.Cannot("not every program is shown")
                yield "status of %d" % n, statistics.median(took[2:]), "ms"
        b.turns(one, 2, limits=False)


class Line:
    """Requests over one connection; a peer that closes it gets another."""

    def __init__(self, path):
        self.path, self.s = path, None

    def receive(self):
        data = self.s.recv(1 << 18)
        if not data:
            raise ConnectionResetError
        return data

    def ask(self, request):
        for again in (True, False):
            try:
                if self.s is None:
                    self.s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                    self.s.settimeout(30)
                    self.s.connect(self.path)
                self.s.sendall(request)
                return self.answer()
            except (ConnectionResetError, BrokenPipeError):
                self.s.close()
                self.s = None
                if not again:
                    raise P.Cannot("closes the connection")

    def answer(self):
        data = self.receive()
        while b"\r\n\r\n" not in data:
            data += self.receive()
        head, _, body = data.partition(b"\r\n\r\n")
        low, have = head.lower(), len(body)
        if b" 200" not in head[:15]:
            raise P.Cannot("answers " + head[:40].decode("latin1"))
        if b"content-length:" in low:
            whole = int(low.split(b"content-length:")[1].split(b"\r")[0])
            while have < whole:
                have += len(self.receive())
        else:
            while not body.endswith(b"0\r\n\r\n"):
                body = body[-8:] + self.receive()
        if b"connection: close" in low:
            self.s.close()
            self.s = None


def rpc(b):
    for n in b.sizes((100, 1000), (20,)):
        def one(peer):
            with Run(b, peer, n) as r:
                r.started()
                time.sleep(1.5)
                path, request = peer.rpc()
                line = Line(path)
                for _ in range(3):
                    line.ask(request)
                before, t, k = ticks(r.own()), time.monotonic(), 0
                while k < 3 or k < 10000 and time.monotonic() - t < b.small(4, 0.5):
                    line.ask(request)
                    k += 1
                yield "CPU of getAllProcessInfo, %d programs" % n, (ticks(r.own()) - before) / k * 1e6, "us"
        b.turns(one, 2, limits=False)


def stop(b):
    for n in b.sizes((100, 1000), (20,)):
        def one(peer):
            with Run(b, peer, n) as r:
                r.started()
                time.sleep(1.5)
                yield "stop of %d" % n, r.stop(), "ms"
        b.turns(one, 3)


def churn(b):
    n, cycles = b.small(1000, 10), b.small(20, 2)

    def one(peer):
        with Run(b, peer, n) as r:
            r.started()
            own = before = None
            times, end = [], time.monotonic() + 45
            for k in range((cycles if peer.name == "gosv" else 4) + 1):
                time.sleep(peer.settle)
                old, t = dict(r.pid), time.monotonic()
                peer.restart_all()
                r.until(lambda: all(r.pid[i] != old[i] for i in range(n)), "not all restarted", 60, 0.005)
                times.append(time.monotonic() - t)
                if k == 0:
                    time.sleep(1)
                    own = r.own()
                    before = rss(own), count(own, "fd")
                if time.monotonic() > end and k:
                    break
            time.sleep(2)
            own = r.own()
            yield "restart of all %d" % n, statistics.median(times[1:]), "s"
            if peer.name == "gosv":
                yield "growth of RSS in %d cycles" % (len(times) - 1), rss(own) - before[0], "KiB"
                yield "growth of descriptors", count(own, "fd") - before[1], ""
                yield "zombies", sum(s == b"Z" for s in below(r.p.pid).values()), ""
                yield "programs that run at the end", r.running(), ""
    b.turns(one, 1, limits=False)


def version(b):
    def one(peer):
        argv, t = peer.version(), time.monotonic_ns()
        subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        yield "--version", (time.monotonic_ns() - t) / 1e6, "ms"
    peers = [p for p in b.peers if p.name != "limit-bare"]
    for p in peers:     # what is read from the disk for the first time is not counted
        subprocess.run(p.version(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    b.turns(one, 30, peers)

    def installed(peer):
        yield "installed", peer.installed() / 1e6, "MB"
    b.turns(installed, 1, limits=False)


def scale(b):
    gosv = [p for p in b.peers if p.name in ("gosv", "limit")]
    for n in b.sizes((100, 1000, 5000, 10000), (10, 20)):
        def one(peer):
            with Run(b, peer, n) as r:
                yield "start, %d" % n, r.started(), "ms"
                if peer.name == "gosv":
                    time.sleep(3)
                    yield "PSS, %d" % n, pss(r.own()) / 1024, "MiB"
                    yield "threads, %d" % n, count(r.own(), "task"), ""
                    took = []
                    for _ in range(5):
                        t = time.monotonic_ns()
                        out = peer.run(peer.status())
                        took.append((time.monotonic_ns() - t) / 1e6)
                    if any(name.encode() not in out for name in r.names):
                        raise P.Cannot("not every program is shown")
                    yield "status, %d" % n, statistics.median(took), "ms"
                yield "stop, %d" % n, r.stop(), "ms"
        b.turns(one, 2 if n <= 1000 else 1, gosv)


METRICS = {f.__name__: f for f in (version, start, restart, memory, idle, logs, status, rpc, stop, churn, scale)}


class Bench:
    def __init__(self, a, d):
        self.quick, self.verbose, self.dir = a.quick, a.verbose, d
        self.child = os.path.realpath(d) + "/child"
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-static", "-o", self.child, HERE + "/child.c"], check=True)
        only = a.peers.split(",") if a.peers else None
        self.peers = []
        for kind in P.ALL:
            p = kind(self.child, a.gosv if kind is P.Gosv else None)
            if p.found() and (only is None or p.name in only):
                self.peers.append(p)
        self.cases, self.cannot = {}, {}

    def small(self, whole, quick):
        return quick if self.quick else whole

    sizes = small

    def turns(self, one, times, peers=None, limits=True):
        peers = [p for p in peers or self.peers if limits or not isinstance(p, P.Limit)]
        out = set()
        for turn in range(1 if self.quick else times):
            k = turn % len(peers)
            for peer in peers[k:] + peers[:k]:
                if peer.name in out:
                    continue
                if self.verbose:
                    print("  %s %d" % (peer.name, turn + 1), file=sys.stderr)
                signal.alarm(240)
                try:
                    for case, value, unit in one(peer):
                        c = self.cases.setdefault(case, {"unit": unit, "values": {}})
                        c["values"].setdefault(peer.name, {})[turn] = value
                except (P.Cannot, OSError, ValueError, subprocess.SubprocessError) as e:
                    out.add(peer.name)
                    self.cannot[peer.name] = str(e)[:160]
                finally:
                    signal.alarm(0)
                    end_all()


class TooLong(P.Cannot):
    pass


def alarm(*_):
    raise TooLong("not done after 240 s")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("metric", nargs="*", help=" ".join(METRICS))
    ap.add_argument("--gosv", default=ROOT + "/gosv", help="the binary to measure (the tree's own)")
    ap.add_argument("--peers", help="only these, with commas between them")
    ap.add_argument("--check", action="store_true", help="exit with 1 when something that must be reached is not")
    ap.add_argument("--quick", action="store_true", help="small sizes, once each; says nothing about speed")
    ap.add_argument("--dry", action="store_true", help="leave docs/ alone")
    ap.add_argument("-v", "--verbose", action="store_true")
    a = ap.parse_args()
    for m in a.metric:
        if m not in METRICS:
            ap.error("there is no metric %s (%s)" % (m, ", ".join(METRICS)))
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    try:
        with open("/proc/sys/fs/nr_open") as f:     # 10,000 programs have 20,000 pipes
            most = max(most, min(65536, int(f.read())))
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    except (ValueError, OSError):
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)     # PR_SET_CHILD_SUBREAPER
    signal.signal(signal.SIGALRM, alarm)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    d = tempfile.mkdtemp(prefix="gb")
    book = report.Book(ROOT + "/docs/performance", a.dry)
    begun = time.monotonic()
    try:
        b = Bench(a, d)
        for m in a.metric or METRICS:
            t = time.monotonic()
            b.cases, b.cannot = {}, {}
            METRICS[m](b)
            book.put(m, {"cases": b.cases, "cannot": b.cannot, "seconds": round(time.monotonic() - t),
                         "when": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
                         "machine": "%d cores, Linux %s" % (os.cpu_count(), platform.release().split("-")[0])})
            print(book.text(m), flush=True)
        print("%d s" % (time.monotonic() - begun))
    finally:
        signal.alarm(0)
        end_all()
        shutil.rmtree(d, ignore_errors=True)
    missed = book.missed(a.metric or METRICS, a.quick)
    for line in missed:
        print("MISSED  " + line)
    return 1 if missed and a.check else 0


if __name__ == "__main__":
    sys.exit(main())
