# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests mongosink with a database that refuses writes, is slow, or refuses users, and with topics of invalid documents."""

import random
import re
import socket
import threading
import time

import certificates
import confluent_kafka
import gridfs
import mongo_server
import pymongo
import pytest
from mongosinks import event, events, own_mongo, sink  # noqa: F401 (fixtures)
from pipeline import wait_until

SECRET = "hunter2"


# ---- a database that takes nothing for a while ----

@pytest.mark.parametrize("limit, reason", [
    ("_pragma=max_page_count(20)", "full"), ("_pragma=query_only(1)", "readonly")], ids=["disk full", "read-only"])
def test_sink_waits_while_writes_are_refused(own_mongo, sink, fresh, limit, reason):
    stored = events(own_mongo.uri, fresh)
    stored.insert_one({"_id": "first"})
    own_mongo.stop()
    own_mongo.sqlite = limit
    own_mongo.start()
    sending = sink(own_mongo.uri)
    sending.send_all({**event(seq), "text": "x" * 1000} for seq in range(300))
    wait_until(lambda: "can't store documents now" in sending.said(), what="the outage is reported")
    assert reason in sending.said()
    own_mongo.stop()
    own_mongo.sqlite = None
    own_mongo.start()
    assert sending.finish() == 0, sending.said()
    assert stored.count_documents({}) == 301


def test_writes_that_stay_refused_are_an_error_after_the_limit(own_mongo, sink, fresh):
    events(own_mongo.uri, fresh).insert_one({"_id": "first"})
    own_mongo.stop()
    own_mongo.sqlite = "_pragma=query_only(1)"
    own_mongo.start()
    sending = sink(own_mongo.uri, "retry-timeout=500000000")
    sending.send(event(0))
    wait_until(lambda: sending.popen.poll() is not None, what="the sink's end")
    errors = re.findall(r"^ERROR: .*", sending.said(), re.MULTILINE)
    assert len(errors) == 1 and "retry-timeout" in errors[0] and "readonly" in errors[0], sending.said()


class Slowed:
    """A proxy to a server that delays each answer by `delay` s, and a request by `pace` s for each byte."""

    def __init__(self, port, delay=0.0, pace=0.0):
        self._port, self._delay, self._pace = port, delay, pace
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.uri = f"mongodb://127.0.0.1:{self._listener.getsockname()[1]}/"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._port))
            threading.Thread(target=self._copy, args=(client, server, 0, self._pace), daemon=True).start()
            threading.Thread(target=self._copy, args=(server, client, self._delay, 0), daemon=True).start()

    @staticmethod
    def _copy(source, target, delay, pace):
        try:
            while data := source.recv(65536):
                time.sleep(delay + pace * len(data))
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self._listener.close()


def test_batches_for_a_slow_database_become_smaller(mongo, sink, fresh):
    """A batch of 500 documents takes this database several seconds, longer than the sink waits for an answer."""
    slowed = Slowed(mongo.port, pace=0.00008)
    try:
        sending = sink(slowed.uri + "?socketTimeoutMS=1000", "batch-latency=2000000000", "drain-timeout=120000000000",
                       "connections=1", GST_DEBUG="mongosink:4")
        sending.send_all(event(seq) for seq in range(500))
        assert sending.finish(120) == 0, sending.said()
    finally:
        slowed.close()
    assert events(mongo.uri, fresh).count_documents({}) == 500
    assert "weren't acknowledged" in sending.said()


def test_all_documents_are_stored_in_a_database_that_answers_late(mongo, sink, fresh):
    slowed = Slowed(mongo.port, 0.5)
    try:
        sending = sink(slowed.uri, GST_DEBUG="mongosink:6")
        for seq in range(90):
            sending.send(event(seq))
            time.sleep(1 / 30)
        assert sending.finish() == 0, sending.said()
    finally:
        slowed.close()
    assert events(mongo.uri, fresh).count_documents({}) == 90
    assert "can't store" not in sending.said()


# ---- what the database won't take, and topics with poison ----

def test_documents_that_a_unique_index_refuses_are_skipped_with_a_warning(mongo, sink, fresh):
    stored = events(mongo.uri, fresh)
    stored.create_index("seq", unique=True)
    sending = sink(mongo.uri)
    for seq in range(20):
        sending.send(event(seq))
    sending.send({**event(7), "_id": "another"})
    sending.send(event(8))
    assert sending.finish() == 0, sending.said()
    assert sorted(each["seq"] for each in stored.find()) == list(range(20))
    assert "1 documents were skipped" in sending.said() or "skipped" in sending.said()
    assert "E11000" in sending.said()


def publish(kafka, topic, messages):
    producer = kafka.producer()
    for number, (value, caps) in enumerate(messages):
        producer.produce(topic, value, headers={"gst-caps": caps, "mine": "kept"}, partition=number % 3)
    assert producer.flush(120) == 0


def poisoned(count, seed):
    """Yields documents, and instead of every hundredth one random bytes."""
    dice = random.Random(seed)
    for seq in range(count):
        good = b'{"seq":%d,"captured":{"$date":"2026-11-25T00:44:00.123Z"}}' % seq
        yield (dice.randbytes(dice.randrange(300)) if seq % 100 == 50 else good), "application/json"


