# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests kafkasink with a real broker: the sink chooses the same partitions as Java's client, creates topics, and handles
messages that are too large."""

import re
import subprocess
import time

import confluent_kafka
import confluent_kafka.admin
import kafka_server
import pytest
from messages import Feed, alter, seqs
from pipeline import wait_until


def partition_of_each_key(kafka, topic, count):
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": kafka.bootstrap, "group.id": "keys-" + topic, "auto.offset.reset": "earliest",
        "enable.auto.commit": False})
    consumer.subscribe([topic])
    found = {}

    def read():
        for message in consumer.consume(1000, 0.5):
            assert message.error() is None
            found[message.key()] = message.partition()
        return len(found) >= count

    wait_until(read, 60, f"{count} keys")
    consumer.close()
    return found


def test_keys_select_the_same_partitions_as_in_kafkas_java_client(kafka, fresh, launch):
    """Kafka's Java client publishes messages with keys. A pipeline copies the messages, and each copy has the same
    partition number as its original."""
    keys = [f"cam-{n}" for n in range(150)] + ["é" * n for n in range(1, 30)] + [f"{n:x}" * n for n in range(1, 30)]
    for topic in (fresh, fresh + "-out"):
        kafka.create_topic(topic, 7)
    subprocess.run(
        kafka_server.java(
            f"{'' if kafka_server.IS_OLD else 'org.apache.'}kafka.tools.ConsoleProducer", "--bootstrap-server", kafka.bootstrap, "--topic", fresh,
            "--property", "parse.key=true", "--property", "key.separator==", log_level="error"),
        input="".join(f"{key}=value\n" for key in keys).encode(), check=True, timeout=120)
    expected = partition_of_each_key(kafka, fresh, len(set(keys)))
    assert len(set(expected.values())) == 7
    copier = launch(
        f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} auto-offset-reset=earliest eos-at-end=true ! "
        f"kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh}-out", options="-e")
    assert copier.wait(120) == 0
    assert partition_of_each_key(kafka, fresh + "-out", len(set(keys))) == expected


def metadata(kafka, topic):
    return confluent_kafka.admin.AdminClient({"bootstrap.servers": kafka.bootstrap}).list_topics(topic, 10).topics[topic]


def publish(kafka, settings, frames=3):
    return f"fakesrc num-buffers={frames} sizetype=fixed sizemax=200000 ! kafkasink bootstrap-servers={kafka.bootstrap} {settings}"


def test_topic_is_created_once(kafka, fresh, launch):
    first = launch(publish(kafka, f"topic={fresh} create-topic=true partitions=7 replication-factor=1"))
    assert first.wait(120) == 0, first.output()
    assert len(metadata(kafka, fresh).partitions) == 7
    second = launch(publish(kafka, f"topic={fresh} create-topic=true partitions=3"))
    assert second.wait(120) == 0, second.output()
    assert len(metadata(kafka, fresh).partitions) == 7


def test_topic_that_cannot_be_created_is_an_error(kafka, fresh, launch):
    """A sink that asks a cluster of one broker for a topic of three replicas ends with one error."""
    one = launch(publish(kafka, f"topic={fresh} create-topic=true partitions=1 replication-factor=3"))
    assert one.wait(120) != 0
    assert one.output().count("ERROR: from element") == 1
    assert "eplication factor" in one.output() and fresh in one.output()


def skipped(sink):
    """Returns the number of buffers in the sink's last warning."""
    return int(re.findall(r"(\d+) in all|Skipped a buffer", sink.output())[-1] or 1)


@pytest.mark.parametrize("skip", [False, True], ids=["fail", "skip"])
def test_frame_larger_than_the_limit_of_the_topic_is_skipped_or_an_error(kafka, fresh, launch, skip):
    kafka.create_topic(fresh, 1, config=["max.message.bytes=100000"])
    one = launch(publish(kafka, f"topic={fresh} on-error={'skip' if skip else 'fail'}"))
    assert (one.wait(120) == 0) == skip
    assert skipped(one) == 3 if skip else one.output().count("ERROR: from element") == 1
    assert "max.message.bytes" in one.output()


def test_patterns_select_the_topic_and_the_key_of_each_message(kafka, fresh, launch):
    for topic in (fresh, f"{fresh}-cam-1", f"{fresh}-cam-2"):
        kafka.create_topic(topic, 3)
    feed = Feed(kafka, fresh)
    for camera in ("cam-1", "cam-2"):
        feed.send(20, headers=[("camera", camera)])
    copier = launch(
        f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} auto-offset-reset=earliest eos-at-end=true ! "
        f"kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh}-%{{camera}} key=%{{number}}", options="-e")
    assert copier.wait(120) == 0, copier.output()
    for camera, numbers in (("cam-1", range(20)), ("cam-2", range(20, 40))):
        assert set(partition_of_each_key(kafka, f"{fresh}-{camera}", 20)) == {str(n).encode() for n in numbers}


