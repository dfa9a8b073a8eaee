# SPDX-License-Identifier: LGPL-2.1-or-later
"""kafkasrc on a real broker: nothing is lost to a kill, a rebalance, a restart; it stops whatever the broker does."""

import os
import random
import re
import signal
import time

import confluent_kafka
import confluent_kafka.admin
import gi
import pytest
from pipeline import environment, wait_until

gi.require_version("Gst", "1.0")
from gi.repository import Gst  # noqa: E402

CAPS = "application/x-test, n=(int)1"


class Feed:
    """Messages with running numbers, in a header that goes with them through any pipeline."""

    def __init__(self, kafka, topic):
        self.topic, self.sent = topic, 0
        self._producer = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 5})

    def send(self, count, size=1000, headers=(), partition=None):
        where = {} if partition is None else {"partition": partition}
        for _ in range(count):
            self._producer.produce(
                self.topic, b"%09d" % self.sent + bytes(size - 9),
                headers=[("number", str(self.sent)), ("gst-caps", CAPS), *headers], **where)
            self.sent += 1
            self._producer.poll(0)
        assert self._producer.flush(30) == 0


class Seen:
    """The numbers that reached a topic."""

    def __init__(self, kafka, topic):
        self.counts = {}
        self._consumer = confluent_kafka.Consumer({
            "bootstrap.servers": kafka.bootstrap, "group.id": f"seen-{topic}", "auto.offset.reset": "earliest",
            "topic.metadata.refresh.interval.ms": 1000, "enable.auto.commit": False})
        self._consumer.subscribe([topic])

    def poll(self):
        for message in self._consumer.consume(1000, 0.1):
            if message.error() is None:
                number = int(dict(message.headers())["number"])
                self.counts[number] = self.counts.get(number, 0) + 1
        return len(self.counts)

    def close(self):
        self._consumer.close()


@pytest.fixture
def topics(kafka, fresh):
    kafka.create_topic(fresh, 4)
    kafka.create_topic(fresh + "-out", 4)
    return fresh


@pytest.fixture
def feed(kafka, topics):
    return Feed(kafka, topics)


@pytest.fixture
def seen(kafka, topics):
    one = Seen(kafka, topics + "-out")
    yield one
    one.close()


def copier(kafka, topic, group="copiers", options="auto-offset-reset=earliest", middle=""):
    return (
        f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={topic} group-id={topic}-{group} {options} ! {middle} "
        f"kafkasink bootstrap-servers={kafka.bootstrap} topic={topic}-out")


def wait_for_all(seen, count, timeout=60):
    wait_until(lambda: seen.poll() >= count, timeout, f"{count} messages")
    assert set(seen.counts) == set(range(count))


def test_kill_replays_and_loses_nothing(kafka, topics, feed, seen, launch):
    chance = random.Random(7)
    feed.send(4000)
    line = copier(
        kafka, topics, middle="identity sleep-time=200 !",
        options="auto-offset-reset=earliest client-properties=c,session.timeout.ms=1500,heartbeat.interval.ms=400")
    for _ in range(6):
        running = launch(line)
        before = seen.poll()
        wait_until(lambda: seen.poll() > before, 30, "progress")  # noqa: B023
        time.sleep(chance.uniform(0, 0.5))
        running.kill()
        feed.send(100)
    assert len(seen.counts) < feed.sent
    last = launch(line)
    wait_for_all(seen, feed.sent)
    last.interrupt()


def test_clean_stop_goes_on_where_it_was(kafka, topics, feed, seen, launch):
    feed.send(500)
    first = launch(copier(kafka, topics))
    wait_for_all(seen, 500)
    first.interrupt()
    feed.send(500)
    second = launch(copier(kafka, topics))
    wait_for_all(seen, 1000)
    second.interrupt()
    assert set(seen.counts.values()) == {1}


def test_rebalance_under_load_loses_nothing(kafka, topics, feed, seen, launch):
    line = copier(kafka, topics, middle="queue !")
    members = [launch(line, options="-m -e")]
    for step in range(6):
        for _ in range(10):
            feed.send(30)
            time.sleep(0.05)
        if step in (0, 1):
            members.append(launch(line, options="-m -e"))
        elif step in (2, 3):
            members.pop(0).interrupt()
    wait_for_all(seen, feed.sent)
    assert members[0].output().count("kafkasrc-assignment") > 1
    members[0].interrupt()
    # messages that a member had not finished in time come twice, and they are few
    assert sum(seen.counts.values()) < 1.5 * feed.sent


