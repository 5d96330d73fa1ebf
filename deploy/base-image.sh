#!/usr/bin/env bash
# Makes the containers' base image out of Debian packages, for machines that reach no image registry.
#
#   deploy/base-image.sh [NAME] [SUITE]     default tributary-base:bookworm bookworm; SUITE may also be noble
#
# Where a registry is reachable this is not needed: the Dockerfile's default is debian:bookworm-slim. The mirror is
# the one that apt here uses for that suite, MIRROR=URL another; apt's settings for reaching it (proxy, retries) and this
# machine's own certificate authorities go into the image, which therefore is for this machine, not for publishing.
# Needs root and Docker; installs debootstrap if it is missing. Does nothing if the image is there.
# Exit codes: 0 done, 1 failed, 4 not permitted.
set -euo pipefail
name=${1:-tributary-base:bookworm}
suite=${2:-bookworm}
failed() { echo "base image: $1" >&2; exit 1; }
docker info >/dev/null 2>&1 || failed "no Docker daemon answers ('docker info')"
if docker image inspect "$name" >/dev/null 2>&1; then
  echo "base image: $name is there"
  exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "base image: debootstrap needs root: sudo $0 $*" >&2
  exit 4
fi
if ! command -v debootstrap >/dev/null; then
  apt-get -qq update
  DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends debootstrap >/dev/null
fi

case $suite in
  noble) default=http://archive.ubuntu.com/ubuntu kind=ubuntu components=main,universe ;;
  *) default=http://deb.debian.org/debian kind=debian components=main ;;
esac
# The first `URIs:` or `deb` line that ends in /debian or /ubuntu.
found=$(sed -nE "s,^(URIs:|deb)( +\[[^]]*\])? +(\S+/$kind)/?( .*)?\$,\3,p" \
  /etc/apt/sources.list.d/*.sources /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | head -n 1 || true)
mirror=${MIRROR:-${found:-$default}}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
echo "base image: debootstrap of $suite from $mirror"
debootstrap --variant=minbase --include=ca-certificates --components=$components "$suite" "$root" "$mirror" \
  >"$work/log" 2>&1 || { tail -n 5 "$work/log" >&2; failed "debootstrap failed; another mirror: MIRROR=URL $0"; }

list=${components/,/ }
{
  echo "deb $mirror $suite $list"
  echo "deb $mirror $suite-updates $list"
  if [ $kind = debian ]; then echo "deb $mirror-security $suite-security $list"; else echo "deb $mirror $suite-security $list"; fi
} >"$root/etc/apt/sources.list"
for file in /etc/apt/apt.conf /etc/apt/apt.conf.d/*; do
  if grep -qsiE '^ *Acquire::' "$file"; then cp "$file" "$root/etc/apt/apt.conf.d/90host-$(basename "$file")"; fi
done
if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
  cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/"
  chroot "$root" update-ca-certificates >"$work/log" 2>&1 || failed "update-ca-certificates: $(tail -n 1 "$work/log")"
fi
rm -rf "$root"/var/cache/apt/{archives/*.deb,*.bin} "$root"/var/lib/apt/lists/* "$root"/var/log/* \
  "$root"/usr/share/{man,info,locale}/* "$root"/usr/share/doc/*/[!c]*
tar -C "$root" --numeric-owner -c . | docker import --change 'CMD ["bash"]' - "$name" >/dev/null
echo "base image: $name is ready ($(($(docker image inspect -f '{{.Size}}' "$name") / 1000000)) MB)"
