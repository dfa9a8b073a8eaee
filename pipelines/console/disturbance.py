# SPDX-License-Identifier: LGPL-2.1-or-later
"""Faults that a user at the terminal, or at the live page, can cause in the demo, to watch how the system reacts."""

import signal
import threading
import time

PAUSE = 5  # s
PERIOD = 0.1  # s; a slow replica runs for the fraction SHARE of each period, and is stopped for the remaining time
SHARE = 0.3


class Slow:
    """Lets processes run only for a fraction of the time, as a CPU quota does."""

    def __init__(self, popens):
        self._popens, self._end = popens, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _signal(self, number):
        for popen in self._popens():
            if popen.poll() is None:
                popen.send_signal(number)

    def _run(self):
        while not self._end.is_set():
            self._signal(signal.SIGSTOP)
            time.sleep(PERIOD * (1 - SHARE))
            self._signal(signal.SIGCONT)
            time.sleep(PERIOD * SHARE)

    def stop(self):
        self._end.set()
        self._thread.join()


class Pause:
    """A fault that lasts for PAUSE s."""

    def __init__(self, say, name, stop, go_on):
        self._say, self._name, self._stop, self._go_on, self._until = say, name, stop, go_on, None

    def begin(self):
        self._stop()
        self._until = time.monotonic() + PAUSE

    def runs(self):
        return self._until is not None

    def tick(self):
        if self.runs() and time.monotonic() >= self._until:
            self.end()

    def end(self):
        if self.runs():
            self._until = None
            self._go_on()
            self._say(f"{self._name} is back")


class Disturbance:
    """`demo` is the Demo; `say` is called with one sentence about each action."""

    def __init__(self, demo, say):
        self._demo, self._say, self._slow = demo, say, None
        self._cut = Pause(say, "the link", demo.link.cut, demo.link.mend)
        self._freeze = Pause(
            say, "Kafka", lambda: demo.kafka.signal(signal.SIGSTOP), lambda: demo.kafka.signal(signal.SIGCONT))
        # each action has a key, a name, a label, a function, and a function that returns why the
        # action isn't possible now ("" if it is)
        self._actions = [
            ("a", "add", "Add a replica", self._add, self._why_no_more),
            ("k", "kill", "Kill a replica", self._kill, self._why_no_fewer),
            ("s", "slow", "Slow the fog", self._toggle_slow, lambda: ""),
            ("c", "cut", f"Cut the link for {PAUSE} s", self._cut_link, lambda: "the link is cut" if self._cut.runs() else ""),
            ("f", "freeze", f"Freeze Kafka for {PAUSE} s", self._freeze_kafka,
             lambda: "Kafka is frozen" if self._freeze.runs() else ""),
        ]

    def help(self):
        return "keys: " + ", ".join(f"{key} {label[0].lower()}{label[1:]}" for key, _, label, *_ in self._actions)

    def offers(self):
        """Returns the actions that the page shows as buttons; `on` is null unless the same button undoes the action."""
        return [
            {"name": name, "key": key, "label": label, "why": why(), "on": bool(self._slow) if name == "slow" else None}
            for key, name, label, _, why in self._actions]

    def act(self, wanted):
        """Performs actions. `wanted`: keys or names of the actions."""
        self._cut.tick()
        self._freeze.tick()
        for key, name, _, do, why in self._actions:
            if key in wanted or name in wanted:
                self._say(why()) if why() else do()

    def _why_no_more(self):
        return "" if len(self._demo.fogs) < self._demo.spread else "each partition already has a replica: another one would get none"

    def _why_no_fewer(self):
        return "" if len(self._demo.fogs) > 1 else "the last replica stays: add one first"

    def _add(self):
        self._say(f"{self._demo.add_fog().name} joins")

    def _kill(self):
        fog = self._demo.fogs.pop()
        fog.kill()
        self._say(f"{fog.name} is killed: the others get its partitions within 6 s, and count what it had not finished")

    def _toggle_slow(self):
        if self._slow:
            self._slow.stop()
            self._slow = None
            self._say("the fog is as fast as before")
        else:
            self._slow = Slow(lambda: [fog.popen for fog in list(self._demo.fogs)])
            self._say("the fog gets 30 % of its time: the cameras follow")

    def _cut_link(self):
        self._cut.begin()
        self._say(f"the link from the camera to Kafka is cut for {PAUSE} s")

    def _freeze_kafka(self):
        self._freeze.begin()
        self._say(f"Kafka is frozen for {PAUSE} s")

    def end(self):
        """Undoes every disturbance, so that the stages can end normally."""
        if self._slow:
            self._slow.stop()
            self._slow = None
        self._cut.end()
        self._freeze.end()
