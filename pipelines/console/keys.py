# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keys by which somebody at the terminal disturbs the system, to watch it answer."""

import os
import select
import signal
import sys
import termios
import threading
import time
import tty

HELP = "keys: a adds a replica, k kills one, s slows the fog down and up again, f freezes Kafka for 5 s"
FREEZE = 5  # s
PERIOD = 0.1  # s; in each period a slow replica runs for SHARE of it, and is stopped for the rest
SHARE = 0.3


class Keys:
    """What was pressed, one key at a time; nothing where no terminal is."""

    def __init__(self):
        self._before = None

    def __enter__(self):
        if sys.stdin.isatty():
            self._before = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin)
        return self

    def __exit__(self, *_):
        if self._before:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)

    def there(self):
        return self._before is not None

    def pressed(self):
        if not self._before or not select.select([sys.stdin], [], [], 0)[0]:
            return ""
        return os.read(sys.stdin.fileno(), 1).decode(errors="replace")


class Slow:
    """Lets processes run for a part of the time only, as a CPU quota does."""

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


class Disturbance:
    """What the keys do to the demo. `stages` is the Demo."""

    def __init__(self, demo, say):
        self._demo, self._say, self._slow, self._thaw = demo, say, None, None

    def act(self, key):
        actions = {"a": self._add, "k": self._kill, "s": self._toggle_slow, "f": self._freeze}
        if key in actions:
            actions[key]()

    def _add(self):
        self._say(f"--- {self._demo.add_fog().name} joins")

    def _kill(self):
        if len(self._demo.fogs) < 2:
            self._say("--- the last replica stays: add one first")
            return
        fog = self._demo.fogs.pop()
        fog.kill()
        self._say(f"--- {fog.name} is killed: the others get its partitions within 6 s, and count what it had not finished")

    def _toggle_slow(self):
        if self._slow:
            self._slow.stop()
            self._slow = None
            self._say("--- the fog is as fast as before")
        else:
            self._slow = Slow(lambda: [fog.popen for fog in list(self._demo.fogs)])
            self._say("--- the fog gets 30 % of its time: the cameras follow")

    def _freeze(self):
        if self._thaw:
            return
        self._demo.servers[0].signal(signal.SIGSTOP)
        self._thaw = threading.Timer(FREEZE, self._end_freeze)
        self._thaw.start()
        self._say(f"--- Kafka is frozen for {FREEZE} s")

    def _end_freeze(self):
        self._demo.servers[0].signal(signal.SIGCONT)
        self._thaw = None

    def end(self):
        """Undoes every disturbance, so that the demo can end in order."""
        if self._slow:
            self._slow.stop()
            self._slow = None
        thaw = self._thaw
        if thaw:
            thaw.cancel()
            self._end_freeze()
