# SPDX-License-Identifier: LGPL-2.1-or-later
"""Simulates autoscaling on traces of the rates that cameras want. The autoscaler follows the rules of Kubernetes, with the
targets, windows and policies of the manifests in k8s/."""

import collections
import dataclasses
import math
import random
import statistics

import links
import systems
import yaml

STEP_S = 0.5
LOOK_S = 15  # interval (s) at which Kubernetes' autoscaler reads the metrics
TOLERANCE = 0.1  # deviation of the ratio of a metric to its target from 1 at which nothing changes
CPU_DELAY_S = 15  # time (s) over which the metrics server averages CPU usage
REPORT_S = 5
START_S = 6.4  # measured time (s) from the autoscaler's decision until the new replica counts (tests/cluster)
SLOW_START_S = 20  # time (s) until a new replica counts on a node that has to pull the image first
REPLICA_RATE = 16.4  # measured frames/s of a replica with a tenth of a core
COST_MEMORY_S = 240  # time (s) over which `demand` averages the CPU time of a frame (ratecontroller.c)
LATE_S = 1
SEEDS, LONG_SEEDS = 12, 2
K8S = links.TOP / "k8s"


# --- traces: frames/s that the cameras want ---

def day(time):
    """Returns the frames/s that cameras want at a time of the day: little at night, most before and after noon."""
    hour = time / 3600
    return 12 + 50 * math.exp(-((hour - 10) / 2.2) ** 2) + 70 * math.exp(-((hour - 16.5) / 2.8) ** 2)


def spike(time):
    return 90 if 1800 <= time < 2400 or 5400 <= time < 5520 else 15


STEP_AT = 3601  # time of the step in s, just after the autoscaler has read the metrics


def doubling(time):
    """Returns the frames/s that eight cameras of 7.6 frames/s want, and after an hour those that sixteen want."""
    return 7.6 * (16 if time >= STEP_AT else 8)


@dataclasses.dataclass(frozen=True)
class Trace:
    """`start`: time (s) until a new replica counts; `replaced`: interval (s) at which a replica ends and starts again; 0:
    never."""

    wants: callable
    seconds: int
    start: float = START_S
    replaced: int = 0
    steps: bool = False


TRACES = {
    "day": Trace(day, 86400),
    "spike": Trace(spike, 7200),
    "fleet doubles": Trace(doubling, 7200, steps=True),
    "fleet doubles, slow start": Trace(doubling, 7200, SLOW_START_S, steps=True),
    "replicas restart": Trace(lambda time: 72, 7200, SLOW_START_S, 307),
}


def costs(seconds, seed):
    """Returns the relative CPU time of a frame for each step of time: as on a shared machine, it always varies a little, and
    now and then is a fifth higher for a minute or two."""
    rand, steps, until = random.Random(seed), [], 0
    for i in range(int(seconds / STEP_S)):
        time = i * STEP_S
        if time >= until and rand.random() < STEP_S / 1200:
            until = time + rand.uniform(60, 120)
        steps.append((1.2 if time < until else 1) * rand.gauss(1, 0.02))
    return steps


# --- the autoscaler ---

@dataclasses.dataclass
class Behaviour:
    """How fast the number of replicas may change in one direction: the policies as (type, value, period in s), and the
    stabilization window in s."""

    policies: list
    window: float

    @staticmethod
    def of(manifest, default_window):
        policies = [(one["type"], one["value"], one["periodSeconds"]) for one in manifest.get("policies", [])]
        return Behaviour(policies or [("Percent", 100, LOOK_S)], manifest.get("stabilizationWindowSeconds", default_window))


class Autoscaler:
    """Kubernetes' HorizontalPodAutoscaler. `look()` gets the number of replicas that the metrics ask for, and returns the
    number to run."""

    def __init__(self, up, down, least, most):
        self.up, self.down, self.least, self.most = up, down, least, most
        self._asked = collections.deque()  # (time, number)
        self._changes = collections.deque()  # (time, difference)

    def _stable(self, time, replicas, asked):
        """Grows only to the least number that was asked for within the window of growing, and shrinks only to the greatest
        within the window of shrinking."""
        self._asked.append((time, asked))
        while self._asked[0][0] < time - max(self.up.window, self.down.window):
            self._asked.popleft()
        least = min(number for at, number in self._asked if at >= time - self.up.window)
        most = max(number for at, number in self._asked if at >= time - self.down.window)
        return min(max(replicas, least), most)

    def _changed(self, time, period, sign):
        return sum(abs(change) for at, change in self._changes if at > time - period and change * sign > 0)

    def _limits(self, time, replicas):
        highest, lowest = replicas, replicas
        for kind, value, period in self.up.policies:
            start = replicas - self._changed(time, period, 1)
            highest = max(highest, start + value if kind == "Pods" else math.ceil(start * (1 + value / 100)))
        for kind, value, period in self.down.policies:
            start = replicas + self._changed(time, period, -1)
            lowest = min(lowest, start - value if kind == "Pods" else int(start * (1 - value / 100)))
        return lowest, highest

    def look(self, time, replicas, asked):
        lowest, highest = self._limits(time, replicas)
        wanted = min(max(self._stable(time, replicas, asked), lowest), highest)
        wanted = min(max(wanted, self.least), self.most)
        if wanted != replicas:
            self._changes.append((time, wanted - replicas))
        return wanted


