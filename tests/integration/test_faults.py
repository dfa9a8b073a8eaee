# SPDX-License-Identifier: LGPL-2.1-or-later
"""A camera publishes frames and a second pipeline copies them to another topic while the broker fails. No frame is
lost, an idempotent sink sends none twice, both pipelines continue by themselves, and a pipeline that is stopped
during the fault ends in time."""

import collections
import contextlib
import errno
import subprocess
import threading
import time

import confluent_kafka
import confluent_kafka.admin
import kafka_server
import network
import pytest
from pipeline import small_disk, wait_until
from test_frozen import AT_ONCE

FRAMES = "videotestsrc is-live=true pattern=black ! video/x-raw,format=GRAY8,width=32,height=32,framerate=50/1"


def identity(message):
    headers = dict(message.headers())
    return headers["session"], int(headers["seq"])


def partitions_of(client, topic):
    """Returns the partitions of a topic, each at its first offset. Waits for them, because a broker of several may not know
    a new topic yet, although another one knows it."""
    numbers = wait_until(lambda: client.list_topics(topic, 30).topics[topic].partitions, 60, f"partitions of {topic}")
    return [confluent_kafka.TopicPartition(topic, number, 0) for number in numbers]


class Reader:
    """Counts the messages of a topic on a thread of its own, from the first message on."""

    def __init__(self, kafka, topic):
        self.counts, self.newest = collections.Counter(), 0
        self._ended = threading.Event()
        self._consumer = confluent_kafka.Consumer({
            "bootstrap.servers": kafka.bootstrap, "group.id": f"reader-{topic}", "enable.auto.commit": False,
            "topic.metadata.refresh.interval.ms": 1000, "reconnect.backoff.max.ms": 500, "log_level": 0})
        self._consumer.assign(partitions_of(self._consumer, topic))  # reads without a group, because a group would need time to recover
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ended.is_set():
            for message in self._consumer.consume(1000, 0.1):
                if not message.error():
                    self.counts[identity(message)] += 1
                    self.newest = max(self.newest, message.timestamp()[1])

    def close(self):
        self._ended.set()
        self._thread.join()
        self._consumer.close()


