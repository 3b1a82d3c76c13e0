#!/bin/sh
# image.sh BINARY ARCH OUT.tar: pack a static gosv for linux/ARCH into an image of its own, without
# an engine. OUT.tar is what docker save writes, so docker, podman, skopeo and containerd load it.
# The same binary gives the same bytes on every machine with GNU tar.
set -eu
binary=$1 arch=$2 out=$3
version=$(sed -n 's/^[[:space:]]*Version[[:space:]]*= "\(.*\)".*/\1/p' "$(dirname "$0")/../daemon/version.go")
[ -n "$version" ] || { echo "image.sh: no version in daemon/version.go" >&2; exit 1; }
tar --version 2>/dev/null | grep -q 'GNU tar' || { echo "image.sh: this needs GNU tar" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022

# pack DIR TAR: everything in it, with nothing of who did it and when.
pack() {
	(cd "$1" && find . -mindepth 1 -printf '%P\0' | LC_ALL=C sort -z |
		tar --null --no-recursion --files-from=- --format=ustar --owner=0 --group=0 --numeric-owner --mtime=@0 -cf "$2")
}
digest() { sha256sum "$1" | cut -d ' ' -f 1; }

root=$work/root image=$work/image
mkdir -p "$root/usr/bin" "$root/etc" "$root/run" "$root/tmp" "$image"
cp "$binary" "$root/gosv"
chmod 755 "$root/gosv"
for name in supervisord supervisorctl pidproxy gosv; do
	ln -s ../../gosv "$root/usr/bin/$name"
done
chmod 1777 "$root/tmp"
pack "$root" "$image/layer.tar"

cat >"$image/config.json" <<EOF
{"architecture":"$arch","os":"linux","created":"1970-01-01T00:00:00Z","config":{"Entrypoint":["/gosv"],"Cmd":["help"],"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"WorkingDir":"/","StopSignal":"SIGTERM","Labels":{"org.opencontainers.image.title":"gosv","org.opencontainers.image.version":"$version","org.opencontainers.image.licenses":"MIT"}},"rootfs":{"type":"layers","diff_ids":["sha256:$(digest "$image/layer.tar")"]},"history":[{"created":"1970-01-01T00:00:00Z","created_by":"packaging/image.sh"}]}
EOF
cat >"$image/manifest.json" <<EOF
[{"Config":"config.json","RepoTags":["localhost/gosv:$version"],"Layers":["layer.tar"]}]
EOF
pack "$image" "$work/out.tar"
mv "$work/out.tar" "$out"
echo "$out sha256:$(digest "$out")"
