# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Functions of the stages edge, fog and cloud, which source this file.
set -euo pipefail

default_kafka=localhost:9092
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
line=(gst-launch-1.0 -e)
# Without this variable, each killed process leaves a file of libmongoc's counters in /dev/shm, and
# libmongoc prints a warning if an earlier process with the same id has left one.
export MONGOC_DISABLE_SHM=1

# Adds a setting that contains several words, such as `! video/x-raw, …` or `name=value name=value`,
# to the command line.
add_words() {
  local words
  read -ra words <<<"$1"
  line+=(${words[@]+"${words[@]}"})
}

add() {
  line+=("$@")
}

# Adds name=value to the command line, unless the value is the element's default.
add_setting() { # name value default
  [ "$2" = "$3" ] || add "$1=$2"
}

add_kafka() { # element servers
  add "$1"
  add_setting bootstrap-servers "$2" "$default_kafka"
  add_setting config-file "${KAFKA_CONFIG:-}" ""
}

# If this source tree has a build, uses the plugins of the build, with a plugin registry of its own;
# otherwise, the installed plugins are used.
use_build() {
  local build=${GST_FOG_BUILD:-$top/build} plugin
  [ -d "$build/gst-plugins" ] || return 0
  for plugin in "$build"/gst-plugins/*/libgst*.so "$build"/pipelines/scene/libgst*.so; do
    [ -e "$plugin" ] || continue
    GST_PLUGIN_PATH_1_0=${plugin%/*}:${GST_PLUGIN_PATH_1_0:-${GST_PLUGIN_PATH:-}}
  done
  export GST_PLUGIN_PATH_1_0=${GST_PLUGIN_PATH_1_0:-${GST_PLUGIN_PATH:-}}
  export GST_REGISTRY=${GST_REGISTRY:-$build/registry.bin}
}

# Adds the tracer that reports the stage's health and metrics over HTTP.
use_health() {
  [ -z "${HEALTH_PORT:-}" ] || export GST_TRACERS="health(port=$HEALTH_PORT)${GST_TRACERS:+;$GST_TRACERS}"
}

# Runs a program: the one in this source tree's build, or else the installed one.
exec_program() { # arguments: the program's path in the build, then its own arguments
  local found
  use_build
  for found in "${GST_FOG_BUILD:-$top/build}/$1" "/usr/libexec/${1##*/}" "/usr/local/libexec/${1##*/}"; do
    [ ! -x "$found" ] || exec "$found" "${@:2}"
  done
  echo "${1##*/} is not built: tests/setup builds it." >&2
  exit 2
}

quoted() {
  local word
  for word; do
    if [[ $word =~ ^[A-Za-z0-9_./:=,@%+!-]+$ ]]; then printf '%s ' "$word"; else printf '%s ' "${word@Q}"; fi
  done
}

pass_on() { # signal
  signals=$((signals + 1))
  kill -s "$1" "$child" 2>/dev/null || true
}

# Waits for the child and returns its exit code. A signal to this script ends only the command
# `wait`, so `wait` is repeated.
wait_for_child() {
  local before code
  while true; do
    before=$signals
    code=0
    wait "$child" || code=$?
    [ "$signals" != "$before" ] || return "$code"
  done
}

# Restarts the pipeline when it fails, for a machine without an orchestrator, because a message that
# makes each run fail is skipped only after some failed runs.
run_again_and_again() {
  local signals=0 left=$restarts begun child code
  # the pipeline gets a process group of its own, so that Ctrl-C reaches it only once, through this
  # script
  set -m
  trap 'pass_on INT' INT
  trap 'pass_on TERM' TERM
  while true; do
    begun=$SECONDS
    setpriv --pdeathsig KILL -- "${line[@]}" &
    child=$!
    code=0
    wait_for_child || code=$?
    ((SECONDS - begun < 60)) || left=$restarts
    ((code > 0 && signals == 0 && left > 0)) || exit "$code"
    left=$((left - 1))
    echo "The pipeline ended with code $code. Starting again; $left more times if it fails within a minute." >&2
    sleep 1 &
    child=$!
    wait_for_child || true
    ((signals == 0)) || exit "$code"
  done
}

run() {
  local restarts=${RESTARTS:-${default_restarts:-0}}
  [[ $restarts =~ ^[0-9]+$ ]] || {
    echo "RESTARTS is a number of times, not \"$restarts\"." >&2
    exit 2
  }
  [ "$restarts" -gt 0 ] || exec "${line[@]}"
  run_again_and_again
}

usage_or_run() { # arguments of the stage
  local text
  text=$(quoted "${line[@]}")
  case ${1:-} in
    '') ;;
    --print) echo "${text% }" && exit 0 ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
  esac
  command -v "${line[0]}" >/dev/null || {
    echo "${line[0]} is not installed; Debian has it in gstreamer1.0-tools, or run tests/setup." >&2
    exit 1
  }
  use_build
  use_health
  echo "${text% }"
  run
}
