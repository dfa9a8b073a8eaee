# SPDX-License-Identifier: LGPL-2.1-or-later
"""Without the broker there are no reports: the camera's rate falls to the minimum, and rises again with the
broker."""

import re

import kafka_server
from pipeline import wait_until

INTERVAL = 1_000_000_000  # ns


def last_rate(edge):
    """Returns the rate in the newest message of feedbackrate, frames/s."""
    rates = re.findall(r"feedbackrate, camera=.* rate=\(double\)([0-9.e+-]+), wanted", edge.output())
    return float(rates[-1]) if rates else 0


def test_the_rate_falls_without_reports_and_rises_with_them(launch, tmp_path, fresh):
    kafka = kafka_server.Kafka(tmp_path / "kafka")
    kafka.start()
    try:
        for role in ("camera", "feedback"):
            kafka.create_topic(f"{fresh}-{role}")

        def element(name, role, extra=""):
            return f"{name} bootstrap-servers={kafka.bootstrap} topic={fresh}-{role} {extra}"

        launch(
            element("kafkasrc", "camera", f"group-id={fresh}")
            + f" ! haarfacecount name=faces report-interval={INTERVAL} ! fakesink faces.rate ! "
            + element("kafkasink", "feedback"))
        edge = launch(
            "videotestsrc is-live=true ! video/x-raw,format=GRAY8,width=64,height=64,framerate=30/1 ! "
            "feedbackrate name=rate camera=cam-1 initial-rate=5 min-rate=0.5 ! " + element("kafkasink", "camera")
            + element("kafkasrc", "feedback") + " ! rate.feedback", options="-e -m")
        wait_until(lambda: last_rate(edge) > 15, 60, "a rate that only the fog's reports permit")
        kafka.stop(0)
        wait_until(lambda: last_rate(edge) == 0.5, 60, "the least rate")
        kafka.start()
        wait_until(lambda: last_rate(edge) > 15, 120, "the rate of before")
        assert edge.running()
    finally:
        kafka.stop(0)