def read_all(kafka, topic, count):
    reader = confluent_kafka.Consumer(
        {"bootstrap.servers": kafka.bootstrap, "group.id": topic + "-test", "auto.offset.reset": "earliest"})
    reader.subscribe([topic])
    found = []
    try:
        deadline = time.monotonic() + 240
        while len(found) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count}"
            message = reader.poll(0.2)
            if message and not message.error():
                found.append(message)
    finally:
        reader.close()
    return found


def cloud(kafka, mongo, topic, group, options="", rest=""):
    return (
        f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={topic} group-id={group} auto-offset-reset=earliest "
        f"eos-at-end=true ! mongosink name=store uri={mongo.uri} database={topic} {options} {rest}")


def dump(mongo, database):
    return sorted(events(mongo.uri, database).find(), key=lambda document: document["_id"])


def test_a_topic_with_invalid_messages_loses_only_these_and_a_replay_changes_nothing(kafka, mongo, fresh, launch):
    kafka.create_topic(fresh, 3)
    publish(kafka, fresh, poisoned(2000, seed=1))
    first = launch(cloud(kafka, mongo, fresh, "first", "batch-latency=50000000"))
    assert first.wait(120) == 0, first.output()
    before = dump(mongo, fresh)
    assert [document["seq"] for document in sorted(before, key=lambda each: each["seq"])] == [
        seq for seq in range(2000) if seq % 100 != 50]
    again = launch(cloud(kafka, mongo, fresh, "again", "batch-latency=50000000 on-error=skip"))
    assert again.wait(100) == 0, again.output()
    assert dump(mongo, fresh) == before
    assert "E11000" not in again.output(), "a replay isn't a reject"


def test_rejects_leave_with_their_reason_to_another_topic(kafka, mongo, fresh, launch):
    """Invalid and refused documents leave with the reason in a header. In a replay, documents that are already stored don't
    leave as rejects."""
    dead = f"{fresh}-dead"
    for topic in (fresh, dead):
        kafka.create_topic(topic, 3)
    messages = list(poisoned(300, seed=2)) + [(b'{"_id":["a"]}', "application/json")]
    publish(kafka, fresh, messages)
    rest = f"store.rejects ! kafkasink bootstrap-servers={kafka.bootstrap} topic={dead}"
    poison = sorted([value for value, _ in messages[50:300:100]] + [b'{"_id":["a"]}'])
    for run in ("first", "again"):
        stage = launch(cloud(kafka, mongo, fresh, run, "on-error=fail", rest))
        assert stage.wait(120) == 0, stage.output()
        assert events(mongo.uri, fresh).count_documents({}) == 297
    found = read_all(kafka, dead, 2 * len(poison))
    assert sorted(message.value() for message in found) == sorted(2 * poison)
    headers = [dict(message.headers()) for message in found]
    assert all(each["mine"] == b"kept" and each["reject-reason"] for each in headers)
    assert sum("reject-code" in each for each in headers) == 2


# ---- other ways to store ----

def test_replace_and_update(mongo, sink, fresh):
    """Of all documents with the same `_id` the last one is stored at the end, in whichever batches they are."""
    for mode, expected in (("replace", {"_id": "cam", "seq": 19}), ("update", {"_id": "cam", "seq": 19, "old": True})):
        stored = events(mongo.uri, fresh, mode)
        stored.insert_one({"_id": "cam", "old": True})
        sending = sink(mongo.uri, f"mode={mode}", f"collection={mode}")
        for seq in range(20):
            sending.send({"_id": "cam", "seq": seq})
        sending.send({"_id": "new", "seq": 1})
        assert sending.finish() == 0, sending.said()
        assert stored.find_one({"_id": "cam"}) == expected
        assert stored.find_one({"_id": "new"}) == {"_id": "new", "seq": 1}


