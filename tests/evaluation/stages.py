# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the stages of both systems, each as a process whose CPU time and memory can be read."""

import json
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.request

import systems

import cache
import network
import pipeline

CASCADE = "/usr/share/opencv4/haarcascades/haarcascade_frontalface_default.xml"
TICKS = os.sysconf("SC_CLK_TCK")
PICTURES = 30
FOG_METRICS = 9102
KINDS = ("texture", "plain")


def pictures(kind):
    """Returns a folder of raw frames: of the kind "texture", with several faces over clutter and noise, or "plain", with one
    face on grey."""
    def make(directory):
        cache.checked([pipeline.BUILD / "tests" / "evaluation" / "evaluation-pictures", kind, str(PICTURES), directory], "pictures")

    sources = [pipeline.TOP / "tests" / name for name in ("evaluation/pictures.c", "common/haarpictures.c")]
    return cache.cached(f"evaluation-{kind}", sources, make)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_mib(pid):
    """Returns the largest resident set that the process ever had."""
    return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8"))[1]) / 1024


class Quota:
    """A control group whose processes together get a share of a processor. `command` is the prefix of a command line that
    starts a process in the group."""

    # the period is short, so that the quota is like a slow processor and not one that pauses; the
    # least quota is 1 ms
    PERIOD_US = 10000

    def __enter__(self):
        old = pathlib.Path("/sys/fs/cgroup/cpu")
        self._old = old.is_dir()
        root = old if self._old else pathlib.Path("/sys/fs/cgroup")
        if not self._old:
            (root / "cgroup.subtree_control").write_text("+cpu")
        self._group = root / f"gst-fog-evaluation-{os.getpid()}"
        self._group.mkdir()
        self.command = ["sh", "-c", 'echo $$ >"$0" && exec "$@"', self._group / "cgroup.procs"]
        return self

    def __exit__(self, *_):
        self._group.rmdir()

    def limit(self, share):
        """Limits the group to `share` of a processor from now on."""
        quota = int(share * self.PERIOD_US)
        if self._old:
            (self._group / "cpu.cfs_period_us").write_text(str(self.PERIOD_US))
            (self._group / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            (self._group / "cpu.max").write_text(f"{quota} {self.PERIOD_US}")


class Stages:
    """A system's running stages: `processes` by name. Stages run on the hosts `edge` and `fog`, with the prefixes of
    commands `limits` (taskset, a control group). `suffix` is appended to the names of topics and groups."""

    def __init__(self, servers, directory, edge=network.Loopback(), fog=network.Loopback(), limits=None, suffix=""):
        self.servers, self.directory, self.edge, self.fog, self.suffix = servers, directory, edge, fog, suffix
        self.limits = limits or {}
        self.processes = {}

    def run(self, name, host, command, variables=None):
        log = self.directory / f"{name}.log"
        with open(log, "wb") as errors, host.inside():
            self.processes[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *map(str, [*self.limits.get(name, ()), *command])],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True,
                env={**pipeline.environment(), **(variables or {})})

    def check(self):
        for name, process in self.processes.items():
            if process.poll() is not None:
                log = (self.directory / f"{name}.log").read_text(errors="replace")
                raise systems.Broken(f"{name} ended with code {process.returncode}: {log[-500:]}")

    def cpu(self):
        return {name: cpu_seconds(process.pid) for name, process in self.processes.items()}

    def memory(self):
        return {name: peak_mib(process.pid) for name, process in self.processes.items()}

    def close(self):
        """Ends the stages, the camera first."""
        for process in self.processes.values():
            process.send_signal(signal.SIGINT)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()


