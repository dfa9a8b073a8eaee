# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures how many bytes a second reach a consumer in the fog, over a series of links."""

import contextlib
import statistics

import links
import systems

import kafka_server

WINDOWS = 5
# rate that a camera offers, as a multiple of the rate that the link carries
OFFERED = 1.5
# the broker deletes a point's topic from the disk at once, because the disk has no room for several
TOPIC_CONFIG = ["file.delete.delay.ms=1000"]


class Fog:
    """The broker in the fog."""

    def __init__(self, at, directory, version=None):
        self.site = at
        self.kafka = kafka_server.Kafka(directory, hosts=[at.fog], partitions=1, version=version, properties=systems.PATIENT)
        self.points = 0

    def __enter__(self):
        self.kafka.start()
        return self

    def __exit__(self, *_):
        self.kafka.stop(0)

    def measure(self, system, link, kind, directory):
        """Measures one point, and returns the medians of MiB/s and frames/s over the consumer's windows of time."""
        self.points += 1
        topic = f"camera-{self.points}"
        self.site.lay(link)
        rate = max(OFFERED * link.rate * 1e6 / 8 / systems.size_of(kind), 1)
        with self.site.fog.inside():
            self.kafka.create_topic(topic, config=TOPIC_CONFIG)
        system.start(self.site, self.kafka.bootstrap, topic, kind, rate, directory)
        try:
            system.skip(link.settling)
            windows = [system.window() for _ in range(WINDOWS)]
            self.site.widen()
            count = system.end(180)
            with self.site.fog.inside():
                frames = systems.check_order(system, self.kafka.bootstrap, topic, count)
        finally:
            system.close()
            with self.site.fog.inside():
                self.kafka.delete_topic(topic)
        speeds = [got / seconds / links.MIB for got, _, seconds in windows]
        return {
            "windows": speeds, "median": statistics.median(speeds), "mean": statistics.mean(speeds),
            "stddev": statistics.stdev(speeds), "frames/s": statistics.median(n / seconds for _, n, seconds in windows),
            "checked": frames, "discarded": count["discarded"]}


def _ceilings(at, link):
    at.lay(link)
    return {name: at.iperf(link, name) for name in links.CONGESTION_CONTROLS}


def measure(table, store, name, directory):
    """Measures the points of a table that aren't in the store."""
    with links.Site() as at:
        def late():
            at.lay(links.Link())
            return {"late": at.late}

        at.set_congestion_control("cubic")
        versions = sorted({system.broker for system in table.systems}, key=str)
        with contextlib.ExitStack() as stack:
            fogs = {version: stack.enter_context(Fog(at, directory / f"kafka-{version}", version)) for version in versions}
            for case in table.cases:
                # the systems run right after each other, so that the machine's other work is much
                # the same for all of them
                for system in table.systems:
                    store.measure(
                        f"{name}/{case.name}/{system.name}",
                        lambda: fogs[system.broker].measure(system.make(), case.link, table.frames, directory), late)
                store.measure(f"{name}/{case.name}/iperf3", lambda: _ceilings(at, case.link), late)
