#!/usr/bin/env bash
# The benchmark of placed orders: how many orders a second one or several nodes of Orderwire place on one MongoDB and one
# Redis, of one or several builds, beside a hand-written REST server (benches/peers/rest).
set -euo pipefail

usage="usage: benches/run-scale.sh [MODE] INVOICES.csv.gz NAME=BINARY…
  load      (default) orders a second, latency and CPU time for each order; afterwards stock and event log are checked
  idle      CPU time of nodes on which nothing happens
  latency   from sending an order to the arrival of its update at a subscriber of the same and of another node
  NAME=BINARY     a build of Orderwire and what the table calls it, such as before=../before/target/dist/orderwire;
                  the name 'rest' is the peer's: rest=target/benches/release/orderwire-peer-rest (load only, one process).
                  The first build of Orderwire imports and checks the peer's data
  ROUNDS (3)   SECONDS_EACH (10; idle: 20)   WARMUP (2)
  NODES (1 2 3 6; latency always has 2)   BUYERS (8 64) customers who order at the same time
  ORDERS (latency: 100)
  RESULTS (none)  file to which each round is added as a line of JSON
  TMPDIR          where MongoDB has its files (/dev/shm if there is one: not the disk is measured)"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib/process.sh
source "$root/scripts/lib/process.sh"
# shellcheck source=scripts/lib/install.sh
source "$root/scripts/lib/install.sh"
# shellcheck source=scripts/lib/bench.sh
source "$root/scripts/lib/bench.sh"

case "${1-}" in
load | idle | latency) mode=$1 arguments=("${@:2}") ;;
*) mode=load arguments=("$@") ;;
esac
[ ${#arguments[@]} -ge 2 ] || { note "$usage"; exit 2; }
invoices=$(realpath "${arguments[0]}")
[ -r "$invoices" ] || fail "cannot read $invoices"
builds=() first=
declare -A binaries=()
for build in "${arguments[@]:1}"; do
  name=${build%%=*} binary=$(realpath -m "${build#*=}")
  [[ "$build" == ?*=?* ]] && [ -x "$binary" ] || fail "$build names no program"
  builds+=("$name") binaries[$name]=$binary
  if [ "$name" = rest ]; then [ "$mode" = load ] || fail "rest is measured by load only"; else first=${first:-$name}; fi
done
[ -n "$first" ] || fail "a build of Orderwire is needed, to import the data"
rounds=${ROUNDS:-3} warmup=${WARMUP:-2} buyers=${BUYERS:-8 64} node_counts=${NODES:-1 2 3 6} orders=${ORDERS:-100}
seconds=${SECONDS_EACH:-10}
case $mode in
idle) seconds=${SECONDS_EACH:-20} ;;
latency) node_counts=2 seconds=$((orders / 10)) ;;
esac
if [ -z "${ORDERWIRE_TEST_MONGODB_URL-}" ]; then
  [ ! -w /dev/shm ] || export TMPDIR=${TMPDIR:-/dev/shm}
  exec "$root/scripts/services" run "$root/benches/run-scale.sh" "$mode" "${arguments[@]}"
fi

generators=$root/target/benches/release email=fanout-1@example.com
make_temporary
urls=()

stop_servers() {
  local pid
  for pid in "${pids[@]}"; do stop_process "$pid"; done
  pids=() urls=()
}

# Settings of the servers. Passwords are hashed lightly: sign-in is not measured.
FANOUT_PASSWORD=$(random_text) JWT_SECRET=$(random_text)
export FANOUT_PASSWORD JWT_SECRET STAFF_PASSWORD=$FANOUT_PASSWORD REDIS_URL=$ORDERWIRE_TEST_REDIS_URL \
  ORDERWIRE_ENV=production LOG_LEVEL=${LOG_LEVEL:-warn} METRICS_BIND=off \
  ORDERWIRE_AUTH_PASSWORD_MEMORY=64 ORDERWIRE_AUTH_PASSWORD_PASSES=1 ORDERWIRE_AUTH_ACCESS_TOKEN_LIFETIME=2h
for limit in REQUESTS_PER_ADDRESS ANONYMOUS_COST CUSTOMER_COST STAFF_COST ADMIN_COST SIGN_INS_PER_ADDRESS; do
  export "ORDERWIRE_RATE_LIMITS_$limit=off"
done

# orderwire NAME COMMAND…: a build of Orderwire, in a folder without an orderwire.toml. Takes the place of the shell.
orderwire() {
  cd "$temporary"
  exec "${die_with_parent[@]}" "${binaries[$1]}" "${@:2}"
}

