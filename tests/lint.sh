#!/usr/bin/env bash
# Checks form: clang-format, shellcheck and clang's warnings on every file, clang-tidy on what changed.
#
#   tests/lint.sh [--all | --since COMMIT] [--limit N] [--only format|shell|warnings|tidy] [--skip-install] [FILE...]
#
#   --all            clang-tidy on every file: about two hours of one core
#   --since COMMIT   clang-tidy on the files that differ from COMMIT; FILEs: on these alone
#   --limit N        clang-tidy on at most the N files that changed last
#   --only CHECK     one of the four
#   --skip-install   install no packages
#
# Without --all, --since or FILEs, a file has changed if it differs from the last state that landed: $TRIBUTARY_LINT_BASE
# if set; else where this branch left origin/main; on origin/main itself, which keeps no record of its pushes, the state
# of 24 hours before the last commit. A header is checked through a file that includes it. clang reads the commands of
# the preset `clang` (-Wthread-safety -Wshadow -Wconversion -Wsign-conversion), in whose build folder nothing but headers
# is generated. Exit codes: 0 clean, 1 something was found, 2 wrong use, 77 a tool is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
wrong_use() { echo "tests/lint.sh: $1; see --help" >&2; exit 2; }

all=no since='' limit='' install=yes only='' files=()
while [ $# -gt 0 ]; do
  case $1 in
    --since | --limit | --only) [ $# -ge 2 ] || wrong_use "$1 needs a value" ;;
  esac
  case $1 in
    --all) all=yes; shift ;;
    --since) since=$2; shift 2 ;;
    --limit) limit=$2; shift 2 ;;
    --only) only=$2; shift 2 ;;
    --skip-install) install=no; shift ;;
    -h | --help) sed -n '2,16s/^# \{0,1\}//p' tests/lint.sh; exit 0 ;;
    -*) wrong_use "unknown option $1" ;;
    *) files+=("$1"); shift ;;
  esac
done
case $only in '' | format | shell | warnings | tidy) ;; *) wrong_use "no check $only" ;; esac
if [ $install = yes ]; then
  deploy/install-packages.sh build test lint
  deploy/fetch-libtorch.sh
fi
wants() { # CHECK TOOL: whether to run it
  [ "${only:-$1}" = "$1" ] || return 1
  command -v "$2" >/dev/null || { echo "tests/lint.sh: no $2 here: deploy/install-packages.sh lint" >&2; exit 77; }
}

found=0
tracked() { git ls-files --cached --others --exclude-standard --deduplicate "$@" | while read -r f; do [ ! -e "$f" ] || echo "$f"; done; }
report() { # CHECK FILES STATUS
  if [ "$3" -eq 0 ]; then echo "lint: $1: $2 files are clean"; else echo "lint: $1: see above" >&2; found=1; fi
}
configured=no
configure() { # the preset clang and its generated headers, once
  [ $configured = no ] || return 0
  mkdir -p build
  deploy/build.sh clang tributary_generated >build/lint.log 2>&1 || { cat build/lint.log >&2; exit 1; }
  configured=yes
}

if wants format clang-format; then
  mapfile -t sources < <(tracked '*.cc' '*.h')
  status=0
  clang-format --dry-run -Werror "${sources[@]}" || status=1
  report clang-format ${#sources[@]} $status
fi
if wants shell shellcheck; then
  mapfile -t scripts < <(tracked '*.sh' .ci/run)
  status=0
  shellcheck "${scripts[@]}" || status=1
  report shellcheck ${#scripts[@]} $status
fi

if wants warnings clang++; then
  configure
  python3 tests/clang_warnings.py build/clang || found=1
fi

# Where this change began.
base() {
  local head upstream
  if [ -n "${since:-${TRIBUTARY_LINT_BASE:-}}" ]; then
    git rev-parse --verify --quiet "${since:-$TRIBUTARY_LINT_BASE}^{commit}" || wrong_use "no commit ${since:-$TRIBUTARY_LINT_BASE}"
    return
  fi
  head=$(git rev-parse HEAD)
  upstream=$(git merge-base HEAD origin/main 2>/dev/null || true)
  if [ -n "$upstream" ] && [ "$upstream" != "$head" ]; then
    echo "$upstream"
  else
    git rev-list -1 --before=$(($(git log -1 --format=%ct HEAD) - 86400)) HEAD
  fi
}

# C++ files that changed, those that changed last first.
changed() {
  local from
  from=$(base) || exit $?
  {
    git diff --name-only HEAD -- '*.cc' '*.h'
    git ls-files --others --exclude-standard '*.cc' '*.h'
    git log --format= --name-only "${from:+$from..}HEAD" -- '*.cc' '*.h'
  } | awk '!seen[$0]++'
}

# One file that includes this header: a .cc if there is one.
includer() { # HEADER
  { git grep -l --untracked -F "#include \"$1\"" -- '*.cc' '*.h' || true; } |
    awk '/\.cc$/ && !unit { unit = $0 } { any = $0 } END { print unit ? unit : any }'
}

# Of files on standard input, those that are compiled; for a header, a file that includes it, directly or not.
units() {
  local file unit
  while read -r file; do
    [ -e "$file" ] || continue
    unit=$file
    while [ "${unit%.h}" != "$unit" ]; do
      if [ -e "${unit%.h}.cc" ]; then unit=${unit%.h}.cc; else unit=$(includer "$unit"); fi
    done
    if [ -n "$unit" ] && grep -qF "\"file\": \"$PWD/$unit\"" build/clang/compile_commands.json; then
      echo "$unit"
    else
      echo "lint: $file is not part of the build" >&2
    fi
  done | awk '!seen[$0]++'
}

if wants tidy clang-tidy; then
  configure
  if [ ${#files[@]} -gt 0 ]; then
    list=$(printf '%s\n' "${files[@]}")
  elif [ $all = yes ]; then
    list=$(tracked '*.cc' '*.h')
  else
    list=$(changed)
  fi
  mapfile -t chosen < <(units <<<"$list")
  checked=("${chosen[@]:0:${limit:-${#chosen[@]}}}")
  status=0
  [ ${#checked[@]} -eq 0 ] ||
    printf '%s\n' "${checked[@]}" | xargs -P "$(nproc)" -n 1 clang-tidy -p build/clang --quiet 2>build/lint.log || status=1
  # clang-tidy counts on standard error what it does not print, and says there what it cannot read.
  [ $status -eq 0 ] || grep -v ' warnings\? generated\|^Error while processing\|^$' build/lint.log >&2 || true
  report clang-tidy ${#checked[@]} $status
  [ ${#checked[@]} -eq ${#chosen[@]} ] ||
    echo "lint: clang-tidy has left out $((${#chosen[@]} - ${#checked[@]})) files that changed before these (--limit $limit)"
fi
exit $found
