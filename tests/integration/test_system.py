# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests edge, fog and cloud together: the database has the number of faces of each frame, even if a replica of the fog is
killed."""

import time

import pytest
from pipeline import CpuShare, wait_until
from system import System

FRAMES = 240
# settings as accurate as the defaults, but so slow (about eight frames a second on a core) that
# frames wait
SLOW = "engine=opencv workers=1 scale-factor=1.03"


@pytest.fixture
def system(kafka, mongo, fresh):
    return System(kafka, mongo, fresh)


def expected(truth):
    """Returns the documents to expect: {_id: number of faces} of each frame with a face."""
    return {identity: faces for identity, faces in truth.items() if faces > 0}


def check_documents(system, truth):
    wanted = expected(truth)
    assert 0 < len(wanted) < len(truth)
    wait_until(lambda: len(system.stored()) >= len(wanted), 300, f"{len(wanted)} documents", every=0.5)
    time.sleep(2)  # time in which a duplicate would arrive
    stored = system.stored()
    assert stored == wanted
    assert system.events.count_documents({}) == len(wanted)


def start_replicas(system, launch, options):
    """Starts a replica of the fog for each entry of {name: options of haarfacecount}."""
    stages = [launch(system.fog(name, chosen)) for name, chosen in options.items()]
    wait_for_partitions(system, list(options))
    return stages


def wait_for_partitions(system, names):
    """Waits until each replica has reported partitions, because a new member has none at first."""
    deadline, owned = time.monotonic() + 240, {}
    for report in system.reports():
        assert time.monotonic() < deadline, f"not all of {names} own partitions: {owned}"
        if report:
            owned[report["replica"]] = report["partitions"]
        if all(owned.get(name) for name in names):
            return


def wait_in_the_middle(system, replica):
    """Waits until a report says that the replica has counted frames, and that more frames wait in its partitions."""
    deadline, counted = time.monotonic() + 240, 0
    for report in system.reports():
        assert time.monotonic() < deadline, f"{replica} never reported frames waiting"
        if report and report["replica"] == replica:
            counted += report["frames"]
            if counted > 0 and report["partitions"] and report["lag"] > 0:
                return


def test_each_frame_with_faces_has_one_document_with_their_number(system, launch):
    stages = [launch(system.cloud()), *start_replicas(system, launch, {"fog-1": "", "fog-2": ""})]
    assert launch(system.edge(FRAMES)).wait(120) == 0
    check_documents(system, system.truth(FRAMES))
    assert set(system.events.distinct("replica")) == {"fog-1", "fog-2"}
    for stage in reversed(stages):
        stage.interrupt()


def test_no_frame_is_lost_if_a_replica_is_killed(system, launch):
    """The victim is slow, so that frames still wait in its partitions when it is killed."""
    launch(system.cloud())
    _, victim = start_replicas(system, launch, {"survivor": "", "victim": SLOW})
    assert launch(system.edge(FRAMES)).wait(120) == 0
    wait_in_the_middle(system, "victim")
    victim.kill()
    check_documents(system, system.truth(FRAMES))
    assert "survivor" in system.events.distinct("replica")


def test_the_last_report_of_a_replica_that_ends_is_marked_leaving(system, launch):
    """The last report of a replica that ends is marked `leaving`, and its reports add up to the frames that it has counted,
    although more frames were waiting."""
    fog = launch(system.fog("fog", SLOW + " min-faces=0"))
    assert launch(system.edge(FRAMES)).wait(120) == 0
    wait_in_the_middle(system, "fog")
    fog.interrupt()
    *before, last = all_reports(system)
    assert last["leaving"] and not any(report["leaving"] for report in before)
    assert sum(report["frames"] for report in [*before, last]) == system.count("database") < FRAMES


def all_reports(system):
    """Returns the reports of a replica that has ended, in order."""
    deadline, number, told = time.monotonic() + 240, system.count("feedback"), []
    for report in system.reports():
        assert time.monotonic() < deadline, f"{len(told)} of {number} reports"
        told += [report] if report else []
        if len(told) == number:
            return sorted(told, key=lambda report: report["seq"])


class CameraRate:
    """Measures the rate at which frames reach Kafka."""

    def __init__(self, system):
        self._messages, self._times = system.read("camera"), []

    def over(self, seconds):
        end = time.monotonic() + seconds
        count = 0
        while time.monotonic() < end:
            if next(self._messages) is not None:
                count += 1
        return count / seconds


def test_the_cameras_rate_follows_the_capacity_of_the_fog(system, launch):
    """While the fog may use only a tenth of a core, the camera's rate falls, and rises again afterwards."""
    fog = launch(system.fog("fog", SLOW))
    fog.wait_playing()
    launch(system.live_edge("algorithm=adaptive initial-rate=5 min-rate=0.1")).wait_playing()
    rate = CameraRate(system)
    before, during = settled(rate), []

    def is_lower():
        during.append(rate.over(4))
        return during[-1] < 0.6 * before

    with CpuShare(fog, 0.1):
        wait_until(is_lower, 60, "a lower rate")
    wait_until(lambda: rate.over(4) > 1.4 * during[-1], 90, "a higher rate")


def settled(rate):
    """Returns the rate after it has stopped rising."""
    last = rate.over(4)
    for _ in range(10):
        now = rate.over(4)
        if now < 1.2 * last:
            return now
        last = now
    return last
