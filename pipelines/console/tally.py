# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts the frames that were published, counted and stored, and compares the numbers."""

import datetime
import json


def frame_id(headers):
    """Returns the `_id` that haarfacecount gives a frame's event; None if a header is missing."""
    parts = [headers.get(name) for name in ("camera", "session", "seq")]
    return ":".join(parts) if all(parts) else None


def number(text):
    return int(text) if text is not None and text.isdigit() else None


class Frames:
    """Counts the messages of the camera topic, and notes each frame's id, and its true number of faces if known."""

    def __init__(self):
        self.messages = 0
        self.truth = {}

    def add(self, headers):
        self.messages += 1
        self.truth[frame_id(headers)] = number(headers.get("scene-faces"))


class Events:
    """Counts the messages of the database topic, which are events about frames with faces."""

    def __init__(self):
        self.messages = 0
        self.ids = set()
        self.newest = None  # time of capture, number of faces, seconds from capture until the event was read here

    def add(self, value, now):
        event = json.loads(value)
        self.messages += 1
        self.ids.add(event["_id"])
        captured = date_of(event["captured"])
        if self.newest is None or captured >= self.newest[0]:
            self.newest = captured, event["faces"], max(0.0, now - captured)


class Reports:
    """Reads the messages of the feedback topic, which are the replicas' reports."""

    def __init__(self):
        self.frames = 0
        self.rejected = 0
        self.last = {}

    def add(self, value, now):
        try:
            report = json.loads(value)
            self.frames += report["frames"]
            self.last[report["replica"]] = now, report
        except (ValueError, KeyError, TypeError):
            self.rejected += 1

    def current(self, now):
        """Returns the newest report of each replica that still runs."""
        return [
            report for when, report in self.last.values()
            if now - when < 2.2 * report["interval"] + 1 and not report.get("leaving")]

    def rate(self, now):
        return sum(report["frames"] / report["interval"] for report in self.current(now))

    def waiting(self, now):
        return sum(report.get("lag", 0) for report in self.current(now))


def date_of(value):
    """Converts an Extended JSON date, relaxed or canonical, to seconds since the epoch."""
    date = value["$date"]
    if isinstance(date, dict):
        return int(date["$numberLong"]) / 1000
    return datetime.datetime.fromisoformat(date.replace("Z", "+00:00")).timestamp()


class Verdict:
    # The lowest precision and recall with which the faces of the scene count as correctly counted.
    GOOD = 0.97

    def __init__(self, frames, events, reports, documents, unread):
        """Compares the numbers. `documents`: the documents in the database; `unread`: number of messages
        that fog, cloud or console have not read."""
        self.frames, self.events, self.counted = frames, events, reports.frames
        # the fog may count a frame twice, which is stored only once, but it must count each frame
        # at least once
        self.unread = max(unread, frames.messages - reports.frames)
        self.stored = len(documents)
        self.faces = {document["_id"]: document["faces"] for document in documents}
        # finds frames with two documents by camera and seq, because the database itself keeps _id
        # unique
        self.twice = self.stored - len({(document["camera"], document["seq"]) for document in documents})
        self.missing = len(events.ids - self.faces.keys())
        self.unknown = len(self.faces.keys() - frames.truth.keys())

    def known(self):
        return {frame: faces for frame, faces in self.frames.truth.items() if faces is not None}

    def count_quality(self):
        """Returns precision and recall of the faces, computed frame by frame; None if the true number is
        known for no frame."""
        known = self.known()
        if not known:
            return None
        pairs = [(faces, self.faces.get(frame, 0)) for frame, faces in known.items()]
        right = sum(min(pair) for pair in pairs)
        true, counted = (sum(column) for column in zip(*pairs))
        return right / counted if counted else 1.0, right / true if true else 1.0

    def agrees(self):
        quality = self.count_quality()
        stored_exactly = not (self.missing or self.twice or self.unknown or self.unread)
        return bool(self.frames.messages) and stored_exactly and (quality is None or min(quality) >= self.GOOD)

    def describe(self):
        known, quality = self.known(), self.count_quality()
        with_faces = {frame for frame, faces in known.items() if faces}
        yield f"frames published             {self.frames.messages}"
        yield f"  counted by the fog         {self.counted}"
        yield f"  left                       {self.unread}"
        yield f"frames with a face, by the fog {len(self.events.ids)} ({self.events.messages} events)"
        yield f"documents                    {self.stored}"
        yield f"  missing                    {self.missing}"
        yield f"  twice                      {self.twice}"
        yield f"  of a frame never published {self.unknown}"
        if quality:
            found = self.faces.keys() & known.keys()
            yield f"frames with a face, by the scene's ground truth {len(with_faces)}"
            yield f"  without a document         {len(with_faces - found)}"
            yield f"documents of no face         {len(found - with_faces)}"
            yield f"faces, frame by frame        precision {quality[0]:.4f}, recall {quality[1]:.4f}"
