# SPDX-License-Identifier: LGPL-2.1-or-later
"""The live page's server while brokers, the database, cameras and replicas fail and recover, and when it reads hostile messages."""

import contextlib
import json
import os
import sys
import time

import confluent_kafka
import confluent_kafka.admin
import pytest

import browser as browsers
import kafka_server
import livepage
import mongo_server
import pipeline
import prometheus_server
import system
from pipeline import wait_until

sys.path.insert(0, str(pipeline.TOP / "pipelines/console"))

import link as links  # noqa: E402

SCRIPT = "<script>alert(1)</script>\"'&{{x}}"


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """A Kafka and a database that only this file's tests use, so that they may stop them."""
    with contextlib.closing(links.Link()) as link, kafka_server.Kafka(
            tmp_path_factory.mktemp("kafka"), listeners={"edge": "PLAINTEXT"}, advertised={"edge": link.address}) as kafka, \
            mongo_server.Mongo(tmp_path_factory.mktemp("mongo")) as mongo:
        kafka.link = link
        yield kafka, mongo


@pytest.fixture
def running(servers, fresh, launch, tmp_path):
    running = system.System(*servers, fresh, partitions=2)
    running.page = livepage.Page(running, tmp_path / "live.log")
    running.stages = {
        "cloud": launch(running.cloud()), "fog": launch(running.fog("fog-1")), "edge": launch(running.live_edge("max-rate=5"))}
    wait_until(lambda: running.page.state()["level"] == "good", 40, "a good system")
    yield running
    running.page.close()


def marks(page):
    return [mark["text"] for mark in page.json("/api/history")["marks"]]


def sentence(page):
    return page.state()["sentence"]


def test_a_camera_that_stops_and_restarts_is_reported(running, launch):
    page = running.page
    page.frame("cam-1")
    running.stages["edge"].kill()
    began = time.monotonic()

    def stopped():
        page.look("cam-1")
        return page.camera("cam-1")["health"] == "stopped"
    wait_until(stopped, 10, "the camera is red")
    assert time.monotonic() - began < 15  # the page needs 5 s, and up to three times as long on a busy machine
    assert sentence(page).startswith("cam-1 has given no frame for ")
    assert page.state()["level"] == "bad" and page.camera("cam-1")["given"] == 0
    launch(running.live_edge("max-rate=5"))
    wait_until(lambda: page.camera("cam-1")["health"] == "good", 20, "the camera is back")
    assert "cam-1 stopped" in marks(page) and "cam-1 is back" in marks(page)
    wait_until(lambda: page.state()["level"] == "good", 20)


NARROW = 60_000  # rate of the link in bytes/s; a frame of the scene has about 25,000 bytes


def test_a_slow_link_is_shown_as_the_limit_of_its_camera(running, launch):
    """That the link limits the camera's rate is shown on the camera's tile, in the state and in the metrics, and isn't
    shown for the other camera."""
    page, link = running.page, running.kafka.link
    link.connect(running.kafka.servers("edge"), NARROW)
    launch(running.live_edge("max-rate=15", camera="far").replace(running.kafka.bootstrap, link.address))
    with contextlib.closing(browsers.Browser()) as browser:
        browser.look()
        browser.open(page.address.geturl())
        far = "document.querySelector('.tile[data-camera=far]')"
        said = "Limited by its link: the camera sends less than the fog would take; its link or the camera itself is the limit"
        browser.wait(
            f"{far}?.dataset.bound === 'link' && {far}.querySelector('.bound').textContent === '{said}'", timeout=60, what="the link is named")
        assert browser.logged() == []

    def is_limited():
        camera = page.camera("far")
        return camera.get("bound") == "link" and camera["wanted"] == 15 and 0 < (camera["given"] or 0) < 0.8 * 15
    wait_until(is_limited, 60, "the state names the link")
    wait_until(lambda: 'gstfog_rate_bound{camera="far",reason="link"} 1' in page.ask("/metrics")[2].decode(), 60, "the metrics name the link")
    wait_until(lambda: page.camera("cam-1").get("bound") == "camera", 60, "the other camera isn't limited by its link")