def whole_topic(kafka, topic):
    """Returns how often each message is in a topic to which nobody writes any more."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": f"whole-{topic}"})
    partitions = partitions_of(consumer, topic)
    left = sum(high - low for low, high in (consumer.get_watermark_offsets(one, 30) for one in partitions))
    consumer.assign(partitions)
    counts, deadline = collections.Counter(), time.monotonic() + 240
    while counts.total() < left:
        assert time.monotonic() < deadline, f"{counts.total()} of {left} messages read"
        counts.update(identity(message) for message in consumer.consume(1000, 1) if not message.error())
    consumer.close()
    return counts


class Stream:
    """Two pipelines: a camera that publishes frames to one topic, and a copier that copies this topic to another one."""

    def __init__(self, kafka, name, launch, partitions=4, config=()):
        self.kafka, self.name, self.out = kafka, name, f"{name}-out"
        for one in (self.name, self.out):
            kafka.create_topic(one, partitions, config=config)
        self._launch = launch
        self.reader = Reader(kafka, self.out)
        self.camera, self.copier = self._pair(self.name, self.out, "-e")

    def _pair(self, topic, out, options):
        servers = f"bootstrap-servers={self.kafka.bootstrap}"
        sink = f"kafkasink enable-idempotence=true {servers}"
        return (
            self._launch(f"{FRAMES} ! {sink} topic={topic}", options=options),
            self._launch(
                f"kafkasrc {servers} topic={topic} group-id={topic} auto-offset-reset=earliest ! queue ! {sink} "
                f"topic={out}", options=options))

    @contextlib.contextmanager
    def bystanders(self):
        """Runs two more pipelines before the fault, and stops them during the fault, without time to drain."""
        copies = f"{self.name}-aside-out"
        pair = self._pair(f"{self.name}-aside", copies, "")
        wait_until(lambda: filled_partitions(self.kafka, copies), 60, "the bystanders' copies")
        yield pair
        began = time.monotonic()
        for one in pair:
            one.signal(2)
        for one in pair:
            one.wait(AT_ONCE)
            assert "Freeing pipeline" in one.output()
        print(f"stopped during the fault within {time.monotonic() - began:.2f} s")

    def wait_flow(self, timeout=60):
        """Waits until a frame captured after this call has been copied, and returns how long that took, in s."""
        began, since = time.monotonic(), time.time() * 1000
        wait_until(lambda: self.reader.newest > since or not self.alive(), timeout, "a frame captured after it")
        assert self.alive(), self.camera.output() + self.copier.output()
        return time.monotonic() - began

    def alive(self):
        return self.camera.running() and self.copier.running()

    def end(self, after=-1):
        """Ends the camera, which first sends its queued frames, and waits until the copier has copied all frames after the
        given number."""
        self.camera.interrupt()
        sent = whole_topic(self.kafka, self.name)
        sent = collections.Counter({frame: times for frame, times in sent.items() if frame[1] > after})
        wait_until(lambda: sent.keys() <= self.reader.counts.keys(), 60, "the copies")
        self.copier.interrupt()
        self.reader.close()
        return sent

    def check(self):
        sent = self.end()
        numbers = sorted(number for _, number in sent)
        assert numbers == list(range(len(numbers))), "frames were lost"
        assert max(sent.values()) == 1, f"{sent.total() - len(sent)} frames were sent twice"
        copies = whole_topic(self.kafka, self.out)
        assert sent.keys() <= copies.keys(), "copies were lost"
        print(f"{len(numbers)} frames, {copies.total() - len(copies)} of them copied twice")


def filled_partitions(kafka, topic):
    consumer = confluent_kafka.Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "filled", "log_level": 0})
    try:
        return sum(consumer.get_watermark_offsets(one, 10)[1] > 0 for one in partitions_of(consumer, topic))
    except confluent_kafka.KafkaException:  # leaders are being chosen
        return 0
    finally:
        consumer.close()


def fail_and_recover(stream, fail, mend, seconds):
    """Causes a fault of `seconds` and repairs it: the camera and the copier have to continue after the fault, and two more
    pipelines are stopped during it."""
    stream.wait_flow()
    with stream.bystanders():
        fail()
        time.sleep(seconds)
    mend()
    took = stream.wait_flow()
    print(f"frames flow again {took:.2f} s after a fault of {seconds} s and of the time to stop two pipelines during it")
    stream.check()


@pytest.fixture(scope="module")
def own_kafka(tmp_path_factory):
    """A broker that only this file's tests use, so that they may kill and freeze it."""
    with kafka_server.Kafka(tmp_path_factory.mktemp("faults")) as server:
        yield server


@pytest.fixture
def stream(own_kafka, fresh, launch):
    one = Stream(own_kafka, fresh, launch)
    yield one
    one.reader.close()


def test_broker_killed(own_kafka, stream):
    fail_and_recover(stream, own_kafka.processes[0].kill, lambda: own_kafka.start_node(1), 3)


def test_broker_frozen(own_kafka, stream, long):
    broker = own_kafka.processes[0]
    try:
        fail_and_recover(stream, broker.freeze, broker.thaw, 60 if long else 8)
    finally:
        broker.thaw()


def admin(kafka):
    return confluent_kafka.admin.AdminClient({"bootstrap.servers": kafka.bootstrap})


def first_of_newest(reader, length=8):
    """Returns the oldest of the newest `length` frames; None if a frame is missing between them. Frames go to the
    partitions in turn, so if no frame is missing, all partitions are being read."""
    newest = sorted(number for _, number in list(reader.counts))[-length:]
    return newest[0] if newest[-1] - newest[0] == length - 1 else None


