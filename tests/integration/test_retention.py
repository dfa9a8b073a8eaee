# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reading that begins at an offset which the broker has deleted, or doesn't have yet: the messages that exist are read, and
the missing ones are reported once."""

import time

import confluent_kafka
import pytest
from messages import CAPS, commit, wait_readable
from pipeline import wait_until
from player import Gst, Player

BEGIN = 1_700_000_000_000  # ms


def fill(kafka, topic, count=20, partitions=(0,), size=10, first=0, **options):
    producer = kafka.producer(**options)
    for number in range(first, first + count):
        for partition in partitions:
            captured = BEGIN + number * 100
            producer.produce(
                topic, b"%d" % number + b" " * size, partition=partition, timestamp=captured,
                headers=[("capture-time", str(captured * 1_000_000)), ("gst-caps", CAPS)])
    assert producer.flush(120) == 0


@pytest.fixture
def topic(kafka, fresh):
    kafka.create_topic(fresh, 1, config=["retention.ms=-1"])
    fill(kafka, fresh)
    return fresh


def committed(kafka, group, topic):
    consumer = confluent_kafka.Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group})
    answer = consumer.committed([confluent_kafka.TopicPartition(topic, 0)], 10)[0].offset
    consumer.close()
    return answer


class Reading(Player):
    """Starts a pipeline with kafkasrc, and keeps the infos, warnings and error that it posts."""

    def __init__(self, kafka, topic, options, sink="fakesink sync=false async=false"):
        super().__init__(f"kafkasrc name=src bootstrap-servers={kafka.bootstrap} topic={topic} {options}", sink)
        self.infos, self.warnings, self.error = [], [], None
        self._pipeline.set_state(Gst.State.PLAYING)

    def pause(self):
        self._pipeline.set_state(Gst.State.PAUSED)

    def go_on(self):
        self._pipeline.set_state(Gst.State.PLAYING)

    def look(self, timeout=0):
        """Reads the pipeline's messages. Returns True if the pipeline has ended."""
        kinds = Gst.MessageType.EOS | Gst.MessageType.ERROR | Gst.MessageType.WARNING | Gst.MessageType.INFO
        while message := self.wait_message(kinds, timeout):
            if message.type == Gst.MessageType.INFO:
                self.infos.append(message.parse_info().gerror.message)
                continue
            if message.type == Gst.MessageType.WARNING:
                self.warnings.append(message.parse_warning().gerror.message)
                continue
            if message.type == Gst.MessageType.ERROR:
                self.error = message.parse_error().gerror.message
            return True
        return False

    def finish(self):
        assert self.look(30), f"no end; {self.numbers}; {self.warnings}"
        return self


def read(kafka, topic, options):
    with Reading(kafka, topic, options) as one:
        return one.finish(), one.stat("lost")


ALL, LEFT = list(range(20)), list(range(10, 20))
EARLIEST, ERROR = "auto-offset-reset=earliest", "auto-offset-reset=error"


@pytest.mark.parametrize("how", ["", "replay=true sync=false"])
@pytest.mark.parametrize("place, policy, numbers, lost, said", [
    ("start-offset=0", "", LEFT, 10, "10 offsets are lost"),
    ("start-offset=0", EARLIEST, LEFT, 10, "10 offsets are lost"),
    ("start-offset=9", "", LEFT, 1, "1 offsets are lost"),
    ("start-offset=10", "", LEFT, 0, None),
    ("start-offset=20", "", [], 0, None),
    ("start-offset=21", "", [], 0, "beyond"),
    ("start-offset=1000", EARLIEST, LEFT, 0, "beyond"),
    (f"start-time={BEGIN}000000", "", LEFT, 0, "start-time is older"),
    (f"start-time={BEGIN + 1500}000000", "", LEFT[5:], 0, None),
    (f"start-time={BEGIN + 99999}000000", "", [], 0, None),
    ("", EARLIEST, LEFT, 0, None),
    ("start-offset=0", ERROR, [], None, "are deleted"),
    ("start-offset=1000", ERROR, [], None, "beyond"),
    (f"start-time={BEGIN}000000", ERROR, [], None, "start-time is older"),
    ("start-offset=15", ERROR, LEFT[5:], 0, None),
    (f"start-time={BEGIN + 99999}000000", EARLIEST, LEFT, 0, "start-time is beyond"),
    (f"start-time={BEGIN + 99999}000000", ERROR, [], None, "start-time is beyond"),
    # ranges without messages; the time 1700000001500 is a mistake, in ms instead of ns
    ("end-time=1700000001500", EARLIEST, [], 0, "No message is read"),
    ("end-offset=5", EARLIEST, [], 0, "No message is read"),
    (f"start-time={BEGIN + 1410}000000 end-time={BEGIN + 1420}000000", "", [], 0, "No message is read"),
    (f"end-time={BEGIN + 1500}000000", EARLIEST, LEFT[:5], 0, None),
])
def test_alone(kafka, topic, how, place, policy, numbers, lost, said):
    kafka.delete_records(topic, {0: 10})
    how = how.replace("sync=false", "")
    one, counted = read(kafka, topic, f"eos-at-end=true {how} {place} {policy}")
    assert one.numbers == numbers
    said_so = [one.error] if lost is None else one.warnings
    assert [said in text for text in said_so] == [True] if said else said_so == []
    assert counted == (lost or 0) or lost is None
    assert bool(one.error) == (lost is None)


