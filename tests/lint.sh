#!/usr/bin/env bash
# Checks form: clang-format, shellcheck, clang-tidy.
#
#   tests/lint.sh [--fast] [FILE.cc...]     --fast: without clang-tidy; FILEs: clang-tidy on these alone
#
# clang-tidy reads build/release/compile_commands.json, so a build comes first (tests/run.sh). All files take about
# half an hour on four cores. Exit codes: 0 clean, 1 something was found, 2 wrong use.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tidy=yes
case ${1:-} in
  --fast) tidy=no; shift ;;
  -h | --help) sed -n '2,7s/^# \{0,1\}//p' tests/lint.sh; exit 0 ;;
  -*) echo "tests/lint.sh: unknown option $1; see --help" >&2; exit 2 ;;
esac
deploy/install-packages.sh lint

found=0
mapfile -t sources < <(git ls-files --cached --others --exclude-standard '*.cc' '*.h')
clang-format --dry-run -Werror "${sources[@]}" || found=1
mapfile -t scripts < <(git ls-files --cached --others --exclude-standard '*.sh')
shellcheck "${scripts[@]}" .ci/run || found=1
if [ $tidy = yes ]; then
  [ -e build/release/compile_commands.json ] || { echo "tests/lint.sh: no build/release; run deploy/build.sh first" >&2; exit 2; }
  # clang takes neither g++'s own warnings nor a compiler cache in front.
  mapfile -t units < <(if [ $# -gt 0 ]; then printf '%s\n' "$@"; else printf '%s\n' "${sources[@]}" | grep '\.cc$'; fi)
  printf '%s\n' "${units[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy -p build/release --quiet \
    --extra-arg=-Wno-unknown-warning-option >build/lint.log 2>&1 || found=1
  grep -v 'warnings\? generated\|^$' build/lint.log || true
fi
[ $found -eq 0 ] && echo "lint: clean"
exit $found
