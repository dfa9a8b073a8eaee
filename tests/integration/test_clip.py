# SPDX-License-Identifier: LGPL-2.1-or-later
"""`pipelines/clip` makes a file of a camera's frames in a range of time: each frame at its time, and a clear error if there
is no frame."""

import csv
import datetime
import json
import pathlib
import re
import subprocess
import time

import pytest
from messages import jpegs
from pipeline import TOP, environment

START = int(time.time()) * 1000 - 600_000  # time (ms) of the first frame: ten minutes before the tests of this run
SINCE = "-3h"  # far before START, because a whole run of the tests may lie between START and a test of this file
# capture times of each camera's frames, in ms after START; there is a gap of 7 s in the middle
TIMES = {"cam-1": [0, 100, 200, 7200, 7300, 7400], "cam-2": [50, 7250], 'a "b",c': [60]}
CAPS = "image/jpeg, width=(int)64, height=(int)48, framerate=(fraction)10/1"


def iso(ms, zone=datetime.timezone.utc):
    return datetime.datetime.fromtimestamp(ms / 1000, zone).isoformat()


def event(camera, seq, ms):
    date = {"$date": iso(ms).replace("+00:00", "Z")}
    return {"_id": f"{camera}:s:{seq}", "camera": camera, "seq": seq, "captured": date, "processed": date, "faces": seq % 2,
            "boxes": [{"x": 8, "y": 8, "w": 16, "h": 16}] * (seq % 2), "width": 64, "height": 48, "replica": "fog-1"}


def clip(kafka, topic, *words, **settings):
    return subprocess.run(
        [TOP / "pipelines/clip", *map(str, words)], capture_output=True, text=True, timeout=120, check=False,
        env={**environment(), "GST_DEBUG": "", "FOG_KAFKA": kafka.bootstrap, "CAMERA_TOPIC": topic,
             "DATABASE_TOPIC": topic + "-events", **settings})


def frame_headers(camera, seq, ms, caps=CAPS):
    return {"camera": camera, "session": "s", "seq": str(seq), "gst-caps": caps, "capture-time": str((START + ms) * 1_000_000)}


class Recording:
    def __init__(self, kafka, name, pictures):
        self.kafka, self.name = kafka, name
        for topic in (name, name + "-events"):
            kafka.create_topic(topic, 1)
        producer = kafka.producer()
        for ms, camera, seq in sorted((ms, camera, seq) for camera, times in TIMES.items() for seq, ms in enumerate(times)):
            headers = {"camera": camera, "session": "s", "seq": str(seq)}
            stamp = {"timestamp": START + ms}
            producer.produce(name, pictures[seq], headers=list(frame_headers(camera, seq, ms).items()), **stamp)
            producer.produce(name + "-events", json.dumps(event(camera, seq, START + ms), indent=1).encode(),
                             headers=[*headers.items(), ("gst-caps", "application/json, schema=(string)fog-event")], **stamp)
        assert producer.flush(120) == 0

    def clip(self, *words, **settings):
        return clip(self.kafka, self.name, *words, **settings)


@pytest.fixture(scope="module")
def recording(kafka, tmp_path_factory):
    directory = tmp_path_factory.mktemp("clip")

    def launch(line):
        return subprocess.Popen(["gst-launch-1.0", *line.split()], env=environment(), stdout=subprocess.DEVNULL)

    return Recording(kafka, f"clip-{time.monotonic_ns()}", jpegs(launch, directory, 6))


def times_of(file, demuxer):
    """Returns the times (ms) at which the frames of a video are shown."""
    said = subprocess.run(
        ["gst-launch-1.0", "-v", "filesrc", f"location={file}", "!", demuxer, "!", "identity", "silent=false", "!", "fakesink"],
        env=environment(), capture_output=True, text=True, timeout=120, check=True).stdout
    found = re.findall(r"chain .*?pts: (\d+):(\d+):(\d+)\.(\d{3})", said)
    return [(int(h) * 3600 + int(m) * 60 + int(s)) * 1000 + int(ms) for h, m, s, ms in found]


