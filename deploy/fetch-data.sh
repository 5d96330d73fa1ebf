#!/usr/bin/env bash
# Fetches the Debian packages that the default data come out of, and unpacks them into a cache folder. Nothing
# is installed; root is needed only where apt has no package lists yet.
#
#   deploy/fetch-data.sh
#
# Exit codes: 0 done, 1 failed, 4 not permitted.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tributary/data
stamp=$(sha256sum <"$here/packages/data.txt" | cut -c1-16)
if [ "$(cat "$cache/root/.stamp" 2>/dev/null)" = "$stamp" ]; then
  echo "data: $cache/root is up to date"
  exit 0
fi

mapfile -t packages < <(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$here/packages/data.txt")
if ! apt-cache show "${packages[@]}" >/dev/null 2>&1; then
  echo "data: apt has no package lists; fetching them"
  if [ "$(id -u)" -eq 0 ]; then
    apt-get -qq update
  elif ! sudo -n apt-get -qq update; then
    echo "data: run 'apt-get update' as root first" >&2
    exit 4
  fi
fi
mkdir -p "$cache"
work=$(mktemp -d "$cache/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "data: downloading ${packages[*]} (about 128 MB; licences in usr/share/doc/*/copyright)"
(cd "$work" && apt-get -qq -o APT::Sandbox::User=root download "${packages[@]}")
for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/root"; done
echo "$stamp" >"$work/root/.stamp"
rm -rf "$cache/root"
mv "$work/root" "$cache/root"
echo "data: $cache/root is ready"