def test_pictures_as_files(kafka, mongo, fresh, launch):
    """Another MongoDB driver reads the GridFS files back. Frames of several chunks are stored once, even if they are sent
    again."""
    kafka.create_topic(fresh, 3)
    frames = "videotestsrc num-buffers=8 pattern=snow ! video/x-raw,width=640,height=480 ! jpegenc quality=100"
    edge = launch(f"{frames} ! kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh} camera=cam-1")
    assert edge.wait(120) == 0, edge.output()
    sent = {}
    for message in read_all(kafka, fresh, 8):
        headers = dict(message.headers())
        sent[":".join(headers[name].decode() for name in ("camera", "session", "seq"))] = message.value()
    assert max(map(len, sent.values())) > 255 * 1024
    for run in ("first", "again"):
        stage = launch(cloud(kafka, mongo, fresh, run, "mode=gridfs collection=pictures"))
        assert stage.wait(120) == 0, stage.output()
        database = pymongo.MongoClient(mongo.uri)[fresh]
        bucket = gridfs.GridFSBucket(database, "pictures")
        assert {each["_id"]: bucket.open_download_stream(each["_id"]).read() for each in database["pictures.files"].find()} == sent
        chunks = sum(-(-len(value) // (255 * 1024)) for value in sent.values())
        assert database["pictures.chunks"].count_documents({}) == chunks
    described = database["pictures.files"].find_one()["metadata"]
    assert described["caps"].startswith("image/jpeg") and described["headers"]["camera"] == "cam-1"


def test_another_file_with_an_existing_name_is_refused(kafka, mongo, fresh, launch):
    """A file with the name of a stored one but other bytes is refused, and the stored file stays. If the same file is sent
    again, it counts as a duplicate."""
    kafka.create_topic(fresh, 1)
    chunk = 255 * 1024
    first = bytes(2 * chunk + 10)
    others = [bytes(2 * chunk), bytes(3 * chunk), bytes(10), bytes(chunk) + b"x" * (chunk + 10)]
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap, "message.max.bytes": 10 * chunk})
    for value in [first, *others, first]:
        headers = {"gst-caps": "image/jpeg", "camera": "c", "session": "s", "seq": "1"}
        producer.produce(fresh, value, headers=headers, partition=0)
    assert producer.flush(120) == 0
    stage = launch(cloud(kafka, mongo, fresh, "first", "mode=gridfs collection=pictures"), GST_DEBUG="mongosink:5")
    assert stage.wait(120) == 0, stage.output()
    database = pymongo.MongoClient(mongo.uri)[fresh]
    assert gridfs.GridFSBucket(database, "pictures").open_download_stream("c:s:1").read() == first
    assert database["pictures.chunks"].count_documents({}) == 3
    assert database["pictures.files"].count_documents({}) == 1
    assert stage.output().count("another file of this name") >= len(others)


def test_server_without_time_series_stores_in_a_plain_collection(mongo, sink, fresh):
    sending = sink(mongo.uri, "time-field=captured")
    sending.send(event(1))
    assert sending.finish() == 0, sending.said()
    assert "didn't create the time series" in sending.said()
    assert events(mongo.uri, fresh).count_documents({}) == 1


# ---- users and certificates ----

@pytest.fixture
def guarded(tmp_path):
    """Starts a server with TLS and one user."""
    authorities = {name: certificates.Authority(tmp_path / name) for name in ("server", "stranger")}
    certificate, key = authorities["server"].issue("database")
    with mongo_server.Mongo(tmp_path / "guarded", tls_cert=certificate, tls_key=key, user=f"me:{SECRET}") as server:
        yield server, {name: authority.certificate for name, authority in authorities.items()}


def guarded_uri(server, authorities, user=f"me:{SECRET}", authority="server", mechanism="SCRAM-SHA-256"):
    return (
        f"mongodb://{user}@127.0.0.1:{server.port}/?tls=true&tlsCAFile={authorities[authority]}&authSource=admin"
        f"&authMechanism={mechanism}")


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "SCRAM-SHA-256"])
def test_tls_and_scram_are_set_by_the_uri(guarded, sink, fresh, tmp_path, mechanism):
    server, authorities = guarded
    uri = guarded_uri(server, authorities, mechanism=mechanism)
    (tmp_path / "uri").write_text(uri + "\n")
    sending = sink("mongodb://127.0.0.1:1", f"uri-file={tmp_path}/uri", "create-index=seq", GST_DEBUG="*:6,GST_REGISTRY:1",
                   GST_DEBUG_DUMP_DOT_DIR=str(tmp_path))
    for seq in range(20):
        sending.send(event(seq))
    assert sending.finish() == 0, sending.said()[-3000:]
    assert events(uri, fresh).count_documents({}) == 20
    shown = sending.said() + "".join(path.read_text() for path in tmp_path.glob("*.dot"))
    assert list(tmp_path.glob("*.dot")) and SECRET not in shown
    assert "scram" not in shown.lower() or "saslStart" not in shown


@pytest.mark.parametrize("change, told", [
    ({"user": "me:wrong"}, "refused the user"), ({"user": f"nobody:{SECRET}"}, "refused the user"),
    ({"authority": "stranger"}, "Can't reach MongoDB")], ids=["password", "user", "authority"])
def test_a_user_that_the_server_refuses_is_one_error_without_the_password(guarded, sink, change, told):
    server, authorities = guarded
    sending = sink(guarded_uri(server, authorities, **change), GST_DEBUG="*:4")
    wait_until(lambda: sending.popen.poll() is not None, what="the sink's end")
    errors = re.findall(r"^ERROR: .*", sending.said(), re.MULTILINE)
    assert len(errors) == 1 and told in errors[0] and str(server.port) in errors[0], sending.said()[-3000:]
    assert SECRET not in sending.said() and "me:wrong" not in sending.said()


def test_no_document_is_written_without_a_user(guarded, sink):
    server, authorities = guarded
    sending = sink(f"mongodb://127.0.0.1:{server.port}/?tls=true&tlsCAFile={authorities['server']}")
    sending.send(event(1))
    wait_until(lambda: sending.popen.poll() is not None, what="the sink's end")
    errors = re.findall(r"^ERROR: .*", sending.said(), re.MULTILINE)
    assert len(errors) == 1 and "user" in errors[0], sending.said()
