# SPDX-License-Identifier: LGPL-2.1-or-later
"""`pipelines/doctor` finds each fault of a deployment, says how to repair it, changes nothing, and never hangs."""

import contextlib
import json
import os
import socket
import subprocess
import time

import confluent_kafka
import kafka_requests
import kafka_server
import mongo_server
import pymongo
import pytest
from pipeline import TOP, closed_port, environment, wait_until

PASSWORD = "open-sesame-8d1f"
# user: the operations that this user may do on all topics and groups
RIGHTS = {
    "noread": "topic.Describe topic.Write", "nowrite": "topic.Describe topic.Read group.Read",
    "nogroup": "topic.Describe topic.Read topic.Write", "nothing": ""}
PROPERTIES = [
    "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users=User:ANONYMOUS",
    "sasl.enabled.mechanisms=PLAIN",
    "auto.create.topics.enable=false",
    "listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required "
    + " ".join(f'user_{user}="{PASSWORD}"' for user in RIGHTS) + ";",
]
TOPICS = {
    "camera": ["retention.ms=3600000"], "feedback": [], "database": ["retention.ms=604800000"], "small": ["max.message.bytes=100000"],
    "compacted": ["cleanup.policy=compact"], "two-of-one": ["min.insync.replicas=2"], "future": []}


