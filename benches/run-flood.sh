#!/usr/bin/env bash
# The benchmark of floods: how long a polite user waits for `product` and `placeOrder`, first alone and then while another
# user sends the most expensive operations that the limits let through, at the full allowed rate or past it.
set -euo pipefail

usage="usage: benches/run-flood.sh
  needs target/dist/orderwire (cargo build --profile dist); BINARY names another one
  ENGINES   of 'sqlite mongodb' (MongoDB with Redis), which is the default
  FLOODS    MODE/TRANSPORT/KIND…, which default to all of them: MODE is 'allowed' (at the rate at which the limits refill) or
            'past' (as fast as 64 requests under way go); TRANSPORT is 'http' or 'websocket' (one socket,
            graphql-transport-ws); KIND is
              list      100 orders of 100 lines with their products
              search    50 searches of one request by a word that many products have, each with its total
              order     an order of 100 lines
              create    50 tasks of one request
              login     sign-in with a wrong password
              resume    a subscription from an old cursor, left after 100 updates
              mutation  descriptions of 64 KiB of distinct words: 15 in a request, 1 in a message
              small     { __typename }
  ROUNDS (1)   SECONDS_EACH (2.2)   CALM (1.2) seconds of calm before each flood
  RESULTS (none) file to which each round is added as a line of JSON
  INVOICES  the products, 'Online Retail' as data/ has a sample of it, which is the default
  SETTINGS  further settings of Orderwire, NAME=VALUE with blanks between
  TMPDIR    where the databases have their files (/dev/shm if there is one: not the disk is measured)"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib/process.sh
source "$root/scripts/lib/process.sh"
# shellcheck source=scripts/lib/install.sh
source "$root/scripts/lib/install.sh"
# shellcheck source=scripts/lib/bench.sh
source "$root/scripts/lib/bench.sh"

[ $# -eq 0 ] || { note "$usage"; exit 2; }
engines=${ENGINES:-sqlite mongodb} rounds=${ROUNDS:-1} seconds=${SECONDS_EACH:-2.2} calm=${CALM:-1.2}
floods=${FLOODS:-$(echo allowed/{http,websocket}/{list,search,order,create,login,resume,mutation} past/{http,websocket}/{small,list})}
orderwire=$(realpath -m "${BINARY:-$root/target/dist/orderwire}")
invoices=$(realpath "${INVOICES:-$root/data/online-retail-sample.csv.gz}")
for engine in $engines; do
  case $engine in mongodb | sqlite) ;; *) fail "no engine $engine" ;; esac
done
[ -x "$orderwire" ] || fail "no $orderwire: cargo build --profile dist"
[ -r "$invoices" ] || fail "cannot read $invoices"
[ ! -w /dev/shm ] || export TMPDIR=${TMPDIR:-/dev/shm}
if [[ " $engines " == *' mongodb '* ]] && [ -z "${ORDERWIRE_TEST_MONGODB_URL-}" ]; then
  exec "$root/scripts/services" run "$root/benches/run-flood.sh"
fi

make_temporary

# as_orderwire COMMAND…: with the settings of the benchmark, in a folder without an orderwire.toml. Takes the place of the
# shell, which must be a subshell.
as_orderwire() {
  cd "$temporary"
  export ORDERWIRE_ENV=production LOG_LEVEL=${LOG_LEVEL:-warn} METRICS_BIND=off BIND=127.0.0.1:$port JWT_SECRET=$secret \
    ORDERWIRE_AUTH_ACCESS_TOKEN_LIFETIME=2h
  use_engine "$engine" orderwire_flood
  exec "$@"
}

