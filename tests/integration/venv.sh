#!/usr/bin/env bash
# Runs Python in an environment with the packages of a requirements file, which it makes once.
#
#   tests/integration/venv.sh REQUIREMENTS FOLDER SCRIPT [ARGUMENTS...]
#
# The environment is FOLDER; it is made again when REQUIREMENTS changes. Exit code 77 (skipped, for
# ctest) if the packages cannot be had; else the script's own.
set -euo pipefail
if (($# < 3)); then
  echo "usage: venv.sh REQUIREMENTS FOLDER SCRIPT [ARGUMENTS...]" >&2
  exit 2
fi
requirements=$1
folder=$2
shift 2
wanted=$(sha256sum "$requirements" | cut -d' ' -f1)

# One at a time: ctest runs tests in parallel.
mkdir -p "$(dirname "$folder")"
exec 9>"$folder.lock"
flock 9
if [[ $(cat "$folder/made-from" 2>/dev/null) != "$wanted" ]]; then
  rm -rf "$folder"
  if ! python3 -m venv "$folder" ||
    ! "$folder/bin/pip" install --quiet --disable-pip-version-check --only-binary=:all: \
      -r "$requirements"; then
    echo "SKIPPED: the packages of $requirements cannot be installed" >&2
    rm -rf "$folder"
    exit 77
  fi
  echo "$wanted" >"$folder/made-from"
fi
exec 9>&-
exec "$folder/bin/python" "$@"
