# SPDX-License-Identifier: LGPL-2.1-or-later
"""The live page's server, on a running system: what it says, whom it lets look, and what it survives."""

import json
import os
import re
import signal
import socket
import time

import pytest

import livepage
import pipeline
import system
from pipeline import wait_until

TOKEN = "a-token-of-24-characters"


class Running:
    """Two cameras, a fog, a cloud, and the page, for all tests of this file that only look."""

    def __init__(self, kafka, mongo, launch, directory, *options):
        self.system = system.System(kafka, mongo, f"live-{os.getpid()}-{time.monotonic_ns()}", partitions=4)
        self.launch = launch
        self.cloud, self.fog = launch(self.system.cloud()), launch(self.system.fog("fog-1"))
        self.cameras = {name: self.start_camera(name) for name in ("cam-1", "cam-2")}
        self.page = livepage.Page(self.system, directory / "live.log", *options)

    def start_camera(self, name):
        return self.launch(self.system.live_edge("max-rate=5", camera=name, source=f"scenesrc ! {system.FRAME}"))


@pytest.fixture(scope="module")
def running(kafka, mongo, tmp_path_factory):
    directory, started = tmp_path_factory.mktemp("live"), []

    def launch(line, **options):
        started.append(pipeline.Pipeline(line, directory / f"{len(started)}.log", **options))
        return started[-1]

    running = Running(kafka, mongo, launch, directory)
    yield running
    running.page.close()
    for one in started:
        one.kill()


@pytest.fixture
def page(running):
    return running.page


@pytest.fixture
def open_page(running, tmp_path):
    """Another page on the same system, with options of its own."""
    pages = []

    def start(*options, **settings):
        pages.append(livepage.Page(running.system, tmp_path / f"live-{len(pages)}.log", *options, **settings))
        return pages[-1]

    yield start
    for one in pages:
        one.close()


# ---- what it says ----

@pytest.mark.quick
def test_one_sentence_says_how_it_is(page):
    pattern = r"2 cameras, 1 replica, newest answer [01]\.\d s old, nothing waiting"
    wait_until(lambda: re.fullmatch(pattern, page.state()["sentence"]), 30, "the sentence of a good system")
    state = page.state()
    assert state["level"] == "good" and state["since"] <= state["now"]
    assert page.ask("/healthz")[::2] == (200, b"ok\n")


def test_cameras_and_what_bounds_them(page):
    camera = wait_until(lambda: page.camera("cam-1") if page.camera("cam-1").get("wanted") else None)
    assert (camera["health"], camera["wanted"], camera["minimum"]) == ("good", 5, 1)
    wait_until(lambda: 4 < (page.camera("cam-1")["given"] or 0) < 6, 20, "the rate that it sends")
    wait_until(lambda: page.camera("cam-1")["bound"] == "camera", 20, "the camera gets what it wants")


def test_replicas_and_flow(page):
    wait_until(lambda: page.state()["replicas"])
    replica = page.state()["replicas"][0]
    assert (replica["replica"], replica["state"], replica["version"]) == ("fog-1", "good", "0.1.0")
    assert replica["partitions"] == [0, 1, 2, 3] and 0 <= replica["busy"] <= 1
    wait_until(lambda: page.state()["flow"][3]["waiting"] == 0, 20, "the cloud has stored everything")
    flow = page.state()["flow"]
    assert [(arrow["from"], arrow["to"]) for arrow in flow] == [
        ("cameras", "camera"), ("camera", "fog"), ("fog", "database topic"), ("database topic", "database")]
    wait_until(lambda: 8 < (page.state()["flow"][0]["rate"] or 0) < 12, 20, "the rate of the camera topic")


def test_stream_twice_a_second(page):
    page.look("cam-1", "cam-2")
    found = page.events(4)
    states = [data for name, data in found if name == "state"]
    assert 6 <= len(states) <= 10
    assert {"cam-1", "cam-2"} <= {name for event, data in found if event == "frames" for name in data}


def test_history_has_a_sample_a_second(page):
    wait_until(lambda: len(page.json("/api/history")["samples"]) > 3)
    history = page.json("/api/history")
    times = [sample[0] for sample in history["samples"]]
    assert all(900 <= after - before <= 2500 for before, after in zip(times, times[1:]))
    assert {"fog-1 joined", "cam-1 appeared"} <= {mark["text"] for mark in history["marks"]}


def test_frames_are_read_only_while_somebody_looks(open_page):
    page = open_page()
    wait_until(lambda: page.camera("cam-1"))
    assert page.camera("cam-1")["frame"] is None
    assert page.state()["flow"][0]["lag"] is None  # no frame has been seen
    assert page.frame("cam-1")["camera"] == "cam-1"


