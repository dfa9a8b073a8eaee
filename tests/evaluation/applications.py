# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures more applications of the elements than counting faces in JPEG frames: other work, and other sizes of messages."""

import dataclasses
import json
import statistics
import time

import relay
import stages
import systems
import whole

import cache
import kafka_server
import pipeline

TOPICS = ("camera", "database", "other")
SETTLING_S = 5
WINDOWS, WINDOW_S = 5, 10
LARGE_FRAMES = 4  # frames of 25 MB
SHOWN = 20  # number of frames for which each picture of the motion camera stands still


def large_frames(directory):
    """Writes frames of 3840x2160 pixels, made from the pictures with texture."""
    cache.checked(
        ["gst-launch-1.0", "-q", "multifilesrc", f"location={stages.pictures('texture')}/%02d.bgr", f"stop-index={LARGE_FRAMES - 1}", "!",
         "rawvideoparse", "format=bgr", "width=640", "height=480", "!", "videoscale", "!", "video/x-raw,width=3840,height=2160", "!",
         "multifilesink", f"location={directory}/%02d.bgr"], "large frames", env=pipeline.environment())


def slow_frames(directory):
    """Writes SHOWN equal frames for each picture with texture, as links to this picture."""
    for number, path in enumerate(sorted(stages.pictures("texture").iterdir())):
        for frame in range(number * SHOWN, (number + 1) * SHOWN):
            (directory / f"{frame:02d}.bgr").symlink_to(path)


@dataclasses.dataclass(frozen=True)
class Application:
    """`edge` and `fog`: what the pipelines have between the source of frames, or of messages, and the sink of frames, or of
    events; {other} is a sink of other events than those whose ages are measured. Without `fog` the edge itself sends events.
    `frames`: what writes the frames, if they aren't the pictures with texture."""

    title: str
    edge: str
    fog: str = ""
    sink: str = ""  # more properties of the edge's kafkasink
    rate: int = 10
    size: tuple = (640, 480)
    frames: callable = None

    def folder(self):
        make = self.frames
        return cache.cached(f"evaluation-{make.__name__}", ["1"], make) if make else stages.pictures("texture")


COUNT = "haarfacecount min-faces=0"
APPLICATIONS = {
    "faces": Application("faces in JPEG frames", "jpegenc", f"jpegdec ! {COUNT}"),
    "motion": Application(
        "motion events of a camera with a change every 2 s, made at the edge",
        "feedbackrate camera=cam-1 algorithm=fixed initial-rate=10 still-interval=60000000000 ! haarfacecount engine=none min-faces=0",
        frames=slow_frames),
    "4K": Application(
        "faces of at least 180 pixels in raw frames of 3840x2160", "identity", f"{COUNT} min-size=180",
        "message-max-bytes=33000000 max-queued-bytes=200000000", 2, (3840, 2160), large_frames),
    "two cascades": Application(
        "faces, and behind them profiles, in JPEG frames", "jpegenc",
        "jpegdec ! haarfacecount name=faces min-faces=0 ! {other} faces.video ! queue"
        f" ! {COUNT} cascade=haarcascade_profileface.xml label=profile"),
    "H.264": Application(
        "faces in H.264 of one camera", "videoconvert ! x264enc tune=zerolatency key-int-max=30 ! h264parse config-interval=-1",
        f"h264parse ! avdec_h264 ! {COUNT}", "key=cam-1"),
}


class Running(stages.Ours):
    """The stages of an application."""

    def start(self, application):
        width, height = application.size
        source = (f"multifilesrc location={application.folder()}/%02d.bgr loop=true ! rawvideoparse format=bgr width={width}"
                  f" height={height} framerate={application.rate}/1 ! clocksync")
        topic = "camera" if application.fog else "database"
        if application.fog:
            counter = application.fog.format(other=self._kafka("sink", "other"))
            self._pipeline(
                "fog", self.fog, f"{self._kafka('src', 'camera')} group-id=fog{self.suffix} auto-offset-reset=earliest ! {counter}"
                f" ! {self._kafka('sink', 'database')}")
        self._pipeline(
            "edge", self.edge, f"{source} ! {application.edge} ! {self._kafka('sink', topic)} camera=cam-1 {application.sink}")


