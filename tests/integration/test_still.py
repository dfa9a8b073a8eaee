# SPDX-License-Identifier: LGPL-2.1-or-later
"""If a camera's picture stands still, the edge sends a frame every 4 s: no stage and no page takes the camera for dead, and
its demand falls."""

import time

import livepage
import pipeline
import system

INTERVAL = 4  # interval (s) of frames while the picture stands still: longer than the page's limit for a silent camera
RATE = 25
PORTRAIT = pipeline.TOP / "pipelines/scene/portrait.jpg"
# A source whose picture, a face, never changes.
STANDING = (
    f"multifilesrc location={PORTRAIT} loop=true caps=image/jpeg,framerate={RATE}/1 ! jpegdec ! videoconvert ! videoscale ! "
    "video/x-raw,format=I420,width=320,height=240 ! identity sync=true")
SECONDS = 3 * INTERVAL + 1


def watch(page, seconds):
    """Returns, for each half second, the page's state of the camera, and the level and the sentence about the system."""
    said, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        page.look("cam-1")
        state = page.state()
        said.append((page.camera("cam-1"), state["level"], state["sentence"]))
        time.sleep(0.5)
    return said


def test_a_camera_whose_picture_stands_still_is_not_taken_for_dead(kafka, mongo, launch, tmp_path, fresh):
    whole = system.System(kafka, mongo, fresh, 2)
    launch(whole.cloud())
    launch(whole.fog("fog-1", "workers=1"))
    edge = launch(
        whole.live_edge(f"still-interval={INTERVAL}000000000 max-rate={RATE}", source=STANDING), options="-e -m")
    page = livepage.Page(whole, tmp_path / "live.log")
    try:
        pipeline.wait_until(lambda: page.camera("cam-1").get("health") == "good", 60, "a camera that is well")
        pipeline.wait_until(lambda: page.camera("cam-1").get("bound") == "camera", 60, "the reports list it")
        said = watch(page, SECONDS)
    finally:
        page.close()
    # a busy machine may send a frame late
    assert {camera["health"] for camera, *_ in said} <= {"good", "late"} and said[-1][0]["health"] == "good"
    assert not [sentence for *_, sentence in said if "no frame" in sentence or "no report" in sentence]
    assert "stands still" in said[-1][0]["reason"]
    assert said[-1][0]["wanted"] < said[0][0]["wanted"] < RATE, "the wanted rate of the camera falls"
    edge.interrupt()
    assert edge.wait(120) == 0, edge.output()

    frames = [{name: value.decode() for name, value in message.headers()} for message in take(whole.read("camera"))]
    frames.sort(key=lambda frame: int(frame["seq"]))  # two partitions
    assert len(frames) <= 3 + (SECONDS + 60) / INTERVAL
    assert [frame["seq"] for frame in frames] == [str(seq) for seq in range(len(frames))]
    assert all(frame["still-interval"] == f"{INTERVAL}000000000" for frame in frames)
    assert all(frame["still-changed"] == "false" and int(frame["still-frames"]) > RATE for frame in frames[1:])
    pipeline.wait_until(lambda: whole.events.count_documents({}) == len(frames), 30, "an event of each frame")
    for event in whole.events.find({"seq": {"$gt": 0}}):
        still = event["still"]
        assert event["faces"] == 1
        assert still["interval"] == INTERVAL and not still["changed"]
        assert still["time"] >= INTERVAL and still["frames"] > RATE
    listed = [set(report["cameras"]) for report in take(whole.reports()) if report["cameras"]]
    first = next(number for number, cameras in enumerate(listed) if "cam-1" in cameras)
    assert all("cam-1" in cameras for cameras in listed[first:])


def take(messages):
    """Returns all messages up to the first pause."""
    found = []
    for message in messages:
        if message is not None:
            found.append(message)
        elif found:
            return found
