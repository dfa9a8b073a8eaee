# SPDX-License-Identifier: LGPL-2.1-or-later
"""A poison message makes the pipeline fail each time that an orchestrator restarts it. kafkasrc skips (condemns) only this
message, and only after three runs of the pipeline failed while it was alone in the pipeline."""

import re
import shlex
import subprocess

import pytest
import scraped
from messages import Seen
from pipeline import environment, wait_until
from test_ledger import Group

CAPS = "image/jpeg, width=(int)64, height=(int)48"
MEMBER = "group-instance-id=one auto-offset-reset=earliest"


def cmyk():
    """Makes a valid JPEG of 8x8 pixels with four components, for which jpegdec returns GST_FLOW_ERROR."""

    def segment(marker, body):
        return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body

    one_code = bytes([1] + [0] * 15 + [0])
    return b"".join([
        b"\xff\xd8", segment(0xDB, b"\0" + b"\1" * 64),
        segment(0xC0, bytes([8, 0, 8, 0, 8, 4]) + b"".join(bytes([n, 0x11, 0]) for n in range(1, 5))),
        segment(0xC4, b"\x00" + one_code), segment(0xC4, b"\x10" + one_code),
        segment(0xDA, bytes([4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0])), b"\0", b"\xff\xd9"])


class Topic:
    """Sends numbered messages, some of which are poison."""

    def __init__(self, kafka, name, partitions=1):
        self.name, self._kafka, self._sent, self.partitions = name, kafka, 0, partitions
        for one in (name, name + "-out"):
            kafka.create_topic(one, partitions)
        self._producer = kafka.producer()

    def send(self, values):
        for value in values:
            self._producer.produce(
                self.name, value, partition=self._sent % self.partitions,
                headers={"gst-caps": CAPS, "number": str(self._sent)})
            self._sent += 1
        assert self._producer.flush(120) == 0

    def committed(self):
        return Group(self._kafka, self.name, self.name, self.partitions).committed()


def stage(kafka, topic, middle, more="eos-at-end=true", sink=None, member=MEMBER):
    sink = sink or f"kafkasink bootstrap-servers={kafka.bootstrap} topic={topic.name}-out"
    return (f"kafkasrc name=src bootstrap-servers={kafka.bootstrap} topic={topic.name} group-id={topic.name} {member} {more} ! "
            f"{middle} ! {sink}")


def orchestrate(launch, line, starts=16, **variables):
    """Starts the pipeline again until it ends without an error; returns the output of each start."""
    said = []
    for _ in range(starts):
        running = launch(line, **variables)
        code = running.wait(120)
        said.append(running.output())
        if code == 0:
            return said
    raise AssertionError(f"failed {starts} times: {said[-1][-2000:]}")


def wait_numbers(seen, numbers, timeout=30):
    wait_until(lambda: seen.poll() >= len(numbers), timeout, "what is sound")
    assert sorted(seen.counts) == sorted(numbers)


@pytest.mark.parametrize("middle", ["jpegdec ! jpegenc", "queue ! jpegdec ! queue ! jpegenc ! queue"])
@pytest.mark.parametrize("partitions", [1, 3])
def test_a_picture_that_makes_jpegdec_fail_is_condemned_after_three_runs(kafka, fresh, launch, tmp_path, good, seen, middle, partitions):
    topic = Topic(kafka, fresh, partitions)
    topic.send([*good, cmyk(), *good])
    said = orchestrate(launch, stage(kafka, topic, middle))
    wait_numbers(seen, [n for n in range(13) if n != 6])
    assert topic.committed() == 13
    assert sum("was alone in the pipeline in 3 failed runs" in one for one in said) == 1
    # the pipeline fails once with all messages, three times with the poison alone, and the last
    # start reads the other messages
    assert len(said) == 5
    line = shlex.split(said[-1].split("To look at it: ")[1].splitlines()[0])
    subprocess.run(line, env=environment(), timeout=30, check=True, cwd=tmp_path, capture_output=True)
    assert (tmp_path / "message").read_bytes() == cmyk()


def test_the_metric(kafka, fresh, launch, good):
    topic, port = Topic(kafka, fresh), scraped.port()
    topic.send([*good[:2], cmyk(), good[0]])
    running = None

    def condemned():
        nonlocal running
        if running is None or not running.running():
            running = launch(stage(kafka, topic, "jpegdec", more="", sink="fakesink"), GST_TRACERS=f"health(port={port})")
        return scraped.value(port, "gstfog_rejected_total", "condemned") == 1

    wait_until(condemned, 60)


def test_poison_messages_in_a_row_and_at_the_start_are_condemned(kafka, fresh, launch, good, seen):
    topic = Topic(kafka, fresh)
    topic.send([cmyk(), *good, cmyk(), cmyk(), *good])
    said = orchestrate(launch, stage(kafka, topic, "jpegdec ! jpegenc"))
    wait_numbers(seen, [*range(1, 7), *range(9, 15)])
    assert topic.committed() == 15
    assert sum(len(re.findall(r"WARNING: from.*was alone in the pipeline", one)) for one in said) == 3


def test_plain_sink(kafka, fresh, launch, good):
    """With a sink that acknowledges no message and keeps its last sample, the poison message is also found and condemned."""
    topic = Topic(kafka, fresh)
    topic.send([*good[:3], cmyk(), *good[:3]])
    said = orchestrate(launch, stage(kafka, topic, "jpegdec", sink="fakesink"))
    assert topic.committed() == 7
    assert sum("was alone in the pipeline" in one for one in said) == 1


