# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes RESULTS.md and its pictures from the measured points."""

import json
import pathlib
import re
import subprocess

import systems
from links import CONGESTION_CONTROLS

HERE = pathlib.Path(__file__).resolve().parent
LATE = 0.001
BOUNDS = ("2020", "iperf3, the best", "in theory")  # names of lines that are drawn for comparison with the systems' lines


def ceiling_of(case, points):
    """Returns the rate that iperf3 reached with the best congestion control; None if it wasn't measured."""
    return max((value for name, value in points.get("iperf3", {}).items() if name in CONGESTION_CONTROLS), default=None)


def speed(point):
    if not point:
        return "–"
    if "failed" in point:
        return "failed"
    return f"{point['median']:.2f} ± {point['stddev']:.2f}" + (" (late)" if (point.get("late") or 0) > LATE else "")


def number(value):
    return "–" if value is None else f"{value:.2f}"


def ratio(point, other):
    return f"{point['median'] / other:.2f}" if point and "median" in point and other else "–"


def points_of(points, table, case):
    prefix = f"{table}/{case.name}/"
    return {key[len(prefix):]: point for key, point in points.items() if key.startswith(prefix)}


def rows(points, name, table):
    names = [system.name for system in table.systems]
    ours = names[-1]
    yield "| | 2020 | " + " | ".join(names) + " | iperf3: " + ", ".join(CONGESTION_CONTROLS) + " | in theory | kafkasink's rate, relative to the best iperf3, and to the best other client |"
    yield "|" + " ---: |" * (len(names) + 5)
    for case in table.cases:
        mine = points_of(points, name, case)
        iperf = mine.get("iperf3", {})
        others = [mine[one]["median"] for one in names[:-1] if "median" in mine.get(one, {})]
        yield "| " + " | ".join([
            case.name, ", ".join(number(value) for value in case.of_2020.values()) or "–",
            *(speed(mine.get(one)) for one in names), ", ".join(number(iperf.get(one)) for one in CONGESTION_CONTROLS),
            number(case.link.ceiling),
            f"{ratio(mine.get(ours), ceiling_of(case, mine))}, {ratio(mine.get(ours), max(others, default=None))}"]) + " |"


def remarks(points, name, table):
    """Yields what the table of MiB/s doesn't show: the number of discarded frames, and the frames/s of JPEG."""
    for case in table.cases:
        for who, point in points_of(points, name, case).items():
            if point.get("discarded"):
                yield f"- {case.name}, {who}: the camera discarded {point['discarded']} frames, because its client's buffer was full."
            if table.frames == "jpeg" and "frames/s" in point:
                yield f"- {case.name}, {who}: {point['frames/s']:.0f} frames/s"


def plot(wanted, path):
    """Draws lines, as picture.py describes them, into a file."""
    subprocess.run([systems.python(), HERE / "picture.py", path], input=json.dumps(wanted), text=True, check=True)


def draw(points, name, table, path):
    curves = {system.name: [] for system in table.systems}
    lines = {"2020": [], "iperf3, the best": [], "in theory": [], **curves}
    for case in table.cases:
        mine = points_of(points, name, case)
        values = {
            "2020": next(iter(case.of_2020.values()), None), "iperf3, the best": ceiling_of(case, mine),
            "in theory": case.link.ceiling, **{who: mine.get(who, {}).get("median") for who in curves}}
        for line, value in values.items():
            lines[line].append((float(case.name), value))
    plot({"axis": table.axis, "lines": lines, "dashed": BOUNDS}, path)


def measured_with(points):
    """Returns the dates, commits, versions and machine loads with which the points were measured."""
    def all_of(field):
        return ", ".join(sorted({point[field] for point in points.values() if field in point}))

    loads = [point["load"] for point in points.values() if "load" in point]
    beside = f" The load of the minute before each point was {min(loads):.1f} to {max(loads):.1f}." if loads else ""
    gstreamer = all_of("gstreamer") and f", GStreamer {all_of('gstreamer')}"
    return (f"Measured on {all_of('date')} at commit {all_of('commit')}, on Linux {all_of('kernel')}{gstreamer},"
            f" {all_of('machine')}.{beside}")


def sweep_lines(points, name, table, directory):
    """Yields the lines of a table of links, with remarks and a picture."""
    yield "MiB/s: median ± standard deviation.\n"
    yield from rows(points, name, table)
    yield ""
    yield from remarks(points, name, table)
    if table.axis:
        draw(points, name, table, directory / f"{name}.svg")
        yield f"\n![{table.title}]({name}.svg)"


def failures(points, name):
    """Yields the reason for each point of a table that failed."""
    for key, point in sorted(points.items()):
        if "failed" in point:
            yield f"- failed: {key.removeprefix(name + '/')}: {point['failed']}"


def section(points, name, table, directory):
    """Returns the lines of a table's section of the page; no lines if no point of the table was measured."""
    mine = {key: point for key, point in points.items() if key.startswith(f"{name}/")}
    if not mine:
        return []
    lost = list(failures(mine, name))
    return [f"## {table.title}\n", f"`tests/evaluation/run {name}`. {measured_with(mine)}\n", *table.lines(points, name, directory),
            *(["", *lost] if lost else []), ""]


def write(points, tables, directory):
    parts = ["# The study's tables, measured again\n", "`tests/evaluation/run` writes this page; [README.md](README.md) has the method.\n"]
    for name, table in tables.items():
        parts += section(points, name, table, directory)
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(parts))
    (directory / "RESULTS.md").write_text(text.rstrip() + "\n")
