#!/usr/bin/env bash
# Makes what docker-compose.yml needs: the image, certificates for mutual TLS, and shards. Safe to run again.
#
#   deploy/compose-prepare.sh [--no-image] [BUILD_IMAGE_OPTIONS...]
#
# Options are those of deploy/build-image.sh (--prebuilt, --base, ...); --no-image takes an image that is there.
# As for docker-compose.yml, the environment says where: TRIBUTARY_DATA_DIR (data/quickstart), TRIBUTARY_CERTS_DIR
# (out/certs), TRIBUTARY_IMAGE (tributary). Exit codes: 0 done, else those of the step that failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
data=$(realpath -m -- "${TRIBUTARY_DATA_DIR:-data/quickstart}")
certs=$(realpath -m -- "${TRIBUTARY_CERTS_DIR:-out/certs}")
image=${TRIBUTARY_IMAGE:-tributary}
case ${1:-} in
  -h | --help) sed -n '2,8s/^# \{0,1\}//p' deploy/compose-prepare.sh; exit 0 ;;
  --no-image) docker image inspect "$image" >/dev/null || exit 1 ;;
  *) deploy/build-image.sh --tag "$image" "$@" ;;
esac

# Everything runs in the image from here, as the caller where files are made: nothing of Tributary is needed outside.
if [ ! -e "$data/icon-names/manifest.json" ]; then
  deploy/fetch-data.sh
  mkdir -p "$data"
  docker run --rm --network none --user "$(id -u):$(id -g)" -v "$data:/out" \
    -v "${XDG_CACHE_HOME:-$HOME/.cache}/tributary/data/root:/source:ro" "$image" \
    tributary prepare --quickstart --source /source --out /out
fi
deploy/make-certs.sh --out "$certs" --host coordinator --client pair-0 --client image-0 --client text-0
# The containers' user reads its own key; the authority's key goes into no container.
docker run --rm --network none --user 0 -v "$certs:/certs" "$image" \
  sh -c 'cd /certs && chown 10001 coordinator.key client-*.key operator-*.key'
docker run --rm --network none -v "$data:/data:ro" "$image" \
  sh -c 'for f in /data/*/*/*.shard; do test -r "$f" || exit; done' ||
  { echo "compose-prepare: the containers' user (10001) cannot read all of $data/*/*/*.shard" >&2; exit 3; }
