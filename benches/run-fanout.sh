#!/usr/bin/env bash
# The subscription benchmark: starts MongoDB and Redis, then one server after the other in alternating rounds, each
# freshly started, and lets benches/fanout subscribe, place orders and follow every delivery.
set -euo pipefail

usage="usage: benches/run-fanout.sh [MODE]
  load    (default) deliveries per second, latency, CPU time for each delivery
  idle    memory of sockets with one subscription on which nothing happens
  many    CPU time for each delivery as more subscriptions share a socket: as many deliveries, on fewer sockets
  quiet   the same as subscriptions that get nothing are added to each socket
  revoke  of Orderwire: how long after the end of all sessions the sockets are closed, each with a session of its own
  needs target/dist/orderwire (cargo build --profile dist); BINARY names another one
  SERVERS         of 'orderwire apollo bare', which is the default
  ENGINE          of Orderwire: mongodb with Redis (default), or sqlite without
  SOCKETS (5000; idle: 10000; many: subscriptions in all, 6000; quiet: 1000; revoke: 10000)   EVENTS (20) orders a second
  PER_SOCKET (many: 1 10 60; quiet: 0 9 59)   ROUNDS (3; 1 but for load)   SECONDS_EACH (20)   WARMUP (5)   DRAIN (15)
  SOCKETS_PER_USER (100)   RESULTS (none) file to which each round is added as a line of JSON
  TMPDIR          where MongoDB has its files (/dev/shm if there is one: not the disk is measured)
  PEER_NODE       the Apollo peer's node; otherwise the one on the path if it is new enough, else one from PyPI"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib/process.sh
source "$root/scripts/lib/process.sh"
# shellcheck source=scripts/lib/install.sh
source "$root/scripts/lib/install.sh"
# shellcheck source=scripts/lib/bench.sh
source "$root/scripts/lib/bench.sh"

mode=${1-load}
case "$#$mode" in
[01]load) sockets=${SOCKETS:-5000} rounds=${ROUNDS:-3} per_socket=1 ;;
1idle) sockets=${SOCKETS:-10000} rounds=${ROUNDS:-1} per_socket=1 ;;
1many) sockets=${SOCKETS:-6000} rounds=${ROUNDS:-1} per_socket=${PER_SOCKET:-1 10 60} ;;
1quiet) sockets=${SOCKETS:-1000} rounds=${ROUNDS:-1} per_socket=${PER_SOCKET:-0 9 59} ;;
1revoke) sockets=${SOCKETS:-10000} rounds=${ROUNDS:-1} per_socket=1 SERVERS=orderwire ;;
*) note "$usage"; exit 2 ;;
esac
servers=${SERVERS:-orderwire apollo bare} engine=${ENGINE:-mongodb}
orderwire=$(realpath -m "${BINARY:-$root/target/dist/orderwire}")
invoices=$root/data/online-retail-sample.csv.gz bugs=$root/data/hadoop-bugs-sample.csv.gz
for server in $servers; do
  case $server in orderwire | apollo | bare) ;; *) fail "no server $server" ;; esac
done
case $engine in mongodb | sqlite) ;; *) fail "no engine $engine" ;; esac
[[ " $servers " != *' orderwire '* ]] || [ -x "$orderwire" ] || fail "no $orderwire: cargo build --profile dist"
# Each socket is one file of the server and one of the generator.
needed=$((sockets + 1000))
[ "$(ulimit -n)" -ge "$needed" ] || ulimit -n "$needed" 2>/dev/null || fail "$needed open files are needed: raise ulimit -n"
if [ -z "${ORDERWIRE_TEST_MONGODB_URL-}" ]; then
  [ ! -w /dev/shm ] || export TMPDIR=${TMPDIR:-/dev/shm}
  exec "$root/scripts/services" run "$root/benches/run-fanout.sh" "$mode"
fi

make_temporary