def test_boxes_are_those_of_the_event(running, page):
    frame = page.frame("cam-1")
    event = running.system.events.find_one({"_id": f"cam-1:{frame['session']}:{frame['seq']}"})
    assert event["faces"] == frame["faces"] == len(frame["boxes"])
    assert event["boxes"] == frame["boxes"]
    assert frame["line"].startswith("gst-launch-1.0 kafkasrc ")


# ---- who may look ----

@pytest.mark.parametrize("headers", [
    {"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}])
def test_other_pages_get_nothing(page, headers):
    status, _, body = page.ask("/api/state", **headers)
    assert status == 403 and b"cameras" not in body


def test_every_answer_has_a_strict_policy(page):
    for path in ("/", "/api/state", "/nothing", "/static/nothing"):
        _, headers, _ = page.ask(path)
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("path, method, body, expected", [
    ("/nothing", "GET", None, 404), ("/static/../main.c", "GET", None, 404), ("/api/state", "POST", "x", 405),
    ("/api/state", "DELETE", None, 405), ("/api/look", "GET", None, 400), ("/api/recount", "POST", "x" * 100000, 413)])
def test_wrong_requests_are_answered(page, path, method, body, expected):
    status, _, answer = page.ask(path, method, body)
    assert status == expected
    assert json.loads(answer)["error"]


def test_elsewhere_takes_a_token(running, tmp_path):
    page = livepage.Page(running.system, tmp_path / "live.log", listen="0.0.0.0:0", wait=False)
    assert page.popen.wait(20) == 2
    assert "takes a token" in page.output()


def test_a_short_token_is_refused(running, tmp_path):
    page = livepage.Page(running.system, tmp_path / "live.log", wait=False, LIVE_TOKEN="short")
    assert page.popen.wait(20) != 0
    assert "16 printable characters" in page.output() and "short" not in page.output()


def test_the_token_opens_the_page(open_page):
    page = open_page(LIVE_TOKEN=TOKEN)
    assert page.ask("/api/state")[0] == 401
    assert page.ask("/")[0] == 303 and page.ask("/healthz")[0] in (200, 503)
    assert page.ask("/api/state", Authorization=f"Bearer {TOKEN}")[0] == 200
    status, headers, _ = page.ask("/login", "POST", f"token={TOKEN}", Content_Type="application/x-www-form-urlencoded")
    assert status == 303 and headers["Location"].endswith("/")
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and TOKEN not in cookie
    assert page.ask("/api/state", Cookie=cookie.split(";")[0])[0] == 200


def test_a_token_is_not_to_be_guessed(open_page):
    page = open_page(LIVE_TOKEN=TOKEN)
    _, headers, _ = page.ask("/login", "POST", f"token={TOKEN}")
    cookie = headers["Set-Cookie"].split(";")[0]
    statuses = [page.ask("/login", "POST", f"token=wrong-{n}")[0] for n in range(30)]
    assert statuses[0] == 303 and statuses[-1] == 429
    # Even the right one has to wait now; who was let in before stays in.
    assert page.ask("/login", "POST", f"token={TOKEN}")[0] == 429
    assert page.ask("/api/state", Authorization=f"Bearer {TOKEN}")[0] == 401
    assert page.ask("/api/state", Cookie=cookie)[0] == 200


# ---- what it survives ----

def test_a_thousand_connections_that_ask_for_nothing(page):
    sockets = []
    for _ in range(1000):
        one = socket.create_connection((page.address.hostname, page.address.port), 5)
        one.sendall(b"GET /api/state HTTP/1.1\r\n")
        sockets.append(one)
    began = time.monotonic()
    assert page.ask("/healthz")[0] == 200
    assert time.monotonic() - began < 5
    for one in sockets:
        one.close()
    assert page.ask("/api/state")[0] == 200


def test_viewers_are_few_and_slow_ones_cost_nothing(open_page):
    page = open_page("--max-viewers", "20")
    page.ask("/api/state")
    before, sockets = page.resident(), []
    for _ in range(20):
        one = socket.create_connection((page.address.hostname, page.address.port), 5)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.sendall(f"GET /api/stream HTTP/1.1\r\nHost: {page.address.netloc}\r\n\r\n".encode())
        sockets.append(one)
    wait_until(lambda: page.ask("/api/stream", "HEAD")[0] == 503, 10, "the page is full")
    assert page.ask("/api/stream")[0] == 503
    time.sleep(5)
    assert page.resident() - before < 30
    for one in sockets:
        one.close()
    wait_until(lambda: page.ask("/api/stream", "HEAD")[0] == 200, 20, "the viewers that left are forgotten")


def test_ends_on_sigint(open_page):
    page = open_page()
    page.popen.send_signal(signal.SIGINT)
    assert page.popen.wait(10) == 0
