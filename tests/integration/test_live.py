# SPDX-License-Identifier: LGPL-2.1-or-later
"""The live page's server on a running system: what it shows, whom it admits, and which faults it survives."""

import contextlib
import datetime
import http.client
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import time

import confluent_kafka
import pymongo
import pytest

import livepage
import network
import pipeline
import prometheus_server
import server
import system
from pipeline import wait_until

ENTRY = pipeline.TOP / "pipelines/image/entry"
TOKEN = "a-token-of-24-characters"


class Running:
    """Two cameras, a fog, a cloud, and the live page, which all tests of this file share, because they don't disturb it."""

    def __init__(self, kafka, mongo, launch, directory, *options):
        self.system = system.System(kafka, mongo, f"live-{os.getpid()}-{time.monotonic_ns()}", partitions=4)
        self.launch = launch
        self.cloud, self.fog = launch(self.system.cloud()), launch(self.system.fog("fog-1"))
        self.cameras = {name: self.start_camera(name) for name in ("cam-1", "cam-2")}
        self.page = livepage.Page(self.system, directory / "live.log", *options)

    def start_camera(self, name):
        return self.launch(self.system.live_edge("max-rate=5", camera=name, source=f"scenesrc ! {system.FRAME}"))


@pytest.fixture(scope="module")
def running(kafka, mongo, tmp_path_factory):
    directory, started = tmp_path_factory.mktemp("live"), []

    def launch(line, **options):
        started.append(pipeline.Pipeline(line, directory / f"{len(started)}.log", **options))
        return started[-1]

    running = Running(kafka, mongo, launch, directory)
    yield running
    running.page.close()
    for one in started:
        one.kill()


@pytest.fixture
def page(running):
    return running.page


@pytest.fixture
def open_page(running, tmp_path):
    """Starts further live pages on the same system, with options of their own."""
    pages = []

    def start(*options, **settings):
        pages.append(livepage.Page(running.system, tmp_path / f"live-{len(pages)}.log", *options, **settings))
        return pages[-1]

    yield start
    for one in pages:
        one.close()


# ---- what it says ----

@pytest.mark.quick
def test_one_sentence_describes_the_state_of_the_system(page):
    pattern = r"2 cameras, 1 replica, newest answer [01]\.\d s old, nothing waiting"
    wait_until(lambda: re.fullmatch(pattern, page.state()["sentence"]), 30, "the sentence of a healthy system")
    state = page.state()
    assert state["level"] == "good" and state["since"] <= state["now"]
    assert page.ask("/healthz")[::2] == (200, b"ok\n")


def test_the_state_names_what_limits_the_rate_of_each_camera(page):
    camera = wait_until(lambda: page.camera("cam-1") if page.camera("cam-1").get("wanted") else None)
    assert (camera["health"], camera["wanted"], camera["minimum"]) == ("good", 5, 1)
    wait_until(lambda: 4 < (page.camera("cam-1")["given"] or 0) < 6, 20, "the rate that it sends")
    wait_until(lambda: page.camera("cam-1")["bound"] == "camera", 20, "the camera gets the rate that it wants")


def test_replicas_and_flow(page):
    wait_until(lambda: page.state()["replicas"])
    replica = page.state()["replicas"][0]
    assert (replica["replica"], replica["state"], replica["version"]) == ("fog-1", "good", "0.1.0")
    assert replica["partitions"] == [0, 1, 2, 3] and 0 <= replica["busy"] <= 1
    wait_until(lambda: page.state()["flow"][3]["waiting"] == 0, 20, "the cloud has stored everything")
    flow = page.state()["flow"]
    assert [(arrow["from"], arrow["to"]) for arrow in flow] == [
        ("cameras", "camera"), ("camera", "fog"), ("fog", "database topic"), ("database topic", "database")]
    wait_until(lambda: 8 < (page.state()["flow"][0]["rate"] or 0) < 12, 20, "the rate at which frames arrive in the camera topic")


def test_the_stream_sends_the_state_twice_a_second(page):
    wait_until(lambda: page.camera("cam-1") and page.camera("cam-2"))
    page.look("cam-1", "cam-2")
    found = page.events(4)
    states = [data for name, data in found if name == "state"]
    assert 6 <= len(states) <= 10
    assert {"cam-1", "cam-2"} <= {name for event, data in found if event == "frames" for name in data}


def test_history_has_a_sample_a_second(page):
    wait_until(lambda: len(page.json("/api/history")["samples"]) > 3)
    history = page.json("/api/history")
    times = [sample[0] for sample in history["samples"]]
    assert all(900 <= after - before <= 2500 for before, after in zip(times, times[1:]))
    wait_until(lambda: {"fog-1 joined", "cam-1 appeared"} <= {mark["text"] for mark in page.json("/api/history")["marks"]})


