# SPDX-License-Identifier: LGPL-2.1-or-later
"""Creates the topics of the demo's Kafka, reads them from beginning to end, and queries the progress of
consumer groups."""

import time

import confluent_kafka
import confluent_kafka.admin

from stages import DemoError

TIMEOUT = 10


def create(bootstrap, topics):
    """`topics`: name to (partitions, configuration)."""
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": bootstrap})
    wanted = [
        confluent_kafka.admin.NewTopic(name, partitions, 1, config=config)
        for name, (partitions, config) in topics.items()]
    for name, done in admin.create_topics(wanted, operation_timeout=TIMEOUT).items():
        try:
            done.result(2 * TIMEOUT)
        except confluent_kafka.KafkaException as error:
            raise DemoError(f"Kafka did not create the topic {name}: {error.args[0].str()}") from None


def _consumer(bootstrap, group):
    return confluent_kafka.Consumer({
        "bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False, "fetch.wait.max.ms": 100,
        "queued.max.messages.kbytes": 16384, "auto.offset.reset": "earliest"})


class Topic:
    def __init__(self, bootstrap, name, partitions):
        self.name, self.bootstrap = name, bootstrap
        self._consumer = _consumer(bootstrap, "console")
        self._places = [confluent_kafka.TopicPartition(name, n, 0) for n in range(partitions)]
        self._next = dict.fromkeys(range(partitions), 0)
        self._consumer.assign(self._places)

    def read(self, timeout):
        """Returns the messages that have come since the last call."""
        for message in self._consumer.consume(1000, timeout):
            if message.error():
                raise DemoError(f"The topic {self.name} can't be read: {message.error().str()}")
            self._next[message.partition()] = message.offset() + 1
            yield message

    def ends(self):
        """Returns the ends of all partitions, queried as the offsets of the time -1 in one request.
        get_watermark_offsets() isn't used, because it needs one or two requests a partition, and waits
        for ever for a lost answer (librdkafka 2.0.2)."""
        asked = [confluent_kafka.TopicPartition(self.name, place.partition, -1) for place in self._places]
        return {place.partition: place.offset for place in self._consumer.offsets_for_times(asked, TIMEOUT)}

    def unread(self):
        """Returns the number of messages that read() has not returned yet."""
        return sum(max(0, end - self._next[partition]) for partition, end in self.ends().items())

    def unread_by(self, group):
        """Returns the number of messages that the group has not committed yet."""
        asker = _consumer(self.bootstrap, group)
        try:
            committed = {place.partition: max(place.offset, 0) for place in asker.committed(self._places, TIMEOUT)}
        finally:
            asker.close()
        return sum(max(0, end - committed[partition]) for partition, end in self.ends().items())

    def wait_until_read_by(self, group, timeout, meanwhile):
        """Calls `meanwhile` until the group has committed all messages, or the time is over. Returns the
        number of messages that the group has not committed."""
        deadline = time.monotonic() + timeout
        while (unread := self.unread_by(group)) and time.monotonic() < deadline:
            meanwhile()
        return unread

    def close(self):
        self._consumer.close()


def headers(message):
    """Returns the message's headers as a dictionary, without headers that aren't UTF-8."""
    found = {}
    for name, value in message.headers() or ():
        try:
            found[name] = (value or b"").decode()
        except UnicodeDecodeError:
            continue
    return found