# start: a server of $engine with the data, and what is sent to it. The clients' addresses are those that the generators give.
start() {
  local settings=(--set server.trusted_proxies=127.0.0.0/8) setting
  for setting in ${SETTINGS-}; do settings+=(--set "$setting"); done
  port=$(python3 "$root/scripts/lib/probe.py" free-ports 1)
  note "$("$orderwire" --version), $engine"
  (as_orderwire "$orderwire" import online-retail "$invoices" --stock 1000000 --rejects rejects.csv) >"$temporary/import.log" \
    2>&1 || { cat "$temporary/import.log" >&2; fail "cannot import $invoices"; }
  as_orderwire "${die_with_parent[@]}" "$orderwire" serve "${settings[@]}" >"$temporary/orderwire.log" 2>&1 &
  pids[server]=$!
  url=http://127.0.0.1:$port/graphql
  ready orderwire "http://127.0.0.1:$port/readyz"
  node "$root/benches/flood-prepare.mjs" "$temporary" "$url" >&2
  politely 1 warm-up >/dev/null
}

stop() {
  stop_named server
  # With log and imports, for the next engine.
  rm -rf "$temporary"/orderwire*
}

# cpu_ticks: the time that other machines of the same host took from this one, and all time, in ticks.
cpu_ticks() { awk '/^cpu / { for (field = 2; field <= 9; field++) all += $field; print $9, all }' /proc/stat; }

# politely SECONDS NAME: the polite user: 160 requests/s, half of them orders. Prints the round as JSON.
politely() {
  local stolen all stolen_then all_then
  read -r stolen all < <(cpu_ticks)
  as_polite_user "$@" >"$temporary/round.json"
  read -r stolen_then all_then < <(cpu_ticks)
  jq -c --argjson stolen $((stolen_then - stolen)) --argjson all $((all_then - all + 1)) \
    '. + { stolenPercent: (100 * $stolen / $all) }' "$temporary/round.json"
}

as_polite_user() {
  "$root/target/benches/release/orderwire-mix" --url "$url" --workload "$temporary/polite.json" --connections 4 \
    --every-ms 25 --seconds "$1" --name "$2" 2>>"$temporary/polite.log" || {
    tail -n 20 "$temporary"/*.log >&2
    fail "$engine could not be measured"
  }
}

# flooded MODE/TRANSPORT/KIND: one round of calm and one of a flood, which begins before the measurement and ends after it.
flooded() {
  local mode transport kind lead=0.4
  IFS=/ read -r mode transport kind <<<"$1"
  politely "$calm" calm | jq -c --arg engine "$engine" '{ $engine, polite: . }' >>"$results"
  # A flood past the limits has used up what they allow at first.
  [ "$mode" = allowed ] || lead=2
  # Limits by address hold for each flood anew.
  address=$((address + 1))
  node --experimental-websocket --no-warnings "$root/benches/flood.mjs" "$temporary" "$url" "$kind" "$transport" "$mode" \
    "$(awk -v seconds="$seconds" -v lead="$lead" 'BEGIN { print seconds + lead + 0.2 }')" "203.0.113.$address" >"$temporary/flood.json.new" &
  pids[flood]=$!
  sleep "$lead"
  politely "$seconds" "$1" >"$temporary/polite.json.new"
  wait "${pids[flood]}" || fail "the flood $1 ended early"
  unset 'pids[flood]'
  jq -c --arg engine "$engine" --slurpfile flood "$temporary/flood.json.new" '{ $engine, polite: ., flood: $flood[0] }' \
    "$temporary/polite.json.new" >>"$results"
}

results=$temporary/results.jsonl
secret=$(random_text)
build fanout
read -r load1 _ </proc/loadavg
for engine in $engines; do
  address=0
  start
  for ((round = 0; round < rounds; round++)); do
    for flood in $floods; do flooded "$flood"; done
  done
  stop
done
[ -z "${RESULTS-}" ] || cat "$results" >>"$RESULTS"
echo
echo "$rounds rounds of $seconds s, $(nproc) cores, generators and database included;" \
  "load average before and after: $load1, $(cut -d ' ' -f 1 /proc/loadavg)"
node "$root/benches/flood-summary.mjs" "$results"