@pytest.mark.parametrize("how", ["", "replay=true"])
@pytest.mark.parametrize("start, policy, said", [
    (BEGIN * 10**6, "", "No message is left"), (BEGIN * 10**6, ERROR, "No message is left"), (4 * 10**18, ERROR, None)])
def test_a_start_time_older_than_an_emptied_topic_is_reported(kafka, topic, how, start, policy, said):
    kafka.delete_records(topic, {0: 20})
    one, _ = read(kafka, topic, f"eos-at-end=true start-time={start} {policy} {how}")
    assert one.numbers == []
    heard = [*one.warnings, *([one.error] if one.error else [])]
    assert [said in text for text in heard] == ([True] if said else []), heard
    assert bool(one.error) == bool(policy and said)


@pytest.mark.parametrize("protocol", ["cooperative-sticky", "range"])
@pytest.mark.parametrize("place, policy, numbers, lost, said, after", [
    (5, "", LEFT, 5, "5 offsets are lost", 20),
    (5, EARLIEST, LEFT, 5, "5 offsets are lost", 20),
    (15, "", LEFT[5:], 0, None, 20),
    (1000, "", [], 0, "beyond", 20),
    (1000, EARLIEST, LEFT, 0, "beyond", 20),
    (None, EARLIEST, LEFT, 0, None, 20),
    (None, "", [], 0, None, 20),
    (5, ERROR, [], None, "are deleted", 5),
    (1000, ERROR, [], None, "beyond", 1000),
    (None, ERROR, [], None, "has committed no offset", -1001),
])
def test_group(kafka, topic, protocol, place, policy, numbers, lost, said, after):
    group = f"{topic}-g"
    if place is not None:
        commit(kafka, group, topic, place)
    kafka.delete_records(topic, {0: 10})
    one, counted = read(
        kafka, topic,
        f"group-id={group} eos-at-end=true {policy} client-properties=c,partition.assignment.strategy={protocol}")
    assert one.numbers == numbers
    said_so = [one.error] if lost is None else one.warnings
    assert [said in text for text in said_so] == [True] if said else said_so == []
    assert lost is None or counted == lost
    assert committed(kafka, group, topic) == after


@pytest.mark.parametrize("group", [False, True])
def test_some_partitions(kafka, fresh, group):
    """Reads four partitions: one complete, one partly deleted, one emptied, and one always empty."""
    kafka.create_topic(fresh, 4, config=["retention.ms=-1"])
    fill(kafka, fresh, partitions=(0, 1, 2))
    kafka.delete_records(fresh, {1: 10, 2: 20})
    place = "start-offset=0"
    if group:
        commit(kafka, fresh, fresh, 0, 0, 0, 0)
        place = f"group-id={fresh}"
    one, lost = read(kafka, fresh, f"{place} eos-at-end=true")
    assert sorted(one.numbers) == sorted(ALL + LEFT)
    assert lost == 30
    assert len(one.warnings) == 2


@pytest.mark.parametrize("options", ["auto-offset-reset=earliest", "group-id=paused auto-offset-reset=earliest"])
def test_after_a_pause(kafka, fresh, options):
    kafka.create_topic(fresh, 1, config=["retention.ms=-1"])
    fill(kafka, fresh, 100, size=50_000, batch_num_messages=1)
    with Reading(kafka, fresh, options.replace("paused", fresh) + " max-prefetch=65536") as one:
        wait_until(lambda: len(one.numbers) >= 5, 30, "messages")
        one.pause()
        fill(kafka, fresh, 200, size=50_000, first=100, batch_num_messages=1)
        time.sleep(0.5)
        kafka.delete_records(fresh, {0: 290})
        one.go_on()
        wait_until(lambda: 299 in one.numbers, 30, "the last one")
        one.look()
        lost = one.stat("lost")
        assert one.numbers == sorted(one.numbers)
        assert lost == 300 - len(one.numbers) > 0
        assert len(one.warnings) == 1 and f"{lost} offsets are lost" in one.warnings[0]


