# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests which messages kafkasrc reads from a real broker: offsets and times to begin and end at, topics and partitions, the
member's share of a group, prefetching, and messages of any producer."""

import time

import confluent_kafka
import confluent_kafka.admin
import pytest
from messages import Feed, count, wait_readable
from pipeline import wait_until
from player import Gst, Player

BASE = 1_700_000_000  # time (s since the epoch) of the first message


@pytest.fixture
def past(kafka, fresh):
    """A topic with twenty messages, whose times are one second apart, alternating between two partitions."""
    kafka.create_topic(fresh, 2, config=["retention.ms=-1"])  # otherwise the broker would delete messages that are a week old
    producer = kafka.producer()
    for number in range(20):
        producer.produce(fresh, b"%d" % number, partition=number % 2, timestamp=(BASE + number) * 1000)
    assert producer.flush(120) == 0
    return fresh


def source(kafka, topic, settings):
    return f"kafkasrc name=src bootstrap-servers={kafka.bootstrap} topic={topic} caps=application/x-test {settings}"


def read(kafka, topic, settings):
    """Returns the sorted numbers of all messages until EOS."""
    with Player(source(kafka, topic, settings), "fakesink async=false") as player:
        player.play()
        player.wait_eos()
        return sorted(player.numbers)


def ns(second):
    return int((BASE + second) * 1e9)


@pytest.mark.parametrize("settings, numbers", [
    ("auto-offset-reset=earliest eos-at-end=true", range(20)),
    ("eos-at-end=true", ()),
    ("start-offset=3 eos-at-end=true", range(6, 20)),
    (f"start-time={ns(7)} eos-at-end=true", range(7, 20)),
    (f"start-time={ns(6.5)} eos-at-end=true", range(7, 20)),
    (f"start-time={ns(40)} eos-at-end=true", ()),
    (f"start-time={2**64 - 2} eos-at-end=true", ()),
    ("auto-offset-reset=earliest end-offset=4", range(8)),
    (f"auto-offset-reset=earliest end-time={ns(9)}", range(9)),
    (f"start-time={ns(5)} end-time={ns(9)}", range(5, 9)),
    ("auto-offset-reset=earliest eos-at-end=true partitions=<1>", range(1, 20, 2)),
])
def test_reading_begins_and_ends_at_offsets_and_times(kafka, past, settings, numbers):
    assert read(kafka, past, settings) == list(numbers)


def test_reading_ends_at_a_time_in_the_future(kafka, past):
    end = time.time() + 12
    settings = f"auto-offset-reset=earliest end-time={int(end * 1e9)}"
    with Player(source(kafka, past, settings), "fakesink async=false") as player:
        player.play()
        wait_until(lambda: len(player.values) == 20, 30, "what was there")
        assert time.time() < end, "the machine was too slow to read the 20 messages within 12 s"
        client = kafka.producer()
        client.produce(past, b"20", partition=0, timestamp=int(end * 1000) - 1)
        client.produce(past, b"21", partition=0, timestamp=int(end * 1000) + 1)
        assert client.flush(120) == 0
        player.wait_eos()
        assert sorted(player.numbers) == list(range(21))
        assert time.time() >= end


def test_a_group_continues_at_its_committed_offset(kafka, past):
    client = confluent_kafka.Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": past})
    for begin in ("start-offset=2", f"start-time={ns(3)}", "auto-offset-reset=earliest"):
        client.commit(offsets=[confluent_kafka.TopicPartition(past, n, 6) for n in range(2)], asynchronous=False)
        assert read(kafka, past, f"{begin} eos-at-end=true group-id={past} partitions=<0,1>") == list(range(12, 20))
    client.close()


def test_by_default_only_messages_sent_after_the_start_are_read(kafka, past):
    with Player(source(kafka, past, ""), "fakesink async=false") as player:
        player.play()
        assert player.wait_message(Gst.MessageType.ELEMENT).get_structure().has_name("kafkasrc-assignment")
        Feed(kafka, past).send(5, size=9)
        wait_until(lambda: len(player.values) == 5, 30, "the new messages")
        assert sorted(player.numbers) == list(range(5))
        assert player.stat("lag") == 0