@pytest.mark.parametrize("end, demuxer", [("mp4", "qtdemux"), ("mkv", "matroskademux")])
def test_a_gap_between_frames_is_as_long_in_the_clip(recording, tmp_path, end, demuxer):
    file = tmp_path / f"out.{end}"
    done = recording.clip("--camera", "cam-1", "--from", iso(START), "--to", iso(START + 8000), "--boxes", file)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("6 frames, 3 with boxes")
    times = times_of(file, demuxer)
    assert [ms - times[0] for ms in times] == pytest.approx(TIMES["cam-1"], abs=2)


@pytest.mark.parametrize("first, last, count", [(100, 7300, 3), (7200, 7401, 3), (0, 1, 1)])
def test_clip_has_only_frames_between_from_and_to(recording, tmp_path, first, last, count):
    """A clip has the frames from the time --from on, and ends before the time --to. Both may be written in any time zone."""
    zone = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    done = recording.clip("--camera", "cam-1", "--from", iso(START + first, zone), "--to", iso(START + last, zone), tmp_path / "out.mkv")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{count} frames")


def test_events_are_written_as_json_lines_or_csv(recording, tmp_path):
    where = "--camera", "cam-1", "--from", SINCE
    done = recording.clip(*where, tmp_path / "out.jsonl")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert lines == [event("cam-1", seq, START + ms) for seq, ms in enumerate(TIMES["cam-1"])]
    assert recording.clip(*where, tmp_path / "out.csv").returncode == 0
    assert recording.clip(*where, "--csv", tmp_path / "any").returncode == 0
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "any").read_bytes()
    with open(tmp_path / "out.csv", newline="") as table:
        rows = list(csv.DictReader(table))
    assert [(row["seq"], row["faces"], row["boxes"]) for row in rows[:2]] == [("0", "0", ""), ("1", "1", "8 8 16 16")]
    assert recording.clip("--camera", 'a "b",c', "--from", SINCE, tmp_path / "odd.csv").returncode == 0
    with open(tmp_path / "odd.csv", newline="") as table:
        assert [row["camera"] for row in csv.DictReader(table)] == ['a "b",c']


@pytest.mark.parametrize("words, said", [
    (["--camera", "cam-9", "--from", SINCE], "some of"),
    (["--camera", "cam-1", "--from", iso(START + 300), "--to", iso(START + 7200)], "holds no frame"),
    (["--camera", "cam-1", "--from", "-1min"], "none there either"),
    (["--camera", "cam-1", "--from", SINCE, "--events", "--csv"], "either"),
    (["--camera", "cam-1", "--from", "2026-11-25 00:44"], "zone"),
    (["--camera", "cam-1", "--from", "now"], "earlier"),
    (["--camera", "cam-1"], "--from"),
    (["--from", "-5min"], "--camera"),
])
def test_no_file_is_made_if_there_is_no_frame_or_the_arguments_are_wrong(recording, tmp_path, words, said):
    done = recording.clip(*words, tmp_path / "out.mkv")
    assert done.returncode == 2 and said in done.stderr, done.stderr
    assert not list(tmp_path.iterdir())


def test_existing_files_are_replaced_only_with_force(recording, tmp_path):
    where = "--camera", "cam-1", "--from", SINCE
    (tmp_path / "out.csv").write_text("mine")
    done = recording.clip(*where, tmp_path / "out.csv")
    assert done.returncode == 2 and "--force" in done.stderr and (tmp_path / "out.csv").read_text() == "mine"
    assert recording.clip(*where, "--force", tmp_path / "out.csv").returncode == 0
    assert (tmp_path / "out.csv").read_text() != "mine"
    assert recording.clip(*where, tmp_path / "none" / "out.csv").returncode == 2
    assert recording.clip(*where, tmp_path / "out.avi").returncode == 2


def test_no_file_is_made_if_the_broker_does_not_answer(recording, tmp_path):
    done = recording.clip("--camera", "cam-1", "--from", SINCE, tmp_path / "out.mkv", FOG_KAFKA="127.0.0.1:1")
    assert done.returncode == 2 and "127.0.0.1:1" in done.stderr and not list(tmp_path.iterdir())