# start_nodes NAME COUNT: starts nodes and sets pids and urls.
start_nodes() {
  local port ports
  read -r -a ports <<<"$(python3 "$root/scripts/lib/probe.py" free-ports "$2")"
  for port in "${ports[@]}"; do
    (BIND=127.0.0.1:$port orderwire "$1" serve >"$temporary/$1-$port.log" 2>&1) &
    pids[${#pids[@]}]=$! urls+=("http://127.0.0.1:$port/graphql")
    ready "$1-$port" "http://127.0.0.1:$port/readyz"
  done
}

start_rest() {
  local port
  port=$(python3 "$root/scripts/lib/probe.py" free-ports 1)
  PORT=$port "${die_with_parent[@]}" "${binaries[rest]}" >"$temporary/rest-$port.log" 2>&1 &
  pids[${#pids[@]}]=$! urls+=("http://127.0.0.1:$port/orders")
  ready "rest-$port" "http://127.0.0.1:$port/healthz"
}

# prepare NAME COUNT: a database of its own with the data and customers, and the servers that are measured.
prepare() {
  local importer=$1
  [ "$1" != rest ] || importer=$first
  DATABASE_URL=$(database "$database_name")
  export DATABASE_URL
  (orderwire "$importer" import online-retail "$invoices" --stock 1000000 --rejects /dev/null) >"$temporary/import.log" \
    2>&1 || { cat "$temporary/import.log" >&2; fail "$importer cannot import $invoices"; }
  (orderwire "$importer" user create --email "$email" --name Staff --role staff --password-stdin) \
    <<<"$STAFF_PASSWORD" >/dev/null
  start_nodes "$importer" "$2"
  USERS=64 node "$root/benches/scale-prepare.mjs" "$temporary" "${urls[0]}" "$email"
  [ "$1" != rest ] || { stop_servers && start_rest; }
}

# discard: stops the servers and deletes their database.
discard() {
  stop_servers
  python3 "$root/scripts/lib/probe.py" mongo-drop "$mongod_port" "$database_name"
}

# generate NAME BUYERS SECONDS LABEL: places orders and prints the round as JSON. Takes the place of the shell.
generate() {
  local workload=orderwire options=() at
  [ "$1" != rest ] || workload=rest
  for at in "${!pids[@]}"; do options+=(--url "${urls[at]}" --server-pid "${pids[$at]}"); done
  exec "$generators/orderwire-mix" --workload "$temporary/$workload.json" --connections "$2" --seconds "$3" \
    --name "$4" --database-pid "$mongod_pid" "${options[@]}"
}

# load NAME NODES: every number of buyers on one database, then the check.
load() {
  local count asked=$temporary/asked.jsonl
  : >"$asked"
  for count in $buyers; do
    (generate "$1" "$count" "$warmup" "$1, warm-up") >>"$asked" 2>/dev/null || lost "$1"
    (generate "$1" "$count" "$seconds" "$1, $2 nodes, $count buyers") >"$temporary/round.json" || lost "$1"
    cat "$temporary/round.json" >>"$asked"
    jq -c --arg build "$1" --arg nodes "$2" --arg buyers "$count" '. + { $build, $nodes, $buyers }' \
      "$temporary/round.json" >>"$results"
  done
  if [ "$1" = rest ]; then
    stop_servers
    start_nodes "$first" 1
    node "$root/benches/scale-check.mjs" "$temporary" "${urls[0]}" "$email" "$asked"
  else
    node "$root/benches/scale-check.mjs" "$temporary" "${urls[-1]}" "$email" "$asked" log
  fi
}

ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"; }

# idle NAME NODES: CPU time of each node, of which nothing is asked.
idle() {
  local before=() at
  sleep "$warmup"
  for at in "${!pids[@]}"; do before[at]=$(ticks "${pids[$at]}"); done
  sleep "$seconds"
  for at in "${!pids[@]}"; do
    jq -nc --arg build "$1" --arg nodes "$2" --arg node "$((at + 1))" --argjson ticks \
      "$(($(ticks "${pids[$at]}") - before[at]))" --argjson whole "$(($(getconf CLK_TCK) * seconds))" \
      '{ $build, $nodes, $node, cpuPercent: ($ticks / $whole * 100) }' >>"$results"
  done
}

# latency NAME NODES: a subscriber of the first node, then one of the second; the orders go to the first.
latency() {
  local subscriber at=0
  for subscriber in 'same node' 'other node'; do
    "$generators/orderwire-fanout" --name "$1, $subscriber" --url "${urls[0]}" --subscribe-at "${urls[at]}" \
      --pid "${pids[$at]}" --users 1 --sockets 1 --events 10 --seconds "$seconds" --warmup "$warmup" --drain 5 \
      >"$temporary/round.json" || lost "$1"
    jq -c --arg build "$1" --arg subscriber "$subscriber" '. + { $build, $subscriber, placed: .events }' \
      "$temporary/round.json" >>"$results"
    at=1
  done
}

# lost NAME: ends the run, with what the servers logged.
lost() {
  tail -n 20 "$temporary"/*-*.log >&2
  fail "$1 could not be measured"
}

results=$temporary/results.jsonl
find_mongod
build fanout
read -r load1 _ </proc/loadavg
for ((round = 0; round < rounds; round++)); do
  for nodes in $node_counts; do
    for name in "${builds[@]}"; do
      # The peer is one process, and measured once a round.
      count=$nodes
      [ "$name" != rest ] || count=1
      [ "$name" != rest ] || [ "$nodes" = "${node_counts%% *}" ] || continue
      database_name=scale_${round}_${nodes}_$name
      prepare "$name" "$count"
      "$mode" "$name" "$count"
      discard
    done
  done
done
[ -z "${RESULTS-}" ] || cat "$results" >>"$RESULTS"
echo
echo "$rounds rounds of $seconds s, $(nproc) cores, generator and database included;" \
  "load average before and after: $load1, $(cut -d ' ' -f 1 /proc/loadavg)"
node "$root/benches/scale-summary.mjs" "$mode" "$results"