def test_metrics_describe_the_whole_system(page):
    def samples():
        status, headers, body = page.ask("/metrics")
        assert status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4")
        lines = [line for line in body.decode().splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}
    wait_until(lambda: 4 < samples().get('gstfog_rate_given{camera="cam-1"}', 0) < 6, 30)
    found = samples()
    assert found['gstfog_rate_wanted{camera="cam-1"}'] == 5 and found["gstfog_replicas"] == 1
    assert sum(found[f'gstfog_rate_bound{{camera="cam-1",reason="{one}"}}'] for one in ("camera", "fog", "link", "minimum")) == 1
    assert found["gstfog_kafka_connected"] == found["gstfog_database_connected"] == found['gstfog_replica_up{replica="fog-1"}'] == 1
    assert found["gstfog_demand"] == pytest.approx(10 / found["gstfog_capacity"])
    assert prometheus_server.promtool("check", "metrics", text=page.ask("/metrics")[2].decode()) == ("", 0)


def test_frames_are_read_only_while_a_viewer_watches(open_page):
    page = open_page()
    wait_until(lambda: page.camera("cam-1"))
    assert page.camera("cam-1")["frame"] is None
    assert page.state()["flow"][0]["lag"] is None  # no viewer has caused the page to read a frame yet
    assert page.frame("cam-1")["camera"] == "cam-1"


def test_the_boxes_of_a_frame_are_those_of_its_event(running, page):
    frame = page.frame("cam-1")
    identity = f"cam-1:{frame['session']}:{frame['seq']}"
    event = wait_until(lambda: running.system.events.find_one({"_id": identity}), 20, "its document")
    assert event["faces"] == frame["faces"] == len(frame["boxes"])
    assert event["boxes"] == frame["boxes"]
    assert frame["line"].startswith("gst-launch-1.0 kafkasrc ")


# ---- pictures and the past ----

def size_of(jpeg):
    """Returns (width, height) of a JPEG, as found by another decoder than the page's."""
    done = subprocess.run(
        ["gst-launch-1.0", "-v", "fdsrc", "!", "jpegdec", "!", "fakesink"], input=jpeg, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=30, check=True)
    return tuple(int(re.search(rb"sink.*video/x-raw.*%s=\(int\)(\d+)" % name, done.stdout)[1]) for name in (b"width", b"height"))


def publish(running, camera, value, caps="image/jpeg", captured=0, **headers):
    """Publishes a frame without this project's elements; returns its topic, partition and offset. `captured` is Kafka's
    timestamp in ms; 0 means now."""
    places = []
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": running.system.kafka.bootstrap, "message.max.bytes": 100_000_000})
    producer.produce(
        running.system.topics["camera"], value, partition=0, timestamp=captured, on_delivery=lambda error, message: places.append((error, message)),
        headers=[("camera", camera), ("gst-caps", caps), *headers.items()])
    assert producer.flush(120) == 0
    error, message = places[0]
    assert error is None, error
    return {"topic": message.topic(), "partition": message.partition(), "offset": message.offset()}


def test_jpeg_frames_are_served_unchanged(running, page):
    frame = page.frame("cam-1")
    headers, body = page.picture(frame)
    assert headers["Content-Type"] == "image/jpeg" and len(body) == frame["bytes"]
    assert body == running.system.value(frame)
    assert page.picture(frame, 304, If_None_Match=headers["ETag"])[1] == b""


def test_raw_frames_become_jpeg(running, page):
    place = publish(running, "raw", bytes(range(256)) * 300, "video/x-raw,format=RGB,width=160,height=160,framerate=5/1")
    assert size_of(page.picture(place)[1]) == (160, 160)


BALL = "videotestsrc num-buffers=25 pattern=ball animation-mode=frames ! video/x-raw,format=I420,width=160,height=120,framerate=25/1"
GRAY = "videoconvert ! video/x-raw,format=GRAY8 ! fdsink"
SPAN = 10  # time (s): the longest window that a request of time travel may ask for


def run_line(line, data=b""):
    """Returns the bytes that a pipeline writes to its standard output."""
    done = subprocess.run(
        ["gst-launch-1.0", "-q", *shlex.split(line)], input=data, env=pipeline.environment(), stdout=subprocess.PIPE, timeout=60, check=True)
    return done.stdout


def travel_to(running, page, camera, line):
    """Runs the pipeline `line` as a camera, and returns the frames that the page's time travel lists for this camera."""
    begin = int(time.time() * 1000)
    run_line(f"{line} ! " + running.system._kafka("kafkasink", "camera", f"camera={camera} key={camera}"))
    frames = []
    # to 2 s after now, because timestamps of frames may be ahead of the clock
    for start in range(begin, int(time.time() * 1000) + 2000, SPAN * 1000):

        def whole():
            status, _, body = page.ask(f"/api/travel?camera={camera}&at={start + SPAN * 500}&span={SPAN}")
            assert status in (200, 502), body  # the page answers 502 if Kafka was too slow, so the test asks again
            window = json.loads(body)
            return window if status == 200 and window["complete"] else None
        frames += wait_until(whole, 60, "a complete window")["frames"]
    return frames


