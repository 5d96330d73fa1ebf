#!/usr/bin/env bash
# Configures and builds a preset.
#
#   deploy/build.sh [PRESET] [TARGET...]    PRESET: release (default), debug, no-torch, asan, tsan, clang
#
# As many jobs as there are cores and 1.5 GiB of memory for each; JOBS=N overrides that. The logs are
# build/<preset>/configure.log and, away from a terminal, build.log. Exit codes: 0 done, 1 failed, 2 wrong use.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=${1:-release}
shift || true
case $preset in
  release | debug | no-torch | asan | tsan | clang) ;;
  -h | --help) sed -n '2,7s/^# \{0,1\}//p' deploy/build.sh; exit 0 ;;
  *) echo "build: no preset $preset; one of release, debug, no-torch, asan, tsan, clang" >&2; exit 2 ;;
esac
memory=$(awk '/MemAvailable/ {print int($2 / 1572864)}' /proc/meminfo)
jobs=$(nproc)
[ "$memory" -ge "$jobs" ] || jobs=$((memory > 0 ? memory : 1))
jobs=${JOBS:-$jobs}

# The programs alone, where GoogleTest is not installed (quickstart, image).
tests=ON
[ $# -eq 0 ] || [ -e /usr/include/gtest/gtest.h ] || tests=OFF
mkdir -p "build/$preset"
log=build/$preset/configure.log
if ! cmake --preset "$preset" -DTRIBUTARY_BUILD_TESTS=$tests >"$log" 2>&1; then
  grep -A 8 'CMake Error' "$log" >&2 || tail -n 20 "$log" >&2
  echo "build: configuring failed; the whole log is $log" >&2
  exit 1
fi
build=(cmake --build "build/$preset" --parallel "$jobs")
[ $# -eq 0 ] || build+=(--target "$@")
if [ -t 1 ]; then
  "${build[@]}" || { echo "build: compiling failed; the lines above say where" >&2; exit 1; }
else
  log=build/$preset/build.log
  "${build[@]}" 2>&1 | tee "$log" || { echo "build: compiling failed; the whole log is $log" >&2; exit 1; }
fi
