# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests kafkasrc with a real broker: a kill, a rebalance or a restart loses no message, and the source stops whatever state the
broker is in."""

import random
import re
import signal
import time

import confluent_kafka
import confluent_kafka.admin
import kafka_server
import pytest
import server
from messages import Feed, Seen
from pipeline import wait_until


@pytest.fixture
def topics(kafka, fresh):
    kafka.create_topic(fresh, 4)
    kafka.create_topic(fresh + "-out", 4)
    return fresh


@pytest.fixture
def feed(kafka, topics):
    return Feed(kafka, topics)


def copier(kafka, topic, group="copiers", options="auto-offset-reset=earliest", middle=""):
    return (
        f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={topic} group-id={topic}-{group} {options} ! {middle} "
        f"kafkasink bootstrap-servers={kafka.bootstrap} topic={topic}-out")


def wait_for_all(seen, count, timeout=60):
    wait_until(lambda: seen.poll() >= count, timeout, f"{count} messages")
    assert set(seen.counts) == set(range(count))


def test_kill_loses_no_message(kafka, topics, feed, seen, launch):
    chance = random.Random(7)
    feed.send(4000)
    line = copier(
        kafka, topics, middle="identity sleep-time=200 !",
        options="auto-offset-reset=earliest client-properties=c,session.timeout.ms=1500,heartbeat.interval.ms=400")
    for _ in range(6):
        running = launch(line)
        before = seen.poll()
        wait_until(lambda: seen.poll() > before, 30, "progress")  # noqa: B023
        time.sleep(chance.uniform(0, 0.5))
        running.kill()
        feed.send(100)
    assert len(seen.counts) < feed.sent
    last = launch(line)
    wait_for_all(seen, feed.sent)
    last.interrupt()


def test_next_run_continues_where_a_clean_stop_ended(kafka, topics, feed, seen, launch):
    feed.send(500)
    first = launch(copier(kafka, topics))
    wait_for_all(seen, 500)
    first.interrupt()
    feed.send(500)
    second = launch(copier(kafka, topics))
    wait_for_all(seen, 1000)
    second.interrupt()
    assert set(seen.counts.values()) == {1}


def test_rebalance_under_load_loses_no_message(kafka, topics, feed, seen, launch):
    line = copier(kafka, topics, middle="queue !")
    members = [launch(line, options="-m -e")]
    for step in range(6):
        for _ in range(10):
            feed.send(30)
            time.sleep(0.05)
        if step in (0, 1):
            members.append(launch(line, options="-m -e"))
            wait_until(lambda: "kafkasrc-assignment" in members[-1].output(), 60, "the assignment")
        elif step in (2, 3):
            members.pop(0).interrupt()
    wait_for_all(seen, feed.sent)
    wait_until(lambda: members[0].output().count("kafkasrc-assignment") > 1, 60, "the last member's partitions")
    members[0].interrupt()
    # messages that a member hadn't finished before its partitions moved may be copied twice
    assert sum(seen.counts.values()) < 1.5 * feed.sent


def test_source_waits_for_a_topic_that_does_not_exist_yet(kafka, fresh, launch):
    alone = launch(f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} ! fakesink async=false", options="-m -e")
    group = launch(copier(kafka, fresh, options=""), options="-m -e")
    for one in (alone, group):
        wait_until(lambda: "waiting for topic" in one.output(), 30, "the note")  # noqa: B023
    kafka.create_topic(fresh, 3)
    feed, seen = Feed(kafka, fresh), Seen(kafka, fresh + "-out")
    feed.send(100)
    wait_for_all(seen, 100)
    seen.close()
    wait_until(lambda: "kafkasrc-assignment" in alone.output(), 30, "partitions")
    group.interrupt()
    alone.interrupt()


@pytest.mark.parametrize("group", [True, False])
def test_more_partitions(kafka, topics, feed, seen, launch, group):
    line = copier(kafka, topics, options="client-properties=c,topic.metadata.refresh.interval.ms=1000")
    running = launch(line if group else re.sub(r"group-id=\S+", "", line), options="-m -e")
    wait_until(lambda: "kafkasrc-assignment" in running.output(), 30, "partitions")
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": kafka.bootstrap})
    for done in admin.create_partitions([confluent_kafka.admin.NewPartitions(topics, 6)]).values():
        done.result(120)
    for partition in range(6):
        wait_until(lambda: topics in admin.list_topics(topics, 5).topics, 30, "the topic")
        feed.send(20, partition=partition)
    wait_for_all(seen, 120)
    running.interrupt()


def test_source_waits_for_a_broker_restart(kafka, topics, feed, seen, launch):
    running = launch(copier(kafka, topics))
    feed.send(200)
    wait_until(lambda: seen.poll() >= 200, 30, "200 messages")
    kafka.processes[0].kill()
    time.sleep(2)
    kafka.start_node(1)
    feed.send(200)
    wait_for_all(seen, 400)
    running.interrupt()


def test_slow_pipeline_stays_in_its_group(kafka, topics, feed, launch):
    feed.send(20)
    slow = launch(
        copier(kafka, topics, options="auto-offset-reset=earliest "
               "client-properties=c,max.poll.interval.ms=6000,session.timeout.ms=6000",
               middle="identity sleep-time=9000000 !"),
        options="-m -e")
    wait_until(lambda: "kafkasrc-assignment" in slow.output(), 30, "partitions")
    time.sleep(10)
    assert slow.output().count("kafkasrc-assignment") == 1
    slow.kill()


@pytest.mark.parametrize("group", ["", "group-id=frozen"])
def test_source_stops_although_its_broker_is_frozen(kafka, topics, feed, launch, group):
    feed.send(100)
    running = launch(
        f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={topics} auto-offset-reset=earliest {group} ! "
        "fakesink async=false", options="-m -e")
    wait_until(lambda: "kafkasrc-assignment" in running.output(), 30, "partitions")
    broker = kafka.processes[0]
    broker.signal(signal.SIGSTOP)
    try:
        time.sleep(1)
        running.interrupt(20)
    finally:
        broker.signal(signal.SIGCONT)


def test_broker_that_cannot_be_reached_at_the_start_is_one_error(launch):
    running = launch("kafkasrc bootstrap-servers=127.0.0.1:1 topic=t ! fakesink async=false")
    assert running.wait(40) != 0
    assert running.output().count("ERROR: from element") == 1
    assert "127.0.0.1:1" in running.output()


@pytest.mark.parametrize("topics_of", ["{0},{0}-out", "^{0}.*"])
def test_several_topics(kafka, topics, feed, launch, topics_of):
    feed.send(10)
    Feed(kafka, topics + "-out").send(10)
    running = launch(
        f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={topics_of.format(topics)} auto-offset-reset=earliest "
        "eos-at-end=true ! identity name=i silent=false ! fakesink async=false", options="-v")
    assert running.wait(120) == 0
    assert running.output().count("chain   *******") == 20


@pytest.mark.on_request
def test_a_group_whose_broker_returns_at_another_address_is_an_error(tmp_path, fresh, launch):
    """librdkafka never finds the group's broker at its new address. A reader without a group continues."""
    own = kafka_server.Kafka(tmp_path / "kafka", partitions=2)
    other = server.free_port(own.hosts[0])
    with own:
        servers = f"{own.bootstrap},{own.hosts[0].address}:{other}"
        own.create_topic(fresh, 2)
        Feed(own, fresh).send(10)
        line = (f"kafkasrc bootstrap-servers={servers} topic={fresh} auto-offset-reset=earliest {{}} ! identity silent=false ! "
                "fakesink async=false")
        member, alone = (launch(line.format(more), options="-e -v") for more in (f"group-id={fresh}", ""))
        wait_until(lambda: all(one.output().count("chain   ***") == 10 for one in (member, alone)), 60, "messages")
        own.processes[0].stop(10)
        own.ports[0]["plain"] = other
        own.start_node(1)
        Feed(own, fresh).send(10)
        assert member.wait(120) != 0
        assert "has moved from" in member.output(), member.output()
        wait_until(lambda: alone.output().count("chain   ***") == 20, 60, "the new messages")
        alone.interrupt()
