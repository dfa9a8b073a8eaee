# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ack ledger. However a pipeline ends, after the next start each message is read at least once, is stored exactly once if it
has an _id, and delays no other message for good."""

import json
import random
import signal
import time

import confluent_kafka
import pymongo
import pytest
from messages import Feed, jpegs
from mongo_server import number_of
from pipeline import wait_until
from test_kafkasrc import wait_for_all

# With a fixed group-instance-id, a restarted member gets its partitions back at once, because the
# group doesn't wait for the session of the killed one.
MEMBER = "group-instance-id=one auto-offset-reset=earliest"


class Group:
    """Reads the offsets that a group has committed."""

    def __init__(self, kafka, group, topic, partitions):
        self._consumer = confluent_kafka.Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group})
        self._partitions = [confluent_kafka.TopicPartition(topic, number) for number in range(partitions)]

    def committed(self):
        return sum(max(one.offset, 0) for one in self._consumer.committed(self._partitions, 10))


@pytest.fixture
def topics(kafka, fresh):
    kafka.create_topic(fresh, 4)
    kafka.create_topic(fresh + "-out", 4)
    return fresh


def copier(kafka, topic, middle):
    return (
        f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={topic} group-id={topic} {MEMBER} ! {middle} ! "
        f"kafkasink bootstrap-servers={kafka.bootstrap} topic={topic}-out")


@pytest.mark.first
def test_each_event_is_stored_once_although_the_stage_is_killed_often(kafka, mongo, topics, fresh, launch, long):
    """Kills the stage repeatedly, each time within 0.4 s after it has stored events, while thousands of events are unread."""
    chance, kills = random.Random(fresh), 50 if long else 8
    sent = 1000 * kills
    print(f"seed {fresh}")
    producer = kafka.producer()
    for number in range(sent):
        producer.produce(
            topics, json.dumps({"_id": f"cam-1:s:{number}", "number": number}),
            headers={"gst-caps": "application/json, schema=fog-event"})
        producer.poll(0)
    assert producer.flush(120) == 0
    events = pymongo.MongoClient(mongo.uri)[fresh].events
    source = f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={topics} group-id={topics} {MEMBER} ! queue"
    sink = f"mongosink uri={mongo.uri} database={fresh} collection=events"
    for _ in range(kills):
        running = launch(f"{source} ! identity sleep-time=3000 ! {sink} batch-latency=20000000")
        before = number_of(events)
        wait_until(lambda: number_of(events) > before, 60, "progress")  # noqa: B023
        time.sleep(chance.uniform(0, 0.4))
        running.kill()
    stored = number_of(events)
    print(f"{stored} of {sent} events stored after {kills} kills")
    assert stored < sent
    # A short batch-latency, because messages that were in a killed pipeline are sent one at a time,
    # each in a batch of its own.
    last, group = launch(f"{source} ! {sink} batch-latency=1000000"), Group(kafka, topics, topics, 4)
    wait_until(lambda: group.committed() == sent, 300, "all events done")
    last.interrupt()
    assert sorted(event["number"] for event in events.find({}, {"number": 1})) == list(range(sent))
    assert group.committed() == sent


def test_messages_are_read_again_after_an_element_behind_a_queue_failed(kafka, topics, seen, launch):
    """Behind a queue, the source learns of the error long after the failed message was pushed, while more messages wait in
    the queue."""
    feed = Feed(kafka, topics)
    feed.send(200)
    for _ in range(20):
        running = launch(copier(kafka, topics, "queue max-size-buffers=50 ! identity error-after=30 sleep-time=1000"))
        wait_until(lambda: not running.running() or seen.poll() >= 200, 60, "its failure")  # noqa: B023
        if seen.poll() >= 200:
            break
        assert "Failed after iterations as requested" in running.output()
    wait_for_all(seen, 200)


def test_stop_with_full_queues_loses_no_message(kafka, topics, seen, launch):
    feed = Feed(kafka, topics)
    feed.send(600)
    for _ in range(3):
        before = seen.poll()
        running = launch(copier(
            kafka, topics, "queue max-size-buffers=300 ! identity sleep-time=5000 ! queue"), options="")
        wait_until(lambda: seen.poll() > before + 20, 60, "progress")  # noqa: B023
        assert seen.poll() < 600
        running.interrupt(20)
    last = launch(copier(kafka, topics, "queue"))
    wait_for_all(seen, 600)
    last.interrupt()
    # Messages that waited in the queues are read again; messages that had left the queues aren't.
    assert sum(seen.counts.values()) < 700


POISONS = {
    "no picture": b"\xff\xd8 no picture",
    "half a picture": None,
    "nothing": b"",
}


@pytest.mark.parametrize("poison", POISONS.values(), ids=POISONS.keys())
def test_a_message_that_no_decoder_can_decode_does_not_stop_commits(kafka, fresh, launch, tmp_path, poison):
    kafka.create_topic(fresh, 1)
    kafka.create_topic(fresh + "-out", 1)
    good = jpegs(launch, tmp_path, 20)
    bad = good[0][:len(good[0]) // 2] if poison is None else poison
    values = good + [bad] + good
    producer = kafka.producer()

    def send(value):
        producer.produce(fresh, value, headers={"gst-caps": "image/jpeg, width=(int)64, height=(int)48"})
        assert producer.flush(120) == 0

    for value in values:
        send(value)
    running = launch(copier(kafka, fresh, "jpegdec ! jpegenc"))
    group = Group(kafka, fresh, fresh, 1)

    def past_it():
        send(good[0])  # as a live camera does, which continues to send
        return group.committed() > len(values)

    wait_until(past_it, 60, "a commit behind it")
    running.interrupt()


def test_a_message_that_is_no_document_does_not_stop_commits(kafka, mongo, fresh, launch):
    kafka.create_topic(fresh, 1)
    producer = kafka.producer()
    for value in ['{"_id":"a"}', "no JSON", '{"_id":"b"}']:
        producer.produce(fresh, value, headers={"gst-caps": "application/json, schema=fog-event"})
    assert producer.flush(120) == 0
    running = launch(
        f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} group-id={fresh} {MEMBER} ! "
        f"mongosink uri={mongo.uri} database={fresh} collection=events")
    wait_until(lambda: Group(kafka, fresh, fresh, 1).committed() == 3, 60, "a commit behind it")
    running.interrupt()
    assert {event["_id"] for event in pymongo.MongoClient(mongo.uri)[fresh].events.find()} == {"a", "b"}


def take_over(kafka, topic):
    """Starts another member, which reads the group's unread messages, commits their offsets, and leaves."""
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": kafka.bootstrap, "group.id": topic, "auto.offset.reset": "earliest",
        "session.timeout.ms": 6000, "enable.auto.commit": False,
        "partition.assignment.strategy": "cooperative-sticky"})
    consumer.subscribe([topic])
    numbers = set()

    def read():
        numbers.update(int(dict(message.headers())["number"])
                       for message in consumer.consume(1000, 0.1) if message.error() is None)
        return max(numbers, default=0) >= 299

    wait_until(read, 60, "the rest, by another member")
    consumer.commit(asynchronous=False)
    consumer.close()


