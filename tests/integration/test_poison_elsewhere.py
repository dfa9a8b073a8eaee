# SPDX-License-Identifier: LGPL-2.1-or-later
"""Poison messages, each of which makes the pipeline fail, beside other faults: a broker that is away, partitions that move,
several members, a damaged batch, a decoder that hangs; and in `pipelines/fog`."""

import os
import pathlib
import re
import signal
import subprocess
import threading
import time

import kafka_server
import pytest
from messages import Seen
from pipeline import BUILD, environment, wait_until
from test_damaged import batches, flip
from test_poison import CAPS, CRASHER, Topic, cmyk, orchestrate, stage, wait_numbers

TOP = pathlib.Path(__file__).resolve().parents[2]
DYNAMIC = "auto-offset-reset=earliest client-properties=c,session.timeout.ms=6000"


@pytest.fixture(scope="module")
def own_kafka(tmp_path_factory):
    """A broker that only this file's tests use, so that they may kill it and damage its files."""
    with kafka_server.Kafka(tmp_path_factory.mktemp("poison")) as server:
        yield server


class Restarted:
    """A stage that is restarted whenever it ends, until `finish`."""

    _launching = threading.Lock()  # held while a pipeline is started, so that each start gets a log of its own

    def __init__(self, launch, line):
        self.said, self._launch, self._line = [], launch, line
        self._finished = threading.Event()
        self._running = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._finished.is_set():
            with self._launching:
                self._running = self._launch(self._line)
            self._running.popen.wait()
            self.said.append(self._running.output())

    def finish(self):
        self._finished.set()
        self._running.signal(signal.SIGINT)
        self._thread.join(30)
        assert not self._thread.is_alive()


def condemned(said):
    return sum(one.count("WARNING: from element /GstPipeline:pipeline0/GstKafkaSrc:src: Message ") for one in said)


def test_broker_away_meanwhile(own_kafka, fresh, launch, good):
    """The broker is killed after the first and after the third failure of the pipeline: only the poison message is
    condemned, although a commit may have failed."""
    topic = Topic(own_kafka, fresh)
    seen = Seen(own_kafka, fresh + "-out")
    topic.send([*good, cmyk(), *good])
    broker = own_kafka.processes[0]
    restarted = Restarted(launch, stage(own_kafka, topic, "jpegdec ! jpegenc", more="", member=DYNAMIC))
    for runs in (1, 3):
        wait_until(lambda: len(restarted.said) >= runs, 60, "a failed run")  # noqa: B023
        broker.kill()
        time.sleep(2)
        own_kafka.start_node(1)
    wait_numbers(seen, [n for n in range(13) if n != 6], 90)
    wait_until(lambda: topic.committed() == 13, 30, "the offset")
    restarted.finish()
    assert condemned(restarted.said) == 1
    seen.close()


@pytest.mark.on_request
def test_outages_do_not_count_as_failed_runs(own_kafka, fresh, launch, good):
    """The broker is killed repeatedly while one valid message is alone in the pipeline, for longer than the member's
    session, and only the poison message is condemned."""
    topic = Topic(own_kafka, fresh)
    topic.send([cmyk(), *good])
    broker = own_kafka.processes[0]
    # The first message makes the pipeline fail, after which kafkasrc pushes the later messages one
    # at a time.
    line = stage(own_kafka, topic, "jpegdec", more="", member=DYNAMIC, sink="identity sleep-time=300000 ! jpegenc ! kafkasink "
                 f"bootstrap-servers={own_kafka.bootstrap} topic={fresh}-out")
    restarted = Restarted(launch, line)
    seen = Seen(own_kafka, fresh + "-out")
    wait_until(lambda: seen.poll() >= 1, 60, "the first sound one")
    for _ in range(4):
        broker.kill()
        time.sleep(7)
        own_kafka.start_node(1)
        time.sleep(1)
    wait_numbers(seen, range(1, 7), 90)
    restarted.finish()
    assert condemned(restarted.said) == 1
    seen.close()


def test_a_poison_message_is_condemned_although_its_partition_moves_between_members(kafka, fresh, launch, good, seen):
    """After each failure the other member gets the partitions, and with the committed offsets the counts of failures that
    kafkasrc has stored there."""
    topic = Topic(kafka, fresh, 4)
    # the messages go to the four partitions in turn, so partition 2 has two of the three poison
    # messages
    topic.send([*good, cmyk(), *good[:3], cmyk(), *good, *good[:3], cmyk(), *good[:4]])
    line = stage(kafka, topic, "queue ! jpegdec ! jpegenc", more="", member=DYNAMIC)
    members = [Restarted(launch, line) for _ in range(2)]
    wait_numbers(seen, [n for n in range(25) if n not in (6, 10, 20)], 120)
    wait_until(lambda: topic.committed() == 25, 60, "the offsets")
    for member in members:
        member.finish()
    assert condemned(members[0].said + members[1].said) == 3


