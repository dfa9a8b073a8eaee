#!/bin/bash
# Runs a member of the replica set and, beside it, set.js until the member is in the set. The pod is
# ready then, and a rolling update ends the next one.
set -eu
rm -f /tmp/in-set
# mongod refuses a key that its group may read
install -m 0400 /run/secrets/members/key /tmp/key
join() {
  # the address is the loopback: there mongod admits a first user before it knows one
  until HOME=/tmp mongosh --quiet --norc "mongodb://localhost:27017/?directConnection=true${TLS_OPTIONS:-}" /etc/fog/set.js; do sleep 2; done
  touch /tmp/in-set
}
join &
exec docker-entrypoint.sh mongod --replSet fog --keyFile /tmp/key --bind_ip_all "$@"
