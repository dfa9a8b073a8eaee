# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests the scripts that start Kafka and the database for tests and demo: the servers start on any machine, keep their
data, and end with the process that started them."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import cache
import confluent_kafka
import kafka_server
import mongo_server
import pymongo
import pytest
import server
from pipeline import wait_until

SERVERS = pathlib.Path(server.__file__).parent
CALLER = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:]); time.sleep(300)"


def answers(address):
    host, port = address.rsplit(":", 1)
    with socket.socket() as client:
        return client.connect_ex((host, int(port))) == 0


def publish(bootstrap, topic, text):
    producer = confluent_kafka.Producer({"bootstrap.servers": bootstrap})
    producer.produce(topic, text)
    assert producer.flush(120) == 0


def first_message(bootstrap, topic, group):
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    message = consumer.poll(30)
    consumer.close()
    return message.value().decode()


def test_kafka_keeps_its_data_and_port_over_kill_and_restart(tmp_path, fresh):
    kafka = kafka_server.Kafka(tmp_path)
    kafka.start()
    publish(kafka.bootstrap, fresh, "before")
    kafka.processes[0].kill()
    again = kafka_server.Kafka(tmp_path)
    again.start()
    assert again.bootstrap == kafka.bootstrap
    assert first_message(again.bootstrap, fresh, fresh) == "before"
    again.stop(0)


def test_three_brokers_serve_while_one_is_down(tmp_path, fresh):
    kafka = kafka_server.Kafka(tmp_path, nodes=3)
    kafka.start()
    kafka.create_topic(fresh, partitions=3)
    kafka.processes[1].kill()
    publish(kafka.bootstrap, fresh, "two are enough")
    kafka.start_node(2)
    assert first_message(kafka.bootstrap, fresh, fresh) == "two are enough"
    kafka.stop(0)


def test_mongo_keeps_its_data_and_port_over_kill_and_restart(tmp_path, fresh):
    mongo = mongo_server.Mongo(tmp_path)
    mongo.start()
    pymongo.MongoClient(mongo.uri)[fresh].events.insert_one({"_id": "a"})
    mongo.process.kill()
    again = mongo_server.Mongo(tmp_path)
    again.start()
    assert again.uri == mongo.uri
    assert [d["_id"] for d in pymongo.MongoClient(again.uri)[fresh].events.find()] == ["a"]
    again.stop(0)


@pytest.mark.parametrize("make", [kafka_server.Kafka, mongo_server.Mongo], ids=["kafka", "mongo"])
def test_a_server_chooses_another_port_if_its_port_is_taken(tmp_path, monkeypatch, make):
    """A server still starts if another process takes its port after free_port() has returned it, and before the server
    listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        offers = [taken.getsockname()[1]]
        free_port = server.free_port
        monkeypatch.setattr(server, "free_port", lambda host: offers.pop() if offers else free_port(host))
        clashing = make(tmp_path)
        clashing.start()
        assert not offers
        assert str(taken.getsockname()[1]) not in "".join(clashing.addresses().values())
        clashing.stop(0)


@pytest.mark.parametrize("name", ["kafka", "mongo"])
def test_a_failed_start_names_the_reason(tmp_path, name):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [SERVERS / name, "start", "--dir", tmp_path, "--owner", str(os.getpid()), "--port", port],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert "port taken" in done.stderr and "ddress already in use" in done.stderr


@pytest.mark.parametrize("name", ["kafka", "mongo"])
def test_the_error_names_a_directory_that_cannot_be_made(tmp_path, name):
    file = tmp_path / "file"
    file.touch()
    done = subprocess.run(
        [SERVERS / name, "start", "--dir", file / "data", "--owner", str(os.getpid())],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert done.returncode == 1 and done.stderr == f"{file}/data: Not a directory\n"


def test_a_second_server_on_a_directory_is_refused(tmp_path):
    command = [SERVERS / "mongo", "start", "--dir", tmp_path, "--owner", str(os.getpid())]
    assert subprocess.run(command, timeout=120, check=False).returncode == 0
    second = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert second.returncode == 1 and "already in use by process" in second.stderr
    subprocess.run([SERVERS / "mongo", "stop", "--dir", tmp_path], timeout=60, check=True)
    assert subprocess.run(command, timeout=120, check=False).returncode == 0
    subprocess.run([SERVERS / "mongo", "stop", "--dir", tmp_path], timeout=60, check=True)


@pytest.mark.parametrize("name", ["kafka", "mongo"])
@pytest.mark.parametrize("frozen", [False, True], ids=["running", "frozen"])
def test_a_server_ends_if_the_process_that_started_it_is_killed(tmp_path, name, frozen):
    caller = subprocess.Popen(
        [sys.executable, "-c", CALLER, SERVERS / name, "run", "--dir", tmp_path], stdout=subprocess.PIPE, text=True)
    address = caller.stdout.readline().strip().split("=", 1)[1].replace("mongodb://", "").strip("/")
    assert answers(address)
    if frozen:
        os.kill(int((tmp_path / "supervisor").read_text()), signal.SIGSTOP)
        os.kill(int((tmp_path / "supervisor").read_text()), signal.SIGKILL)
    else:
        caller.kill()
    wait_until(lambda: not answers(address))
    caller.kill()
    caller.wait()


def test_an_interrupted_download_is_repeated(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def interrupted(directory):
        (directory / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.cached("thing", ["v1"], interrupted)
    made = cache.cached("thing", ["v1"], lambda directory: (directory / "whole").touch())
    assert [entry.name for entry in made.iterdir()] == ["whole"]
    assert sorted(entry.name for entry in (tmp_path / "gst-fog").iterdir()) == sorted([made.name, "thing.lock"])
    assert cache.cached("thing", ["v1"], interrupted) == made