def test_clip_of_frames_that_retention_has_partly_deleted_exits_with_1(recording, kafka, tmp_path, fresh):
    """The frames that retention hasn't deleted make a clip, and the exit code says that frames are missing."""
    part = Recording(kafka, fresh, [pathlib.Path(TOP / "pipelines/scene/portrait.jpg").read_bytes()] * 6)
    kafka.delete_records(fresh, {0: 5})
    done = part.clip("--camera", "cam-1", "--from", iso(START), "--to", iso(START + 8000), tmp_path / "out.mkv")
    assert done.returncode == 1, done.stderr
    assert "deleted" in done.stderr and done.stdout.startswith("3 frames")


def produce(kafka, topic, picture, sent, caps=CAPS):
    """Sends a frame for each (partition, camera, capture time in ms after START) of the list `sent`."""
    producer = kafka.producer()
    for seq, (partition, camera, ms) in enumerate(sent):
        headers = {"camera": camera, "session": "s", "seq": str(seq), "gst-caps": caps, "capture-time": str((START + ms) * 1_000_000)}
        producer.produce(topic, picture, headers=list(headers.items()), timestamp=START + ms, partition=partition)
    assert producer.flush(120) == 0


def range_of(kafka, topic, *words):
    recording = type("", (), {"kafka": kafka, "name": topic})()
    return Recording.clip(recording, "--camera", "cam-1", "--from", iso(START), "--to", iso(START + 8000), *words)


PORTRAIT = TOP / "pipelines/scene/portrait.jpg"


def test_frames_that_retention_has_deleted_from_one_partition_are_noticed(kafka, tmp_path, fresh):
    """Another partition still has an older frame, of another camera, so the topic's oldest frame is older than the range."""
    kafka.create_topic(fresh, 2)
    produce(kafka, fresh, PORTRAIT.read_bytes(), [(0, "cam-2", -60_000)] + [(1, "cam-1", ms) for ms in TIMES["cam-1"]])
    kafka.delete_records(fresh, {1: 3})
    done = range_of(kafka, fresh, tmp_path / "out.mkv")
    assert done.returncode == 1 and "deleted" in done.stderr and done.stdout.startswith("3 frames"), done.stdout + done.stderr


@pytest.mark.parametrize("end, demuxer", [("mp4", "qtdemux"), ("mkv", "matroskademux")])
def test_clip_leaves_out_frames_that_arrived_late(kafka, tmp_path, fresh, end, demuxer):
    """A spool sends frames late: here are frames of before the range, frames of the range behind later frames, and a frame
    of after the range."""
    kafka.create_topic(fresh, 1)
    produce(kafka, fresh, PORTRAIT.read_bytes(), [(0, "cam-1", ms) for ms in (0, 100, -50_000, 200, 150, 300, 20_000, 250)] + [(0, "cam-2", 200)])
    done = range_of(kafka, fresh, tmp_path / f"out.{end}")
    assert done.returncode == 1 and "2 frames of the range are left out" in done.stderr and done.stdout.startswith("4 frames"), done.stdout + done.stderr
    times = times_of(tmp_path / f"out.{end}", demuxer)
    assert [ms - times[0] for ms in times] == pytest.approx([0, 100, 200, 300], abs=2)


@pytest.mark.parametrize("end, demuxer", [("mp4", "qtdemux"), ("mkv", "matroskademux"), ("webm", "matroskademux"), ("ogv", "oggdemux")])
def test_clip_keeps_all_frames_of_a_camera_that_changes_its_size(kafka, launch, tmp_path, fresh, end, demuxer):
    kafka.create_topic(fresh, 1)
    produce(kafka, fresh, jpegs(launch, tmp_path, 1)[0], [(0, "cam-1", 0), (0, "cam-1", 100)])
    produce(kafka, fresh, PORTRAIT.read_bytes(), [(0, "cam-1", 200), (0, "cam-1", 300)],
            caps=CAPS.replace("64", "512").replace("48", "512"))
    done = range_of(kafka, fresh, tmp_path / f"out.{end}")
    assert done.returncode == 0 and done.stdout.startswith("4 frames"), done.stdout + done.stderr
    if end != "ogv":
        assert len(times_of(tmp_path / f"out.{end}", demuxer)) == 4


