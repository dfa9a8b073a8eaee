# SPDX-License-Identifier: LGPL-2.1-or-later
"""`upstream.py LINE [KIND…]`: pushes a stream of each KIND (by default of all) into the element `in` of the pipeline LINE,
and prints each kind before it begins; run by test_upstreams.py."""

import os
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstAllocators", "1.0")
from gi.repository import Gst, GstAllocators  # noqa: E402

FRAME = bytes(64 * 48)
CAPS = "video/x-raw,format=GRAY8,width=64,height=48,framerate=30/1"


def buffer(number, pts=True, dts=False, flags=Gst.BufferFlags(0)):
    made = Gst.Buffer.new_wrapped(FRAME)
    if pts:
        made.pts, made.duration = number * Gst.SECOND // 30, Gst.SECOND // 30
    if dts:
        made.dts = number * Gst.SECOND // 30
    made.set_flags(flags)
    return made


def buffer_in_dmabuf(number):
    """Makes a buffer in a dmabuf, as camera drivers do even without the caps feature memory:DMABuf, which can be mapped."""
    descriptor = os.memfd_create("frame")
    os.write(descriptor, FRAME)
    memory = GstAllocators.DmaBufAllocator.alloc(GstAllocators.DmaBufAllocator.new(), descriptor, len(FRAME))
    assert GstAllocators.is_dmabuf_memory(memory)
    made = Gst.Buffer.new()
    made.append_memory(memory)
    made.pts, made.duration = number * Gst.SECOND // 30, Gst.SECOND // 30
    return made


def segment(form, **fields):
    made = Gst.Segment()
    made.init(form)
    for name, value in fields.items():
        setattr(made, name, value)
    return Gst.Event.new_segment(made)


def buffer_of_parts(number):
    """Splits the bytes of a buffer over several memories."""
    made = buffer(number)
    made.resize(0, len(FRAME) - 48)
    for _ in range(3):
        made.append_memory(Gst.Buffer.new_wrapped(bytes(16)).get_memory(0))
    return made


def buffer_list():
    made = Gst.BufferList.new()
    for one in frames():
        made.insert(-1, one)
    return made


def caps(text):
    return Gst.Event.new_caps(Gst.Caps.from_string(text))


def serialized(name):
    return Gst.Event.new_custom(Gst.EventType.CUSTOM_DOWNSTREAM, Gst.Structure.new_empty(name))


def frames(**options):
    return [buffer(number, **options) for number in range(5)]


