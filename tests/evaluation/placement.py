# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures how long it takes to count faces at the edge, limited to a share of a processor, and in the fog."""

import dataclasses
import json
import statistics
import time

import links
import relay
import report
import stages
import sweep
import systems
import whole

EDGE_2020, FOG_2020 = 0.6394, 0.0676  # time (s) in which the study counted a frame
SLOWDOWN = EDGE_2020 / FOG_2020
SLOWDOWNS = (1, 2, 4, SLOWDOWN)
SENDING_2020 = {"Ethernet": 0.0796, "Wi-Fi": 0.1795}  # time (s) in which the study sent a frame
LINKS = {"Ethernet": links.Link(), "Wi-Fi": links.Link(rate=43.4, delay=3.2)}
RATES = {"study": 0.5, "ours": 2, "ours, raw frames": 2}  # frames/s, few enough that no frame waits for another one
MEASURED_S, SETTLING_S = 30, 4


def _delays(servers, topic):
    """Yields for each event the time of its frame's capture, and the seconds from capture to count."""
    for message in systems.messages(servers, topic):
        event = json.loads(message.value())
        stamp = message.timestamp()[1] / 1000
        # an event's timestamp is the time of capture in this project, and the time of the count in
        # the study
        if "processed" in event:
            began, done = stamp, relay.seconds_of(event["processed"]["$date"])
        else:
            began, done = relay.seconds_of(event["time"]), stamp
        yield began, done - began


def _measure(system, quota, slowdown, rate, fog):
    """Measures a running system after its first events."""
    topic = f"database{system.suffix}"
    until = time.monotonic() + 60
    with fog.site.fog.inside():
        while sum(1 for _ in systems.messages(fog.kafka.bootstrap, topic)) < 2:
            if time.monotonic() > until:
                raise systems.Broken("no frame was counted within 60 s")
            time.sleep(0.5)
    if slowdown > 1:
        quota.limit(1 / slowdown)
    time.sleep(SETTLING_S)
    began, cpu = time.time(), system.cpu()
    time.sleep(MEASURED_S)
    system.check()
    used = {f"CPU {name}": 1000 * (now - cpu[name]) / (rate * MEASURED_S) for name, now in system.cpu().items()}
    ended = time.time()
    time.sleep(SETTLING_S)
    with fog.site.fog.inside():
        delays = [delay for at, delay in _delays(fog.kafka.bootstrap, topic) if began <= at < ended]
    if len(delays) < 5:
        raise systems.Broken(f"only {len(delays)} events within {MEASURED_S} s")
    return {"median": statistics.median(delays), "stddev": statistics.stdev(delays), "windows": delays, **used}


def _point(fog, who, place, link, slowdown, directory):
    fog.points += 1
    suffix = f"-{fog.points}"
    fog.site.lay(link)
    with fog.site.fog.inside():
        for topic in ("camera", "database", "feedback"):
            fog.kafka.create_topic(topic + suffix)
    with stages.Quota() as quota:
        system = whole.SYSTEMS[who](
            fog.kafka.bootstrap, directory, edge=fog.site.edge, fog=fog.site.fog, limits={"edge": quota.command}, suffix=suffix)
        try:
            frames, rate = systems.frames("raw"), RATES[who]
            if place == "edge":
                system.count_at_edge(frames, rate)
            else:
                system.count()
                system.camera(frames, rate, False)
            return _measure(system, quota, slowdown, rate, fog)
        finally:
            system.close()


def crossing(edge, fog):
    """Returns the slowdown at which the edge takes as long as the fog, interpolated linearly from {slowdown: s} of the edge;
    None if it is outside of these slowdowns."""
    pairs = sorted(edge.items())
    for (low, before), (high, after) in zip(pairs, pairs[1:]):
        if before <= fog <= after:
            return low + (high - low) * (fog - before) / (after - before) if after > before else low
    return None


