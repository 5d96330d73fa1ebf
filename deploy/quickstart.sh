#!/usr/bin/env bash
# From a fresh Debian 12 or Ubuntu 24.04 machine to a trained federation, in one command. Safe to run again.
#
#   deploy/quickstart.sh [--method NAME] [--rounds N] [--set KEY=VALUE]... [--out DIR] [--skip-install]
#
#   --method NAME     fedcola (default), fedavg, ...; the same as --set method=NAME
#   --rounds N        the same as --set rounds=N
#   --set KEY=VALUE   in place of the value in deploy/runs/quickstart.toml
#   --out DIR         folder of the run; by default out/quickstart-<method>-<time>
#   --skip-install    install no packages
#
# Installs what is missing (apt, as root or through sudo), fetches LibTorch, builds, prepares real data, trains with
# eight client processes on the loopback, and prints the result and where it is.
# Exit codes: 0 done, 2 wrong use, else that of the step that failed.
set -euo pipefail

called_from=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."
wrong_use() { echo "quickstart: $1; see --help" >&2; exit 2; }

install=yes
run=()
while [ $# -gt 0 ]; do
  case $1 in
    --method | --rounds | --set | --out) [ $# -ge 2 ] || wrong_use "$1 needs a value" ;;
  esac
  case $1 in
    --method | --rounds) run+=(--set "${1#--}=$2"); shift 2 ;;
    --set) run+=(--set "$2"); shift 2 ;;
    --out) run+=(--out "$(cd "$called_from" && realpath -m -- "$2")"); shift 2 ;;
    --skip-install) install=no; shift ;;
    -h | --help) sed -n '2,14s/^# \{0,1\}//p' deploy/quickstart.sh; exit 0 ;;
    *) wrong_use "unknown option $1" ;;
  esac
done

# step NAME LOG COMMAND...: LOG is where more than the lines printed can be read, if anywhere.
step() {
  local name=$1 log=$2 began=$SECONDS code=0
  shift 2
  echo "== $name"
  "$@" || code=$?
  if [ "$code" -ne 0 ]; then
    echo "quickstart: step '$name' failed after $((SECONDS - began)) s (exit code $code); see the lines above${log:+ and $log}" >&2
    exit "$code"
  fi
  echo "== $name: $((SECONDS - began)) s"
}

bin=build/release/bin
[ $install = no ] || step "packages" /var/log/apt/term.log deploy/install-packages.sh build
step "LibTorch" "" deploy/fetch-libtorch.sh
step "build" build/release/configure.log deploy/build.sh release tributary tributary-server tributary-client tributary-central tributary-bench-process
step "packages with data" "" deploy/fetch-data.sh
step "shards" "" $bin/tributary prepare --quickstart --out data/quickstart
step "training" "logs/ in the run's folder" $bin/tributary run deploy/runs/quickstart.toml "${run[@]}"
