#!/bin/sh
# Creates the topics. A partition is read by one replica, so there are at least as many partitions
# as the largest number of replicas. How long messages are kept is set once, in KEEP_FRAMES,
# KEEP_REPORTS and KEEP_EVENTS (s); events are kept for a week, in case the cloud is away. Kafka
# deletes only closed segments, so segment.ms and segment.bytes close them early. retention.bytes,
# which holds for each partition, keeps 12 partitions of each topic within a volume of 20 GiB (9 GiB
# of frames, 3 of events, 0.4 of reports). REPLICATION is the number of brokers that store each
# message (1).
set -eu
topic() { # name, its settings
  name=$1
  shift
  for setting; do
    shift
    set -- "$@" --config "$setting"
  done
  /opt/kafka/bin/kafka-topics.sh --bootstrap-server "$KAFKA" ${KAFKA_ADMIN_CONFIG:+--command-config "$KAFKA_ADMIN_CONFIG"} \
    --create --if-not-exists --topic "$name" --partitions "${PARTITIONS:-12}" --replication-factor "${REPLICATION:-1}" "$@"
}
topic camera retention.ms=$((${KEEP_FRAMES:-3600} * 1000)) segment.ms=300000 segment.bytes=67108864 retention.bytes=805306368
topic feedback retention.ms=$((${KEEP_REPORTS:-600} * 1000)) segment.ms=300000 segment.bytes=16777216 retention.bytes=33554432
topic database retention.ms=$((${KEEP_EVENTS:-604800} * 1000)) segment.ms=86400000 segment.bytes=67108864 retention.bytes=268435456
