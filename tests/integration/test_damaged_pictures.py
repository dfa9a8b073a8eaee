# SPDX-License-Identifier: LGPL-2.1-or-later
"""Damaged and unusual JPEGs between valid ones: each valid one is counted once, and the group commits past all of
them."""

import random

from messages import Seen
from pipeline import wait_until
from test_ledger import MEMBER, Group, jpegs

DAMAGED = 300
SOUND = 20


def segment(marker, body):
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body


def grey(width=64, height=48, components=1, precision=8, frame=0xC0):
    """A JPEG of one colour, in which each block takes two zero bits."""
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
    """A position in the JPEG's scan. Damage before the scan can make jpegdec end the stage, like a picture with four
    components."""
    return rng.randrange(picture.index(b"\xff\xda") + 14, len(picture))


def truncated(rng, picture):
    return picture[:behind_header(rng, picture)]


def flipped(rng, picture):
    damaged = bytearray(picture)
    for _ in range(rng.randint(1, 8)):
        damaged[behind_header(rng, picture)] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def cut_out(rng, picture):
    at = behind_header(rng, picture)
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


def test_damaged_pictures_between_sound_ones(kafka, fresh, launch, tmp_path):
    rng = random.Random(14)
    sound = jpegs(launch, tmp_path, SOUND)
    kafka.create_topic(fresh, 1)
    kafka.create_topic(fresh + "-out", 1)
    producer = kafka.producer()
    count = 2 * DAMAGED + 1
    for n in range(count):
        picture = sound[n % SOUND]
        value = picture if n % 2 == 0 else KINDS[n // 2 % len(KINDS)](rng, picture)
        producer.produce(fresh, value, headers={"gst-caps": "image/jpeg", "number": str(n)})
    assert producer.flush(30) == 0
    seen = Seen(kafka, fresh + "-out")
    running = launch(
        f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh} group-id={fresh} {MEMBER} eos-at-end=true "
        f"! jpegdec ! haarfacecount min-faces=0 ! kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh}-out",
        G_DEBUG="fatal-criticals")
    assert running.wait(120) == 0, running.output()[-2000:]
    wait_until(lambda: seen.poll() >= DAMAGED + 1 and not set(range(0, count, 2)) - set(seen.counts), 30, "the sound ones")
    assert set(seen.counts.values()) == {1}
    assert Group(kafka, fresh, fresh, 1).committed() == count
    seen.close()
