"""What compare.py found: kept in docs/performance.json, shown in docs/performance.md and its chart."""
import json
import os
import re
import statistics

# What must be reached: metric, case, the peer to divide by (None: the figure itself), bound.
MUST = [
    ("version", "--version", "limit", "<=", 4), ("version", "installed", None, "<=", 11),
    ("start", "1 programs", "limit", "<=", 4), ("start", "1 programs", "supervisor", "<=", .02),
    ("start", "1000 programs", "limit", "<=", 1.4), ("start", "1000 programs", "supervisor", "<=", .22),
    ("start", "1000 programs", "ochinchina", "<=", .85),
    ("restart", "kill to next instance", "limit", "<=", 2), ("restart", "kill to next instance", "supervisor", "<=", .01),
    ("restart", "kill to next instance", "pebble", "<=", 1.2),
    ("memory", "PSS, 1 programs", None, "<=", 8), ("memory", "PSS, 1000 programs", None, "<=", 14),
    ("memory", "PSS, 1000 programs", "supervisor", "<=", .42), ("memory", "PSS, 1000 programs", "ochinchina", "<=", .2),
    ("memory", "PSS, 5000 programs", None, "<=", 45),
    ("memory", "threads, 1 programs", None, "<=", 12), ("memory", "threads, 1000 programs", None, "<=", 12),
    ("memory", "threads, 5000 programs", None, "<=", 12),
    ("idle", "CPU", None, "<=", 50), ("idle", "switches", None, "<=", .2), ("idle", "system calls", None, "<=", .5),
    ("logs", "100-byte lines", "supervisor", ">=", 1), ("logs", "100-byte lines, CPU", "supervisor", "<=", .5),
    ("logs", "64 KiB blocks", "supervisor", ">=", 1.3), ("logs", "64 KiB blocks", "limit", ">=", 1.8),
    ("logs", "rotated, 50 MB x 10", "supervisor", ">=", 1.3), ("logs", "50 writers", "supervisor", ">=", 1.3),
    ("logs", "64 KiB blocks, written by the program itself, CPU", None, "<=", .02),
    ("status", "status of 1", "supervisor", "<=", .04), ("status", "status of 1000", "supervisor", "<=", .02),
    ("rpc", "CPU of getAllProcessInfo, 100 programs", "supervisor", "<=", .02),
    ("rpc", "CPU of getAllProcessInfo, 1000 programs", "supervisor", "<=", .002),
    ("stop", "stop of 1000", "limit", "<=", 3), ("stop", "stop of 1000", "process-compose", "<=", 1),
    ("churn", "restart of all 1000", "supervisor", "<=", .35), ("churn", "restart of all 1000", "runit", "<=", 1),
    ("churn", "growth of RSS in 20 cycles", None, "<=", 2048), ("churn", "growth of descriptors", None, "<=", 0),
    ("churn", "zombies", None, "<=", 0), ("churn", "programs that run at the end", None, ">=", 1000),
    ("scale", "threads, 10000", None, "<=", 12),
]

# Why gosv is behind where it may be: peer, metric ("" for all), reason.
WHY = [
    ("limit", "", "the limit does nothing but that, and looks after nobody"),
    ("limit-bare", "", "the limit does nothing but that, and looks after nobody"),
    ("dinit", "memory", "C++ without a runtime; it keeps no output"),
    ("dinit", "logs", "the program writes the file itself, as with stdout_logfile_direct"),
    ("runit", "memory", "with one program: two small C processes against one Go runtime"),
    ("s6", "memory", "with one program: four small C processes against one Go runtime"),
    ("runit", "version", "a small C program; a Go runtime takes about a millisecond to begin"),
    ("s6", "version", "a small C program; a Go runtime takes about a millisecond to begin"),
    ("runit", "status", "reads a file per program, and is a small C program: ahead while they are few"),
    ("s6", "status", "reads a file per program, and is a small C program: ahead while they are few"),
]

MORE = ("MB/s",)      # units of which more is better
NAMES = ["gosv", "supervisor", "ochinchina", "process-compose", "pebble", "dinit", "runit", "s6", "limit", "limit-bare"]
TITLE = {"version": "The binary", "start": "Start", "restart": "Restart after a crash", "memory": "Memory", "idle": "Idle",
         "logs": "Logs", "status": "status", "rpc": "XML-RPC", "stop": "Stop", "churn": "Restart of all", "scale": "Scale"}


def number(x):
    return "0" if not x else "%.0f" % x if abs(x) >= 100 else "%.1f" % x if abs(x) >= 10 else "%.2f" % x if abs(x) >= .1 else "%.2g" % x