@pytest.fixture(scope="module")
def ball():
    """Returns the 25 frames of a test video, each as its grayscale pixels."""
    whole = run_line(f"{BALL} ! {GRAY}")
    return [whole[at:at + 160 * 120] for at in range(0, len(whole), 160 * 120)]


def distance(one, other):
    return sum(abs(a - b) for a, b in zip(one[::3], other[::3]))


def headers_of(running, place):
    reader = confluent_kafka.Consumer({"bootstrap.servers": running.system.kafka.bootstrap, "group.id": "none"})
    with contextlib.closing(reader):
        reader.assign([confluent_kafka.TopicPartition(place["topic"], place["partition"], place["offset"])])
        return {name: value.decode() for name, value in reader.poll(20).headers()}


@pytest.mark.parametrize("encoder, kind", [
    ("pngenc", "image/png"), ("webpenc quality=90", "image/jpeg"),
    ("x264enc key-int-max=10 tune=zerolatency ! h264parse config-interval=-1", "image/jpeg"),
    ("x264enc key-int-max=10 bframes=2 b-adapt=false ! video/x-h264,stream-format=avc", "image/jpeg"),
    ("x265enc key-int-max=10 tune=zerolatency ! h265parse config-interval=-1", "image/jpeg"), ("vp8enc keyframe-max-dist=10 deadline=1", "image/jpeg"),
    ("vp9enc keyframe-max-dist=10 deadline=1 cpu-used=8", "image/jpeg"), ("av1enc keyframe-max-dist=10 cpu-used=8 usage-profile=realtime", "image/jpeg")])
def test_frames_of_every_encoding_are_served_as_pictures(running, page, ball, fresh, encoder, kind):
    """The page sends the picture of the requested frame, whether the frame is a keyframe or depends on one, and although no
    viewer had requested frames of this camera before."""
    frames = travel_to(running, page, fresh, f"{BALL} ! videoconvert ! {encoder}")
    assert len(frames) == 25
    for frame in (frames[7], frames[24]):
        headers, body = page.picture(frame)
        assert headers["Content-Type"] == kind
        gray = run_line(f"fdsrc ! {'pngdec' if kind == 'image/png' else 'jpegdec'} ! {GRAY}", body)
        distances = [distance(gray, one) for one in ball]
        shown = round(int(headers_of(running, frame)["gst-pts"]) * 25 / 1e9) % 1000  # the first timestamp of x264enc is 1000 h
        assert distances.index(min(distances)) == shown, distances