def test_a_replica_that_leaves_and_one_that_dies_are_reported(running, launch):
    page = running.page
    running.stages["fog"].interrupt()
    wait_until(lambda: page.state()["replicas"][0]["state"] == "leaving", 10)
    assert "fog-1 leaves" in marks(page)
    wait_until(lambda: "no fog replica reports" in sentence(page), 10)
    second = launch(running.fog("fog-2"))
    wait_until(lambda: any(replica["replica"] == "fog-2" and replica["state"] == "good" for replica in page.state()["replicas"]), 20)
    second.kill()
    wait_until(lambda: "fog-2 fell silent" in marks(page), 20)
    assert "fog-2 has sent no report for " in sentence(page)
    wait_until(lambda: (page.state()["flow"][1]["waiting"] or 0) > 10, 30, "frames wait for the fog")
    assert page.state()["flow"][1]["lag"] > 1


def test_an_outage_of_the_database_is_reported(running, servers):
    page = running.page
    servers[1].stop()
    wait_until(lambda: sentence(page).startswith("the database hasn't answered for "), 20)
    assert page.state()["servers"]["database"]["state"] == "away"
    assert page.json("/api/documents", 502, **{"from": 0, "to": 1, "unit": "hour"})["error"]
    wait_until(lambda: (page.state()["flow"][3]["waiting"] or 0) > 5, 30, "events wait for the database")
    servers[1].start()
    wait_until(lambda: page.state()["servers"]["database"]["state"] == "good", 30)
    wait_until(lambda: page.state()["level"] == "good", 30)
    assert {"the database went away", "the database is back"} <= set(marks(page))
    assert "mongoc" not in page.output()


def test_a_frozen_database_counts_as_away(running, servers):
    """A frozen database accepts connections, and answers no request."""
    page = running.page
    servers[1].process.freeze()
    try:
        wait_until(lambda: sentence(page).startswith("the database hasn't answered for "), 20)
    finally:
        servers[1].process.thaw()
    wait_until(lambda: page.state()["servers"]["database"]["state"] == "good", 30)


def test_an_outage_of_the_broker_is_reported(running, servers):
    page = running.page
    page.frame("cam-1")
    wait_until(lambda: page.state()["level"] == "good", 30, "a good system")
    before = len(marks(page))
    servers[0].stop()
    wait_until(lambda: sentence(page).startswith("Kafka hasn't answered for "), 20)
    assert page.ask("/healthz")[0] == 503 and page.camera("cam-1")["health"] == "unknown" and page.state()["servers"]["cloud-kafka"]["state"] == "away"
    # While the broker is away, the page's server still answers at once: with its latest data, or
    # with a reason why it has no data.
    assert page.json("/api/history")["samples"]
    began = time.monotonic()
    place = {"topic": running.topics["camera"], "partition": 0, "offset": 10**6}
    assert page.picture(place, 502)
    assert time.monotonic() - began < 45
    servers[0].start()
    wait_until(lambda: page.state()["servers"]["kafka"]["state"] == "good", 30)
    wait_until(lambda: page.state()["level"] == "good", 40, sentence(page))
    assert page.frame("cam-1", 30)
    # During the outage of Kafka no other outage is reported, because nobody can know whether
    # cameras or replicas have stopped.
    outage = marks(page)[before:]
    assert outage[:outage.index("Kafka is back")] == ["Kafka went away"]