def test_only_poison_is_condemned_while_partitions_move(kafka, fresh, launch, good, seen):
    """A member joins and leaves repeatedly while the other member pushes one message at a time, and only the poison message
    is condemned."""
    topic = Topic(kafka, fresh, 2)
    topic.send([*good, cmyk(), *good, *good])
    restarted = Restarted(launch, stage(kafka, topic, "jpegdec ! identity sleep-time=100000 ! jpegenc", more="", member=DYNAMIC))
    wait_until(lambda: restarted.said, 60, "a failed run")
    while condemned(restarted.said) == 0 and topic.committed() < 19:
        visitor = launch(stage(kafka, topic, "jpegdec ! jpegenc", more="", member=DYNAMIC))
        time.sleep(1.5)
        visitor.signal(signal.SIGINT)
        visitor.wait(120)
        restarted.said.append(visitor.output())
    wait_numbers(seen, [n for n in range(19) if n != 6], 60)
    wait_until(lambda: topic.committed() == 19, 60, "the offsets")
    restarted.finish()
    assert condemned(restarted.said) == 1


def damage(kafka, topic, number):
    path = kafka.directory / "node-1" / "data" / f"{topic}-0" / f"{0:020}.log"
    log = bytearray(path.read_bytes())
    flip(log, *list(batches(log))[number])
    path.write_bytes(log)


@pytest.mark.parametrize("number", [3, 5])
def test_poison_next_to_a_damaged_batch_is_condemned(own_kafka, fresh, launch, good, number):
    """A poison message is directly before or behind a damaged batch: the batch is skipped as damaged, the poison message is
    condemned, and no other message is skipped."""
    topic = Topic(own_kafka, fresh)
    for picture in [*good[:4], cmyk(), *good[:4]]:
        topic.send([picture])
    own_kafka.stop()
    damage(own_kafka, fresh, number)
    own_kafka.start()
    seen = Seen(own_kafka, fresh + "-out")
    said = orchestrate(launch, stage(own_kafka, topic, "jpegdec ! jpegenc"))
    wait_numbers(seen, [n for n in range(9) if n not in (4, number)])
    assert condemned(said) == 1
    assert topic.committed() == 9
    seen.close()


HANGING = CRASHER.replace("os.abort()", "print('hangs', flush=True); import time; time.sleep(1000)")


@pytest.mark.parametrize("queue", ["", "queue ! "])
def test_decoder_that_hangs(kafka, fresh, seen, queue):
    """If a decoder hangs and a watchdog kills the pipeline, the message that was alone in it is condemned as after crashes."""
    topic = Topic(kafka, fresh)
    topic.send([b"good"] * 3 + [b"poison"] + [b"good"] * 3)
    line = stage(kafka, topic, f"{queue}identity name=decoder")
    hung = []
    while not hung or hung[-1]:
        hanging = subprocess.Popen(
            ["/usr/bin/python3", "-c", HANGING, line], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        hung.append(b"hangs" in hanging.stdout.readline())
        if hung[-1]:
            hanging.kill()
        hanging.stdout.close()
        assert (hanging.wait(120) == 0) != hung[-1]
        assert len(hung) < 8
    assert len(hung) == 5
    wait_numbers(seen, [n for n in range(7) if n != 3])
    assert topic.committed() == 7


def test_the_fog_script_condemns_poison_without_an_orchestrator(kafka, fresh, tmp_path, good, seen):
    """`pipelines/fog` itself restarts its pipeline after a failure, so that it condemns poison messages without an
    orchestrator, and ends at Ctrl-C."""
    topic = Topic(kafka, fresh)
    topic.send([*good, cmyk(), *good])
    with open(tmp_path / "fog.log", "wb") as log:
        fog = subprocess.Popen(
            [TOP / "pipelines/fog"], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            env={**os.environ, "FOG_KAFKA": kafka.bootstrap, "CAMERA_TOPIC": fresh, "DATABASE_TOPIC": fresh + "-out", "GROUP": fresh,
                 "FEEDBACK_TOPIC": fresh + "-reports", "SOURCE_OPTIONS": "auto-offset-reset=earliest", "FACES_OPTIONS": "min-faces=0",
                 "GST_FOG_BUILD": str(BUILD)})
    try:
        wait_until(lambda: seen.poll() >= 12, 60, "what is sound")
        wait_until(lambda: topic.committed() == 13, 30, "the offset")
        fog.send_signal(signal.SIGINT)
        assert fog.wait(120) == 0
    finally:
        fog.kill()
    said = (tmp_path / "fog.log").read_text(errors="replace")
    assert sorted(seen.counts) == [n for n in range(13) if n != 6]
    # Only lines that begin with WARNING are counted, because the debug log repeats each warning if
    # GST_DEBUG is set.
    assert len(re.findall(r"^WARNING: .*was alone in the pipeline in 3 failed runs", said, re.MULTILINE)) == 1
    assert "Starting again" in said


def test_poison_is_condemned_if_few_messages_follow_it(kafka, fresh, launch, good, seen):
    """A queue returns a failure of the element behind it only at the next push, which never comes if no message is left;
    the pipeline fails without this push."""
    topic = Topic(kafka, fresh)
    topic.send([*good[:3], cmyk(), *good[:2]])
    restarted = Restarted(launch, stage(kafka, topic, "queue ! jpegdec ! jpegenc", more=""))
    wait_numbers(seen, [0, 1, 2, 4, 5])
    wait_until(lambda: topic.committed() == 6, 30, "the offset")
    restarted.finish()
    assert condemned(restarted.said) == 1