def member(kafka, topic, name=None):
    own = f"group-instance-id={name}" if name else ""
    return (f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={topic} group-id={topic} {own} "
            "client-properties=c,session.timeout.ms=120000 ! fakesink async=false")


def assignments(running):
    """Returns the number of partitions in each assignment message."""
    lines = [line for line in running.output().splitlines() if "kafkasrc-assignment" in line]
    return [line.split("partitions=(int)<")[1].split(">")[0].count(",") + 1 if "(int)<  >" not in line else 0
            for line in lines]


def wait_for_assignment(running, number):
    wait_until(lambda: assignments(running)[-1:] == [number], 60, f"{number} partitions")


@pytest.mark.parametrize("names", [("one", "two"), (None, None)], ids=["static", "dynamic"])
def test_members_of_a_group_share_its_partitions_and_a_static_member_keeps_its_own(kafka, fresh, launch, names):
    kafka.create_topic(fresh, 4)
    first = launch(member(kafka, fresh, names[0]), options="-m -e")
    wait_for_assignment(first, 4)
    second = launch(member(kafka, fresh, names[1]), options="-m -e")
    wait_for_assignment(second, 2)
    wait_for_assignment(first, 2)
    # the first member kept two partitions all the time, because the assignment is cooperative
    assert 0 not in assignments(first)
    before = len(assignments(first))
    second.interrupt()
    if names[0] is None:
        wait_for_assignment(first, 4)
        return
    third = launch(member(kafka, fresh, names[1]), options="-m -e")
    wait_for_assignment(third, 2)
    assert len(assignments(first)) == before


def test_a_slow_reader_prefetches_no_more_than_its_limit(kafka, fresh):
    """The reader may hold messages up to the limit, one fetch more, and events of librdkafka without bytes, which
    `prefetched` also counts. Without the limit the reader would hold nearly all messages."""
    kafka.create_topic(fresh, 4)
    producer = kafka.producer(batch_num_messages=1)
    for _ in range(200):
        producer.produce(fresh, bytes(60_000))
        producer.poll(0)
    assert producer.flush(120) == 0
    sent, bound = count(kafka, fresh, 4), 1 << 20
    line = source(kafka, fresh, f"group-id={fresh} auto-offset-reset=earliest max-prefetch={bound}")
    held = []
    with Player(f"{line} ! identity sleep-time=166000", "fakesink async=false") as player:
        def look():
            held.append(player.stat("prefetched"))
            return len(player.values) >= 24

        def counts_agree():
            # the element may have taken one message that none of the two counters contains yet
            stats = player.stats()
            return sent - stats.get_value("lag") - stats.get_value("messages") in (0, 1)

        player.play()
        wait_until(look, 60, "24 messages", 0.02)
        wait_until(counts_agree, 5, "the ends of all partitions are known")
    assert 0 < max(held) * 60_000 <= 2 * bound


@pytest.mark.parametrize("group", [True, False], ids=["group", "alone"])
def test_a_new_topic_that_matches_the_pattern_is_read(kafka, fresh, group):
    kafka.create_topic(fresh + "-a", 1)
    settings = "client-properties=c,topic.metadata.refresh.interval.ms=1000 auto-offset-reset=earliest"
    line = source(kafka, f"^{fresh}-.*", f"{settings} group-id={fresh}" if group else settings)
    with Player(line, "fakesink async=false") as player:
        player.play()
        Feed(kafka, fresh + "-a").send(1, size=9)
        wait_until(lambda: player.numbers == [0], 60, "the first topic's message")
        kafka.create_topic(fresh + "-b", 1)
        kafka.create_topic("x" + fresh + "-b", 1)
        feed = Feed(kafka, "x" + fresh + "-b")
        feed.send(1, size=9)
        feed = Feed(kafka, fresh + "-b")
        feed.sent = 7
        feed.send(1, size=9)
        wait_until(lambda: player.numbers == [0, 7], 60, "the second topic's message")
        text = player.stats().to_string()
        assert f"{fresh}-a" in text and f"{fresh}-b" in text and f"x{fresh}" not in text


