#!/usr/bin/env bash
# The benchmark of the embedded store's memory: reads a large database whole by lists and searches, at full load.
set -euo pipefail

usage="usage: benches/run-memory.sh INVOICES.csv.gz
  needs target/dist/orderwire (cargo build --profile dist); BINARY names another one
  COPIES (3)  so often the data is imported, with other numbers of orders each time
  CONNECTIONS (32)   SECONDS_EACH (30)
  BUGS      tasks, Jira issues as data/ has a sample of them, which is the default
  SETTINGS  further settings of Orderwire, NAME=VALUE with blanks between"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib/process.sh
source "$root/scripts/lib/process.sh"
# shellcheck source=scripts/lib/install.sh
source "$root/scripts/lib/install.sh"
# shellcheck source=scripts/lib/bench.sh
source "$root/scripts/lib/bench.sh"

[ $# -eq 1 ] || { note "$usage"; exit 2; }
invoices=$(realpath "$1") bugs=$(realpath "${BUGS:-$root/data/hadoop-bugs-sample.csv.gz}")
orderwire=$(realpath -m "${BINARY:-$root/target/dist/orderwire}")
[ -x "$orderwire" ] || fail "no $orderwire: cargo build --profile dist"
make_temporary

email=staff@example.com port=$(python3 "$root/scripts/lib/probe.py" free-ports 1)
STAFF_PASSWORD=$(random_text) JWT_SECRET=$(random_text)
export STAFF_PASSWORD JWT_SECRET ORDERWIRE_ENV=production LOG_LEVEL=warn METRICS_BIND=off BIND=127.0.0.1:$port \
  DATABASE_URL=sqlite://$temporary/orderwire.db ORDERWIRE_RATE_LIMITS_STAFF_COST=off \
  ORDERWIRE_RATE_LIMITS_REQUESTS_PER_ADDRESS=off ORDERWIRE_AUTH_ACCESS_TOKEN_LIFETIME=2h
build fanout
cd "$temporary"
"$orderwire" user create --email "$email" --name Staff --role staff --password-stdin <<<"$STAFF_PASSWORD" >/dev/null
for ((copy = 1; copy <= ${COPIES:-3}; copy++)); do
  gzip -dc "$invoices" | sed "2,\$s/^[0-9]/$copy&/" >invoices.csv
  "$orderwire" import online-retail invoices.csv --rejects /dev/null >&2
done
rm invoices.csv
"$orderwire" import jira "$bugs" --created-by "$email" --rejects /dev/null >&2
settings=()
for setting in ${SETTINGS-}; do settings+=(--set "$setting"); done
"${die_with_parent[@]}" "$orderwire" serve "${settings[@]}" >orderwire.log 2>&1 &
pids[server]=$!
url=http://127.0.0.1:$port/graphql
ready orderwire "http://127.0.0.1:$port/readyz"
node "$root/benches/memory-prepare.mjs" "$temporary" "$url" "$email" >&2

mib() { awk -v field="$1:" '$1 == field { printf "%.0f", $2 / 1024 }' "/proc/${pids[server]}/status"; }
printf 'database: %s MiB; resident memory after the start: %s MiB\n' \
  "$(($(stat -c %s orderwire.db) >> 20))" "$(mib VmRSS)"
"$root/target/benches/release/orderwire-mix" --name whole --url "$url" --workload read.json \
  --connections "${CONNECTIONS:-32}" --seconds "${SECONDS_EACH:-30}" --server-pid "${pids[server]}" >round.json
jq -r '"\(.requests) requests, \(.failed + .refused) of them failed; peak memory: \(.peakKib / 1024 | round) MiB"' round.json
printf 'at the end: %s MiB, of which %s MiB mapped from the file\n' "$(mib VmRSS)" "$(mib RssFile)"
