# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests mongosink with a real database that is killed or frozen, and with documents that arrive twice."""

import json
import re
import subprocess
import time

import bson
import confluent_kafka
import confluent_kafka.admin
import pymongo
import pytest
from messages import values
from mongo_server import number_of
from mongosinks import event, events, own_mongo, sink  # noqa: F401 (fixtures)
from pipeline import environment, wait_until


def test_types_are_kept_and_no_document_is_stored_twice(mongo, sink, fresh):
    for _ in range(2):
        sending = sink(mongo.uri)
        for seq in range(20):
            sending.send(event(seq % 10))
        assert sending.finish() == 0, sending.said()
    stored = list(events(mongo.uri, fresh).find())
    assert sorted(document["seq"] for document in stored) == list(range(10))
    assert stored[0]["captured"].year == 2026 and stored[0]["boxes"] == [{"x": 1, "y": 2, "w": 30, "h": 40}]


def test_only_the_refused_document_is_lost(mongo, sink, fresh):
    """Of three bad documents the server refuses the first by its `_id`, closes the connection at the second, and the third
    is invalid; only these three are lost. With a single connection the good documents are stored after the first bad ones
    have failed, which shows that the bad ones are at fault."""
    sending = sink(mongo.uri, "connections=1")
    sending.send({"_id": ["a", "list"]})
    sending.send({"_id": "decimal", "value": {"$numberDecimal": "1.5"}})
    sending.write(b"poison")
    for seq in range(50):
        sending.send(event(seq))
    assert sending.finish() == 0, sending.said()
    assert events(mongo.uri, fresh).count_documents({}) == 50
    assert "skipped" in sending.said()


def test_documents_that_fail_the_whole_batch_are_refused_alone(secantus, sink, fresh):
    """At an `_id` of type dbPointer this server reports an internal error (code 1) for the whole batch, as another server
    does when its disk is full."""
    breaking = {"$dbPointer": {"$ref": "c", "$id": {"$oid": "5f9f1b9b9c9d440000000000"}}}
    sending = sink(secantus.uri, "connections=1")
    for seq in range(6):
        sending.send({**event(seq), "_id": breaking} if seq in (1, 4) else event(seq))
    assert sending.finish() == 0, sending.said()
    assert sorted(document["seq"] for document in events(secantus.uri, fresh).find()) == [0, 2, 3, 5]
    assert "MongoDB refused a document: internal server error (code 1)" in sending.said()


def test_indexes_are_created_and_a_refused_index_is_reported(mongo, sink, fresh):
    sending = sink(mongo.uri, "create-index=seq,-captured", "collection=e-%{faces}")
    sending.send(event(1))
    assert sending.finish() == 0, sending.said()
    assert "seq_1_captured_-1" in events(mongo.uri, fresh, "e-1").index_information()
    # expire-after needs a TTL index, which this server doesn't support
    sending = sink(mongo.uri, "create-index=seq", "expire-after=60")
    sending.send(event(1))
    assert sending.finish() == 0, sending.said()
    assert events(mongo.uri, fresh).count_documents({}) == 1
    assert "didn't create the index for expire-after" in sending.said()
    assert "seq_1" in events(mongo.uri, fresh).index_information()


OWN = "mongosink-expiry"


def times(collection):
    """Returns the TTL indexes as {name: (field, seconds)}."""
    return {name: (index["key"][0][0], index["expireAfterSeconds"])
            for name, index in collection.index_information().items() if "expireAfterSeconds" in index}


