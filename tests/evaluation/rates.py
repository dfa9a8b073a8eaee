# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares rules of rate control with each other and with a bound that no rule can beat, by simulation
(tests/bench/bench-rate)."""

import dataclasses
import pathlib
import subprocess

import links
import systems

TRACES = pathlib.Path(links.TOP / "tests" / "bench" / "traces")
INTERVAL_S = 0.25
# maps each model to its goal: how much greater (s) the p95 of a rule may be than the oracle's
MODELS = {"one shared queue": 0.35, "partitions, placement": 0.5}
WITHIN = 0.02  # greatest difference from the oracle's utilisation
ORACLE, OURS, SHORT = "oracle", "adaptive", "adaptive, 0.2 s"
SHORT_TARGET = ["--latency-target", "0.2", "--rule", OURS]  # latency-target in s, which is 0.25 by default
RULES = ["thesis", "thesis, summed", "PID (Spark)", "AIMD", "gradient", OURS, SHORT]
LONG = {"day"}  # traces that are simulated with only one seed
# traces that aren't simulated: `thousand` measures the number of decisions, with reports every 5 s
LEFT_OUT = {"thousand"}


def traces():
    """Returns the traces by name. The first line of a trace says whether it was held out while the controller was tuned."""
    paths = sorted(path for path in TRACES.glob("*.txt") if path.stem not in LEFT_OUT)
    return {path.stem: path for path in paths}


def held_out(path):
    return "Held out" in path.read_text(encoding="utf-8").split("\n", 1)[0]


def parsed(text):
    """Returns {model: {rule: {"utilisation": …, "p95": …}}} of the rows that bench-rate prints."""
    found = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 10 and cells[2].replace(".", "").isdigit():
            found.setdefault(cells[0], {})[cells[1]] = {"utilisation": float(cells[2]), "p95": float(cells[4])}
    return found


def _bench_rate(name, path, model, *more):
    done = subprocess.run(
        [links.BUILD / "tests" / "bench" / "bench-rate", "--interval", str(INTERVAL_S), "--seeds", "1" if name in LONG else "3",
         "--model", model, *more, path], capture_output=True, text=True, timeout=900, check=False)
    if done.returncode:
        raise systems.Broken(done.stderr.strip())
    return parsed(done.stdout)


def simulate(name, path):
    """Returns the results of each rule on a trace, and those of the oracle as if it were a rule."""
    found = {}
    for model in MODELS:
        rows, short = _bench_rate(name, path, model), _bench_rate(name, path, model, *SHORT_TARGET)
        found[model] = {**rows["any"], **rows[model], SHORT: short[model][OURS]}
    return {"rules": found, "held out": held_out(path)}


def misses(found, model, rule):
    """Returns as text by how much a rule's result on a trace misses the goal; empty if it reaches the goal."""
    oracle, ours = found[model][ORACLE], found[model][rule]
    lacks = []
    if ours["utilisation"] < oracle["utilisation"] - WITHIN:
        lacks.append(f"utilisation {ours['utilisation']:.3f}")
    if ours["p95"] > oracle["p95"] + MODELS[model]:
        lacks.append(f"p95 {ours['p95'] - oracle['p95']:.2f} s above the oracle's")
    return ", ".join(lacks)


@dataclasses.dataclass(frozen=True)
class Rates:
    title: str = "Rate control and its upper bound"

    def measure(self, store, name, _directory):
        for trace, path in traces().items():
            store.measure(f"{name}/{trace}", lambda: simulate(trace, path))

    def lines(self, points, name, _directory):
        mine = {key.removeprefix(f"{name}/"): point for key, point in points.items() if key.startswith(f"{name}/")}
        yield ("The rules were simulated, with a report every 250 ms; frames older than 1 s are skipped. Each cell has the utilisation, and the"
               " p95 of the frames' ages in s. The oracle is a bound that no rule can reach: it knows the trace in advance, frames flow like a"
               " fluid, and no frame waits. PID, AIMD and the gradient limit get the estimates of capacity and queue that this project's"
               " controller makes, and don't see a slow link. `adaptive` is this project's rule,"
               " with its default `latency-target` of 0.25 s and with 0.2 s.\n")
        for model, allowed in MODELS.items():
            yield f"{model[0].upper()}{model[1:]}:\n"
            yield f"| trace | {ORACLE} | " + " | ".join(RULES) + " |"
            yield "| --- |" + " --- |" * (len(RULES) + 1)
            for trace, point in mine.items():
                rules = point.get("rules", {}).get(model, {})
                yield f"| {trace}{'' if point.get('held out') else ' (tuned on)'} | " + " | ".join(
                    "failed" if "failed" in point else _cell(rules.get(rule)) for rule in [ORACLE, *RULES]) + " |"
            yield ""
            yield f"Goal on traces that were held out of the tuning: a utilisation within {WITHIN:.0%} and a p95 within {allowed} s of the oracle's."
            yield from (_verdict(mine, model, rule) for rule in (OURS, SHORT))
            yield ""


def _verdict(mine, model, rule):
    judged = {trace: misses(point["rules"], model, rule) for trace, point in mine.items() if point.get("held out") and "rules" in point}
    lacking = "; ".join(f"{trace} ({lacks})" for trace, lacks in judged.items() if lacks)
    reached = sum(not lacks for lacks in judged.values())
    return f"`{rule}` reaches this goal on {reached} of {len(judged)} traces" + (f", and **misses** it on {lacking}." if lacking else ".")


def _cell(rule):
    return f"{rule['utilisation']:.3f}, {rule['p95']:.2f}" if rule else "–"