@pytest.mark.parametrize("value, caps, expected", [
    (b"no JPEG at all", "image/jpeg", 422),
    (b"\xff\xd8\xff\xc0\0\x11\x08\xff\xff\xff\xff\x03" + bytes(50), "image/jpeg", 415),  # 65535 by 65535
    (bytes(100), "video/x-raw,format=RGB,width=160,height=160", 422),
    (bytes(100), "video/x-raw,format=RGB,width=2000000000,height=2000000000", 415),
    (bytes(100), "video/x-h264,stream-format=byte-stream", 422),
    (bytes(100), "video/x-h264,stream-format=avc,alignment=au,width=2000000000,height=2000000000", 415),
    (bytes(100), "image/png", 422),
    (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xff\xff\0\0\xff\xff" + bytes(50), "image/png", 415),
    (bytes(100), "image/nothing", 415), (bytes(100), "video/x-nothing", 415),
    # media types whose elements would open a stream elsewhere, or demux a container
    (b"#EXTM3U\nhttp://127.0.0.1:1/x.ts\n", "application/x-hls", 415), (b"http://127.0.0.1:1/", "text/uri-list", 415),
    (bytes(100), "video/quicktime", 415), (bytes(100), "video/mpegts,systemstream=true", 415),
    (bytes(100), "text/html", 415),
    (bytes(9_000_000), "image/jpeg", 415)])
def test_a_message_that_cannot_be_decoded_is_an_error(running, page, value, caps, expected):
    _, body = page.picture(publish(running, "odd", value, caps), expected)
    assert json.loads(body)["error"]


IMAGE = "coreelements,app,typefindfunctions,videoconvertscale,videotestsrc,jpeg,kafka,haar,gst-fog"


def test_only_jpeg_raw_and_png_are_served_with_the_plugins_of_the_container_image(running, open_page, tmp_path):
    page = open_page(GST_PLUGIN_LOADING_WHITELIST=IMAGE, GST_REGISTRY_1_0=str(tmp_path / "registry"))
    png, webp = (run_line(f"videotestsrc num-buffers=1 ! videoconvert ! {encoder} ! fdsink") for encoder in ("pngenc", "webpenc"))
    headers, body = page.picture(publish(running, "image", png, "image/png"))
    assert (headers["Content-Type"], body) == ("image/png", png)
    assert page.picture(page.frame("cam-1"))[0]["Content-Type"] == "image/jpeg"
    body = page.picture(publish(running, "image", webp, "image/webp"), 415)[1]
    assert json.loads(body)["error"] == "It can't be decoded where the page's server runs: no element \"decodebin\"."


def test_a_frame_whose_keyframe_is_not_found_is_an_error(running, page):
    place = publish(running, "torn", bytes(100), "video/x-h264,stream-format=byte-stream,alignment=au", session="s", seq="7", **{"gst-flags": "delta-unit"})
    assert json.loads(page.picture(place, 404)[1])["error"] == "Its keyframe isn't among the 600 messages before it."


def test_a_frame_too_many_bytes_after_its_keyframe_is_an_error(running, page):
    """If the frames since a keyframe exceed 48 MiB, the page neither decodes a frame's picture nor counts its faces again,
    and keeps none of these frames in memory."""
    before = page.resident()
    places = [
        publish(running, "heavy", bytes(7_000_000), "video/x-h264,stream-format=byte-stream,alignment=au", session="s", seq=str(seq),
                **({"gst-flags": "delta-unit"} if seq else {})) for seq in range(9)]
    said = "The frames since its keyframe are too large to be shown."
    assert json.loads(page.picture(places[-1], 415)[1])["error"] == said
    wish = {**places[-1], "cascade": "haarcascade_frontalface_default.xml", "neighbors": 4, "scale": 1.1}
    assert page.post("/api/recount", wish, 415)["error"] == said
    assert page.resident() - before < 250


@pytest.mark.parametrize("query, expected", [
    ("", 400), ("topic=camera", 400), ("topic=x&partition=-1&offset=0", 400), ("topic=x&partition=0&offset=9e9", 400),
    ("topic=__consumer_offsets&partition=0&offset=0", 404)])
def test_requests_of_pictures_with_invalid_offsets_or_topics_are_refused(page, query, expected):
    assert page.ask(f"/api/picture?{query}")[0] == expected


def test_frames_of_other_topics_are_refused(running, page):
    place = {"topic": running.system.topics["database"], "partition": 0, "offset": 0}
    page.picture(place, 404)


def test_time_travel_lists_each_frame_of_the_window_with_its_boxes(running, page):
    wait_until(lambda: running.system.events.count_documents({"camera": "cam-1"}) > 20, 30, "some events")
    held = page.json("/api/travel", camera="cam-1")
    assert held["to"] - held["from"] > 2000
    at = (held["from"] + held["to"]) // 2

    def complete():
        window = page.json("/api/travel", camera="cam-1", at=at, span=2)
        return window["frames"] if window["complete"] else None
    frames = wait_until(complete, 30, "a window without a missing frame")
    assert 2 <= len(frames) <= 12
    assert [frame["captured"] for frame in frames] == sorted(frame["captured"] for frame in frames)
    assert [frame["seq"] for frame in frames] == list(range(frames[0]["seq"], frames[0]["seq"] + len(frames)))
    assert all(abs(frame["captured"] - at) <= 1000 and frame["camera"] == "cam-1" for frame in frames)
    for frame in frames:
        event = running.system.events.find_one({"_id": f"cam-1:{frame['session']}:{frame['seq']}"})
        assert frame["counted"] and frame["boxes"] == (event["boxes"] if event else [])
    assert len(page.picture(frames[0])[1]) == frames[0]["bytes"]


def test_a_window_has_frames_that_reached_kafka_late(running, page, fresh):
    """A window has each frame that was captured in it, also those that arrived after later frames of another camera."""
    at = int(time.time() * 1000)
    for camera, seq, ms in ((fresh, 0, 0), ("other", 0, 3000), (fresh, 1, 200), ("other", 1, 3100), (fresh, 2, 400)):
        publish(running, camera, b"x", captured=at + ms, session="s", seq=str(seq))
    window = page.json("/api/travel", camera=fresh, at=at, span=2)
    assert [frame["seq"] for frame in window["frames"]] == [0, 1, 2] and window["complete"]


def test_a_window_is_incomplete_while_one_of_its_frames_may_still_come(running, page, fresh):
    at = int(time.time() * 1000)
    for seq in (0, 2, 1):  # frame 1 comes after frame 2, as it may from another partition
        publish(running, fresh, b"x", captured=at + seq, session="s", seq=str(seq))
        window = page.json("/api/travel", camera=fresh, at=at, span=10)
        assert window["complete"] == (seq != 2), window


def test_a_frame_that_kafka_does_not_have_is_an_error(page, running):
    gone = {"topic": running.system.topics["camera"], "partition": 0, "offset": 10**12}
    assert json.loads(page.picture(gone, 404)[1])["error"] == "Kafka doesn't hold it."
    assert page.json("/api/travel", camera="nobody", at=1000)["frames"] == []
    assert page.json("/api/travel", 400)["error"]


def test_the_command_lines_that_the_page_prints_show_the_frame_and_its_event(page):
    frame = page.frame("cam-1")
    line = frame["line"].replace("imagefreeze ! autovideosink", "fakesink")
    event = subprocess.run(
        shlex.split(frame["event"]["line"]), env=pipeline.environment(), stdout=subprocess.PIPE, timeout=30, check=True)
    assert subprocess.run(shlex.split(line), env=pipeline.environment(), timeout=30, check=False).returncode == 0
    assert json.loads(event.stdout)["boxes"] == frame["boxes"]


# ---- counting again ----

def test_counting_again(page):
    frame = page.frame("cam-1")
    wish = {name: frame[name] for name in ("topic", "partition", "offset")}
    cascades = page.json("/api/cascades")["cascades"]
    assert cascades[0] == "haarcascade_frontalface_default.xml" and "haarcascade_frontalface_alt2.xml" in cascades
    again = page.post("/api/recount", {**wish, "cascade": cascades[0], "neighbors": 4, "scale": 1.1})
    assert again["boxes"] == frame["boxes"] and (again["width"], again["height"]) == (640, 480)
    few = page.post("/api/recount", {**wish, "cascade": cascades[0], "neighbors": 50, "scale": 1.1})
    assert few["faces"] <= again["faces"]
    done = subprocess.run(
        shlex.split(again["line"]), env=pipeline.environment(), stdout=subprocess.PIPE, timeout=30, check=True)
    assert json.loads(done.stdout)["boxes"] == again["boxes"]


@pytest.mark.parametrize("encoder", ["pngenc", "x264enc key-int-max=5 tune=zerolatency ! h264parse config-interval=-1"])
def test_the_command_line_for_counting_again_works_for_every_encoding(running, page, fresh, encoder):
    """The printed command line decodes all frames from the keyframe on, and the last event that it prints is that of the
    wanted frame."""
    frame = travel_to(
        running, page, fresh, f"scenesrc seed=7 is-live=false num-buffers=9 ! {system.FRAME},framerate=5/1 ! videoconvert ! {encoder}")[8]
    shown = frame["line"].replace("autovideosink", "jpegenc ! fdsink").replace("imagefreeze", "imagefreeze num-buffers=1")
    pictures = run_line(shown.removeprefix("gst-launch-1.0 ")).split(b"\xff\xd8\xff")[1:]
    assert len(faces_in(b"\xff\xd8\xff" + pictures[-1])) == int(headers_of(running, frame)["scene-faces"])
    wish = {name: frame[name] for name in ("topic", "partition", "offset")}
    again = page.post("/api/recount", {**wish, "cascade": "haarcascade_frontalface_default.xml", "neighbors": 4, "scale": 1.1})
    assert again["faces"] == int(headers_of(running, frame)["scene-faces"])
    counted = run_line(again["line"].removeprefix("gst-launch-1.0 -q ")).decode()
    assert json.loads(counted[counted.rindex('{"_id"'):])["boxes"] == again["boxes"]


@pytest.mark.parametrize("change", [
    {"cascade": "/etc/passwd"}, {"cascade": "../x.xml"}, {"cascade": "x ! filesink location=/tmp/x"}, {"cascade": None},
    {"scale": 1}, {"scale": "1.1 ! filesink"}, {"neighbors": -1}, {"neighbors": 1e9}, {"partition": -1}, {"offset": "0"},
    {"topic": None}])
def test_invalid_requests_to_count_again_are_refused(running, page, change):
    wish = {"topic": running.system.topics["camera"], "partition": 0, "offset": 0,
            "cascade": "haarcascade_frontalface_default.xml", "neighbors": 4, "scale": 1.1, **change}
    assert page.post("/api/recount", wish, 422)["error"]


@pytest.mark.parametrize("body", ["", "null", "[]", "{", "\0", "[" * 10000, '{"topic":7}'])
def test_requests_to_count_again_that_are_no_json_are_answered_with_an_error(page, body):
    status, _, answer = page.ask("/api/recount", "POST", body, Content_Type="application/json")
    assert status == 422 and json.loads(answer)["error"]


# ---- the database ----

def moment(ms):
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc)


