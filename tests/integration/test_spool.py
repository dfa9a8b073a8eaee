# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests kafkasink with a spool on the disk while the broker is away, the edge is killed and restarted, or the disk is full."""

import errno
import os
import signal
import subprocess

import confluent_kafka
import kafka_server
import pymongo
import pytest
import scraped
from pipeline import TOP, closed_port, environment, small_disk, wait_until

CAMERA = ("videotestsrc is-live=true {source} ! video/x-raw,width=64,height=48,framerate=30/1 ! jpegenc ! "
          "kafkasink topic={topic} camera=cam-1 bootstrap-servers={servers} spool={spool} spool-rate=0 {sink}")


@pytest.fixture(scope="module")
def own_kafka(tmp_path_factory):
    with kafka_server.Kafka(tmp_path_factory.mktemp("kafka")) as server:
        yield server


class Edge:
    """Runs a camera with a spool, and reads its metrics."""

    def __init__(self, launch, kafka, topic, spool, source="", sink="", **options):
        self.port = scraped.port()
        line = CAMERA.format(topic=topic, servers=kafka.bootstrap, spool=spool, source=source, sink=sink)
        self.pipeline = launch(line, GST_TRACERS=f"health(port={self.port})", **options)

    def count(self, name, reason=None):
        return scraped.value(self.port, name, reason)

    def wait(self, name, at_least, timeout=60):
        wait_until(lambda: self.count(name) >= at_least, timeout, f"{at_least} {name}")


def frames(kafka, topic):
    """Returns (session, seq) of each message in the topic's only partition, in order."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": f"frames-{topic}"})
    where = confluent_kafka.TopicPartition(topic, 0, 0)
    consumer.assign([where])
    end = consumer.get_watermark_offsets(where, 20)[1]
    headers = [dict(message.headers()) for message in consumer.consume(end, 120)]
    consumer.close()
    assert len(headers) == end
    return [(one["session"].decode(), int(one["seq"])) for one in headers]


def without_repeats(items):
    return list(dict.fromkeys(items))


def count_documents(launch, kafka, mongo, topic):
    """Counts the faces in all frames of the topic, stores the events, and returns the number of documents."""
    database = pymongo.MongoClient(mongo.uri)[topic]
    reader = launch(
        f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={topic} group-id={topic} auto-offset-reset=earliest "
        "eos-at-end=true ! jpegdec ! haarfacecount min-faces=0 ! "
        f"mongosink uri={mongo.uri} database={topic} collection=events")
    assert reader.wait(120) == 0, reader.output()
    return database.events.count_documents({})


def test_frames_survive_if_the_edge_is_killed_while_the_broker_is_away(own_kafka, mongo, fresh, launch, tmp_path):
    """Although the edge is killed and started again while the broker is away, all frames of the outage arrive in order, and
    each makes one document."""
    own_kafka.create_topic(fresh, 1)
    first = Edge(launch, own_kafka, fresh, tmp_path / "spool", "num-buffers=90", "spool-order=oldest-first")
    first.wait("gstfog_messages_delivered_total", 20)
    own_kafka.processes[0].kill()
    wait_until(lambda: first.count("gstfog_messages_delivered_total") + first.count("gstfog_spool_messages") >= 90, 60,
               "the frames in Kafka or on the disk")
    left = int(first.count("gstfog_spool_messages"))
    first.pipeline.kill()
    second = Edge(launch, own_kafka, fresh, tmp_path / "spool", "num-buffers=60", "spool-order=oldest-first")
    wait_until(lambda: f"{left} buffers of earlier runs wait" in second.pipeline.output(), 30, "the message")
    second.wait("gstfog_spool_messages", left + 10)
    own_kafka.start_node(1)
    assert second.pipeline.wait(120) == 0, second.pipeline.output()
    assert "ERROR" not in second.pipeline.output()
    found = without_repeats(frames(own_kafka, fresh))
    sessions = without_repeats(session for session, _ in found)
    assert found == [(sessions[0], seq) for seq in range(90)] + [(sessions[1], seq) for seq in range(60)]
    assert count_documents(launch, own_kafka, mongo, fresh) == 150


def fill(path):
    with open(path, "wb", buffering=0) as filler, pytest.raises(OSError) as full:
        while True:
            filler.write(bytes(4096))
    assert full.value.errno == errno.ENOSPC


@pytest.mark.parametrize("filled", [False, True])
def test_full_disk(own_kafka, fresh, launch, tmp_path, filled):
    """When the disk is full, with frames of the spool or with other files, the sink drops the oldest frames with a warning,
    and the newest frames arrive."""
    own_kafka.create_topic(fresh, 1)
    with small_disk(tmp_path / "disk", "2m") as disk:
        own_kafka.processes[0].signal(signal.SIGSTOP)
        try:
            # noise, so that the frames are about 5 kB
            edge = Edge(launch, own_kafka, fresh, disk / "spool", "pattern=snow num-buffers=900",
                        "drain-timeout=0")
            if filled:
                edge.wait("gstfog_spool_messages", 20)
                fill(disk / "filler")
            assert edge.pipeline.wait(120) == 0, edge.pipeline.output()
            assert "The oldest buffers in" in edge.pipeline.output()
        finally:
            own_kafka.processes[0].signal(signal.SIGCONT)
        if filled:
            (disk / "filler").unlink()
        sender = launch(
            f"fakesrc num-buffers=0 ! kafkasink topic={fresh} bootstrap-servers={own_kafka.bootstrap} "
            f"spool={disk / 'spool'} spool-rate=0")
        assert sender.wait(120) == 0, sender.output()
        found = [seq for _, seq in without_repeats(frames(own_kafka, fresh))]
        newest = [seq for seq in found if seq > found[0] + 5 or seq >= 800]
        assert len(newest) >= 20
        assert newest == list(range(newest[0], 900))


def test_an_edge_with_a_spool_starts_while_the_broker_is_away(tmp_path):
    """`pipelines/edge` with a spool starts without a broker, although its kafkasrc for reports can't connect either, and
    stores its frames on the disk."""
    with open(tmp_path / "log", "wb") as log:
        edge = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", TOP / "pipelines/edge"], stdout=log, stderr=subprocess.STDOUT,
            env={**environment(), "SPOOL": str(tmp_path / "spool"), "FOG_KAFKA": f"127.0.0.1:{closed_port()}",
                 "SOURCE": "videotestsrc is-live=true ! video/x-raw,width=64,height=48,framerate=10/1",
                 "SINK_OPTIONS": "drain-timeout=0"})

    def output():
        return (tmp_path / "log").read_text(errors="replace")

    try:
        wait_until(lambda: "No broker has answered yet" in output() or edge.poll() is not None, 60, "the warning")
        assert edge.poll() is None, output()
        os.kill(edge.pid, signal.SIGINT)
        assert edge.wait(120) == 0, output()
    finally:
        edge.kill()
        edge.wait()
    assert "wait in" in output() and "for the next start" in output()
