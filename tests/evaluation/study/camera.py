# SPDX-License-Identifier: LGPL-2.1-or-later
"""The study's camera service: sends frames at a rate to the camera topic, each pickled with its capture time.

The rate is what the feedback topic says, and every 30 s the service doubles it. SIGINT ends the service; it prints one line of
JSON
with what it captured, delivered and discarded.
"""

import argparse
import datetime
import json
import pathlib
import pickle
import signal
import threading
import time

import clients
import numpy

DOUBLING_S = 30


class Files:
    """Reads frames from a folder in turn: raw BGR of 640x480, or undecoded JPEG."""

    def __init__(self, folder):
        self.frames = [self._read(path) for path in sorted(pathlib.Path(folder).iterdir())]
        self.next = 0

    @staticmethod
    def _read(path):
        data = numpy.fromfile(path, numpy.uint8)
        return data.reshape(480, 640, 3) if path.suffix == ".bgr" else data

    def read(self):
        self.next += 1
        return self.frames[(self.next - 1) % len(self.frames)]


class Device:
    def __init__(self, path):
        import cv2
        self.capture = cv2.VideoCapture(path, cv2.CAP_V4L2)

    def read(self):
        return self.capture.read()[1]


class Rate:
    def __init__(self, first):
        self.now = first

    def follow(self, client, topic):
        client.open_consumer(topic, f"camera-{time.time_ns()}")
        while True:
            value = client.receive()
            if value is not None and float(value) > 0:
                self.now = float(value)

    def double(self):
        while True:
            time.sleep(DOUBLING_S)
            self.now *= 2


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--client", choices=clients.CLIENTS, required=True)
    parser.add_argument("--servers", required=True)
    parser.add_argument("--topic", default="camera")
    parser.add_argument("--feedback", help="topic of feedback; without it the rate stays constant")
    parser.add_argument("--source", required=True, help="folder of frames, or a camera's device")
    parser.add_argument("--rate", type=float, default=30, help="frames/s (30)")
    chosen = parser.parse_args()
    ended = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: ended.set())
    source = (Files if pathlib.Path(chosen.source).is_dir() else Device)(chosen.source)
    rate = Rate(chosen.rate)
    if chosen.feedback:
        listener = clients.CLIENTS[chosen.client](chosen.servers)
        threading.Thread(target=rate.follow, args=(listener, chosen.feedback), daemon=True).start()
        threading.Thread(target=rate.double, daemon=True).start()
    client = clients.CLIENTS[chosen.client](chosen.servers)
    client.open_producer()
    captured = discarded = 0
    due = time.monotonic()
    while not ended.is_set():
        # the frame's number is an addition to the study's value, with which the evaluation checks
        # order and loss
        value = pickle.dumps((source.read(), datetime.datetime.now(), captured))
        captured += 1
        discarded += not client.send(chosen.topic, value)
        due = max(due + 1 / rate.now, time.monotonic() - 1)
        time.sleep(max(due - time.monotonic(), 0))
    client.flush()
    print(json.dumps({
        "captured": captured, "delivered": client.delivered, "failed": client.failed, "discarded": discarded}))


if __name__ == "__main__":
    main()
