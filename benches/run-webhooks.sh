#!/usr/bin/env bash
# The benchmark of webhooks and brokers: how many deliveries a second 20 webhooks get, how long they lag behind the commit, and what
# they cost `placeOrder`: 20 webhooks that are sent each order, and 20 of a kind that orders do not make, against none; and 20
# webhooks with RabbitMQ and Kafka against neither.
set -euo pipefail

usage="usage: benches/run-webhooks.sh
  needs target/dist/orderwire (cargo build --profile dist); BINARY names another one
  ENGINES   of 'sqlite mongodb' (MongoDB with Redis), which is the default
  PARTS     of 'busy calm lag backlog brokers relays', of which the first four are the default:
              busy      orders of 8 buyers, each after the answer to the one before
              calm      160 orders a second
              lag       RATE orders a second, from the time stamp of an event to its arrival at each of 20 webhooks
              backlog   deliveries a second of BACKLOG seconds of orders, when nothing else happens
              brokers   25 orders a second, with 20 webhooks that are sent each and both brokers, and without any of these;
                        needs a program with the feature kafka, the brokers of scripts/services, and npm ci in tests/clients
              relays    events a second that each broker gets of BACKLOG seconds of orders, when nothing else happens
  ROUNDS (3)   SECONDS_EACH (4)   RATE (20)   BACKLOG (1)
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
engines=${ENGINES:-sqlite mongodb} parts=${PARTS:-busy calm lag backlog} rounds=${ROUNDS:-3} seconds=${SECONDS_EACH:-4}
rate=${RATE:-20} backlog=${BACKLOG:-1}
orderwire=$(realpath -m "${BINARY:-$root/target/dist/orderwire}")
invoices=$(realpath "${INVOICES:-$root/data/online-retail-sample.csv.gz}")
for engine in $engines; do
  case $engine in mongodb | sqlite) ;; *) fail "no engine $engine" ;; esac
done
for part in $parts; do
  case $part in busy | calm | lag | backlog | brokers | relays) ;; *) fail "no part $part" ;; esac
done
[ -x "$orderwire" ] || fail "no $orderwire: cargo build --profile dist"
[ -r "$invoices" ] || fail "cannot read $invoices"
[ ! -w /dev/shm ] || export TMPDIR=${TMPDIR:-/dev/shm}
if [[ " $engines $parts " == *' '@(mongodb|brokers|relays)' '* ]] && [ -z "${ORDERWIRE_TEST_MONGODB_URL-}" ]; then
  exec "$root/scripts/services" run "$root/benches/run-webhooks.sh"
fi

make_temporary
email=admin@example.com
ADMIN_PASSWORD=$(random_text) JWT_SECRET=$(random_text)
# Rate limits are off; passwords are hashed lightly, because sign-in is not measured.
export ADMIN_PASSWORD JWT_SECRET STAFF_PASSWORD=$ADMIN_PASSWORD ORDERWIRE_ENV=production LOG_LEVEL=${LOG_LEVEL:-warn} \
  METRICS_BIND=off ORDERWIRE_AUTH_PASSWORD_MEMORY=64 ORDERWIRE_AUTH_PASSWORD_PASSES=1 \
  ORDERWIRE_AUTH_ACCESS_TOKEN_LIFETIME=2h ORDERWIRE_WEBHOOKS_ALLOWED_NETWORKS=127.0.0.0/8
ORDERWIRE_WEBHOOKS_ENCRYPTION_KEYS=bench:$(head -c 32 /dev/urandom | base64 -w0)
export ORDERWIRE_WEBHOOKS_ENCRYPTION_KEYS
for limit in REQUESTS_PER_ADDRESS ANONYMOUS_COST CUSTOMER_COST STAFF_COST ADMIN_COST SIGN_INS_PER_ADDRESS; do
  export "ORDERWIRE_RATE_LIMITS_$limit=off"
done

# as_orderwire COMMAND…: in a folder without an orderwire.toml. Takes the place of the shell, which must be a subshell.
as_orderwire() {
  cd "$temporary"
  export BIND=127.0.0.1:$port
  use_engine "$engine" orderwire_webhooks
  exec "$@"
}

# serve SETTING…: starts a server of $engine.
serve() {
  local settings=() setting
  for setting in ${SETTINGS-} "$@"; do settings+=(--set "$setting"); done
  as_orderwire "${die_with_parent[@]}" "$orderwire" serve "${settings[@]}" >>"$temporary/orderwire.log" 2>&1 &
  pids[server]=$!
  ready orderwire "http://127.0.0.1:$port/readyz"
}

# start: a server of $engine with the data, the receivers, and what is sent to it.
start() {
  read -r port receivers <<<"$(python3 "$root/scripts/lib/probe.py" free-ports 2)"
  note "$("$orderwire" --version), $engine"
  (as_orderwire "$orderwire" import online-retail "$invoices" --stock 1000000 --rejects rejects.csv) >"$temporary/import.log" \
    2>&1 || { cat "$temporary/import.log" >&2; fail "cannot import $invoices"; }
  (as_orderwire "$orderwire" user create --email "$email" --name Admin --role admin --password-stdin) \
    <<<"$ADMIN_PASSWORD" >/dev/null
  serve
  "${die_with_parent[@]}" node "$root/benches/webhooks-receive.mjs" "$receivers" &
  pids[receivers]=$!
  url=http://127.0.0.1:$port/graphql
  ready orderwire "http://127.0.0.1:$receivers/"
  USERS=8 node "$root/benches/scale-prepare.mjs" "$temporary" "$url" "$email"
  orders 1 8 >/dev/null
}

