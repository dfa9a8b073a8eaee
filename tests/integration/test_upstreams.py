# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pushes every kind of stream into every element, and checks that no stream causes a GLib critical or a crash."""

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
    """Pushes all kinds of streams in one process, which prints each kind before it begins, so the last kind printed is the
    one that failed."""
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
def test_sinks_accept_streams_of_bytes(kafka, mongo, fresh, launch, tmp_path, line):
    (tmp_path / "file").write_bytes(bytes(20000))
    kafka.create_topic(fresh, 1)
    sent = launch(line.format(
        file=tmp_path / "file", to=f"bootstrap-servers={kafka.bootstrap} topic={fresh}", mongo=mongo.uri, name=fresh))
    assert sent.wait(120) == 0, sent.output()
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
def test_streams_of_muxers_are_decoded_after_they_passed_through_kafka(kafka, fresh, launch, tmp_path, muxer, reader):
    kafka.create_topic(fresh, 1)
    to = f"bootstrap-servers={kafka.bootstrap} topic={fresh}"
    sent = launch(f"videotestsrc num-buffers=30 ! video/x-raw,width=64,height=48 ! {muxer} ! kafkasink {to}")
    assert sent.wait(120) == 0, sent.output()
    read = launch(f"kafkasrc {to} auto-offset-reset=earliest eos-at-end=true ! "
                  f"{reader.format(folder=tmp_path)} ! fakesink async=false")
    assert read.wait(120) == 0, read.output()
    assert "CRITICAL" not in read.output()


@pytest.mark.parametrize("memory", ["DMABuf", "GLMemory", "VASurface", "NVMM"])
@pytest.mark.parametrize("sink", ["kafkasink bootstrap-servers={kafka} topic={name}", "mongosink uri={mongo} database={name} wrap=true"])
def test_sinks_refuse_frames_in_the_memory_of_a_device(kafka, mongo, fresh, launch, sink, memory):
    """A sink refuses caps whose frames are in the memory of a device, because a message would contain only a handle, which
    no reader can use."""
    sink = sink.format(kafka=kafka.bootstrap, mongo=mongo.uri, name=fresh)
    sent = launch(f"fakesrc num-buffers=3 sizetype=fixed sizemax=100 ! video/x-raw(memory:{memory}),format=NV12,width=8,height=8,framerate=30/1 ! {sink}")
    assert sent.wait(120) == 1
    assert "Only this machine can read these frames" in sent.output(), sent.output()


def test_system_memory_is_negotiated_if_caps_also_offer_device_memory(kafka, fresh, launch):
    """If caps offer device memory first, as newer camera drivers do, and then system memory, a sink accepts system memory."""
    sent = launch(
        f"videotestsrc num-buffers=3 ! video/x-raw(memory:DMABuf),format=NV12,width=16,height=16;"
        f"video/x-raw,format=I420,width=16,height=16 ! kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh}",
        options="-e -v")
    assert sent.wait(120) == 0, sent.output()
    assert "format=(string)I420" in sent.output()
