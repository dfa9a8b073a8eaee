# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests the live page in a real browser, on a running system: cameras, a fog, a cloud, and the page's server."""

import http.client
import json
import os
import re
import select
import signal
import socket
import subprocess
import time

import confluent_kafka
import pytest
from selenium.webdriver.common.keys import Keys

import browser as browsers
import livepage
import pipeline
import system
from pipeline import wait_until

SCRIPT = '"><img src=x onerror="window.harmed=1"><script>window.harmed=1</script>'

QUOTED = SCRIPT.replace('"', '\\"')

# Returns the position of a tile and of its boxes in percent of the picture, for the frame that is
# drawn.
BOXES = """
const tile = document.querySelector(`.tile[data-camera="${arguments[0]}"]`);
const whole = tile.querySelector("canvas").getBoundingClientRect();
const boxes = [...tile.querySelectorAll(".box")].map((box) => box.getBoundingClientRect());
return [tile.dataset.place, tile.querySelector(".count").textContent, boxes.map((box) =>
  [box.left - whole.left, box.top - whole.top, box.width, box.height].map((value, i) => 100 * value / (i % 2 ? whole.height : whole.width)))];
"""

# Returns a checksum of the picture on a canvas.
PICTURE = """
const canvas = document.querySelector(arguments[0]);
const bytes = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
let sum = 0;
for (let i = 0; i < bytes.length; i += 97) sum = (sum * 31 + bytes[i]) % 2147483647;
return sum;
"""

# Counts the pixels of a plot that have the colour of a line rather than of the grid.
INK = """
const canvas = document.querySelector(`.plot[data-plot="${arguments[0]}"] canvas`);
const bytes = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
let ink = 0;
for (let i = 0; i < bytes.length; i += 4)
  if (bytes[i + 3] > 200 && Math.max(bytes[i], bytes[i + 1], bytes[i + 2]) - Math.min(bytes[i], bytes[i + 1], bytes[i + 2]) > 60) ink++;
return ink;
"""

# Begins to record the texts that a screen reader would announce.
LISTEN = """
window.spoken = [];
const regions = document.querySelectorAll("[role=status], [role=alert], [role=log], [aria-live], output");
const note = (changes) => changes.forEach((change) => window.spoken.push(change.target.textContent));
for (const region of regions) new MutationObserver(note).observe(region, {childList: true, characterData: true, subtree: true});
return regions.length;
"""

# Returns whether an element has the focus and shows the focus; a radio button shows the focus on
# the text beside it.
FOCUS = """
const active = document.activeElement;
const marked = active.matches(".choice input") ? active.nextElementSibling : active;
return active !== document.body && active.matches(":focus-visible") && getComputedStyle(marked).outlineStyle !== "none";
"""

# Makes the page record the time at which a tile turns red.
WATCH = """
const tile = document.querySelector(`.tile[data-camera="${arguments[0]}"]`);
window.turned = null;
new MutationObserver(() => {
  if (tile.dataset.health === "stopped") window.turned ??= Date.now();
}).observe(tile, {attributeFilter: ["data-health"]});
"""

RED = """
const [r, g, b] = getComputedStyle(document.querySelector(`.tile[data-camera="${arguments[0]}"]`)).borderTopColor.match(/\\d+/g).map(Number);
return r > 150 && r > 1.5 * g && r > 1.5 * b;
"""


