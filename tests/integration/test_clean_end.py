# SPDX-License-Identifier: LGPL-2.1-or-later
"""The way in which a run ends decides which offsets its group commits. After an EOS that has reached every sink, messages
are committed if they were released, even if no element marked their tokens. After any end without such an EOS, messages
that a sink may not have seen are not committed."""

import threading

import kafka_server
import pytest
from gi.repository import GLib
from messages import Feed, jpegs
from pipeline import wait_until
from player import GLib, Gst, Player
from test_ledger import MEMBER, Group

COUNT = 12


@pytest.fixture
def fed(kafka, fresh):
    """A topic with three partitions and a few messages in each."""
    kafka.create_topic(fresh, 3)
    feed = Feed(kafka, fresh)
    for partition in range(3):
        feed.send(COUNT // 3, partition=partition)
    return fresh


@pytest.fixture
def pictures(kafka, fresh, launch, tmp_path):
    """A topic with three partitions and a few pictures in each."""
    kafka.create_topic(fresh, 3)
    producer = kafka.producer()
    for number, value in enumerate(jpegs(launch, tmp_path, COUNT)):
        producer.produce(fresh, value, partition=number % 3, headers={
            "gst-caps": "image/jpeg, width=(int)64, height=(int)48, framerate=(fraction)30/1"})
    assert producer.flush(120) == 0
    return fresh


def source(kafka, topic, more="eos-at-end=true"):
    return f"kafkasrc name=src bootstrap-servers={kafka.bootstrap} topic={topic} group-id={topic} {MEMBER} {more}"


def committed(kafka, topic):
    return Group(kafka, topic, topic, 3).committed()


CLEAN = {
    "fakesink": "fakesink",
    "fakesink, synchronised": "fakesink sync=true",
    "without last sample": "fakesink enable-last-sample=false",
    "filesink": "filesink location={tmp}/out",
    "filesink, buffered": "filesink buffer-mode=full location={tmp}/out",
    "queues": "queue ! identity sleep-time=2000 ! queue ! fakesink",
    "tee": "tee name=t ! queue ! fakesink t. ! queue ! identity sleep-time=5000 ! filesink location={tmp}/out t. ! fakesink async=false",
    "tee with a branch that isn't linked": "tee name=t allow-not-linked=true ! queue ! fakesink",
    "leaky queue": "queue leaky=downstream max-size-buffers=2 ! identity sleep-time=5000 ! fakesink",
    "bin within a bin": "bin.( queue ! bin.( identity ! fakesink ) )",
    "concat": "concat name=c ! fakesink",
}

PICTURES = {
    "decoder": "jpegdec ! fakesink",
    "decodebin": "decodebin ! videoconvert ! fakesink",
    "decoder behind a queue": "queue ! jpegdec ! queue ! videoconvert ! videorate ! fakesink",
    "muxer": "matroskamux ! filesink location={tmp}/out",
    "muxer that outputs nothing before EOS": "jpegdec ! avimux ! filesink location={tmp}/out",
    "muxer of two": "tee name=t ! queue ! matroskamux name=m ! filesink location={tmp}/out t. ! queue ! m.",
    "compositor": "jpegdec ! compositor ! fakesink",
}


@pytest.mark.parametrize("rest", CLEAN.values(), ids=CLEAN.keys())
def test_clean_end_commits_all_messages(kafka, fed, launch, tmp_path, rest):
    rest = rest.format(tmp=tmp_path)
    assert launch(f"{source(kafka, fed)} ! {rest}").wait(120) == 0
    assert committed(kafka, fed) == COUNT


@pytest.mark.parametrize("rest", PICTURES.values(), ids=PICTURES.keys())
def test_clean_end_commits_all_messages_behind_decoders_and_muxers(kafka, pictures, launch, tmp_path, rest):
    rest = rest.format(tmp=tmp_path)
    assert launch(f"{source(kafka, pictures)} ! {rest}").wait(120) == 0
    assert committed(kafka, pictures) == COUNT


def test_run_after_a_clean_end_reads_no_message_again(kafka, fed):
    for expected in (COUNT, 0):
        with Player(source(kafka, fed)) as player:
            player.play()
            player.wait_eos()
            assert len(player.values) == expected


def test_end_at_end_offset_commits_the_messages_before_it(kafka, fed, launch):
    assert launch(f"{source(kafka, fed, 'end-offset=2')} ! queue ! fakesink").wait(120) == 0
    assert committed(kafka, fed) == 6


def test_ctrl_c_commits_all_messages_that_the_sink_has_received(kafka, fed, launch, tmp_path):
    running = launch(f"{source(kafka, fed, '')} ! queue ! filesink buffer-mode=unbuffered location={tmp_path}/out")
    wait_until(lambda: (tmp_path / "out").exists() and (tmp_path / "out").stat().st_size == COUNT * 1000, 30, "all")
    running.interrupt()
    assert committed(kafka, fed) == COUNT


def test_ctrl_c_while_messages_are_queued_commits_only_what_the_sink_has_received(kafka, fresh, launch, tmp_path):
    """The group commits exactly as many messages as the sink has received."""
    kafka.create_topic(fresh, 3)
    Feed(kafka, fresh).send(3000)
    out = tmp_path / "out"
    line = f"{source(kafka, fresh, '')} ! queue ! identity sleep-time=1000 ! filesink buffer-mode=unbuffered append=true location={out}"
    for _ in range(3):
        before = out.stat().st_size if out.exists() else 0
        running = launch(line)
        wait_until(lambda: out.exists() and out.stat().st_size > before + 50_000, 30, "progress")  # noqa: B023
        running.interrupt()
        assert committed(kafka, fresh) == out.stat().st_size // 1000


def test_end_of_a_source_is_committed_while_the_pipeline_plays(kafka, fed, launch):
    """If a pipeline has two sources, the EOS of one commits its offsets although the other source never ends. After SIGKILL
    no message is read again."""
    running = launch(f"{source(kafka, fed)} ! queue ! fakesink audiotestsrc is-live=true ! fakesink")
    wait_until(lambda: committed(kafka, fed) >= COUNT - 1, 30, "the commit")
    running.kill()


UNCLEAN = {
    "error at the last buffer": "identity error-after=12 ! fakesink",
    "error behind a queue": "queue ! identity error-after=12 ! fakesink",
    "element behind a queue that posts an error long after EOS": "queue ! identity sleep-time=30000 error-after=12 ! fakesink",
    "error on one of two": "tee name=t ! queue ! fakesink t. ! queue ! identity sleep-time=20000 error-after=11 ! fakesink",
    "sink that fails at EOS": "filesink buffer-mode=full location=/dev/full",
    "sink behind a queue that fails at EOS": "queue ! filesink buffer-mode=full location=/dev/full",
    "sink that wants no more": "fakesink num-buffers=5",
    "sink behind a queue that returns EOS": "queue ! identity sleep-time=10000 ! fakesink num-buffers=5",
    "element that ends the stream by itself": "queue ! identity eos-after=5 ! fakesink",
}


@pytest.mark.parametrize("rest", UNCLEAN.values(), ids=UNCLEAN.keys())
def test_unclean_ends_commit_no_message_that_a_sink_has_not_seen(kafka, fed, launch, rest):
    running = launch(f"{source(kafka, fed, 'eos-at-end=true caps=image/jpeg')} ! {rest}")
    running.wait(120)
    assert committed(kafka, fed) == 0, running.output()


def test_parser_that_finds_no_frame_posts_an_error_and_forwards_eos(kafka, fresh, launch):
    kafka.create_topic(fresh, 3)
    producer = kafka.producer()
    for number in range(COUNT):
        producer.produce(fresh, b"no picture" * 100, partition=number % 3)
    assert producer.flush(120) == 0
    running = launch(f"{source(kafka, fresh, 'eos-at-end=true caps=image/jpeg')} ! jpegparse ! fakesink")
    assert running.wait(120) != 0
    assert committed(kafka, fresh) == 0


def test_stop_without_eos_commits_no_message(kafka, fed, launch, tmp_path):
    running = launch(f"{source(kafka, fed, '')} ! queue ! filesink buffer-mode=unbuffered location={tmp_path}/out", options="")
    wait_until(lambda: (tmp_path / "out").exists() and (tmp_path / "out").stat().st_size == COUNT * 1000, 30, "all")
    running.interrupt()
    assert committed(kafka, fed) == 0


class Application:
    """A pipeline within the test's own process, whose bus only the test reads."""

    def __init__(self, line):
        self._pipeline = Gst.parse_launch(line)
        self.bus = self._pipeline.get_bus()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def get(self, name):
        return self._pipeline.get_by_name(name)

    def play(self):
        self._pipeline.set_state(Gst.State.PLAYING)

    def end(self):
        self._pipeline.send_event(Gst.Event.new_eos())

    def stop(self):
        self._pipeline.set_state(Gst.State.NULL)

    def wait_eos(self, timeout=20):
        message = self.bus.timed_pop_filtered(timeout * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
        return message is not None and message.type == Gst.MessageType.EOS


@pytest.fixture
def application():
    with Player("fakesrc num-buffers=0"):  # sets GStreamer up
        pass
    started = []

    def start(line):
        started.append(Application(line))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def test_application_that_stops_just_after_sending_eos_commits_no_message(kafka, fed, application):
    app = application(f"{source(kafka, fed, '')} ! queue ! identity name=slow sleep-time=200000 ! fakesink")
    app.play()
    wait_until(lambda: app.get("src").get_property("stats").get_value("messages") == COUNT, 20, "all read")
    app.end()
    app.stop()
    assert committed(kafka, fed) == 0


class DroppedEos:
    """A probe that drops EOS on a sink pad."""

    def __init__(self, pad):
        self.came = threading.Event()
        pad.add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, self._see)

    def _see(self, _pad, info):
        if info.get_event().type != Gst.EventType.EOS:
            return Gst.PadProbeReturn.OK
        self.came.set()
        return Gst.PadProbeReturn.DROP


@pytest.mark.parametrize("kept", ["one of two", "the only one"])
def test_eos_that_reaches_no_sink_commits_no_message(kafka, fed, application, kept):
    """The queue before the sink holds all messages back until the final one is pushed, because a message counts as done 2 s
    after its release if another push follows the release, even without EOS."""
    both = "tee name=t ! queue ! fakesink async=false t. ! " if kept == "one of two" else ""
    app = application(f"{source(kafka, fed)} ! {both} queue min-threshold-buffers={COUNT} ! fakesink async=false name=sink")
    eos = DroppedEos(app.get("sink").get_static_pad("sink"))
    app.play()
    assert eos.came.wait(120)
    assert not app.wait_eos(3)
    app.stop()
    assert committed(kafka, fed) == 0


# An appsink keeps its last sample until it stops, and the source stops before it, so the message of
# the last sample isn't committed.
@pytest.mark.parametrize("taken, waits, expected", [(COUNT, True, COUNT - 1), (5, True, 0), (5, False, 0)])
def test_appsink(kafka, fed, application, taken, waits, expected):
    app = application(f"{source(kafka, fed)} ! appsink name=sink sync=false wait-on-eos={waits}")
    app.play()
    for _ in range(taken):
        assert app.get("sink").emit("try-pull-sample", 10 * Gst.SECOND)
    app.wait_eos(1)
    app.stop()
    assert committed(kafka, fed) == expected


def test_error_posted_while_eos_passes_prevents_the_commit(kafka, fed, application):
    """A decoder may post its last error while EOS passes through it."""
    app = application(f"{source(kafka, fed)} ! identity name=middle ! fakesink")
    middle = app.get("middle")

    def post(_pad, info):
        if info.get_event().type == Gst.EventType.EOS:
            middle.post_message(Gst.Message.new_error(middle, GLib.Error.new_literal(
                Gst.StreamError.quark(), "the last picture is broken", Gst.StreamError.DECODE), ""))
        return Gst.PadProbeReturn.OK

    middle.get_static_pad("src").add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, post)
    app.play()
    assert not app.wait_eos()
    assert app.wait_eos()
    app.stop()
    assert committed(kafka, fed) == 0


