#!/usr/bin/env bash
# The benchmark of a shop's requests: many customers look at products, some look at their orders, and few buy. It also
# measures how one client that floods the server affects the others.
set -euo pipefail

usage="usage: benches/run-mix.sh [MODE]
  load    (default) 80 % reads of products, 15 % customers' orders with lines and products, 5 % orders placed;
          Orderwire and the Apollo peer in alternating rounds
  flood   latency of a polite client alone, and while another sends as much as it can; Orderwire only
  needs target/dist/orderwire (cargo build --profile dist); BINARY names another one
  SERVERS         of 'orderwire apollo', which is the default; flood: orderwire
  CONNECTIONS (100)   USERS (100) customers among whom they are spread
  EVERY_MS        each connection has a request due every so many milliseconds; load: otherwise as soon as it has its
                  answer; flood: those of the polite client (50, which is less than one client may ask)
  ROUNDS (3)   SECONDS_EACH (10)   WARMUP (5)   RESULTS (none) file to which each round is added as a line of JSON
  INVOICES        the products, 'Online Retail' as data/ has a sample of it, which is the default
  SETTINGS        further settings of Orderwire, NAME=VALUE with blanks between
  WORKERS (1)     processes of the peer
  PEER_NODE       the peer's node; otherwise the one on the path if it is new enough, else one from PyPI"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib/process.sh
source "$root/scripts/lib/process.sh"
# shellcheck source=scripts/lib/install.sh
source "$root/scripts/lib/install.sh"
# shellcheck source=scripts/lib/bench.sh
source "$root/scripts/lib/bench.sh"

polite=198.51.100.9 flooding=203.0.113.7

mode=${1-load}
case "$#$mode" in
[01]load) servers=${SERVERS:-orderwire apollo} ;;
1flood) servers=orderwire ;;
*) note "$usage"; exit 2 ;;
esac
rounds=${ROUNDS:-3} seconds=${SECONDS_EACH:-10} warmup=${WARMUP:-5} connections=${CONNECTIONS:-100}
orderwire=$(realpath -m "${BINARY:-$root/target/dist/orderwire}")
invoices=$(realpath "${INVOICES:-$root/data/online-retail-sample.csv.gz}") bugs=$root/data/hadoop-bugs-sample.csv.gz
for server in $servers; do
  case $server in orderwire | apollo) ;; *) fail "no server $server" ;; esac
done
[[ " $servers " != *' orderwire '* ]] || [ -x "$orderwire" ] || fail "no $orderwire: cargo build --profile dist"
[ -r "$invoices" ] || fail "cannot read $invoices"
if [ -z "${ORDERWIRE_TEST_MONGODB_URL-}" ]; then
  exec "$root/scripts/services" run "$root/benches/run-mix.sh" "$mode"
fi

make_temporary
declare -A ports=()

# as_orderwire COMMAND…: with the settings of the benchmark, in a folder without an orderwire.toml. Passwords are
# hashed lightly: sign-up is not measured. Takes the place of the shell, which must be a
# subshell.
as_orderwire() {
  cd "$temporary"
  export ORDERWIRE_ENV=production LOG_LEVEL=${LOG_LEVEL:-warn} BIND=127.0.0.1:${ports[orderwire]} JWT_SECRET=$secret
  export ORDERWIRE_AUTH_PASSWORD_MEMORY=64 ORDERWIRE_AUTH_PASSWORD_PASSES=1 ORDERWIRE_AUTH_ACCESS_TOKEN_LIFETIME=2h
  use_engine mongodb orderwire_mix
  exec "$@"
}

start_orderwire() {
  local settings=() setting
  note "$("$orderwire" --version)"
  # The clients' addresses are those that the generator gives.
  if (as_orderwire "$orderwire" check-config) | grep "^server\.trusted_proxies " >/dev/null; then
    settings=(--set server.trusted_proxies=127.0.0.0/8)
  else
    note "it has no limits by client address"
  fi
  for setting in ${SETTINGS-}; do settings+=(--set "$setting"); done
  (as_orderwire "$orderwire" import online-retail "$invoices" --rejects rejects.csv) >&2
  as_orderwire "${die_with_parent[@]}" "$orderwire" serve "${settings[@]}" >"$temporary/orderwire.log" 2>&1 &
  pids[orderwire]=$!
  ready orderwire "http://127.0.0.1:${ports[orderwire]}/readyz"
}

start_apollo() {
  prepare_peer "$invoices" "$bugs"
  REDIS_URL=$ORDERWIRE_TEST_REDIS_URL start_peer "${ports[apollo]}"
  pids[apollo]=$peer_pid
}

url() { echo "http://127.0.0.1:${ports[$1]}/graphql"; }

# generate SERVER SECONDS NAME OPTION…: takes the place of the shell.
generate() {
  local server=$1
  exec "$root/target/benches/release/orderwire-mix" --url "$(url "$server")" --workload "$temporary/$server.json" \
    --seconds "$2" --name "${@:3}"
}

# measure SERVER NAME OPTION…: one round, one line of the results.
measure() {
  (generate "$1" "$seconds" "${@:2}") >>"$results" || {
    tail -n 20 "$temporary"/*.log >&2
    fail "$1 could not be measured"
  }
}

# costs SERVER: the processes whose CPU time and memory to report.
costs() { echo --server-pid "${pids[$1]}" --database-pid "$mongod_pid"; }

load_round() {
  local server
  for server in $servers; do
    # shellcheck disable=SC2046
    measure "$server" "$server" --connections "$connections" ${EVERY_MS:+--every-ms "$EVERY_MS"} $(costs "$server")
  done
}

flood_round() {
  local politely=(--only Product --connections 4 --every-ms "${EVERY_MS:-50}" --address "$polite")
  measure orderwire 'polite, calm' "${politely[@]}"
  # The flood begins before the measurement and ends after it.
  # shellcheck disable=SC2046
  generate orderwire $((seconds + 4)) flood --only Product --connections "$connections" --address "$flooding" \
    $(costs orderwire) >"$temporary/flood.json" &
  pids[flood]=$!
  sleep 2
  measure orderwire 'polite, flooded' "${politely[@]}"
  wait "${pids[flood]}" || fail "the flood ended early"
  unset 'pids[flood]'
  cat "$temporary/flood.json" >>"$results"
  # Its last requests end before the next round.
  sleep 2
}

results=$temporary/results.jsonl
secret=$(random_text)
find_mongod
build fanout
read -r ports['orderwire'] ports['apollo'] <<<"$(python3 "$root/scripts/lib/probe.py" free-ports 2)"
named=()
for server in $servers; do
  "start_$server"
  named+=("$server=$(url "$server")")
done
node "$root/benches/mix-prepare.mjs" "$temporary" "${named[@]}" >&2
read -r load1 load5 _ </proc/loadavg
for server in $servers; do
  (generate "$server" "$warmup" "$server, warm-up" --connections "$connections") >/dev/null
done
for ((round = 0; round < rounds; round++)); do "${mode}_round"; done
[ -z "${RESULTS-}" ] || cat "$results" >>"$RESULTS"
echo
echo "$connections connections, $rounds rounds of $seconds s, $(nproc) cores, generator and database included;" \
  "load average before: $load1 $load5"
node "$root/benches/mix-summary.mjs" "$mode" "$results"
