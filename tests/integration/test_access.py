# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cluster refuses access. Elements whose user has no rights in Kafka: at the start that is an error; if the right is
lost later, the element waits for it up to a limit, and its stage isn't ready."""

import time
import urllib.error
import urllib.request
import uuid

import confluent_kafka
import confluent_kafka.admin
import kafka_server
import pytest
import scraped
from kafka_requests import Right
from messages import seqs, stored
from pipeline import wait_until

PASSWORD = "open-sesame-8d1f"
USERS = [f"u{n}" for n in range(80)]
PROPERTIES = [
    "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users=User:ANONYMOUS",
    "sasl.enabled.mechanisms=PLAIN",
    "listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required "
    + " ".join(f'user_{user}="{PASSWORD}"' for user in USERS) + ";",
]
RIGHTS = {"describe": ("topic", "Describe"), "read": ("topic", "Read"), "write": ("topic", "Write"), "group": ("group", "Read")}
# On a busy machine rights may come back later than the elements' default limit.
BOUND = "access-timeout=60000000000"
SHORT = "access-timeout=4000000000"


class User:
    """A Kafka user, with rights to a topic and a group of the user's name."""

    free = iter(USERS)

    def __init__(self, kafka, directory, topic):
        self.name, self.topic, self.kafka = next(User.free), topic, kafka
        self._config = directory / f"{uuid.uuid4().hex}.properties"
        self._config.write_text(
            f"security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.username={self.name}\nsasl.password={PASSWORD}\n")

    def _rights(self, names):
        return [Right(self.name, resource, self.topic, operation) for resource, operation in (RIGHTS[one] for one in names.split())]

    def grant(self, names):
        for right in self._rights(names):
            right.give(self.kafka.first_address)

    def take(self, names):
        for right in self._rights(names):
            right.take(self.kafka.first_address)

    @property
    def where(self):
        return f"bootstrap-servers={self.kafka.servers('sasl')} config-file={self._config} topic={self.topic}"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    with kafka_server.Kafka(
            tmp_path_factory.mktemp("guarded"), properties=PROPERTIES, listeners={"sasl": "SASL_PLAINTEXT"}) as kafka:
        yield kafka


@pytest.fixture
def user(guarded, tmp_path, fresh):
    guarded.create_topic(fresh, 2)
    return User(guarded, tmp_path, fresh)


def errors(stage):
    return [text for text in stage.output().splitlines() if text.startswith("ERROR: from element")]


def warnings(stage):
    return [text for text in stage.output().splitlines() if text.startswith("WARNING: from element")]


def frames(stage):
    return stage.output().count("chain   *******")


def send(user, count=4):
    producer = user.kafka.producer()
    for n in range(count):
        producer.produce(user.topic, b"%d" % n, partition=n % 2)
    assert producer.flush(120) == 0


def source(launch, user, more=""):
    return launch(
        f"kafkasrc {user.where} auto-offset-reset=earliest {BOUND} {more} ! identity name=i silent=false ! "
        "fakesink async=false", options="-e -v", GST_DEBUG="2,kafkasrc:5,rdkafka:4")


def sink(launch, user, more=""):
    return launch(
        "videotestsrc is-live=true ! video/x-raw,width=16,height=16,framerate=10/1 ! identity name=i silent=false ! "
        f"kafkasink {user.where} {BOUND} {more}", options="-e -v", GST_DEBUG="2,kafkasink:5,rdkafka:4")


@pytest.mark.parametrize("group", ["", "group-id"])
@pytest.mark.parametrize("rights", ["describe", "describe group", "", "group", "read"])
def test_source_without_rights(user, launch, group, rights):
    user.grant(rights)
    send(user)
    stage = source(launch, user, f"group-id={user.topic}" if group else "")
    if rights == "read" and not group:
        wait_until(lambda: frames(stage) == 4, 30, "messages read without a right to any group")
        stage.interrupt()
        assert not warnings(stage)
        return
    assert stage.wait(120) != 0, stage.output()
    assert len(errors(stage)) == 1 and "ACL" in errors(stage)[0], stage.output()


def test_error_names_the_topic_of_a_pattern_that_may_not_be_read(user, launch):
    user.grant("describe")
    stage = source(launch, user, f"topic=^{user.topic}$")
    assert stage.wait(120) != 0, stage.output()
    assert f'topic "{user.topic}": ' in errors(stage)[0], stage.output()


@pytest.mark.parametrize("more", ["", "eos-at-end=true", "replay=true"])
def test_a_list_with_a_topic_that_the_user_may_not_see_is_an_error(user, guarded, launch, more):
    """Brokers leave a topic that the user may not see out of their answer about all topics, as if the topic didn't exist."""
    user.grant("describe read")
    send(user)
    hidden = user.topic + "-hidden"
    guarded.create_topic(hidden, 1)
    stage = source(launch, user, f"topic={user.topic},{hidden} {more}")
    assert stage.wait(30) != 0, stage.output()
    assert f'topic "{hidden}": ' in errors(stage)[0] and "Describe" in errors(stage)[0], stage.output()


