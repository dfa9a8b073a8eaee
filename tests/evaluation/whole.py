# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures the whole system from the camera to the document: the study's system and this project's, one after the other on one
machine, with the same broker, database and pictures. The fog's stage has one processor for itself."""

import dataclasses
import os
import statistics
import time

import confluent_kafka
import relay
import stages
import systems

import kafka_server
import mongo_server

WINDOWS = 5
FIRST_RATE = 10  # frames/s that a camera which follows the fog sends until the first report
SLOW_RATE = 2  # frames/s at which no system has to queue frames
SLOW_S = 25
SYSTEMS = {
    "study": stages.Study, "ours": stages.Ours, "ours, raw frames": lambda *given, **more: stages.Ours(*given, jpeg=False, **more)}
PARTS = ("edge", "fog", "cloud", "broker", "database")
GOALS = {"texture": 11, "plain": 8}


def quantiles(ages):
    """Returns the number of documents, and the p50, p95 and p99 of their ages in s."""
    ages = sorted(ages)
    if not ages:
        return {"documents": 0}
    return {"documents": len(ages), **{f"p{part}": ages[min(len(ages) * part // 100, len(ages) - 1)] for part in (50, 95, 99)}}


class Servers:
    """A new broker and database for each point, so that no topic or collection of another point exists."""

    def __init__(self, directory):
        directory.mkdir()
        self.kafka = kafka_server.Kafka(directory / "kafka", partitions=1, properties=systems.PATIENT)
        self.mongo = mongo_server.Mongo(directory / "mongo")

    def __enter__(self):
        self.kafka.start()
        self.mongo.start()
        for topic in ("camera", "database", "feedback"):
            self.kafka.create_topic(topic)
        self.relay = relay.Relay(("127.0.0.1", self.mongo.port))
        self._consumer = confluent_kafka.Consumer({"bootstrap.servers": self.kafka.bootstrap, "group.id": "evaluation"})
        return self

    def __exit__(self, *_):
        self._consumer.close()
        self.relay.close()
        self.mongo.stop(0)
        self.kafka.stop(0)

    def cpu(self):
        return {"broker": stages.cpu_seconds(self.kafka.processes[0].pid), "database": stages.cpu_seconds(self.mongo.process.pid)}

    def sent(self):
        """Returns the number of frames in the camera topic."""
        return systems.offsets(self._consumer, "camera")[1]

    def bytes_a_frame(self):
        logs = (self.kafka.directory / "node-1" / "data" / "camera-0").glob("*.log")
        return sum(log.stat().st_size for log in logs) / max(self.sent(), 1)


def _sample(system, servers):
    counted = system.counted()
    return {"counted": counted, "sent": servers.sent(), "time": time.monotonic(), **system.cpu(), **servers.cpu()}


def _window(before, after):
    """Returns the frames/s of the fog, the frames that it counts with a CPU-second, and the CPU ms that each part needs for a
    frame."""
    change = {name: after[name] - before[name] for name in before}
    frames = {"edge": change["sent"]}
    return {
        "counted/s": change["counted"] / change["time"], "a core": change["counted"] / max(change["fog"], 1e-3),
        **{part: 1000 * change[part] / max(frames.get(part, change["counted"]), 1) for part in PARTS}}


def _start(system, servers, kind, rate, follows):
    system.store(servers.relay.uri)
    system.count()
    system.camera(stages.pictures(kind), rate, follows)


def following(make, kind, directory):
    """Measures a system whose camera follows the fog."""
    with Servers(directory) as servers:
        system = make(servers.kafka.bootstrap, directory, limits={"fog": ["taskset", "-c", str(os.cpu_count() - 1)]})
        try:
            _start(system, servers, kind, FIRST_RATE, True)
            for _ in range(2):
                system.counted()
            samples, began = [_sample(system, servers)], time.time()
            for _ in range(WINDOWS):
                samples.append(_sample(system, servers))
            windows = [_window(*pair) for pair in zip(samples, samples[1:])]
            return {
                "windows": windows, **{name: statistics.median(one[name] for one in windows) for name in windows[0]},
                "stddev": statistics.stdev(one["a core"] for one in windows),
                **quantiles([age for at, age in servers.relay.ages if at >= began]),
                "bytes": servers.bytes_a_frame(), "memory": system.memory()}
        finally:
            system.close()


def without_queue(make, kind, directory):
    """Measures the time from capture to document at a rate at which no frame waits for another one."""
    with Servers(directory) as servers:
        system = make(servers.kafka.bootstrap, directory, limits={"fog": ["taskset", "-c", str(os.cpu_count() - 1)]})
        try:
            _start(system, servers, kind, SLOW_RATE, False)
            wait_for_documents(servers)
            began = time.time()
            time.sleep(SLOW_S)
            system.check()
            # left out are frames from before the start of the fog and the cloud, for which they had
            # to wait
            return quantiles([age for at, age in servers.relay.ages if at - age >= began])
        finally:
            system.close()


def wait_for_documents(servers, first=3, patience=60):
    """Waits for the first documents."""
    until = time.monotonic() + patience
    while len(servers.relay.ages) < first:
        if time.monotonic() > until:
            raise systems.Broken(f"{len(servers.relay.ages)} documents came within {patience} s")
        time.sleep(0.1)


LINES = [
    ("frames counted a second, with a camera of 30 frames/s that follows the fog", "counted/s", "{:.1f}", "more"),
    ("frames counted with one CPU-second of the fog", "a core", "{:.1f}", "more"),
    *[(f"CPU ms of the {part} for each frame", part, "{:.2f}", "less") for part in PARTS],
    *[(f"s from capture to document, p{part}, with a camera that follows the fog", f"p{part}", "{:.3f}", "less") for part in (50, 95, 99)],
    *[(f"s from capture to document, p{part}, at {SLOW_RATE} frames/s", f"slow p{part}", "{:.3f}", "less") for part in (50, 95, 99)],
    ("bytes of a frame in Kafka", "bytes", "{:,.0f}", "less"),
    *[(f"largest memory of the {part}, MiB", f"{part} MiB", "{:.0f}", "less") for part in ("edge", "fog", "cloud")],
]


def _values(points, name, kind, who):
    follows, slow = (points.get(f"{name}/{kind}/{who}{part}", {}) for part in ("", "/slow"))
    return {**follows, **{f"slow {field}": value for field, value in slow.items()},
            **{f"{part} MiB": value for part, value in follows.get("memory", {}).items()}}


def _cell(values, field, form):
    if field in values:
        return form.format(values[field])
    return "failed" if f"{'slow ' if field.startswith('slow ') else ''}failed" in values else "–"


def _ratio(mine, others, field, better):
    """Returns by which factor `mine` is better."""
    if not mine.get(field) or not others.get(field):
        return None
    return mine[field] / others[field] if better == "more" else others[field] / mine[field]


def _goals(points, name):
    for kind, goal in GOALS.items():
        study, ours = (_values(points, name, kind, who) for who in ("study", "ours"))
        checks = [(f"goal of at least {goal} times the study's frames for each CPU-second", _ratio(ours, study, "a core", "more"), goal)] + [
            (f"goal of at most half the study's p95 {when}", _ratio(ours, study, field, "less"), 2)
            for when, field in (("with a camera that follows the fog", "p95"), (f"at {SLOW_RATE} frames/s", "slow p95"))]
        for what, reached, wanted in checks:
            verdict = "not measured" if reached is None else f"{reached:.2f} times better: {'reached' if reached >= wanted else '**missed**'}"
            yield f"- {kind}: {what}: {verdict}"


@dataclasses.dataclass(frozen=True)
class Whole:
    title: str = "The whole system"

    def measure(self, store, name, directory):
        for kind in stages.KINDS:
            for who, make in SYSTEMS.items():
                place = directory / f"{kind}-{who.replace(', ', '-').replace(' ', '-')}"
                store.measure(f"{name}/{kind}/{who}", lambda: following(make, kind, place))
                store.measure(f"{name}/{kind}/{who}/slow", lambda: without_queue(make, kind, place.with_name(place.name + "-slow")))

    def lines(self, points, name, _directory):
        columns = [(kind, who) for kind in stages.KINDS for who in SYSTEMS]
        values = {column: _values(points, name, *column) for column in columns}
        head = [f"{kind}: {who}" for kind, who in columns]
        yield "| | " + " | ".join([*head[:3], "ours, times better", *head[3:], "ours, times better"]) + " |"
        yield "|" + " --- |" + " ---: |" * 8
        for title, field, form, better in LINES:
            cells = []
            for kind in stages.KINDS:
                cells += [_cell(values[kind, who], field, form) for who in SYSTEMS]
                ratio = _ratio(values[kind, "ours"], values[kind, "study"], field, better)
                cells.append("–" if ratio is None else f"{ratio:.2f}" if ratio >= 1 else f"**{ratio:.2f}**")
            yield f"| {title} | " + " | ".join(cells) + " |"
        yield ""
        yield ("The figures are medians over five windows of 10 s. CPU time of the edge is divided by the frames sent, that of the other"
               " parts by the frames counted. All systems use the same broker and database. A factor below 1 is bold: there the study's system is better.")
        yield ""
        yield from _goals(points, name)