class Study(Stages):
    """The study's services, with the fastest of the study's clients."""

    name = "study"

    def _service(self, name, host, service, *options):
        self.run(name, host, [systems.python(), systems.HERE / "study" / f"{service}.py", "--client=confluent-kafka-python",
                              f"--servers={self.servers}", *options])

    def camera(self, frames, rate, follows):
        feedback = [f"--feedback=feedback{self.suffix}"] if follows else []
        self._service("edge", self.edge, "camera", f"--topic=camera{self.suffix}", f"--source={frames}", f"--rate={rate}", *feedback)

    def count(self):
        self._service("fog", self.fog, "processing", f"--topic=camera{self.suffix}", *self._counting())
        self._counted = 0

    def _counting(self):
        return [f"--database=database{self.suffix}", f"--feedback=feedback{self.suffix}", f"--cascade={CASCADE}"]

    def count_at_edge(self, frames, rate):
        self._service("edge", self.edge, "processing", f"--source={frames}", f"--rate={rate}", *self._counting())

    def store(self, uri):
        self._service("cloud", self.fog, "database", f"--topic=database{self.suffix}", f"--mongo={uri}")

    def counted(self):
        """Waits for the end of a window of the processing service; returns the number of frames counted since its start."""
        line = self.processes["fog"].stdout.readline()
        self.check()
        self._counted += json.loads(line)["frames"]
        return self._counted


class Ours(Stages):
    """This project's pipelines, with JPEG as pipelines/edge has them, or with raw frames."""

    def __init__(self, *arguments, jpeg=True, **options):
        super().__init__(*arguments, **options)
        self.jpeg = jpeg

    def _pipeline(self, name, host, line, **variables):
        self.run(name, host, ["gst-launch-1.0", "-q", "-e", *line.split()], variables)

    def _kafka(self, way, topic):
        return f"kafka{way} bootstrap-servers={self.servers} topic={topic}{self.suffix}"

    def _counter(self):
        return f"haarfacecount name=faces ! {self._kafka('sink', 'database')} faces.rate ! {self._kafka('sink', 'feedback')}"

    @staticmethod
    def _frames(frames, rate):
        # multifilesrc sets no timestamps; rawvideoparse sets them, so that clocksync can pace the
        # frames
        return (f"multifilesrc location={frames}/%02d.bgr loop=true ! rawvideoparse format=bgr width=640 height=480"
                f" framerate={round(rate * 1000)}/1000 ! clocksync")

    def camera(self, frames, rate, follows):
        # a camera that follows the fog offers 30 frames/s, of which it sends `rate` at first
        start = f"feedbackrate name=rate camera=cam-1 initial-rate={rate}" if follows else "identity"
        reports = f" {self._kafka('src', 'feedback')} ! rate.feedback" if follows else ""
        self._pipeline(
            "edge", self.edge, f"{self._frames(frames, 30 if follows else rate)} ! {start} ! {'jpegenc !' if self.jpeg else ''}"
            f" {self._kafka('sink', 'camera')} camera=cam-1{reports}")

    def count(self):
        self._pipeline(
            "fog", self.fog, f"{self._kafka('src', 'camera')} group-id=fog{self.suffix} auto-offset-reset=earliest !"
            f" {'jpegdec !' if self.jpeg else ''} {self._counter()}",
            GST_TRACERS=f"health(port={FOG_METRICS})")

    def count_at_edge(self, frames, rate):
        self._pipeline("edge", self.edge, f"{self._frames(frames, rate)} ! {self._counter()}")

    def store(self, uri):
        self._pipeline(
            "cloud", self.fog, f"{self._kafka('src', 'database')} group-id=cloud{self.suffix} auto-offset-reset=earliest !"
            " mongosink database=fog collection=events", MONGODB_URI=uri)

    def counted(self):
        """Waits for the length of a window; returns the number of frames counted since the start."""
        time.sleep(systems.WINDOW_S)
        self.check()
        with self.fog.inside(), urllib.request.urlopen(f"http://127.0.0.1:{FOG_METRICS}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return sum(float(value) for value in re.findall(r"^gstfog_process_seconds_count(?:{[^}]*})? (\S+)$", text, re.M))
