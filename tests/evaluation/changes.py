# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures how old frames are after a link, or a broker, was slow or away, and how many frames are lost."""

import dataclasses
import json
import re
import signal
import subprocess
import time
import urllib.request

import confluent_kafka
import confluent_kafka.admin
import links
import relay
import report
import stages
import sweep
import systems
import whole

import kafka_server

RATE = 10  # raw frames/s, about four fifths of what the link carries
SLOW = links.Link(rate=5)
SETTLING_S = 8
RETURNED_S = 18  # time (s) after a return within which captured frames are judged
PATIENCE_S = 240
CAMERA_METRICS = 9103
GOAL_S = 1  # goal for the p95 (s) of the ages of frames captured after a return: at most this
NODES = 3
PICTURE, DRAWN_S = "slow", 40  # the change whose ages are drawn; the time (s) from the change's beginning up to which they are drawn


class Study(stages.Study):
    """The study's camera and its processing service, which only receives frames. The buffer of the camera's client holds 1
    GiB."""

    def start(self, frames):
        self.arrived = self.directory / f"arrived{self.suffix}"
        self._service("fog", self.fog, "processing", f"--topic=camera{self.suffix}", f"--arrivals={self.arrived}")
        self.camera(frames, RATE, False)

    def finish(self):
        """Ends the camera, whose client first sends all frames that it holds. Returns the number of frames captured."""
        process = self.processes.pop("edge")
        process.send_signal(signal.SIGINT)
        try:
            out, _ = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return json.loads(out)["captured"]

    def arrived_number(self, _servers):
        return self.arrived.read_text().count("\n") if self.arrived.exists() else 0

    def arrivals(self, _servers):
        """Yields for each frame that arrived: its number, when it was captured, and when it arrived."""
        for line in self.arrived.read_text().splitlines():
            number, captured, arrived = line.split()
            yield int(number), float(captured), float(arrived)


class Ours(stages.Ours):
    """This project's kafkasink with `options`, and kafkasrc. Behind kafkasrc, haarfacecount searches nothing, but notes when
    each frame came."""

    def __init__(self, *arguments, options="", **more):
        super().__init__(*arguments, jpeg=False, **more)
        self.options = options

    def start(self, frames):
        spool = self.options.format(directory=self.directory / f"spool{self.suffix}")
        self._pipeline(
            "fog", self.fog, f"{self._kafka('src', 'camera')} group-id=fog{self.suffix} auto-offset-reset=earliest"
            f" ! haarfacecount engine=none min-faces=0 ! {self._kafka('sink', 'arrived')}")
        self._pipeline(
            "edge", self.edge, f"{self._frames(frames, RATE)} ! {self._kafka('sink', 'camera')} camera=cam-1 {spool}",
            GST_TRACERS=f"health(port={CAMERA_METRICS})")

    def _stored(self):
        """Returns the number of frames on the edge's disk."""
        with self.edge.inside(), urllib.request.urlopen(f"http://127.0.0.1:{CAMERA_METRICS}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return sum(float(value) for value in re.findall(r"^gstfog_spool_messages(?:{[^}]*})? (\S+)$", text, re.M))

    def finish(self):
        """Ends the camera when no frame is on its disk."""
        _wait(lambda: not self._stored(), self, "the disk of the edge isn't empty")
        process = self.processes.pop("edge")
        process.send_signal(signal.SIGINT)
        if process.wait(PATIENCE_S):
            raise systems.Broken(f"the camera failed: {(self.directory / 'edge.log').read_text(errors='replace')[-500:]}")
        process.stdout.close()

    def arrived_number(self, servers):
        return _number_of_messages(servers, f"arrived{self.suffix}")

    def arrivals(self, servers):
        for message in systems.messages(servers, f"arrived{self.suffix}"):
            event = json.loads(message.value())
            yield event["seq"], relay.seconds_of(event["captured"]["$date"]), relay.seconds_of(event["processed"]["$date"])


SYSTEMS = {
    "study": Study,
    "ours": lambda *given, **more: Ours(*given, options="leaky=downstream max-queued-time=500000000", **more),
    "ours, spool": lambda *given, **more: Ours(*given, options="spool={directory}", **more)}


