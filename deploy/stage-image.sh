#!/usr/bin/env bash
# Collects what an image holds into one folder: programs, LibTorch's libraries, the vocabulary, the run files.
#
#   deploy/stage-image.sh FOLDER [BIN]      for example build/image; BIN: a finished build, default build/release/bin
#
# Everything is stripped: LibTorch alone shrinks by a fifth. Exit codes: 0 done, 1 failed, 2 wrong use.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
stage=$(realpath -m -- "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
bin=${2:-build/release/bin}
torch=${LIBTORCH_ROOT:-${XDG_CACHE_HOME:-$HOME/.cache}/tributary/libtorch}
libraries=$torch/torch/lib
[ -d "$libraries" ] || libraries=$torch/lib
for needed in "$bin"/{tributary,tributary-server,tributary-client,tributary-central,tributary-bench-process} "$libraries/libtorch_cpu.so"; do
  [ -e "$needed" ] || { echo "stage-image: $needed is missing: deploy/build.sh and deploy/fetch-libtorch.sh make it" >&2; exit 1; }
done

rm -rf "$stage"
mkdir -p "$stage"/{bin,lib,runs} "$stage/share/tributary"
for program in tributary tributary-server tributary-client tributary-central tributary-bench-process; do
  strip -o "$stage/bin/$program" "$bin/$program"
done
# The loader wants libcudart and libcupti on a machine without a GPU as well (cmake/LibTorch.cmake).
for library in "$libraries"/{libtorch_cpu.so,libc10.so,libgomp*.so*} "$torch"/nvidia/*/lib/{libcudart,libcupti}.so.1*; do
  [ ! -e "$library" ] || strip --strip-unneeded -o "$stage/lib/$(basename "$library")" "$library"
done
cp -r deploy/assets/. "$stage/share/tributary/"
cp deploy/runs/*.toml "$stage/runs/"
cp LICENSE "$stage/share/tributary/"
chmod -R u=rwX,go=rX "$stage"