def test_topic_that_does_not_exist_yet(kafka, fresh, launch):
    alone = launch(f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} ! fakesink async=false", options="-m -e")
    group = launch(copier(kafka, fresh, options=""), options="-m -e")
    for one in (alone, group):
        wait_until(lambda: "waiting for topic" in one.output(), 30, "the note")  # noqa: B023
    kafka.create_topic(fresh, 3)
    feed, seen = Feed(kafka, fresh), Seen(kafka, fresh + "-out")
    feed.send(100)
    wait_for_all(seen, 100)
    seen.close()
    wait_until(lambda: "kafkasrc-assignment" in alone.output(), 30, "partitions")
    group.interrupt()
    alone.interrupt()


@pytest.mark.parametrize("group", [True, False])
def test_more_partitions(kafka, topics, feed, seen, launch, group):
    line = copier(kafka, topics, options="client-properties=c,topic.metadata.refresh.interval.ms=1000")
    running = launch(line if group else re.sub(r"group-id=\S+", "", line), options="-m -e")
    wait_until(lambda: "kafkasrc-assignment" in running.output(), 30, "partitions")
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": kafka.bootstrap})
    for done in admin.create_partitions([confluent_kafka.admin.NewPartitions(topics, 6)]).values():
        done.result(30)
    for partition in range(6):
        wait_until(lambda: topics in admin.list_topics(topics, 5).topics, 30, "the topic")
        feed.send(20, partition=partition)
    wait_for_all(seen, 120)
    running.interrupt()


def test_broker_restart_is_waited_for(kafka, topics, feed, seen, launch):
    running = launch(copier(kafka, topics))
    feed.send(200)
    wait_until(lambda: seen.poll() >= 200, 30, "200 messages")
    kafka.processes[0].kill()
    time.sleep(2)
    kafka.start_node(1)
    feed.send(200)
    wait_for_all(seen, 400)
    running.interrupt()


def test_slow_pipeline_stays_in_its_group(kafka, topics, feed, launch):
    feed.send(20)
    slow = launch(
        copier(kafka, topics, options="auto-offset-reset=earliest "
               "client-properties=c,max.poll.interval.ms=6000,session.timeout.ms=6000",
               middle="identity sleep-time=9000000 !"),
        options="-m -e")
    wait_until(lambda: "kafkasrc-assignment" in slow.output(), 30, "partitions")
    time.sleep(10)
    assert slow.output().count("kafkasrc-assignment") == 1
    slow.kill()


@pytest.mark.parametrize("group", ["", "group-id=frozen"])
def test_stops_with_a_frozen_broker(kafka, topics, feed, launch, group):
    feed.send(100)
    running = launch(
        f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={topics} auto-offset-reset=earliest {group} ! "
        "fakesink async=false", options="-m -e")
    wait_until(lambda: "kafkasrc-assignment" in running.output(), 30, "partitions")
    broker = kafka.processes[0]
    broker.signal(signal.SIGSTOP)
    try:
        time.sleep(1)
        assert running.interrupt() < 6
    finally:
        broker.signal(signal.SIGCONT)


def test_broker_that_was_never_there_is_one_error(launch):
    began = time.monotonic()
    running = launch("kafkasrc bootstrap-servers=127.0.0.1:1 topic=t ! fakesink async=false")
    assert running.wait(30) != 0
    assert time.monotonic() - began < 20
    assert running.output().count("ERROR: from element") == 1
    assert "127.0.0.1:1" in running.output()


@pytest.fixture
def recording(kafka, fresh):
    """300 messages captured at 30 a second, years ago, in turn on three of four partitions."""
    kafka.create_topic(fresh, 4)
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap})
    for number in range(300):
        captured = 1_700_000_000_000_000_000 + number * 33_333_333
        producer.produce(
            fresh, b"%d" % number, partition=number % 3, timestamp=captured // 1_000_000,
            headers=[("capture-time", str(captured)), ("gst-caps", CAPS)])
    assert producer.flush(30) == 0
    return fresh


