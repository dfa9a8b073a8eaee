# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kafka Connect and Kafka Streams on this project's topic of events, with their artifacts from Maven."""

import json

import kafka_applications
import messages
import pymongo
import pytest
from pipeline import wait_until

pytestmark = pytest.mark.on_request  # the first run downloads 114 MB
FRAMES = 40


def run(launch, line):
    stage = launch(line)
    assert stage.wait(120) == 0, stage.output()


def count(launch, kafka, topic, group):
    """A Kafka Streams application that sums the faces in all frames, and starts from the first frame for each new group."""
    run(launch, f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={topic} group-id={group} auto-offset-reset=earliest eos-at-end=true !"
                f" jpegdec ! haarfacecount ! kafkasink bootstrap-servers={kafka.bootstrap} topic={topic}-events")


@pytest.fixture
def events(kafka, fresh, launch):
    """Returns a topic that has the event of each frame twice, as after the crash of a fog, and a message that is no event."""
    for topic in (fresh, f"{fresh}-events", f"{fresh}-dead"):
        kafka.create_topic(topic, 1)
    run(launch, f"scenesrc seed=7 num-buffers={FRAMES} ! jpegenc ! kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh} camera=cam-1")
    count(launch, kafka, fresh, f"{fresh}-1")
    count(launch, kafka, fresh, f"{fresh}-2")
    producer = kafka.producer()
    producer.produce(f"{fresh}-events", b"no event")
    assert producer.flush(120) == 0
    return f"{fresh}-events"


def documents(mongo, database):
    """Returns the documents without their field `processed`, which has another value each time that a frame is counted."""
    with pymongo.MongoClient(mongo.uri) as client:
        return sorted(client[database].events.find({}, {"processed": 0}), key=lambda one: one["_id"])


def test_kafka_connect_stores_the_same_documents_as_mongosink(kafka, mongo, fresh, events, launch, tmp_path, monkeypatch):
    monkeypatch.setenv("MONGODB_URI", mongo.uri)
    run(launch, f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={events} group-id={fresh} auto-offset-reset=earliest eos-at-end=true !"
                f" mongosink database={fresh}a collection=events")
    ours = documents(mongo, f"{fresh}a")
    assert len(ours) > FRAMES // 2
    with kafka_applications.connect(
            kafka, tmp_path, name=fresh, topics=events, connection_uri=mongo.uri, database=f"{fresh}b",
            consumer_override_auto_offset_reset="earliest", errors_deadletterqueue_topic_name=f"{fresh}-dead"):
        wait_until(lambda: documents(mongo, f"{fresh}b") == ours, 60, "the same documents", every=1)
        wait_until(lambda: messages.values(kafka, f"{fresh}-dead") == [b"no event"], 60, "the dead letter", every=1)


def test_kafka_streams_sums_the_faces_of_each_minute(kafka, fresh, events, tmp_path):
    distinct = {}
    for value in messages.values(kafka, events):
        if value != b"no event":
            event = json.loads(value)
            distinct[event["_id"]] = event["faces"]
    wanted = {"frames": len(distinct), "faces": sum(distinct.values())}
    kafka.create_topic(f"{fresh}-minutes", 1)

    def sums():
        last = dict(messages.items(kafka, f"{fresh}-minutes"))
        minutes = [json.loads(value) for key, value in last.items() if key.startswith(b"cam-1@")]
        return {name: sum(minute[name] for minute in minutes) for name in wanted}

    with kafka_applications.faces_per_minute(kafka, tmp_path, events, f"{fresh}-minutes"):
        wait_until(lambda: sums() == wanted, 90, f"{wanted}", every=1)
