# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sends numbered messages with a plain Kafka client and counts them with another one, without this project's elements."""

import contextlib

import confluent_kafka
import confluent_kafka.admin
from pipeline import wait_until

CAPS = "application/x-test, n=(int)1"


class Feed:
    """Sends messages with a running number in a header, which survives any pipeline."""

    def __init__(self, kafka, topic):
        self.topic, self.sent = topic, 0
        self._producer = kafka.producer(linger_ms=5)

    def send(self, count, size=1000, headers=(), partition=None):
        where = {} if partition is None else {"partition": partition}
        for _ in range(count):
            self._producer.produce(
                self.topic, b"%09d" % self.sent + bytes(size - 9),
                headers=[("number", str(self.sent)), ("gst-caps", CAPS), *headers], **where)
            self.sent += 1
            self._producer.poll(0)
        assert self._producer.flush(120) == 0


class Seen:
    """Returns the numbers of the messages in a topic."""

    def __init__(self, kafka, topic):
        self.counts = {}
        self._consumer = confluent_kafka.Consumer({
            "bootstrap.servers": kafka.bootstrap, "group.id": f"seen-{topic}", "auto.offset.reset": "earliest",
            "topic.metadata.refresh.interval.ms": 1000, "enable.auto.commit": False})
        self._consumer.subscribe([topic])

    def take(self, message):
        number = int(dict(message.headers())["number"])
        self.counts[number] = self.counts.get(number, 0) + 1
        return number

    def poll(self):
        for message in self._consumer.consume(1000, 0.1):
            if message.error() is None:
                self.take(message)
        return len(self.counts)

    def close(self):
        self._consumer.close()


def count(kafka, topic, partitions):
    """Returns the number of messages that the broker has stored in a topic."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "count"})
    ends = [consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, number), 60)[1] for number in range(partitions)]
    consumer.close()
    return sum(ends)


def wait_readable(kafka, topic, partition=0):
    """Waits until readers get all messages of ended transactions. A broker answers a commit or an abort before it writes the
    end marker, and until then it holds the transaction's messages back."""
    where = confluent_kafka.TopicPartition(topic, partition)
    with contextlib.ExitStack() as stack:
        readers = [confluent_kafka.Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "ends", "isolation.level": level})
                   for level in ("read_committed", "read_uncommitted")]
        for reader in readers:
            stack.callback(reader.close)
        wait_until(lambda: len({reader.get_watermark_offsets(where, 60)[1] for reader in readers}) == 1, 60, "the end markers")


def jpegs(launch, tmp_path, count):
    """Returns encoded frames, each as the bytes of a file."""
    assert launch(f"videotestsrc num-buffers={count} ! video/x-raw,width=64,height=48 ! jpegenc ! multifilesink "
                  f"location={tmp_path}/%03d.jpg").wait(120) == 0
    return [path.read_bytes() for path in sorted(tmp_path.glob("*.jpg"))]


def stored(kafka, topic, partition):
    """Returns the messages of a partition, in order."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "all"})
    begin, end = consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, partition), 60)
    consumer.assign([confluent_kafka.TopicPartition(topic, partition, begin)])
    found = consumer.consume(end - begin, 60) if end > begin else []
    consumer.close()
    return found


def seqs(kafka, topic, partition=0):
    """Returns the numbers of the frames in a partition, in order."""
    return [int(dict(message.headers())["seq"]) for message in stored(kafka, topic, partition)]


def values(kafka, topic, partition=0):
    return [message.value() for message in stored(kafka, topic, partition)]


def items(kafka, topic, partition=0):
    """Returns the keys and values in a partition, in order."""
    return [(message.key(), message.value()) for message in stored(kafka, topic, partition)]


def commit(kafka, group, topic, *offsets):
    """Commits an offset of each partition, from the first one on."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group})
    consumer.commit(
        offsets=[confluent_kafka.TopicPartition(topic, *entry) for entry in enumerate(offsets)], asynchronous=False)
    consumer.close()


def alter(kafka, topic, **settings):
    """Replaces the topic's configuration."""
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": kafka.bootstrap})
    resource = confluent_kafka.admin.ConfigResource(
        "topic", topic, {name.replace("_", "."): str(value) for name, value in settings.items()})
    admin.alter_configs([resource])[resource].result(120)
