# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pushes every kind of stream into every element. No stream causes a GLib critical, which would end the process."""

import subprocess
import sys

import pytest
from messages import Feed
from pipeline import TOP, environment
from upstream import KINDS

ELEMENTS = {
    "kafkasink": "kafkasink name=in bootstrap-servers={kafka} topic={name}",
    "mongosink": "mongosink name=in uri={mongo} database={name} wrap=true",
    "gridfs": "mongosink name=in uri={mongo} database={name} mode=gridfs collection=frames",
    "haarfacecount": "haarfacecount name=in min-faces=0 ! fakesink async=false in.rate ! fakesink async=false",
    "haarfacecount, video": "haarfacecount name=in ! fakesink async=false in.video ! fakesink async=false",
    "feedbackrate": "feedbackrate name=in algorithm=fixed initial-rate=30 ! fakesink async=false",
}


@pytest.mark.parametrize("element", ELEMENTS)
def test_any_kind_of_stream_is_accepted(kafka, mongo, fresh, element):
    """Pushes all kinds in one process; the last kind printed is the one that failed."""
    line = ELEMENTS[element].format(kafka=kafka.bootstrap, mongo=mongo.uri, name=fresh)
    done = subprocess.run([sys.executable, TOP / "tests/integration/upstream.py", line], env=environment(),
                          capture_output=True, text=True, timeout=180)
    assert done.returncode == 0 and "CRITICAL" not in done.stderr, done.stderr
    assert all(kind in done.stderr for kind in KINDS)


@pytest.mark.parametrize("line", [
    "filesrc location={file} blocksize=4096 ! kafkasink {to}",
    "multifilesrc location={file} num-buffers=3 ! kafkasink {to}",
    "videotestsrc num-buffers=10 ! jpegenc ! avimux ! kafkasink {to}",
    "videotestsrc num-buffers=10 ! theoraenc ! oggmux ! kafkasink {to}",
    "audiotestsrc num-buffers=10 ! wavenc ! kafkasink {to}",
    "videotestsrc num-buffers=10 ! jpegenc ! matroskamux streamable=true ! kafkasink {to}",
    "filesrc location={file} ! mongosink uri={mongo} database={name} wrap=true",
])
def test_kafkasink_takes_streams_of_bytes(kafka, mongo, fresh, launch, tmp_path, line):
    (tmp_path / "file").write_bytes(bytes(20000))
    kafka.create_topic(fresh, 1)
    sent = launch(line.format(
        file=tmp_path / "file", to=f"bootstrap-servers={kafka.bootstrap} topic={fresh}", mongo=mongo.uri, name=fresh))
    assert sent.wait(60) == 0, sent.output()
    assert "CRITICAL" not in sent.output()


@pytest.mark.parametrize("muxer, reader", [
    ("theoraenc ! oggmux", "oggdemux ! theoradec"),
    ("jpegenc ! avimux", "avidemux ! jpegdec"),
    ("jpegenc ! matroskamux streamable=true", "matroskademux ! jpegdec"),
    ("jpegenc ! matroskamux streamable=true", "decodebin"),
    ("theoraenc ! oggmux", "decodebin"),
    ("jpegenc ! multipartmux", "multipartdemux ! jpegdec"),
    ("x264enc ! h264parse ! mpegtsmux", "tsdemux ! h264parse ! avdec_h264"),
    ("x264enc ! h264parse ! mpegtsmux alignment=7", "decodebin"),
    ("x264enc ! h264parse ! flvmux streamable=true", "flvdemux ! h264parse ! avdec_h264"),
    ("x264enc ! h264parse ! mp4mux fragment-duration=100 streamable=true", "qtdemux ! h264parse ! avdec_h264"),
    ("x264enc bframes=2 ! video/x-h264,stream-format=byte-stream", "h264parse ! avdec_h264"),
    ("vp8enc ! webmmux streamable=true", "matroskademux ! vp8dec"),
    ("y4menc", "y4mdec"),
    ("jpegenc ! gdppay", "gdpdepay ! jpegdec"),
    ("videoconvert ! video/x-raw,format=I420 ! jpegenc ! rtpjpegpay mtu=200", "rtpjpegdepay ! jpegdec"),
    ("jpegenc", "decodebin"),
    ("jpegenc", "typefind ! jpegdec"),
    ("jpegenc", "multifilesink location={folder}/%05d.jpg fakesrc num-buffers=0"),
    ("jpegenc", "filesink location={folder}/all fakesrc num-buffers=0"),
])
def test_mongosink_takes_streams_of_bytes(kafka, fresh, launch, tmp_path, muxer, reader):
    kafka.create_topic(fresh, 1)
    to = f"bootstrap-servers={kafka.bootstrap} topic={fresh}"
    sent = launch(f"videotestsrc num-buffers=30 ! video/x-raw,width=64,height=48 ! {muxer} ! kafkasink {to}")
    assert sent.wait(60) == 0, sent.output()
    read = launch(f"kafkasrc {to} auto-offset-reset=earliest eos-at-end=true ! "
                  f"{reader.format(folder=tmp_path)} ! fakesink async=false")
    assert read.wait(60) == 0, read.output()
    assert "CRITICAL" not in read.output()


@pytest.mark.parametrize("memory", ["DMABuf", "GLMemory", "VASurface", "NVMM"])
@pytest.mark.parametrize("sink", ["kafkasink bootstrap-servers={kafka} topic={name}", "mongosink uri={mongo} database={name} wrap=true"])
def test_memory_of_a_device_is_refused(kafka, mongo, fresh, launch, sink, memory):
    """The memory of these frames belongs to a device, so no reader of the topic could map it."""
    sink = sink.format(kafka=kafka.bootstrap, mongo=mongo.uri, name=fresh)
    sent = launch(f"fakesrc num-buffers=3 sizetype=fixed sizemax=100 ! video/x-raw(memory:{memory}),format=NV12,width=8,height=8,framerate=30/1 ! {sink}")
    assert sent.wait(60) == 1
    assert "Only this machine can read these frames" in sent.output(), sent.output()


def test_frames_of_system_memory_are_accepted(kafka, fresh, launch):
    """Caps offer system memory beside device memory, which newer camera drivers list first."""
    sent = launch(
        f"videotestsrc num-buffers=3 ! video/x-raw(memory:DMABuf),format=NV12,width=16,height=16;"
        f"video/x-raw,format=I420,width=16,height=16 ! kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh}",
        options="-e -v")
    assert sent.wait(60) == 0, sent.output()
    assert "format=(string)I420" in sent.output()
