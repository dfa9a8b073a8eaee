# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares the database with the edge's acknowledgements, the topics, and a new count of every frame."""

import collections
import json
import re

import confluent_kafka
import pipeline

PATIENCE = 60  # seconds without a new document, while documents are missing, after which the wait ends
DELIVERED = re.compile(r"delivered (\S+:\S+:\d+) to partition (\d+), offset (\d+)")


def acknowledged(edges):
    """{(partition, offset): the frame}, of every delivery report that an edge has seen."""
    told = {}
    for log in (log for edge in edges for log in edge.logs):
        for identity, partition, offset in DELIVERED.findall(log.read_text(errors="replace")):
            told[int(partition), int(offset)] = identity
    return told


def identity_of(message):
    headers = {name: value.decode() for name, value in message.headers()}
    return f"{headers['camera']}:{headers['session']}:{headers['seq']}"


def published(system, role):
    """Returns all messages of a topic that exist now, by partition."""
    reader = confluent_kafka.Consumer({
        "bootstrap.servers": system.kafka.bootstrap, "group.id": f"verdict-{role}", "enable.auto.commit": False,
        "enable.partition.eof": True})
    topic = system.topics[role]
    partitions = reader.list_topics(topic, 30).topics[topic].partitions
    reader.assign([confluent_kafka.TopicPartition(topic, partition, 0) for partition in partitions])
    messages, left = [], len(partitions)
    while left:
        message = reader.poll(30)
        assert message is not None, f"{topic} can't be read"
        if message.error() is None:
            messages.append(message)
        elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
            left -= 1
    reader.close()
    return messages


def recount(system, directory):
    """{frame: faces}, by the fog's own element over the whole camera topic."""
    output = directory / "recount.json"
    counting = pipeline.Pipeline(
        f"kafkasrc bootstrap-servers={system.kafka.bootstrap} topic={system.topics['camera']} "
        "auto-offset-reset=earliest eos-at-end=true ! jpegdec ! haarfacecount min-faces=0 ! "
        f"filesink location={output}", directory / "recount.log")
    assert counting.wait(900) == 0, counting.output()
    decoder, text, at, faces = json.JSONDecoder(), output.read_text(), 0, {}
    while at < len(text):
        event, at = decoder.raw_decode(text, at)
        faces[event["_id"]] = event["faces"]
        while text[at:at + 1].isspace():
            at += 1
    return faces


def out_of_order(sequences):
    """Returns the elements that came too late, after one that they belong before. `sequences`: {name of a sequence that
    must ascend: its elements}. An element is the set of places that it may have; any of them will do."""
    wrong = []
    for name, elements in sequences.items():
        seen, highest = set(), -1
        for places in elements:
            if seen.isdisjoint(places) and max(places) < highest:
                wrong.append(f"{name}: {max(places)} after {highest}")
            seen.update(places)
            highest = max(highest, min(places))
    return wrong


def order_of_frames(messages):
    """Finds frames that follow a later frame of their camera in a partition."""
    sequences = collections.defaultdict(list)
    for message in messages:
        camera, session, seq = identity_of(message).rsplit(":", 2)
        sequences[f"frames of {camera}:{session} in partition {message.partition()}"].append({int(seq)})
    return out_of_order(sequences)


def order_of_events(events, frames):
    """Finds events that follow the event of a later frame, if the frames are of one partition and the events of one fog
    process. If a frame was published twice, its event may belong to either copy."""
    places = collections.defaultdict(lambda: collections.defaultdict(set))
    for frame in frames:
        places[identity_of(frame)][frame.partition()].add(frame.offset())
    sequences = collections.defaultdict(list)
    for event in events:
        fog, place = json.loads(event.value())["replica"], places[identity_of(event)]
        if len(place) == 1:
            (partition, offsets), = place.items()
            sequences[f"events in partition {event.partition()} by {fog} of partition {partition}"].append(offsets)
    return out_of_order(sequences)


def judge(parts, watch, until, directory, say):
    """Waits until fog and cloud have processed everything, then compares all frames, events and documents. The edges must have
    ended before."""
    system = parts.system
    told, frames = acknowledged(parts.edges), published(system, "camera")
    faces = recount(system, directory)
    wanted = sum(number > 0 for number in faces.values())
    say(f"{len(frames)} frames published, {wanted} with a face; {watch.documents()} documents")
    # the wait ends when as many documents as expected exist, or no document has come for too long
    until(lambda: watch.quiet(2 if watch.documents() >= wanted else PATIENCE))
    say(f"{watch.documents()} documents")
    return Verdict(
        told, frames, faces, system.stored(), system.events.count_documents({}), published(system, "database"))


class Verdict:
    """`acknowledged`: {(partition, offset): frame}; `faces`, `stored`: {frame: how many}, counted again and in the
    database, of whose `documents` each should have an _id of its own; `frames`, `events`: the topics' messages."""

    def __init__(self, acknowledged, frames, faces, stored, documents, events=()):
        self.acknowledged, self.frames, self.faces, self.stored = acknowledged, frames, faces, stored
        self.events = events
        self.wanted = {identity: number for identity, number in faces.items() if number > 0}
        self.lost, self.duplicates = list(self._lost()), list(self._duplicates(documents))
        self.frames_disordered = order_of_frames(frames)
        self.events_disordered = order_of_events(events, frames)
        self.wrong = [
            f"{identity}: {stored[identity]} faces stored, {number} counted"
            for identity, number in self.wanted.items() if stored.get(identity, number) != number]

    def _lost(self):
        there = {(frame.partition(), frame.offset()): identity_of(frame) for frame in self.frames}
        for place, identity in self.acknowledged.items():
            if there.get(place) != identity:
                yield f"{identity}: acknowledged at {place}, where the topic has {there.get(place)}"
        for identity in set(there.values()) - self.faces.keys():
            yield f"{identity}: not counted again"
        counted = {identity_of(event): event for event in self.events}
        for identity in self.wanted.keys() - self.stored.keys():
            event = counted.get(identity)
            where = f"its event is message {event.offset()} of partition {event.partition()}" if event else "no event"
            yield f"{identity}: shows {self.wanted[identity]} faces, no document; {where}"

    def _duplicates(self, documents):
        if documents != len(self.stored):
            yield f"{documents - len(self.stored)} documents of one _id"
        for identity in self.stored.keys() - self.wanted.keys():
            yield f"{identity}: stored, but its frame shows no face"

    def kept(self):
        return bool(self.wanted) and not (
            self.lost or self.duplicates or self.wrong or self.frames_disordered or self.events_disordered)
