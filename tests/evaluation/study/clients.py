# SPDX-License-Identifier: LGPL-2.1-or-later
"""The three Python clients of the study behind one interface, each with its own defaults.

A producer's `send` returns False if the client's buffer is full. A frame for which the buffer has no room is discarded, as in
the study.
"""


class Confluent:
    def __init__(self, servers):
        import confluent_kafka
        self.kafka, self.servers = confluent_kafka, servers
        self.delivered = self.failed = 0

    def open_producer(self):
        self.producer = self.kafka.Producer({"bootstrap.servers": self.servers})

    def _on_delivery(self, error, _message):
        if error:
            self.failed += 1
        else:
            self.delivered += 1

    def send(self, topic, value):
        self.producer.poll(0)
        try:
            self.producer.produce(topic, value, on_delivery=self._on_delivery)
        except BufferError:
            return False
        return True

    def flush(self):
        self.producer.flush()

    def open_consumer(self, topic, group):
        self.consumer = self.kafka.Consumer(
            {"bootstrap.servers": self.servers, "group.id": group, "auto.offset.reset": "earliest"})
        self.consumer.subscribe([topic])

    def receive(self):
        """Returns the value of the next message; None if no message came for a moment."""
        message = self.consumer.poll(0.1)
        return message.value() if message and not message.error() else None


class KafkaPython:
    def __init__(self, servers):
        import kafka
        self.kafka, self.servers = kafka, servers
        self.delivered = self.failed = 0

    def open_producer(self):
        self.producer = self.kafka.KafkaProducer(bootstrap_servers=self.servers)

    def _on_delivery(self, _metadata):
        self.delivered += 1

    def _on_failure(self, _error):
        self.failed += 1

    def send(self, topic, value):
        try:
            self.producer.send(topic, value).add_callback(self._on_delivery).add_errback(self._on_failure)
        except self.kafka.errors.KafkaTimeoutError:
            return False
        return True

    def flush(self):
        self.producer.flush()

    def open_consumer(self, topic, group):
        self.consumer = self.kafka.KafkaConsumer(
            topic, bootstrap_servers=self.servers, group_id=group, auto_offset_reset="earliest", consumer_timeout_ms=100)

    def receive(self):
        return next((message.value for message in self.consumer), None)


class PyKafka:
    def __init__(self, servers):
        import pykafka
        self.client = pykafka.KafkaClient(hosts=servers, broker_version="2.0.0")
        self.pykafka, self.delivered, self.failed = pykafka, 0, 0

    def open_producer(self):
        self.producers = {}

    def send(self, topic, value):
        if topic not in self.producers:
            # this producer is synchronous, because the asynchronous one sends only one request
            # every 5 s, with one frame in it
            self.producers[topic] = self.client.topics[topic.encode()].get_sync_producer()
        try:
            self.producers[topic].produce(value)
        except self.pykafka.exceptions.ProducerQueueFullError:
            return False
        # a frame counts as delivered when it is sent, because the client reports only failures, and
        # only when it ends
        self.delivered += 1
        return True

    def flush(self):
        for producer in self.producers.values():
            producer.stop()

    def open_consumer(self, topic, group):
        self.consumer = self.client.topics[topic.encode()].get_balanced_consumer(
            consumer_group=group.encode(), managed=True, consumer_timeout_ms=100, auto_commit_enable=True,
            auto_offset_reset=self.pykafka.common.OffsetType.EARLIEST)

    def receive(self):
        message = self.consumer.consume()
        return message.value if message else None


CLIENTS = {"confluent-kafka-python": Confluent, "kafka-python": KafkaPython, "pykafka": PyKafka}
