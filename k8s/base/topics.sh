#!/bin/sh
# Makes the topics: a partition is the unit of scale, so as many as the largest number of replicas
# at least. Frames are of use for an hour, reports for minutes, events for as long as the cloud may
# be away: a week. Only a segment that is closed can go, so they are closed early; and
# retention.bytes, for each partition, keeps 12 of each from filling a volume of 20 GiB (9 GiB of
# frames, 3 of events, 0.4 of reports).
set -eu
topic() { # name, its settings
  name=$1
  shift
  for setting; do
    shift
    set -- "$@" --config "$setting"
  done
  /opt/kafka/bin/kafka-topics.sh --bootstrap-server "$KAFKA" ${KAFKA_ADMIN_CONFIG:+--command-config "$KAFKA_ADMIN_CONFIG"} \
    --create --if-not-exists --topic "$name" --partitions "${PARTITIONS:-12}" "$@"
}
topic camera retention.ms=3600000 segment.ms=300000 segment.bytes=67108864 retention.bytes=805306368
topic feedback retention.ms=600000 segment.ms=300000 segment.bytes=16777216 retention.bytes=33554432
topic database retention.ms=604800000 segment.ms=86400000 segment.bytes=67108864 retention.bytes=268435456
