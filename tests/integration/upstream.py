# SPDX-License-Identifier: LGPL-2.1-or-later
"""`upstream.py KIND LINE`: pushes a stream of that kind into the pipeline LINE, whose element `in` takes it; run by test_upstreams.py."""

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
    """Memory of a camera driver with plain caps, which can be mapped."""
    descriptor = os.memfd_create("frame")
    os.write(descriptor, FRAME)
    memory = GstAllocators.DmaBufAllocator.alloc(GstAllocators.DmaBufAllocator.new(), descriptor, len(FRAME))
    assert GstAllocators.is_dmabuf_memory(memory)
    made = Gst.Buffer.new()
    made.append_memory(memory)
    made.pts, made.duration = number * Gst.SECOND // 30, Gst.SECOND // 30
    return made


def segment(form):
    made = Gst.Segment()
    made.init(form)
    return Gst.Event.new_segment(made)


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
    "dmabuf": lambda: [segment(Gst.Format.TIME), *map(buffer_in_dmabuf, range(5))],
}


def run(kind, line):
    pipeline = Gst.parse_launch(f"{line} fakesrc num-buffers=0 ! fakesink async=false")  # never a lone element
    source = Gst.Pad.new("source", Gst.PadDirection.SRC)
    sink = pipeline.get_by_name("in").get_static_pad("sink")
    source.set_active(True)
    pipeline.set_state(Gst.State.PLAYING)
    assert source.link(sink) == Gst.PadLinkReturn.OK
    source.push_event(Gst.Event.new_stream_start("stream"))
    source.push_event(Gst.Event.new_caps(Gst.Caps.from_string(CAPS)))
    for item in KINDS[kind]():
        if isinstance(item, Gst.Event):
            assert source.push_event(item), item.type
        else:
            assert source.push(item) == Gst.FlowReturn.OK
    source.push_event(Gst.Event.new_eos())
    message = pipeline.get_bus().timed_pop_filtered(20 * Gst.SECOND, Gst.MessageType.EOS | Gst.MessageType.ERROR)
    assert message, "no end"
    assert message.type == Gst.MessageType.EOS, message.parse_error()
    pipeline.set_state(Gst.State.NULL)


if __name__ == "__main__":
    Gst.init(None)
    run(*sys.argv[1:])
