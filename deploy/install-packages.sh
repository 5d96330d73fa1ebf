#!/usr/bin/env bash
# Installs the Debian or Ubuntu packages of the lists given, if any are missing.
#
#   deploy/install-packages.sh LIST...      lists are files of deploy/packages: build, test, runtime
#
# A list NAME is deploy/packages/NAME.txt, or NAME-<release>.txt where package names differ between releases
# (bookworm, noble). As root, or through sudo where it asks for no password; otherwise the command to run is printed.
# Exit codes: 0 done, 1 apt failed, 2 wrong use, 4 not permitted.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

case ${1:-} in
  '' | -h | --help) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; [ $# -gt 0 ] && exit 0 || exit 2 ;;
esac
# shellcheck source=/dev/null
release=$(. /etc/os-release 2>/dev/null && echo "${VERSION_CODENAME:-unknown}") || release=unknown
if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "packages: no apt here; Tributary is built on Debian 12 or Ubuntu 24.04 (deploy/Dockerfile does it in a container)" >&2
  exit 1
fi

# Fills `missing`, and says what for: the comment above a package in its list.
missing=()
count=0
note_missing() { # FILE
  local line purpose='' state
  while read -r line || [ -n "$line" ]; do
    case $line in
      '') continue ;;
      '#'*) purpose=${line#\# } && continue ;;
    esac
    count=$((count + 1))
    state=$(dpkg-query -W -f '${db:Status-Status}' "$line" 2>/dev/null || true)
    [ "$state" = installed ] && continue
    if [ "$purpose" != "${said:-}" ]; then echo "packages: $purpose:" && said=$purpose; fi
    echo "packages:   $line"
    missing+=("$line")
  done <"$1"
}
for list in "$@"; do
  file=$here/packages/$list.txt
  [ -e "$file" ] || file=$here/packages/$list-$release.txt
  if [ ! -e "$file" ]; then
    echo "packages: no list $list for release $release in $here/packages" >&2
    exit 2
  fi
  note_missing "$file"
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "packages: all $count are installed"
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! sudo -n true 2>/dev/null; then
    echo "packages: ${#missing[@]} are missing and this user may not install them without a password. Run, as root:" >&2
    echo "  apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 4
  fi
  as_root=(sudo -n)
fi
run_apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
    apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}
install() { run_apt install -y --no-install-recommends "${missing[@]}" >/dev/null; }

fresh=$(find /var/lib/apt/lists -name '*_Packages*' -mtime -7 -print -quit 2>/dev/null || true)
[ -n "$fresh" ] || run_apt update
echo "packages: installing ${#missing[@]}"
# Lists that are a few days old may name versions that the mirror no longer holds.
if ! install; then
  echo "packages: trying again with fresh lists" >&2
  if ! run_apt update || ! install; then
    echo "packages: apt could not install: ${missing[*]}" >&2
    exit 1
  fi
fi
echo "packages: done"
