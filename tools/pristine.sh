#!/bin/sh
# Proves the promise of the README: runs make targets of the committed state in a Debian 12 with nothing but Python and
# make. Needs root and debootstrap. Usage: sh tools/pristine.sh [TARGET…] (default: setup)
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "This needs root: it makes and enters a system of its own." >&2; exit 1; }
sh tools/apt.sh debootstrap

root=$(mktemp -d /var/tmp/tresen-pristine-XXXXXX)
cleanup() {
    for mount in dev/shm dev/pts sys proc; do
        mountpoint -q "$root/$mount" && umount "$root/$mount"
    done
    # Never delete through a mount that would not go.
    grep -q " $root/" /proc/mounts || rm -rf "$root"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

echo "Making a fresh Debian 12 in $root"
debootstrap --variant=minbase --include=ca-certificates,make,git,python3-minimal bookworm "$root" >"$root.log" 2>&1 ||
    { cat "$root.log" >&2; exit 1; }
rm -f "$root.log"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --bind /dev/pts "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
# How this machine reaches the package registries.
for file in /etc/resolv.conf /etc/hosts /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
    [ ! -e "$file" ] || cp "$file" "$root$file"
done
git clone -q . "$root/root/tresen"

env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 CI=true \
    chroot "$root" make -C /root/tresen "${@:-setup}" </dev/null