class Site:
    """A cluster with a good listener and wrong ones, users with rights of all kinds, and two databases."""

    def __init__(self, directory, other):
        self.directory = directory
        self.kafka = kafka_server.Kafka(
            directory / "kafka", properties=PROPERTIES,
            listeners={"sasl": "SASL_PLAINTEXT", "name": "PLAINTEXT", "closed": "PLAINTEXT", "other": "PLAINTEXT"},
            advertised={"name": "nowhere.invalid:9092", "closed": f"127.0.0.1:{closed_port()}", "other": other.bootstrap})
        self.mongo = mongo_server.Mongo(directory / "mongo", user=f"fog:{PASSWORD}")
        self.silent = socket.create_server(("127.0.0.1", 0))  # accepts, and never answers
        self.port = self.silent.getsockname()[1]

    def __enter__(self):
        self.kafka.start()
        self.mongo.start()
        for name, config in TOPICS.items():
            self.kafka.create_topic(name, 2, config=config)
        for user, rights in RIGHTS.items():
            for right in rights.split():
                kafka_requests.Right(user, right.split(".")[0], "*", right.split(".")[1]).give(self.kafka.first_address)
        producer = self.kafka.producer()
        producer.produce("future", b"frame", timestamp=int((time.time() + 1800) * 1000))
        assert producer.flush(120) == 0
        return self

    def __exit__(self, *_):
        self.silent.close()
        self.kafka.stop(0)
        self.mongo.stop(0)

    def uri(self, password=PASSWORD, options=""):
        return f"mongodb://fog:{password}@127.0.0.1:{self.mongo.port}/?authSource=admin{options}"

    def config(self, *lines):
        path = self.directory / f"{len(list(self.directory.iterdir()))}.properties"
        path.write_text("\n".join([*lines, ""]))
        return str(path)

    def login(self, user, password=PASSWORD):
        return {"FOG_KAFKA": self.kafka.servers("sasl"), "KAFKA_CONFIG": self.config(
            "security.protocol=SASL_PLAINTEXT", "sasl.mechanism=PLAIN", f"sasl.username={user}", f"sasl.password={password}")}

    def examine(self, words, **settings):
        """Returns (exit code, findings). Also checks what every run of the doctor must do: print no password, end within 240
        s, and give each fault a reason and a remedy."""
        began = time.monotonic()
        done = subprocess.run(
            [TOP / "pipelines/doctor", "--json", *words.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300,
            env={**environment(), "GST_DEBUG": "", "FOG_KAFKA": self.kafka.bootstrap, "MONGODB_URI": self.uri(),
                 "SOURCE": "videotestsrc", "KEEP_FRAMES": "3600", "KEEP_EVENTS": "604800", **settings}, check=False)
        assert PASSWORD not in done.stdout + done.stderr
        assert time.monotonic() - began < 240
        verdict = json.loads(done.stdout)
        for one in verdict["findings"]:
            assert one["level"] in ("good", "note") or (one["why"] and one["do"]), one
        return done.returncode, verdict["findings"]


@pytest.fixture(scope="module")
def site(tmp_path_factory, kafka):
    with Site(tmp_path_factory.mktemp("doctor"), kafka) as one:
        yield one


def ask(function, *arguments):
    """Calls a function of a client. Returns None while a broker that has just started doesn't know its coordinators."""
    with contextlib.suppress(confluent_kafka.KafkaException):
        return function(*arguments)


def state(site):
    """Returns the offsets of topics and groups, the names of topics, and the collections of the database."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": site.kafka.bootstrap, "group.id": "look"})
    ends = {(topic, n): consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, n), 10) for topic in TOPICS for n in (0, 1)}
    committed = {}
    for group, topic in (("fog", "camera"), ("cloud", "database")):
        member = confluent_kafka.Consumer({"bootstrap.servers": site.kafka.bootstrap, "group.id": group})
        parts = [confluent_kafka.TopicPartition(topic, n) for n in (0, 1)]
        committed[group] = [one.offset for one in wait_until(lambda: ask(member.committed, parts, 5), 60, "offsets")]
        member.close()
    consumer.close()
    topics = set(site.kafka.producer().list_topics(timeout=10).topics) - {"__consumer_offsets"}
    client = pymongo.MongoClient(site.uri())
    found = {name: client[name].list_collection_names() for name in client.list_database_names() if name not in ("admin", "config", "local")}
    client.close()
    return ends, committed, topics, found


def test_the_doctor_finds_no_fault_in_a_good_deployment_and_changes_nothing(site):
    before = state(site)
    code, findings = site.examine("edge fog cloud demand --replicas 2")
    assert code == 0, findings
    assert {one["about"] for one in findings if one["level"] == "good"} >= {
        "edge", "fog", "cloud", "broker 1", "topic camera", "topic database", "topic feedback", "group fog", "group cloud", "database"}
    assert state(site) == before


def shown(findings):
    return "\n".join(f"{one['level']} {one['about']}: {one['what']}" for one in findings)


def damaged(path):
    path.write_text("<opencv_storage><cascade></cascade></opencv_storage>")
    return str(path)


# name of the faults: (doctor's arguments, settings, [(level of a finding, its subject, words in
# it)…]). A run finds several faults at once.
FAULTS = {
    "advertised name, no database": (
        "demand cloud", lambda s, p: {"FOG_KAFKA": s.kafka.servers("name"), "MONGODB_URI": f"mongodb://127.0.0.1:{closed_port()}"},
        [("bad", "broker 1", "nowhere.invalid:9092"), ("bad", "database", "refused")]),
    "advertised port, a silent database": (
        "cloud", lambda s, p: {"FOG_KAFKA": s.kafka.servers("closed"), "MONGODB_URI": f"mongodb://127.0.0.1:{s.port}"},
        [("bad", "broker 1", "refused"), ("bad", "database", "timeout")]),
    "advertised cluster, wrong password of the database": (
        "cloud", lambda s, p: {"FOG_KAFKA": s.kafka.servers("other"), "MONGODB_URI": s.uri("wrong")},
        [("bad", "broker 1", "another cluster"), ("bad", "database", "uthentication")]),
    "no broker, another kind of database": (
        "cloud", lambda s, p: {"FOG_KAFKA": f"127.0.0.1:{closed_port()}", "MONGODB_URI": "postgres://x"},
        [("bad", "kafka", "refused"), ("bad", "database", "URI")]),
    "no such host, three servers of one": (
        "cloud", lambda s, p: {"FOG_KAFKA": "nowhere.invalid", "MONGODB_URI": s.uri(options="&w=3")},
        [("bad", "kafka", "resolve"), ("bad", "database", "w=3")]),
    "a silent broker, no acknowledgement": (
        "cloud", lambda s, p: {"FOG_KAFKA": f"127.0.0.1:{s.port}", "MONGODB_URI": s.uri(options="&w=0")},
        [("bad", "kafka", "no answer within"), ("bad", "database", "w=0")]),
    "TLS with a broker without": (
        "demand", lambda s, p: {"KAFKA_CONFIG": s.config("security.protocol=SSL")}, [("bad", "kafka", "SSL")]),
    "wrong password": ("demand", lambda s, p: s.login("nowrite", "wrong"), [("bad", "kafka", "uthentication")]),
    "no file of settings": ("demand", lambda s, p: {"KAFKA_CONFIG": str(p / "none")}, [("bad", "kafka", "No such file")]),
    "wrong setting": ("demand", lambda s, p: {"KAFKA_CONFIG": s.config("session.timeout=1")}, [("bad", "kafka", "session.timeout")]),
    "no right to see": ("edge", lambda s, p: s.login("nothing"), [("bad", "topic camera", "may not see")]),
    "no right to read": (
        "fog", lambda s, p: s.login("noread"), [("bad", "topic camera", "may not read"), ("bad", "group fog", "may not join")]),
    "no right to write": ("fog", lambda s, p: s.login("nowrite"), [("bad", "topic database", "may not write")]),
    "no right to join": ("fog", lambda s, p: s.login("nogroup"), [("bad", "group fog", "may not join")]),
    "no topic": ("demand", lambda s, p: {"FEEDBACK_TOPIC": "missing"}, [("bad", "topic missing", "isn't there")]),
    "no topic's name": ("demand", lambda s, p: {"FEEDBACK_TOPIC": "a/b"}, [("bad", "demand", "a/b")]),
    "a fog too large": (
        "fog --replicas 3", lambda s, p: {"SOURCE_OPTIONS": "message-max-bytes=1000000", "CASCADE": damaged(p / "cascade.xml")},
        [("bad", "topic camera", "2 partitions for 3"), ("warn", "topic camera", "reads at most 1000000"), ("bad", "fog", "cascade.xml")]),
    "no cascade": ("fog", lambda s, p: {"CASCADE": "nonsense"}, [("bad", "fog", "nonsense")]),
    "an edge without anything": (
        "edge", lambda s, p: {"SPOOL": str(p / "none/spool"), "HEALTH_PORT": "80a", "KEEP_FRAMES": "1h", "CAMERA_TOPIC": "small"},
        [("bad", "spool ", "none can't be written"), ("bad", "HEALTH_PORT", "80a"), ("bad", "KEEP_FRAMES", "1h"),
         ("bad", "topic small", "max.message.bytes is 100000")]),
    "an edge in the way of another": (
        "edge", lambda s, p: {"SPOOL": damaged(p / "file"), "HEALTH_PORT": str(s.port), "KEEP_FRAMES": "600",
                              "SOURCE": "v4l2src device=/dev/none"},
        [("bad", "spool ", "Not a directory"), ("warn", "HEALTH_PORT", "use"), ("bad", "edge", "/dev/none"),
         ("warn", "topic camera", "KEEP_FRAMES says 600 s. Messages are kept longer")]),
    "an edge on a disk too small": (
        "edge", lambda s, p: {"SPOOL": str(p), "SINK_OPTIONS": "spool-bytes=9000000000000000", "CAMERA_TOPIC": "compacted",
                              "FEEDBACK_TOPIC": "future"},
        [("bad", "spool ", "spool-bytes is 9"), ("bad", "topic compacted", "cleanup.policy"), ("bad", "topic future", "from now")]),
    "too few copies": (
        "edge", lambda s, p: {"CAMERA_TOPIC": "two-of-one", "SPOOL": str(p), "SINK_OPTIONS": "spool-bytes=0"},
        [("bad", "topic two-of-one", "min.insync.replicas is 2"), ("warn", "spool ", "spool-bytes is 0")]),
    "kept too short": (
        "edge", lambda s, p: {"KEEP_FRAMES": "86400"}, [("warn", "topic camera", "KEEP_FRAMES says 1 d. Messages are deleted earlier")]),
    "no such element": ("edge", lambda s, p: {"ENCODER": "nonsenseenc"}, [("bad", "edge", "nonsenseenc")]),
    "no such property": ("edge", lambda s, p: {"SINK_OPTIONS": "nonsense=1"}, [("bad", "edge", "nonsense")]),
    "wrong value": ("edge", lambda s, p: {"SINK_OPTIONS": "acks=some"}, [("bad", "edge", "acks")]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_found(site, tmp_path, fault):
    words, settings, expected = FAULTS[fault]
    code, findings = site.examine(words, **settings(site, tmp_path))
    for level, about, text in expected:
        found = [one for one in findings if one["level"] == level and one["about"].startswith(about)]
        assert any(text in f"{one['what']} {one['why']}" for one in found), shown(findings)
    assert code == max({"warn": 1, "bad": 2}[level] for level, _, _ in expected), shown(findings)


def test_the_doctor_checks_the_spool_of_each_camera(site, tmp_path):
    cameras = tmp_path / "cameras.conf"
    cameras.write_text("[door]\nuri=rtsp://127.0.0.1:1/a\n")
    settings = {"CAMERAS": str(cameras), "SOURCE": "", "SINK_OPTIONS": "spool-bytes=1000000"}
    code, findings = site.examine("edge", SPOOL=str(tmp_path / "spool"), **settings)
    assert code == 0 and any(one["about"] == f"spool {tmp_path}/spool/door" for one in findings), shown(findings)
    code, findings = site.examine("edge", SPOOL=str(tmp_path / "none/spool"), **settings)
    assert code == 2 and any("none can't be written" in one["what"] for one in findings), shown(findings)
    assert [path.name for path in tmp_path.iterdir()] == ["cameras.conf"]


def test_the_doctor_finds_spools_that_together_exceed_the_disk(site, tmp_path):
    cameras = tmp_path / "cameras.conf"
    cameras.write_text("".join(f"[{name}]\nuri=rtsp://127.0.0.1:1/a\n" for name in "abcd"))
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    code, findings = site.examine("edge", CAMERAS=str(cameras), SOURCE="", SPOOL=str(tmp_path / "spool"),
                                  SINK_OPTIONS=f"spool-bytes={free // 3}")
    assert code == 2 and [one["about"][-13:] for one in findings if one["level"] == "bad"] == [" and 3 others"], shown(findings)


def test_the_doctor_reads_the_databases_ttl_indexes(secantus, site):
    """The doctor reports which of the database's TTL indexes the cloud will keep, change or refuse, and changes none of them."""
    client = pymongo.MongoClient(secantus.uri)
    events = client["doctor"]["events"]
    events.create_index("captured", expireAfterSeconds=600)
    where = {"MONGODB_URI": secantus.uri, "DATABASE": "doctor"}
    code, findings = site.examine("cloud", **where, KEEP_DOCUMENTS="600")
    assert code == 0 and any("deleted 600 s after the field captured, as set" in one["what"] for one in findings), findings
    code, findings = site.examine("cloud", **where, KEEP_DOCUMENTS="900")
    assert code == 0 and any("sets at its start" in one["what"] for one in findings), findings
    events.create_index("processed", expireAfterSeconds=60)
    code, findings = site.examine("cloud", **where, KEEP_DOCUMENTS="600")
    assert code == 2 and any("contradicts" in one["what"] for one in findings), findings
    assert events.index_information()["captured_1"]["expireAfterSeconds"] == 600
    client.close()


@pytest.mark.parametrize("words", ["nonsense", "--nonsense", "--replicas", "--replicas x", "--replicas 0"])
def test_mistakes(words):
    done = subprocess.run([TOP / "pipelines/doctor", *words.split()], capture_output=True, text=True, timeout=120,
                          env={**os.environ, "SOURCE": "videotestsrc"}, check=False)
    assert done.returncode == 2 and done.stderr and not done.stdout