@pytest.mark.parametrize("group", ["", "group-id"])
def test_a_pattern_waits_while_the_user_may_see_no_topic_that_matches(user, launch, group):
    user.grant("group")
    stage = source(launch, user, f"topic=^{user.topic}$" + (f" group-id={user.topic}" if group else ""))
    wait_until(lambda: "this user may see (right Describe) doesn't exist yet" in stage.output(), 30, "an info message")
    stage.interrupt()


@pytest.mark.parametrize("group, taken, busy", [
    ("", "read", False), ("pattern", "read describe", False), ("", "read", True), ("", "read describe", False), ("", "read describe", True),
    ("group-id", "read", False), ("group-id", "read describe", True), ("group-id", "group", True)])
def test_source_loses_rights(user, launch, group, busy, taken):
    user.grant("describe read group")
    send(user)
    more = {"": "", "group-id": f"group-id={user.topic}", "pattern": f"topic=^{user.topic}$"}
    stage = source(launch, user, more[group])
    wait_until(lambda: frames(stage) == 4, 30, "messages")
    user.take(taken)
    if busy or taken == "group":
        send(user)
    wait_until(lambda: warnings(stage), 60, "a warning")
    user.grant(taken)
    send(user)
    wait_until(lambda: frames(stage) >= 8, 60, "messages read after the rights were granted")
    wait_until(lambda: "access is back" in stage.output(), 60, "ready again")
    stage.interrupt()
    assert len(warnings(stage)) == 1, stage.output()


