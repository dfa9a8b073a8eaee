#!/bin/sh
# Succeeds once this broker, since its start, has been an in-sync replica of all its partitions. A
# rolling update waits for this success before it ends the next broker. After the first success the
# script only looks for the file /tmp/in-sync, because each query of Kafka starts a Java process.
set -eu
# The file counts only if it is newer than kafka.properties, which kafka.sh writes at each start.
[ -z "$(find /tmp/in-sync -newer /tmp/kafka.properties 2>/dev/null)" ] || exit 0
export KAFKA_HEAP_OPTS=-Xmx96m
topics=$(/opt/kafka/bin/kafka-topics.sh --bootstrap-server "$ADVERTISED" ${KAFKA_ADMIN_CONFIG:+--command-config "$KAFKA_ADMIN_CONFIG"} --describe)
printf '%s\n' "$topics" | awk -F '\t' -v node="$NODE_ID" '
  function lists(name,   i) {
    for (i = 1; i <= NF; i++) if (index($i, name ": ") == 1) return index("," substr($i, length(name) + 3) ",", "," node ",")
    return 0
  }
  lists("Replicas") && !lists("Isr") { print "not in sync:" $0; behind = 1 }
  END { exit behind }'
touch /tmp/in-sync