def test_the_sentence_names_a_topic_that_is_missing(servers, fresh, tmp_path):
    """While a deleted topic is missing, the page shows Kafka as good. The page reads a topic that is created again, also
    with fewer partitions."""
    empty = system.System(*servers, fresh, partitions=3)
    with contextlib.closing(livepage.Page(empty, tmp_path / "live.log")) as page:
        wait_until(lambda: page.state()["flow"][0]["rate"] == 0, 20, "the topics are known")
        empty.kafka.delete_topic(empty.topics["camera"])
        wait_until(lambda: sentence(page).startswith(f'the topic "{fresh}-camera" has been missing for '), 30)
        state = page.state()
        assert state["missing"] == ["camera"] and state["level"] == "bad" and state["servers"]["kafka"]["state"] == "good" and page.ask("/healthz")[0] == 200
        empty.kafka.create_topic(empty.topics["camera"], 1)
        wait_until(lambda: sentence(page) == "no camera, no replica", 30)
        wait_until(lambda: page.state()["flow"][0]["rate"] == 0, 30, "the new topic is read")
        assert {f"the topic {fresh}-camera is missing", f"the topic {fresh}-camera is there"} <= set(marks(page))


# ---- hostile messages ----

@pytest.fixture(scope="module")
def quiet(servers, tmp_path_factory):
    """Topics to which only the test writes, and a page that reads them."""
    quiet = system.System(*servers, f"quiet-{os.getpid()}", partitions=2)
    quiet.page = livepage.Page(quiet, tmp_path_factory.mktemp("quiet") / "live.log")
    quiet.producer = confluent_kafka.Producer({"bootstrap.servers": quiet.kafka.bootstrap, "message.max.bytes": 100_000_000})
    wait_until(lambda: quiet.page.state()["flow"][0]["rate"] == 0, 20, "the topics are known")
    yield quiet
    quiet.page.close()


def send(quiet, role, value, **headers):
    quiet.producer.produce(quiet.topics[role], value, headers=list(headers.items()))
    assert quiet.producer.flush(120) == 0


def report(quiet, replica, **more):
    """Sends reports until the page has read one, because the page reads only messages that are sent after it has started."""
    text = {"replica": replica, "seq": 0, "interval": 1, "frames": 5, "busy": 0.5, "workers": 1, "lag": 0, "partitions": [0], **more}
    for text["seq"] in range(1, 100):
        send(quiet, "feedback", json.dumps(text).encode())
        time.sleep(0.1)
        found = [one for one in quiet.page.state()["replicas"] if one["replica"] == replica]
        if found:
            return found[0]
    raise AssertionError(f"{replica} isn't seen")


def event(camera, seq=1, **more):
    return json.dumps({
        "_id": f"{camera}:s:{seq}", "camera": camera, "seq": seq, "captured": {"$date": {"$numberLong": str(int(time.time() * 1000))}},
        "faces": 1, "boxes": [{"x": 1, "y": 2, "w": 3, "h": 4}], "width": 640, "height": 480, "replica": "r", **more}).encode()


def test_names_with_html_are_escaped(quiet):
    report(quiet, SCRIPT, cameras={SCRIPT: {"frames": 5, "last-seq": 5, "session": SCRIPT, "max": 5, "min": 1, "weight": 1}})
    send(quiet, "database", event(SCRIPT, replica=SCRIPT))
    wait_until(lambda: quiet.page.camera(SCRIPT).get("faces") == 1, 20)
    status, headers, body = quiet.page.ask("/api/state")
    assert headers["Content-Type"].startswith("application/json") and headers["X-Content-Type-Options"] == "nosniff"
    assert json.loads(body)["sentence"]
    quiet.page.look(SCRIPT)
    jpeg = b"\xff\xd8\xff\xd9"
    def shown():
        send(quiet, "camera", jpeg, camera=SCRIPT, session="s", seq="2", **{"gst-caps": "image/jpeg", SCRIPT[:20]: SCRIPT})
        return quiet.page.camera(SCRIPT)["frame"]
    assert wait_until(shown, 20)["camera"] == SCRIPT
    assert prometheus_server.promtool("check", "metrics", text=quiet.page.ask("/metrics")[2].decode()) == ("", 0)


@pytest.mark.parametrize("value", [
    b"", b"null", b"not JSON", b"\xff\xfe", b"[" * 100000, b"{}", b'{"_id":1}', b'{"replica":7}', json.dumps({"_id": "x" * 5000}).encode(),
    b'{"_id":"a","camera":"a","faces":1e300}', b'{"replica":"a","interval":0}', b'{"replica":"a","partitions":[1e300]}'])