def _number_of_messages(servers, topic):
    consumer = confluent_kafka.Consumer({"bootstrap.servers": servers, "group.id": "evaluation"})
    try:
        return systems.offsets(consumer, topic)[1]
    finally:
        consumer.close()


def _wait(condition, system, what):
    until = time.monotonic() + PATIENCE_S
    while not condition():
        system.check()
        if time.monotonic() > until:
            raise systems.Broken(f"{what} after {PATIENCE_S} s")
        time.sleep(0.5)


class Cluster:
    """Three brokers on the host of the fog."""

    def __init__(self, at, directory):
        self.site, self.points = at, 0
        self.kafka = kafka_server.Kafka(directory, hosts=[at.fog] * NODES, partitions=1, properties=systems.PATIENT)

    def __enter__(self):
        self.kafka.start()
        return self

    def __exit__(self, *_):
        self.kafka.stop(0)

    def leader(self, topic):
        with self.site.fog.inside():
            admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": self.kafka.bootstrap})
            return admin.list_topics(topic, 30).topics[topic].partitions[0].leader

    def stop_node(self, node):
        """Asks a broker to end, as a restart does."""
        self.kafka.processes[node - 1].signal(signal.SIGTERM)

    def await_end(self, node):
        self.kafka.processes[node - 1].stop(60)


def _slow_for(seconds):
    def change(cluster, _topic):
        cluster.site.lay(SLOW)
        time.sleep(seconds)
        cluster.site.lay(links.Link())
        yield
    return change


def _dead(cluster, _topic):
    for _ in range(2):
        cluster.site.cut()
        time.sleep(2)
        cluster.site.lay(links.Link())
        yield


def _moved(cluster, topic):
    """Restarts the broker that leads the topic's partition. The return is the time from which another broker leads the
    partition."""
    node = cluster.leader(topic)
    cluster.stop_node(node)
    try:
        until = time.monotonic() + 60
        while cluster.leader(topic) in (node, -1):
            if time.monotonic() > until:
                raise systems.Broken("no other broker leads the partition after 60 s")
            time.sleep(0.05)
        yield
    finally:
        cluster.await_end(node)
        cluster.kafka.start_node(node)


def _back(cluster, topic):
    """Ends the only broker that has the topic, and starts it again 10 s later."""
    node = cluster.leader(topic)
    cluster.stop_node(node)
    cluster.await_end(node)
    time.sleep(10)
    cluster.kafka.start_node(node)
    yield


@dataclasses.dataclass(frozen=True)
class Change:
    title: str
    make: callable  # makes the change; yields whenever the link or the broker is back
    replicas: int = 1
    systems: tuple = tuple(SYSTEMS)


CHANGES = {
    "slow": Change("94, 5 for 20 s, 94 Mbit/s", _slow_for(20)),
    "slow for long": Change("94, 5 for 150 s, 94 Mbit/s", _slow_for(150), systems=("study", "ours")),
    "dead": Change("no packet for 2 s in every 20 s", _dead),
    "moved": Change("the leading broker restarts, another one leads", _moved, NODES),
    "back": Change("the only broker with the topic is back after 10 s", _back)}


def summary(arrivals, captured, began, returns):
    """Returns what a table shows of the frames that arrived, given as (number, captured at, arrived at). `captured`: number
    of captured frames; None: it is computed from the highest number of a frame that arrived. The curve has the greatest age
    (s) for each second of capture since the time `began`."""
    first, curve, after = {}, {}, []
    for number, at, arrived in arrivals:
        if number in first:
            continue
        first[number], age = at, arrived - at
        if any(back <= at < back + RETURNED_S for back in returns):
            after.append(age)
        second = int(at - began)
        curve[second] = max(curve.get(second, 0), age)
    captured = max(first, default=-1) + 1 if captured is None else captured
    return {
        "captured": captured, "lost": captured - len(first), "arrived/s": len(after) / (RETURNED_S * len(returns)),
        "curve": sorted([second, round(age, 3)] for second, age in curve.items()), **whole.quantiles(after)}


