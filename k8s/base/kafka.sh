#!/bin/sh
# Formats the volume the first time, then runs the broker.
set -eu
# kafka.properties, and what an overlay puts beside it
cat /etc/fog/kafka*.properties >/tmp/kafka.properties
/opt/kafka/bin/kafka-storage.sh format --ignore-formatted --cluster-id "$CLUSTER_ID" --config /tmp/kafka.properties
# ADVERTISED: what clients elsewhere call it, instead of what the file says
exec /opt/kafka/bin/kafka-server-start.sh /tmp/kafka.properties ${ADVERTISED:+--override "advertised.listeners=$ADVERTISED"}