def test_messages_that_are_no_events_or_reports_are_counted_as_unreadable(quiet, value):
    before = quiet.page.state()["unreadable"]
    for role in ("database", "feedback"):
        send(quiet, role, value)
    # An empty message needn't arrive as a buffer, so of the two messages one has to be counted at
    # least.
    wait_until(lambda: quiet.page.state()["unreadable"] >= before + 1, 10)
    assert quiet.page.ask("/healthz")[0] == 200


def test_the_page_keeps_at_most_1024_cameras(quiet):
    before = quiet.page.state()["ignored"]
    send(quiet, "database", event("x" * 300))
    for n in range(1500):
        quiet.producer.produce(quiet.topics["database"], event(f"many-{n}"))
        quiet.producer.poll(0)
    assert quiet.producer.flush(120) == 0
    wait_until(lambda: quiet.page.state()["ignored"] > before + 400, 20)
    assert len(quiet.page.state()["cameras"]) <= 1024
    assert quiet.page.resident() < 400


def test_a_frame_of_50_mb_is_neither_shown_nor_kept_in_memory(quiet):
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": quiet.kafka.bootstrap})
    resource = confluent_kafka.admin.ConfigResource("topic", quiet.topics["camera"], {"max.message.bytes": "100000000"})
    for future in admin.alter_configs([resource]).values():
        future.result(120)
    before = quiet.page.resident()

    def known():
        send(quiet, "database", event("cam-big", seq=int(time.time())))
        return quiet.page.camera("cam-big")

    def shown():
        quiet.page.look("cam-big")
        return known()["frame"]

    wait_until(known, 20)
    assert shown() is None
    time.sleep(2)  # until the page has begun to read frames
    send(quiet, "camera", bytes(50_000_000), camera="cam-big", session="s", seq="1", **{"gst-caps": "image/jpeg"})
    frame = wait_until(shown, 20, "the large frame")
    assert frame["bytes"] == 50_000_000
    assert json.loads(quiet.page.picture(frame, 415)[1])["error"] == "The frame is empty, or too large to be shown."
    assert quiet.page.resident() - before < 250


def test_the_page_uses_a_tenth_of_a_core_with_50_cameras_and_10_replicas(kafka, mongo, fresh, tmp_path):
    """The page's load is a report each second from each of 10 replicas, 5 events/s of each of 50 cameras, one viewer, and
    no pictures."""
    crowd = system.System(kafka, mongo, fresh, partitions=2)
    page = livepage.Page(crowd, tmp_path / "live.log")
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 5})
    cameras = [f"cam-{n}" for n in range(50)]
    wait_until(lambda: page.state()["flow"][0]["rate"] == 0, 20, "the topics are known")

    def send_second(second):
        for n in range(10):
            text = {"replica": f"fog-{n}", "seq": second, "interval": 1, "frames": 25, "busy": 0.5, "workers": 1, "lag": 0,
                    "partitions": [n], "cameras": {
                        name: {"frames": 1, "last-seq": second * 5, "session": "s", "max": 30, "min": 1, "weight": 1} for name in cameras}}
            producer.produce(crowd.topics["feedback"], json.dumps(text).encode())
        for step in range(5):
            for name in cameras:
                producer.produce(crowd.topics["database"], event(name, seq=second * 5 + step))
            producer.flush(120)
            time.sleep(0.2)

    def used():
        with open(f"/proc/{page.popen.pid}/stat") as stat:
            fields = stat.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    with livepage.Viewer(page) as viewer:
        for second in range(1, 4):
            send_second(second)
        began, before = time.monotonic(), used()
        for second in range(4, 12):
            send_second(second)
        share = (used() - before) / (time.monotonic() - began)
        state = page.state()
        assert len(state["cameras"]) == 50 and len(state["replicas"]) == 10
        assert viewer.states > 15
        print(f"{100 * share:.1f} % of a core")
        assert share < 0.10
    page.close()
