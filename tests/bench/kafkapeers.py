# SPDX-License-Identifier: LGPL-2.1-or-later
"""One Python client of the comparison that tests/bench/kafka makes; the roles and options are bench-kafka's.

kafkapeers.py confluent|kafka-python|pykafka produce|consume --servers … --topic …
"""

import argparse
import json
import random
import resource
import struct
import time

SET_BYTES = 64 << 20
QUEUED_BYTES = 64 << 20  # kafkasink's bound
MESSAGE_MAX = 1000000
CAPS = b"image/jpeg, width=(int)640, height=(int)480, framerate=(fraction)30/1, sof-marker=(int)0"


def headers(number, captured):
    return [
        ("camera", b"cam-1"), ("session", b"9f2c41d0"), ("seq", b"%d" % number), ("capture-time", b"%d" % captured),
        ("gst-caps", CAPS), ("gst-pts", b"%d" % (number * 1000000000 // 30)), ("gst-duration", b"33333333")]


def cpu_now():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Tally:
    def __init__(self, job):
        self.job, self.seen, self.latencies = job, 0, []

    def begin(self):
        self.cpu, self.began = cpu_now(), time.monotonic()

    def end(self):
        self.ended = time.monotonic()
        self.cpu = cpu_now() - self.cpu

    def add(self, value):
        """Counts a message. Returns True at the last message."""
        if len(value) != self.job.size:
            raise SystemExit(f"a message of {len(value)} bytes")
        if self.job.rate and self.seen >= self.job.warm_up:
            self.latencies.append((time.monotonic_ns() - struct.unpack_from("=q", value)[0]) / 1e6)
        self.seen += 1
        if self.seen == self.job.warm_up:
            self.begin()
        if self.seen < self.job.warm_up + self.job.count:
            return False
        self.end()
        return True

    def print(self):
        print(json.dumps({
            "messages": self.job.count, "bytes": self.job.count * self.job.size,
            "seconds": round(self.ended - self.began, 6), "cpu": round(self.cpu, 6), "latencies": self.latencies}))


class Confluent:
    def __init__(self, job):
        import confluent_kafka
        self.job, self.kafka = job, confluent_kafka

    def open(self):
        self.producer = self.kafka.Producer({
            "bootstrap.servers": self.job.servers, "acks": "all", "linger.ms": 0, "message.max.bytes": MESSAGE_MAX,
            "queue.buffering.max.kbytes": QUEUED_BYTES >> 10, "socket.nagle.disable": True})

    def send(self, frame, number):
        captured = time.time_ns()
        while True:
            try:
                self.producer.produce(
                    self.job.topic, frame, partition=number % self.job.partitions, on_delivery=self.delivered,
                    timestamp=captured // 1000000, headers=headers(number, captured))
                break
            except BufferError:
                self.producer.poll(1)
        self.producer.poll(0)

    def delivered(self, error, _message):
        if error:
            raise SystemExit(str(error))

    def wait(self):
        self.producer.flush()

    def consume(self, tally):
        consumer = self.kafka.Consumer({
            "bootstrap.servers": self.job.servers, "group.id": "bench", "enable.auto.commit": False})
        consumer.assign([
            self.kafka.TopicPartition(self.job.topic, n, self.kafka.OFFSET_BEGINNING)
            for n in range(self.job.partitions)])
        while True:
            message = consumer.poll(1)
            if message is None:
                continue
            if message.error():
                raise SystemExit(str(message.error()))
            if tally.add(message.value()):
                return


class KafkaPython:
    def __init__(self, job):
        import kafka
        self.job, self.kafka = job, kafka

    def open(self):
        self.producer = self.kafka.KafkaProducer(
            bootstrap_servers=self.job.servers, acks="all", linger_ms=0, max_request_size=MESSAGE_MAX,
            batch_size=MESSAGE_MAX)  # kafka-python's queue of frames to send has no limit

    def send(self, frame, number):
        captured = time.time_ns()
        self.producer.send(
            self.job.topic, frame, partition=number % self.job.partitions, timestamp_ms=captured // 1000000,
            headers=headers(number, captured)).add_errback(self.failed)

    def failed(self, error):
        raise SystemExit(str(error))

    def wait(self):
        self.producer.flush()

    def consume(self, tally):
        consumer = self.kafka.KafkaConsumer(
            bootstrap_servers=self.job.servers, enable_auto_commit=False, max_partition_fetch_bytes=4 << 20)
        consumer.assign([self.kafka.TopicPartition(self.job.topic, n) for n in range(self.job.partitions)])
        consumer.seek_to_beginning()
        for message in consumer:
            if tally.add(message.value):
                return


class PyKafka:
    def __init__(self, job):
        import pykafka
        self.job = job
        self.client = pykafka.KafkaClient(hosts=job.servers, broker_version="2.0.0")  # a topic doesn't hold it
        self.topic = self.client.topics[job.topic.encode()]

    def open(self):
        self.producer = self.topic.get_producer(
            required_acks=-1, linger_ms=0, max_request_size=MESSAGE_MAX, max_retries=0, delivery_reports=True)

    def send(self, frame, _number):
        self.producer.produce(frame)

    def wait(self):
        while True:
            _message, error = self.producer.get_delivery_report(timeout=10)
            if error:
                raise SystemExit(f"{type(error).__name__}: {error}")
            if not self.producer._delivery_reports.queue.qsize():
                return

    def consume(self, tally):
        from pykafka.common import OffsetType
        consumer = self.topic.get_simple_consumer(auto_offset_reset=OffsetType.EARLIEST, fetch_message_max_bytes=4 << 20)
        for message in consumer:
            if tally.add(message.value):
                return


CLIENTS = {"confluent": Confluent, "kafka-python": KafkaPython, "pykafka": PyKafka}


def send_paced(client, frames, job, first, last):
    start = time.monotonic_ns()
    for number in range(first, last):
        frame = frames[number % len(frames)]
        if job.rate:
            due = start + (number - first) * 1000000000 // job.rate
            time.sleep(max(0, due - time.monotonic_ns()) / 1e9)
            frame = struct.pack("=q", time.monotonic_ns()) + frame[8:]
        client.send(frame, number)


def produce(client, tally, job):
    rand = random.Random(1)
    frames = [rand.randbytes(job.size) for _ in range(SET_BYTES // job.size + 1)]
    client.open()
    send_paced(client, frames, job, 0, job.warm_up)
    client.wait()
    tally.begin()
    send_paced(client, frames, job, job.warm_up, job.warm_up + job.count)
    client.wait()
    tally.end()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("client", choices=CLIENTS)
    parser.add_argument("role", choices=["produce", "consume"])
    parser.add_argument("--servers", required=True)
    parser.add_argument("--topic", required=True)
    for name, default in [("size", 60000), ("count", 1000), ("warm-up", 100), ("rate", 0), ("partitions", 10)]:
        parser.add_argument(f"--{name}", type=int, default=default)
    job = parser.parse_args()
    client, tally = CLIENTS[job.client](job), Tally(job)
    if job.role == "produce":
        produce(client, tally, job)
    else:
        client.consume(tally)
    tally.print()


main()