SMALL_BATCHES = ["max.message.bytes=100000"]
ORDERED = {
    "plain": "",
    "no acknowledgement": "acks=none",
    "one acknowledgement": "acks=leader",
    "idempotent": "enable-idempotence=true",
    "compressed": "compression=lz4",
}


def frames(count, size):
    return f"fakesrc num-buffers={count} sizetype=fixed sizemax={size} filltype=random"


@pytest.mark.parametrize("settings", ORDERED.values(), ids=ORDERED)
def test_batches_stay_below_the_topics_size_limit(kafka, fresh, launch, settings):
    """kafkasink keeps each batch below the topic's limit, because brokers refuse a batch that is too large with all its
    frames."""
    kafka.create_topic(fresh, 1, config=SMALL_BATCHES)
    sent = launch(f"{frames(20, 40000)} ! kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh} linger=200000000 {settings}")
    assert sent.wait(120) == 0, sent.output()
    assert seqs(kafka, fresh) == list(range(20))


def varied(count, pause_us=0):
    """Returns a source of frames of random sizes: a frame may fill a batch of at most 100,000 bytes alone, or share it with
    many."""
    return (f"fakesrc num-buffers={count} sizetype=random sizemin=10 sizemax=90000 filltype=random ! "
            f"identity sleep-time={pause_us}")


def first_of_each(found):
    """Returns the numbers of the frames, each number only once."""
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("settings, ordered", [
    ("linger=50000000", False), ("enable-idempotence=true linger=50000000", True), ("compression=lz4 linger=50000000", False)])
def test_no_frame_is_lost_if_the_topics_size_limit_shrinks(kafka, fresh, launch, settings, ordered):
    """The order of frames is checked only for an idempotent producer, because any other producer's batch may overtake a
    refused one."""
    kafka.create_topic(fresh, 1)
    sent = launch(f"{varied(600, 2000)} ! kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh} {settings}")
    wait_until(lambda: seqs(kafka, fresh), 30, "frames")
    alter(kafka, fresh, max_message_bytes=100000)
    assert sent.wait(120) == 0, sent.output()
    found = seqs(kafka, fresh)
    assert (found if ordered else sorted(set(found))) == list(range(600))


def test_lost_frames_are_a_warning_if_the_topics_size_limit_shrinks_without_acks(kafka, fresh, launch):
    """Brokers close the connection if they refuse a batch of a producer without acknowledgements, so the sink warns once,
    and can't say which frames are lost."""
    kafka.create_topic(fresh, 1)
    sent = launch(
        f"{varied(600, 2000)} ! kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh} linger=50000000 acks=none")
    wait_until(lambda: seqs(kafka, fresh), 30, "frames")
    alter(kafka, fresh, max_message_bytes=100000)
    assert sent.wait(120) == 0, sent.output()
    found = seqs(kafka, fresh)
    assert found == sorted(set(found)) and found[-1] == 599 and len(found) > 400
    assert sent.output().count("WARNING: from element") == 1 and "no report says which of them are lost" in sent.output()


def test_larger_frames_are_sent_after_the_topics_size_limit_has_grown(kafka, fresh, launch):
    """Without acknowledgements, the element itself refuses frames above the topic's limit, and queries the limit again."""
    kafka.create_topic(fresh, 1, config=SMALL_BATCHES)
    sent = launch(
        f"fakesrc num-buffers=20 sizetype=fixed sizemax=150000 ! identity sleep-time=200000 ! "
        f"kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh} acks=none on-error=skip")
    wait_until(lambda: "WARNING: from element" in sent.output(), 30, "a refusal")
    alter(kafka, fresh, max_message_bytes=1000000)
    assert sent.wait(120) == 0, sent.output()
    found = seqs(kafka, fresh)
    assert found and found == list(range(20 - len(found), 20))
    assert skipped(sent) == 20 - len(found)


@pytest.mark.parametrize("settings", [
    pytest.param("", marks=pytest.mark.quick), "linger=200000000", "acks=none", "enable-idempotence=true"])
def test_only_the_frame_that_is_too_large_is_refused(kafka, fresh, launch, settings):
    kafka.create_topic(fresh, 1, config=SMALL_BATCHES)
    sent = launch(
        f"concat name=c ! kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh} {settings} on-error=skip "
        f"{frames(7, 40000)} ! c. {frames(1, 150000)} ! c. {frames(7, 40000)} ! c.")
    assert sent.wait(120) == 0, sent.output()
    assert seqs(kafka, fresh) == [seq for seq in range(15) if seq != 7]
    warnings = [line for line in sent.output().splitlines() if line.startswith("WARNING")]
    assert len(warnings) == 1 and "message-max-bytes" in warnings[0], sent.output()
    assert "record 7 of 150000 bytes" in sent.output()
    assert "the topic's max.message.bytes is 100000" in warnings[0]


