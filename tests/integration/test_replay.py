# SPDX-License-Identifier: LGPL-2.1-or-later
"""A recorded topic played as a file would be, from a real broker."""

import re
import subprocess
import time

import pytest
from messages import CAPS
from pipeline import environment
from player import Gst, Player


@pytest.fixture
def recording(kafka, fresh):
    """300 messages captured at 30 a second, years ago, in turn on three of four partitions."""
    kafka.create_topic(fresh, 4, config=["retention.ms=-1"])  # the broker deletes what is a week old
    producer = kafka.producer()
    for number in range(300):
        captured = 1_700_000_000_000_000_000 + number * 33_333_333
        producer.produce(
            fresh, b"%d" % number, partition=number % 3, timestamp=captured // 1_000_000,
            headers=[("capture-time", str(captured)), ("gst-caps", CAPS)])
    assert producer.flush(30) == 0
    return fresh


def test_replay_seeks_as_a_file_does(kafka, recording):
    with Player(f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={recording} replay=true") as player:
        player.play()
        assert abs(player.duration() - 299 * 33_333_333) < Gst.MSECOND
        for start, stop, rate in [(8.01, 9.01, 4.0), (2.01, 3.01, 2.0), (9.01, None, 1.0), (0, 1.01, 4.0)]:
            player.seek(start, stop, rate)
            player.wait_eos()
            first, last = int(start * 30 + 0.99), 300 if stop is None else int(stop * 30) + 1
            assert player.numbers == list(range(first, last))
        assert player.refuses(-1.0)


def test_replay_of_a_part(kafka, recording):
    begin = 1_700_000_000_000_000_000
    with Player(
        f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={recording} replay=true "
        f"start-time={begin + 2_000_000_000} end-time={begin + 3_000_000_000} ! identity sync=false") as player:
        player.play()
        player.wait_eos()
        assert player.numbers == list(range(61, 91))


def test_replay_is_not_stopped_by_a_time_of_capture_that_cannot_be(kafka, recording):
    producer = kafka.producer()
    producer.produce(recording, b"300", partition=0, timestamp=1_700_000_010_000,
                     headers=[("capture-time", str(9 * 10**18)), ("gst-caps", CAPS)])
    assert producer.flush(30) == 0
    with Player(f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={recording} replay=true") as player:
        player.play()
        assert player.duration() == 10 * Gst.SECOND
        player.seek(9.01, None, 4.0)
        player.wait_eos()
        assert player.numbers == list(range(271, 301))


def test_replay_by_uri(kafka, recording):
    with Player(
        f"uridecodebin uri=kafka://{kafka.bootstrap}/{recording}?start=2023-11-14T22:13:22Z&end=2023-11-14T22:13:23Z "
        "expose-all-streams=false caps=application/x-test ! identity sync=false") as player:
        player.play()
        player.wait_eos()
        assert player.numbers == list(range(61, 91))


def record(kafka, topic, launch, encoder, frames=50):
    """At 10 a second by their times of capture, without waiting for them."""
    one = launch(
        f"videotestsrc num-buffers={frames} ! video/x-raw,width=160,height=120,framerate=10/1 ! {encoder} ! "
        f"kafkasink bootstrap-servers={kafka.bootstrap} topic={topic}")
    assert one.wait(60) == 0, one.output()
    return f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={topic} replay=true"


def test_seek_into_delta_coded_video_begins_with_a_key_unit(kafka, fresh, launch):
    kafka.create_topic(fresh, 3)
    source = record(kafka, fresh, launch, "vp8enc keyframe-max-dist=15 keyframe-mode=disabled deadline=1")
    # the one key unit is the first: all between it and the target is decoded, and not shown
    with Player(f"{source} ! vp8dec") as player:
        player.play()
        for start in (4.05, 1.05):
            player.seek(start, rate=4.0)
            player.wait_eos()
            # from the frame that is shown at that time
            assert len(player.values) == 50 - int(start * 10)
            assert abs(player.times[0] / Gst.SECOND - start) <= 0.1


def test_key_units_alone_for_fast_forward(kafka, fresh, launch):
    kafka.create_topic(fresh, 3)
    source = record(kafka, fresh, launch, "vp8enc keyframe-max-dist=10 deadline=1")
    with Player(source) as player:
        player.play()
        player.seek(0, rate=8.0, flags=Gst.SeekFlags.TRICKMODE | Gst.SeekFlags.TRICKMODE_KEY_UNITS)
        player.wait_eos()
        assert [round(at / Gst.SECOND) for at in player.times] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("rate, least", [(0.5, 4), (1.0, 2), (2.0, 1)])
def test_rates(kafka, recording, rate, least):
    with Player(f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={recording} replay=true", "fakesink sync=true") as player:
        player.play()
        player.seek(3, 5, rate)
        began = time.monotonic()
        player.wait_eos()
        assert time.monotonic() - began > least - 0.2
        assert player.numbers == list(range(91, 151))


def test_seeks_while_it_plays(kafka, recording):
    with Player(f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={recording} replay=true", "fakesink sync=true") as player:
        player.play()
        for start in (9, 1, 5, 9.5):
            player.seek(start, pause=False)
        player.wait_eos()
        assert player.numbers == list(range(286, 300))


@pytest.mark.parametrize("player", ["", "--use-playbin3"])
def test_gst_play(kafka, fresh, launch, player):
    """Each frame at its time: it takes as long as it took."""
    kafka.create_topic(fresh, 3)
    record(kafka, fresh, launch, "jpegenc", frames=31)
    began = time.monotonic()
    done = subprocess.run(
        ["gst-play-1.0", "--no-interactive", "--videosink=fakesink sync=true", *player.split(),
         f"kafka://{kafka.bootstrap}/{fresh}?start=earliest"],
        env=environment(), capture_output=True, text=True, timeout=60, check=True)
    assert time.monotonic() - began > 2.9
    assert re.search(r"/ 0:00:0(2\.9|3\.0)", done.stdout) and "Reached end of play list" in done.stdout