@pytest.mark.parametrize("refused", ["by the seek", "before it"])
def test_messages_lost_during_a_pause_of_a_replay_are_counted_once(kafka, fresh, refused):
    """Lost messages are counted once, whether the seek or the reading before it finds the loss."""
    kafka.create_topic(fresh, 1, config=["retention.ms=-1"])
    fill(kafka, fresh, 100, size=50_000, batch_num_messages=1)
    with Reading(kafka, fresh, "replay=true max-prefetch=65536", "fakesink sync=true") as one:
        wait_until(lambda: len(one.numbers) >= 5, 30, "messages")
        one.pause()
        kafka.delete_records(fresh, {0: 50})
        if refused == "before it":
            one.go_on()
            wait_until(lambda: one.look() or one.warnings, 30, "a warning")
            assert 0 < one.stat("lost") < 50
        one.seek(0, rate=20.0)
        one.finish()
        assert one.numbers == list(range(50, 100))
        assert one.stat("lost") == 50
        assert len(one.warnings) == 1


def test_replay_continues_after_a_pause_in_which_messages_were_deleted(kafka, fresh):
    kafka.create_topic(fresh, 1, config=["retention.ms=-1"])
    fill(kafka, fresh, 50, size=50_000, first=50, batch_num_messages=1)
    with Reading(kafka, fresh, "replay=true max-prefetch=65536", "fakesink sync=true") as one:
        wait_until(lambda: len(one.numbers) >= 1, 30, "messages")
        one.pause()
        time.sleep(0.3)
        kafka.delete_records(fresh, {0: 40})
        one.go_on()
        one.finish()
        assert one.numbers == sorted(one.numbers) and one.numbers[-10:] == list(range(90, 100))
        assert one.stat("lost") == 50 - len(one.numbers) > 0
        assert len(one.warnings) == 1


def test_a_replay_ends_if_its_topic_is_deleted(kafka, topic, launch):
    """If the topic of a replay is deleted, librdkafka 2.0.2 never ends its client, but the element still stops, because it
    doesn't wait for the client."""
    replay = launch(f"-v kafkasrc bootstrap-servers={kafka.bootstrap} topic={topic} replay=true ! "
                    "fakesink silent=false")
    wait_until(lambda: "chain " in replay.output(), 30, "a message")
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.delete_topics([topic])[topic].result(120)
    replay.wait(120)


def test_a_recording_that_is_deleted_before_it_is_read_ends_with_an_error(kafka, fresh, launch):
    kafka.create_topic(fresh, 1, config=["retention.ms=-1"])
    producer = kafka.producer()
    for number in range(60):
        producer.produce(fresh, bytes(50_000), partition=0, timestamp=BEGIN + 100 * number, headers=[("gst-caps", CAPS)])
    producer.flush(120)
    replay = launch(f"-v kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} replay=true max-prefetch=65536 ! "
                    "identity sleep-time=100000 ! fakesink silent=false")
    wait_until(lambda: "chain " in replay.output(), 30, "a message")
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.delete_topics([fresh])[fresh].result(120)
    assert replay.wait(120) == 1 and "was deleted while it was replayed" in replay.output()


@pytest.mark.parametrize("how, missing", [("start-offset=5 eos-at-end=true", 5), ("start-offset=5 replay=true", 0)])
def test_offsets_without_messages_do_not_count_as_lost(kafka, fresh, how, missing):
    """The end marker of a transaction and aborted messages have offsets, but aren't lost messages. If it isn't a replay,
    offsets-missing counts them: 5 to 7, 11 and 15 in this test."""
    kafka.create_topic(fresh, 1, config=["retention.ms=-1"])
    for number in range(4):
        producer = kafka.producer(transactional_id=f"{fresh}-{number}")
        producer.init_transactions(30)
        producer.begin_transaction()
        for one in range(3):
            captured = BEGIN + number * 300 + one * 100
            producer.produce(fresh, b"%d" % (number * 3 + one), partition=0, timestamp=captured,
                             headers=[("gst-caps", CAPS)])
        producer.flush(120)
        producer.abort_transaction(30) if number == 1 else producer.commit_transaction(30)
    wait_readable(kafka, fresh)
    with Reading(kafka, fresh, how) as one:
        one.finish()
        assert one.numbers == [6, 7, 8, 9, 10, 11]
        assert (one.stat("lost"), one.stat("offsets-missing"), one.warnings, one.error) == (0, missing, [], None)


