#!/usr/bin/env bash
# The benchmark of reads: products, pages of products, customers' orders and a shop's mix of these with placed orders, from
# Orderwire and from servers that do less, over MongoDB. And how reads change when the data grows.
set -euo pipefail

usage="usage: benches/run-reads.sh [MODE]
  reads   (default) Orderwire, Apollo Server, bare async-graphql and a hand-written REST server in alternating rounds
  growth  Orderwire alone, with more and more orders
  cold    a node of Orderwire that has just started beside one that has read everything, without a shared cache and with one;
          WARMUP then warms the other node, and the first SECONDS_EACH (then 1) of the new one are measured
  needs target/dist/orderwire (cargo build --profile dist); BINARY names another one
  SERVERS     reads: of 'orderwire apollo bare rest', which is the default
  WORKLOADS   reads: of 'product page orders mix embedded floor', which is the default; growth, cold: of the first three
                product   product(id), a random one                                         visitors
                page      products(first: 50, after: a random one), by name                 visitors
                orders    the customer's 20 newest orders with lines and products           customers
                mix       80 % product and page, 15 % orders, 5 % placed orders              customers
                embedded  product, from Orderwire with the embedded store                   visitors
                floor     { __typename }, from Orderwire                                    visitors, then customers
  COPIES (3 30 150)  growth: how often the data is imported, with other numbers of orders and customers each time, before
              each measurement: the full set has 18,536 orders
  ROUNDS (3)   SECONDS_EACH (5)   WARMUP (8) of each server and workload
  CONNECTIONS (64)   each that of another customer, with one request at a time
  RESULTS (none) file to which each round is added as a line of JSON
  INVOICES    the data, 'Online Retail' as data/ has a sample of it, which is the default
  SETTINGS    further settings of Orderwire, NAME=VALUE with blanks between
  PEER_NODE   Apollo Server's node; otherwise the one on the path if it is new enough, else one from PyPI
  TMPDIR      where the databases have their files (reads: /dev/shm if there is one: not the disk is measured)"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib/process.sh
source "$root/scripts/lib/process.sh"
# shellcheck source=scripts/lib/install.sh
source "$root/scripts/lib/install.sh"
# shellcheck source=scripts/lib/bench.sh
source "$root/scripts/lib/bench.sh"

mode=${1-reads}
case "$#$mode" in
[01]reads) servers=${SERVERS:-orderwire apollo bare rest} workloads=${WORKLOADS:-product page orders mix embedded floor} ;;
1growth) servers=orderwire workloads=${WORKLOADS:-product page orders} ;;
1cold) servers='alone shared' workloads=${WORKLOADS:-product orders} SECONDS_EACH=${SECONDS_EACH:-1} ;;
*) note "$usage"; exit 2 ;;
esac
rounds=${ROUNDS:-3} seconds=${SECONDS_EACH:-5} warmup=${WARMUP:-8} connections=${CONNECTIONS:-64}
orderwire=$(realpath -m "${BINARY:-$root/target/dist/orderwire}")
invoices=$(realpath "${INVOICES:-$root/data/online-retail-sample.csv.gz}") bugs=$root/data/hadoop-bugs-sample.csv.gz
for server in $servers; do
  case $mode/$server in
  reads/orderwire | reads/apollo | reads/bare | reads/rest | growth/orderwire | cold/alone | cold/shared) ;;
  *) fail "no server $server of $mode" ;;
  esac
done
for workload in $workloads; do
  case $mode/$workload in
  */product | */page | */orders | reads/mix | reads/embedded | reads/floor) ;;
  *) fail "no workload $workload of $mode" ;;
  esac
done
[ -x "$orderwire" ] || fail "no $orderwire: cargo build --profile dist"
[ -r "$invoices" ] || fail "cannot read $invoices"
if [ -z "${ORDERWIRE_TEST_MONGODB_URL-}" ]; then
  [ "$mode" = growth ] || [ ! -w /dev/shm ] || export TMPDIR=${TMPDIR:-/dev/shm}
  exec "$root/scripts/services" run "$root/benches/run-reads.sh" "$mode"
fi

shared_bytes=67108864 visitor=198.18.255.1 email=staff@example.com
declare -A urls=()
make_temporary

