#!/bin/sh
# Makes the topics: a partition is the unit of scale, so as many as the largest number of replicas at least. Frames and reports are of use
# for minutes, events are kept until the cloud was away for a week.
set -eu
topic() { # name, ms to keep messages
  /opt/kafka/bin/kafka-topics.sh --bootstrap-server "$KAFKA" ${KAFKA_ADMIN_CONFIG:+--command-config "$KAFKA_ADMIN_CONFIG"} \
    --create --if-not-exists --topic "$1" --partitions "${PARTITIONS:-12}" --config "retention.ms=$2"
}
topic camera 3600000
topic feedback 600000
topic database 604800000
