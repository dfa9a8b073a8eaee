# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sends reports with any text to feedbackrate, which has to accept each report or count it as bad, and to read the next one."""

import json
import subprocess

from broken_json import BROKEN, EITHER, SOUND
from pipeline import environment

# Names of broken texts that json-glib accepts, depending on its version, although they aren't
# standard JSON, so a report with such a text in an unknown field may be accepted.
LENIENT = {"unknown escape", "hexadecimal", "single quotes", "no digit after the dot", "u not hexadecimal", "comment behind"}

# Sends each text, given in hexadecimal, as a report; returns the stats after each one.
READER = r"""
import json, sys, gi
gi.require_version("Gst", "1.0")
from gi.repository import Gst
Gst.init(None)
rate = Gst.ElementFactory.make("feedbackrate")
rate.set_state(Gst.State.PLAYING)
pad = rate.get_static_pad("feedback")
pad.send_event(Gst.Event.new_stream_start("reports"))
pad.send_event(Gst.Event.new_caps(Gst.Caps.from_string("application/json, schema=fog-report")))
segment = Gst.Segment()
segment.init(Gst.Format.TIME)
pad.send_event(Gst.Event.new_segment(segment))
for line in sys.stdin:
    flow = pad.chain(Gst.Buffer.new_wrapped(bytes.fromhex(line)) if line.strip() else Gst.Buffer.new())
    stats = rate.get_property("stats")
    print(json.dumps([int(flow), stats.get_value("reports"), stats.get_value("bad-reports")]))
rate.set_state(Gst.State.NULL)
"""


def read(texts):
    """Returns for each report whether it was accepted; None if it was neither accepted nor counted as bad."""
    done = subprocess.run(
        ["/usr/bin/python3", "-c", READER], input="".join(text.hex() + "\n" for text in texts), text=True, timeout=120,
        check=False, capture_output=True, env=environment() | {"G_DEBUG": "fatal-criticals"})
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [[0, 0, 0]] + [json.loads(line) for line in done.stdout.splitlines()]
    assert all(flow == 0 for flow, _, _ in rows)
    steps = [(new[1] - old[1], new[2] - old[2]) for old, new in zip(rows, rows[1:], strict=False)]
    return [{(1, 0): True, (0, 1): False}.get(step) for step in steps]


def report(seq, member=b""):
    return b'{"replica":"r","seq":%d%b}' % (seq, member)


def test_alone():
    """A text alone is never accepted as a report, even if it is a valid object, because it has no field replica."""
    texts = [*SOUND.values(), *BROKEN.values(), *EITHER.values()]
    taken = read([*texts, report(1)])
    assert len(taken) == len(texts) + 1
    assert taken == [False] * len(texts) + [True]


def test_any_text_in_an_unknown_field_affects_only_its_own_report():
    """In a field that feedbackrate doesn't know, a valid text is ignored, and a broken text makes only its own report bad."""
    inputs = [(name, text, True) for name, text in SOUND.items()] + \
        [(name, text, False) for name, text in BROKEN.items()] + [(name, text, None) for name, text in EITHER.items()]
    texts = []
    for _, text, _ in inputs:
        texts += [report(len(texts) + 1, b',"x":' + text), report(len(texts) + 2)]
    taken = read(texts)
    assert len(taken) == len(texts)
    assert all(taken[1::2])
    assert None not in taken
    wrong = {name for (name, _, sound), was in zip(inputs, taken[::2], strict=True) if sound not in (None, was)}
    assert wrong <= LENIENT


def test_any_text_in_a_known_field_is_accepted_or_counted_as_bad():
    """A text in a field that feedbackrate knows makes the report bad, or is converted to the field's type; it never affects
    the next report."""
    names = ["seq", "interval", "frames", "faces", "busy", "workers", "lag", "partitions", "age", "cameras", "leaving"]
    texts = []
    for name in names:
        for text in [*SOUND.values(), *BROKEN.values(), *EITHER.values()]:
            texts.append(b'{"replica":"r%d","%b":%b}' % (len(texts), name.encode(), text))
    taken = read([*texts, report(1)])
    assert len(taken) == len(texts) + 1
    assert None not in taken
    assert taken[-1]