def test_encoded_cameras(kafka, launch, tmp_path, fresh):
    kafka.create_topic(fresh, 1)
    sent = launch("videotestsrc num-buffers=30 ! video/x-raw,width=64,height=48,framerate=30/1 ! x264enc tune=zerolatency key-int-max=10 ! "
                  f"h264parse config-interval=-1 ! kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh} camera=door key=door")
    assert sent.wait(120) == 0, sent.output()
    done = clip(kafka, fresh, "--camera", "door", "--from", "-10min", "--to", iso(time.time() * 1000 + 60_000), tmp_path / "out.mp4")
    assert done.returncode == 0 and done.stdout.startswith("30 frames"), done.stdout + done.stderr


def encode(tmp_path, elements):
    """Returns a picture, as the bytes of a file."""
    subprocess.run(["gst-launch-1.0", "-q", "videotestsrc", "num-buffers=1", "!", *elements.split(), "!", "filesink", f"location={tmp_path}/one"],
                   env=environment(), timeout=60, check=True)
    return (tmp_path / "one").read_bytes()


SMALL = "video/x-raw,width=64,height=48 ! jpegenc"
# name of the change: (caps and encoder of a camera's first two frames, caps and encoder of its next
# two frames)
CHANGES = {
    "size": ((CAPS, SMALL), (CAPS.replace("64", "96"), "video/x-raw,width=96,height=48 ! jpegenc")),
    "unsaid size": ((CAPS, SMALL), (CAPS, "video/x-raw,width=96,height=48 ! jpegenc")),
    "kind": ((CAPS, SMALL), (CAPS.replace("jpeg", "png"), "video/x-raw,width=64,height=48 ! pngenc")),
    "kind from png": ((CAPS.replace("jpeg", "png"), "video/x-raw,width=64,height=48 ! pngenc"), (CAPS, SMALL)),
    "rate": ((CAPS, SMALL), (CAPS.replace("10/1", "25/1"), SMALL)),
    "no rate": ((CAPS, SMALL), (CAPS.replace("10/1", "0/1"), SMALL)),
    "colours": ((CAPS, SMALL), (CAPS, "video/x-raw,width=64,height=48,format=GRAY8 ! jpegenc")),
    "huge": ((CAPS, SMALL), (CAPS, "videobalance contrast=0 saturation=0 ! videoconvert ! video/x-raw,width=8000,height=5200,format=GRAY8 ! jpegenc quality=10")),
    "damage": ((CAPS, SMALL), (CAPS, "video/x-raw,width=64,height=48 ! identity")),
}

