# SPDX-License-Identifier: LGPL-2.1-or-later
"""While frozen servers keep their connections open and don't answer, every stage still ends in time."""

import time

import kafka_server
import mongo_server
import pytest
from messages import Feed
from pipeline import wait_until
from system import System

# Time (s) within which a stage has to end: the elements promise 5 s, gst-launch-1.0 takes up to 2
# s, and a busy machine may take three times as long. A stage with an element that doesn't keep this
# promise takes minutes to end.
AT_ONCE = 20


@pytest.fixture
def system(tmp_path, fresh):
    """The system with servers that only this test uses, because it freezes them."""
    with kafka_server.Kafka(tmp_path / "kafka") as kafka, mongo_server.Mongo(tmp_path / "mongo") as mongo:
        yield System(kafka, mongo, fresh)


@pytest.mark.parametrize("options, bound", [("", AT_ONCE), ("-e", 45)], ids=["at once", "with EOS"])
def test_every_stage_ends(system, launch, options, bound):
    stages = {
        "cloud": launch(system.cloud(), options=options),
        "fog": launch(system.fog("fog"), options=options),
        "edge": launch(system.live_edge(), options=options),
    }
    wait_until(system.stored, 60, "a document")
    for server in system.kafka.processes + system.mongo.processes:
        server.freeze()
    assert all(stage.running() for stage in stages.values())
    for name, stage in stages.items():
        stage.signal(2)
        stage.wait(bound)
        assert "Freeing pipeline" in stage.output(), name


def test_a_replay_ends(tmp_path, fresh, launch):
    """A replay whose broker is frozen ends in time, although the source waits for messages and for the broker's answer."""
    with kafka_server.Kafka(tmp_path / "kafka") as kafka:
        kafka.create_topic(fresh, 1)
        Feed(kafka, fresh).send(300, size=100_000)
        replay = launch(
            f"-v kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} replay=true max-prefetch=65536 ! "
            "identity sleep-time=100000 ! fakesink silent=false")
        wait_until(lambda: replay.output().count("chain  ") > 10, 30, "messages")
        kafka.processes[0].freeze()
        time.sleep(5)  # until the source has pushed all prefetched messages
        replay.signal(2)
        replay.wait(AT_ONCE)
