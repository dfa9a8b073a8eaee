# SPDX-License-Identifier: LGPL-2.1-or-later
"""The demo as users run it: its verdict, Ctrl-C while it runs, and what remains after SIGKILL."""

import json
import os
import pathlib
import pty
import re
import select
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "pipelines/console"))

import tally  # noqa: E402


def document(seq, faces, camera="cam-1", session="s"):
    return {"_id": f"{camera}:{session}:{seq}", "camera": camera, "seq": seq, "faces": faces}


class Scene:
    """Ten frames, the odd ones with two faces, all counted and stored. A test changes single facts."""

    def __init__(self):
        self.frames, self.events, self.reports = tally.Frames(), tally.Events(), tally.Reports()
        for seq in range(10):
            self.frames.add({"camera": "cam-1", "session": "s", "seq": str(seq), "scene-faces": str(seq % 2 * 2)})
        for seq in range(1, 10, 2):
            self.add_event(seq)
        self.reports.add('{"replica":"a","frames":10,"interval":1.0}', 0)
        self.documents = [document(seq, 2) for seq in range(1, 10, 2)]

    def add_event(self, seq):
        self.events.add(
            f'{{"_id":"cam-1:s:{seq}","faces":2,"captured":{{"$date":"2026-11-25T00:44:00.123Z"}}}}', 1795567441.0)

    def verdict(self, unread=0):
        return tally.Verdict(self.frames, self.events, self.reports, self.documents, unread)


def test_verdict_agrees():
    scene = Scene()
    assert scene.verdict().agrees()
    assert scene.verdict().count_quality() == (1.0, 1.0)
    assert scene.events.newest[2] == pytest.approx(0.877)
    scene.add_event(3)  # a replay does no harm
    assert scene.verdict().agrees()


@pytest.mark.parametrize("spoil, what", [
    (lambda scene: scene.documents.pop(), "missing"),
    (lambda scene: scene.documents.append({**scene.documents[0], "_id": "camera:0:7"}), "twice"),
    (lambda scene: scene.documents.append(document(77, 1)), "unknown"),
    (lambda scene: scene.frames.add({"camera": "cam-1", "session": "s", "seq": "10"}), "unread"),
])
def test_verdict_tells(spoil, what):
    scene = Scene()
    spoil(scene)
    assert getattr(scene.verdict(), what) == 1
    assert not scene.verdict().agrees()


def test_verdict_requires_everything_read_and_counted_well():
    assert not Scene().verdict(unread=1).agrees()
    scene = Scene()
    scene.documents[0]["faces"] = 1
    assert scene.verdict().count_quality() == (1.0, 0.9)
    assert not scene.verdict().agrees()


def test_reports_survive_any_text():
    reports = tally.Reports()
    for text in (b"", b"null", b"[1]", b'{"frames":"x"}', b"\xff"):
        reports.add(text, 0)
    assert reports.rejected == 5 and reports.rate(0) == 0


def demo(*arguments, **options):
    return subprocess.Popen(
        [TOP / "pipelines/demo", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True, **options)


def until_documents(process):
    """Reads until a line reports stored documents; returns the lines before it."""
    said = []
    for line in process.stdout:
        said.append(line)
        found = re.search(r"documents (\d+)$", line)
        if found and int(found[1]) > 5:
            return "".join(said)
    raise AssertionError("".join(said))


def page_of(said):
    """The address of the live page, which comes before the stages."""
    found = re.search(r"^the live page: (http://127\.0\.0\.1:\d+/)$", said, re.MULTILINE)
    assert found and said.index("the live page") < said.index("edge: ")
    return found[1]


def processes_in(directory):
    """The processes that have a file open in the directory, or have it in their command line."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            used = [os.readlink(entry) for entry in process.glob("fd/*")]
            used.append((process / "cmdline").read_text(errors="replace"))
        except OSError:
            continue
        if int(process.name) != os.getpid() and any(str(directory) in name for name in used):
            found.append(process.name)
    return found


def wait_until(condition, timeout=15):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def replicas_of(page):
    with urllib.request.urlopen(page + "api/state", timeout=20) as answer:
        return json.load(answer)["replicas"]


def test_demo_agrees_after_ctrl_c(tmp_path):
    process = demo("--replicas", "2", env={**os.environ, "TMPDIR": str(tmp_path)})
    said = until_documents(process)
    # A replica is shown from its first report on.
    wait_until(lambda: len(replicas_of(page_of(said))) == 2, 30)
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=120)[0]
    assert process.returncode == 0, said + rest
    assert "documents and frames agree" in rest
    assert not list(tmp_path.iterdir()) and not processes_in(tmp_path)


def read_until(terminal, pattern, said, timeout=90):
    """Reads until new output, after `said`, matches the pattern. Returns the whole output."""
    begin, deadline = len(said), time.monotonic() + timeout
    while not re.search(pattern, said[begin:]):
        assert time.monotonic() < deadline, said[-3000:]
        if select.select([terminal], [], [], 1)[0]:
            said += os.read(terminal, 65536).decode(errors="replace")
    return said


def test_keys_disturb_the_system_and_it_answers(tmp_path):
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        [TOP / "pipelines/demo", "--no-live"], stdin=inside, stdout=inside, stderr=inside, start_new_session=True,
        env={**os.environ, "TMPDIR": str(tmp_path)})
    os.close(inside)
    said = read_until(terminal, r"keys: a adds", "")
    said = read_until(terminal, r"documents [1-9]", said)
    for key, expected in (("k", "the last replica stays"), ("a", "fog-2 joins"), ("s", "the cameras follow"), ("k", "fog-2 is killed"),
                          ("s", "as fast as before"), ("f", "Kafka is frozen")):
        os.write(terminal, key.encode())
        said = read_until(terminal, expected, said)
        said = read_until(terminal, r"fog +[\d.]+/s", said)
    process.send_signal(signal.SIGINT)
    said = read_until(terminal, r"documents and frames (do NOT )?agree", said)
    assert "documents and frames agree" in said, said[-3000:]
    assert process.wait(60) == 0
    os.close(terminal)


def test_nothing_outlives_a_killed_demo(tmp_path):
    process = demo("--no-live", env={**os.environ, "TMPDIR": str(tmp_path)})
    assert "live" not in until_documents(process)
    assert processes_in(tmp_path)
    process.kill()
    wait_until(lambda: not processes_in(tmp_path) and not list(tmp_path.iterdir()))
    process.communicate(timeout=10)


@pytest.mark.parametrize("arguments, environment, code, text", [
    (["--seconds", "none"], {}, 2, "--seconds takes a number"),
    (["--fast"], {}, 2, "no option \"--fast\""),
    ([], {"SOURCE": "scenesrc location=/nonexistent.jpg"}, 1, "edge ended by itself: Can't make faces"),
    ([], {"CASCADE": "/nonexistent.xml"}, 1, "fog-1 ended by itself"),
])
def test_errors_are_one_sentence(tmp_path, arguments, environment, code, text):
    process = demo(*arguments, env={**os.environ, "TMPDIR": str(tmp_path), **environment})
    said = process.communicate(timeout=120)[0]
    assert process.returncode == code
    assert text in said.splitlines()[-1]
    assert not list(tmp_path.iterdir())