def _stored_bytes(kafka, suffix):
    logs = (kafka.directory / "node-1" / "data").glob(f"*{suffix}-0/*.log")
    return sum(log.stat().st_size for log in logs)


def _sample(kafka, system, suffix):
    system.check()
    return {"time": time.time(), "bytes": _stored_bytes(kafka, suffix), "broker": stages.cpu_seconds(kafka.processes[0].pid), **system.cpu()}


def _window(application, before, after, events):
    seconds = after["time"] - before["time"]
    parts = [part for part in ("edge", "fog", "broker") if part in after]
    return {
        "events/s": sum(before["time"] <= at < after["time"] for at, _ in events) / seconds,
        "MB/s": (after["bytes"] - before["bytes"]) / seconds / 1e6,
        **{part: 1000 * (after[part] - before[part]) / (application.rate * seconds) for part in parts}}


def _events(kafka, topic):
    """Returns for each event when its frame was captured, and the seconds until it was counted."""
    events = []
    for message in systems.messages(kafka.bootstrap, topic):
        event = json.loads(message.value())
        captured, counted = (relay.seconds_of(event[field]["$date"]) for field in ("captured", "processed"))
        events.append((captured, counted - captured))
    return events


def _point(kafka, number, application, directory):
    suffix = f"-{number}"
    for topic in TOPICS:
        kafka.create_topic(topic + suffix)
    system = Running(kafka.bootstrap, directory, suffix=suffix)
    try:
        system.start(application)
        until = time.monotonic() + 60
        while not _events(kafka, f"database{suffix}"):
            system.check()
            if time.monotonic() > until:
                raise systems.Broken("no event came within 60 s")
            time.sleep(0.5)
        time.sleep(SETTLING_S)
        samples = [_sample(kafka, system, suffix)]
        for _ in range(WINDOWS):
            time.sleep(WINDOW_S)
            samples.append(_sample(kafka, system, suffix))
        time.sleep(1)
        events = _events(kafka, f"database{suffix}")
        windows = [_window(application, *pair, events) for pair in zip(samples, samples[1:])]
        judged = [age for at, age in events if samples[0]["time"] <= at < samples[-1]["time"]]
        return {"windows": windows, **{name: statistics.median(one[name] for one in windows) for name in windows[0]}, **whole.quantiles(judged)}
    finally:
        system.close()
        for topic in TOPICS:
            kafka.delete_topic(topic + suffix)


FIELDS = [("events/s", "{:.1f}"), ("MB/s", "{:.3g}"), ("edge", "{:.2f}"), ("fog", "{:.2f}"), ("broker", "{:.2f}"), ("p50", "{:.3f}"), ("p95", "{:.3f}")]


def _cells(point):
    if "failed" in point:
        return ["failed"] * len(FIELDS)
    return [form.format(point[field]) if field in point else "–" for field, form in FIELDS]


@dataclasses.dataclass(frozen=True)
class Applications:
    title: str = "More applications"

    def measure(self, store, name, directory):
        with kafka_server.Kafka(
                directory / "kafka", partitions=1, properties=[*systems.PATIENT, "file.delete.delay.ms=1000"]) as kafka:
            for number, (application, settings) in enumerate(APPLICATIONS.items()):
                store.measure(f"{name}/{application}", lambda: _point(kafka, number, settings, directory))

    def lines(self, points, name, _directory):
        yield ("Each application runs alone, with its broker, on the whole machine, from one camera's frames to events in Kafka. CPU times are"
               " divided by the camera's frames. Age: from a frame's capture to the end of its count. Medians over five windows of 10 s.\n")
        yield ("| application | camera, frames/s | events/s | MB/s into Kafka | CPU ms a frame: edge | fog | broker | age p50, s | age p95, s |")
        yield "| --- |" + " ---: |" * 8
        for application, settings in APPLICATIONS.items():
            cells = _cells(points.get(f"{name}/{application}", {}))
            yield f"| {settings.title} | {settings.rate} | " + " | ".join(cells) + " |"