def test_rejects(kafka, fresh, launch, good, seen):
    topic = Topic(kafka, fresh)
    kafka.create_topic(fresh + "-dead", 1)
    dead = Seen(kafka, fresh + "-dead")
    topic.send([*good, cmyk(), *good])
    line = stage(kafka, topic, "jpegdec ! jpegenc") + \
        f" src.rejects ! kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh}-dead"
    said = orchestrate(launch, line)
    wait_numbers(dead, [6])
    wait_numbers(seen, [n for n in range(13) if n != 6])
    assert topic.committed() == 13
    assert not any("was alone in the pipeline" in one for one in said)
    dead.close()


def test_dead_letters_reach_a_sink_that_acknowledges_no_message(kafka, fresh, launch, tmp_path, good, seen):
    """filesink acknowledges no dead letter, so a condemned message may leave as a dead letter again, but isn't pushed to
    the decoder again."""
    topic = Topic(kafka, fresh)
    topic.send([*good[:3], cmyk(), cmyk(), cmyk(), *good[:3]])
    dead = tmp_path / "dead"
    line = stage(kafka, topic, "jpegdec ! jpegenc") + f" src.rejects ! filesink append=true buffer-mode=unbuffered location={dead}"
    said = orchestrate(launch, line)
    wait_numbers(seen, [0, 1, 2, 6, 7, 8])
    assert topic.committed() == 9
    assert dead.read_bytes().replace(cmyk(), b"") == b"" and len(dead.read_bytes()) >= 3 * len(cmyk())
    # the pipeline fails once with all messages, three times for each of three poison messages, and
    # the last start reads the other messages
    assert len(said) == 11


@pytest.mark.parametrize("sink", [
    "kafkasink bootstrap-servers=127.0.0.1:1 topic=none connect-timeout=300000000",
    "filesink buffer-mode=unbuffered location=/dev/full",
    "queue ! filesink buffer-mode=unbuffered location=/dev/full",
    "identity eos-after=1 ! fakesink async=false",
])
def test_dead_letters_that_their_sink_cannot_write_are_not_lost(kafka, fresh, launch, good, seen, sink):
    """A dead letter that its sink can't write isn't lost: it leaves again when the pipeline is started with a sink that can."""
    topic = Topic(kafka, fresh)
    topic.send([*good[:3], cmyk(), *good[:3]])
    line = stage(kafka, topic, "jpegdec ! jpegenc")
    # 14 starts exceed the limit of 10 condemned messages in a row, but each start condemns the same
    # message, so the limit isn't reached.
    for _ in range(14):
        running = launch(f"{line} src.rejects ! {sink}")
        assert running.wait(120) != 0
        assert "messages in a row" not in running.output()
    kafka.create_topic(fresh + "-dead", 1)
    dead = Seen(kafka, fresh + "-dead")
    said = orchestrate(launch, f"{line} src.rejects ! kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh}-dead")
    assert len(said) == 1
    wait_numbers(dead, [3])
    wait_numbers(seen, [0, 1, 2, 4, 5, 6])
    assert topic.committed() == 7
    dead.close()


CRASHER = r"""
import sys, gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
import os
Gst.init(None)
pipeline = Gst.parse_launch(sys.argv[1])
def crash(pad, info):
    buffer = info.get_buffer()
    if buffer.extract_dup(0, 6) == b"poison":
        os.abort()
    return Gst.PadProbeReturn.OK
pipeline.get_by_name("decoder").get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, crash)
pipeline.set_state(Gst.State.PLAYING)
message = pipeline.get_bus().timed_pop_filtered(60 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
pipeline.set_state(Gst.State.NULL)
sys.exit(message is None or message.type != Gst.MessageType.EOS)
"""


@pytest.mark.parametrize("queue", ["", "queue ! "])
def test_a_message_that_crashes_the_process_is_condemned(kafka, fresh, seen, queue):
    topic = Topic(kafka, fresh)
    topic.send([b"good"] * 5 + [b"poison"] + [b"good"] * 5)
    # After a crash its member remains in the group, but the next start with the same
    # group-instance-id replaces this member at once.
    line = stage(kafka, topic, f"{queue}identity name=decoder")
    codes = []
    while not codes or codes[-1] != 0:
        codes.append(subprocess.run(
            ["/usr/bin/python3", "-c", CRASHER, line], env=environment(), timeout=60, check=False,
            capture_output=True).returncode)
        assert len(codes) < 10
    assert len(codes) == 5
    wait_numbers(seen, [n for n in range(11) if n != 5])
    assert topic.committed() == 11


@pytest.mark.parametrize("sink", [
    "filesink buffer-mode=unbuffered location=/dev/full",
    "queue ! filesink buffer-mode=unbuffered location=/dev/full",
    "kafkasink bootstrap-servers=127.0.0.1:1 connect-timeout=300000000 topic=none",
    "mongosink wrap=true uri=mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200 retry-timeout=300000000",
])
def test_a_sink_that_fails_condemns_no_message(kafka, fresh, launch, good, sink):
    topic = Topic(kafka, fresh)
    topic.send(good)
    for _ in range(6):
        running = launch(stage(kafka, topic, "identity", sink=sink))
        assert running.wait(120) != 0
        assert "was alone in the pipeline" not in running.output()
    assert topic.committed() == 0


@pytest.mark.on_request
def test_the_eleventh_poison_message_in_a_row_is_an_error(kafka, fresh, launch):
    """If each message makes the pipeline fail, the fault must be in the pipeline, so after ten condemned messages in a row
    kafkasrc ends with an error. That takes about 35 starts."""
    topic = Topic(kafka, fresh)
    topic.send([cmyk()] * 12)
    said = []
    while not said or "10 messages in a row made the pipeline fail" not in said[-1]:
        running = launch(stage(kafka, topic, "jpegdec ! jpegenc"))
        assert running.wait(120) != 0
        said.append(running.output())
        assert len(said) < 40
    assert "up to message 10 of partition 0" in said[-1]
    assert topic.committed() == 10
