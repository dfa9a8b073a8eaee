# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs `pipelines/demo` as users do: tests its verdict, Ctrl-C while it runs, and that no process or file remains after
SIGKILL."""

import contextlib
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
from selenium.webdriver.common.keys import Keys

import browser as browsers
import livepage
from pipeline import wait_until

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "pipelines/console"))

import tally  # noqa: E402


def document(seq, faces, camera="cam-1", session="s"):
    return {"_id": f"{camera}:{session}:{seq}", "camera": camera, "seq": seq, "faces": faces}


class Scene:
    """What the demo has recorded of ten frames, the odd ones with two faces, all counted and stored. Tests change single
    facts of this record."""

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
    scene.add_event(3)  # a frame that is counted twice does no harm
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


def test_verdict_requires_that_every_frame_is_read_and_counted_correctly():
    assert not Scene().verdict(unread=1).agrees()
    scene = Scene()
    scene.documents[0]["faces"] = 1
    assert scene.verdict().count_quality() == (1.0, 0.9)
    assert not scene.verdict().agrees()


def test_messages_that_are_no_reports_are_counted_as_rejected():
    reports = tally.Reports()
    for text in (b"", b"null", b"[1]", b'{"frames":"x"}', b"\xff"):
        reports.add(text, 0)
    assert reports.rejected == 5 and reports.rate(0) == 0


def demo(*arguments, **options):
    return subprocess.Popen(
        [TOP / "pipelines/demo", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True, **options)


def until_documents(process):
    """Reads the demo's output until a line reports stored documents; returns the lines before it."""
    said = []
    for line in process.stdout:
        said.append(line)
        found = re.search(r"documents (\d+)$", line)
        if found and int(found[1]) > 5:
            return "".join(said)
    raise AssertionError("".join(said))


def page_of(said):
    """Returns the address of the live page, which the demo prints before the names of the stages."""
    found = re.search(r"^the live page: (http://127\.0\.0\.1:\d+/)$", said, re.MULTILINE)
    assert found and said.index("the live page") < said.index("edge: ")
    return found[1]


def processes_in(directory):
    """Returns the processes that have a file open in the directory, or name it in their command line."""
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


def replicas_of(page):
    with urllib.request.urlopen(page + "api/state", timeout=20) as answer:
        return json.load(answer)["replicas"]


def test_demo_judges_its_run_after_ctrl_c(tmp_path):
    process = demo("--replicas", "2", env={**os.environ, "TMPDIR": str(tmp_path)})
    said = until_documents(process)
    # The state lists a replica from its first report on.
    wait_until(lambda: len(replicas_of(page_of(said))) == 2, 30)
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=120)[0]
    assert process.returncode == 0, said + rest
    assert "documents and frames agree" in rest
    assert not list(tmp_path.iterdir()) and not processes_in(tmp_path)


class Terminal:
    """A pseudo-terminal in which a program runs, and the program's output."""

    def __init__(self, command, **options):
        self._ours, inside = pty.openpty()
        self.process = subprocess.Popen(command, stdin=inside, stdout=inside, stderr=inside, start_new_session=True, **options)
        os.close(inside)
        self.said, self._read = "", 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def press(self, key):
        os.write(self._ours, key.encode())

    def _more(self):
        """Reads more output. Returns False if the program has ended, which Linux reports as an input/output error."""
        if not select.select([self._ours], [], [], 1)[0]:
            return True
        try:
            more = os.read(self._ours, 65536).decode(errors="replace")
        except OSError:
            return False
        self.said += more
        return more != ""

    def until(self, pattern, timeout=90):
        """Reads on until the output matches the pattern. The output after the match is left for the next pattern."""
        deadline = time.monotonic() + timeout
        while not (found := re.compile(pattern).search(self.said, self._read)):
            more = self._more() and time.monotonic() < deadline
            assert more or re.compile(pattern).search(self.said, self._read), f"not said: {pattern}\n{self.said[-5000:]}"
        self._read = found.end()