# Settings of the servers. The peers have no limits. Passwords are hashed lightly: sign-in is not measured.
JWT_SECRET=$(random_text) STAFF_PASSWORD=$(random_text)
export JWT_SECRET STAFF_PASSWORD CUSTOMERS=$connections ORDERWIRE_ENV=production LOG_LEVEL=${LOG_LEVEL:-warn} METRICS_BIND=off \
  ORDERWIRE_AUTH_PASSWORD_MEMORY=64 ORDERWIRE_AUTH_PASSWORD_PASSES=1 ORDERWIRE_AUTH_ACCESS_TOKEN_LIFETIME=2h
for limit in REQUESTS_PER_ADDRESS ANONYMOUS_COST CUSTOMER_COST STAFF_COST ADMIN_COST SIGN_INS_PER_ADDRESS; do
  export "ORDERWIRE_RATE_LIMITS_$limit=off"
done
settings=()
for setting in ${SETTINGS-}; do settings+=(--set "$setting"); done

free_port() { python3 "$root/scripts/lib/probe.py" free-ports 1; }

# orderwire DATABASE_URL COMMAND…: in a folder without an orderwire.toml. Takes the place of the shell.
orderwire() {
  cd "$temporary"
  DATABASE_URL=$1 exec "${die_with_parent[@]}" "$orderwire" "${@:2}"
}

# import DATABASE_URL FILE
import() {
  (orderwire "$1" import online-retail "$2" --rejects /dev/null) >"$temporary/import.log" 2>&1 || {
    cat "$temporary/import.log" >&2
    fail "cannot import $2"
  }
}

# serve NAME DATABASE_URL: starts a node of Orderwire.
serve() {
  local port
  port=$(free_port)
  (BIND=127.0.0.1:$port orderwire "$2" serve "${settings[@]}" >"$temporary/$1.log" 2>&1) &
  pids[$1]=$! urls[$1]=http://127.0.0.1:$port/graphql
  ready "$1" "http://127.0.0.1:$port/readyz"
}

prepare() { node "$root/benches/reads-prepare.mjs" "$@"; }

start_orderwire() {
  import "$(database orderwire_reads)" "$invoices"
  REDIS_URL=$ORDERWIRE_TEST_REDIS_URL serve orderwire "$(database orderwire_reads)"
  prepare customers "$temporary" orderwire "${urls[orderwire]}" >&2
}

start_embedded() {
  import "sqlite://$temporary/embedded.db" "$invoices"
  serve embedded "sqlite://$temporary/embedded.db"
  prepare customers "$temporary" embedded "${urls[embedded]}" >&2
}

# It has no loader of its own: its data is what Orderwire makes. Each has its own, because what it writes is not in the event
# log.
start_rest() {
  local port
  import "$(database rest_reads)" "$invoices"
  serve rest "$(database rest_reads)"
  prepare customers "$temporary" rest "${urls[rest]}" >&2
  stop_named rest
  port=$(free_port)
  DATABASE_URL=$(database rest_reads) PORT=$port "${die_with_parent[@]}" "$root/target/benches/release/orderwire-peer-rest" \
    >"$temporary/rest.log" 2>&1 &
  pids[rest]=$! urls[rest]=http://127.0.0.1:$port/orders
  ready rest "http://127.0.0.1:$port/healthz"
}

start_apollo() {
  local port
  [ -z "${pids[apollo]-}" ] || return 0
  port=$(free_port)
  prepare_peer "$invoices" "$bugs"
  REDIS_URL=$ORDERWIRE_TEST_REDIS_URL start_peer "$port"
  pids[apollo]=$peer_pid urls[apollo]=http://127.0.0.1:$port/graphql
  prepare customers "$temporary" apollo "${urls[apollo]}" >&2
}

# It has no loader and no sign-in of its own: data and customers are the Apollo peer's.
start_bare() {
  local port
  start_apollo
  port=$(free_port)
  start_bare_peer "$port"
  pids[bare]=$peer_pid urls[bare]=http://127.0.0.1:$port/graphql
  cp "$temporary/apollo-users.json" "$temporary/bare-users.json"
}

