#!/bin/sh
# arm64.sh GOSV: the packages' tests on a whole arm64 system that QEMU emulates, with GOSV,
# built for it, as PID 1. PKGS chooses among the packages; LIMIT is how many seconds it may take.
# KERNEL and BUSYBOX (a static one) name other files than those of Debian's archive.
set -eu
gosv=$(realpath "$1")
cd "$(dirname "$0")/.."
tags=urfave_cli_no_docs,nethttpomithttp2,purego
pkgs=${PKGS:-conf ctl logs daemon/wire daemon/web daemon/xmlrpc daemon proc/state proc/event proc/vfork proc}
for command in go git cpio gzip qemu-system-aarch64; do
	command -v $command >/dev/null || { echo "NOT RUN: there is no $command (apt-get install qemu-system-arm cpio)"; exit 1; }
done

# Packages of the other architecture, with lists of their own: nothing here learns of it.
have=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/gosv-test/arm64
apt() {
	command=$1 && shift
	$command -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State="$have" -o APT::Sandbox::User=root -o Dir::State::status=/dev/null -o Dir::Cache="$have" "$@"
}
if [ -z "${KERNEL:-}" ] || [ -z "${BUSYBOX:-}" ]; then
	if ! [ -d "$have/system" ]; then
		mkdir -p "$have/lists/partial" "$have/archives/partial"
		(cd "$have" && apt apt-get update &&
			apt apt-get download $(apt apt-cache depends linux-image-cloud-arm64 | sed -n 's/.*Depends: //p') busybox-static &&
			for deb in *.deb; do dpkg -x "$deb" new; done && mv new system) ||
			{ echo "NOT RUN: no kernel and busybox for arm64 from Debian's archive (KERNEL=, BUSYBOX=)"; exit 1; }
	fi
	KERNEL=${KERNEL:-$(ls "$have"/system/boot/vmlinuz-*)} BUSYBOX=${BUSYBOX:-$have/system/bin/busybox}
fi

tmp=$(mktemp -d) && trap 'rm -rf "$tmp"' EXIT
root=$tmp/root
mkdir -p "$root/bin" "$root/sbin" "$root/usr/bin" "$root/usr/sbin" "$root/dev" "$root/proc" "$root/sys" "$root/tmp" "$root/etc" "$root/run" "$root/var/log"
cp "$gosv" "$root/bin/gosv" && cp "$BUSYBOX" "$root/bin/busybox" && ln -s busybox "$root/bin/sh"
git ls-files | cpio -pdm --quiet "$root/gosv" # tests read what lies beside them
for pkg in $pkgs; do
	GOOS=linux GOARCH=arm64 CGO_ENABLED=0 go test -c -tags $tags -ldflags '-s -w' -o "$root/gosv/$pkg/these.test" "./$pkg"
done
printf 'root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n' >"$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
echo '127.0.0.1 localhost' >"$root/etc/hosts"
cat >"$root/tests" <<END
/bin/busybox --install -s
for fs in proc:/proc sysfs:/sys devtmpfs:/dev tmpfs:/tmp devpts:/dev/pts tmpfs:/dev/shm; do mkdir -p \${fs#*:}; mount -t \${fs%:*} none \${fs#*:}; done
chmod 1777 /tmp; ln -s /proc/self/fd /dev/fd; ln -s fd/0 /dev/stdin; ln -s fd/1 /dev/stdout; ln -s fd/2 /dev/stderr
ifconfig lo 127.0.0.1
echo "process 1: \$(tr '\\0' ' ' </proc/1/cmdline) on \$(uname -rm)"
for pkg in $pkgs; do cd /gosv/\$pkg; echo "== \$pkg"; ./these.test -test.timeout 0 2>&1 && echo ok || echo FAILED; done
poweroff -f
END
(cd "$root" && find . | cpio -oH newc --quiet | gzip -1) >"$tmp/initrd"
nice timeout "${LIMIT:-1800}" qemu-system-aarch64 -M virt -cpu max,pauth-impdef=on -smp 2 -m 2048 -nographic -no-reboot -net none -kernel "$KERNEL" -initrd "$tmp/initrd" \
	-append 'console=ttyAMA0 quiet panic=-1 rdinit=/bin/gosv -- init /bin/sh /tests' </dev/null 2>&1 | tr -d '\r' | tee "$tmp/log"
[ "$(grep -c '^ok$' "$tmp/log")" = "$(echo $pkgs | wc -w)" ]