def readiness(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code


def test_a_stage_that_waits_for_access_is_not_ready(user, launch):
    user.grant("describe read")
    send(user)
    port = scraped.port()
    stage = launch(
        f"kafkasrc {user.where} auto-offset-reset=earliest access-timeout=60000000000 ! identity silent=false ! fakesink async=false",
        options="-e -v", GST_TRACERS=f"health(port={port})")
    wait_until(lambda: frames(stage) == 4 and readiness(port) == 200, 30, "ready")
    user.take("read")
    send(user)
    wait_until(lambda: readiness(port) == 503, 60, "not ready")
    assert scraped.value(port, "gstfog_waits_for_access") == 1
    user.grant("read")
    send(user)
    wait_until(lambda: readiness(port) == 200, 60, "ready again")
    assert scraped.value(port, "gstfog_waits_for_access") == 0
    stage.interrupt()


@pytest.mark.parametrize("group", ["", "group-id"])
def test_source_fails_if_it_has_lost_its_rights_for_longer_than_the_limit(user, launch, group):
    user.grant("describe read group")
    send(user)
    stage = source(launch, user, SHORT + (f" group-id={user.topic}" if group else ""))
    wait_until(lambda: frames(stage) == 4, 30, "messages")
    user.take("read")
    assert stage.wait(120) != 0
    assert len(errors(stage)) == 1 and len(warnings(stage)) == 1, stage.output()


@pytest.mark.parametrize("more", ["", "on-error=skip", "enable-idempotence=true"])
@pytest.mark.parametrize("rights", ["", "describe"])
def test_sink_without_rights(user, launch, more, rights):
    user.grant(rights)
    stage = sink(launch, user, more)
    assert stage.wait(120) != 0, stage.output()
    assert len(errors(stage)) == 1 and "ACL" in errors(stage)[0], stage.output()


@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize("settings", [
    "", "acks=none", "acks=leader", "enable-idempotence=true", "compression=lz4", "linger=200000000",
    "linger=200000000 acks=none", "linger=200000000 enable-idempotence=true", "key=cam"])
def test_batches_fit_any_topic_if_the_size_limit_may_not_be_queried(guarded, launch, tmp_path, fresh, settings, partitions):
    """For a user who may write to a topic but not query its size limit, kafkasink makes batches so small that any topic
    accepts them. No message is lost or overtaken."""
    guarded.create_topic(fresh, partitions, config=["max.message.bytes=100000"])
    user = User(guarded, tmp_path, fresh)
    user.grant("write")
    sent = launch(
        f"fakesrc num-buffers=100 sizetype=random sizemin=10 sizemax=90000 ! kafkasink {user.where} {settings}",
        options="-e", GST_DEBUG="2,kafkasink:5")
    assert sent.wait(120) == 0, sent.output()
    assert "DescribeConfigs" in sent.output()
    found = [seqs(guarded, fresh, partition) for partition in range(partitions)]
    assert sorted(sum(found, [])) == list(range(100)) and all(one == sorted(one) for one in found)


def published(user):
    """Returns the numbers of the frames that are in the topic."""
    partitions = user.kafka.producer().list_topics(user.topic, 60).topics[user.topic].partitions
    return {int(dict(one.headers())["seq"]) for partition in partitions for one in stored(user.kafka, user.topic, partition) if one.headers()}


@pytest.mark.parametrize("more", [
    "", "on-error=skip", "enable-idempotence=true", "max-queued-buffers=4", "leaky=downstream max-queued-buffers=4"])
@pytest.mark.parametrize("taken", ["write", "write describe"])
def test_sink_loses_rights(user, launch, more, taken):
    user.grant("describe write")
    stage = sink(launch, user, more)
    wait_until(lambda: frames(stage) >= 10, 30, "frames")
    user.take(taken)
    wait_until(lambda: warnings(stage), 60, "a warning")
    user.grant(taken)
    wait_until(lambda: "access is back" in stage.output(), 60, "ready again")
    stage.interrupt()
    assert len(warnings(stage)) == 1, stage.output()
    numbers = published(user)
    if "leaky" not in more:
        assert numbers == set(range(len(numbers))) and len(numbers) >= frames(stage)


@pytest.mark.parametrize("more", ["", "on-error=skip", "enable-idempotence=true"])
def test_sink_fails_if_it_has_lost_its_rights_for_longer_than_the_limit(user, launch, more):
    user.grant("describe write")
    stage = sink(launch, user, f"{SHORT} {more}")
    wait_until(lambda: frames(stage) >= 10, 30, "frames")
    user.take("write")
    assert stage.wait(120) != 0
    assert len(errors(stage)) == 1 and len(warnings(stage)) == 1, stage.output()


def arrived(user, partitions):
    """Returns the numbers of the messages that are in the topic now, while the sink may still send."""
    try:
        return [number for partition in range(partitions) for number in seqs(user.kafka, user.topic, partition)]
    except confluent_kafka.KafkaException:  # the topic was made so recently that a broker doesn't know it yet
        return []


def delete_topic(kafka, topic):
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.delete_topics([topic])[topic].result(120)


@pytest.mark.parametrize("more, again", [
    ("", 1), ("enable-idempotence=true", 2), ("acks=none", 2), ("key=cam", 1), ("acks=leader max-queued-buffers=4", 2)])
def test_sink_continues_if_its_topic_is_deleted_and_created_again(user, launch, more, again):
    """The topic that replaces the deleted one has as many partitions or fewer, and messages sent after its creation arrive
    in it. While the topic is missing, a broker that creates topics by itself may say that the user has no right to create
    one, which counts as a right lost and granted again."""
    user.grant("describe write")
    stage = sink(launch, user, more)
    wait_until(lambda: len(arrived(user, 2)) >= 4, 60, "frames in the topic")
    delete_topic(user.kafka, user.topic)
    time.sleep(1)
    user.kafka.create_topic(user.topic, again)
    wait_until(lambda: arrived(user, again), 60, "frames in the new topic")
    stage.interrupt()
    assert not errors(stage)
    # with acks=none the sink waits for no answer, so the last frame may still be on its way
    wait_until(lambda: max(published(user)) == frames(stage) - 1, 30, "the last frame")
    numbers = published(user)
    if "acks=none" not in more:
        assert numbers == set(range(min(numbers), max(numbers) + 1))
    # Each warning comes once. With acks=none the broker also closes the connection, about which
    # there is another warning.
    assert len(set(warnings(stage))) == len(warnings(stage)) <= 2, stage.output()


def test_idempotent_sink_that_may_only_write_to_another_topic_fails(user, launch, tmp_path, fresh):
    """Kafka gives a producer id to a user who may write to any topic, or has the right IdempotentWrite on the cluster."""
    user.kafka.create_topic(fresh + "-other", 1)
    Right(user.name, "topic", fresh + "-other", "Write").give(user.kafka.first_address)
    user.grant("describe")
    stage = sink(launch, user, "enable-idempotence=true")
    assert stage.wait(120) != 0, stage.output()
    assert len(errors(stage)) == 1 and "ACL" in errors(stage)[0], stage.output()


def test_sink_that_is_denied_a_producer_id_sends_without_idempotence(user, launch):
    Right(user.name, "cluster", "kafka-cluster", "IdempotentWrite", "deny").give(user.kafka.first_address)
    user.grant("describe write")
    stage = sink(launch, user, "enable-idempotence=true")
    wait_until(lambda: len(arrived(user, 2)) >= 5, 30, "frames in the topic, for which the right to write is enough")
    stage.interrupt()
    assert not warnings(stage) and not errors(stage)