class Player:
    """A replay inside the test, which alone can seek; `numbers` is what came out since the last seek."""

    def __init__(self, line):
        os.environ.update({name: value for name, value in environment().items() if name.startswith("GST_")})
        Gst.init(None)
        self.numbers = []
        self._pipeline = Gst.parse_launch(line + " ! fakesink name=sink signal-handoffs=true")
        self._pipeline.get_by_name("sink").connect("handoff", self._take)
        self._bus = self._pipeline.get_bus()

    def _take(self, _sink, buffer, _pad):
        self.numbers.append(int(buffer.extract_dup(0, buffer.get_size())))

    def play(self):
        self._pipeline.set_state(Gst.State.PLAYING)
        assert self._pipeline.get_state(20 * Gst.SECOND)[0] == Gst.StateChangeReturn.SUCCESS

    def duration(self):
        return self._pipeline.query_duration(Gst.Format.TIME)[1]

    def seek(self, start, stop=None, rate=1.0):
        flags = Gst.SeekFlags.FLUSH | Gst.SeekFlags.ACCURATE
        self._pipeline.set_state(Gst.State.PAUSED)
        assert self._pipeline.get_state(20 * Gst.SECOND)[0] == Gst.StateChangeReturn.SUCCESS
        self.numbers.clear()
        assert self._pipeline.seek(
            rate, Gst.Format.TIME, flags, Gst.SeekType.SET, int(start * Gst.SECOND), Gst.SeekType.SET,
            -1 if stop is None else int(stop * Gst.SECOND))
        self.play()

    def refuses(self, rate):
        return not self._pipeline.seek(rate, Gst.Format.TIME, Gst.SeekFlags.FLUSH, Gst.SeekType.SET, 0,
                                       Gst.SeekType.SET, Gst.SECOND)

    def wait_eos(self):
        message = self._bus.timed_pop_filtered(30 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
        assert message and message.type == Gst.MessageType.EOS

    def stop(self):
        self._pipeline.set_state(Gst.State.NULL)


def test_replay_seeks_as_a_file_does(kafka, recording):
    player = Player(f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={recording} replay=true")
    try:
        player.play()
        assert abs(player.duration() - 299 * 33_333_333) < Gst.MSECOND
        for start, stop, rate in [(8.01, 9.01, 4.0), (2.01, 3.01, 2.0), (9.01, None, 1.0), (0, 1.01, 4.0)]:
            player.seek(start, stop, rate)
            player.wait_eos()
            first, last = int(start * 30 + 0.99), 300 if stop is None else int(stop * 30) + 1
            assert player.numbers == list(range(first, last))
        assert player.refuses(-1.0)
    finally:
        player.stop()


def test_replay_of_a_part(kafka, recording):
    begin = 1_700_000_000_000_000_000
    player = Player(
        f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={recording} replay=true "
        f"start-time={begin + 2_000_000_000} end-time={begin + 3_000_000_000} ! identity sync=false")
    try:
        player.play()
        player.wait_eos()
        assert player.numbers == list(range(61, 91))
    finally:
        player.stop()


@pytest.mark.parametrize("topics_of", ["{0},{0}-out", "^{0}.*"])
def test_several_topics(kafka, topics, feed, launch, topics_of):
    feed.send(10)
    Feed(kafka, topics + "-out").send(10)
    running = launch(
        f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={topics_of.format(topics)} auto-offset-reset=earliest "
        "eos-at-end=true ! identity name=i silent=false ! fakesink async=false", options="-v")
    assert running.wait(30) == 0
    assert running.output().count("chain   *******") == 20


def test_replay_by_uri(kafka, recording):
    player = Player(
        f"uridecodebin uri=kafka://{kafka.bootstrap}/{recording}?start=2023-11-14T22:13:22Z&end=2023-11-14T22:13:23Z "
        "expose-all-streams=false caps=application/x-test ! identity sync=false")
    try:
        player.play()
        player.wait_eos()
        assert player.numbers == list(range(61, 91))
    finally:
        player.stop()