def test_history_is_read_from_the_database(running, page):
    running.system.events.database["other"].insert_one({"x": 1})
    wait_until(lambda: running.system.events.count_documents({"camera": "cam-1"}) > 5)
    until = int(time.time() * 1000)
    for unit, length in (("minute", 60000), ("hour", 3600000)):
        begin = until - until % length - length

        def totals():
            events = list(running.system.events.find(
                {"camera": "cam-1", "captured": {"$gte": moment(begin), "$lt": moment(until)}}))
            return len(events), sum(event["faces"] for event in events)

        least = totals()
        answer = page.json("/api/documents", **{"from": begin, "to": until, "unit": unit, "camera": "cam-1"})
        most = totals()  # a slow fog may still store frames that were captured before `until`
        assert answer["complete"] and answer["unit"] == unit
        assert {bucket["camera"] for bucket in answer["buckets"]} == {"cam-1"}
        assert all(bucket["time"] % length == 0 for bucket in answer["buckets"])
        for name, fewest, highest in zip(("frames", "faces"), least, most):
            assert fewest <= sum(bucket[name] for bucket in answer["buckets"]) <= highest


EPOCH = datetime.datetime(1970, 1, 1)
ODD = [{"camera": 7, "faces": 2.5}, {"faces": 1}, {"camera": "odd", "faces": "x"}, {"camera": "odd"}, {"camera": "odd", "faces": -3},
       {"camera": "odd", "faces": float("nan")}, {"camera": "odd", "faces": 1e300}, {"camera": "odd", "faces": None}]


