# SPDX-License-Identifier: LGPL-2.1-or-later
"""The study's processing service: unpickles frames, counts faces with OpenCV's Haar cascade, and sends the number and
the frame's time on if there is at least one face. Every 5 s the service sends its rate, the frames counted a second, to the
feedback topic.

The service prints a line of JSON for each window of 10 s, with the numbers of frames, bytes and seconds.
"""

import argparse
import datetime
import json
import os
import pickle
import time

import camera
import clients

FEEDBACK_S = 5
WINDOW_S = 10


class Faces:
    def __init__(self, cascade):
        import cv2
        self.cv2 = cv2
        cv2.setNumThreads(1)
        self.cascade = cv2.CascadeClassifier(cascade)

    def count(self, frame):
        if frame.ndim == 1:
            frame = self.cv2.imdecode(frame, self.cv2.IMREAD_COLOR)
        grey = self.cv2.cvtColor(frame, self.cv2.COLOR_BGR2GRAY)
        return len(self.cascade.detectMultiScale(grey, 1.1, 3, minSize=(30, 30)))


class Window:
    def __init__(self):
        self.begin()

    def begin(self):
        self.frames = self.bytes = 0
        self.began = time.monotonic()

    def add(self, size):
        self.frames += 1
        self.bytes += size

    def print_if_over(self):
        seconds = time.monotonic() - self.began
        if seconds < WINDOW_S:
            return
        print(json.dumps({"frames": self.frames, "bytes": self.bytes, "seconds": seconds}), flush=True)
        self.begin()


class Arrivals:
    """A file with a line for each frame: its number, when it was captured, and when it arrived, in s since 1970."""

    def __init__(self, path):
        self.file = open(path, "w", encoding="utf-8")

    def add(self, number, captured):
        self.file.write(f"{number} {captured.timestamp()} {time.time()}\n")
        self.file.flush()


class Feedback:
    def __init__(self, client, topic):
        self.client, self.topic = client, topic
        self.frames, self.sent = 0, time.monotonic()

    def counted(self):
        self.frames += 1

    def send_if_due(self):
        if time.monotonic() - self.sent < FEEDBACK_S:
            return
        self.client.send(self.topic, str(self.frames / FEEDBACK_S).encode())
        self.frames, self.sent = 0, time.monotonic()


def received(client, topic):
    """Yields the value of each message of the camera topic, and None after each moment without a message."""
    client.open_consumer(topic, f"processing-{topic}")
    while True:
        value = client.receive()
        yield value and (*pickle.loads(value), len(value))


def captured_here(folder, rate):
    """Yields the frames of a camera on this host, for counting at the edge."""
    source, due = camera.Files(folder), time.monotonic()
    while True:
        frame = source.read()
        yield frame, datetime.datetime.now(), source.next, frame.nbytes
        due = max(due + 1 / rate, time.monotonic() - 1)
        time.sleep(max(due - time.monotonic(), 0))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--client", choices=clients.CLIENTS, required=True)
    parser.add_argument("--servers", required=True)
    parser.add_argument("--topic", default="camera")
    parser.add_argument("--database", default="database", help="topic of events")
    parser.add_argument("--feedback", default="feedback", help="topic of rates")
    parser.add_argument("--cascade", help="without a cascade frames are received, but not counted")
    parser.add_argument("--source", help="folder of frames to count at the edge, instead of the topic's")
    parser.add_argument("--rate", type=float, default=1, help="of these, frames/s (1)")
    parser.add_argument("--arrivals", help="file to which each frame's number, capture and arrival are written")
    chosen = parser.parse_args()
    arrivals = Arrivals(chosen.arrivals) if chosen.arrivals else None
    client, window = clients.CLIENTS[chosen.client](chosen.servers), Window()
    client.open_producer()
    faces = Faces(chosen.cascade) if chosen.cascade else None
    feedback = Feedback(client, chosen.feedback)
    for value in captured_here(chosen.source, chosen.rate) if chosen.source else received(client, chosen.topic):
        if os.getppid() == 1:
            break
        if value is not None:
            frame, captured, number, size = value
            window.add(size)
            if arrivals:
                arrivals.add(number, captured)
            found = faces.count(frame) if faces else 0
            feedback.counted()
            if found:
                client.send(chosen.database, json.dumps({"count": found, "time": str(captured)}).encode())
        window.print_if_over()
        if faces:
            feedback.send_if_due()


main()