@pytest.mark.parametrize("runs", [
    [("expire-after=60", 0, {OWN: ("captured", 60)}), ("expire-after=0", 0, {})],
    [("expire-after=60", 0, {OWN: ("captured", 60)}), ("expire-after=90", 0, {OWN: ("captured", 90)})],
    [("expire-after=60", 0, {OWN: ("captured", 60)}), ("expire-after=60 expire-field=t", 0, {OWN: ("t", 60)}),
     ("expire-after=0", 0, {})],
    [("expire-after=60", 0, {OWN: ("captured", 60)}), ("", "expire-after is unset", {OWN: ("captured", 60)})],
    [("create-index=captured", 0, {}), ("expire-after=60", 0, {"captured_1": ("captured", 60)}),
     ("expire-after=0", "captured_1", {"captured_1": ("captured", 60)})],
    [("", 0, {}), ("expire-after=0", 0, {}), ("expire-after=60 create-index=captured;camera", 0, {OWN: ("captured", 60)})],
], ids=lambda runs: ",".join(run[0] or "unset" for run in runs))
def test_expire_after_creates_changes_or_removes_the_ttl_index(secantus, sink, fresh, runs):
    """Each of several sinks has another expire-after: it creates, changes or removes the TTL index, or ends with an error;
    a sink without expire-after keeps the index, with a warning."""
    for seq, (settings, outcome, left) in enumerate(runs):
        sending = sink(secantus.uri, "retry-timeout=300000000", *settings.split())
        sending.send({**event(seq), "t": event(seq)["captured"]})
        refused = isinstance(outcome, str) and settings != ""
        assert (sending.finish() != 0) == refused, sending.said()
        assert outcome in sending.said() if outcome else "WARNING: from" not in sending.said(), sending.said()
        assert times(events(secantus.uri, fresh)) == left
        assert events(secantus.uri, fresh).count_documents({"_id": f"cam-1:s:{seq}"}) == (not refused)


@pytest.mark.parametrize("settings,outcome", [
    ("", "WARNING"), ("expire-after=0", "ERROR"), ("expire-after=60", "ERROR"), ("expire-after=5 expire-field=stored", 0)])
def test_a_ttl_index_of_another_program_is_never_changed(secantus, sink, fresh, settings, outcome):
    events(secantus.uri, fresh).create_index("stored", name="theirs", expireAfterSeconds=5)
    sending = sink(secantus.uri, "retry-timeout=300000000", *settings.split())
    sending.send({**event(0), "stored": event(0)["captured"]})
    assert (sending.finish() != 0) == (outcome == "ERROR"), sending.said()
    assert f"{outcome}: from element" in sending.said() and "theirs" in sending.said() if outcome else \
        "WARNING: from" not in sending.said(), sending.said()
    assert times(events(secantus.uri, fresh)) == {"theirs": ("stored", 5)}


@pytest.mark.parametrize("settings", ["", "expire-after=0", "expire-after=60"])
def test_server_without_ttl_indexes_stores_all_documents(mongo, sink, fresh, settings):
    sending = sink(mongo.uri, *settings.split())
    sending.send(event(0))
    assert sending.finish() == 0, sending.said()
    assert ("expire-after" in sending.said()) == (settings == "expire-after=60"), sending.said()
    assert events(mongo.uri, fresh).count_documents({}) == 1


def test_40000_documents(mongo, sink, fresh):
    sending = sink(mongo.uri)
    sending.send_all(event(seq) for seq in range(40000))
    assert sending.finish() == 0, sending.said()
    assert events(mongo.uri, fresh).count_documents({}) == 40000


def test_no_document_is_lost_if_the_database_is_killed_and_restarted(own_mongo, sink, fresh):
    sending = sink(own_mongo.uri)
    stored = events(own_mongo.uri, fresh)
    for first in range(0, 300, 100):
        for seq in range(first, first + 100):
            sending.send(event(seq))
            if seq == first + 50:
                wait_until(lambda: stored.count_documents({}) > first)
                own_mongo.process.kill()
        own_mongo.start()
    assert sending.finish() == 0, sending.said()
    assert stored.count_documents({}) == 300
    assert "can't store documents now" in sending.said()


def test_sink_waits_for_a_frozen_database(own_mongo, sink, fresh):
    sending = sink(own_mongo.uri)
    stored = events(own_mongo.uri, fresh)
    sending.send(event(0))
    wait_until(lambda: stored.count_documents({}) == 1)
    own_mongo.process.freeze()
    for seq in range(1, 50):
        sending.send(event(seq))
    time.sleep(4)  # longer than one call to the database may last
    own_mongo.process.thaw()
    assert sending.finish() == 0, sending.said()
    assert stored.count_documents({}) == 50