def sums_of(documents, unit, camera):
    """Computes the history that the page should show for documents, without the page's code."""
    sums = {}
    for document in documents:
        faces, name = document.get("faces"), document.get("camera", "")
        name = name if isinstance(name, str) else ""
        if not isinstance(faces, (int, float)) or not isinstance(document["captured"], datetime.datetime) or (camera and name != camera):
            continue
        faces = 0 if faces != faces else int(max(0, min(faces, 2**31 - 1)))
        time_ms = int((document["captured"] - EPOCH).total_seconds() * 1000)
        sums.setdefault((time_ms - time_ms % unit, name), []).append(faces)
    return {key: (len(found), sum(found), max(found)) for key, found in sums.items()}


@pytest.mark.parametrize("server_name, grouped", [("mongo", False), ("secantus", True)])
def test_history_is_the_same_whether_the_database_or_the_page_sums(request, open_page, fresh, server_name, grouped):
    """The page sums faces itself if the database server can't group documents, and both ways give the same sums, for
    unusual documents too."""
    server = request.getfixturevalue(server_name)
    begin = datetime.datetime(2026, 11, 1)
    documents = [
        {"camera": f"cam-{n % 3}", "faces": n % 5, "captured": begin + datetime.timedelta(seconds=7 * n)} for n in range(2000)]
    # FerretDB stores no NaN.
    documents += [{"captured": begin, **odd} for odd in ODD if grouped or odd.get("faces") == odd.get("faces")] + [{"camera": "odd", "faces": 1, "captured": "x"}]
    with pymongo.MongoClient(server.uri) as client:
        client[fresh].events.insert_many([{**document, "_id": n} for n, document in enumerate(documents)])
    page = open_page(MONGODB_URI=server.uri, DATABASE=fresh)
    for unit, length in (("minute", 60000), ("hour", 3600000)):
        for camera in (None, "cam-1"):
            wish = {"from": int((begin - EPOCH).total_seconds() * 1000), "to": int(time.time() * 1000), "unit": unit}
            answer = page.json("/api/documents", **wish, **({"camera": camera} if camera else {}))
            assert answer["complete"] and answer["grouped"] == grouped
            found = {(one["time"], one["camera"]): (one["frames"], one["faces"], one["most"]) for one in answer["buckets"]}
            assert found == sums_of(documents, length, camera)
            assert [one["time"] for one in answer["buckets"]] == sorted(one["time"] for one in answer["buckets"])


@pytest.mark.parametrize("query", ["", "from=0&to=1", "from=0&to=1&unit=day", "from=-1&to=1&unit=hour", "from=x&to=1&unit=hour"])
def test_invalid_ranges_of_time_are_refused(page, query):
    assert page.ask(f"/api/documents?{query}")[0] == 400


# ---- what others see ----

def faces_in(jpeg, score=0):
    """Returns the boxes of the faces that haarfacecount finds in a picture that the page has sent, with at least this score."""
    done = subprocess.run(
        shlex.split(f"gst-launch-1.0 -q fdsrc ! jpegdec ! haarfacecount min-faces=0 min-score={score} ! fdsink"), input=jpeg,
        env=pipeline.environment(), stdout=subprocess.PIPE, timeout=30, check=True)
    return json.loads(done.stdout)["boxes"]


def clear_faces_in(jpeg):
    """Leaves out boxes with a low score, because three by three grey squares may look like a face to a cascade."""
    return faces_in(jpeg, 0.5)


@pytest.fixture(scope="module")
def faces(running):
    """Returns a frame with faces, old enough for its event to exist."""
    def find():
        frame = running.page.frame("cam-1")
        return frame if frame["faces"] else None
    return wait_until(find, 30, "a frame with faces")


@pytest.mark.parametrize("blur", ["faces", "picture"])
def test_blur_leaves_no_face_that_can_be_found(running, open_page, faces, blur):
    clear = running.system.value(faces)
    assert len(faces_in(clear)) == faces["faces"]
    assert clear_faces_in(clear)  # the faces have high scores before the blur
    page = open_page("--blur", blur)
    # so that the page has read the boxes of the frame from its event
    page.json("/api/travel", camera="cam-1", at=faces["captured"], span=1)
    blurred = page.picture(faces)[1]
    assert page.state()["blur"] == blur
    assert clear_faces_in(blurred) == [] and size_of(blurred) == (640, 480)