def replicas_for(replicas, ready, ratio):
    """Returns the number of replicas that the ratio of a metric to its target asks for: the ratio times the number of
    `ready` replicas; the present number if the ratio is near 1."""
    return replicas if abs(ratio - 1) <= TOLERANCE else math.ceil(ready * ratio)


def replicas_sharing(replicas, metric, target):
    """Returns the number of replicas at which each one's share of the metric is the target."""
    return replicas if abs(metric / (target * replicas) - 1) <= TOLERANCE else math.ceil(metric / target)


# --- the scalers, with their settings from the manifests ---

def _read(path):
    return yaml.safe_load((K8S / path).read_text(encoding="utf-8"))["spec"]


class ByCpu:
    def __init__(self):
        spec = _read("base/autoscaler.yaml")
        behaviour = spec["behavior"]
        self.target = spec["metrics"][0]["resource"]["target"]["averageUtilization"] / 100
        self.autoscaler = Autoscaler(
            Behaviour.of(behaviour["scaleUp"], 0), Behaviour.of(behaviour["scaleDown"], 300), spec["minReplicas"], spec["maxReplicas"])

    def asks(self, fog):
        return replicas_for(fog.replicas, fog.replicas, fog.cpu / self.target)


class _Keda:
    """KEDA with the behaviour of the manifest; `window`: time (s) in which all readings must ask for more replicas; None:
    the manifest's time."""

    def __init__(self, window=None):
        spec = _read("components/keda/scaled-object.yaml")
        triggers = {trigger["type"]: trigger["metadata"] for trigger in spec["triggers"]}
        behaviour = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        self.lag = float(triggers["kafka"]["lagThreshold"])
        self.target = float(triggers["metrics-api"]["targetValue"])
        up = Behaviour.of(behaviour["scaleUp"], 0)
        up.window = up.window if window is None else window
        self.autoscaler = Autoscaler(up, Behaviour.of(behaviour["scaleDown"], 300), spec["minReplicaCount"], spec["maxReplicaCount"])

    def by_lag(self, fog):
        return replicas_sharing(fog.replicas, fog.queue, self.lag)


class ByLag(_Keda):
    def asks(self, fog):
        return self.by_lag(fog)


class ByDemand(_Keda):
    """The autoscaler uses the larger number of replicas of two triggers: the demand, multiplied by the ready replicas, and the
    lag."""

    def asks(self, fog):
        return max(replicas_for(fog.replicas, fog.running, fog.demand / self.target), self.by_lag(fog))


class ByNeed(_Keda):
    """Like ByDemand, but instead of the demand with the number of needed replicas, which doesn't depend on the present
    number of replicas. This is what the manifest has."""

    def asks(self, fog):
        return max(replicas_sharing(fog.replicas, fog.needed, self.target), self.by_lag(fog))


# maps a name to a scaler, and to whether the cameras follow the fog
SCALERS = {
    "HPA by CPU, cameras of a fixed rate": (ByCpu, False),
    "HPA by CPU, cameras that follow the fog": (ByCpu, True),
    "KEDA by lag, cameras of a fixed rate": (ByLag, False),
    "KEDA by needed replicas, cameras that follow the fog": (ByNeed, True),
    **{f"KEDA by demand, growing after {readings} reading{'s' * (readings > 1)}": (
        lambda window=(readings - 1) * LOOK_S: ByDemand(window), True) for readings in (1, 2, 3)},
}


# --- the fog ---

class Fog:
    """Cameras, a queue and replicas, between which frames flow as a fluid."""

    def __init__(self, follows, start=START_S):
        self.follows, self.start = follows, start
        self.replicas = self.running = 1
        self._ready = [-start]  # for each replica, the time at which the autoscaler asked for it
        self.queue = self.sent = self.served = self.wanted = self.capacity = 0.0
        self.withheld = self.offered_capacity = 0.0
        self.cost = 1.0
        self.cpu = self.demand = self.needed = 0.0
        self._known_capacity, self._reported = REPLICA_RATE, -REPORT_S
        self._busy = collections.deque(maxlen=int(CPU_DELAY_S / STEP_S))
        self._arrivals = collections.deque()  # (cumulative frames, when they came)
        self.late = 0.0

    def scale(self, time, replicas):
        self._ready = self._ready[:replicas] + [time] * (replicas - len(self._ready))
        self.replicas = replicas

    def restart_one(self, time):
        self._ready[0] = time

    def _report(self, time, wants):
        """Once every REPORT_S updates the capacity that the cameras know, and the metrics that the autoscaler reads."""
        if time - self._reported < REPORT_S:
            return
        self._reported = time
        self._known_capacity = self.capacity
        self.needed = wants * self.cost / REPLICA_RATE
        self.demand = self.needed / self.running

    def advance(self, time, wants, cost):
        self.running = max(sum(time - asked >= self.start for asked in self._ready), 1)
        self.cost += (cost - self.cost) * STEP_S / COST_MEMORY_S
        self.capacity = self.running * REPLICA_RATE / cost
        self._report(time, wants)
        rate = min(wants, self._known_capacity) if self.follows else wants
        came, can = rate * STEP_S, self.capacity * STEP_S
        done = min(self.queue + came, can)
        self.wanted += wants * STEP_S
        self.withheld += (wants - rate) * STEP_S
        self.offered_capacity += can
        self.sent += came
        self.served += done
        self.queue += came - done
        self._busy.append(done / can)
        self.cpu = sum(self._busy) / len(self._busy)
        self._note_late(time, came)

    def _note_late(self, time, came):
        self._arrivals.append((self.sent, came, time))
        while self._arrivals and self._arrivals[0][0] <= self.served + 1e-6:
            _, frames, at = self._arrivals.popleft()
            self.late += frames if time - at > LATE_S else 0