@pytest.fixture(scope="module")
def changing(kafka, tmp_path_factory):
    """A topic with the frames of one camera after another, so their order in Kafka isn't the order of capture."""
    topic, producer = f"changing-{time.monotonic_ns()}", kafka.producer()
    kafka.create_topic(topic, 1)
    kafka.create_topic(topic + "-events", 1)
    late = "late", json.dumps(event("size", 1, START + 1000))
    for ms, text in ((0, json.dumps(event("size", 0, START))), (0, "no event"), (200_000, "no event of the range"), late):
        producer.produce(topic + "-events", text, timestamp=START + (1000 if ms == "late" else ms), headers=[("camera", "size")])
    for name, kinds in CHANGES.items():
        pictures = [(caps, encode(tmp_path_factory.mktemp("one"), elements)) for caps, elements in kinds]
        for seq in range(4):
            caps, picture = pictures[seq // 2]
            producer.produce(topic, picture, timestamp=START + seq * 1000, headers=list(frame_headers(name, seq, seq * 1000, caps).items()))
    assert producer.flush(120) == 0
    return topic


@pytest.mark.parametrize("change, end", [
    ("size", "mp4"), ("size", "ogv"), ("unsaid size", "mkv"), ("kind", "mp4"), ("kind from png", "webm"), ("rate", "mp4"),
    ("no rate", "mkv"), ("no rate", "ogv"), ("colours", "webm"), ("damage", "mkv"), ("huge", "mkv")])
def test_clip_keeps_frames_after_a_change_unless_their_kind_changes(kafka, changing, tmp_path, change, end):
    """A file has frames of one kind, JPEG or PNG. Frames of another kind, and pictures that are damaged or have over 40
    million pixels, are left out, and stderr says how many."""
    done = clip(kafka, changing, "--camera", change, "--from", SINCE, tmp_path / f"out.{end}")
    if "kind" in change:
        assert done.returncode == 1 and done.stdout.startswith("2 frames"), done.stdout + done.stderr
        assert "2 messages are left out" in done.stderr and "--from" in done.stderr
        rest = clip(kafka, changing, "--camera", change, "--from", iso(START + 2000), tmp_path / f"rest.{end}")
        other = re.search(r"[a-z/]+", CHANGES[change][1][0])[0]
        assert rest.stdout.startswith("2 frames") and f"aren't {other}" in rest.stderr, rest.stdout + rest.stderr
    elif change in ("damage", "huge"):
        assert done.returncode == 1 and done.stdout.startswith("2 frames") and "2 pictures" in done.stderr, done.stdout + done.stderr
    else:
        assert done.returncode == 0 and done.stdout.startswith("4 frames"), done.stdout + done.stderr
    if end == "ogv":
        times = times_of(tmp_path / "out.ogv", "oggdemux")
        # Theora writes no packet for a frame that equals the one before it, so the last frames may
        # be missing here
        assert times[-1] - times[0] > 2000


def test_late_events_are_written_and_messages_that_are_no_events_are_reported(kafka, changing, tmp_path):
    done = clip(kafka, changing, "--camera", "size", "--from", iso(START), "--to", iso(START + 2000), tmp_path / "out.csv")
    assert done.returncode == 1 and done.stdout.startswith("2 events") and done.stderr.startswith("1 messages"), done.stdout + done.stderr


@pytest.fixture(scope="module")
def faces(kafka):
    """Two frames that show one face: an event says where it is in the first frame, and the second frame has no event."""
    topic, producer = f"faces-{time.monotonic_ns()}", kafka.producer()
    caps = CAPS.replace("64", "512").replace("48", "512")
    box = {"x": 140, "y": 120, "w": 230, "h": 230}
    for name in (topic, topic + "-events"):
        kafka.create_topic(name, 1)
    for seq in range(2):
        producer.produce(topic, PORTRAIT.read_bytes(), timestamp=START + seq, headers=list(frame_headers("cam-1", seq, seq * 1000, caps).items()))
    producer.produce(topic + "-events", json.dumps({**event("cam-1", 0, START), "boxes": [box]}), timestamp=START, headers=[("camera", "cam-1")])
    assert producer.flush(120) == 0
    return topic


def faces_in(file):
    """Returns the number of faces in each frame of a video."""
    line = f"filesrc location={file} ! matroskademux ! decodebin ! videoconvert ! haarfacecount min-faces=0 ! fdsink"
    said = subprocess.run(["gst-launch-1.0", "-q", *line.split()], env=environment(), capture_output=True, text=True, timeout=120, check=True).stdout
    return [int(count) for count in re.findall(r'"faces":(\d+)', said)]


@pytest.mark.parametrize("blur, expected", [("none", [1, 1]), ("faces", [0, 0]), ("picture", [0, 0])])
def test_blur_leaves_no_face(kafka, faces, tmp_path, blur, expected):
    done = clip(kafka, faces, "--camera", "cam-1", "--from", SINCE, "--blur", blur, tmp_path / "out.mkv")
    assert done.returncode == 0, done.stderr
    assert faces_in(tmp_path / "out.mkv") == expected


def test_blur_of_an_unknown_kind_is_refused(kafka, faces, tmp_path):
    done = clip(kafka, faces, "--camera", "cam-1", "--from", SINCE, "--blur", "eyes", tmp_path / "out.mkv")
    assert done.returncode == 2 and "--blur" in done.stderr and not list(tmp_path.iterdir())