def test_only_faces_are_blurred(running, open_page, faces):
    page = open_page("--blur", "faces")
    whole = page.picture(faces)[1]  # the page doesn't know the boxes yet, so the whole frame is blurred
    page.json("/api/travel", camera="cam-1", at=faces["captured"], span=1)
    known = page.picture(faces)[1]
    assert clear_faces_in(whole) == clear_faces_in(known) == []
    assert len(known) > 1.5 * len(whole)  # a picture of which only the faces are blurred needs more bytes


def test_an_uncounted_frame_is_blurred_as_a_whole(running, open_page, faces):
    page = open_page("--blur", "faces")
    jpeg = running.system.value(faces)
    for value, caps in ((jpeg, "image/jpeg"), (run_line("fdsrc ! jpegdec ! videoconvert ! pngenc ! fdsink", jpeg), "image/png")):
        headers, body = page.picture(publish(running, "foreign", value, caps))  # no event names it
        assert headers["Content-Type"] == "image/jpeg" and clear_faces_in(body) == []


def test_a_mode_of_blur_that_does_not_exist_is_refused(running, tmp_path):
    page = livepage.Page(running.system, tmp_path / "live.log", "--blur", "some", wait=False)
    assert page.popen.wait(20) == 2 and "faces or picture" in page.output()


# ---- who may look ----

