#!/bin/sh
# Formats the volume the first time, then runs the broker.
set -eu
# appends the properties that an overlay adds to kafka.properties
cat /etc/fog/kafka*.properties >/tmp/kafka.properties
# NODE_ID is this broker's number; only a cluster of several brokers sets it.
[ -z "${NODE_ID:-}" ] || echo "node.id=$NODE_ID" >>/tmp/kafka.properties
/opt/kafka/bin/kafka-storage.sh format --ignore-formatted --cluster-id "$CLUSTER_ID" --config /tmp/kafka.properties
# ADVERTISED is the address that the broker gives to clients, in place of that in kafka.properties.
listener=$(sed -n 's/^inter.broker.listener.name=//p' /tmp/kafka.properties | tail -n 1)
exec /opt/kafka/bin/kafka-server-start.sh /tmp/kafka.properties ${ADVERTISED:+--override "advertised.listeners=$listener://$ADVERTISED"}
