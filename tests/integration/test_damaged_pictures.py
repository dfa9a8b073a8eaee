# SPDX-License-Identifier: LGPL-2.1-or-later
"""Damaged and unusual JPEGs between valid ones: each valid one is counted once, and the group commits an offset past all of
them."""

import json
import random
import re

import pytest
from messages import Seen, jpegs
from pipeline import wait_until
from test_ledger import MEMBER, Group
from test_poison import orchestrate

DAMAGED = 300
SOUND = 20


def segment(marker, body):
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body


def grey(width=64, height=48, components=1, precision=8, frame=0xC0):
    """Makes a JPEG of one colour, in which each block takes two zero bits."""
    names = range(1, components + 1)
    blocks = -(-width // 8) * -(-height // 8) * components
    one_code = bytes([1] + [0] * 15 + [0])
    progressive = frame == 0xC2
    return b"".join([
        b"\xff\xd8", segment(0xDB, b"\0" + b"\1" * 64),
        segment(frame, bytes([precision]) + height.to_bytes(2, "big") + width.to_bytes(2, "big") + bytes([components])
                + b"".join(bytes([n, 0x11, 0]) for n in names)),
        segment(0xC4, b"\x00" + one_code), segment(0xC4, b"\x10" + one_code),
        segment(0xDA, bytes([components]) + b"".join(bytes([n, 0]) for n in names)
                + bytes([0, 0 if progressive else 63, 0])),
        bytes(-(-blocks * (1 if progressive else 2) // 8)), b"\xff\xd9"])


def behind_header(rng, picture):
    return rng.randrange(picture.index(b"\xff\xda") + 14, len(picture))


def within_header(rng, picture):
    return rng.randrange(2, picture.index(b"\xff\xda") + 14)


def truncated(rng, picture, place=behind_header):
    return picture[:place(rng, picture)]


def flipped(rng, picture, place=behind_header):
    damaged = bytearray(picture)
    for _ in range(rng.randint(1, 8)):
        damaged[place(rng, picture)] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def cut_out(rng, picture, place=behind_header):
    at = place(rng, picture)
    return picture[:at] + picture[at + rng.randint(1, 100):]


KINDS = [
    truncated,
    flipped,
    cut_out,
    lambda rng, picture: picture + truncated(rng, picture),
    lambda rng, picture: rng.randbytes(rng.randint(0, 2000)),
    lambda rng, picture: grey(frame=0xC2),
    lambda rng, picture: grey(precision=12, frame=0xC1),
    lambda rng, picture: grey(1, 1),
    lambda rng, picture: grey(65500, 1),
    lambda rng, picture: grey(1, 65500),
    lambda rng, picture: grey(0, 0),
    lambda rng, picture: grey(components=3),
    lambda rng, picture: grey(frame=0xC9),
    lambda rng, picture: grey(frame=0xC3),
]


# Functions that make pictures on which jpegdec fails, or may fail, so the stage restarts several
# times for each.
POISON = [
    lambda rng, picture: grey(components=4),
    lambda rng, picture: grey(components=2),
    lambda rng, picture: grey(components=4, frame=0xC2),
    lambda rng, picture: grey(precision=12, components=4, frame=0xC1),
    lambda rng, picture: truncated(rng, picture, within_header),
    lambda rng, picture: flipped(rng, picture, within_header),
    lambda rng, picture: cut_out(rng, picture, within_header),
]


class Events(Seen):
    """Also records the `_id` of each event."""

    def __init__(self, kafka, topic):
        super().__init__(kafka, topic)
        self.identities = {}

    def take(self, message):
        number = super().take(message)
        self.identities.setdefault(number, set()).add(json.loads(message.value())["_id"])


class Pictures:
    """Makes valid pictures, with a damaged one between each two."""

    def __init__(self, kafka, name, sound, kinds, between):
        self._kafka, self.name, self.count = kafka, name, 2 * between + 1
        rng = random.Random(14)
        kafka.create_topic(name, 1)
        kafka.create_topic(name + "-out", 1)
        producer = kafka.producer()
        for n in range(self.count):
            picture = sound[n % SOUND]
            value = picture if n % 2 == 0 else kinds[n // 2 % len(kinds)](rng, picture)
            producer.produce(name, value, headers={"gst-caps": "image/jpeg", "number": str(n)})
        assert producer.flush(120) == 0

    def line(self):
        servers = f"bootstrap-servers={self._kafka.bootstrap}"
        return (f"kafkasrc name=src {servers} topic={self.name} group-id={self.name} {MEMBER} eos-at-end=true "
                f"! jpegdec ! haarfacecount min-faces=0 ! kafkasink {servers} topic={self.name}-out")

    def check(self, runs=1):
        """Each valid picture is one document, and the committed offset is past all pictures. Each restart of the stage may
        send some events again."""
        seen = Events(self._kafka, self.name + "-out")
        sound = set(range(0, self.count, 2))
        wait_until(lambda: seen.poll() and not sound - set(seen.counts), 30, "the sound ones")
        assert all(count <= runs for count in seen.counts.values())
        assert all(len(identities) == 1 for identities in seen.identities.values())
        assert len(set.union(*seen.identities.values())) == len(seen.counts)
        assert Group(self._kafka, self.name, self.name, 1).committed() == self.count
        seen.close()


def test_valid_pictures_between_damaged_ones_are_counted_once(kafka, fresh, launch, tmp_path):
    pictures = Pictures(kafka, fresh, jpegs(launch, tmp_path, SOUND), KINDS, DAMAGED)
    running = launch(pictures.line(), G_DEBUG="fatal-criticals")
    assert running.wait(120) == 0, running.output()[-2000:]
    pictures.check()


@pytest.mark.parametrize("between", [14, pytest.param(DAMAGED, marks=pytest.mark.on_request)])
def test_pictures_that_make_the_stage_fail_are_skipped(kafka, fresh, launch, tmp_path, between):
    """While an orchestrator restarts the stage after each failure, only damaged pictures are condemned, and each valid one
    is counted once."""
    pictures = Pictures(kafka, fresh, jpegs(launch, tmp_path, SOUND), KINDS + 3 * POISON if between == DAMAGED else POISON, between)
    said = orchestrate(launch, pictures.line(), starts=10 + 4 * between, G_DEBUG="fatal-criticals")
    condemned = [int(n) for one in said for n in re.findall(r"WARNING: from \S* \S*: Message (\d+) of partition 0", one)]
    assert condemned and all(n % 2 for n in condemned)
    print(f"{between} damaged pictures, {len(set(condemned))} of them condemned, in {len(said)} starts")
    pictures.check(len(said))
