# SPDX-License-Identifier: LGPL-2.1-or-later
"""`pipelines/erase` removes a camera's frames of a range of time and nothing else, and says what remains in Kafka until when."""

import datetime
import os
import pty
import subprocess
import time

import confluent_kafka
import gridfs
import pymongo
import pytest
from pipeline import TOP, environment

START = int(time.time()) * 1000 - 600_000  # ms; ten minutes ago
# (camera, capture time in s after START) of each message, in the order of the topic's only
# partition. Kafka can remove only the first three, because the fourth is of another camera.
MESSAGES = [("cam-1", 0), ("cam-1", 1), ("cam-1", 2), ("cam-2", 2), ("cam-1", 3), ("cam-1", 100)]
RANGE = ["--camera", "cam-1", "--from", datetime.datetime.fromtimestamp(START / 1000, datetime.timezone.utc).isoformat(),
         "--to", datetime.datetime.fromtimestamp(START / 1000 + 10, datetime.timezone.utc).isoformat()]


def at(seconds):
    return datetime.datetime.fromtimestamp(START / 1000 + seconds, datetime.timezone.utc)


class Kept:
    def __init__(self, kafka, mongo, name, sent=MESSAGES):
        self.kafka, self.mongo, self.name = kafka, mongo, name
        self.client = pymongo.MongoClient(mongo.uri)
        database = self.client[name]
        self.events, self.bucket = database["events"], gridfs.GridFS(database, "pictures")
        kafka.create_topic(name, 1, config=["retention.ms=3600000", "segment.ms=600000"])
        kafka.create_topic(name + "-events", 1)
        producer = kafka.producer()
        for seq, (camera, seconds) in enumerate(sent):
            for topic in (name, name + "-events"):
                producer.produce(topic, b"x", headers=[("camera", camera), ("session", "s"), ("seq", str(seq))],
                                 timestamp=START + seconds * 1000)
            self.events.insert_one({"_id": f"{camera}:s:{seq}", "camera": camera, "captured": at(seconds), "faces": 1})
            self.bucket.put(b"y" * 300_000, _id=f"{camera}:s:{seq}", metadata={"captured": at(seconds), "headers": {"camera": camera}})
        assert producer.flush(120) == 0

    def environment(self, **settings):
        return {**environment(), "GST_DEBUG": "", "FOG_KAFKA": self.kafka.bootstrap, "CAMERA_TOPIC": self.name,
                "DATABASE_TOPIC": self.name + "-events", "MONGODB_URI": self.mongo.uri, "DATABASE": self.name, **settings}

    def erase(self, *words, **settings):
        return subprocess.run([TOP / "pipelines/erase", *words], capture_output=True, text=True, timeout=120, check=False,
                              stdin=subprocess.DEVNULL, env=self.environment(**settings))

    def state(self):
        """Returns (first offsets in Kafka, ids of documents, ids of pictures, ids of the pictures with chunks)."""
        consumer = confluent_kafka.Consumer({"bootstrap.servers": self.kafka.bootstrap, "group.id": "look"})
        low = [consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, 0), 10)[0]
               for topic in (self.name, self.name + "-events")]
        consumer.close()
        database = self.client[self.name]
        return (low, {one["_id"] for one in self.events.find()}, {one["_id"] for one in database["pictures.files"].find()},
                {one["files_id"] for one in database["pictures.chunks"].find()})


@pytest.fixture
def kept(kafka, mongo, fresh):
    one = Kept(kafka, mongo, fresh)
    yield one
    one.client.close()


LEFT = {"cam-2:s:3", "cam-1:s:5"}


