#!/usr/bin/env bash
# CPU time of the server for each request, of one or several builds of Orderwire side by side.
set -euo pipefail

usage="usage: benches/run-lists.sh INVOICES.csv.gz NAME=BINARY…
  NAME=BINARY   a build and what the table calls it, such as before=../before/target/dist/orderwire after=target/dist/orderwire
  needs wrk
  ENGINE (sqlite)   or mongodb
  ROUNDS (3) SECONDS_EACH (4) CONCURRENCY (8)"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib/process.sh
source "$root/scripts/lib/process.sh"
# shellcheck source=scripts/lib/install.sh
source "$root/scripts/lib/install.sh"
# shellcheck source=scripts/lib/bench.sh
source "$root/scripts/lib/bench.sh"

[ $# -ge 2 ] || { note "$usage"; exit 2; }
command -v wrk >/dev/null || fail "wrk is missing: apt-get install wrk"
engine=${ENGINE:-sqlite}
case $engine in mongodb | sqlite) ;; *) fail "no engine $engine" ;; esac
if [ "$engine" = mongodb ] && [ -z "${ORDERWIRE_TEST_MONGODB_URL-}" ]; then
  exec "$root/scripts/services" run "$root/benches/run-lists.sh" "$@"
fi
invoices=$(realpath "$1")
shift
rounds=${ROUNDS:-3} seconds=${SECONDS_EACH:-4} concurrency=${CONCURRENCY:-8}
tick=$(getconf CLK_TCK)
make_temporary
declare -A urls=()

# The queries: a page of a list, the smallest query, and 20 orders with everything below them.
declare -A queries=(
  [list]='{"query":"{ products(first: 50) { nodes { id sku name price { amount currencyCode } stock } } }"}'
  [small]='{"query":"{ __typename }"}'
  [nested]=$(jq -n --rawfile query "$root/benches/nested-query.graphql" '{ $query, variables: { first: 20 } }')
)
for name in "${!queries[@]}"; do
  cat >"$temporary/$name.lua" <<END
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer " .. os.getenv("TOKEN")
wrk.body = [==[${queries[$name]}]==]
END
done

email=benchmark@example.com password=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
export JWT_SECRET=$password$password ORDERWIRE_ENV=production LOG_LEVEL=warn METRICS_BIND=off \
  ORDERWIRE_RATE_LIMITS_REQUESTS_PER_ADDRESS=off ORDERWIRE_RATE_LIMITS_ADMIN_COST=off
read -r -a ports <<<"$(python3 "$root/scripts/lib/probe.py" free-ports $#)"
cd "$temporary"
for build in "$@"; do
  name=${build%%=*} binary=$(cd "$OLDPWD" && realpath "${build#*=}")
  case $engine in
  sqlite) DATABASE_URL=sqlite://$temporary/$name.db ;;
  mongodb) DATABASE_URL=$(database "lists_$name") ;;
  esac
  export DATABASE_URL BIND=127.0.0.1:${ports[${#pids[@]}]}
  "$binary" import online-retail "$invoices" --rejects /dev/null >/dev/null 2>&1
  "$binary" user create --email "$email" --name Benchmark --role admin --password-stdin <<<"$password" >/dev/null
  "$binary" serve >"$name.log" 2>&1 &
  pids[$name]=$! urls[$name]=http://$BIND/graphql
  ready "$name" "http://$BIND/readyz"
done

cpu() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
sign_in() {
  jq -n --arg email "$email" --arg password "$password" \
    '{ query: "mutation ($i: LoginInput!) { login(input: $i) { session { accessToken } } }", variables: { i: { $email, $password } } }' |
    curl -sf "$1" -H 'content-type: application/json' -d @- | jq -r .data.login.session.accessToken
}

printf 'query\tbuild\trequests\tserver CPU µs\n'
for ((round = 0; round < rounds; round++)); do
  for query in list small nested; do
    for build in "$@"; do
      name=${build%%=*}
      TOKEN=$(sign_in "${urls[$name]}")
      export TOKEN
      before=$(cpu "${pids[$name]}")
      report=$(wrk -t1 -c"$concurrency" -d"${seconds}s" -s "$query.lua" "${urls[$name]}")
      after=$(cpu "${pids[$name]}")
      ! grep -q Non-2xx <<<"$report" || fail "$name refuses $query"
      awk -v query="$query" -v name="$name" -v ticks=$((after - before)) -v tick="$tick" \
        '/requests in/ { printf "%s\t%s\t%d\t%.0f\n", query, name, $1, ticks / tick / $1 * 1e6 }' <<<"$report"
    done
  done
done
