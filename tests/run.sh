#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test.
#
#   tests/run.sh [--all] [--lint] [--label LABEL] [--preset PRESET] [--skip-install]
#
#   --all            also the tests labelled nightly (long, or with large downloads), lint and analysis (clang-tidy on all
#                    that changed); before them the unit and golden tests of the presets asan and tsan
#   --lint           also the tests labelled lint: clang-format, shellcheck and clang's warnings on every file, clang-tidy
#                    on the 16 that changed last
#   --label LABEL    only tests of this label: unit, golden, integration, compose, nightly, lint, analysis
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

presets=(release)
install=yes
lists=(build test)
select=(-LE '^(nightly|lint|analysis)$')
while [ $# -gt 0 ]; do
  case $1 in
    --label | --preset) [ $# -ge 2 ] || wrong_use "$1 needs a value" ;;
  esac
  case $1 in
    --all) presets=(asan tsan release) lists=(build test lint) select=(); shift ;;
    --lint) lists=(build test lint) select=(-LE '^(nightly|analysis)$'); shift ;;
    --label) select=(-L "^($2)\$"); shift 2 ;;
    --preset) presets=("$2"); shift 2 ;;
    --skip-install) install=no; shift ;;
    -h | --help) sed -n '2,18s/^# \{0,1\}//p' tests/run.sh; exit 0 ;;
    *) wrong_use "unknown option $1" ;;
  esac
done
for preset in "${presets[@]}"; do
  case $preset in release | debug | no-torch | asan | tsan) ;; *) wrong_use "no preset $preset" ;; esac
done

[ $install = no ] || deploy/install-packages.sh "${lists[@]}"
[ "${presets[0]}" = no-torch ] || deploy/fetch-libtorch.sh
deploy/fetch-data.sh
status=0
for preset in "${presets[@]}"; do
  chosen=("${select[@]}")
  case $preset in asan | tsan) [ "${select[0]:-}" = -L ] || chosen=(-L '^(unit|golden)$') ;; esac
  [ "$preset" != tsan ] || chosen+=(-E 'HandshakeTest|DaemonTest|OperatorClientTest')
  deploy/build.sh "$preset"
  # A test that asks for what is not there says why it was skipped; a selection without tests is an error.
  ctest --test-dir "build/$preset" --output-on-failure --no-tests=error --parallel "$(nproc)" "${chosen[@]}" || status=$?
done
exit $status
