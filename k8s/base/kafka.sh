#!/bin/sh
# Formats the volume the first time, then is the broker.
set -eu
/opt/kafka/bin/kafka-storage.sh format --ignore-formatted --cluster-id "$CLUSTER_ID" --config /etc/fog/kafka.properties
# ADVERTISED: what clients elsewhere call it, instead of what the file says
exec /opt/kafka/bin/kafka-server-start.sh /etc/fog/kafka.properties ${ADVERTISED:+--override "advertised.listeners=$ADVERTISED"}