def simulate(make, follows, trace, seed=1):
    """Returns the results of one scaler on a trace."""
    scaler, fog = make(), Fog(follows, trace.start)
    changes, next_look, enough = [], LOOK_S, []
    for i, cost in enumerate(costs(trace.seconds, seed)):
        time = i * STEP_S
        if trace.replaced and time and time % trace.replaced == 0:
            fog.restart_one(time)
        fog.advance(time, trace.wants(time), cost)
        enough.append(fog.capacity >= 0.97 * trace.wants(time))
        if time < next_look:
            continue
        next_look += LOOK_S
        replicas = scaler.autoscaler.look(time, fog.replicas, scaler.asks(fog))
        if replicas != fog.replicas:
            changes.append(time)
            fog.scale(time, replicas)
    return {
        "late": fog.late / fog.sent, "withheld": fog.withheld / fog.wanted, "slack": 1 - fog.served / fog.offered_capacity,
        "changes": len(changes) / (trace.seconds / 3600), "waiting": fog.queue, "enough": enough}


def seconds_to_enough(enough, step_at):
    """Returns the seconds from a step until the capacity is enough for the cameras; None if it never is."""
    first = int(step_at / STEP_S)
    return next(((i - first) * STEP_S for i in range(first, len(enough)) if enough[i]), None)


def _measure(trace, scaler):
    """Returns the means of the results over the seeds."""
    runs = [simulate(*SCALERS[scaler], trace, seed) for seed in range(1, (LONG_SEEDS if trace.seconds > 7200 else SEEDS) + 1)]
    steps = [seconds_to_enough(run.pop("enough"), STEP_AT) for run in runs]
    found = {name: statistics.mean(run[name] for run in runs) for name in runs[0]}
    if trace.steps:
        found["step"] = None if None in steps else max(steps)
    if not math.isfinite(found["late"]):
        raise systems.Broken("no frame was sent")
    return found


@dataclasses.dataclass(frozen=True)
class Scaling:
    title: str = "Autoscaling on traces"

    def measure(self, store, name, _directory):
        for trace in TRACES:
            for scaler in SCALERS:
                store.measure(f"{name}/{trace}/{scaler}", lambda: _measure(TRACES[trace], scaler))

    def lines(self, points, name, _directory):
        yield (f"The autoscalers were simulated with the settings of k8s/: a replica counts {REPLICA_RATE} frames/s and starts within {START_S} s, and"
               " now and then a frame takes a fifth more CPU time for a minute or two. Late: fraction of the frames sent that were counted over"
               " 1 s after capture. Withheld: fraction of the wanted frames that cameras did not send. Slack: unused fraction of the capacity."
               " Step: time until the capacity is enough after the number of cameras has doubled just after the autoscaler read the metrics,"
               f" which is the longest case. The last two traces have replicas that start within {SLOW_START_S} s; in the last one a replica restarts"
               f" each {TRACES['replicas restart'].replaced} s. Figures are means over {SEEDS} seeds ({LONG_SEEDS} for the day), the step is the longest. `k8s/`"
               " scales by needed replicas after one reading; until 2026-11-30 it scaled by demand after three.\n")
        yield "| trace | scaled | late | withheld | slack | changes an hour | step, s |"
        yield "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
        for trace in TRACES:
            for scaler in SCALERS:
                point = points.get(f"{name}/{trace}/{scaler}", {})
                yield f"| {trace} | {scaler} | " + " | ".join(_cells(point)) + " |"


def _cells(point):
    if "failed" in point or not point:
        return [point and "failed" or "–"] * 5
    step = "–" if "step" not in point else "never" if point["step"] is None else f"{point['step']:.0f}"
    return [f"{point['late']:.1%}", f"{point['withheld']:.1%}", f"{point['slack']:.1%}", f"{point['changes']:.1f}", step]
