# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keeps the measured points in a file; each new point is written there with the date, the versions and the machine's load."""

import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys

import confluent_kafka
import network
import server
import systems

HERE = pathlib.Path(__file__).resolve().parent


def _first_line(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()[0]


def _processor():
    names = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8") if line.startswith("model name")]
    return names[0] if names else platform.machine()


def versions():
    """Returns what a point was measured with: date, machine, versions, and the other load of the last minute."""
    return {
        "date": datetime.date.today().isoformat(), "machine": f"{_processor()}, {os.cpu_count()} cores",
        "kernel": platform.release(), "commit": _first_line("git", "-C", str(HERE), "rev-parse", "--short", "HEAD"),
        "gstreamer": _first_line("gst-launch-1.0", "--version").split()[-1]}


def _is_in(key, part):
    return key == part or key.startswith(f"{part}/")


class Store:
    """`parts`: the tables or points that are measured, as TABLE, TABLE/CASE or TABLE/CASE/SYSTEM."""

    def __init__(self, path, parts):
        self.path, self.parts = path, parts

    @property
    def points(self):
        """Reads the file again, because another run may have added points."""
        return json.loads(self.path.read_text()) if self.path.exists() else {}

    def _write(self, points):
        self.path.write_text(json.dumps(points, indent=1, sort_keys=True) + "\n")

    def keep(self, key, point):
        self._write({**self.points, key: {**point, **versions()}})

    def forget(self):
        """Drops the points that are to be measured again."""
        self._write({key: point for key, point in self.points.items() if not self._is_wanted(key)})

    def _is_wanted(self, key):
        return any(_is_in(key, part) for part in self.parts)

    def measure(self, key, measure, finish=None):
        """Keeps what `measure()` returns, unless the file has the point already. If `measure()` fails, the reason is kept.

        `finish()`: returns more fields of the point, after a failure as well."""
        if key in self.points or not self._is_wanted(key):
            return
        print(f"{key} …", end=" ", flush=True, file=sys.stderr)
        load = os.getloadavg()[0]
        try:
            point = measure()
        except (
                systems.Broken, network.NetworkError, server.StartError, subprocess.TimeoutExpired, confluent_kafka.KafkaException,
                AssertionError) as error:
            point = {"failed": str(error)}
        self.keep(key, {**point, **(finish() if finish else {}), "load": load})
        print({name: value for name, value in point.items() if name not in ("windows", "curve")}, file=sys.stderr)