class Running:
    """Two cameras, a fog, a cloud and the page, which the tests of this file share; a test that stops a process starts one
    of its own."""

    def __init__(self, kafka, mongo, directory):
        self.system = system.System(kafka, mongo, f"page-{os.getpid()}-{time.monotonic_ns()}", partitions=4)
        self.directory, self.stages = directory, []
        self.launch(self.system.cloud())
        self.launch(self.system.fog("fog-1"))
        self.cameras = {name: self.start_camera(name) for name in ("cam-1", "cam-2")}
        self.page = livepage.Page(self.system, directory / "live.log")

    def launch(self, line):
        self.stages.append(pipeline.Pipeline(line, self.directory / f"{len(self.stages)}.log"))
        return self.stages[-1]

    def start_camera(self, name):
        return self.launch(self.system.live_edge("max-rate=8", camera=name))

    def send(self, role, value, **headers):
        producer = self.system.kafka.producer()
        producer.produce(self.system.topics[role], value, headers=[(name.replace("_", "-"), text) for name, text in headers.items()])
        assert producer.flush(120) == 0

    def headers(self, place):
        """Returns the headers of the frame at "topic/partition/offset"."""
        topic, partition, offset = place.rsplit("/", 2)
        reader = confluent_kafka.Consumer({"bootstrap.servers": self.system.kafka.bootstrap, "group.id": "page-test"})
        try:
            reader.assign([confluent_kafka.TopicPartition(topic, int(partition), int(offset))])
            message = reader.poll(20)
            assert message.offset() == int(offset)
            return {name: text.decode() for name, text in message.headers()}
        finally:
            reader.close()

    def event(self, place):
        """Returns the document of a frame; None if no face was found in it."""
        headers = self.headers(place)
        identity = f"{headers['camera']}:{headers['session']}:{headers['seq']}"
        return self.system.events.find_one({"_id": identity})

    def close(self):
        self.page.close()
        for stage in self.stages:
            stage.kill()


@pytest.fixture(scope="module")
def running(kafka, mongo, tmp_path_factory):
    running = Running(kafka, mongo, tmp_path_factory.mktemp("page"))
    yield running
    running.close()


@pytest.fixture(scope="module")
def chromium():
    chromium = browsers.Browser()
    yield chromium
    chromium.close()


@pytest.fixture
def browser(running, chromium):
    """The open page with pictures; at the end its console must contain no error."""
    chromium.look()
    chromium.open(running.page.address.geturl())
    good = "document.querySelectorAll('.tile[data-health=good] .frame:not(.blank)').length >= 2"
    chromium.wait(good, timeout=40, what="two good cameras")
    yield chromium
    assert chromium.logged() == []


def counted_faces(text):
    return 0 if text == "no face" else int(text.split()[0])


# ---- what it shows ----

def test_tiles_move(browser):
    for camera in ("cam-1", "cam-2"):
        tile = f'.tile[data-camera="{camera}"]'
        places, pictures = set(), set()

        def moved():
            places.add(browser.run("return document.querySelector(arguments[0]).dataset.place", tile))
            pictures.add(browser.run(PICTURE, f"{tile} canvas"))
            return len(places) > 3 and len(pictures) > 3

        wait_until(moved, 15, f"frames of {camera}")
    assert browser.text("#sentence").startswith("2 cameras, 1 replica")
    assert browser.run("return document.querySelector('#sentence').dataset.level") in ("good", "warn")


def test_boxes_are_drawn_where_the_events_say(running, browser):
    shown = wait_until(lambda: (lambda found: found if found[2] else None)(browser.run(BOXES, "cam-1")), 20, "a face")
    place, count, boxes = shown
    event = wait_until(lambda: running.event(place), 20, "its event")
    assert counted_faces(count) == event["faces"] == len(boxes)
    for drawn, box in zip(boxes, event["boxes"]):
        sides = [event["width"], event["height"]] * 2
        wanted = [100 * box[name] / side for name, side in zip("xywh", sides)]
        assert drawn == pytest.approx(wanted, abs=0.3)


def test_rates_lags_and_replicas_are_shown(browser):
    tile = '.tile[data-camera="cam-1"]'
    browser.wait("document.querySelector(arguments[0] + ' .rate').textContent.endsWith(' of 8.0 frames/s')", tile)
    assert browser.text(f"{tile} .bound") and browser.text(f"{tile} .age").endswith(" old")
    assert browser.text('#replicas tr[data-replica="fog-1"] [data-column="Partitions"]') == "0–3"
    lags = "[...document.querySelectorAll('#flow .arrow .lag')]"
    browser.wait(f"{lags}.filter((lag) => / m?s /.test(lag.textContent)).length === 4", what="each arrow shows a lag in seconds")
    sources = browser.run("return [...document.querySelectorAll('#flow .arrow')].map((arrow) => arrow.dataset.from)")
    assert sources == ["cameras", "camera", "fog", "database topic"]


