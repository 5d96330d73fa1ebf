#!/usr/bin/env bash
# Unpacks LibTorch out of PyPI's `torch` wheel into a cache folder, where CMake finds it.
#
#   deploy/fetch-libtorch.sh [--cuda]
#
# Nothing is installed: pip only downloads, for a fixed platform and Python version, so that the host's own Python
# does not matter; the wheels' hashes are in deploy/wheels. The CPU build needs two small CUDA libraries to load;
# --cuda keeps the GPU code and fetches the rest of CUDA as well (about 3 GB). The folder is
# ${XDG_CACHE_HOME:-~/.cache}/tributary/libtorch; LIBTORCH_ROOT, if set, is used as it is and nothing is fetched.
# Exit codes: 0 done, 1 failed, 2 wrong use.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

failed() { echo "libtorch: $1" >&2; exit 1; }
kind=cpu
case ${1:-} in
  '') ;;
  --cuda) kind=cuda ;;
  -h | --help) sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
  *) echo "libtorch: unknown option $1; see --help" >&2; exit 2 ;;
esac
if [ -n "${LIBTORCH_ROOT:-}" ]; then
  for place in "$LIBTORCH_ROOT/torch" "$LIBTORCH_ROOT"; do
    [ ! -e "$place/lib/libtorch_cpu.so" ] || { echo "libtorch: using LIBTORCH_ROOT=$LIBTORCH_ROOT"; exit 0; }
  done
  failed "LIBTORCH_ROOT=$LIBTORCH_ROOT holds no lib/libtorch_cpu.so; unset it, or correct it"
fi
machine=$(uname -m)
wheels=("$here/wheels/libtorch-$machine.txt")
[ -e "${wheels[0]}" ] ||
  failed "no wheel is pinned for $machine; set LIBTORCH_ROOT to a LibTorch 2.11 of your own"
[ $kind = cpu ] || wheels+=("$here/wheels/cuda-$machine.txt")

cache=${XDG_CACHE_HOME:-$HOME/.cache}/tributary
target=$cache/libtorch
pinned=$(sha256sum <"${wheels[0]}" | cut -c1-16)
up_to_date() { # what has CUDA serves the CPU as well
  local stamp
  stamp=$(cat "$target/.stamp" 2>/dev/null) || return 1
  [ "$stamp" = "$pinned $kind" ] || [ "$stamp" = "$pinned cuda" ]
}
if up_to_date; then
  echo "libtorch: $target is up to date"
  exit 0
fi

mkdir -p "$cache" || failed "cannot create $cache"
exec 9>"$cache/libtorch.lock"
flock 9 # a second call waits for the first, and finds its work done
if up_to_date; then
  echo "libtorch: $target is up to date"
  exit 0
fi
python3 -m pip --version >/dev/null 2>&1 || failed "python3 has no pip: deploy/install-packages.sh build"
needed=$([ $kind = cpu ] && echo 3 || echo 14)
free=$(df --output=avail -BG "$cache" | tail -n 1 | tr -dc 0-9)
[ "$free" -ge "$needed" ] || failed "$cache has ${free} GB free; unpacking needs $needed GB (XDG_CACHE_HOME moves it)"

work=$(mktemp -d "$cache/libtorch.XXXXXX")
trap 'rm -rf "$work"' EXIT
fetch=(python3 -m pip download --quiet --disable-pip-version-check --no-cache-dir --no-deps --require-hashes
  --only-binary=:all: --python-version 3.12 --dest "$work" --platform "manylinux2014_$machine")
for glibc in {17..28}; do fetch+=(--platform "manylinux_2_${glibc}_$machine"); done
for list in "${wheels[@]}"; do fetch+=(-r "$list"); done
size='0.55 GB'
[ $kind = cpu ] || size='3.5 GB'
echo "libtorch: downloading LibTorch 2.11.0 ($kind, $size) to $target"
"${fetch[@]}" || failed "the download failed; pip's lines above say why (proxy, mirror: pip config; offline: LIBTORCH_ROOT)"

for wheel in "$work"/*.whl; do
  # 11: a pattern for which this wheel has no file
  unzip -q -o "$wheel" 'torch/include/*' 'torch/lib/*' 'nvidia/*/lib/*' '*.dist-info/*' -d "$work/tree" 2>"$work/log" ||
    [ $? -eq 11 ] || failed "cannot unpack $(basename "$wheel"): $(tail -n 1 "$work/log")"
  rm "$wheel"
done
[ -e "$work/tree/torch/lib/libtorch_cpu.so" ] || failed "the wheel holds no torch/lib/libtorch_cpu.so"
rm -f "$work"/tree/torch/lib/libtorch_python.so "$work"/tree/nvidia/*/lib/*.a
[ $kind = cuda ] ||
  rm -f "$work"/tree/torch/lib/{libtorch_cuda*,libtorch_nvshmem*,libcaffe2_nvrtc*,libc10_cuda*}
echo "$pinned $kind" >"$work/tree/.stamp"
[ ! -e "$target" ] || mv "$target" "$work/old"
mv "$work/tree" "$target"
echo "libtorch: $target is ready"
