# SPDX-License-Identifier: LGPL-2.1-or-later
"""Chooses by a seed which fault happens when to which part of the system, and carries the faults out."""

import collections
import random
import signal
import time

PAUSE = (2, 6)  # shortest and longest time in s between the beginnings of two faults
BACK = 3  # seconds after the end of a fault for which the part gets no new one
GRACE = 30  # seconds until a part that was asked to end is killed
TICK = 0.05

Planned = collections.namedtuple("Planned", "at part fault seconds")


def kill(part, seconds, notes):
    """The part is killed without warning, and restarted, as Kubernetes would do."""
    part.process.kill()
    yield seconds
    yield from start_again(part)


def freeze(part, seconds, notes):
    """The part is frozen: its connections stay open and nothing answers. After the fault the part continues as if no time had passed."""
    part.process.signal(signal.SIGSTOP)
    yield seconds
    part.process.signal(signal.SIGCONT)


def restart(part, seconds, notes):
    part.process.signal(part.gentle)
    deadline = time.monotonic() + GRACE
    while part.process.running() and time.monotonic() < deadline:
        yield TICK
    if part.process.running():
        notes.append(f"{part.name} did not end within {GRACE} s")
        part.process.kill()
    yield seconds
    yield from start_again(part)


def cut(part, seconds, notes):
    part.host.cut()
    yield seconds
    part.host.mend()


def revive(part):
    yield 1
    yield from start_again(part)


def start_again(part):
    part.launch()
    while part.process.running() and not part.ready():
        yield TICK


# maps each fault to its shortest and longest duration in s
FAULTS = {kill: (0.2, 3), freeze: (1, 12), restart: (0.2, 2), cut: (1, 12)}


def plan(seed, names, duration):
    """Makes the script of faults for a seed. No part is hit again before it has recovered."""
    dice, free, at, script = random.Random(seed), dict.fromkeys(names, 0), 0, []
    while True:
        at += dice.uniform(*PAUSE)
        if at >= duration:
            return script
        part = dice.choice([name for name in names if free[name] <= at])
        fault = dice.choice(list(FAULTS))
        seconds = dice.uniform(*FAULTS[fault])
        free[part] = at + seconds + BACK
        script.append(Planned(at, part, fault, seconds))


class Chaos:
    """Carries out a script of faults on the parts, and restarts parts that end by themselves."""

    def __init__(self, parts, say):
        self.parts, self._say = parts, say
        self.counts, self.notes, self.ended = collections.Counter(), [], []
        self._running = {}  # maps a part's name to (end of its fault, generator of the fault)

    def run(self, script):
        began = time.monotonic()
        for planned in script:
            due = began + planned.at
            self.until(lambda: time.monotonic() >= due and planned.part not in self._running)
            began += time.monotonic() - due  # a fault that has to wait delays all later faults, too
            self._say(f"{planned.fault.__name__} {planned.part} for {planned.seconds:.1f} s")
            self.counts[planned.fault.__name__] += 1
            self._begin(planned.part, planned.fault(self._part(planned.part), planned.seconds, self.notes))

    def until(self, condition, timeout=600):
        """Waits until `condition` is true. Meanwhile ends running faults when they are due, and starts no new ones."""
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f"not within {timeout} s; {self.ended}"
            self._tick()

    def let_be(self, seconds):
        """Ends all faults, and waits for a time without faults."""
        self.until(lambda: not self._running)
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() > end)

    def _part(self, name):
        return next(part for part in self.parts if part.name == name)

    def _begin(self, name, steps):
        self._running[name] = (0, steps)

    def _tick(self):
        now = time.monotonic()
        for name, (when, steps) in list(self._running.items()):
            if now >= when:
                self._step(name, steps, now)
        for part in self.parts:
            if part.name not in self._running and not part.process.running():
                self._note_end(part)
                self._begin(part.name, revive(part))
        time.sleep(TICK)

    def _step(self, name, steps, now):
        try:
            self._running[name] = (now + next(steps), steps)
        except StopIteration:
            del self._running[name]

    def _note_end(self, part):
        words = " / ".join(part.last_words())
        self.ended.append(f"{part.name} ended by itself: {words}")
        self._say(self.ended[-1])