class Book:
    def __init__(self, path, dry):
        self.path, self.dry = path, dry
        self.all = {}
        if os.path.exists(path + ".json") and not dry:
            with open(path + ".json") as f:
                self.all = json.load(f)

    def put(self, metric, found):
        self.all[metric] = json.loads(json.dumps(found))
        if self.dry:
            return
        with open(self.path + ".json", "w") as f:
            f.write(json.dumps(self.all, indent=1, sort_keys=True) + "\n")
        with open(self.path + ".md") as f:
            page = f.read()
        block = "\n\n".join(self.text(m) for m in TITLE if m in self.all)
        page = re.sub(r"(<!-- begin: compare.py -->\n).*(<!-- end -->)", lambda m: m[1] + "\n" + block + "\n\n" + m[2], page, flags=re.S)
        with open(self.path + ".md", "w") as f:
            f.write(page)
        if "scale" in self.all:
            with open(self.path + ".svg", "w") as f:
                f.write(self.chart())

    def values(self, metric, case, peer):
        return self.all.get(metric, {}).get("cases", {}).get(case, {}).get("values", {}).get(peer, {})

    def median(self, metric, case, peer):
        v = self.values(metric, case, peer)
        return statistics.median(v.values()) if v else None

    def ratio(self, metric, case, other):
        """The median of gosv's figure divided by the other's in the same turn."""
        a, z = self.values(metric, case, "gosv"), self.values(metric, case, other)
        r = [a[t] / z[t] for t in a if z.get(t)]
        return statistics.median(r) if r else None

    def musts(self, metric):
        """Text, figure (None: not measured) and whether it is reached."""
        for m, case, other, op, bound in MUST:
            if m != metric:
                continue
            if other and other not in {p for c in self.all[m]["cases"].values() for p in c["values"]}:
                continue    # that peer is not installed, or could not do anything of this
            got = self.ratio(m, case, other) if other else self.median(m, case, "gosv")
            text = "%s %s %g%s" % (case, op, bound, " x " + other if other else " " + self.unit(m, case))
            yield text.strip(), got, got is not None and (got <= bound if op == "<=" else got >= bound)

    def unit(self, metric, case):
        return self.all[metric]["cases"].get(case, {}).get("unit", "")

    def missed(self, metrics, quick=False):
        return ["%s: %s, but it is %s" % (m, text, "not measured" if got is None else number(got)) for m in metrics
                if m in self.all for text, got, ok in self.musts(m) if not ok and not (quick and got is None)]

    def text(self, metric):
        found = self.all[metric]
        peers = [p for p in NAMES if any(p in c["values"] for c in found["cases"].values())]
        o = ["## " + TITLE[metric], "",
             "`python3 testdata/bench/compare.py %s`, %s, %s, %d s" % (metric, found["when"], found["machine"], found["seconds"]), "",
             "| | " + " | ".join(peers) + " |", "|---" * (len(peers) + 1) + "|"]
        behind = []
        for case, c in found["cases"].items():
            row = []
            for p in peers:
                v = self.median(metric, case, p)
                if v is None:
                    row.append("-")
                    continue
                r = self.ratio(metric, case, p) if p != "gosv" else None
                row.append(number(v) + (" (%s x)" % number(r) if r else ""))
                if r and (r < 0.995) == (c["unit"] in MORE) and abs(r - 1) > .005 and c["unit"]:
                    behind.append((p, case, r))
            o.append("| %s%s | %s |" % (case, c["unit"] and ", " + c["unit"], " | ".join(row)))
        o += ["", "In brackets: how many times the peer's figure gosv's is."]
        musts = list(self.musts(metric))
        if musts:
            o += ["", "Must be: " + "; ".join("%s (%s%s)" % (text, "not measured" if got is None else "is " + number(got),
                                                            "" if ok else ", **missed**") for text, got, ok in musts) + "."]
        for p in peers:
            cases = ["%s %s x" % (case, number(r)) for q, case, r in behind if q == p]
            if cases:
                why = [w for q, m, w in WHY if q == p and m in ("", metric)]
                o += ["", "Behind %s: %s%s." % (p, ", ".join(cases), ": " + why[0] if why else "")]
        for p, why in sorted(found["cannot"].items()):
            o += ["", "Not measured in full, %s: %s." % (p, why.rstrip("."))]
        return "\n".join(o)

    def chart(self):
        """What one program costs, by how many there are: three small charts."""
        ns = sorted({int(c.split(", ")[1]) for c in self.all["scale"]["cases"]})
        panels = [("memory (PSS), KiB a program", "PSS", 1024), ("start, ms a program", "start", 1), ("status, us a program", "status", 1000)]
        o = ['<svg xmlns="http://www.w3.org/2000/svg" width="900" height="280" font-family="sans-serif" font-size="12">',
             '<rect width="900" height="280" fill="#fff"/>']
        for k, (title, case, factor) in enumerate(panels):
            left, top, wide, high = 50 + 300 * k, 50, 220, 170
            lines = {}
            for p in ("gosv", "limit"):
                v = [(n, self.median("scale", "%s, %d" % (case, n), p)) for n in ns]
                v = [(n, x * factor / n) for n, x in v if x is not None]
                if v:
                    lines[p] = v
            top_value = max([x for v in lines.values() for _, x in v] or [1]) * 1.15
            o.append('<text x="%d" y="28" font-weight="bold">%s</text>' % (left, title))
            for g in range(5):
                y = top + high - high * g / 4
                o.append('<path d="M%d %.1fh%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end" fill="#555">%s</text>'
                         % (left, y, wide, left - 6, y + 4, number(top_value * g / 4)))
            for p, v in lines.items():
                color = "#0b62c4" if p == "gosv" else "#999"
                at = [(left + 10 + (wide - 20) * ns.index(n) / max(1, len(ns) - 1), top + high - high * x / top_value) for n, x in v]
                o.append('<path d="M%s" fill="none" stroke="%s" stroke-width="2"/>' % (" L".join("%.1f %.1f" % xy for xy in at), color))
                for (x, y), (_, value) in zip(at, v):
                    o.append('<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>' % (x, y, color))
                    if p == "gosv":
                        o.append('<text x="%.1f" y="%.1f" text-anchor="middle" fill="#0b62c4">%s</text>' % (x, y - 8, number(value)))
            for i, n in enumerate(ns):
                o.append('<text x="%.1f" y="%d" text-anchor="middle" fill="#555">%s</text>'
                         % (left + 10 + (wide - 20) * i / max(1, len(ns) - 1), top + high + 18, format(n, ",")))
        o += ['<text x="50" y="268" fill="#555">programs</text>',
              '<text x="350" y="268" fill="#555">blue: gosv, grey: a loop in C that starts them and does nothing else</text>', "</svg>"]
        return "\n".join(o) + "\n"