def test_bus_with_a_sync_handler_that_drops_all_messages_prevents_the_commit(kafka, fed, application):
    app = application(f"{source(kafka, fed)} ! queue ! fakesink name=sink")
    app.bus.set_sync_handler(lambda _bus, _message: Gst.BusSyncReply.DROP)
    app.play()
    wait_until(lambda: app.get("sink").get_static_pad("sink").get_sticky_event(Gst.EventType.EOS, 0), 20, "the end")
    app.stop()
    assert committed(kafka, fed) == 0


def test_pause_loses_no_messages(kafka, fresh, application):
    """GstBaseSrc may drop a buffer when a pause begins, which kafkasrc pushes again after the pause."""
    kafka.create_topic(fresh, 3)
    app = application(f"{source(kafka, fresh, '')} ! fakesink name=sink signal-handoffs=true")
    seen = []
    app.get("sink").connect("handoff", lambda _sink, buffer, _pad: seen.append(int(buffer.extract_dup(0, 9))))
    feed = Feed(kafka, fresh)
    app.play()
    for _ in range(20):
        feed.send(30)
        app.get("src").parent.set_state(Gst.State.PAUSED)
        app.play()
    wait_until(lambda: len(seen) >= 600, 20, "all of them")
    assert sorted(seen) == list(range(600))
    app.end()
    assert app.wait_eos()
    app.stop()
    assert committed(kafka, fresh) == 600


def test_offsets_are_committed_to_brokers_that_accept_no_metadata(fresh, launch, tmp_path):
    """If the brokers' limit for the metadata of committed offsets is below the size of kafkasrc's metadata, offsets are
    committed without metadata."""
    with kafka_server.Kafka(tmp_path / "kafka", properties=["offset.metadata.max.bytes=24"]) as kafka:
        kafka.create_topic(fresh, 3)
        feed = Feed(kafka, fresh)
        for partition in range(3):
            feed.send(COUNT // 3, partition=partition)
        first = launch(f"{source(kafka, fresh)} ! fakesink async=false")
        assert first.wait(120) == 0
        assert first.output().count("WARNING: from element") == 1 and "offset.metadata.max.bytes" in first.output()
        assert committed(kafka, fresh) == COUNT
