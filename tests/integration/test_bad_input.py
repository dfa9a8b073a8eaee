# SPDX-License-Identifier: LGPL-2.1-or-later
"""What people and networks get wrong: one clear error, or a skip that is counted; never a hang, never a crash."""

import pytest

NOBODY = "127.0.0.1:1"
VIDEO = "videotestsrc num-buffers=1"
EVENTS = "scenesrc is-live=false num-buffers=3 ! haarfacecount min-faces=0"

# pipeline, what its error must name; DIR is a directory, which can't be read as a file
FATAL = {
    "no cascade": (f"{VIDEO} ! haarfacecount cascade=/none.xml ! fakesink", "/none.xml"),
    "cascade unreadable": (f"{VIDEO} ! haarfacecount cascade=DIR ! fakesink", "DIR"),
    "caps that can't be counted": (f"{VIDEO} ! video/x-raw,format=v210 ! haarfacecount ! fakesink", "haarfacecount"),
    "sink's config-file missing": ("fakesrc ! kafkasink topic=t config-file=/none.conf", "/none.conf"),
    "sink's config-file unreadable": ("fakesrc ! kafkasink topic=t config-file=DIR", "DIR"),
    "sink's topic missing": ("fakesrc ! kafkasink", "topic"),
    "no database": (f"{EVENTS} ! mongosink uri=mongodb://{NOBODY} retry-timeout=1000000000", NOBODY),
    "database unnamed": ("fakesrc ! mongosink uri=nonsense", "URI"),
    "uri-file missing": ("fakesrc ! mongosink uri-file=/none.uri", "/none.uri"),
}


@pytest.mark.parametrize("line, named", FATAL.values(), ids=FATAL.keys())
def test_one_clear_error(launch, tmp_path, line, named):
    stage = launch(line.replace("DIR", str(tmp_path)))
    assert stage.wait(30) > 0, "killed by a signal"
    errors = [text for text in stage.output().splitlines() if "ERROR" in text and "from element" in text]
    refused = [text for text in stage.output().splitlines() if text.startswith("WARNING: erroneous pipeline")]
    assert len(errors + refused) == 1, stage.output()
    assert named.replace("DIR", str(tmp_path)) in (errors + refused)[0], stage.output()
