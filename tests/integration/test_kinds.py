# SPDX-License-Identifier: LGPL-2.1-or-later
"""In a topic with messages of several media types, no message gets the caps of another one, and a pipeline that can't
change its caps reports an error."""

import confluent_kafka
import pytest

PNG = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010800000000")
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb0043")
VALUES = [JPEG, PNG, b"\1\2\3", JPEG, b"", PNG]


@pytest.fixture
def pictures(launch, tmp_path):
    """Makes a real JPEG and a real PNG."""
    for encoder in ["jpegenc", "pngenc"]:
        made = launch(f"videotestsrc num-buffers=1 ! {encoder} ! filesink location={tmp_path / encoder}")
        assert made.wait(120) == 0, made.output()
    return [(tmp_path / "jpegenc").read_bytes(), (tmp_path / "pngenc").read_bytes()]


def name(value):
    return "image/png" if value.startswith(b"\x89PNG") else "image/jpeg"


def fill(kafka, topic, values, header=None):
    kafka.create_topic(topic, 1)
    producer = kafka.producer()
    for value in values:
        producer.produce(topic, value, partition=0, headers=[("gst-caps", header(value))] if header else [])
    assert producer.flush(120) == 0


def caps_of(kafka, topic, count):
    """Returns the media type in the header gst-caps of each message; None for a message without this header."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": topic})
    consumer.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
    found = [dict(message.headers() or []).get("gst-caps") for message in consumer.consume(count, 120)]
    consumer.close()
    return [text and text.decode().split(",")[0] for text in found]


@pytest.mark.parametrize("values, kinds", [
    (VALUES, ["image/jpeg", "image/png", "application/octet-stream", "image/jpeg", "image/jpeg", "image/png"]),
    ([b"\1", JPEG, PNG], [None, None, None]),
], ids=["pictures", "not known at first"])
@pytest.mark.parametrize("how", ["auto-offset-reset=earliest eos-at-end=true", "replay=true"])
def test_each_copied_message_keeps_its_own_caps(kafka, fresh, launch, how, values, kinds):
    fill(kafka, fresh, values)
    kafka.create_topic(fresh + "-copy", 1)
    copier = launch(f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} {how} ! "
                    f"kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh}-copy")
    assert copier.wait(120) == 0, copier.output()
    assert caps_of(kafka, fresh + "-copy", len(values)) == kinds


@pytest.mark.parametrize("header", [None, name], ids=["found", "named"])
@pytest.mark.parametrize("queue", ["", "queue !"])
def test_a_decodebin_fails_if_the_media_type_changes(kafka, fresh, launch, pictures, queue, header):
    fill(kafka, fresh, [*pictures, *pictures], header)
    reader = launch(f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} auto-offset-reset=earliest eos-at-end=true ! "
                    f"{queue} decodebin ! fakesink async=false")
    assert reader.wait(120) != 0
    assert "The messages change from image/jpeg to image/png." in reader.output(), reader.output()


@pytest.mark.parametrize("header", [None, name], ids=["found", "named"])
def test_messages_whose_media_type_a_decoder_does_not_accept_are_skipped(kafka, fresh, launch, pictures, header):
    fill(kafka, fresh, [*pictures, *pictures], header)
    reader = launch(f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} auto-offset-reset=earliest eos-at-end=true ! "
                    "jpegdec ! identity name=i silent=false ! fakesink async=false", options="-v")
    assert reader.wait(120) == 0, reader.output()
    assert reader.output().count("chain   *******") == 2
    said = [line for line in reader.output().splitlines() if line.startswith("WARNING: from element")]
    assert len(said) == 1 and "not accepted downstream: image/png" in said[0], reader.output()


@pytest.mark.parametrize("header", [None, lambda value: "application/json"], ids=["none has", "some have"])
def test_documents_without_known_caps_reach_mongosink(kafka, fresh, launch, header):
    """mongosink (without a server in this test) gets all messages, and none is skipped because its caps are unknown."""
    fill(kafka, fresh, [b'{"a":1}', b'{"a":2}'], header)
    producer = kafka.producer()
    producer.produce(fresh, b'{"a":3}', partition=0)
    assert producer.flush(120) == 0
    reader = launch(f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} auto-offset-reset=earliest eos-at-end=true ! "
                    "mongosink name=m uri=mongodb://127.0.0.1:1 retry-timeout=1000000000", options="-e -v")
    assert reader.wait(120) != 0
    assert "not accepted downstream" not in reader.output(), reader.output()