def test_messages_behind_an_open_transaction_are_reported(kafka, fresh):
    """A reader waits for messages behind an open transaction, and a reader with an end ends before them. Both post one
    warning."""
    kafka.create_topic(fresh, 1, config=["retention.ms=-1"])
    fill(kafka, fresh, 5)
    producer = kafka.producer(transactional_id=fresh)
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(fresh, b"100", partition=0, timestamp=BEGIN, headers=[("gst-caps", CAPS)])
    producer.flush(120)
    fill(kafka, fresh, 5, first=5)
    with Reading(kafka, fresh, EARLIEST) as alone, Reading(kafka, fresh, f"group-id={fresh} {EARLIEST}") as member:
        for bounded in (f"eos-at-end=true {EARLIEST}", "replay=true"):
            one, _ = read(kafka, fresh, bounded)
            assert one.numbers == list(range(5))
            assert ["6 messages from offset 5 on" in text for text in one.warnings] == [True], one.warnings
        for reader in (alone, member):
            wait_until(lambda reader=reader: reader.look() or reader.warnings, 60, "a warning")
            assert reader.numbers == list(range(5)) and reader.stat("held-back") == 6
            assert ["6 messages from offset 5 on" in text for text in reader.warnings] == [True], reader.warnings
        producer.abort_transaction(30)
        for reader in (alone, member):
            wait_until(lambda reader=reader: reader.numbers == list(range(10)), 30, "the messages")
            wait_until(lambda reader=reader: reader.stat("held-back") == 0, 30, "no messages are held back")
        one, _ = read(kafka, fresh, f"eos-at-end=true {EARLIEST}")
        assert one.numbers == list(range(10)) and not one.warnings


def test_a_seek_in_trick_mode_without_key_units_is_a_warning(kafka, fresh):
    kafka.create_topic(fresh, 1, config=["retention.ms=-1"])
    producer = kafka.producer()
    for number in range(5):
        producer.produce(fresh, b"%d" % number, partition=0, timestamp=BEGIN + number * 100,
                         headers=[("gst-caps", CAPS), ("gst-flags", "delta-unit")])
    producer.flush(120)
    with Reading(kafka, fresh, "replay=true") as one:
        one.pause()
        one.seek(0, flags=Gst.SeekFlags.TRICKMODE_KEY_UNITS)
        one.go_on()
        one.finish()
        assert one.numbers == [] and ["No key unit was found" in text for text in one.warnings] == [True]
        one.seek(0)
        one.go_on()
        one.finish()
        assert one.numbers == list(range(5)) and len(one.warnings) == 1


@pytest.mark.parametrize("how", ["earliest", "latest"])
def test_topic_created_again_with_fewer_messages_is_read_from_its_first_message(kafka, topic, how):
    with Reading(kafka, topic, f"start-offset=0 auto-offset-reset={how}") as one:
        wait_until(lambda: len(one.numbers) == 20, 30, "messages")
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": kafka.bootstrap})
        admin.delete_topics([topic])[topic].result(120)
        wait_until(lambda: topic not in admin.list_topics(timeout=10).topics, 30, "the deletion")
        kafka.create_topic(topic, 1, config=["retention.ms=-1"])
        fill(kafka, topic, 5)
        wait_until(lambda: one.look() or one.warnings, 60, "a warning")
        wait_until(lambda: one.numbers == [*ALL, *range(5)], 30, "messages")
        assert one.error is None
        assert "has other messages than before" in one.warnings[0]


def test_an_end_offset_before_the_newest_messages_reads_none_and_warns(kafka, topic):
    """Without auto-offset-reset=earliest, reading begins behind the newest message, so with end-offset=10 no message is
    read, which is a warning."""
    one, _ = read(kafka, topic, "end-offset=10")
    assert one.numbers == [] and ["No message is read" in text for text in one.warnings] == [True]
    commit(kafka, topic, topic, 15)
    one, _ = read(kafka, topic, f"group-id={topic} end-offset=10")
    assert (one.numbers, one.warnings) == ([], []), "the group has read them"


@pytest.mark.parametrize("policy", ["", EARLIEST, ERROR])
def test_a_start_time_beyond_the_messages_of_one_of_two_partitions_is_no_error(kafka, fresh, policy):
    kafka.create_topic(fresh, 2, config=["retention.ms=-1"])
    fill(kafka, fresh, 20, partitions=(0,))
    fill(kafka, fresh, 10, partitions=(1,))
    one, _ = read(kafka, fresh, f"start-time={BEGIN + 1500}000000 eos-at-end=true {policy}")
    assert (one.numbers, one.warnings, one.error) == (ALL[15:], [], None)
