# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the three pipelines of the README, on servers at the elements' default ports."""

import json
import pathlib

import confluent_kafka
import kafka_server
import mongo_server
import pymongo
import pytest
from network import own_network
from pipeline import wait_until

CAMERA = "v4l2src" if pathlib.Path("/dev/video0").exists() else "scenesrc"
EDGE = """
    v4l2src ! feedbackrate name=rate camera=cam-1 ! jpegenc ! kafkasink topic=camera
    kafkasrc topic=feedback ! rate.feedback"""
FOG = """
    kafkasrc topic=camera group-id=fog ! jpegdec ! haarfacecount name=faces ! kafkasink topic=database
    faces.rate ! kafkasink topic=feedback"""
CLOUD = """
    kafkasrc topic=database group-id=cloud ! mongosink database=fog collection=events"""


@pytest.fixture
def servers(tmp_path):
    """The servers are made for one test, because the README's topics have fixed names too."""
    with own_network():
        with kafka_server.Kafka(tmp_path / "kafka", port=9092) as kafka:
            with mongo_server.Mongo(tmp_path / "mongo", port=27017) as mongo:
                yield kafka, pymongo.MongoClient(mongo.uri).fog.events


def next_message(kafka, topic):
    """Returns the messages of a topic that may not exist yet, which the consumer reports as an error."""
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": kafka.bootstrap, "group.id": "test", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])

    def poll():
        message = consumer.poll(1)
        return None if message is None or message.error() else (message,)

    try:
        return wait_until(poll, 60, f"a message in {topic}")[0]
    finally:
        consumer.close()


def next_report(kafka):
    return json.loads(next_message(kafka, "feedback").value())


def run_all(launch, camera):
    stages = [launch(CLOUD), launch(FOG), launch(EDGE.replace("v4l2src", camera))]
    for stage in stages:
        stage.wait_playing()
    return stages


def end_all(stages):
    for stage in reversed(stages):
        stage.interrupt()


@pytest.mark.quick
def test_messages_and_faces(servers, launch):
    kafka, events = servers
    stages = run_all(launch, CAMERA)
    event = wait_until(lambda: events.find_one({"faces": {"$gte": 1}}), 60, "an event in the database")
    assert event["camera"] == "cam-1" and len(event["boxes"]) == event["faces"]
    assert next_report(kafka)["frames"] >= 0
    end_all(stages)
    assert events.count_documents({}) == len(events.distinct("_id"))


def test_messages_without_faces(servers, launch):
    kafka, events = servers
    stages = run_all(launch, "scenesrc max-faces=0")
    wait_until(lambda: next_report(kafka)["frames"] > 0, 60, "a report of frames")
    end_all(stages)
    assert events.count_documents({}) == 0


def test_no_messages(servers, launch):
    """No edge runs, and the topics don't exist when the stages start."""
    _, events = servers
    stages = [launch(CLOUD), launch(FOG)]
    for stage in stages:
        stage.wait_playing()
    end_all(stages)
    assert events.count_documents({}) == 0


def test_the_edge_alone(servers, launch):
    """No fog runs, so the edge gets no reports. The edge has to publish its frames without reports too."""
    kafka, _ = servers
    edge = launch(EDGE.replace("v4l2src", CAMERA))
    edge.wait_playing()
    message = next_message(kafka, "camera")
    assert dict(message.headers())["camera"] == b"cam-1"
    assert message.value().startswith(b"\xff\xd8")
    edge.interrupt()