KINDS = {
    "time": lambda: [segment(Gst.Format.TIME), *frames()],
    "bytes": lambda: [segment(Gst.Format.BYTES), *frames()],
    "bytes without times": lambda: [segment(Gst.Format.BYTES), *frames(pts=False)],
    "default": lambda: [segment(Gst.Format.DEFAULT), *frames()],
    "buffers": lambda: [segment(Gst.Format.BUFFERS), *frames(pts=False)],
    "no times": lambda: [segment(Gst.Format.TIME), *frames(pts=False)],
    "dts alone": lambda: [segment(Gst.Format.TIME), *frames(pts=False, dts=True)],
    "headers first": lambda: [segment(Gst.Format.TIME), buffer(0, pts=False, flags=Gst.BufferFlags.HEADER), *frames()],
    "gaps": lambda: [segment(Gst.Format.TIME), Gst.Event.new_gap(0, Gst.SECOND), *frames(),
                     Gst.Event.new_gap(Gst.SECOND, Gst.CLOCK_TIME_NONE)],
    "another segment": lambda: [segment(Gst.Format.BYTES), *frames(), segment(Gst.Format.TIME), *frames()],
    "tags": lambda: [segment(Gst.Format.TIME), Gst.Event.new_tag(Gst.TagList.new_from_string("taglist,title=x")), *frames()],
    "lists": lambda: [segment(Gst.Format.TIME), buffer_list()],
    "lists of bytes": lambda: [segment(Gst.Format.BYTES), buffer_list()],
    "flush": lambda: [segment(Gst.Format.TIME), *frames(), Gst.Event.new_flush_start(), Gst.Event.new_flush_stop(True),
                      segment(Gst.Format.TIME), *frames()],
    "flush of bytes": lambda: [segment(Gst.Format.BYTES), *frames(), Gst.Event.new_flush_start(),
                               Gst.Event.new_flush_stop(True), segment(Gst.Format.BYTES), *frames()],
    "backwards": lambda: [segment(Gst.Format.TIME, rate=-1.0, applied_rate=1.0, start=0, stop=Gst.SECOND), *frames()[::-1]],
    "twice as fast": lambda: [segment(Gst.Format.TIME, rate=2.0), *frames()],
    "applied rate": lambda: [segment(Gst.Format.TIME, applied_rate=2.0), *frames()],
    "before the start": lambda: [segment(Gst.Format.TIME, start=10 * Gst.SECOND, time=10 * Gst.SECOND), *frames()],
    "after the stop": lambda: [segment(Gst.Format.TIME, stop=Gst.SECOND // 100), *frames()],
    "far offset": lambda: [segment(Gst.Format.TIME, base=2**62, offset=Gst.SECOND), *frames()],
    "far times": lambda: [segment(Gst.Format.TIME), *(buffer(2**38 + number * 2**30) for number in range(5))],
    "times that go back": lambda: [segment(Gst.Format.TIME), *frames()[::-1], *frames()],
    "percent": lambda: [segment(Gst.Format.PERCENT), *frames()],
    "new caps": lambda: [segment(Gst.Format.TIME), *frames(), caps(CAPS), *frames(), caps(CAPS.replace("30/1", "15/1")), *frames()],
    "variable rate": lambda: [caps(CAPS.replace("30/1", "0/1")), segment(Gst.Format.TIME), *frames()],
    "new stream": lambda: [segment(Gst.Format.TIME), *frames(), Gst.Event.new_stream_start("other"), caps(CAPS),
                           segment(Gst.Format.BYTES), *frames()],
    "segment done": lambda: [segment(Gst.Format.TIME), *frames(), Gst.Event.new_segment_done(Gst.Format.TIME, Gst.SECOND)],
    "segment done of bytes": lambda: [segment(Gst.Format.BYTES), *frames(), Gst.Event.new_segment_done(Gst.Format.BYTES, 100)],
    "gap of bytes": lambda: [segment(Gst.Format.BYTES), Gst.Event.new_gap(0, Gst.SECOND), *frames()],
    "gap without duration": lambda: [segment(Gst.Format.TIME), Gst.Event.new_gap(Gst.SECOND, Gst.CLOCK_TIME_NONE), *frames()],
    "custom events": lambda: [serialized("GstForceKeyUnit"), segment(Gst.Format.BYTES), serialized("x-y"), *frames()],
    "parts": lambda: [segment(Gst.Format.TIME), *map(buffer_of_parts, range(5))],
    "flags": lambda: [segment(Gst.Format.TIME), *(
        buffer(number, flags=Gst.BufferFlags(1 << (4 + number))) for number in range(14))],
    "nothing": lambda: [segment(Gst.Format.TIME)],
    "nothing of bytes": lambda: [segment(Gst.Format.BYTES)],
    "dmabuf": lambda: [segment(Gst.Format.TIME), *map(buffer_in_dmabuf, range(5))],
}


# Numbers of buffers that GstBaseSink drops, because they are outside the segment.
CLIPPED = {"before the start": 5, "after the stop": 4}


def check_delivered(element, kind, items):
    """Checks that kafkasink has sent each buffer as one message."""
    stats = element.get_property("stats")
    if element.get_factory().get_name() != "kafkasink":
        return
    pushed = sum(item.length() if isinstance(item, Gst.BufferList) else isinstance(item, Gst.Buffer) for item in items)
    assert stats.get_value("delivered") == pushed - CLIPPED.get(kind, 0), (kind, stats.to_string())


def run(kind, line):
    pipeline = Gst.parse_launch(f"{line} fakesrc num-buffers=0 ! fakesink async=false")  # never a lone element
    source = Gst.Pad.new("source", Gst.PadDirection.SRC)
    sink = pipeline.get_by_name("in").get_static_pad("sink")
    source.set_active(True)
    pipeline.set_state(Gst.State.PLAYING)
    assert source.link(sink) == Gst.PadLinkReturn.OK
    source.push_event(Gst.Event.new_stream_start("stream"))
    source.push_event(Gst.Event.new_caps(Gst.Caps.from_string(CAPS)))
    items = KINDS[kind]()
    for item in items:
        if isinstance(item, Gst.Event):
            assert source.push_event(item), item.type
        elif isinstance(item, Gst.BufferList):
            assert source.push_list(item) == Gst.FlowReturn.OK
        else:
            assert source.push(item) == Gst.FlowReturn.OK
    source.push_event(Gst.Event.new_eos())
    message = pipeline.get_bus().timed_pop_filtered(20 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    assert message, "no end"
    assert message.type == Gst.MessageType.EOS, message.parse_error()
    check_delivered(pipeline.get_by_name("in"), kind, items)
    pipeline.set_state(Gst.State.NULL)


if __name__ == "__main__":
    Gst.init(None)
    for one in sys.argv[2:] or KINDS:
        print(one, file=sys.stderr, flush=True)
        run(one, sys.argv[1])
