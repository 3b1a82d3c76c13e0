#!/bin/sh
# Everything that make test does. As root on Debian it installs what the tests need;
# elsewhere it says what is missing, and the tests that need it are skipped and counted.
set -u
cd "$(dirname "$0")/.."
tags=urfave_cli_no_docs,nethttpomithttp2,purego

need() { # command, package
	command -v "$1" >/dev/null 2>&1 && return
	missing="$missing $2"
}
missing=
need supervisord supervisor
need python3 python3
need ansible-playbook ansible
need prometheus-node-exporter prometheus-node-exporter
need tini tini
need dumb-init dumb-init
need ps procps
need nginx nginx-light
need runc runc
need podman podman
need catatonit catatonit
need busybox busybox-static
need skopeo skopeo
need php-cgi php-cgi
need systemd-analyze systemd
need nc netcat-openbsd
need curl curl
need chromium chromium # 124 MB to fetch: the web page is tested in it
[ -x /usr/bin/python3 ] || missing="$missing python3"
if [ -n "$missing" ]; then
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
		echo "installing what the tests need:$missing"
		apt-get update -qq >/dev/null 2>&1
		export DEBIAN_FRONTEND=noninteractive
		fetch() { apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1; }
		fetch $missing || for package in $missing; do # one that cannot be had does not cost the others
			fetch "$package" || echo "could not install: $package"
		done
	else
		echo "missing:$missing (the tests that need them are skipped; as root on Debian this installs them)"
	fi
fi

# What checks the manifests is compiled beside the tests, with the time that they leave:
# kubectl-validate takes minutes. What was compiled is there the next time.
tools=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/gosv-test
PATH=$PATH:$tools
checkers=
checker() { # command, Go package
	command -v "$1" >/dev/null 2>&1 && return
	GOBIN=$tools GOFLAGS='' nice -n 19 go install "$2" >/dev/null 2>&1 &
	checkers="$checkers $!"
}
checker hclfmt github.com/hashicorp/hcl/v2/cmd/hclfmt@v2.20.1
checker kubectl-validate sigs.k8s.io/kubectl-validate@v0.0.4

files=$(gofmt -l . | grep -v testdata/)
[ -z "$files" ] || { echo "gofmt these: $files"; exit 1; }
go vet -tags $tags ./... || exit 1

# Whoever runs this may ignore signals, as a shell's & does; the tests send them.
signals=
env --default-signal true 2>/dev/null && signals="env --default-signal"
log=$(mktemp) && failures=$(mktemp) && trap 'rm -f "$log" "$failures"' EXIT
status=0
# The last that each failed test said, with panics and races, and of a package that failed without
# one how it ended: printed once more at the end, where it is not overlooked.
said() { # log
	awk 'function show() {
			if (!failed) { # a panic elsewhere, a test that took too long, an exit
				text = ""
				if (!at || at > n) at = n
				for (i = at - 39; i <= at; i++) if (i in all) text = text all[i] "\n"
			}
			printf "%s", text
		}
		/^(ok  |FAIL|\?   )\t/ {
			if ($1 == "FAIL") { show(); print }
			split("", all); split("", line); split("", lines)
			n = at = left = failed = compiler = 0; name = text = ""
			next
		}
		/^# [^ ]+( \[[^ ]+\])?$/ && name == "" { compiler = 1 } # its errors stand before whatever is tested next
		/^(=== |FAIL$)/ { compiler = 0; name = $3; next }
		compiler { print; next }
		/^ *--- FAIL/ {
			for (i = lines[$3] - 12; i <= lines[$3]; i++) if (($3, i) in line) text = text line[$3, i] "\n"
			text = text $0 "\n"; failed = 1
			next
		}
		{ all[++n] = line[name, ++lines[name]] = substr($0, 1, 400) }
		/^(panic|fatal error|WARNING: DATA RACE)/ { left = 20; at = n + 19 }
		left-- > 0 { text = text all[n] "\n" }
		END { if (n) show() }' "$1"
}
run() { # title, arguments of go test
	title=$1
	echo "== $title"
	shift
	$signals go test -tags $tags -v "$@" ./... >"$log" 2>&1 || {
		status=1
		grep -v -e '^=== ' -e '^ *--- PASS' -e '^ *--- SKIP' "$log"
		{ echo "== what failed in: $title"; said "$log"; } >>"$failures"
	}
	grep -E '^(ok|FAIL)' "$log"
	grep '^compat: ' "$log" # how many cases agree with the original
	grep '^LEFT BEHIND' "$log"
	grep -A2 -E '^ *--- SKIP' "$log" | grep -E '^ *[a-z_0-9]+\.go:[0-9]+:' | sort | uniq -c | sort -rn | sed 's/^/skipped: /'
	passed=$(grep -c -E '^--- PASS' "$log")
	failed=$(grep -c -E '^--- FAIL' "$log")
	skipped=$(grep -c -E '^ *--- SKIP' "$log")
}
# One package after the other: what compares times and orders wants the processors.
run "all tests" -p 1 -timeout 60m
total="$passed passed, $failed failed, $skipped skipped"
if command -v gcc >/dev/null 2>&1; then
	run "once more with the race detector, the short ones" -race -short -timeout 60m
	export GOSV_SOAK=2m
	run "the soak with the race detector, two minutes" -race -run '^TestSoak$' -timeout 30m
else
	echo "skipped: the race detector needs a C compiler"
fi
if [ -n "$checkers" ]; then
	busy() { for pid in $checkers; do kill -0 "$pid" 2>/dev/null && return; done; return 1; }
	for _ in $(seq 90); do
		busy || break
		sleep 1
	done
	for pid in $checkers; do
		kill "$pid" 2>/dev/null
		wait "$pid" || echo "skipped: kubectl-validate or hclfmt could not be installed in time, so nothing has checked those manifests"
	done
	run "the manifests, with the tools that were compiled meanwhile" -run '^(TestKubernetesSchemas|TestExamplesByTheirTools)$' -timeout 30m
fi
cat "$failures"
echo "$total"
exit $status