# generate SERVER SECONDS OPTION…: prints a round as JSON.
generate() {
  local costs=(--server-pid "${pids[$1]}")
  [ "$1" = embedded ] || costs+=(--database-pid "$mongod_pid")
  "$root/target/benches/release/orderwire-mix" --url "${urls[$1]}" --connections "$connections" --seconds "$2" \
    "${costs[@]}" "${@:3}" || {
    tail -n 20 "$temporary"/*.log >&2
    fail "$1 could not be measured"
  }
}

# measure SECONDS SERVER WORKLOAD: one round, or two of the floor, each a line of JSON.
measure() {
  local options=(--name "$2, $3" --workload "$temporary/$2.json")
  case $3 in
  product | page | embedded) options+=(--only "${3/embedded/product}" --address "$visitor") ;;
  orders) options+=(--only orders) ;;
  floor)
    measure "$1" "$2" floor-visitor
    measure "$1" "$2" floor-customer
    return
    ;;
  floor-visitor) options+=(--only floor --address "$visitor") ;;
  floor-customer) options+=(--only floor) ;;
  esac
  generate "$2" "$1" "${options[@]}" | jq -c --arg server "$2" --arg workload "$3" '. + { $server, $workload }'
}

# each: all servers of a workload, one workload after the other.
each() {
  local workload server
  for workload in $workloads; do
    case $workload in
    embedded) warm_measure embedded embedded ;;
    floor) [ -z "${pids[orderwire]-}" ] || warm_measure orderwire floor ;;
    *) for server in $servers; do warm_measure "$server" "$workload"; done ;;
    esac
  done
}

# warm_measure SERVER WORKLOAD: measured after a warm-up, since what Orderwire keeps in memory lives for a minute only, and the
# other workloads and servers take longer.
warm_measure() {
  measure "$warmup" "$@" >/dev/null
  measure "$seconds" "$@"
}

measure_reads() {
  local server started=$servers named=() round
  build peers/rest
  build peers/bare
  [[ " $workloads " != *' embedded '* ]] || started+=" embedded"
  for server in $started; do
    "start_$server"
    named+=("$server=${urls[$server]}")
  done
  prepare workloads "$temporary" "${named[@]}" >&2
  for ((round = 0; round < rounds; round++)); do each >>"$results"; done
}

# The orders of each copy have other numbers, and other customers.
measure_growth() {
  local url copies imported=0 orders round
  url=$(database orderwire_growth)
  (orderwire "$url" user create --email "$email" --name Staff --role staff --password-stdin) <<<"$STAFF_PASSWORD" >/dev/null
  for copies in ${COPIES:-3 30 150}; do
    while ((imported < copies)); do
      imported=$((imported + 1))
      gzip -dc "$invoices" | sed -E "2,\$ { s/^[0-9]/$imported&/; s/,([0-9]+)(,[^,]*)\$/,$imported\1\2/ }" >"$temporary/invoices.csv"
      import "$url" "$temporary/invoices.csv"
    done
    REDIS_URL=$ORDERWIRE_TEST_REDIS_URL serve orderwire "$url"
    orders=$(prepare growth "$temporary" "${urls[orderwire]}" "$email")
    note "$orders orders"
    mv "$temporary/growth.json" "$temporary/orderwire.json"
    for ((round = 0; round < rounds; round++)); do
      each | jq -c --argjson orders "$orders" '. + { $orders }' >>"$results"
    done
    stop_named orderwire
  done
}

# The new node has its own cache of nothing, and what the other one has left in Redis if it shares a cache.
measure_cold() {
  local url round workload server
  local -A bytes=([alone]=0 [shared]=$shared_bytes)
  url=$(database orderwire_reads)
  ORDERWIRE_CACHE_SHARED_BYTES=$shared_bytes REDIS_URL=$ORDERWIRE_TEST_REDIS_URL start_orderwire
  prepare workloads "$temporary" "orderwire=${urls[orderwire]}" >&2
  for server in $servers; do cp "$temporary/orderwire.json" "$temporary/$server.json"; done
  for ((round = 0; round < rounds; round++)); do
    for workload in $workloads; do
      for server in $servers; do
        measure "$warmup" orderwire "$workload" >/dev/null
        ORDERWIRE_CACHE_SHARED_BYTES=${bytes[$server]} REDIS_URL=$ORDERWIRE_TEST_REDIS_URL serve "$server" "$url"
        measure "$seconds" "$server" "$workload" >>"$results"
        stop_named "$server"
      done
    done
  done
}

results=$temporary/results.jsonl
find_mongod
build fanout
read -r load1 load5 _ </proc/loadavg
"measure_$mode"
[ -z "${RESULTS-}" ] || cat "$results" >>"$RESULTS"
echo
echo "$connections connections, $rounds rounds of $seconds s, $(nproc) cores, generator and database included;" \
  "load average before: $load1 $load5, after: $(cut -d ' ' -f 1 /proc/loadavg)"
node "$root/benches/reads-summary.mjs" "$mode" "$results"
