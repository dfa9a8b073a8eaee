# SPDX-License-Identifier: LGPL-2.1-or-later
"""The systems that the evaluation compares, from the camera's frames to the consumer in the fog: the study's services
with each client, and the pipelines of this project. Each system reports the frames and bytes that arrived, and checks order and
loss afterwards."""

import io
import json
import pathlib
import pickle
import re
import signal
import subprocess
import sys
import time
import urllib.request

import confluent_kafka

TOP = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(TOP / "tests" / "servers"), str(TOP / "tests" / "integration")]
import cache  # noqa: E402
import pipeline  # noqa: E402

# packages of PyPI, in the newest versions that were tried; OpenCV 5 has no Haar cascades
PACKAGES = [
    "confluent-kafka==2.16.1", "kafka-python[crc32c]==3.0.12", "pykafka==2.8.0", "opencv-python-headless<5", "numpy", "pymongo",
    "matplotlib"]
WINDOW_S = 10
METRICS_PORT = 9101
RAW_CAPS = "video/x-raw,format=BGR,width=640,height=480"
JPEG_CAPS = "image/jpeg,width=640,height=480"


def python():
    """Returns the Python interpreter of an environment with the packages that the study's services import."""
    def install(directory):
        cache.checked([sys.executable, "-m", "venv", directory], "the study's environment")
        cache.checked([directory / "bin" / "python", "-m", "pip", "install", "-q", *PACKAGES], "the study's environment")

    return cache.cached("evaluation", [repr(PACKAGES)], install) / "bin" / "python"


def frames(kind):
    """Returns a folder of 30 frames of 640x480, the same for all systems. `kind`: "raw", 921,600 B each, or "jpeg"."""
    def make(directory):
        encoder, suffix = {"raw": (RAW_CAPS, "bgr"), "jpeg": (f"{RAW_CAPS} ! videoconvert ! jpegenc", "jpg")}[kind]
        cache.checked(
            ["gst-launch-1.0", "-q", "scenesrc", "seed=7", "num-buffers=30", "!", "videoconvert", "!", *encoder.split(), "!",
             "multifilesink", f"location={directory}/%02d.{suffix}"], "frames", env=pipeline.environment())

    return cache.cached(f"evaluation-{kind}", ["scenesrc seed=7"], make)


def size_of(kind):
    """Returns the average size of a frame in bytes."""
    sizes = [path.stat().st_size for path in frames(kind).iterdir()]
    return sum(sizes) / len(sizes)


class Broken(Exception):
    """Raised if a system ended by itself, or lost frames that it had acknowledged; the message says which."""


class Process:
    """A process on a host of the site, which ends when the evaluation ends."""

    def __init__(self, host, command, log):
        self.log = log
        with open(log, "wb") as errors, host.inside():
            self.popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *map(str, command)], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=errors, text=True)

    def check(self):
        if self.popen.poll() is not None:
            raise Broken(f"ended with code {self.popen.returncode}: {self.log.read_text(errors='replace')[-500:]}")

    def kill(self):
        self.popen.kill()
        self.popen.wait()
        self.popen.stdout.close()


# settings for a busy machine: a broker that gets no processor for a few seconds keeps its session
PATIENT = ["broker.session.timeout.ms=20000"]


def offsets(consumer, topic, patience=30):
    """Returns the first offset, and the offset of the next message, of a topic with one partition."""
    until = time.monotonic() + patience
    while True:
        try:
            return consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, 0), 10)
        except confluent_kafka.KafkaException:
            if time.monotonic() > until:
                raise
        time.sleep(0.2)


def messages(servers, topic):
    """Yields all messages of a topic with one partition, in order."""
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": servers, "group.id": "evaluation", "enable.auto.commit": False, "fetch.message.max.bytes": 8 << 20,
        "queued.max.messages.kbytes": 64 << 10})
    try:
        first, end = offsets(consumer, topic)
        consumer.assign([confluent_kafka.TopicPartition(topic, 0, first)])
        left, last = end - first, time.monotonic()
        while left:
            message = consumer.poll(1)
            if message and not message.error():
                left, last = left - 1, time.monotonic()
                yield message
            elif time.monotonic() - last > 30:
                raise Broken(f"{left} messages of {topic} could not be read")
    finally:
        consumer.close()


class _Frame:
    """Replaces the picture when a message is unpickled, so that the frame's number beside it can be read without NumPy."""

    def __init__(self, *_):
        pass

    def __setstate__(self, _):
        pass


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        return _Frame if module.startswith("numpy") else super().find_class(module, name)