stop() {
  stop_named server
  stop_named receivers
  # With log and imports, for the next engine.
  rm -rf "$temporary"/orderwire*
}

# webhooks none|KIND [AFTER]: replaces all webhooks. Prints where the event log stands.
webhooks() { node "$root/benches/webhooks-set.mjs" "$url" "$email" "$receivers" "$@"; }

# tally: what the receivers have got since the last call.
tally() { python3 -c 'import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())' "http://127.0.0.1:$receivers/"; }

# orders SECONDS BUYERS OPTION…: places orders and prints the round as JSON.
orders() {
  local options=()
  [ "$engine" = sqlite ] || options=(--database-pid "$mongod_pid")
  "$root/target/benches/release/orderwire-mix" --url "$url" --workload "$temporary/orderwire.json" --connections "$2" \
    --seconds "$1" --name orders --server-pid "${pids[server]}" "${options[@]}" "${@:3}" 2>>"$temporary/orders.log" || {
    tail -n 20 "$temporary"/*.log >&2
    fail "$engine could not be measured"
  }
}

# record PART NAME: adds a round of JSON, from standard input, to the results.
record() {
  jq -c --arg engine "$engine" --arg part "$1" --arg name "$2" --argjson round "$round" \
    '. + { $engine, $part, $name, $round }' >>"$results"
}

# cost PART OPTION…: orders without webhooks, with idle ones, and with those that are sent each order, in turn.
cost() {
  local kind
  for kind in $(rotated none TASK_CREATED ORDER_PLACED); do
    webhooks "$kind" >/dev/null
    orders "$seconds" 8 "${@:2}" | record "$1" "$(label "$kind")"
  done
  webhooks none >/dev/null
}

label() {
  case $1 in none) echo 'no webhooks' ;; TASK_CREATED) echo '20 of another kind' ;; *) echo '20 of each order' ;; esac
}

# rotated WORD…: beginning with another word in each round.
rotated() {
  local by=$((round % $#))
  echo "${@:by+1}" "${@:1:by}"
}

measure_busy() { cost busy; }
measure_calm() { cost calm --every-ms 50; }

measure_lag() {
  webhooks ORDER_PLACED >/dev/null
  orders 0.5 1 --every-ms "$((1000 / rate))" >/dev/null
  tally >/dev/null
  local placed
  placed=$(orders "$seconds" 1 --every-ms "$((1000 / rate))" | jq .requests)
  sleep 0.5
  tally | jq --argjson wanted "$((placed * 20))" '. + { $wanted, perSecond: (.deliveries / .seconds) }' |
    record lag "$rate orders/s to 20"
  webhooks none >/dev/null
}

measure_backlog() {
  local after placed
  after=$(webhooks none)
  placed=$(orders "$backlog" 8 | jq .requests)
  tally >/dev/null
  webhooks ORDER_PLACED "$after" >/dev/null
  node "$root/benches/webhooks-drain.mjs" "$receivers" "$((placed * 20))" 60 | record backlog 'a backlog to 20'
  webhooks none >/dev/null
}

# start_brokers: RabbitMQ and Kafka, and relays, the settings of a server that has them.
start_brokers() {
  local rabbitmq kafka
  read -r rabbitmq kafka <<<"$(python3 "$root/scripts/lib/probe.py" free-ports 2)"
  relays=("rabbitmq.url=amqp://guest:guest@127.0.0.1:$rabbitmq" "kafka.brokers=127.0.0.1:$kafka")
  mkdir "$temporary/brokers"
  coproc BROKERS { exec node "$root/benches/webhooks-brokers.mjs" "$temporary/brokers" "$rabbitmq" "$kafka"; }
  pids[brokers]=$BROKERS_PID
  read -r -t 120 <&"${BROKERS[0]}" || fail "the brokers did not start"
}

measure_brokers() {
  local kind with
  for kind in $(rotated none ORDER_PLACED); do
    with=()
    [ "$kind" = none ] || with=("${relays[@]}")
    stop_named server
    serve "${with[@]}"
    webhooks "$kind" >/dev/null
    orders 3 8 --every-ms 320 >/dev/null
    orders "$seconds" 8 --every-ms 320 | record brokers "$(label "$kind")"
    webhooks none >/dev/null
  done
}

measure_relays() {
  local metrics name
  metrics=$(python3 "$root/scripts/lib/probe.py" free-ports 1)
  # They begin where the log ends when a server has them for the first time.
  stop_named server
  serve "${relays[@]}"
  stop_named server
  serve
  orders "$backlog" 8 >/dev/null
  stop_named server
  METRICS_BIND=127.0.0.1:$metrics serve "${relays[@]}"
  node "$root/benches/webhooks-relayed.mjs" "$metrics" >"$temporary/relayed.jsonl"
  for name in rabbitmq kafka; do
    jq -c --arg name "$name" 'select(.name == $name)' "$temporary/relayed.jsonl" | record relays "$name"
  done
}

results=$temporary/results.jsonl
[ -z "${ORDERWIRE_TEST_MONGODB_URL-}" ] || find_mongod
build fanout
[[ " $parts " != *' '@(brokers|relays)' '* ]] || start_brokers
read -r load1 _ </proc/loadavg
for engine in $engines; do
  start
  for ((round = 0; round < rounds; round++)); do
    for part in $parts; do "measure_$part"; done
  done
  stop
done
[ -z "${RESULTS-}" ] || cat "$results" >>"$RESULTS"
echo
echo "$rounds rounds of $seconds s, $(nproc) cores, generators, receivers and database included;" \
  "load average before and after: $load1, $(cut -d ' ' -f 1 /proc/loadavg)"
node "$root/benches/webhooks-summary.mjs" "$results"