def test_erase_removes_only_the_range_of_one_camera(kept):
    before = kept.state()
    done = kept.erase(*RANGE, "--dry-run")
    assert done.returncode == 0 and "3 of 4 frames" in done.stdout and "4 documents" in done.stdout, done.stdout + done.stderr
    until = datetime.datetime.fromtimestamp(START / 1000 + 3 + 3600 + 600, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    assert "1 remain" in done.stdout and f"until {until}" in done.stdout, done.stdout
    assert kept.state() == before
    done = kept.erase(*RANGE)
    assert done.returncode == 2 and "--yes" in done.stderr and kept.state() == before
    done = kept.erase(*RANGE, "--yes")
    assert done.returncode == 1, done.stderr
    assert "removed: 3 frames and 3 events from Kafka, 4 documents, 4 pictures" in done.stdout
    assert kept.state() == ([3, 3], LEFT, LEFT, LEFT)
    done = kept.erase(*RANGE, "--yes")
    assert done.returncode == 1 and "removed: 0 frames and 0 events from Kafka, 0 documents, 0 pictures" in done.stdout
    assert kept.state() == ([3, 3], LEFT, LEFT, LEFT)


def test_erase_finds_messages_that_arrived_late(kafka, mongo, fresh):
    """A spool sends messages late: one captured before the range stands among messages of the range, and one captured in
    the range stands behind later messages."""
    late = Kept(kafka, mongo, fresh, [("cam-1", 2), ("cam-1", -50), ("cam-2", 100), ("cam-1", 5)])
    done = late.erase(*RANGE, "--yes")
    late.client.close()
    assert done.returncode == 1 and "topic " + fresh + ": 1 of 2 frames" in done.stdout, done.stdout + done.stderr
    assert "removed: 1 frames and 1 events from Kafka, 2 documents, 2 pictures" in done.stdout
    left = {"cam-1:s:1", "cam-2:s:2"}
    assert late.state() == ([1, 1], left, left, left)


@pytest.mark.parametrize("words, settings", [([], {"COLLECTION": "events-%{captured:%Y}"}), (["--pictures", "%{camera}"], {})])
def test_erase_refuses_a_pattern_as_the_name_of_a_collection(kept, words, settings):
    before = kept.state()
    done = kept.erase(*RANGE, "--yes", *words, **settings)
    assert done.returncode == 2 and "pattern" in done.stderr and kept.state() == before, done.stdout + done.stderr


def test_erase_removes_what_an_interrupted_erase_has_left(kept):
    """An earlier erase was killed after it had removed Kafka's messages, and the chunks of a picture whose document is
    still in the database."""
    kept.kafka.delete_records(kept.name, {0: 3})
    kept.client[kept.name]["pictures.chunks"].delete_many({"files_id": "cam-1:s:0"})
    done = kept.erase(*RANGE, "--yes")
    assert done.returncode == 1 and kept.state() == ([3, 3], LEFT, LEFT, LEFT), done.stderr


@pytest.mark.parametrize("answer", ["yes", "no"])
def test_erase_asks_for_confirmation_at_a_terminal(kept, answer):
    before = kept.state()
    ours, theirs = pty.openpty()
    os.write(ours, answer.encode() + b"\n")
    done = subprocess.run([TOP / "pipelines/erase", *RANGE], stdin=theirs, capture_output=True, text=True, timeout=120,
                          env=kept.environment(), check=False)
    os.close(ours)
    os.close(theirs)
    assert "for good" in done.stdout
    assert (done.returncode, kept.state() == before) == ((1, False) if answer == "yes" else (2, True))


@pytest.mark.parametrize("words, said", [
    (["--camera", "cam-1"], "--from"), ([*RANGE, "more"], "too many"), (["--camera", "cam-1", "--from", "now", "--to", "-1h"], "earlier"),
    (["--camera", "cam-1", "--from", "x", "--to", "now"], "zone")])
def test_mistakes(words, said):
    done = subprocess.run([TOP / "pipelines/erase", *words, "--yes"], capture_output=True, text=True, timeout=120, env=environment(),
                          check=False)
    assert done.returncode == 2 and said in done.stderr and not done.stdout


def test_erase_removes_nothing_if_the_database_does_not_answer(kept):
    before = kept.state()
    done = kept.erase(*RANGE, "--yes", MONGODB_URI="mongodb://127.0.0.1:1/")
    assert done.returncode == 2 and "127.0.0.1:1" in done.stderr and kept.state() == before
