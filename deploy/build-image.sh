#!/usr/bin/env bash
# Makes the container image: coordinator, clients and tool in one.
#
#   deploy/build-image.sh [--tag NAME] [--base IMAGE] [--prebuilt] [--bin FOLDER] [-- DOCKER_BUILD_ARGUMENTS...]
#
#   --tag NAME     name of the image; default tributary
#   --base IMAGE   base image; default debian:bookworm-slim (ubuntu:24.04 for --prebuilt on Ubuntu 24.04), or if
#                  that cannot be had, the same as made by deploy/base-image.sh out of packages
#   --prebuilt     take a finished build of this machine instead of compiling in the image; this machine must
#                  run the base image's release
#   --bin FOLDER   that build's programs; default build/release/bin
#
# What follows -- goes to docker build, such as --network host or --build-arg https_proxy=... (docs/deploy.md).
# Exit codes: 0 done, 1 failed, 2 wrong use.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
failed() { echo "build-image: $1" >&2; exit 1; }
wrong_use() { echo "build-image: $1; see --help" >&2; exit 2; }

tag=tributary base='' prebuilt=no bin=build/release/bin
while [ $# -gt 0 ]; do
  case $1 in --tag | --base | --bin) [ $# -ge 2 ] || wrong_use "$1 needs a value" ;; esac
  case $1 in
    --tag) tag=$2; shift 2 ;;
    --base) base=$2; shift 2 ;;
    --bin) bin=$2; shift 2 ;;
    --prebuilt) prebuilt=yes; shift ;;
    -h | --help) sed -n '2,14s/^# \{0,1\}//p' deploy/build-image.sh; exit 0 ;;
    --) shift; break ;;
    *) wrong_use "unknown option $1" ;;
  esac
done
docker info >/dev/null 2>&1 || failed "no Docker daemon answers ('docker info'): start it, or join its group"

has() { docker image inspect "$1" >/dev/null 2>&1; }
# shellcheck disable=SC2016
release_of='. /etc/os-release && echo "$ID $VERSION_ID"'
if [ -z "$base" ]; then
  base=debian:bookworm-slim suite=bookworm
  if [ $prebuilt = yes ] && [ "$(sh -c "$release_of")" = "ubuntu 24.04" ]; then base=ubuntu:24.04 suite=noble; fi
  if ! has $base && ! timeout 300 docker pull -q $base >/dev/null 2>&1; then
    echo "build-image: $base cannot be pulled; the base is tributary-base:$suite, made out of packages"
    base=tributary-base:$suite
    deploy/base-image.sh $base $suite
  fi
fi

mkdir -p build
quietly() { # docker build's output matters only if it fails
  "$@" >build/image.log 2>&1 || { tail -n 15 build/image.log >&2; failed "docker build failed; the whole log is build/image.log"; }
}
arguments=(--build-arg "BASE_IMAGE=$base" "$@")
if [ $prebuilt = no ]; then
  echo "build-image: compiling in a container on $base (the log is build/image.log)"
  quietly docker build -f deploy/Dockerfile -t "$tag" "${arguments[@]}" .
else
  here=$(sh -c "$release_of") there=$(docker run --rm --network none "$base" sh -c "$release_of")
  [ "$here" = "$there" ] || failed "this machine runs $here, $base is $there: build without --prebuilt, or give --base"
  echo "build-image: taking $bin, on $base"
  deploy/stage-image.sh build/image "$bin"
  quietly docker build -f deploy/Dockerfile --target runtime -t "$tag-runtime" "${arguments[@]}" .
  quietly docker build -f deploy/image/prebuilt.Dockerfile -t "$tag" --build-arg "RUNTIME_IMAGE=$tag-runtime" build/image
fi
size=$(docker image inspect -f '{{.Size}}' "$tag")
echo "build-image: $tag is ready ($((size / 1000000)) MB)"
