#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test.
#
#   tests/run.sh [--all] [--label LABEL] [--preset PRESET] [--skip-install]
#
#   --all            also the tests labelled nightly (long, or with large downloads)
#   --label LABEL    only tests of this label: unit, golden, integration, compose, nightly
#   --preset PRESET  release (default), debug, asan, tsan; the last two run the unit and golden tests, tsan without
#                    those that dial: Debian's gRPC is not built for it. no-torch: all that needs no LibTorch, which is
#                    not fetched: no tributary-server, no tributary-client
#   --skip-install   install no packages
#
# The compose tests are skipped, with the reason, where no Docker daemon answers. Ends with ctest's summary.
# Exit codes: ctest's (0 all passed, 8 a test failed), 2 wrong use, else that of the step before.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
wrong_use() { echo "tests/run.sh: $1; see --help" >&2; exit 2; }

preset=release
install=yes
select=(-LE nightly)
while [ $# -gt 0 ]; do
  case $1 in
    --label | --preset) [ $# -ge 2 ] || wrong_use "$1 needs a value" ;;
  esac
  case $1 in
    --all) select=(); shift ;;
    --label) select=(-L "^($2)\$"); shift 2 ;;
    --preset) preset=$2; shift 2 ;;
    --skip-install) install=no; shift ;;
    -h | --help) sed -n '2,14s/^# \{0,1\}//p' tests/run.sh; exit 0 ;;
    *) wrong_use "unknown option $1" ;;
  esac
done
case $preset in
  release | debug | no-torch) ;;
  asan | tsan) [ "${select[0]:-}" = -L ] || select=(-L '^(unit|golden)$') ;;&
  asan) ;;
  tsan) select+=(-E 'HandshakeTest|DaemonTest|OperatorClientTest') ;;
  *) wrong_use "no preset $preset" ;;
esac

[ $install = no ] || deploy/install-packages.sh build test
[ "$preset" = no-torch ] || deploy/fetch-libtorch.sh
deploy/fetch-data.sh
deploy/build.sh "$preset"
# A test that asks for what is not there says why it was skipped; a selection without tests is an error.
exec ctest --test-dir "build/$preset" --output-on-failure --no-tests=error --parallel "$(nproc)" "${select[@]}"