def test_a_member_that_was_frozen_does_not_reset_the_offsets_of_its_group(kafka, topics, seen, launch):
    """While a member is frozen for longer than its session, another member reads further and leaves. The frozen member must
    not commit older offsets when it continues."""
    feed, group = Feed(kafka, topics), Group(kafka, topics, topics, 4)
    feed.send(100)
    member = "auto-offset-reset=earliest client-properties=c,session.timeout.ms=2000,heartbeat.interval.ms=500"
    running = launch(copier(kafka, topics, "identity").replace(MEMBER, member))
    wait_until(lambda: group.committed() == 100, 60, "the first messages done")
    running.signal(signal.SIGSTOP)
    feed.send(200)
    take_over(kafka, topics)
    assert group.committed() == 300
    running.signal(signal.SIGCONT)
    feed.send(10)
    committed = [300]

    def all_done():
        seen.poll()
        committed.append(group.committed())
        return committed[-1] == 310 and {*range(300, 310)} <= seen.counts.keys()

    wait_until(all_done, 60, "messages sent afterwards")
    assert committed == sorted(committed), "the group was set back"
    # The frozen member may push messages again that it had fetched before it learnt of its
    # exclusion, but afterwards it reads no message below the group's committed offset.
    seen.poll()
    assert all(count == 1 for number, count in seen.counts.items() if number < 300)