@pytest.mark.parametrize("settings", ORDERED.values(), ids=ORDERED)
def test_batches_stay_below_the_size_limit_of_topics_that_buffers_name(kafka, fresh, launch, settings):
    """If the topic depends on the buffer, the element doesn't query the topic's max.message.bytes, and must still send no
    batch that is too large."""
    kafka.create_topic(f"{fresh}-cam", 1, config=SMALL_BATCHES)
    sent = launch(
        f"{varied(100)} ! kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh}-%{{camera}} camera=cam "
        f"linger=200000000 {settings}")
    assert sent.wait(120) == 0, sent.output()
    assert seqs(kafka, f"{fresh}-cam") == list(range(100))


@pytest.mark.parametrize("settings", ORDERED.values(), ids=ORDERED)
def test_frames_arrive_in_order_if_a_batch_may_have_only_a_few(kafka, fresh, launch, settings):
    kafka.create_topic(fresh, 3, config=["max.message.bytes=2000"])
    sent = launch(
        f"fakesrc num-buffers=300 sizetype=random sizemin=10 sizemax=1200 ! kafkasink bootstrap-servers={kafka.bootstrap} "
        f"topic={fresh} {settings}")
    assert sent.wait(120) == 0, sent.output()
    found = [seqs(kafka, fresh, partition) for partition in range(3)]
    assert sorted(sum(found, [])) == list(range(300)) and all(one == sorted(one) for one in found)


WAITING = {
    "plain": "", "one acknowledgement": "acks=leader", "idempotent": "enable-idempotence=true", "compressed": "compression=lz4",
    "no acknowledgement": "acks=none"}


def test_batches_stay_below_the_topics_size_limit_after_a_broker_restart(tmp_path, fresh, launch):
    """While the broker restarts, more frames wait than a batch may contain. All waiting frames arrive, in order."""
    with kafka_server.Kafka(tmp_path / "kafka") as kafka:
        topics = {name: f"{fresh}-{number}" for number, name in enumerate(WAITING)}
        for topic in topics.values():
            kafka.create_topic(topic, 1, config=SMALL_BATCHES)
        sent = {
            name: launch(f"{varied(300, 20000)} ! kafkasink bootstrap-servers={kafka.bootstrap} topic={topics[name]} {settings}")
            for name, settings in WAITING.items()}
        wait_until(lambda: all(seqs(kafka, topic) for topic in topics.values()), 30, "frames")
        kafka.processes[0].kill()
        kafka.start_node(1)
        for one in sent.values():
            assert one.wait(120) == 0, one.output()
        found = {name: seqs(kafka, topic) for name, topic in topics.items()}
    unheard = found.pop("no acknowledgement")
    assert found["idempotent"] == list(range(300))
    for name, one in found.items():
        assert first_of_each(one) == list(range(300)), name
    assert unheard == sorted(set(unheard)) and unheard[-1] == 299
    warned = sum(
        line.startswith("WARNING: from element") and "no report says which of them are lost" in line
        for line in sent["no acknowledgement"].output().splitlines())
    assert warned == 1 or (len(unheard) == 300 and not warned)


def test_a_compacted_topic_without_a_key_is_an_error(kafka, fresh, launch):
    kafka.create_topic(fresh, 1, config=["cleanup.policy=compact"])
    sent = launch(f"{frames(3, 100)} ! kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh}")
    assert sent.wait(120) != 0
    assert sent.output().count("ERROR: from element") == 1 and "set key" in sent.output(), sent.output()


@pytest.mark.parametrize("settings", ORDERED.values(), ids=ORDERED)
def test_messages_whose_times_brokers_refuse_are_sent(kafka, fresh, launch, settings):
    """Frames with a time that is too far ahead for the broker are sent all the same, and neither they nor the frames beside
    them are lost or overtaken."""
    for topic in (fresh, fresh + "-out"):
        kafka.create_topic(topic, 1)
    feed = Feed(kafka, fresh)
    late = str(time.time_ns() + 7200 * 10**9)
    for number in range(70):
        feed.send(1, headers=[("capture-time", late)] if number % 7 == 3 else ())
    copier = launch(
        f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} auto-offset-reset=earliest eos-at-end=true ! "
        f"kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh}-out {settings}", options="-e")
    assert copier.wait(120) == 0, copier.output()
    assert seqs(kafka, fresh + "-out") == list(range(70))
    assert "WARNING: from element" not in copier.output(), copier.output()


@pytest.mark.parametrize("bound", ["max-queued-buffers=2", "max-queued-bytes=100000"])
def test_a_full_queue_is_sent_without_waiting_for_linger(kafka, fresh, launch, bound):
    """If the queue is full, the sink sends without waiting for linger, because no further record fits into the queue."""
    kafka.create_topic(fresh, 1)
    sent = launch(f"{frames(20, 40000)} ! kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh} linger=10000000000 {bound}")
    assert sent.wait(120) == 0, sent.output()
    assert seqs(kafka, fresh) == list(range(20))