# as_orderwire COMMAND…: with the settings of the benchmark, in a folder without an orderwire.toml. Passwords are hashed
# lightly: sign-in is not measured, and its memory would hide that of the sockets. Takes the place
# of the shell, which must be a subshell.
as_orderwire() {
  cd "$temporary"
  export ORDERWIRE_ENV=production LOG_LEVEL=${LOG_LEVEL:-warn} BIND=127.0.0.1:$port JWT_SECRET=$secret
  export ORDERWIRE_AUTH_PASSWORD_MEMORY=64 ORDERWIRE_AUTH_PASSWORD_PASSES=1
  export ORDERWIRE_SERVER_CONNECTIONS_PER_USER=${SOCKETS_PER_USER:-100}
  # Thousands sign in at once, from one address.
  export ORDERWIRE_RATE_LIMITS_ANONYMOUS_COST=off ORDERWIRE_RATE_LIMITS_STAFF_COST=off
  use_engine "$engine" orderwire_fanout
  exec "$@"
}

prepare_orderwire() {
  local user
  note "$("$orderwire" --version), $engine"
  (as_orderwire "$orderwire" import online-retail "$invoices" --rejects rejects.csv) >&2
  for ((user = 1; user <= users; user++)); do
    (as_orderwire "$orderwire" user create --email "fanout-$user@example.com" --name "Fan-out $user" --role staff \
      --password-stdin) <<<"$FANOUT_PASSWORD" >/dev/null
  done
}

start_orderwire() {
  as_orderwire "${die_with_parent[@]}" "$orderwire" serve >"$temporary/orderwire.log" 2>&1 &
  pids[server]=$!
  ready orderwire "http://127.0.0.1:$port/readyz"
}

prepare_apollo() { [ -n "${peer_node-}" ] || prepare_peer "$invoices" "$bugs"; }

start_apollo() {
  REDIS_URL=$ORDERWIRE_TEST_REDIS_URL WORKERS=1 start_peer "$port"
  pids[server]=$peer_pid
}

# It has no loader of its own: the data is the Apollo peer's.
prepare_bare() {
  build peers/bare
  prepare_apollo
}

start_bare() {
  JWT_SECRET=$secret start_bare_peer "$port"
  pids[server]=$peer_pid
}

# measure SERVER N: starts the server, measures it with N subscriptions a socket, or N quiet ones, and stops it.
measure() {
  local server=$1 label=$1 n=$2 options=(--sockets "$sockets")
  port=$(python3 "$root/scripts/lib/probe.py" free-ports 1)
  "start_$server"
  case $mode in
  idle) options+=(--idle) ;;
  revoke) options+=(--revoke) ;;
  many) options=(--sockets $((sockets / n)) --subscriptions "$n") label="$server, $n" ;;
  quiet) options+=(--quiet "$n") label="$server, 1 + $n" ;;
  esac
  [ "$server" != orderwire ] || options+=(--users "$users")
  [ "$server" != bare ] || options+=(--subscribe-at /ws)
  "$root/target/benches/release/orderwire-fanout" --name "$label" --url "http://127.0.0.1:$port/graphql" \
    --pid "${pids[server]}" --events "${EVENTS:-20}" --seconds "${SECONDS_EACH:-20}" --warmup "${WARMUP:-5}" \
    --drain "${DRAIN:-15}" "${options[@]}" >>"$results" || {
    tail -n 20 "$temporary"/*.log >&2
    fail "$server could not be measured"
  }
  stop_named server
}

results=$temporary/results.jsonl
users=$(((sockets + ${SOCKETS_PER_USER:-100} - 1) / ${SOCKETS_PER_USER:-100}))
secret=$(random_text)
FANOUT_PASSWORD=$(random_text)
export FANOUT_PASSWORD
port=$(python3 "$root/scripts/lib/probe.py" free-ports 1)
build fanout
for server in $servers; do "prepare_$server"; done
read -r load1 load5 _ </proc/loadavg
for ((round = 0; round < rounds; round++)); do
  for n in $per_socket; do
    for server in $servers; do measure "$server" "$n"; done
  done
done
[ -z "${RESULTS-}" ] || cat "$results" >>"$RESULTS"
echo
echo "$(nproc) cores, generator and database included; load average at the start: $load1 $load5"
node "$root/benches/fanout-summary.mjs" "$results"