def test_keys_cause_faults_and_the_output_shows_their_effect(tmp_path):
    with Terminal([TOP / "pipelines/demo", "--no-live"], env={**os.environ, "TMPDIR": str(tmp_path)}) as shown:
        shown.until(r"keys: a add a replica")
        shown.until(r"documents [1-9]")
        for key, expected in (("k", "the last replica stays"), ("a", "fog-2 joins"), ("s", "the cameras follow"), ("k", "fog-2 is killed"),
                              ("s", "as fast as before")):
            shown.press(key)
            shown.until(expected)
            shown.until(r"fog +[\d.]+/s")
        # The keys c (cut the link) and f (freeze Kafka) are pressed at once, because each fault
        # lasts for only 5 s.
        shown.press("ccf")
        for expected in ("is cut for 5 s", "--- the link is cut", "Kafka is frozen", "the link is back", "Kafka is back", r"fog +[\d.]+/s"):
            shown.until(expected)
        shown.process.send_signal(signal.SIGINT)
        shown.until(r"documents and frames (do NOT )?agree", timeout=240)
        assert "documents and frames agree" in shown.said, shown.said[-5000:]
        assert shown.process.wait(120) == 0


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The live page of a demo with one replica, after documents were stored."""
    process = demo(env={**os.environ, "TMPDIR": str(tmp_path_factory.mktemp("demo"))})
    yield livepage.Address(page_of(until_documents(process)))
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=120)[0]
    assert process.returncode == 0 and "documents and frames agree" in rest, rest[-3000:]


@pytest.fixture
def browser(page):
    with contextlib.closing(browsers.Browser()) as chromium:
        chromium.look()
        chromium.open(page.address.geturl())
        chromium.wait("document.querySelector('.tile[data-health=good] .frame:not(.blank)')", timeout=60, what="a picture")
        yield chromium
        assert chromium.logged() == []


def button(name):
    return f"#actions [data-action={name}] button"


def test_the_page_causes_faults_and_shows_their_effect(page, browser):
    assert browser.run("return [...document.querySelectorAll('#actions li')].map((one) => one.dataset.action)") == [
        "add", "kill", "slow", "cut", "freeze"]
    # Cuts the link of one camera, so that its frames stop, and Kafka is still shown as good.
    browser.press(button("cut"), Keys.ENTER)
    browser.wait("document.querySelector('.tile').dataset.health === 'stopped'", what="the tile is red")
    sentence, kafka = browser.run(
        "return [document.querySelector('#sentence').textContent, document.querySelector('#servers [data-state]').dataset.state]")
    assert "cam-1 has given no frame for" in sentence and kafka == "good"
    assert "the link from the camera to Kafka is cut" in browser.text("#demo-said") + browser.text("#marks")
    browser.wait("document.querySelector('.tile').dataset.health === 'good'", timeout=60, what="the camera is back")
    browser.wait("document.querySelector('#sentence').dataset.level === 'good'", timeout=60)
    assert "the link is back" in browser.text("#marks")
    # Adds a replica, and kills it again. The button for killing refuses to kill the last replica,
    # and says why.
    browser.press(button("kill"), Keys.ENTER)
    browser.wait("document.querySelector('#demo-said').textContent.includes('the last replica stays')")
    browser.press(button("add"), Keys.ENTER)
    second = "#replicas tr[data-replica=fog-2]"
    browser.wait(f"document.querySelector('{second}[data-state=good]')", timeout=60, what="fog-2")
    browser.press(button("kill"), Keys.ENTER)
    browser.wait(f"document.querySelector('{second}[data-state=silent]')", timeout=60, what="fog-2 is silent")
    # The fog stays slow until the button is pressed again.
    browser.press(button("slow"), Keys.ENTER)
    browser.wait(f"document.querySelector('{button('slow')}').getAttribute('aria-pressed') === 'true'")
    browser.press(button("slow"), Keys.ENTER)
    browser.wait(f"document.querySelector('{button('slow')}').getAttribute('aria-pressed') === 'false'")
    for width, scheme in ((1280, "light"), (360, "dark")):
        browser.look(width, 900, scheme)
        time.sleep(0.5)
        assert browser.violations() == []
        assert browser.sticks_out() == [0, []]


def test_only_requests_from_the_pages_own_origin_cause_faults(page):
    def do(value, **headers):
        return page.ask("/api/do", "POST", value, **{"Content-Type": "application/json", **headers})[0]
    wait_until(lambda: page.state()["actions"])
    kill = '{"do":"kill"}'
    assert do(kill, Origin="http://evil.example") == do(kill, Origin="null") == do(kill, Host="evil.example:8090") == 403
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert do(kill, **{"Content-Type": kind}) == 415
    assert page.ask("/api/do?do=kill")[0] == 405
    assert do(kill) == 409  # the last replica
    assert do('{"do":"reboot"}') == 404
    for text in ("", "null", "[]", "{", "{}", '{"do":7}', '{"do":null}', "[" * 10000):
        assert do(text) == 422
    assert do('{"do":"freeze"}') == 204
    wait_until(lambda: any(mark["text"].startswith("Kafka is frozen") for mark in page.json("/api/history")["marks"]))


def test_no_process_outlives_a_killed_demo(tmp_path):
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
def test_the_demos_last_line_names_the_error(tmp_path, arguments, environment, code, text):
    process = demo(*arguments, env={**os.environ, "TMPDIR": str(tmp_path), **environment})
    said = process.communicate(timeout=120)[0]
    assert process.returncode == code
    assert text in said.splitlines()[-1]
    assert not list(tmp_path.iterdir())
