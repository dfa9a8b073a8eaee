# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lists what is measured: the links and systems of each table of the study, and the study's figures of 2020 (MiB/s)."""

import dataclasses

import report
import sweep
import systems
from applications import Applications
from changes import Changes
from links import Link
from placement import Placement
from rates import Rates
from scaling import Scaling
from whole import Whole

# the last version of Kafka's broker that pykafka works with
OLD_BROKER = "3.9.1"
ETHERNET = Link()
WIFI = Link(rate=43.4, delay=3.2)


@dataclasses.dataclass(frozen=True)
class System:
    make: callable
    broker: str | None = None  # the broker's version; None: the version that the tests use

    @property
    def name(self):
        return self.make().name


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    link: Link
    of_2020: dict  # {the study's client: MiB/s}


@dataclasses.dataclass(frozen=True)
class Table:
    title: str
    frames: str  # "raw" or "jpeg"
    systems: list
    cases: list
    axis: str = ""  # label of the picture's x axis; without a label there is no picture

    def measure(self, store, name, directory):
        sweep.measure(self, store, name, directory)

    def lines(self, points, name, directory):
        return report.sweep_lines(points, name, self, directory)


def study(client):
    return System(lambda: systems.Study(client), OLD_BROKER if client == "pykafka" else None)


OURS = System(systems.Ours)
CONFLUENT = study("confluent-kafka-python")
DELAYS = {
    0: 11.219, 50: 11.051, 100: 10.673, 150: 10.589, 200: 10.379, 250: 10.184, 300: 9.163, 350: 7.773, 400: 6.798,
    450: 5.919, 500: 5.266}
LOSSES = {0: 11.228, 5: 11.087, 10: 10.357, 15: 7.794, 20: 4.614, 25: 0.946}


def points_of(figures, link, only=None):
    return [
        Case(str(value), link(value), {CONFLUENT.name: figure} if only is None else {})
        for value, figure in figures.items() if only is None or value in only]


TABLES = {
    "whole": Whole(),
    "placement": Placement(),
    "rates": Rates(),
    "scaling": Scaling(),
    "changes": Changes(),
    "applications": Applications(),
    "clients": Table(
        "Clients over Ethernet and Wi-Fi (tables 4.3 and 4.4)", "raw",
        [CONFLUENT, study("kafka-python"), study("pykafka"), OURS],
        [Case("Ethernet", ETHERNET, {"confluent-kafka-python": 11.138, "kafka-python": 0.445, "pykafka": 1.066}),
         Case("Wi-Fi", WIFI, {"confluent-kafka-python": 5.115, "kafka-python": 0.446, "pykafka": 1.023})]),
    "delay": Table(
        "Delay, one way, ms (table 4.7)", "raw", [CONFLUENT, OURS], points_of(DELAYS, lambda ms: Link(delay=ms)), "ms, one way"),
    "loss": Table(
        "Loss, percent of the packets to the fog (table 4.8)", "raw", [CONFLUENT, OURS], points_of(LOSSES, lambda part: Link(loss=part)), "% of the packets to the fog"),
    "delay-jpeg": Table(
        "Delay, JPEG frames", "jpeg", [CONFLUENT, OURS], points_of(DELAYS, lambda ms: Link(delay=ms), (0, 250, 500))),
    "loss-jpeg": Table(
        "Loss, JPEG frames", "jpeg", [CONFLUENT, OURS], points_of(LOSSES, lambda part: Link(loss=part), (5, 15, 25))),
}
