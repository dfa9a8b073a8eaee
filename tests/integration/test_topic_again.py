# SPDX-License-Identifier: LGPL-2.1-or-later
"""If a topic is deleted and created again while it is read, its new messages are read from the first one on, and a warning
or an error says that the topic has other messages than before."""

import contextlib
import time

import confluent_kafka.admin
import pytest
from messages import CAPS
from pipeline import wait_until
from test_retention import Reading

SLOW = "identity sleep-time=300000 ! fakesink sync=false async=false"
EARLIEST, ERROR = "auto-offset-reset=earliest", "auto-offset-reset=error"
# name of the reader: (options of kafkasrc, number of the 20 old messages that it reads before the
# deletion, whether it always warns of the new topic, even after the 12 s in which its group notices
# the deletion)
READERS = {
    "alone": (EARLIEST, 20, True),
    "alone, from now on": ("", 0, True),
    "alone, from the middle": ("start-offset=7", 13, True),
    "alone, pattern": (f"topic=^{{topic}}$ {EARLIEST}", 20, True),
    "group": (f"group-id={{topic}}-a {EARLIEST}", 20, False),
    "group, from now on": ("group-id={topic}-b", 0, False),
    "group, pattern": ("topic=^{topic}$ group-id={topic}-c", 0, False),
    "group, eager": (f"group-id={{topic}}-d {EARLIEST} client-properties=c,partition.assignment.strategy=range", 20, False),
    "slow": (f"group-id={{topic}}-e {EARLIEST}", 3, False),
    "error": (f"{ERROR} start-offset=0", 20, True),
    "replay": ("replay=true", 3, True),
}
ENDING = ["error", "replay"]
SAID = "has other messages than before"


def fill(kafka, topic, numbers, began):
    producer = kafka.producer()
    for at, number in enumerate(numbers):
        producer.produce(topic, b"%d" % number, partition=0, timestamp=began + at * 1000, headers=[("gst-caps", CAPS)])
    assert producer.flush(120) == 0


def sink(name):
    if name == "replay":
        return "fakesink sync=true"
    return SLOW if name == "slow" else "fakesink sync=false async=false"


# gap: time (s) between the deletion and the creation of the topic; after 12 s librdkafka has
# noticed the deletion. count: number of new messages, more or fewer than the 20 old ones.
@pytest.mark.parametrize("gap, count", [
    (0, 30), (0, 7), (12, 30), *[pytest.param(*one, marks=pytest.mark.on_request) for one in [(2, 30), (2, 7), (12, 7)]]])
def test_a_topic_that_is_created_again_is_read_from_its_first_message(kafka, fresh, gap, count):
    old, new = range(20), range(1000, 1000 + count)
    began = int(time.time() * 1000)
    kafka.create_topic(fresh, 1, config=["retention.ms=-1"])
    fill(kafka, fresh, old, began - 20_000)
    with contextlib.ExitStack() as stack:
        readers = {
            name: stack.enter_context(Reading(kafka, fresh, options.format(topic=fresh), sink(name)))
            for name, (options, _, _) in READERS.items()}
        for name, one in readers.items():
            wait_until(lambda: len(one.numbers) >= READERS[name][1] and one.stat("messages") >= READERS[name][1], 30, name)  # noqa: B023
            if "replay" not in name:
                wait_until(lambda: one.stat("rebalances") or "group" not in name, 30, name)  # noqa: B023
        time.sleep(2)
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": kafka.bootstrap})
        admin.delete_topics([fresh])[fresh].result(120)
        wait_until(lambda: fresh not in admin.list_topics(timeout=10).topics, 30, "the deletion")
        time.sleep(gap)
        kafka.create_topic(fresh, 1, config=["retention.ms=-1"])
        fill(kafka, fresh, new, began + 60_000)
        for name, one in readers.items():
            if name in ENDING:
                wait_until(one.look, 60, name)
                assert SAID in (one.error or "") or (name == "replay" and one.numbers == list(old)), name
                continue
            wait_until(lambda: set(new) <= set(one.numbers), 60, f"{name}: {one.numbers}")  # noqa: B023
            one.look()
            assert one.error is None, name
            assert not READERS[name][2] or [SAID in text for text in one.warnings].count(True) >= 1, name
            assert gap or READERS[name][2] or one.warnings, name


@pytest.mark.parametrize("topics", ["{}", "^{}$"])
def test_a_topic_created_again_after_its_deletion_was_noticed_is_read_from_its_first_message(kafka, fresh, topics):
    """The new topic has as many messages as the old one, with the same timestamps, and one partition more, and is still
    read from its first message."""
    began = int(time.time() * 1000) - 60_000
    kafka.create_topic(fresh, 1, config=["retention.ms=-1"])
    fill(kafka, fresh, range(3), began)
    named = topics.format(fresh)
    with Reading(kafka, named, EARLIEST) as alone, Reading(kafka, named, f"group-id={fresh} {EARLIEST}") as member:
        readers = [alone, member]
        wait_until(lambda: all(len(one.numbers) == 3 for one in readers), 30, "the old messages")
        kafka.delete_topic(fresh)
        wait_until(lambda: all(one.look() or one.infos for one in readers), 60, "the readers notice the deletion")
        time.sleep(8)  # time in which the readers, which query the topic every second, find that it doesn't exist
        kafka.create_topic(fresh, 2, config=["retention.ms=-1"])
        fill(kafka, fresh, range(100, 103), began)
        for one in readers:
            wait_until(lambda one=one: set(one.numbers) >= {100, 101, 102}, 60, str([one.numbers for one in readers]))
            one.look()
            assert one.error is None
