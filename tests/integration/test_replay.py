# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests kafkasrc with replay=true, which plays a topic of a real broker like a file."""

import re
import subprocess
import time

import pytest
from messages import CAPS, wait_readable
from pipeline import environment
from player import Gst, Player


@pytest.fixture
def recording(kafka, fresh):
    """A topic with 300 messages, captured years ago at 30 a second, in turn in three of four partitions."""
    kafka.create_topic(fresh, 4, config=["retention.ms=-1"])  # otherwise the broker would delete messages that are a week old
    producer = kafka.producer()
    for number in range(300):
        captured = 1_700_000_000_000_000_000 + number * 33_333_333
        producer.produce(
            fresh, b"%d" % number, partition=number % 3, timestamp=captured // 1_000_000,
            headers=[("capture-time", str(captured)), ("gst-caps", CAPS)])
    assert producer.flush(120) == 0
    return fresh


def test_replay_seeks_to_positions_and_at_rates_as_a_file_does(kafka, recording):
    with Player(f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={recording} replay=true") as player:
        player.play()
        assert abs(player.duration() - 299 * 33_333_333) < Gst.MSECOND
        for start, stop, rate in [(8.01, 9.01, 4.0), (2.01, 3.01, 2.0), (9.01, None, 1.0), (0, 1.01, 4.0)]:
            player.seek(start, stop, rate)
            player.wait_eos()
            first, last = int(start * 30 + 0.99), 300 if stop is None else int(stop * 30) + 1
            assert player.numbers == list(range(first, last))
        assert player.refuses(-1.0)
        player.seek(0, 1.01, 1.0)
        flushes = []
        player.element("sink").get_static_pad("sink").add_probe(
            Gst.PadProbeType.EVENT_FLUSH, lambda _pad, info: flushes.append(info.get_event().type) or Gst.PadProbeReturn.OK)
        assert player.refuses(-1.0)  # after a refused seek a pipeline that plays continues with the same segment, without a flush
        player.wait_eos()
        assert player.numbers == list(range(31)) and not flushes


def test_a_seek_that_ends_before_it_begins_is_refused_with_a_warning(kafka, recording):
    """After a refused seek the replay continues at its position. A seek whose stop equals its start, and a seek without a
    stop, aren't refused."""
    with Player(f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={recording} replay=true") as player:
        player.play()
        player.seek(0, 1.01, 1.0)
        player.wait_paused()  # paused, because wait_message() would skip an EOS that is posted before a warning
        for start, stop in ((3, 2), (1, 0), (2.000001, 2)):
            assert player.refuses(1.0, start, stop)
            error = player.wait_message(Gst.MessageType.WARNING).parse_warning().gerror
            assert error.matches(Gst.ResourceError.quark(), Gst.ResourceError.SEEK) and "ends before it begins" in error.message
        player.play()
        player.wait_eos()
        assert player.numbers == list(range(31))
        player.seek(2, 2)
        player.wait_eos()
        assert player.numbers in ([60], [])
        player.seek(9.01, None, 4.0)
        player.wait_eos()
        assert player.numbers == list(range(271, 300))


def test_replay_reads_messages_between_start_time_and_end_time(kafka, recording):
    begin = 1_700_000_000_000_000_000
    with Player(
        f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={recording} replay=true "
        f"start-time={begin + 2_000_000_000} end-time={begin + 3_000_000_000} ! identity sync=false") as player:
        player.play()
        player.wait_eos()
        assert player.numbers == list(range(61, 91))


def test_an_impossible_capture_time_does_not_stop_a_replay(kafka, recording):
    producer = kafka.producer()
    producer.produce(recording, b"300", partition=0, timestamp=1_700_000_010_000,
                     headers=[("capture-time", str(9 * 10**18)), ("gst-caps", CAPS)])
    assert producer.flush(120) == 0
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
    """Publishes frames with capture times at 10 a second, as fast as possible."""
    one = launch(
        f"videotestsrc num-buffers={frames} ! video/x-raw,width=160,height=120,framerate=10/1 ! {encoder} ! "
        f"kafkasink bootstrap-servers={kafka.bootstrap} topic={topic}")
    assert one.wait(120) == 0, one.output()
    return f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={topic} replay=true"


def test_seek_into_delta_coded_video_begins_with_a_key_unit(kafka, fresh, launch):
    kafka.create_topic(fresh, 3)
    source = record(kafka, fresh, launch, "vp8enc keyframe-max-dist=15 keyframe-mode=disabled deadline=1")
    # the first frame is the only key unit, so a seek decodes all frames up to the target, but shows
    # none of them
    with Player(f"{source} ! vp8dec") as player:
        player.play()
        for start in (4.05, 1.05):
            player.seek(start, rate=4.0)
            player.wait_eos()
            # shown are all frames from the one at the target time on
            assert len(player.values) == 50 - int(start * 10)
            assert abs(player.times[0] / Gst.SECOND - start) <= 0.1


def test_a_seek_in_trick_mode_shows_only_key_units(kafka, fresh, launch):
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
        began = time.monotonic()
        player.seek(3, 5, rate)
        player.wait_eos()
        assert time.monotonic() - began > least - 0.2
        assert player.numbers == list(range(91, 151))


def test_replay_seeks_while_it_plays(kafka, recording):
    with Player(f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={recording} replay=true", "fakesink sync=true") as player:
        player.play()
        for start in (9, 1, 5, 9.5):
            player.seek(start, pause=False)
        player.wait_eos()
        assert player.numbers == list(range(286, 300))


@pytest.mark.parametrize("player", ["", "--use-playbin3"])
def test_gst_play(kafka, fresh, launch, player):
    """Each frame is shown at its capture time, so the replay takes as long as the recording."""
    kafka.create_topic(fresh, 3)
    record(kafka, fresh, launch, "jpegenc", frames=31)
    began = time.monotonic()
    done = subprocess.run(
        ["gst-play-1.0", "--no-interactive", "--videosink=fakesink sync=true", *player.split(),
         f"kafka://{kafka.bootstrap}/{fresh}?start=earliest"],
        env=environment(), capture_output=True, text=True, timeout=120, check=True)
    assert time.monotonic() - began > 2.9
    assert re.search(r"/ 0:00:0(3\.0|3\.1)", done.stdout) and "Reached end of play list" in done.stdout


BEGIN = 1_700_000_000_000_000_000
ARRIVAL = ["message.timestamp.type=LogAppendTime"]


def publish(kafka, topic, messages):
    """Publishes a message for each (partition, capture time in ms after BEGIN, headers)."""
    producer = kafka.producer()
    for number, (partition, after, headers) in enumerate(messages):
        captured = BEGIN + after * 1_000_000
        producer.produce(topic, b"%d" % number, partition=partition, timestamp=captured // 1_000_000, headers=[
            ("capture-time", str(captured)), ("gst-caps", CAPS), *headers])
    assert producer.flush(120) == 0


@pytest.mark.parametrize("start", ["", "start-time=1000000000000000000", "start-time={now}"])
@pytest.mark.parametrize("partitions", [1, 3])
def test_replay_uses_capture_times_in_a_topic_with_arrival_times(kafka, fresh, start, partitions):
    """The messages were captured years ago and arrived now. The properties start-time and end-time are compared with the
    arrival time; duration, seeks and timestamps use the capture time."""
    kafka.create_topic(fresh, partitions, config=ARRIVAL)
    start = start.format(now=int((time.time() - 60) * 1e9))
    publish(kafka, fresh, [
        (number % partitions, round(number * 100 / 3), [("gst-duration", "33333333")]) for number in range(30)])
    with Player(f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} replay=true {start}") as player:
        player.play()
        assert "1000000000000000000" in start or abs(player.duration() - Gst.SECOND) < 2 * Gst.MSECOND
        player.wait_eos()
        assert player.numbers == list(range(30))
        gaps = {round((b - a) / Gst.MSECOND) for a, b in zip(player.times, player.times[1:])}
        assert gaps <= {33, 34}, player.times
        if "1000000000000000000" not in start:
            player.seek(0.5, rate=4.0)
            player.wait_eos()
            assert player.numbers == list(range(15, 30))


# capture times (ms) of a video with B-frames, in the order of decoding
BFRAMES = [0, 120, 40, 80, 240, 160, 200, 360, 280, 320]


def send_bframes(kafka, topic, partitions, dts=True):
    kafka.create_topic(topic, partitions, config=["retention.ms=-1"])
    publish(kafka, topic, [
        (seq % partitions, after, [
            ("camera", "c"), ("session", "s"), ("seq", str(seq)), ("gst-pts", str((after + 80) * 1_000_000)),
            *([("gst-dts", str(seq * 40_000_000))] if dts and after + 80 != seq * 40 else [])])
        for seq, after in enumerate(BFRAMES)])


def test_frames_of_a_session_keep_their_order_in_a_replay(kafka, fresh):
    send_bframes(kafka, fresh, 3)
    with Player(f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} replay=true") as player:
        player.play()
        player.wait_eos()
        assert player.numbers == list(range(len(BFRAMES)))
        assert [at // Gst.MSECOND for at in player.times] == BFRAMES
        # the first DTS would be negative, so they are replaced by the least increasing values from
        # 0 on
        assert player.decoding[:3] == [0, 1, 2]
        assert [at // Gst.MSECOND for at in player.decoding[3:]] == [40, 80, 120, 160, 200, 240, 280]


@pytest.mark.parametrize("stop", [20, 50, 100, 125, 190, 340])
@pytest.mark.parametrize("dts", [True, False], ids=["dts", "no dts"])
@pytest.mark.parametrize("partitions", [1, 3])
def test_a_seek_with_a_stop_among_b_frames_shows_all_frames_before_it(kafka, fresh, partitions, dts, stop):
    """All frames before the stop position are shown. If such a frame depends on a frame after the stop position, the latter
    is also pushed, for the decoder; the sink drops it."""
    send_bframes(kafka, fresh, partitions, dts)
    with Player(f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} replay=true ! identity name=i signal-handoffs=true") as player:
        came = []
        player.element("i").connect("handoff", lambda _, buffer: came.append(buffer.pts // Gst.MSECOND))
        player.play()
        for flags, end in [(Gst.SeekFlags.ACCURATE, Gst.MessageType.EOS), (Gst.SeekFlags.SEGMENT, Gst.MessageType.SEGMENT_DONE)]:
            player.wait_paused()
            came.clear()
            player.seek(0, stop / 1000, 4.0, Gst.SeekFlags.ACCURATE | flags)
            message = player.wait_message(end | Gst.MessageType.ERROR | Gst.MessageType.EOS)
            assert message.type == end
            assert [at // Gst.MSECOND for at in player.times] == [at for at in BFRAMES if at < stop]
        # with DTS exactly the frames whose DTS is before the stop are pushed; without DTS a few
        # frames more may be pushed
        decoded = [at for number, at in enumerate(BFRAMES) if number * 40 - 80 < stop]
        assert not dts or came == decoded


def test_no_key_unit_after_a_stop_position_is_pushed(kafka, fresh):
    kafka.create_topic(fresh, 1, config=["retention.ms=-1"])
    publish(kafka, fresh, [(0, number * 40, []) for number in range(30)])
    with Player(f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} replay=true ! identity name=i signal-handoffs=true") as player:
        player.play()
        player.wait_paused()
        came = []
        player.element("i").connect("handoff", lambda _, buffer: came.append(buffer.pts // Gst.MSECOND))
        player.seek(0, 0.1, 4.0)
        player.wait_eos()
        assert came == [0, 40, 80]


def test_sessions_are_merged_by_capture_time(kafka, fresh):
    """Of two cameras one has restarted, so there are three sessions: the order within each session is kept, and sessions
    are merged by capture time."""
    kafka.create_topic(fresh, 2, config=["retention.ms=-1"])
    publish(kafka, fresh, [
        (number % 2, number * 10, [("camera", camera), ("session", session), ("seq", str(number // 2))])
        for number, (camera, session) in enumerate([("a", "1"), ("b", "1")] * 5 + [("a", "2"), ("b", "1")] * 5)])
    with Player(f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} replay=true") as player:
        player.play()
        player.wait_eos()
        assert player.numbers == list(range(20))


@pytest.mark.parametrize("encoder, decoder", [
    ("theoraenc keyframe-freq=16 keyframe-force=16", "theoradec"),
    ("x264enc bframes=2 key-int-max=15 ! h264parse config-interval=-1", "h264parse ! avdec_h264"),
])
def test_a_recording_with_stream_headers_can_be_seeked(kafka, fresh, launch, encoder, decoder):
    """A live recording begins with messages of stream headers, which have no timestamps, and a seek still finds its frame."""
    kafka.create_topic(fresh, 1)
    sent = launch(
        f"videotestsrc is-live=true num-buffers=60 ! video/x-raw,width=64,height=48,framerate=20/1 ! {encoder} ! "
        f"kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh} key=c")
    assert sent.wait(120) == 0, sent.output()
    with Player(f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} replay=true ! {decoder}") as player:
        player.play()
        player.wait_eos()
        assert len(player.times) == 60
        assert player.times == sorted(player.times)
        begin = player.times[0]
        for start in (1.0, 2.02, 0.5):
            player.seek(start + begin / Gst.SECOND, rate=4.0)
            player.wait_eos()
            assert abs((player.times[0] - begin) / Gst.SECOND - start) < 0.11, player.times


def test_a_seek_finds_capture_times_that_are_ahead_of_the_brokers_times(kafka, fresh):
    """The camera's clock is 5 min ahead, so kafkasink has sent the messages with the time of sending, and a seek still
    finds its capture time."""
    kafka.create_topic(fresh, 2, config=["retention.ms=-1"])
    producer = kafka.producer()
    for number in range(40):
        sent = BEGIN // 1_000_000 + number * 1000
        producer.produce(fresh, b"%d" % number, partition=number % 2, timestamp=sent, headers=[
            ("capture-time", str((sent + 300_000) * 1_000_000)), ("gst-caps", CAPS)])
    assert producer.flush(120) == 0
    with Player(f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} replay=true") as player:
        player.play()
        player.seek(20, rate=100.0)
        player.wait_eos()
        assert player.numbers == list(range(20, 40))


def test_a_seek_finds_capture_times_although_arrival_was_late_by_different_times(kafka, fresh):
    """The delay between capture and arrival is one hour for messages in the middle of the recording, and another for
    messages at both ends, and a seek still finds its capture time."""
    kafka.create_topic(fresh, 1, config=ARRIVAL)
    now = int(time.time() * 1000)
    producer = kafka.producer()
    for number in range(60):
        ago = 3_600_000 if 20 <= number < 40 else 7_200_000
        producer.produce(fresh, b"%d" % number, headers=[
            ("capture-time", str((now - ago + number * 1000) * 1_000_000 if number < 40 else (now - 3_500_000 + number * 1000) * 1_000_000)),
            ("gst-caps", CAPS)])
    assert producer.flush(120) == 0
    with Player(f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} replay=true") as player:
        player.play()
        player.seek(3600 + 20, rate=1000.0)
        player.wait_eos()
        assert player.numbers == list(range(20, 60))


@pytest.mark.parametrize("never", [0, 1, 1_000_000_000])
def test_a_first_capture_time_of_1970_does_not_make_a_replay_long(kafka, fresh, never):
    kafka.create_topic(fresh, 1, config=["retention.ms=-1"])
    producer = kafka.producer()
    for number in range(30):
        sent = BEGIN + number * 33_000_000
        producer.produce(fresh, b"%d" % number, timestamp=sent // 1_000_000, headers=[
            ("capture-time", str(sent if number else never)), ("gst-caps", CAPS)])
    assert producer.flush(120) == 0
    with Player(f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} replay=true", "fakesink sync=true") as player:
        player.play()
        assert player.duration() < 2 * Gst.SECOND
        player.wait_eos()
        assert player.numbers == list(range(30))


@pytest.mark.parametrize("behind", ["another camera", "an aborted transaction"])
def test_a_recording_followed_by_other_messages_has_a_duration(kafka, fresh, behind):
    """If the recording is followed by hundreds of messages that aren't its own, its duration isn't 0, which would make each
    seek go to the beginning."""
    kafka.create_topic(fresh, 1, config=["retention.ms=-1"])
    producer, begin = kafka.producer(transactional_id=fresh), 1_700_000_000_000
    producer.init_transactions(30)
    for camera, first, count in [("a", 0, 50), ("b", 50, 400)]:
        producer.begin_transaction()
        for number in range(first, first + count):
            producer.produce(fresh, b"%d" % number, partition=0, timestamp=begin + number * 100,
                             headers=[("camera", camera), ("gst-caps", CAPS)])
        producer.flush(120)
        aborts = camera == "b" and behind != "another camera"
        producer.abort_transaction(30) if aborts else producer.commit_transaction(30)
    wait_readable(kafka, fresh)
    with Player(f"kafkasrc name=src bootstrap-servers={kafka.bootstrap} topic={fresh} replay=true camera=a",
                "fakesink sync=false") as player:
        player.wait_paused()
        assert player.duration() == (44.9 if behind == "another camera" else 4.9) * Gst.SECOND
        player.seek(2)
        player.wait_eos()
        assert player.numbers == list(range(20, 50))
        assert (player.stat("other-cameras") >= 400) == (behind == "another camera")