def test_frozen_database_does_not_delay_the_end_of_a_stage(own_mongo, sink, fresh):
    sending = sink(own_mongo.uri, "drain-timeout=1000000000")
    stored = events(own_mongo.uri, fresh)
    sending.send(event(0))
    wait_until(lambda: stored.count_documents({}) == 1)
    own_mongo.process.freeze()
    sending.send(event(1))
    assert sending.finish(20) != 0
    assert "drain-timeout" in sending.said()
    own_mongo.process.thaw()


def test_a_database_that_does_not_answer_is_one_error_without_the_password(own_mongo, sink):
    own_mongo.stop(0)
    sending = sink(own_mongo.uri.replace("mongodb://", "mongodb://me:hunter2@"))
    assert sending.popen.wait(120) != 0
    errors = re.findall(r"^ERROR: .*", sending.said(), re.MULTILINE)
    assert len(errors) == 1 and f"127.0.0.1:{own_mongo.port}" in errors[0] and "MONGODB_URI" in errors[0]
    assert "hunter2" not in sending.said()


def make_topic(bootstrap, topic, partitions):
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([confluent_kafka.admin.NewTopic(topic, partitions, 1)])[topic].result(120)


def publish(bootstrap, topic, count):
    """Sends documents without `_id`, and instead of every hundredth one a message that isn't JSON."""
    producer = confluent_kafka.Producer({"bootstrap.servers": bootstrap})
    for seq in range(count):
        text = "poison" if seq % 100 == 99 else json.dumps({"seq": seq})
        producer.produce(topic, text, headers={"gst-caps": "application/json"}, partition=seq % 3)
    assert producer.flush(120) == 0


def test_a_sink_that_is_killed_repeatedly_stores_each_message_as_one_document(kafka, mongo, fresh, tmp_path):
    make_topic(kafka.bootstrap, fresh, 3)
    publish(kafka.bootstrap, fresh, 6000)
    stored = events(mongo.uri, fresh)
    command = [
        "gst-launch-1.0", "-e", "kafkasrc", f"bootstrap-servers={kafka.bootstrap}", f"topic={fresh}", f"group-id={fresh}",
        "auto-offset-reset=earliest", "client-properties=c,session.timeout.ms=6000", "!", "mongosink",
        f"database={fresh}", "batch-size=20"]
    variables = {**environment(), "GST_DEBUG": "", "MONGODB_URI": mongo.uri}
    for least in (500, 2000, 5940):
        with open(tmp_path / "cloud.log", "ab") as log:
            cloud = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=variables)
        try:
            wait_until(lambda least=least: number_of(stored) >= least or cloud.poll() is not None, 60)
        finally:
            cloud.kill()
            cloud.wait()
    assert stored.count_documents({}) == 5940, (tmp_path / "cloud.log").read_text()
    assert len(stored.distinct("seq")) == 5940


def create_again(kafka, topic):
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.delete_topics([topic])[topic].result(120)
    wait_until(lambda: topic not in admin.list_topics(timeout=10).topics, 30, "the topic is gone")
    kafka.create_topic(topic, 1)


