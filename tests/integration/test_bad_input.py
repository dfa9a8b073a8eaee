# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mistakes of users and bad data from the network: each one causes one clear error, or is skipped and counted. Nothing hangs or
crashes."""

import pytest
from pipeline import wait_until
from system import System

NOBODY = "127.0.0.1:1"
VIDEO = "videotestsrc num-buffers=1"
COUNTED = "video/x-raw,format=I420,width=640,height=480"
EVENTS = "scenesrc is-live=false num-buffers=3 ! haarfacecount min-faces=0"

# name: (pipeline that has to fail, text that its error must contain); DIR is a directory, which
# can't be read as a file
FATAL = {
    "no cascade": (f"{VIDEO} ! haarfacecount cascade=/none.xml ! fakesink", "/none.xml"),
    "cascade unreadable": (f"{VIDEO} ! haarfacecount cascade=DIR ! fakesink", "DIR"),
    "caps that can't be counted": (f"{VIDEO} ! video/x-raw,format=v210 ! haarfacecount ! fakesink", "haarfacecount"),
    "sink's config-file missing": ("fakesrc ! kafkasink topic=t config-file=/none.conf", "/none.conf"),
    "sink's config-file unreadable": ("fakesrc ! kafkasink topic=t config-file=DIR", "DIR"),
    "source's config-file missing": ("kafkasrc topic=t config-file=/none.conf ! fakesink", "/none.conf"),
    "source's config-file unreadable": ("kafkasrc topic=t config-file=DIR ! fakesink", "DIR"),
    "sink's topic missing": ("fakesrc ! kafkasink", "topic"),
    "source's topic missing": ("kafkasrc ! fakesink", "topic"),
    "option unknown": ("kafkasrc topic=t client-properties=c,no.such=1 ! fakesink", "no.such"),
    "option refused": ("kafkasrc topic=t client-properties=c,plugin.library.paths=x ! fakesink", "plugin.library.paths"),
    "no database": (f"{EVENTS} ! mongosink uri=mongodb://{NOBODY} retry-timeout=1000000000", NOBODY),
    "database unnamed": ("fakesrc ! mongosink uri=nonsense", "URI"),
    "uri-file missing": ("fakesrc ! mongosink uri-file=/none.uri", "/none.uri"),
}


@pytest.mark.parametrize("line, named", FATAL.values(), ids=FATAL.keys())
def test_one_clear_error(launch, tmp_path, line, named):
    stage = launch(line.replace("DIR", str(tmp_path)))
    assert stage.wait(120) > 0, "killed by a signal"
    errors = [text for text in stage.output().splitlines() if "ERROR" in text and "from element" in text]
    refused = [text for text in stage.output().splitlines() if text.startswith("WARNING: erroneous pipeline")]
    assert len(errors + refused) == 1, stage.output()
    assert named.replace("DIR", str(tmp_path)) in (errors + refused)[0], stage.output()


@pytest.mark.quick
def test_frames_that_contradict_their_caps_are_skipped(kafka, mongo, fresh, launch):
    """Sends bad frames between good ones: one that is no picture, half a picture, raw video too short for its caps, invalid
    caps and numbers."""
    system = System(kafka, mongo, fresh, partitions=1)
    assert launch(system.edge(10, "seed=3")).wait(120) == 0
    good = [message for message in take(system.read("camera"), 10)]
    producer = kafka.producer()
    headers = dict(good[0].headers())
    for value, change in [
            (b"", {}), (b"no picture", {}), (good[0].value()[:2000], {}),
            (b"short", {"gst-caps": f"{COUNTED},framerate=30/1".encode()}),
            (good[0].value(), {"gst-caps": b"\xff\xfe("}), (good[0].value(), {"gst-caps": b"x" * 100000}),
            (good[0].value(), {"seq": b"-1", "gst-pts": b"1e999", "session": b"\x00"}),
            (good[0].value(), {"capture-time": b"99999999999999999999999", "gst-flags": b"nonsense"})]:
        producer.produce(system.topics["camera"], value, headers={**headers, **change})
    assert producer.flush(120) == 0
    assert launch(system.edge(60, "seed=1")).wait(120) == 0
    fog, cloud = launch(system.fog("fog")), launch(system.cloud())
    shown = {identity: faces for identity, faces in last_session(system, 60).items() if faces > 0}
    wait_until(lambda: shown.items() <= system.stored().items(), 90, "the good frames' documents")
    fog.interrupt()
    cloud.interrupt()


def test_an_event_that_is_no_document_is_skipped(kafka, mongo, fresh, launch):
    system = System(kafka, mongo, fresh, partitions=1)
    producer = kafka.producer()
    for value in [b"", b"no JSON", b"[1]", b'{"_id":', b'{"a":{"$date":"never"}}', b"\xff\x00", b'{"_id":"good"}']:
        producer.produce(system.topics["database"], value, headers={"gst-caps": "application/json, schema=fog-event"})
    assert producer.flush(120) == 0
    cloud = launch(system.cloud())
    wait_until(lambda: system.events.find_one({"_id": "good"}), 60, "the good document")
    cloud.interrupt()


def test_a_report_that_is_no_json_is_skipped(kafka, mongo, fresh, launch):
    system = System(kafka, mongo, fresh, partitions=1)
    edge = launch(system.live_edge())
    messages = system.read("camera")
    wait_until(lambda: next(messages), 60, "a frame")
    producer = kafka.producer()
    for value in [b"", b"no JSON", b"[]", b'{"replica":7,"frames":-1,"interval":0}', b"{" * 100000, b"\xff\x00"]:
        producer.produce(system.topics["feedback"], value)
    assert producer.flush(120) == 0
    for _ in range(30):
        wait_until(lambda: next(messages), 30, "a frame after the nonsense")
    edge.interrupt()


def take(messages, wanted):
    """Yields the next `wanted` messages, however long the pauses between them."""
    while wanted:
        message = next(messages)
        if message is not None:
            wanted -= 1
            yield message


def last_session(system, frames):
    """Returns {_id: number of faces that the frame shows} for the last `frames` messages."""
    reader = [message for message in take(system.read("camera"), 10 + 8 + frames)][-frames:]
    truth = {}
    for message in reader:
        headers = {name: value.decode() for name, value in message.headers()}
        truth[f"{headers['camera']}:{headers['session']}:{headers['seq']}"] = int(headers["scene-faces"])
    return truth
