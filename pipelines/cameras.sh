# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Reads a file of IP cameras for the stage edge. If the file has an error, prints the line and the
# reason, and exits.

declare -a camera_ids=()
declare -A camera_settings=() # of "id/key"

# For each key, an extended regular expression of its values. Values become words of the pipeline's
# command line, so they contain no characters that end a word.
plain='[^[:space:]"'"'"'\!]+'
declare -A camera_keys=(
  [uri]="$plain" [user]="$plain" [password-file]="$plain" [tls-ca-file]="$plain" [transport]='tcp|udp|auto'
  [latency]='[0-9]{1,18}' [timeout]='[0-9]{1,18}' [clock-tolerance]='[0-9]{1,18}'
  [send]='pictures|jpeg|stream' [topic]='[A-Za-z0-9._-]+'
  [encoder]='.+' [rate-options]='.+' [sink-options]='.+'
)

refuse_camera() { # line, reason
  local reason=$2
  # a password in an address isn't printed
  [[ ! $reason =~ ^([^:]*://).*(@.*)$ ]] || reason=${BASH_REMATCH[1]}...${BASH_REMATCH[2]}
  echo "$camera_file:$1: $reason" >&2
  exit 2
}

setting_of() { # id key default
  printf '%s' "${camera_settings[$1/$2]:-$3}"
}

begin_camera() { # line, text in brackets
  [[ $2 =~ ^[A-Za-z0-9_-]{1,64}$ ]] ||
    refuse_camera "$1" "\"$2\" isn't a camera's id: 1 to 64 letters, digits, - and _"
  [[ ! $2 =~ ^(branch-|rate-|sink-|reports$) ]] ||
    refuse_camera "$1" "$2 isn't a camera's id: reports, branch-..., rate-... and sink-... are names of other parts of the pipeline"
  [ -z "${camera_settings[$2/line]:-}" ] ||
    refuse_camera "$1" "the camera $2 is there twice, first in line ${camera_settings[$2/line]}"
  camera_ids+=("$2")
  camera_settings[$2/line]=$1
}

check_uri() { # line, value
  [[ $2 =~ ^rtsps?://[^/@?]+ ]] || refuse_camera "$1" "uri takes rtsp://HOST:PORT/PATH, or rtsps://"
  # any @ is refused, because the part with user and password ends at a / or ? in the password
  [[ $2 != *@* ]] ||
    refuse_camera "$1" "uri holds a user or a password, which lists of processes would show: use user and password-file (an @ in the path is %40)"
  warn_of_password "$1" "$2"
}

# Warns of a password in the address's query. Such an address is no error, because some cameras take
# their password only there.
warn_of_password() { # line, value
  [[ ! ${2,,} =~ [?\&](pass|passw|passwd|password|pwd|token|auth)= ]] ||
    echo "$camera_file:$1: warning: the address seems to hold a password in its query, which lists of processes and logs show: use user and password-file if the camera takes them" >&2
}

check_file() { # line, value
  [ -f "$2" ] || refuse_camera "$1" "there is no file $2"
  [ -r "$2" ] || refuse_camera "$1" "$2 can't be read by the user $EUID"
  [ -s "$2" ] || refuse_camera "$1" "$2 is empty"
}

set_camera() { # line, key, value
  local id
  [ ${#camera_ids[@]} -gt 0 ] || refuse_camera "$1" "$2 comes before the first [CAMERA]"
  id=${camera_ids[-1]}
  [ "$2" != password ] || refuse_camera "$1" "a password belongs into a file of its own, which password-file names"
  [[ -n $2 && -n ${camera_keys[$2]:-} ]] || refuse_camera "$1" "\"$2\" isn't one of: ${!camera_keys[*]}"
  [ -z "${camera_settings[$id/$2]:-}" ] || refuse_camera "$1" "$2 is there twice for $id"
  [ "$2" != uri ] || check_uri "$1" "$3"
  [[ $3 =~ ^(${camera_keys[$2]})$ && ! $3 =~ [[:cntrl:]] ]] || refuse_camera "$1" "$2 doesn't take \"$3\""
  [[ $2 != password-file && $2 != tls-ca-file ]] || check_file "$1" "$3"
  camera_settings[$id/$2]=$3
}

# Checks those settings of a camera that depend on each other.
check_camera() { # id
  local line=${camera_settings[$1/line]} user password
  user=$(setting_of "$1" user '') password=$(setting_of "$1" password-file '')
  [ -n "$(setting_of "$1" uri '')" ] || refuse_camera "$line" "the camera $1 has no uri"
  [ -z "$user" ] || [ -n "$password" ] || refuse_camera "$line" "the camera $1 has a user, but no password-file"
  [ -n "$user" ] || [ -z "$password" ] || refuse_camera "$line" "the camera $1 has a password-file, but no user"
  [ "$(setting_of "$1" send pictures)" = pictures ] || [ -z "$(setting_of "$1" encoder '')" ] ||
    refuse_camera "$line" "the camera $1 has an encoder, which only send=pictures uses"
  [ "$(setting_of "$1" send pictures)" != stream ] || [ -z "$(setting_of "$1" rate-options '')" ] ||
    refuse_camera "$line" "the camera $1 has rate-options, which send=stream doesn't use: its frames need each other"
}

trimmed() {
  local text=${1#"${1%%[![:space:]]*}"}
  printf '%s' "${text%"${text##*[![:space:]]}"}"
}

read_line() { # line, text
  case $2 in
    '' | '#'*) ;;
    '['*']') begin_camera "$1" "${2:1:-1}" ;;
    *=*) set_camera "$1" "$(trimmed "${2%%=*}")" "$(trimmed "${2#*=}")" ;;
    *) refuse_camera "$1" "\"$2\" is neither [CAMERA], nor key=value, nor a # and a comment" ;;
  esac
}

read_cameras() { # file
  local text number=0 id
  camera_file=$1
  if [ ! -f "$1" ] || [ ! -r "$1" ]; then
    echo "CAMERAS: there is no file $1 that can be read." >&2
    exit 2
  fi
  while IFS= read -r text || [ -n "$text" ]; do
    number=$((number + 1))
    read_line "$number" "$(trimmed "${text%$'\r'}")"
  done <"$1"
  [ ${#camera_ids[@]} -gt 0 ] || refuse_camera "$number" "there is no camera in this file"
  for id in "${camera_ids[@]}"; do check_camera "$id"; done
}