def test_topic_deleted(own_kafka, stream):
    """Messages of a deleted topic are lost on purpose. Until the copier notices that the topic was created again, messages
    of the new topic whose offsets the copier has already passed may be lost too. All messages sent after it has noticed are
    copied."""
    stream.wait_flow()
    client = admin(own_kafka)
    client.delete_topics([stream.name], operation_timeout=30)[stream.name].result(120)
    print(f"frames flow again {stream.wait_flow(90):.2f} s after the topic was deleted")
    sent = stream.end(after=wait_until(lambda: first_of_newest(stream.reader), 60, "frames of all partitions"))
    assert sent
    assert max(sent.values()) == 1
    assert sent.keys() <= whole_topic(own_kafka, stream.out).keys()


def test_more_partitions(own_kafka, stream):
    stream.wait_flow()
    client = admin(own_kafka)
    client.create_partitions([confluent_kafka.admin.NewPartitions(stream.name, 8)])[stream.name].result(120)
    wait_until(lambda: filled_partitions(own_kafka, stream.name) == 8, 60, "frames in every partition")
    stream.wait_flow()
    stream.check()


def fill(path):
    with open(path, "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(1 << 16))
        except OSError as error:
            assert error.errno == errno.ENOSPC


def test_disk_full(tmp_path, fresh, launch):
    """Kafka stops when it can't write its log. When the disk has space again and Kafka is restarted, the camera and the
    copier continue."""
    with small_disk(tmp_path / "disk", "256m") as disk:
        with kafka_server.Kafka(tmp_path / "kafka", properties=[f"log.dirs={disk}/data"]) as kafka:
            stream = Stream(kafka, fresh, launch)

            def fail():
                fill(disk / "filler")
                kafka.processes[0].popen.wait(120)

            def mend():
                (disk / "filler").unlink()
                kafka.start_node(1)

            fail_and_recover(stream, fail, mend, 1)


def test_leader_moved(tmp_path, fresh, launch):
    """Kills the broker that leads the first partition, starts it again, and makes it the leader of its partitions again."""
    with kafka_server.Kafka(tmp_path / "kafka", nodes=3) as kafka:
        stream = Stream(kafka, fresh, launch, config=["min.insync.replicas=2"])
        stream.wait_flow()
        began = leaders(kafka, fresh)
        node = began[0]
        kafka.processes[node - 1].kill()
        print(f"frames flow again {stream.wait_flow():.2f} s after the leader of {began.count(node)} partitions died")
        wait_until(lambda: node not in leaders(kafka, fresh), 60, "other leaders")
        kafka.start_node(node)
        wait_until(lambda: in_sync(kafka, fresh), 60, "replicas in sync")
        kafka_server.tool(
            "org.apache.kafka.tools.LeaderElectionCommand", "--bootstrap-server", kafka.bootstrap, "--election-type",
            "preferred", "--all-topic-partitions")
        wait_until(lambda: leaders(kafka, fresh) == began, 60, "the old leaders")
        print(f"frames flow again {stream.wait_flow():.2f} s after the leaders moved back")
        stream.check()


def described(kafka, topic):
    client = admin(kafka)
    partitions = client.list_topics(topic, 10).topics[topic].partitions
    return [partitions[number] for number in sorted(partitions)]


def leaders(kafka, topic):
    return [partition.leader for partition in described(kafka, topic)]


def in_sync(kafka, topic):
    return all(len(partition.isrs) == len(kafka.processes) for partition in described(kafka, topic))


def test_link_cut(tmp_path, fresh, launch, long):
    """The network drops packets without any answer."""
    with network.Switch() as switch:
        host = switch.host()
        with kafka_server.Kafka(tmp_path / "kafka", hosts=[host]) as kafka:
            fail_and_recover(Stream(kafka, fresh, launch), host.cut, host.mend, 60 if long else 8)
