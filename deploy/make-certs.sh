#!/usr/bin/env bash
# Makes the certificates of a federation: an authority, the coordinator, clients, an operator.
#
# Meant for tests, for a first run and for small federations; an organisation with an authority of
# its own issues certificates with the same subject alternative names instead:
#
#   coordinator   URI:tributary://coordinator/coordinator, and each DNS name or IP address by which
#                 clients reach it
#   client NAME   URI:tributary://client/NAME       may attend the run as NAME and nobody else
#   operator NAME URI:tributary://operator/NAME     may use `tributary status`, `watch`, ...
#
# Safe to run again: what is there, signed by this authority and valid for another day is kept; what
# is missing is added. Another list of --host makes a new coordinator's certificate.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: deploy/make-certs.sh --out DIR [--host NAME_OR_IP]... [--client NAME]... [--operator NAME]...
                            [--days N]

  --out DIR          where the files go (created if missing)
  --host NAME_OR_IP  by which clients dial the coordinator; default: localhost, 127.0.0.1, ::1
  --client NAME      name of a client, as given to tributary-client --name
  --operator NAME    name of an operator; default: operator
  --days N           validity, default 365; the authority's is ten times as long

Writes DIR/ca.crt, ca.key, coordinator.{crt,key}, client-NAME.{crt,key}, operator-NAME.{crt,key}.
Give a client ca.crt and its own two files and nothing else. Keep ca.key off every server.
Exit codes: 0 done, 1 failed, 2 wrong use.
TEXT
}

wrong_use() { echo "make-certs.sh: $1 (--help shows the use)" >&2; exit 2; }
failed() { echo "make-certs.sh: $1" >&2; exit 1; }

out='' days=365
hosts=() clients=() operators=()
while (($#)); do
  case $1 in
    --help | -h) usage; exit 0 ;;
    --out | --host | --client | --operator | --days)
      (($# >= 2)) || wrong_use "$1 needs a value" ;;&
    --out) out=$2 ;;
    --host) hosts+=("$2") ;;
    --client) clients+=("$2") ;;
    --operator) operators+=("$2") ;;
    --days) days=$2 ;;
    *) wrong_use "unknown argument $1" ;;
  esac
  shift 2
done
[[ -n $out ]] || wrong_use "--out is missing"
[[ $days =~ ^[1-9][0-9]{0,4}$ ]] || wrong_use "--days $days: expected 1 to 99999"
for name in "${clients[@]}" "${operators[@]}"; do
  [[ $name =~ ^[A-Za-z0-9._-]{1,64}$ ]] || wrong_use "name \"$name\": use 1 to 64 of A-Z a-z 0-9 . _ -"
done
for host in "${hosts[@]}"; do
  [[ $host =~ ^[A-Za-z0-9.:_-]+$ ]] || wrong_use "host \"$host\" is neither a name nor an address"
done
((${#hosts[@]})) || hosts=(localhost 127.0.0.1 ::1)
((${#operators[@]})) || operators=(operator)
command -v openssl >/dev/null || failed "openssl is missing: apt-get install openssl"

umask 077
mkdir -p "$out" || failed "cannot create $out"
[[ -w $out ]] || failed "cannot write to $out"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# quietly WHAT COMMAND...: runs it, and shows its output only if it fails.
quietly() {
  local what=$1
  shift
  "$@" >"$scratch/log" 2>&1 || { cat "$scratch/log" >&2; failed "$what failed"; }
}

new_key() { quietly "making key $1" openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

make_authority() {
  if [[ -s $out/ca.key && -s $out/ca.crt ]] &&
    openssl x509 -in "$out/ca.crt" -noout -checkend 86400 >/dev/null 2>&1; then
    echo "kept   ca.crt"
    return
  fi
  [[ ! -e $out/ca.key ]] || failed "$out/ca.key is there but ca.crt is missing or has expired: move both away to start anew"
  new_key "$scratch/ca.key"
  quietly "making the authority" openssl req -x509 -new -key "$scratch/ca.key" -sha256 \
    -days $((days * 10)) -subj "/O=Tributary/CN=Tributary authority" \
    -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" \
    -out "$scratch/ca.crt"
  mv "$scratch/ca.key" "$scratch/ca.crt" "$out/"
  chmod 644 "$out/ca.crt"
  echo "made   ca.crt"
}

# names_of FILE: its subject alternative names, one per line, in one fixed spelling.
names_of() {
  openssl x509 -in "$1" -noout -ext subjectAltName 2>/dev/null | tail -n +2 | tr ',' '\n' |
    sed -e 's/^ *//' -e 's/IP Address:/IP:/' -e 's/IP:0:0:0:0:0:0:0:1$/IP:::1/' | sort
}

# issue FILE USAGE NAMES...: a key and a certificate FILE.{key,crt}, unless a fitting one is there.
issue() {
  local file=$1 purpose=$2
  shift 2
  local wanted
  wanted=$(printf '%s\n' "$@" | sort)
  if [[ -s $out/$file.key && -s $out/$file.crt ]] &&
    openssl verify -CAfile "$out/ca.crt" "$out/$file.crt" >/dev/null 2>&1 &&
    openssl x509 -in "$out/$file.crt" -noout -checkend 86400 >/dev/null 2>&1 &&
    [[ $(names_of "$out/$file.crt") == "$wanted" ]]; then
    echo "kept   $file.crt"
    return
  fi
  new_key "$scratch/key"
  {
    echo "basicConstraints=critical,CA:FALSE"
    echo "keyUsage=critical,digitalSignature"
    echo "extendedKeyUsage=$purpose"
    echo "subjectAltName=$(IFS=,; echo "$*")"
  } >"$scratch/extensions"
  quietly "request for $file" openssl req -new -key "$scratch/key" \
    -subj "/O=Tributary/CN=${file:0:64}" -out "$scratch/request"
  quietly "signing $file" openssl x509 -req -in "$scratch/request" -CA "$out/ca.crt" \
    -CAkey "$out/ca.key" -set_serial "0x$(openssl rand -hex 16)" -sha256 -days "$days" \
    -extfile "$scratch/extensions" -out "$scratch/certificate"
  mv "$scratch/key" "$out/$file.key"
  mv "$scratch/certificate" "$out/$file.crt"
  chmod 644 "$out/$file.crt"
  echo "made   $file.crt"
}

make_authority
coordinator=(URI:tributary://coordinator/coordinator)
for host in "${hosts[@]}"; do
  if [[ $host =~ ^[0-9]+(\.[0-9]+){3}$ || $host == *:* ]]; then
    coordinator+=("IP:$host")
  else
    coordinator+=("DNS:$host")
  fi
done
issue coordinator serverAuth "${coordinator[@]}"
for name in "${clients[@]}"; do
  issue "client-$name" clientAuth "URI:tributary://client/$name"
done
for name in "${operators[@]}"; do
  issue "operator-$name" clientAuth "URI:tributary://operator/$name"
done