@dataclasses.dataclass(frozen=True)
class Placement:
    title: str = "Counting at the edge or in the fog (tables 4.5 and 4.6)"

    def measure(self, store, name, directory):
        with links.Site() as at, sweep.Fog(at, directory / "kafka") as fog:
            at.set_congestion_control("cubic")
            for who in whole.SYSTEMS:
                for slowdown in SLOWDOWNS if who != "ours, raw frames" else ():
                    store.measure(f"{name}/{who}/edge/{slowdown:.2f}", lambda: _point(fog, who, "edge", links.Link(), slowdown, directory))
                for link, laid in LINKS.items():
                    store.measure(f"{name}/{who}/fog/{link}", lambda: _point(fog, who, "fog", laid, SLOWDOWN, directory))

    def lines(self, points, name, directory):
        def point(*path):
            return points.get("/".join([name, *path]), {})

        yield (f"The edge gets 1/{SLOWDOWN:.2f} of a processor, the ratio of the machines of 2020. Each time is that from a frame's capture to"
               " the end of its count, at a rate at which no frame waits: median ± standard deviation. Sending includes encoding.\n")
        yield "| system | edge, s | fog by Ethernet, s | the fog is faster by | fog by Wi-Fi, s | by | CPU ms a frame: edge alone | edge and fog |"
        yield "| --- |" + " ---: |" * 7
        ethernet, wifi = (FOG_2020 + SENDING_2020[link] for link in LINKS)
        yield (f"| 2020 | {EDGE_2020:.3f} | {ethernet:.3f} | {EDGE_2020 / ethernet:.2f} | {wifi:.3f} | {EDGE_2020 / wifi:.2f} | – | – |")
        for who in whole.SYSTEMS:
            counter = "ours" if who.startswith("ours") else who
            edge, fogs = point(counter, "edge", f"{SLOWDOWN:.2f}"), [point(who, "fog", link) for link in LINKS]
            cells = []
            for fog in fogs:
                cells += [_time(fog), f"{edge['median'] / fog['median']:.2f}" if "median" in edge and "median" in fog else "–"]
            yield f"| {who} | {_time(edge)} | " + " | ".join(cells) + f" | {_cpu(edge, 'edge')} | {_cpu(fogs[0], 'edge')}, {_cpu(fogs[0], 'fog')} |"
        yield ""
        for who in whole.SYSTEMS:
            counter = "ours" if who.startswith("ours") else who
            edges = {slowdown: point(counter, "edge", f"{slowdown:.2f}").get("median") for slowdown in SLOWDOWNS}
            measured = {slowdown: value for slowdown, value in edges.items() if value is not None}
            yield f"- {who}: the edge takes {', '.join(f'{value:.3f} s at 1/{slowdown:.3g}' for slowdown, value in measured.items()) or '–'} of a processor."
            for link in LINKS:
                fog = point(who, "fog", link).get("median")
                if fog is not None and measured:
                    yield f"  By {link} {_where(measured, fog)}."
        if drawn := dict(_curves(point)):
            report.plot({"axis": "n, where the edge gets 1/n of a processor", "values": "s from capture to count", "lines": drawn,
                         "dashed": [title for title in drawn if "fog" in title]}, directory / f"{name}.svg")
            yield f"\n![Time to count a frame at the edge, by its share of a processor, and in the fog]({name}.svg)"


def _curves(point):
    """Yields the title and the points of each line in the picture: times of frames counted at the edge, and times of frames
    counted in the fog, which don't depend on the edge's share of a processor."""
    for who in ("study", "ours"):
        edge = [(slowdown, point(who, "edge", f"{slowdown:.2f}").get("median")) for slowdown in SLOWDOWNS]
        if any(value is not None for _, value in edge):
            yield f"{who}, at the edge", edge
        for link in LINKS:
            fog = point(who, "fog", link).get("median")
            if fog is not None:
                yield f"{who}, in the fog by {link}", [(SLOWDOWNS[0], fog), (SLOWDOWNS[-1], fog)]


def _where(edges, fog):
    at = crossing(edges, fog)
    if at is not None:
        return f"edge and fog take the same time if the edge gets 1/{at:.2f} of a processor"
    best = "edge" if fog > max(edges.values()) else "fog"
    return f"the {best} is faster at each measured share of a processor"


def _time(point):
    if "failed" in point:
        return "failed"
    return f"{point['median']:.3f} ± {point['stddev']:.3f}" if point else "–"


def _cpu(point, part):
    return f"{point[f'CPU {part}']:.1f}" if f"CPU {part}" in point else "–"
