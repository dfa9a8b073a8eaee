# SPDX-License-Identifier: LGPL-2.1-or-later
"""kafkasink on a real broker: the partitions that Java's client would take, topics made, sizes refused."""

import subprocess

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


def test_keys_go_where_java_puts_them(kafka, fresh, launch):
    """Java's own client publishes keys; a pipeline that copies them puts each into the partition of that number."""
    keys = [f"cam-{n}" for n in range(150)] + ["é" * n for n in range(1, 30)] + [f"{n:x}" * n for n in range(1, 30)]
    for topic in (fresh, fresh + "-out"):
        kafka.create_topic(topic, 7)
    subprocess.run(
        kafka_server.java(
            "org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", kafka.bootstrap, "--topic", fresh,
            "--property", "parse.key=true", "--property", "key.separator==", log_level="error"),
        input="".join(f"{key}=value\n" for key in keys).encode(), check=True, timeout=120)
    expected = partition_of_each_key(kafka, fresh, len(set(keys)))
    assert len(set(expected.values())) == 7
    copier = launch(
        f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} auto-offset-reset=earliest eos-at-end=true ! "
        f"kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh}-out", options="-e")
    assert copier.wait(60) == 0
    assert partition_of_each_key(kafka, fresh + "-out", len(set(keys))) == expected


def metadata(kafka, topic):
    return confluent_kafka.admin.AdminClient({"bootstrap.servers": kafka.bootstrap}).list_topics(topic, 10).topics[topic]


def publish(kafka, settings, frames=3):
    return f"fakesrc num-buffers={frames} sizetype=fixed sizemax=200000 ! kafkasink bootstrap-servers={kafka.bootstrap} {settings}"


def test_topic_is_made_once(kafka, fresh, launch):
    first = launch(publish(kafka, f"topic={fresh} create-topic=true partitions=7 replication-factor=1"))
    assert first.wait(60) == 0, first.output()
    assert len(metadata(kafka, fresh).partitions) == 7
    second = launch(publish(kafka, f"topic={fresh} create-topic=true partitions=3"))
    assert second.wait(60) == 0, second.output()
    assert len(metadata(kafka, fresh).partitions) == 7


def test_topic_that_cannot_be_made(kafka, fresh, launch):
    """Three copies on one broker."""
    one = launch(publish(kafka, f"topic={fresh} create-topic=true partitions=1 replication-factor=3"))
    assert one.wait(60) != 0
    assert one.output().count("ERROR: from element") == 1
    assert "eplication factor" in one.output() and fresh in one.output()


@pytest.mark.parametrize("skip", [False, True], ids=["fail", "skip"])
def test_frame_that_the_topic_does_not_take(kafka, fresh, launch, skip):
    kafka.create_topic(fresh, 1, config=["max.message.bytes=100000"])
    one = launch(publish(kafka, f"topic={fresh} on-error={'skip' if skip else 'fail'}"))
    assert (one.wait(60) == 0) == skip
    assert one.output().count("WARNING: from element" if skip else "ERROR: from element") == (3 if skip else 1)
    assert "max.message.bytes" in one.output()


def test_topic_and_key_of_each_camera(kafka, fresh, launch):
    for topic in (fresh, f"{fresh}-cam-1", f"{fresh}-cam-2"):
        kafka.create_topic(topic, 3)
    feed = Feed(kafka, fresh)
    for camera in ("cam-1", "cam-2"):
        feed.send(20, headers=[("camera", camera)])
    copier = launch(
        f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} auto-offset-reset=earliest eos-at-end=true ! "
        f"kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh}-%{{camera}} key=%{{number}}", options="-e")
    assert copier.wait(60) == 0, copier.output()
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
def test_batches_fit_the_topic(kafka, fresh, launch, settings):
    """A batch that is too large would condemn all frames in it."""
    kafka.create_topic(fresh, 1, config=SMALL_BATCHES)
    sent = launch(f"{frames(20, 40000)} ! kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh} linger=200000000 {settings}")
    assert sent.wait(60) == 0, sent.output()
    assert seqs(kafka, fresh) == list(range(20))


def test_a_limit_that_shrinks_meanwhile(kafka, fresh, launch):
    kafka.create_topic(fresh, 1)
    sent = launch(
        f"fakesrc is-live=true do-timestamp=true num-buffers=300 sizetype=fixed sizemax=40000 datarate=4000000 ! "
        f"kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh} linger=200000000")
    wait_until(lambda: seqs(kafka, fresh), 30, "frames")
    alter(kafka, fresh, max_message_bytes=100000)
    assert sent.wait(60) == 0, sent.output()
    assert seqs(kafka, fresh) == list(range(300))


@pytest.mark.quick
@pytest.mark.parametrize("linger", [0, 200000000])
def test_only_the_frame_that_is_too_large_is_refused(kafka, fresh, launch, linger):
    kafka.create_topic(fresh, 1, config=SMALL_BATCHES)
    sent = launch(
        f"concat name=c ! kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh} linger={linger} on-error=skip "
        f"{frames(7, 40000)} ! c. {frames(1, 150000)} ! c. {frames(7, 40000)} ! c.")
    assert sent.wait(60) == 0, sent.output()
    assert seqs(kafka, fresh) == [seq for seq in range(15) if seq != 7]
    warnings = [line for line in sent.output().splitlines() if line.startswith("WARNING")]
    assert len(warnings) == 1 and "message-max-bytes" in warnings[0], sent.output()
    assert "record 7 of 150000 bytes" in sent.output()


def test_what_waited_for_a_broker_fits_too(tmp_path, fresh, launch):
    """While it is away, more frames wait than a batch may hold."""
    with kafka_server.Kafka(tmp_path / "kafka") as kafka:
        kafka.create_topic(fresh, 1, config=SMALL_BATCHES)
        sent = launch(
            f"fakesrc is-live=true do-timestamp=true num-buffers=100 sizetype=fixed sizemax=40000 datarate=800000 ! "
            f"kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh}")
        wait_until(lambda: seqs(kafka, fresh), 30, "frames")
        kafka.processes[0].kill()
        kafka.start_node(1)
        assert sent.wait(60) == 0, sent.output()
        assert sorted(set(seqs(kafka, fresh))) == list(range(100))
