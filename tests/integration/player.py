# SPDX-License-Identifier: LGPL-2.1-or-later
"""A pipeline within the test's own process, because gst-launch-1.0 can't seek or query."""

import os

import gi
from pipeline import environment

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst  # noqa: E402, F401


class Player:
    """`values` are the contents of the buffers since the last seek."""

    def __init__(self, line, sink="fakesink"):
        os.environ.update({name: value for name, value in environment().items() if name.startswith("GST_")})
        Gst.init(None)
        self.values, self.times, self.decoding = [], [], []
        self._stale = set()  # sequence numbers of the segments before a seek
        self._pipeline = Gst.parse_launch(f"{line} ! {sink} name=sink signal-handoffs=true")
        self._pipeline.get_by_name("sink").connect("handoff", self._take)
        self._bus = self._pipeline.get_bus()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._pipeline.set_state(Gst.State.NULL)

    def _take(self, _sink, buffer, _pad):
        self.times.append(buffer.pts)
        self.decoding.append(buffer.dts)
        self.values.append(buffer.extract_dup(0, buffer.get_size()))

    def _forget(self):
        self.values.clear()
        self.times.clear()
        self.decoding.clear()

    @property
    def numbers(self):
        return [int(value) for value in self.values]

    def stats(self):
        """Returns the property `stats` of the source `src`."""
        return self._pipeline.get_by_name("src").get_property("stats")

    def stat(self, name):
        return self.stats().get_value(name)

    def set(self, name, value):
        self._pipeline.get_by_name("src").set_property(name, value)

    def play(self):
        self._pipeline.set_state(Gst.State.PLAYING)
        assert self._pipeline.get_state(60 * Gst.SECOND)[0] == Gst.StateChangeReturn.SUCCESS

    def wait_paused(self):
        self._pipeline.set_state(Gst.State.PAUSED)
        assert self._pipeline.get_state(60 * Gst.SECOND)[0] == Gst.StateChangeReturn.SUCCESS

    def element(self, name):
        return self._pipeline.get_by_name(name)

    def duration(self):
        return self._pipeline.query_duration(Gst.Format.TIME)[1]

    def seek(self, start, stop=None, rate=1.0, flags=Gst.SeekFlags.ACCURATE, pause=True):
        if pause:
            self.wait_paused()
        else:
            self._forget()
        self._note_stale()
        assert self._pipeline.seek(
            rate, Gst.Format.TIME, flags | Gst.SeekFlags.FLUSH, Gst.SeekType.SET, int(start * Gst.SECOND),
            Gst.SeekType.SET, -1 if stop is None else int(stop * Gst.SECOND))
        if pause:
            # checks that no buffer from before the seek follows the flush, and that no buffer
            # arrives while the pipeline is paused
            self._forget()
        self.play()

    def _note_stale(self):
        """Buffers from before a seek may still arrive until the flush."""
        segment = self._pipeline.get_by_name("sink").get_static_pad("sink").get_sticky_event(Gst.EventType.SEGMENT, 0)
        if segment:
            self._stale.add(segment.get_seqnum())

    def refuses(self, rate, start=0, stop=1):
        return not self._pipeline.seek(rate, Gst.Format.TIME, Gst.SeekFlags.FLUSH, Gst.SeekType.SET, int(start * Gst.SECOND),
                                       Gst.SeekType.SET, int(stop * Gst.SECOND))

    def wait_message(self, kinds, timeout=120):
        while message := self._bus.timed_pop_filtered(timeout * Gst.SECOND, kinds):
            if message.type not in (Gst.MessageType.EOS, Gst.MessageType.SEGMENT_DONE) or message.get_seqnum() not in self._stale:
                return message
        return None

    def wait_eos(self):
        message = self.wait_message(Gst.MessageType.EOS | Gst.MessageType.ERROR)
        assert message and message.type == Gst.MessageType.EOS, message and message.parse_error()
