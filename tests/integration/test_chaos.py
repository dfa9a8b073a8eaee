# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a short script of faults, and tests the checks that tests/chaos makes. Long scripts of faults run only if started by
hand in tests/chaos."""

import pathlib
import re
import subprocess
import sys

import pytest

CHAOS = pathlib.Path(__file__).resolve().parents[1] / "chaos"
sys.path.insert(0, str(CHAOS))

import faults  # noqa: E402
import verdict  # noqa: E402


def test_only_the_first_copy_of_a_frame_is_checked_for_its_order():
    def disorder(*elements):
        return verdict.out_of_order({"it": [each if isinstance(each, set) else {each} for each in elements]})

    assert disorder(0, 1, 2, 1, 2, 3) == disorder(7, 9) == []
    assert disorder(0, 2, 1, 2, 1, 3) == ["it: 1 after 2"]
    assert disorder(4, {1, 5}, 6, {1, 5}) == [], "a frame that is in the topic twice"
    assert disorder(7, {1, 5}) == ["it: 5 after 7"]


class Frame:
    def __init__(self, identity, partition, offset):
        self._headers = list(zip(("camera", "session", "seq"), (part.encode() for part in identity.split(":"))))
        self.partition, self.offset = lambda: partition, lambda: offset

    def headers(self):
        return self._headers


def judged(**changes):
    """Returns the verdict about two frames, of which one shows faces. Each keyword argument replaces a fact about the two
    frames."""
    truth = {
        "acknowledged": {(0, 0): "c:s:0", (0, 1): "c:s:1"}, "frames": [Frame("c:s:0", 0, 0), Frame("c:s:1", 0, 1)],
        "faces": {"c:s:0": 2, "c:s:1": 0}, "stored": {"c:s:0": 2}, "documents": 1, **changes}
    return verdict.Verdict(**truth)


def test_missing_and_surplus_documents_are_reported():
    assert judged().kept()
    assert judged(stored={}, documents=0).lost == ["c:s:0: shows 2 faces, no document; no event"]
    assert judged(frames=[Frame("c:s:0", 0, 0)]).lost == ["c:s:1: acknowledged at (0, 1), where the topic has None"]
    assert judged(faces={"c:s:0": 2}).lost == ["c:s:1: not counted again"]
    assert judged(stored={"c:s:0": 2, "c:s:1": 1}, documents=2).duplicates
    assert judged(documents=2).duplicates == ["1 documents of one _id"]
    assert judged(stored={"c:s:0": 1}).wrong
    assert judged(frames=[Frame("c:s:1", 0, 0), Frame("c:s:0", 0, 1)], acknowledged={}).frames_disordered
    assert not judged(faces={"c:s:0": 0, "c:s:1": 0}, stored={}, documents=0).kept(), "nothing was shown"


def test_the_same_seed_makes_the_same_script_of_faults():
    names = ["a", "b", "c", "d"]
    script = faults.plan(5, names, 600)
    assert script == faults.plan(5, names, 600) != faults.plan(6, names, 600)
    assert {planned.part for planned in script} == set(names)
    assert {planned.fault for planned in script} == set(faults.FAULTS)
    back = dict.fromkeys(names, 0)
    for planned in script:
        assert planned.at >= back[planned.part], "a part is hit again before it has recovered"
        back[planned.part] = planned.at + planned.seconds


@pytest.mark.first
def test_no_document_is_lost_or_doubled_while_processes_fail():
    """Each camera sends a third of the frames that `tests/chaos/run` sends by itself, because other tests run beside this one."""
    done = subprocess.run(
        [CHAOS / "run", "--seed", "1", "--minutes", "2", "--rate", "10"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=1200, check=False)
    print(done.stdout)
    figures = dict(re.findall(r"^([a-z ]+): (\d+)$", done.stdout, re.MULTILINE))
    assert done.returncode == 0
    assert figures["lost"] == figures["duplicates"] == "0"
    assert figures["frames out of order"] == figures["events out of order"] == "0"
    assert int(figures["with faces"]) > 0 and int(figures["faults"]) > 0
