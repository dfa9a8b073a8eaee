# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What the stages edge, fog and cloud share; sourced by them.
set -euo pipefail

default_kafka=localhost:9092
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
line=(gst-launch-1.0 -e)

# The words of a setting that holds several: `! video/x-raw, …`, `name=value name=value`.
add_words() {
  local words
  read -ra words <<<"$1"
  line+=(${words[@]+"${words[@]}"})
}

add() {
  line+=("$@")
}

# name=value if the value is none of the element's own default.
add_setting() { # name value default
  [ "$2" = "$3" ] || add "$1=$2"
}

add_kafka() { # element servers
  add "$1"
  add_setting bootstrap-servers "$2" "$default_kafka"
  add_setting config-file "${KAFKA_CONFIG:-}" ""
}

# A source tree's own plugins and registry, where there is a build; else the installed ones.
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

# What tells of the stage's health, and of its figures, over HTTP.
use_health() {
  [ -z "${HEALTH_PORT:-}" ] || export GST_TRACERS="health(port=$HEALTH_PORT)${GST_TRACERS:+;$GST_TRACERS}"
}

quoted() {
  local word
  for word; do
    if [[ $word =~ ^[A-Za-z0-9_./:=,@%+!-]+$ ]]; then printf '%s ' "$word"; else printf '%s ' "${word@Q}"; fi
  done
}

usage_or_run() { # arguments of the stage
  case ${1:-} in
    '') ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
  esac
  command -v "${line[0]}" >/dev/null || {
    echo "${line[0]} is not installed; Debian has it in gstreamer1.0-tools, or run tests/setup." >&2
    exit 1
  }
  use_build
  use_health
  local text
  text=$(quoted "${line[@]}")
  echo "${text% }"
  exec "${line[@]}"
}