@pytest.mark.parametrize("group", [True, False], ids=["group", "alone"])
@pytest.mark.parametrize("wanted, read", [
    ("^{0}-[0-9]{{1,3}}$", {"1", "123"}),
    ("{0}-x,^{0}-[0-9]{{1,3}}$,{0}-1234", {"x", "1", "123", "1234"}),
    ("^{0}-[0-9]{{2,}}$ , {0}-x", {"x", "123", "1234"}),
    ("^{0}-[x{{,]$", {"x"}),
])
def test_a_comma_within_a_pattern_does_not_separate_topics(kafka, fresh, wanted, read, group):
    """A comma within a pattern doesn't separate topics. The property is set as an application sets it, because
    gst-launch-1.0 would need quotes."""
    endings = ("1", "123", "1234", "x")
    producer = kafka.producer()
    for ending in endings:
        kafka.create_topic(f"{fresh}-{ending}", 1)
        producer.produce(f"{fresh}-{ending}", ending.encode())
    assert producer.flush(120) == 0
    line = source(kafka, fresh, "auto-offset-reset=earliest eos-at-end=true" + f" group-id={fresh}" * group)
    with Player(line, "fakesink async=false") as player:
        player.set("topic", wanted.format(fresh))
        player.play()
        player.wait_eos()
        assert {value.decode() for value in player.values} == read
        assert len(player.values) == len(read)


def frames_of(running):
    return running.output().count("chain   *******")


def reader(kafka, topic, settings="", client="session.timeout.ms=6000"):
    return (f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={topic} group-id={topic} auto-offset-reset=earliest "
            f"client-properties=c,{client} {settings} ! identity name=i silent=false ! fakesink async=false")


def test_a_member_without_partitions_ends_at_the_end_of_the_topic(kafka, fresh, launch):
    """With eos-at-end, a member without partitions ends although other members still read."""
    kafka.create_topic(fresh, 1)
    Feed(kafka, fresh).send(20, size=9)
    first = launch(reader(kafka, fresh), options="-v -e")
    wait_until(lambda: frames_of(first) == 20, 30, "20 messages")
    second = launch(reader(kafka, fresh, "eos-at-end=true"), options="-v -m")
    assert second.wait(120) == 0, second.output()
    assert (assignments(second)[-1], frames_of(second)) == (0, 0)
    assert first.running()
    first.interrupt()


def test_all_members_end_if_there_are_more_members_than_partitions(kafka, fresh, launch):
    kafka.create_topic(fresh, 1)
    Feed(kafka, fresh).send(20, size=9)
    members = [launch(reader(kafka, fresh, "eos-at-end=true"), options="-v") for _ in range(2)]
    for one in members:
        assert one.wait(120) == 0, one.output()
    assert sum(frames_of(one) for one in members) >= 20


def test_group_protocol(kafka, fresh, launch, new_library):
    """The brokers assign partitions. With the new group protocol, members share the partitions, one member leaves, and
    offsets of finished messages are committed."""
    kafka.create_topic(fresh, 2)
    feed = Feed(kafka, fresh)
    feed.send(20, size=9)
    client = "group.protocol=consumer,debug=cgrp"
    new = {"LD_PRELOAD": str(new_library), "GST_DEBUG": "2,rdkafka:6"}
    first = launch(reader(kafka, fresh, client=client), options="-v -m -e", **new)
    wait_until(lambda: frames_of(first) == 20, 60, "20 messages")
    second = launch(reader(kafka, fresh, client=client), options="-v -m -e", **new)
    wait_for_assignment(second, 1)
    wait_for_assignment(first, 1)
    assert "ConsumerGroupHeartbeat" in first.output()
    feed.send(20, size=9)
    wait_until(lambda: frames_of(first) + frames_of(second) >= 40, 30, "all messages")
    second.interrupt()
    wait_for_assignment(first, 2)
    first.interrupt()
    feed.send(5, size=9)
    third = launch(reader(kafka, fresh, "eos-at-end=true", client), options="-v", **new)
    assert third.wait(120) == 0, third.output()
    assert frames_of(third) == 5


