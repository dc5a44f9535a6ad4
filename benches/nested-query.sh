#!/usr/bin/env bash
# Measures the nested query on Orderwire and on the peer, in alternating rounds.
set -euo pipefail

usage="usage: PEER_URL=… ORDERWIRE_URL=… ORDERWIRE_TOKEN=… benches/nested-query.sh
  without ORDERWIRE_URL only the peer is measured
  ORDERWIRE_PID PEER_PID MONGOD_PID   processes whose CPU time and peak memory to report
  ROUNDS (3) SECONDS_EACH (10) WARMUP (8) CONCURRENCY (16)"

: "${PEER_URL:?$usage}"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
rounds=${ROUNDS:-3} seconds=${SECONDS_EACH:-10} warmup=${WARMUP:-8} concurrency=${CONCURRENCY:-16}
command -v wrk >/dev/null || { echo "error: wrk is missing: apt-get install wrk" >&2; exit 1; }
tick=$(getconf CLK_TCK)
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
trap 'exit 130' INT TERM HUP
export BODY_FILE=$temporary/body.json

# family PID: the process and its children.
family() { [ -z "$1" ] || { echo "$1"; pgrep -P "$1" || true; }; }

# cpu PID: clock ticks its family has used; nothing without a PID.
cpu() {
  local pid sum=0 fields
  [ -n "$1" ] || return 0
  for pid in $(family "$1"); do
    fields=$(cat "/proc/$pid/stat")
    read -r -a fields <<<"${fields##*) }"
    sum=$((sum + fields[11] + fields[12]))
  done
  echo "$sum"
}

reset_peak() { local pid; for pid in $(family "$1"); do echo 5 >"/proc/$pid/clear_refs"; done; }
peak_kib() {
  local pid
  [ -n "$1" ] || return 0
  for pid in $(family "$1"); do cat "/proc/$pid/status"; done | awk '/^VmHWM/ { sum += $2 } END { print sum }'
}

# load URL TOKEN SECONDS: the figures of nested-query.lua.
load() {
  TOKEN=$2 timeout $(($3 + 30)) wrk -t1 -c"$concurrency" -d"$3s" --timeout 10s -s "$here/nested-query.lua" "$1" |
    sed -n 's/^RESULT\t//p'
}

# measure NAME URL TOKEN PID: one round, one line for the summary.
measure() {
  local requests time p50 p99 failed bytes server mongod peak
  reset_peak "$4"
  server=$(cpu "$4") mongod=$(cpu "${MONGOD_PID-}")
  read -r requests time p50 p99 failed bytes <<<"$(load "$2" "$3" "$seconds")"
  : "${requests:?no answer from wrk}"
  server=$(per_thousand "$(cpu "$4")" "$server" "$requests")
  mongod=$(per_thousand "$(cpu "${MONGOD_PID-}")" "$mongod" "$requests")
  peak=$(peak_kib "$4")
  awk -v OFS='\t' -v n="$requests" -v t="$time" -v peak="$peak" \
    -v rest="$p50 $p99 $server $mongod" -v end="$bytes $failed" -v name="$1" 'BEGIN {
      split(rest, a, " "); split(end, b, " ")
      print name, n / t, a[1], a[2], a[3], a[4], peak == "" ? "-" : peak / 1024, b[1], b[2]
    }' | tee -a "$temporary/rounds" >&2
}

# per_thousand TICKS_AFTER TICKS_BEFORE REQUESTS: CPU seconds for 1,000 requests.
per_thousand() {
  [ -n "$1" ] || { echo -; return; }
  awk -v ticks="$(($1 - $2))" -v tick="$tick" -v n="$3" 'BEGIN { print n ? ticks / tick / n * 1000 : "-" }'
}

read -r load1 load5 _ </proc/loadavg
node "$here/nested-check.mjs" "$BODY_FILE"
[ -z "${ORDERWIRE_URL-}" ] || load "$ORDERWIRE_URL" "${ORDERWIRE_TOKEN-}" "$warmup" >/dev/null
load "$PEER_URL" "" "$warmup" >/dev/null
for ((round = 0; round < rounds; round++)); do
  [ -z "${ORDERWIRE_URL-}" ] || measure orderwire "$ORDERWIRE_URL" "${ORDERWIRE_TOKEN-}" "${ORDERWIRE_PID-}"
  measure peer "$PEER_URL" "" "${PEER_PID-}"
done
echo
echo "$concurrency connections, $rounds rounds of $seconds s each, $(nproc) cores; load average at the start: $load1 $load5"
node "$here/nested-summary.mjs" "$temporary/rounds"
