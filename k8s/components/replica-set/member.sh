#!/bin/bash
# Runs a member of the replica set and, beside it, set.js until the member is in the set. The pod
# becomes ready when its member is in the set; a rolling update waits for that before it ends the
# next pod.
set -eu
rm -f /tmp/in-set
# The key is copied, because mongod refuses a key file that its group may read.
install -m 0400 /run/secrets/members/key /tmp/key
join() {
  # set.js connects by loopback, where mongod lets anybody create the first user
  until HOME=/tmp mongosh --quiet --norc "mongodb://localhost:27017/?directConnection=true${TLS_OPTIONS:-}" /etc/fog/set.js; do sleep 2; done
  touch /tmp/in-set
}
join &
exec docker-entrypoint.sh mongod --replSet fog --keyFile /tmp/key --bind_ip_all "$@"
