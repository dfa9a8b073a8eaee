# SPDX-License-Identifier: LGPL-2.1-or-later
"""An edge on a slow link and a fast fog: frames arrive soon after their capture, and use most of the link."""

import datetime
import json
import time

import confluent_kafka
import kafka_server
import network
import pipeline
import pytest

FRAME = 40_000  # size of a frame in bytes; the frames aren't encoded
CAMERA = "videotestsrc is-live=true pattern=ball ! video/x-raw,format=GRAY8,width=200,height=200,framerate=30/1"
# time (s) after which ages are measured, because the frames that were queued before the edge knew
# the link's rate have to be sent first
SETTLING = 20


@pytest.fixture
def switch():
    try:
        with network.Switch() as hosts:
            yield hosts
    except network.NetworkError as error:
        pytest.skip(str(error))


class Topics:
    """The topics of a system, and the pipelines of its edge and its fog."""

    def __init__(self, kafka, name):
        self.kafka, self.name = kafka, name
        for role in ("camera", "database", "feedback"):
            kafka.create_topic(f"{name}-{role}")

    def element(self, name, role, extra=""):
        return f"{name} bootstrap-servers={self.kafka.bootstrap} topic={self.name}-{role} {extra}"

    def edge(self):
        return (
            f"{CAMERA} ! feedbackrate name=rate camera=cam-1 initial-rate=30 ! "
            + self.element("kafkasink", "camera") + self.element("kafkasrc", "feedback") + " ! rate.feedback")

    def fog(self):
        return (
            self.element("kafkasrc", "camera", f"group-id={self.name}-fog auto-offset-reset=earliest")
            + " ! haarfacecount name=faces min-faces=0 report-interval=1000000000 ! "
            + self.element("kafkasink", "database") + "faces.rate ! " + self.element("kafkasink", "feedback"))


class Ages:
    """Measures the ages (s) of a topic's messages when they arrive; the function `age` computes the age of a message."""

    def __init__(self, kafka, topic, age):
        self._age = age
        self._reader = confluent_kafka.Consumer({
            "bootstrap.servers": kafka.bootstrap, "group.id": f"{topic}-ages", "enable.auto.commit": False})
        self._reader.assign([
            confluent_kafka.TopicPartition(topic, partition, 0) for partition in range(kafka.partitions)])

    def over(self, seconds):
        end, ages = time.monotonic() + seconds, []
        while time.monotonic() < end:
            message = self._reader.poll(0.2)
            if message is not None and not message.error():
                ages.append(self._age(message))
        return sorted(ages)


def age_counted(message):
    event = json.loads(message.value())
    captured, processed = (
        datetime.datetime.fromisoformat(event[field]["$date"].replace("Z", "+00:00")) for field in ("captured", "processed"))
    return (processed - captured).total_seconds()


def age_here(message):
    return time.time() - int(dict(message.headers())["capture-time"]) / 1e9


def check(ages, bits, seconds):
    """Checks that the frames used at least half of the link's rate, and that 95% of them were younger than 6 s. On an idle
    machine the frames are younger than 3 s; without rate control their age would rise all the time."""
    ages.over(SETTLING)
    counted = ages.over(seconds)
    most = bits / 8 / FRAME * seconds
    print(f"{len(counted)} of {most:.0f} frames, p50 {counted[len(counted) // 2]:.2f} s, max {counted[-1]:.2f} s")
    assert 0.5 * most < len(counted) < 1.1 * most
    assert counted[int(0.95 * len(counted))] < 6


@pytest.fixture
def hosts(switch, tmp_path):
    """Makes two hosts: a broker, and a camera with a slow link."""
    cloud, camera = switch.host(), switch.host()
    with kafka_server.Kafka(tmp_path / "kafka", hosts=[cloud]) as kafka:
        yield cloud, camera, kafka


def test_the_rate_follows_the_link(hosts, launch, fresh):
    cloud, camera, kafka = hosts
    topics = Topics(kafka, fresh)
    camera.limit("5mbit")
    with cloud.inside():
        launch(topics.fog()).wait_playing()
    with camera.inside():
        launch(topics.edge()).wait_playing()
    ages = Ages(kafka, f"{fresh}-database", age_counted)
    check(ages, 5e6, 15)
    camera.limit("2mbit")
    check(ages, 2e6, 15)


@pytest.mark.parametrize("line", [
    # leaky: frames that the link can't carry are dropped, the oldest first, before librdkafka has
    # them
    f"{CAMERA} ! kafkasink leaky=downstream max-queued-buffers=8",
    # throttled: videoscale drops frames that the link can't carry, because the sink sends QoS
    # events
    f"{CAMERA} ! videoscale qos=true ! video/x-raw,width=160,height=250 ! kafkasink",
], ids=["leaky", "throttled"])
def test_the_rate_follows_the_link_without_reports_of_the_fog(hosts, launch, fresh, line):
    _, camera, kafka = hosts
    kafka.create_topic(fresh)
    camera.limit("2mbit")
    with camera.inside():
        launch(f"{line} bootstrap-servers={kafka.bootstrap} topic={fresh}").wait_playing()
    check(Ages(kafka, fresh, age_here), 2e6, 15)


def test_a_lossy_link(tmp_path):
    """kafkasink sets TCP's congestion control to bbr on a link that loses a tenth of the packets in each direction, in a
    router between the hosts."""
    try:
        with network.Router() as router:
            camera, fog = router.host(), router.host()
            camera.command(f"ip route replace default via {camera.gateway} congctl cubic")
            router.command("iptables -A FORWARD -m statistic --mode random --probability 0.1 -j DROP")
            with kafka_server.Kafka(tmp_path / "kafka", hosts=[fog], partitions=1) as kafka:
                with fog.inside():
                    kafka.create_topic("camera")
                sink = pipeline.Pipeline(
                    f"{CAMERA} ! kafkasink bootstrap-servers={kafka.bootstrap} topic=camera", tmp_path / "log", host=camera,
                    GST_DEBUG="kafkasink:4")
                try:
                    pipeline.wait_until(
                        lambda: "congestion control bbr in place of cubic" in sink.output(), 60, "bbr for a lossy link")
                finally:
                    sink.kill()
    except network.NetworkError as error:
        pytest.skip(str(error))
