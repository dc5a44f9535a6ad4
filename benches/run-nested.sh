#!/usr/bin/env bash
# All of the nested-query benchmark on one mongod: imports the real data into Orderwire and into the peer,
# starts both, checks that they answer alike, and measures them in alternating rounds.
set -euo pipefail

usage="usage: benches/run-nested.sh INVOICES.csv.gz HADOOP_BUGS.csv.gz
  needs wrk and target/dist/orderwire (cargo build --profile dist); BINARY names another one
  ONLY_PEER=1   leaves Orderwire out
  WORKERS (1)   processes of the peer
  PEER_NODE     the peer's node; otherwise the one on the path if it is new enough, else one from PyPI
  ROUNDS SECONDS_EACH WARMUP CONCURRENCY   see nested-query.sh"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib/process.sh
source "$root/scripts/lib/process.sh"
# shellcheck source=scripts/lib/install.sh
source "$root/scripts/lib/install.sh"
# shellcheck source=scripts/lib/bench.sh
source "$root/scripts/lib/bench.sh"

email=benchmark@example.com

[ $# -eq 2 ] || { note "$usage"; exit 2; }
invoices=$(realpath "$1") bugs=$(realpath "$2")
orderwire=$(realpath -m "${BINARY:-$root/target/dist/orderwire}")
[ -r "$invoices" ] || fail "cannot read $invoices"
[ -r "$bugs" ] || fail "cannot read $bugs"
[ -n "${ONLY_PEER-}" ] || [ -x "$orderwire" ] || fail "no $orderwire: cargo build --profile dist"
command -v wrk >/dev/null || fail "wrk is missing: apt-get install wrk"
if [ -z "${ORDERWIRE_TEST_MONGODB_URL-}" ]; then
  exec "$root/scripts/services" run "$root/benches/run-nested.sh" "$invoices" "$bugs"
fi

make_temporary

start_orderwire() {
  # In a folder of its own: no orderwire.toml from elsewhere.
  cd "$temporary"
  export DATABASE_URL BIND JWT_SECRET ORDERWIRE_ENV=production LOG_LEVEL=${LOG_LEVEL:-warn}
  DATABASE_URL=$(database orderwire_bench) BIND=127.0.0.1:$orderwire_port JWT_SECRET=$(random_text)
  password=$(random_text)
  note "$("$orderwire" --version)"
  "$orderwire" user create --email "$email" --name Benchmark --role admin --password-stdin <<<"$password" >&2
  "$orderwire" import online-retail "$invoices" --rejects rejects.csv >&2
  "$orderwire" import jira "$bugs" --created-by "$email" >&2
  "${die_with_parent[@]}" "$orderwire" serve >orderwire.log 2>&1 &
  pids[orderwire]=$!
  unset DATABASE_URL BIND JWT_SECRET ORDERWIRE_ENV LOG_LEVEL
  ready orderwire "http://127.0.0.1:$orderwire_port/readyz"
  TOKEN=$(sign_in) node "$root/benches/seed-tasks.mjs" "$orderwire_url" >&2
}

# Prints a fresh access token: they are short-lived.
sign_in() {
  EMAIL=$email PASSWORD=$password node --input-type=module - "$orderwire_url" <<'END'
const { EMAIL: email, PASSWORD: password } = process.env;
const query = `mutation ($input: LoginInput!) {
  login(input: $input) { session { accessToken } userErrors { code message } }
}`;
const response = await fetch(process.argv[2], {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ query, variables: { input: { email, password } } }),
  signal: AbortSignal.timeout(10_000),
});
const text = await response.text();
const token = JSON.parse(text).data?.login?.session?.accessToken;
if (!token) throw new Error(`cannot sign in: ${text.slice(0, 500)}`);
console.log(token);
END
}

read -r orderwire_port peer_port <<<"$(python3 "$root/scripts/lib/probe.py" free-ports 2)"
orderwire_url=http://127.0.0.1:$orderwire_port/graphql
find_mongod
export MONGOD_PID=$mongod_pid PEER_PID PEER_URL=http://127.0.0.1:$peer_port/graphql

prepare_peer "$invoices" "$bugs"
start_peer "$peer_port"
pids[peer]=$peer_pid PEER_PID=$peer_pid
if [ -n "${ONLY_PEER-}" ]; then
  "$root/benches/nested-query.sh"
else
  start_orderwire
  ORDERWIRE_URL=$orderwire_url ORDERWIRE_PID=${pids[orderwire]} ORDERWIRE_TOKEN=$(sign_in) "$root/benches/nested-query.sh"
fi
