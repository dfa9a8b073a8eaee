# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rules of rate control beside a bound that no rule can beat, in simulated time (tests/bench/bench-rate)."""

import dataclasses
import pathlib
import subprocess

import links
import systems

TRACES = pathlib.Path(links.TOP / "tests" / "bench" / "traces")
INTERVAL_S = 0.25
# the goal of each model: how much older than the oracle's p95 the rule's may be, s
MODELS = {"one shared queue": 0.35, "partitions, placement": 0.5}
WITHIN = 0.02  # of the oracle's utilisation
ORACLE, OURS, SHORT = "oracle", "adaptive", "adaptive, 0.2 s"
SHORT_TARGET = ["--latency-target", "0.2", "--rule", OURS]  # of feedbackrate; its default is 0.25 s
RULES = ["thesis", "thesis, summed", "PID (Spark)", "AIMD", "gradient", OURS, SHORT]
LONG = {"day"}  # one seed each
# this trace is about the number of decisions, and has reports each 5 s
LEFT_OUT = {"thousand"}


def traces():
    """Returns the traces by name. All but those that say so were held out while the controller was tuned."""
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
    """Returns what each rule reaches on a trace, with the oracle among the rules of each model."""
    found = {}
    for model in MODELS:
        rows, short = _bench_rate(name, path, model), _bench_rate(name, path, model, *SHORT_TARGET)
        found[model] = {**rows["any"], **rows[model], SHORT: short[model][OURS]}
    return {"rules": found, "held out": held_out(path)}


def misses(found, model, rule):
    """Returns what a rule's result on a trace lacks for the goal, as text; empty: nothing."""
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
        yield ("In simulated time, reports each 250 ms, frames older than 1 s skipped. Each cell: utilisation, p95 of the age in s. The"
               " oracle knows the trace in advance: frames flow like a fluid, and none waits, which no rule can do. PID, AIMD and the gradient"
               " limit get this controller's estimates of capacity and queue, and don't see a slow link. `adaptive` is this project's rule,"
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
            yield f"Goal on held-out traces: utilisation within {WITHIN:.0%} of the oracle's, p95 within {allowed} s of its."
            yield from (_verdict(mine, model, rule) for rule in (OURS, SHORT))
            yield ""


def _verdict(mine, model, rule):
    judged = {trace: misses(point["rules"], model, rule) for trace, point in mine.items() if point.get("held out") and "rules" in point}
    lacking = "; ".join(f"{trace} ({lacks})" for trace, lacks in judged.items() if lacks)
    reached = sum(not lacks for lacks in judged.values())
    return f"`{rule}` reaches it on {reached} of {len(judged)}" + (f", and **misses** it on {lacking}." if lacking else ".")


def _cell(rule):
    return f"{rule['utilisation']:.3f}, {rule['p95']:.2f}" if rule else "–"