def test_plots_fill(browser):
    browser.show("#plots")
    names = browser.run("return [...document.querySelectorAll('.plot')].map((plot) => plot.dataset.plot)")
    assert names == ["faces", "rate", "waiting", "age", "replicas"]
    for name in names:
        browser.wait("Number(document.querySelector(`.plot[data-plot='${arguments[0]}']`).dataset.samples) > 3", name, what=f"samples of {name}")
        wait_until(lambda: browser.run(INK, name) > 20, 10, f"lines of {name}")
    before = browser.run("return Number(document.querySelector('.plot').dataset.samples)")
    browser.wait("Number(document.querySelector('.plot').dataset.samples) > arguments[0] + 1", before)
    assert "fog-1 joined" in browser.text("#marks")


def test_pictures_are_fetched_only_while_their_tiles_are_visible(browser):
    browser.forget_pictures()
    wait_until(lambda: browser.pictures() > 2, 10, "pictures while tiles are seen")
    browser.run("Object.defineProperty(document, 'hidden', {get: () => true, configurable: true})")
    browser.run("document.dispatchEvent(new Event('visibilitychange'))")
    time.sleep(0.5)
    assert browser.pictures_within(1.5) == 0
    browser.run("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    browser.forget_pictures()
    wait_until(lambda: browser.pictures() > 2, 10, "fetches of pictures after the page is visible again")
    browser.show("#history")  # the tiles are scrolled out of the window
    time.sleep(0.5)
    assert browser.pictures_within(1.5) <= 2  # those of time travel
    browser.show("#cameras")
    browser.click("#pause")
    time.sleep(0.5)
    assert browser.pictures_within(1.5) == 0


# ---- the past ----

def travel(browser, camera="cam-1"):
    browser.show("#travel")
    browser.wait("document.querySelector('#travel-camera').options.length >= 2")
    browser.wait("document.querySelector('#travel').dataset.place", what="a frame of the past")
    browser.run("delete document.querySelector('#travel').dataset.place")
    browser.set("#travel-camera", camera)
    return browser.wait("document.querySelector('#travel').dataset.place", what=f"a frame of {camera}")


def place_of(browser):
    return browser.run("return document.querySelector('#travel').dataset.place")


def moved_from(browser, place):
    browser.wait("document.querySelector('#travel').dataset.place !== arguments[0]", place)
    return place_of(browser)


def test_the_buttons_of_time_travel_go_from_frame_to_frame(running, browser):
    """Each click shows the neighbouring frame, also beyond the frames that the page lists at once (those of 2 s, but at most
    16)."""
    places, numbers = [travel(browser)], [browser.text("#frame-seq")]
    for _ in range(18):
        browser.click("#travel-back")
        places.append(moved_from(browser, places[-1]))
        numbers.append(browser.text("#frame-seq"))
    headers = [running.headers(place) for place in (places[0], places[-1])]
    assert {one["camera"] for one in headers} == {"cam-1"}
    newest = int(headers[0]["seq"])
    assert numbers == [f"{headers[0]['session']} : {newest - n}" for n in range(19)] and int(headers[1]["seq"]) == newest - 18
    browser.click("#travel-next")
    assert moved_from(browser, places[-1]) == places[-2]
    places.pop()
    topic, partition, offset = places[-1].rsplit("/", 2)
    assert browser.text("#place") == f"{topic}, partition {partition}, offset {offset}"
    assert browser.text("#line").startswith("gst-launch-1.0 ") and f"start-offset={offset} " in browser.text("#line")


def test_keys_control_time_travel(running, browser):
    newest = travel(browser)
    browser.press("#travel-slider", Keys.HOME)
    first = moved_from(browser, newest)
    browser.press("#travel-slider", Keys.ARROW_RIGHT)
    second = moved_from(browser, first)
    times = [int(running.headers(place)["seq"]) for place in (first, second)]
    assert times[1] == times[0] + 1
    browser.press("#travel-slider", Keys.ARROW_LEFT)
    assert moved_from(browser, second) == first


def test_the_button_on_a_tile_opens_its_frame_in_time_travel(browser):
    browser.click("#pause")
    time.sleep(0.5)
    place, _, _ = browser.run(BOXES, "cam-2")
    browser.click('.tile[data-camera="cam-2"] .tile-foot button:last-child')
    browser.wait("document.querySelector('#travel').dataset.place === arguments[0]", place)
    assert browser.run("return document.querySelector('#travel-camera').value") == "cam-2"
    browser.press("#copy", Keys.ENTER)  # a key press, because a browser lets no script copy to the clipboard without one
    browser.wait("document.querySelector('#copy').textContent === 'Copied'")
    assert browser.copied() == browser.text("#line")


def test_counting_again(running, browser):
    travel(browser)
    browser.wait("document.querySelector('#cascade').options.length > 0", what="cascades")
    topic, partition, offset = place_of(browser).rsplit("/", 2)
    for neighbors, scale in ((0, 1.3), (4, 1.1)):
        browser.set("#neighbors", neighbors)
        browser.set("#scale", scale)
        browser.click("#recount-go")
        browser.wait("/face/.test(document.querySelector('#recount-count').textContent)", what="an answer")
        answer = running.page.post("/api/recount", {
            "topic": topic, "partition": int(partition), "offset": int(offset), "neighbors": neighbors, "scale": scale,
            "cascade": browser.run("return document.querySelector('#cascade').value")})
        assert counted_faces(browser.text("#recount-count").split(" in ")[0]) == answer["faces"]
        assert browser.run("return document.querySelectorAll('#recount-picture .box').length") == answer["faces"]
        browser.run("document.querySelector('#recount-count').textContent = ''")


def seconds_of(file):
    """Returns the duration of a video."""
    said = subprocess.run(["gst-discoverer-1.0", file], env=pipeline.environment(), capture_output=True, text=True, timeout=120, check=True).stdout
    hours, minutes, seconds = re.search(r"Duration: (\d+):(\d+):([\d.]+)", said).groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def clip(browser, directory, from_, to, kind):
    """Fills in the form for a clip, and returns the file that the browser downloads."""
    local = "const d = new Date(arguments[0]); return new Date(d - d.getTimezoneOffset() * 60000).toISOString().slice(0, 23)"
    browser.download_to(directory)
    browser.set("#clip-from", browser.run(local, from_))
    browser.set("#clip-to", browser.run(local, to))
    browser.set("#clip-kind", kind)
    browser.click("#clip-go")
    browser.wait("/downloaded|Kafka|clip of|range/.test(document.querySelector('#clip-message').textContent)", timeout=90, what="an answer")
    return wait_until(lambda: list(directory.glob(f"*.{kind}")), 20, browser.text("#clip-message"))[0]


def test_a_clip_is_downloaded(running, browser, tmp_path):
    newest = wait_until(lambda: running.page.json("/api/travel", camera="cam-1"), 20, "the range")["to"]
    wait_until(lambda: running.page.json("/api/travel", camera="cam-1")["to"] > newest + 8000, 60, "8 s of footage")
    travel(browser)
    video = clip(browser, tmp_path, newest, newest + 3000, "mp4")
    assert 1 < seconds_of(video) < 4 and video.name.startswith("cam-1-")
    rows = clip(browser, tmp_path, newest, newest + 3000, "csv").read_text().splitlines()
    assert rows[0].startswith("captured,camera,") and all(row.split(",")[1] == '"cam-1"' for row in rows[1:])
    browser.set("#clip-from", "2001-01-01T00:00:00.000")
    browser.set("#clip-to", "2001-01-01T00:01:00.000")
    browser.click("#clip-go")
    browser.wait("/holds no event/.test(document.querySelector('#clip-message').textContent)", timeout=60)
    assert any("/api/clip" in text for text in browser.logged())  # Chromium logs the request, because the server has refused it


def clips_of(page):
    """Returns the ids of the page's child processes that make a clip."""
    said = subprocess.run(["pgrep", "-P", str(page.popen.pid), "fog-clip"], capture_output=True, text=True, timeout=120, check=False).stdout
    return [int(pid) for pid in said.split()]


def stop(processes):
    """Stops the first one, and returns whether it was still there."""
    try:
        os.kill(processes[0], signal.SIGSTOP)
    except (IndexError, ProcessLookupError):
        return False
    return True


def test_the_process_that_makes_a_clip_ends_if_its_viewer_leaves(running):
    """If a browser leaves before its clip is finished, the process that makes the clip is ended, even if it doesn't run;
    while it exists, a second clip is refused."""
    now = int(time.time() * 1000)
    wish = json.dumps({"camera": "cam-1", "from": now - 600_000, "to": now, "kind": "mp4", "boxes": False})
    address = running.page.address
    gone = http.client.HTTPConnection(address.hostname, address.port, timeout=20)
    gone.request("POST", "/api/clip", wish, {"Content-Type": "application/json"})
    wait_until(lambda: stop(clips_of(running.page)), 20, "the process of a clip")
    assert running.page.ask("/api/clip", "POST", wish, Content_Type="application/json")[0] == 409
    gone.close()
    wait_until(lambda: not clips_of(running.page), 30, "the end of the process")


def test_the_history_shows_the_documents_of_the_database(browser):
    browser.show("#history")
    browser.wait("Number(document.querySelector('#history-plot').dataset.buckets) > 0", what="faces by minute")
    browser.run("document.querySelector('#history-details').open = true")
    browser.wait("document.querySelectorAll('#history-table tbody tr').length > 0")
    browser.set("#history-range", "own")
    browser.set("#history-to", "2000-01-01T00:00")
    assert "ends before it begins" in browser.text("#history-message")


# ---- for everybody ----

@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_no_violation_and_no_element_is_too_wide(browser, width, scheme):
    browser.look(width, 800, scheme)
    travel(browser)
    browser.show("#history")
    browser.run("document.querySelector('#history-details').open = true")
    browser.wait("document.querySelectorAll('#history-table tbody tr').length > 0")
    assert browser.sticks_out() == [0, []]
    assert browser.violations() == []


def test_every_control_is_reached_by_keys_and_shows_the_focus(browser):
    browser.press("body", Keys.TAB)
    assert browser.run("return document.activeElement.className") == "skip"
    for _ in range(14):
        browser.press(":focus", Keys.TAB)
        assert browser.run(FOCUS), browser.run("return document.activeElement.outerHTML")


def test_live_regions_announce_nothing_while_the_system_is_healthy(browser):
    browser.wait("document.querySelector('#sentence').dataset.level === 'good'", timeout=30)
    time.sleep(2)
    assert browser.run(LISTEN) >= 4
    age = browser.text(".tile .age")
    browser.wait("document.querySelector('.tile .age').textContent !== arguments[0]", age, what="another age")
    time.sleep(2)
    assert browser.run("return window.spoken") == []


def test_fewer_pictures_are_fetched_with_prefers_reduced_motion(browser):
    browser.look(motion="reduce")
    time.sleep(1.2)
    tiles = browser.run("return document.querySelectorAll('.tile').length")
    assert browser.pictures_within(2.5) <= 3 * tiles  # one picture a second for each camera
    wait_until(lambda: browser.pictures() > 0, 10, "a picture")


def test_a_viewer_logs_in_with_the_token(running, chromium, tmp_path):
    page = livepage.Page(running.system, tmp_path / "live.log", LIVE_TOKEN="a-token-of-24-characters")
    try:
        chromium.open(page.address.geturl())
        assert chromium.run("return location.pathname") == "/login"
        assert chromium.violations() == [] and chromium.sticks_out() == [0, []]
        chromium.press("#token", "a-token-of-24-characters", Keys.ENTER)
        chromium.wait("location.pathname === '/' && document.querySelectorAll('.tile').length >= 2", what="the page behind the form")
        assert chromium.logged() == []
    finally:
        page.close()


# ---- what it survives ----

def test_the_page_names_servers_that_are_away(running, chromium, tmp_path):
    page = livepage.Page(running.system, tmp_path / "live.log", FOG_KAFKA="127.0.0.1:1", MONGODB_URI="mongodb://127.0.0.1:1")
    try:
        chromium.look()
        chromium.open(page.address.geturl())
        for name in ("Kafka", "Database"):
            away = "[...document.querySelectorAll('.server[data-state=away]')].some((one) => one.textContent === arguments[0])"
            chromium.wait(away, f"{name} away", what=f"{name} is away")
        assert chromium.run("return document.querySelector('#sentence').dataset.level") == "bad"
        assert chromium.text("#sentence").startswith("Kafka hasn't answered for ")
        assert "Database: " in chromium.text("#troubles")
        assert chromium.text(".node[data-node=database] .node-text") == "away"
        assert chromium.violations() == [] and chromium.logged() == []
    finally:
        page.close()


H264 = "x264enc tune=zerolatency key-int-max=30 ! h264parse config-interval=-1"


def test_the_tile_of_an_h264_camera_shows_moving_pictures(running, chromium, launch, fresh, tmp_path):
    """A camera's tile shows moving pictures of H.264; then the camera sends a format that no decoder accepts, and its tile
    says this."""
    whole = system.System(running.system.kafka, running.system.mongo, fresh, partitions=2)
    launch(whole.cloud())
    launch(whole.fog("fog-1").replace("jpegdec", "h264parse ! avdec_h264"))
    edge = launch(whole.live_edge("max-rate=8", sink_options="key=cam-1").replace("jpegenc", f"videoconvert ! {H264}"))
    page = livepage.Page(whole, tmp_path / "live.log")
    chromium.look()
    chromium.open(page.address.geturl())
    chromium.wait("document.querySelector('.tile[data-health=good] .frame:not(.blank) .box')", timeout=60, what="a picture with boxes")
    canvas = ".tile canvas"
    seen = set()
    wait_until(lambda: seen.add(chromium.run(PICTURE, canvas)) or len(seen) > 3, 30, "pictures that move")
    assert chromium.logged() == []
    edge.kill()
    producer = whole.kafka.producer()

    def said():
        producer.produce(whole.topics["camera"], b"?", headers=[
            ("camera", "cam-1"), ("session", "other"), ("seq", "0"), ("gst-caps", "video/x-nothing"),
            ("capture-time", str(time.time_ns()))])
        producer.flush(120)
        return chromium.text(".tile .frame-message")
    assert wait_until(said, 30, "the reason") == "No decoder of video/x-nothing is installed where the page's server runs."
    chromium.logged()  # discards the log, because a browser logs each answer to a request for a picture that isn't a picture
    page.close()


def test_the_tile_of_a_stopped_camera_turns_red(running, browser):
    running.start_camera("cam-3")
    browser.wait("document.querySelector('.tile[data-camera=cam-3][data-health=good] .frame:not(.blank)')", what="a third camera")
    browser.wait("parseFloat(document.querySelector('.tile[data-camera=cam-3] .rate').textContent) > 4", what="its rate")
    browser.run(WATCH, "cam-3")
    running.stages[-1].kill()
    killed = time.time()
    turned = browser.wait("window.turned", timeout=15, what="red")
    assert turned / 1000 - killed < 15  # 5 s, and three times as long on a busy machine
    assert browser.run(RED, "cam-3")
    assert browser.text(".tile[data-camera=cam-3] .health") == "stopped"
    assert "cam-3" in browser.text("#sentence")
    assert browser.run("return document.querySelector('#sentence').dataset.level") == "bad"


def test_the_page_reconnects_when_its_server_is_restarted(running, browser):
    address = running.page.address.netloc
    running.page.close()
    browser.wait("!document.querySelector('#connection').hidden", what="a word of it")
    assert "since" in browser.text("#connection")
    running.page = livepage.Page(running.system, running.directory / "again.log", listen=address)
    browser.wait("document.querySelector('#connection').hidden", timeout=30, what="the page shows current data again")
    place = browser.run("return document.querySelector('.tile[data-camera=cam-1]').dataset.place")
    browser.wait("document.querySelector('.tile[data-camera=cam-1]').dataset.place !== arguments[0]", place, timeout=30, what="newer frames")
    browser.logged()  # discards the errors of connections that were refused while the server was down


class Proxy(pipeline.Background):
    """Passes connections to the page's server. After `stall()` it keeps the open ones, and passes nothing more on them."""

    def __init__(self, address):
        super().__init__()
        self._to, self._peers, self._stalled = (address.hostname, address.port), {}, set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"

    def stall(self):
        self._stalled = set(self._peers)

    def _accept(self):
        client, server = self._listener.accept()[0], socket.create_connection(self._to)
        self._peers |= {client: server, server: client}

    def _pass(self, one):
        try:
            data = one.recv(65536)
            self._peers[one].sendall(data)
        except OSError:
            data = b""
        if not data:
            for end in (one, self._peers[one]):
                self._peers.pop(end, None)
                end.close()

    def _run(self):
        while not self._end.is_set():
            watched = [one for one in list(self._peers) if one not in self._stalled]
            for one in select.select([self._listener, *watched], [], [], 0.2)[0]:
                if one is self._listener:
                    self._accept()
                elif one in self._peers:
                    self._pass(one)
        for one in [self._listener, *self._peers]:
            one.close()


def test_a_proxy_keeps_a_stream_open_that_is_dead(running, browser):
    """The page says that it isn't live, and opens another stream."""
    with Proxy(running.page.address) as proxy:
        browser.open(proxy.address)
        browser.wait("document.querySelectorAll('.tile[data-health=good]').length >= 2", timeout=40, what="two good cameras")
        proxy.stall()
        browser.wait("!document.querySelector('#connection').hidden", timeout=30, what="a word of it")
        browser.wait("document.querySelector('#connection').hidden", timeout=60, what="the page shows current data again")
        browser.open("about:blank")  # nothing asks the proxy while it ends
    browser.logged()  # errors of the stalled connections are expected


def test_html_in_messages_is_shown_as_text(running, browser):
    document = {
        "_id": f"{SCRIPT}:s:1", "camera": SCRIPT, "seq": 1, "captured": {"$date": int(time.time() * 1000)}, "faces": 1,
        "boxes": [{"x": SCRIPT, "y": 1, "w": 1, "h": 1}], "width": 640, "height": 480, "replica": SCRIPT}
    listed = {"frames": 1, "last-seq": 1, "session": SCRIPT, "max": 5, "min": 1, "weight": 1}
    report = {
        "replica": SCRIPT, "seq": 1, "interval": 5.0, "frames": 1, "faces": 1, "busy": 1, "workers": 1, "lag": 0,
        "partitions": [], "version": SCRIPT, "age": {"p50": 0.1, "p95": 0.2}, "cameras": {SCRIPT: listed}}
    running.send(
        "camera", b"no picture", camera=SCRIPT, session=SCRIPT, seq="1", capture_time=str(time.time_ns()),
        gst_caps=f'image/jpeg, name=(string)"{QUOTED}"')
    running.send("database", json.dumps(document).encode(), gst_caps="application/json, schema=fog-event")
    running.send("feedback", json.dumps(report).encode(), gst_caps="application/json, schema=fog-report")
    tile = "[...document.querySelectorAll('.tile')].some((tile) => tile.dataset.camera === arguments[0])"
    browser.wait(tile, SCRIPT, what="a tile of that name")
    row = "[...document.querySelectorAll('#replicas tbody tr')].some((row) => row.dataset.replica === arguments[0])"
    browser.wait(row, SCRIPT, what="a replica of that name")
    # The tile opens the frame itself. The choice of a camera shows a frame only within 5 s of the
    # newest frame of all cameras.
    opener = "[...document.querySelectorAll('.tile')].find((tile) => tile.dataset.camera === arguments[0] && tile.dataset.place)"
    browser.wait(f"{opener}?.querySelector('.tile-foot button:last-child').click() ?? Boolean({opener})", SCRIPT, what="its tile's button")
    browser.wait("document.querySelector('#facts').textContent.includes(arguments[0])", SCRIPT, what="its frame")
    browser.wait("document.querySelector('#travel-camera').value === arguments[0]", SCRIPT, what="its name in the list of cameras")
    browser.show("#history")
    browser.run("document.querySelector('#history-details').open = true")
    table = "document.querySelector('#history-table tbody').textContent.includes(arguments[0])"
    browser.wait(table, SCRIPT, timeout=70, what="its documents")
    browser.look(360, 800)
    time.sleep(0.5)
    assert browser.sticks_out() == [0, []]
    assert browser.run("return [window.harmed ?? null, document.images.length, document.scripts.length]") == [None, 0, 1]
    browser.logged()  # discards the errors of the camera's frames, which no decoder accepts
