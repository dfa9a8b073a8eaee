# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests zones and masks, which a user draws with the mouse on the live page: the page stores them in a file, and the
running fog applies them."""

import json

import pytest

import browser as browsers
import livepage
import system
from pipeline import wait_until

DRAWING = ".zones-drawing"
LEFT = [(0.01, 0.01), (0.6, 0.01), (0.6, 0.99), (0.01, 0.99)]
STRIP = [(0.8, 0.1), (0.95, 0.1), (0.95, 0.9)]
SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1]]
REFUSED = [
    ({}, "camera"),
    ({"camera": 7}, "camera"),
    ({"camera": "a", "zones": 7}, '"zones" isn\'t an object'),
    ({"camera": "a", "zones": {"x": SQUARE[:2]}}, "2 points"),
    ({"camera": "a", "zones": {"x": [*SQUARE, [0, 7]]}}, "point 5"),
    ({"camera": "a", "masks": {"x": SQUARE}}, '"masks" isn\'t a list'),
    ({"camera": "a", "masks": [SQUARE] * 33}, "more than 32 masks"),
    ({"camera": "", "masks": [SQUARE]}, "its name is empty"),
    ({"camera": "a\n", "masks": [SQUARE]}, "control characters"),
    ({"camera": "c" * 300, "masks": [SQUARE]}, "longer than 256 bytes"),
]


@pytest.fixture
def chromium():
    chromium = browsers.Browser()
    yield chromium
    chromium.close()


def draw(chromium, button, corners):
    before = chromium.run("return document.querySelectorAll('#zones-list li').length")
    chromium.click(button)
    chromium.show("#zones-picture")
    for corner in [*corners, corners[0]]:
        chromium.click_at(DRAWING, *corner)
    chromium.wait("document.querySelectorAll('.zones-drawing polyline').length === 0", what="the first corner closes it")
    assert chromium.run("return document.querySelectorAll('#zones-list li').length") == before + 1


def middle(event, box):
    return (box["x"] + box["w"] / 2) / event["width"], (box["y"] + box["h"] / 2) / event["height"]


def near(found, wanted):
    return len(found) == len(wanted) and all(
        abs(a - b) < 0.02 for one, other in zip(found, wanted) for a, b in zip(one, other))


def test_zones_drawn_on_the_page_are_saved_and_applied_by_the_fog(kafka, mongo, launch, chromium, tmp_path, fresh):
    whole, file = system.System(kafka, mongo, fresh, 2), tmp_path / "zones.json"
    file.write_text('{"other":{"masks":[[[0,0],[1,0],[1,1]]]}}')
    launch(whole.cloud())
    launch(whole.fog("fog-1", f"zones-file={file}"))
    launch(whole.live_edge("max-rate=5"))
    page = livepage.Page(whole, tmp_path / "live.log", "--zones-file", file)
    try:
        chromium.look()
        chromium.open(page.address.geturl())
        chromium.wait("document.querySelector('#zones-camera').value === 'cam-1'", timeout=60)
        chromium.wait("document.querySelector('.tile .frame:not(.blank)') !== null", timeout=60)
        chromium.click("#zones-photo")
        chromium.wait("!document.querySelector('#zones-picture').classList.contains('blank')")
        draw(chromium, "#zones-zone", LEFT)
        chromium.set("#zones-list input", "door")
        chromium.click("#zones-mask")
        chromium.click_at(DRAWING, *STRIP[0])
        chromium.click("#zones-save")
        chromium.wait("document.querySelector('#zones-message').textContent.startsWith('Close the polygon')")
        assert json.loads(file.read_text()).keys() == {"other"}
        chromium.click("#zones-list li:last-child button")
        draw(chromium, "#zones-mask", STRIP)
        chromium.drag(DRAWING, LEFT[1], (0.5, 0.01))
        chromium.click("#zones-save")
        chromium.wait("document.querySelector('#zones-message').textContent.startsWith('Saved')")
        saved = json.loads(file.read_text())
        assert saved.keys() == {"other", "cam-1"}
        assert near(saved["cam-1"]["zones"]["door"], [LEFT[0], (0.5, 0.01), *LEFT[2:]])
        assert near(saved["cam-1"]["masks"][0], STRIP)
        assert json.loads(chromium.text("#zones-json")) == saved

        wait_until(lambda: whole.events.count_documents({"zones.door": {"$gt": 0}}) > 3, 60, "faces in the zone")
        for event in whole.events.find({"zones.door": {"$exists": True}}):
            assert event["zones"]["door"] == event["faces"] == len(event["boxes"])
            for box in event["boxes"]:
                assert box["zones"] == ["door"] and middle(event, box)[0] < 0.62

        for wish, reason in REFUSED:
            assert reason in page.post("/api/zones/save", wish, 422)["error"]
        assert json.loads(file.read_text()) == saved
        assert page.post("/api/zones/save", {"camera": "cam-1"})["zones"].keys() == {"other"}
        last = whole.events.count_documents({"zones": {"$exists": False}})
        wait_until(lambda: whole.events.count_documents({"zones": {"$exists": False}}) > last + 2, 60, "no zones any more")
        assert chromium.logged() == []
    finally:
        page.close()


def test_zones_cannot_be_changed_on_a_page_without_a_zones_file(kafka, mongo, tmp_path, fresh):
    page = livepage.Page(system.System(kafka, mongo, fresh, 1), tmp_path / "live.log")
    try:
        assert page.json("/api/zones") == {"file": False, "zones": None}
        page.post("/api/zones/save", {"camera": "a"}, 404)
    finally:
        page.close()
