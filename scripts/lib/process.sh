# shellcheck shell=bash disable=SC2034
# Starting, watching and stopping processes. Sourced by scripts/services and scripts/test.

# Programs below fail on a closed standard input, but not on an empty one.
[ -e "/proc/$$/fd/0" ] || exec </dev/null

supervised=  # pid of the command in the foreground, if there is one
signalled=   # name of the first signal caught

# Words before a command that end it when this shell ends, also when this shell is killed.
die_with_parent=()
if command -v setpriv >/dev/null; then die_with_parent=(setpriv --pdeathsig TERM); fi

# Runs a program in the foreground and passes signals to it at once: bash alone would handle a signal only after the
# program's end. Returns the program's exit status.
supervise() {
  local status=0 last=0
  "${die_with_parent[@]}" env --default-signal=INT,QUIT -- "$@" <&0 &
  supervised=$!
  while :; do
    local before=$signalled_count
    wait "$supervised" 2>/dev/null && last=0 || last=$?
    # 127: the interrupted wait had already collected the status.
    [ "$last" -eq 127 ] && [ "$signalled_count" -gt 0 ] || status=$last
    [ "$before" -ne "$signalled_count" ] || break
  done
  supervised=
  return "$status"
}

# Sends INT, TERM and HUP on to the supervised program; without one, ends this shell.
signalled_count=0
forward_signals() {
  trap 'on_signal INT 2' INT
  trap 'on_signal TERM 15' TERM
  trap 'on_signal HUP 1' HUP
}

on_signal() {
  signalled=${signalled:-$1}
  signalled_count=$((signalled_count + 1))
  [ -n "$supervised" ] || exit $((128 + $2))
  # A Ctrl-C at the terminal has reached the whole foreground group, the program included.
  if [ "$1" = INT ] && in_foreground; then return 0; fi
  kill -s "$1" "$supervised" 2>/dev/null || true
}

in_foreground() {
  local group terminal_group
  read -r _ _ _ _ group _ _ terminal_group _ <"/proc/$$/stat"
  [ "$group" = "$terminal_group" ]
}

# stop_process PID [SECONDS]: TERM, then KILL when it has not gone after SECONDS (default 10).
stop_process() {
  local pid=$1 deadline=$((SECONDS + ${2:-10}))
  kill -s TERM "$pid" 2>/dev/null || return 0
  while kill -0 "$pid" 2>/dev/null; do
    if [ "$SECONDS" -ge "$deadline" ]; then
      kill -s KILL "$pid" 2>/dev/null || true
      break
    fi
    sleep 0.05
  done
  wait "$pid" 2>/dev/null || true
}