@pytest.mark.skipif(confluent_kafka.libversion()[1] >= 0x020C0000, reason="this librdkafka has it")
def test_group_protocol_that_the_library_lacks_is_an_error(kafka, fresh, launch):
    running = launch(reader(kafka, fresh, client="group.protocol=consumer"))
    assert running.wait(120) != 0
    errors = [line for line in running.output().splitlines() if line.startswith("ERROR: from element")]
    assert len(errors) == 1 and "group.protocol" in errors[0] and "librdkafka 2.12 or later" in errors[0]


FOREIGN = {
    "plain": {"value": b"text"},
    "tombstone": {"value": None, "key": b"k"},
    "empty": {"value": b"", "key": b""},
    "binary": {"value": b"\0\xff", "key": b"\0\xff", "headers": [("h", b"\0\xff"), ("", b"nameless"), ("none", None)]},
    "repeated header": {"value": b"x", "headers": [("h", b"1"), ("h", b"2")]},
    "huge header": {"value": b"x", "headers": [("h", bytes(900_000))]},
    "many headers": {"value": b"x", "headers": [(f"h{n}", b"v") for n in range(1500)]},
    "no time": {"value": b"x", "timestamp": 0},
    "odd numbers": {"value": b"x", "headers": [
        ("capture-time", b"99999999999999999999999"), ("gst-duration", b"-1"), ("gst-pts", b"x"), ("seq", b""),
        ("gst-flags", b"no,such,flag")]},
}


def test_messages_of_any_producer_are_copied_unchanged(kafka, fresh, launch):
    """A pipeline copies messages of a producer that isn't kafkasink: value, key and headers of the copy are unchanged."""
    kafka.create_topic(fresh, 1)
    kafka.create_topic(fresh + "-out", 1)
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        producer = kafka.producer(compression_type=codec)
        for message in FOREIGN.values():
            producer.produce(fresh, **message)
        assert producer.flush(120) == 0
    copier = launch(
        f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} auto-offset-reset=earliest eos-at-end=true ! "
        f"kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh}-out", options="-e")
    assert copier.wait(120) == 0
    copies = everything(kafka, fresh + "-out")
    assert len(copies) == 5 * len(FOREIGN)
    for copy, (name, message) in zip(copies, [*FOREIGN.items()] * 5):
        assert (copy.value(), copy.key()) == (message["value"], message.get("key")), name
        sent = [entry for entry in message.get("headers", []) if not entry[0].startswith("gst-") and entry[0] != "seq"]
        assert [entry for entry in copy.headers() if entry in sent] == sent, name


def everything(kafka, topic):
    """Returns the messages of a topic's only partition."""
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": kafka.bootstrap, "group.id": "everything-" + topic, "enable.auto.commit": False})
    _, end = consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, 0), timeout=30)
    consumer.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
    messages = []
    while len(messages) < end:
        messages += consumer.consume(1000, 10)
    consumer.close()
    return messages


def test_aborted_messages_are_not_read(kafka, fresh):
    kafka.create_topic(fresh, 1)
    producer = kafka.producer(transactional_id=fresh)
    producer.init_transactions(30)
    for number, commits in enumerate([True, False, True, False]):
        producer.begin_transaction()
        producer.produce(fresh, b"%d" % number, timestamp=(BASE + number) * 1000)
        producer.flush(120)
        producer.commit_transaction(30) if commits else producer.abort_transaction(30)
    wait_readable(kafka, fresh)
    assert read(kafka, fresh, "auto-offset-reset=earliest eos-at-end=true") == [0, 2]
    with Player(source(kafka, fresh, "replay=true ! identity sync=false")) as player:
        player.play()
        # the recording ends with its last message, although the end markers of transactions have
        # later offsets
        assert player.duration() == 2 * Gst.SECOND
        player.wait_eos()
        assert player.numbers == [0, 2]


def test_only_frames_of_the_chosen_camera_are_read(kafka, fresh):
    kafka.create_topic(fresh, 2)
    feed = Feed(kafka, fresh)
    for camera in ("cam-1", "cam-2", "cam-1"):
        feed.send(5, size=9, headers=[("camera", camera)])
    expected = [*range(5), *range(10, 15)]
    assert read(kafka, fresh, "camera=cam-1 auto-offset-reset=earliest eos-at-end=true") == expected
    assert read(kafka, fresh, "camera=cam-1 replay=true") == expected