@pytest.mark.parametrize("headers", [
    {"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}])
def test_pages_of_other_origins_get_no_answer(page, headers):
    status, _, body = page.ask("/api/state", **headers)
    assert status == 403 and b"cameras" not in body


def test_every_answer_has_a_strict_content_security_policy(page):
    for path in ("/", "/api/state", "/nothing", "/static/nothing"):
        _, headers, _ = page.ask(path)
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path, method, body, expected", [
    ("/nothing", "GET", None, 404), ("/static/../main.c", "GET", None, 404), ("/api/state", "POST", "x", 405),
    ("/api/state", "DELETE", None, 405), ("/api/look", "GET", None, 400), ("/api/recount", "POST", "x" * 100000, 413), ("/api/recount", "POST", "{}", 415),
    ("/api/do", "POST", '{"do":"kill"}', 404), ("/api/do", "GET", None, 404)])
def test_invalid_requests_get_an_error_as_answer(page, path, method, body, expected):
    status, _, answer = page.ask(path, method, body)
    assert status == expected
    assert json.loads(answer)["error"]


def test_an_address_other_than_loopback_requires_a_token(running, tmp_path):
    page = livepage.Page(running.system, tmp_path / "live.log", listen="0.0.0.0:0", wait=False)
    assert page.popen.wait(20) == 2
    assert "takes a token" in page.output()


def test_a_short_token_is_refused(running, tmp_path):
    page = livepage.Page(running.system, tmp_path / "live.log", wait=False, LIVE_TOKEN="short")
    assert page.popen.wait(20) != 0
    assert "16 printable characters" in page.output() and "short" not in page.output()


def test_a_client_with_the_token_sees_the_page(open_page):
    page = open_page(LIVE_TOKEN=TOKEN)
    assert page.ask("/api/state")[0] == 401
    assert page.ask("/")[0] == 303 and page.ask("/healthz")[0] in (200, 503)
    assert page.ask("/api/state", Authorization=f"Bearer {TOKEN}")[0] == 200
    status, headers, _ = page.ask("/login", "POST", f"token={TOKEN}", Content_Type="application/x-www-form-urlencoded")
    assert status == 303 and headers["Location"].endswith("/")
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and TOKEN not in cookie
    assert page.ask("/api/state", Cookie=cookie.split(";")[0])[0] == 200


def test_a_client_that_guesses_tokens_has_to_wait(open_page):
    page = open_page(LIVE_TOKEN=TOKEN)
    _, headers, _ = page.ask("/login", "POST", f"token={TOKEN}")
    cookie = headers["Set-Cookie"].split(";")[0]
    statuses = [page.ask("/login", "POST", f"token=wrong-{n}")[0] for n in range(30)]
    assert statuses[0] == 303 and statuses[-1] == 429
    # After wrong guesses, even the right token is refused for a while if it comes from the
    # guesser's address. A session that began before the guesses stays valid.
    assert page.ask("/login", "POST", f"token={TOKEN}")[0] == 429
    assert page.ask("/api/state", Authorization=f"Bearer {TOKEN}")[0] == 401
    assert page.ask("/api/state", Cookie=cookie)[0] == 200
    page.source = "127.0.0.2"
    assert page.ask("/api/state", Authorization=f"Bearer {TOKEN}")[0] == 200
    assert page.ask("/login", "POST", f"token={TOKEN}")[0] == 303


class Entry:
    """Runs the live page's server as the container image's entry point starts it."""

    def __init__(self, directory, servers, **settings):
        self.port = server.free_port(network.Loopback())
        self._environment = {**pipeline.environment(), "FOG_KAFKA": servers, "HEALTH_PORT": str(self.port), **settings}
        self.log = directory / "entry.log"
        with open(self.log, "wb") as output:
            self.popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", ENTRY, "live"], env=self._environment, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT)

    def probe(self, *path):
        return subprocess.run([ENTRY, "health", *path], env=self._environment, capture_output=True, text=True, timeout=120, check=False)

    def ask(self, path, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            connection.request("GET", path, headers=headers)
            return connection.getresponse().status

    def serves(self, address):
        """Returns whether the server accepts a connection at an address. 127.0.0.2 stands for an address at which other
        machines reach this one."""
        with socket.socket() as client:
            return client.connect_ex((address, self.port)) == 0


@pytest.fixture
def start_entry(tmp_path):
    started = []

    def start(servers, **settings):
        started.append(Entry(tmp_path, servers, **settings))
        return started[-1]

    yield start
    for one in started:
        one.popen.kill()
        one.popen.wait()


@pytest.mark.parametrize("there", [False, True])
def test_the_containers_page_serves_other_machines_only_with_a_token(start_entry, kafka, tmp_path, there):
    file = tmp_path / "token"
    if there:
        file.write_text(f"{TOKEN}\n")
    entry = start_entry(kafka.bootstrap, LIVE_TOKEN_FILE=str(file))
    wait_until(lambda: entry.probe().returncode == 0, 30, "alive")
    wait_until(lambda: entry.probe("/healthz").returncode == 0, 30, "ready")
    assert entry.serves("127.0.0.1") and entry.serves("127.0.0.2") == there
    assert entry.ask("/api/state", Host="localhost:8090") == (401 if there else 200)  # as through kubectl port-forward
    assert TOKEN not in entry.log.read_text()


@pytest.mark.parametrize("text", ["", "short", "a token with spaces in it"])
def test_the_containers_page_refuses_an_invalid_token(start_entry, tmp_path, text):
    (tmp_path / "token").write_text(text)
    entry = start_entry("127.0.0.1:1", LIVE_TOKEN_FILE=str(tmp_path / "token"))
    assert entry.popen.wait(20) != 0 and "16 printable characters" in entry.log.read_text()


def test_the_containers_page_is_alive_but_not_ready_while_kafka_is_away(start_entry):
    """While no broker answers, the page's server reports that it is alive but not ready, so that an orchestrator doesn't
    restart it."""
    entry = start_entry("127.0.0.1:1")
    wait_until(lambda: entry.probe().returncode == 0, 30, "alive")
    wait_until(lambda: entry.probe("/healthz").returncode == 1, 30, "not ready")
    assert "Kafka does not answer" in entry.probe("/healthz").stdout and entry.probe("/livez").returncode == 0


# ---- what it survives ----

def test_the_page_and_its_streams_work_despite_a_thousand_idle_connections(page):
    """The server closes idle connections for new ones, but no stream of events, although the stream is the oldest connection."""
    sockets, stream = [], http.client.HTTPConnection(page.address.netloc, timeout=30)
    stream.request("GET", "/api/stream")
    events = stream.getresponse()
    events.readline()
    for _ in range(1000):
        one = socket.create_connection((page.address.hostname, page.address.port), 5)
        one.sendall(b"GET /api/state HTTP/1.1\r\n")
        sockets.append(one)
    began = time.monotonic()
    assert page.ask("/healthz")[0] == 200
    assert time.monotonic() - began < 20
    for _ in range(20):  # lines, of more events than were on their way
        assert events.readline(), "the stream was closed"
    stream.close()
    for one in sockets:
        one.close()
    assert page.ask("/api/state")[0] == 200


def test_the_number_of_viewers_is_limited_and_slow_viewers_cost_no_memory(open_page):
    page = open_page("--max-viewers", "20")
    page.ask("/api/state")
    before, sockets = page.resident(), []
    for _ in range(20):
        one = socket.create_connection((page.address.hostname, page.address.port), 5)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.sendall(f"GET /api/stream HTTP/1.1\r\nHost: {page.address.netloc}\r\n\r\n".encode())
        sockets.append(one)
    wait_until(lambda: page.ask("/api/stream", "HEAD")[0] == 503, 10, "the page is full")
    assert page.ask("/api/stream")[0] == 503
    time.sleep(5)
    assert page.resident() - before < 30
    for one in sockets:
        one.close()
    wait_until(lambda: page.ask("/api/stream", "HEAD")[0] == 200, 20, "the server removes the viewers that left")


@pytest.mark.parametrize("path", [None, "/api/stream", "/api/travel?camera=cam-1", "/api/picture?topic=x&partition=0&offset=0"])
def test_ends_on_sigint(running, open_page, path):
    page = open_page()
    one = socket.create_connection((page.address.hostname, page.address.port), 5)
    if path:
        path = path.replace("topic=x", f"topic={running.system.topics['camera']}")
        one.sendall(f"GET {path} HTTP/1.1\r\nHost: {page.address.netloc}\r\n\r\n".encode())
        time.sleep(0.05)
    page.popen.send_signal(signal.SIGINT)
    assert page.popen.wait(15) == 0, page.output()
    one.close()