class Study:
    """The study's camera and processing services with one of its clients."""

    def __init__(self, client):
        self.client = self.name = client

    def _command(self, service, servers, topic, *more):
        return [python(), HERE / "study" / f"{service}.py", f"--client={self.client}", f"--servers={servers}", f"--topic={topic}",
                *more]

    def start(self, site, servers, topic, kind, rate, directory):
        self.consumer = Process(site.fog, self._command("processing", servers, topic), directory / "processing.log")
        self.camera = Process(
            site.edge, self._command("camera", servers, topic, f"--source={frames(kind)}", f"--rate={rate}"),
            directory / "camera.log")

    def window(self):
        """Returns how many bytes and frames the consumer received in a window of time, and the window's length in s."""
        line = self.consumer.popen.stdout.readline()
        self.consumer.check()
        self.camera.check()
        window = json.loads(line)
        return window["bytes"], window["frames"], window["seconds"]

    def skip(self, seconds):
        """Ignores the windows of time until TCP has found its congestion window."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.window()

    def end(self, patience):
        """Ends the camera, which first delivers the frames that it holds; returns the camera's own counts."""
        self.camera.popen.send_signal(signal.SIGINT)
        try:
            out, _ = self.camera.popen.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            raise Broken(f"the camera's client had not delivered what it held after {patience} s") from None
        self.camera.popen.stdout.close()
        return json.loads(out)

    def close(self):
        for process in (self.camera, self.consumer):
            if process.popen.poll() is None:
                process.kill()

    @staticmethod
    def number_of(message):
        return _Unpickler(io.BytesIO(message.value())).load()[2]


class Ours:
    """A camera that publishes with kafkasink and a reader with kafkasrc. `options`: more properties of kafkasink."""

    def __init__(self, name="kafkasink", options=""):
        self.name, self.options = name, options

    def start(self, site, servers, topic, kind, rate, directory):
        caps, suffix = {"raw": (RAW_CAPS, "bgr"), "jpeg": (JPEG_CAPS, "jpg")}[kind]
        self.site, self.last = site, None
        self.consumer = pipeline.Pipeline(
            f"kafkasrc bootstrap-servers={servers} topic={topic} group-id={topic} auto-offset-reset=earliest ! fakesink async=false",
            directory / "consumer.log", host=site.fog, GST_TRACERS=f"health(port={METRICS_PORT})")
        self.camera = pipeline.Pipeline(
            f'multifilesrc location={frames(kind)}/%02d.{suffix} loop=true caps="{caps},framerate={round(rate)}/1" ! clocksync'
            f" ! kafkasink bootstrap-servers={servers} topic={topic} camera=cam-1 {self.options}",
            directory / "camera.log", host=site.edge)
        self.consumer.wait_playing(60)

    def _read(self):
        with self.site.fog.inside(), urllib.request.urlopen(f"http://127.0.0.1:{METRICS_PORT}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        now = time.monotonic()
        return [sum(float(value) for value in re.findall(rf"^gstfog_{name}(?:{{[^}}]*}})? (\S+)$", text, re.M))
                for name in ("read_bytes_total", "messages_read_total")] + [now]

    def skip(self, seconds):
        time.sleep(seconds)
        self.last = self._read()

    def window(self):
        time.sleep(WINDOW_S - (time.monotonic() - self.last[2]))
        for one in (self.consumer, self.camera):
            if not one.running():
                raise Broken(f"ended: {one.output()[-500:]}")
        before, self.last = self.last, self._read()
        return tuple(new - old for new, old in zip(self.last, before))

    def end(self, patience):
        self.camera.signal(signal.SIGINT)
        if self.camera.wait(patience) != 0:
            raise Broken(f"the camera failed: {self.camera.output()[-500:]}")
        return {"discarded": 0}

    def close(self):
        self.camera.kill()
        self.consumer.kill()

    @staticmethod
    def number_of(message):
        return int(dict(message.headers())["seq"])


def check_order(system, servers, topic, count):
    """Checks that the topic holds each frame that the camera did not discard, once, in the order of capture.

    Returns the number of frames."""
    numbers = [system.number_of(message) for message in messages(servers, topic)]
    if sorted(set(numbers)) != numbers:
        raise Broken("frames are out of order, or twice")
    missing = numbers[-1] + 1 - len(numbers)
    if missing > count["discarded"]:
        raise Broken(f"{missing} frames are missing, of which the camera discarded {count['discarded']}")
    return len(numbers)