def _point(cluster, name, who, directory):
    change = CHANGES[name]
    cluster.points += 1
    suffix, servers = f"-{cluster.points}", cluster.kafka.bootstrap
    cluster.site.lay(links.Link())
    with cluster.site.fog.inside():
        cluster.kafka.create_topic(f"camera{suffix}", replication=change.replicas, config=sweep.TOPIC_CONFIG)
        cluster.kafka.create_topic(f"arrived{suffix}")
    system = SYSTEMS[who](servers, directory, edge=cluster.site.edge, fog=cluster.site.fog, suffix=suffix)
    try:
        system.start(systems.frames("raw"))
        with cluster.site.fog.inside():
            _wait(lambda: system.arrived_number(servers), system, "no frame arrived")
        time.sleep(SETTLING_S)
        began, returns = time.time(), []
        for _ in change.make(cluster, f"camera{suffix}"):
            returns.append(time.time())
            time.sleep(RETURNED_S)
            system.check()
        captured = system.finish()
        with cluster.site.fog.inside():
            sent = _number_of_messages(servers, f"camera{suffix}")
            _wait(lambda: system.arrived_number(servers) >= sent, system, "the reader lacks frames")
            return summary(system.arrivals(servers), captured, began, returns)
    finally:
        system.close()
        with cluster.site.fog.inside():
            cluster.kafka.delete_topic(f"camera{suffix}")


def _goals(points, name):
    for change in CHANGES:
        ours, spool = (points.get(f"{name}/{change}/{who}", {}) for who in ("ours", "ours, spool"))
        if "p95" in ours:
            verdict = "reached" if ours["p95"] <= GOAL_S else "**missed**"
            yield f"- {change}: goal of a p95 of at most {GOAL_S} s with `leaky=downstream`: {ours['p95']:.3f} s: {verdict}"
        if "lost" in spool:
            yield f"- {change}: goal of no frame lost with `spool`: {spool['lost']} lost: {'**missed**' if spool['lost'] else 'reached'}"


def _row(change, who, point):
    if "failed" in point:
        cells = ["failed"] * 5
    else:
        cells = [f"{point[field]:{form}}" if field in point else "–" for field, form in (
            ("captured", ",d"), ("lost", ",d"), ("arrived/s", ".1f"), ("p50", ".3f"), ("p95", ".3f"))]
    return f"| {change.title} | {who} | " + " | ".join(cells) + " |"


@dataclasses.dataclass(frozen=True)
class Changes:
    title: str = "Links that change"

    def measure(self, store, name, directory):
        with links.Site() as at, Cluster(at, directory / "kafka") as cluster:
            at.set_congestion_control("cubic")
            for change, settings in CHANGES.items():
                for who in settings.systems:
                    store.measure(f"{name}/{change}/{who}", lambda: _point(cluster, change, who, directory))

    def lines(self, points, name, directory):
        yield (f"The camera sends {RATE} raw frames/s over Ethernet. Ages are the seconds from a frame's capture to its arrival at the reader in"
               f" the fog, of the frames captured within {RETURNED_S} s of a return. The study's client keeps its default buffer of 1 GiB, which"
               " discards new frames when it is full; `ours` has `leaky=downstream max-queued-time=500000000`, which discards the oldest.\n")
        yield f"| change | system | frames captured | lost | frames/s that arrived, of {RATE} captured after a return | age p50, s | age p95, s |"
        yield "| --- | --- |" + " ---: |" * 5
        for change, settings in CHANGES.items():
            for who in settings.systems:
                yield _row(settings, who, points.get(f"{name}/{change}/{who}", {}))
        yield ""
        yield from _goals(points, name)
        curves = {who: [at for at in points.get(f"{name}/{PICTURE}/{who}", {}).get("curve", []) if at[0] < DRAWN_S] for who in SYSTEMS}
        if any(curves.values()):
            report.plot({"axis": f"s from the change ({CHANGES[PICTURE].title}) to the frame's capture", "values": "age, s",
                         "lines": curves, "dashed": [], "logarithmic": True}, directory / f"{name}.svg")
            yield f"\n![Ages of frames while the link is slow, and afterwards]({name}.svg)"