@pytest.mark.parametrize("server", ["mongo", "secantus"])
def test_documents_of_a_topic_that_is_created_again_leave_as_rejects(kafka, request, fresh, launch, server):
    """Messages that are replayed are stored once. Messages of a topic that was deleted and created again have the same
    offsets, and so the same `_id`, as older messages, and leave as rejects."""
    uri = request.getfixturevalue(server).uri
    texts = [json.dumps({"n": n, "when": {"$date": "2026-11-25T00:44:00.123Z"}, "f": n / 3, "l": [1, {"x": None}], "b": 2**40 + n})
             for n in range(200)]

    def store(group, topic_texts):
        producer = kafka.producer()
        for text in topic_texts:
            producer.produce(fresh, text, headers={"gst-caps": "application/json"})
        assert producer.flush(120) == 0
        storing = launch(
            f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} group-id={fresh}-{group} auto-offset-reset=earliest "
            f"eos-at-end=true ! mongosink name=store uri={uri} database={fresh} store.rejects ! "
            f"kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh}-dead")
        assert storing.wait(120) == 0, storing.output()
    def rejected():
        return sorted(json.loads(value)["n"] for value in values(kafka, f"{fresh}-dead"))

    kafka.create_topic(fresh, 1)
    kafka.create_topic(f"{fresh}-dead", 1)
    store("first", texts)
    store("again", [])  # a replay
    events(uri, fresh).update_many({}, {"$set": {"reviewed": True}})
    store("later", [])  # a replay after another program has added a field to the documents
    assert events(uri, fresh).count_documents({}) == 200 and not rejected()
    create_again(kafka, fresh)
    store("new", [json.dumps({"n": n}) for n in range(1000, 1100)])
    assert events(uri, fresh).count_documents({}) == 200
    assert rejected() == list(range(1000, 1100))


@pytest.mark.parametrize("blocksize", [4096, 100, 1, 1000000])
@pytest.mark.parametrize("form", ["application/x-ndjson", "application/bson"])
def test_documents_span_buffers(mongo, fresh, launch, tmp_path, form, blocksize):
    """A stream of documents may be split into buffers at any byte, and its last line needs no line feed."""
    documents = [{"_id": number, "text": "x" * (number % 90), "é": number} for number in range(1000)]
    path = tmp_path / "documents"
    path.write_bytes(b"".join(map(bson.encode, documents)) if form == "application/bson" else
                     "\n".join(json.dumps(document, ensure_ascii=False) for document in documents).encode())
    storing = launch(f"filesrc location={path} blocksize={blocksize} ! {form} ! mongosink uri={mongo.uri} database={fresh}")
    assert storing.wait(120) == 0, storing.output()
    assert list(events(mongo.uri, fresh).find().sort("_id")) == documents
    assert "WARNING: from element" not in storing.output()


def test_a_stream_that_ends_within_a_document_is_a_warning(mongo, fresh, launch, tmp_path):
    (tmp_path / "documents").write_text('{"_id":1}\n{"_id":2')
    storing = launch(f"filesrc location={tmp_path}/documents ! application/x-ndjson ! mongosink uri={mongo.uri} database={fresh}")
    assert storing.wait(120) == 0
    assert [document["_id"] for document in events(mongo.uri, fresh).find()] == [1]
    assert storing.output().count("WARNING: from element") == 1, storing.output()


def test_rejects_leave_unchanged(kafka, mongo, fresh, launch):
    """A rejected document leaves with the same bytes, including the format of numbers, the order of fields, and white space."""
    lines = [b'{ "_id":1.0,  "b" : 12345678901234567890e-3, "a":"\\u00e9" }', b'{"_id":"twice", "n" : 1}', b'{"n":2 , "_id":"twice2","k":1}', b"no json"]
    database = pymongo.MongoClient(mongo.uri)[fresh]
    database.events.create_index("k", unique=True)
    database.events.insert_one({"_id": "first", "k": 1})
    kafka.create_topic(fresh, 1)
    producer = kafka.producer()
    for line in lines:
        producer.produce(fresh, line, headers=[("gst-caps", "application/json")])
    assert producer.flush(120) == 0
    storing = launch(
        f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} group-id={fresh} auto-offset-reset=earliest eos-at-end=true ! "
        f"mongosink name=s uri={mongo.uri} database={fresh} s.rejects ! kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh}-dead")
    assert storing.wait(120) == 0, storing.output()
    consumer = confluent_kafka.Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "dead", "auto.offset.reset": "earliest"})
    consumer.subscribe([f"{fresh}-dead"])
    dead = sorted(message.value() for message in consumer.consume(2, 120))
    consumer.close()
    assert dead == sorted([lines[2], lines[3]])
