# SPDX-License-Identifier: LGPL-2.1-or-later
"""Edge, fog and cloud together: the database holds what the camera saw, even if replicas are killed meanwhile."""

import time

import pytest
from pipeline import CpuShare, wait_until
from system import System

FRAMES = 240
# settings with which a core counts about eight frames a second, so that frames wait, with the
# accuracy of the defaults
SLOW = "engine=opencv workers=1 scale-factor=1.03"


@pytest.fixture
def system(kafka, mongo, fresh):
    return System(kafka, mongo, fresh)


def expected(truth):
    """Checks that each frame with a face has one document."""
    return {identity: faces for identity, faces in truth.items() if faces > 0}


def check_documents(system, truth):
    wanted = expected(truth)
    assert 0 < len(wanted) < len(truth)
    wait_until(lambda: len(system.stored()) >= len(wanted), 300, f"{len(wanted)} documents", every=0.5)
    time.sleep(2)  # waits in case a duplicate arrives
    stored = system.stored()
    assert stored == wanted
    assert system.events.count_documents({}) == len(wanted)


def start_two_replicas(system, launch, names, options=""):
    stages = [launch(system.fog(name, options)) for name in names]
    wait_for_partitions(system, names)
    return stages


def wait_for_partitions(system, names):
    """Waits until each replica has reported partitions, because a new member has none at first."""
    deadline, owned = time.monotonic() + 60, {}
    for report in system.reports():
        assert time.monotonic() < deadline, f"not all of {names} own partitions: {owned}"
        if report:
            owned[report["replica"]] = report["partitions"]
        if all(owned.get(name) for name in names):
            return


def wait_in_the_middle(system, replica):
    """Waits until reports say that the replica has counted frames and has partitions with more of them."""
    deadline, counted = time.monotonic() + 60, 0
    for report in system.reports():
        assert time.monotonic() < deadline, f"{replica} never reported frames waiting"
        if report and report["replica"] == replica:
            counted += report["frames"]
            if counted > 0 and report["partitions"] and report["lag"] > 0:
                return


def test_documents_agree_with_the_truth(system, launch):
    stages = [launch(system.cloud()), *start_two_replicas(system, launch, ["fog-1", "fog-2"])]
    assert launch(system.edge(FRAMES)).wait(60) == 0
    check_documents(system, system.truth(FRAMES))
    assert set(system.events.distinct("replica")) == {"fog-1", "fog-2"}
    for stage in reversed(stages):
        stage.interrupt()


def test_no_frame_is_lost_if_a_replica_is_killed(system, launch):
    launch(system.cloud())
    _, victim = start_two_replicas(system, launch, ["survivor", "victim"], SLOW)
    assert launch(system.edge(FRAMES)).wait(60) == 0
    wait_in_the_middle(system, "victim")
    victim.kill()
    check_documents(system, system.truth(FRAMES))
    assert "survivor" in system.events.distinct("replica")


def test_a_replica_reports_its_end(system, launch):
    """The frames in its reports add up to the frames that it counted, although more were waiting."""
    fog = launch(system.fog("fog", SLOW + " min-faces=0"))
    assert launch(system.edge(FRAMES)).wait(60) == 0
    wait_in_the_middle(system, "fog")
    fog.interrupt()
    *before, last = all_reports(system)
    assert last["leaving"] and not any(report["leaving"] for report in before)
    assert sum(report["frames"] for report in [*before, last]) == system.count("database") < FRAMES


def all_reports(system):
    """Returns the reports of a replica that has ended, in order."""
    deadline, number, told = time.monotonic() + 60, system.count("feedback"), []
    for report in system.reports():
        assert time.monotonic() < deadline, f"{len(told)} of {number} reports"
        told += [report] if report else []
        if len(told) == number:
            return sorted(told, key=lambda report: report["seq"])


class CameraRate:
    """Returns the rate at which frames reached Kafka over the last few seconds."""

    def __init__(self, system):
        self._messages, self._times = system.read("camera"), []

    def over(self, seconds):
        end = time.monotonic() + seconds
        count = 0
        while time.monotonic() < end:
            if next(self._messages) is not None:
                count += 1
        return count / seconds


@pytest.mark.alone
def test_the_camera_follows_the_fog(system, launch):
    """The fog's capacity is reduced to a tenth of a core and restored: the camera's rate falls and rises."""
    fog = launch(system.fog("fog", SLOW))
    fog.wait_playing()
    launch(system.live_edge("algorithm=adaptive initial-rate=5 min-rate=0.1")).wait_playing()
    rate = CameraRate(system)
    before = settled(rate)
    with CpuShare(fog, 0.1):
        wait_until(lambda: rate.over(3) < 0.6 * before, 60, "a lower rate")
        during = rate.over(5)
    assert during < 0.7 * before
    wait_until(lambda: rate.over(3) > 1.4 * during, 90, "a higher rate")


def settled(rate):
    """Returns the rate after it has stopped rising."""
    last = rate.over(4)
    for _ in range(10):
        now = rate.over(4)
        if now < 1.2 * last:
            return now
        last = now
    return last
