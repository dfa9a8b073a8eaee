# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the whole system for one test: topics, a database, and the recorded number of faces of each published frame."""

import json

import confluent_kafka
import pymongo

FRAME = "video/x-raw,width=640,height=480"


class System:
    def __init__(self, kafka, mongo, name, partitions=10):
        self.kafka, self.name = kafka, name
        self.topics = {role: f"{name}-{role}" for role in ("camera", "database", "feedback")}
        for topic in self.topics.values():
            kafka.create_topic(topic, partitions)
        self.mongo = mongo
        self.events = pymongo.MongoClient(mongo.uri)[name].events

    def _kafka(self, element, role, extra=""):
        return f"{element} bootstrap-servers={self.kafka.bootstrap} topic={self.topics[role]} {extra}"

    def edge(self, frames, source="", camera="cam-1"):
        """An edge that publishes every frame of a recording as fast as possible."""
        return (
            f"scenesrc is-live=false num-buffers={frames} {source} ! {FRAME},framerate=5/1 ! jpegenc quality=90 ! "
            + self._kafka("kafkasink", "camera", f"camera={camera}"))

    def live_edge(self, rate_options="", camera="cam-1", source=f"scenesrc ! {FRAME}", sink_options=""):
        return (
            f"{source} ! feedbackrate name=rate camera={camera} {rate_options} ! jpegenc ! "
            + self._kafka("kafkasink", "camera", sink_options) + " " + self._kafka("kafkasrc", "feedback")
            + " ! rate.feedback")

    def fog(self, replica, faces_options="", sink_options=""):
        return (
            self._kafka("kafkasrc", "camera", f"group-id={self.name}-fog auto-offset-reset=earliest")
            + f" ! jpegdec ! haarfacecount name=faces replica={replica} report-interval=500000000 {faces_options} ! "
            + self._kafka("kafkasink", "database", sink_options) + " faces.rate ! " + self._kafka("kafkasink", "feedback"))

    def cloud(self, options=""):
        return (
            self._kafka("kafkasrc", "database", f"group-id={self.name}-cloud auto-offset-reset=earliest")
            + f" ! mongosink uri={self.mongo.uri} database={self.name} collection=events {options}")

    def _reader(self, role):
        """Returns a consumer and the first offset of each partition of a topic."""
        reader = confluent_kafka.Consumer({
            "bootstrap.servers": self.kafka.bootstrap, "group.id": f"{self.name}-test-{role}",
            "auto.offset.reset": "earliest", "enable.auto.commit": False})
        topic = self.topics[role]
        partitions = reader.list_topics(topic, 30).topics[topic].partitions
        return reader, [confluent_kafka.TopicPartition(topic, partition, 0) for partition in partitions]

    def count(self, role):
        """Returns the number of messages in a topic now."""
        reader, partitions = self._reader(role)
        try:
            return sum(reader.get_watermark_offsets(partition, 30)[1] for partition in partitions)
        finally:
            reader.close()

    def read(self, role):
        """Yields all messages of a topic, beginning with its first; yields None whenever there is no new message."""
        reader, partitions = self._reader(role)
        reader.assign(partitions)
        try:
            while True:
                message = reader.poll(0.2)
                if message is None or not message.error():
                    yield message
        finally:
            reader.close()

    def value(self, place):
        """Returns the bytes of the message at `topic`, `partition` and `offset`."""
        reader, _ = self._reader("camera")
        reader.assign([confluent_kafka.TopicPartition(place["topic"], place["partition"], place["offset"])])
        try:
            return reader.poll(30).value()
        finally:
            reader.close()

    def reports(self):
        for message in self.read("feedback"):
            yield None if message is None else json.loads(message.value())

    def truth(self, frames):
        """Returns {_id of a frame: how many faces it shows} for this number of frames."""
        truth = {}
        for message in self.read("camera"):
            if message is not None:
                headers = {name: value.decode() for name, value in message.headers()}
                identity = f"{headers['camera']}:{headers['session']}:{headers['seq']}"
                assert identity not in truth, f"{identity} was published twice"
                truth[identity] = int(headers["scene-faces"])
            if len(truth) == frames:
                return truth

    def stored(self):
        return {event["_id"]: event["faces"] for event in self.events.find({}, {"faces": 1})}
