# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keeps the measured points in a file, to which each new one is added with the date, the versions and the load."""

import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys

import confluent_kafka
import network
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


class Store:
    def __init__(self, path):
        self.path = path
        self.points = json.loads(path.read_text()) if path.exists() else {}

    def keep(self, key, point):
        self.points[key] = {**point, **versions()}
        self.path.write_text(json.dumps(self.points, indent=1, sort_keys=True) + "\n")

    def forget(self, table):
        self.points = {key: point for key, point in self.points.items() if not key.startswith(f"{table}/")}

    def measure(self, key, measure, finish=None):
        """Keeps what `measure()` returns, unless the point is there already. A failure is kept too, with its reason.

        `finish()`: returns more fields of the point, after a failure as well."""
        if key in self.points:
            return
        print(f"{key} …", end=" ", flush=True, file=sys.stderr)
        load = os.getloadavg()[0]
        try:
            point = measure()
        except (
                systems.Broken, network.NetworkError, subprocess.TimeoutExpired, confluent_kafka.KafkaException, AssertionError) as error:
            point = {"failed": str(error)}
        self.keep(key, {**point, **(finish() if finish else {}), "load": load})
        print({name: value for name, value in point.items() if name != "windows"}, file=sys.stderr)
