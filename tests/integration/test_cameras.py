# SPDX-License-Identifier: LGPL-2.1-or-later
"""IP cameras: a real RTSP server, whose cameras fail in every way, and `pipelines/edge` with all of them in one process."""

import base64
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

import pytest

import messages
import pipeline
import rtsp_server
from pipeline import TOP, wait_until

PASSWORD = "Schluessel-7"


@pytest.fixture
def cameras():
    with rtsp_server.Cameras() as server:
        yield server


class Edge:
    """Runs `pipelines/edge` with a file of cameras, and reads its output and metrics."""

    def __init__(self, directory, text, **settings):
        self.file = directory / "cameras.conf"
        self.file.write_text(text)
        self.log = directory / "edge.log"
        self.port = pipeline.closed_port()
        with open(self.log, "wb") as log:
            self.popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", TOP / "pipelines/edge"], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env={**pipeline.environment(), "CAMERAS": str(self.file), "HEALTH_PORT": str(self.port), **settings})

    def output(self):
        return self.log.read_text(errors="replace")

    def metrics(self):
        """{(name, element, reason): value}"""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as answer:
                text = answer.read().decode()
        except OSError:
            return {}
        found = {}
        for name, labels, value in re.findall(r"^(\w+)\{(.*)\} (\S+)$", text, re.M):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            found[name, labels.get("element"), labels.get("reason")] = float(value)
        return found

    def probe(self, path):
        """Returns the text of the answer to a health probe, whatever the answer's status code."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{path}", timeout=10) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.read().decode()
        except OSError:
            return ""

    def metric(self, name, element, reason=None):
        return self.metrics().get((name, element, reason), 0)

    def restarts(self, camera):
        metrics = self.metrics()
        return sum(metrics.get(("gstfog_camera_restarts_total", camera, reason), 0) for reason in ("failed", "refused", "frozen"))

    def stop(self):
        self.popen.send_signal(signal.SIGINT)
        assert self.popen.wait(120) == 0, self.output()[-3000:]


@pytest.fixture
def edge(kafka, fresh, tmp_path):
    started = []

    def start(text, **settings):
        topics = {f"{topic.upper()}_TOPIC": f"{fresh}-{topic}" for topic in ("camera", "stream", "feedback")}
        for topic in topics.values():
            kafka.create_topic(topic, 1)
        started.append(Edge(tmp_path, text, FOG_KAFKA=kafka.bootstrap, **topics, **settings))
        return started[-1]

    yield start
    for one in started:
        one.popen.kill()
        one.popen.wait()
        print(one.output()[-4000:])


def frames_of(kafka, topic):
    """{camera: [(session, seq, headers)]} of a topic with one partition, in order."""
    found = {}
    for message in messages.stored(kafka, topic, 0):
        headers = {name: value.decode() for name, value in message.headers()}
        found.setdefault(headers["camera"], []).append((headers["session"], int(headers["seq"]), headers, message.key()))
    return found


def test_cameras_that_fail_come_back_without_disturbing_others_in_the_process(cameras, edge, kafka, fresh, launch, tmp_path):
    """Five of twenty drop their clients, freeze, change their size, are switched off, or refuse the password. Each of the
    five failed cameras comes back by itself, and the other fifteen keep sending without a restart."""
    secret = tmp_path / "secret"
    secret.write_text("wrong\n")
    names = [f"cam-{i}" for i in range(20)]
    codecs = {name: "JPEG" for name in names} | {"cam-3": "H264", "cam-4": "H265", "cam-5": "H264", "cam-6": "H265", "cam-7": "H264"}
    sends = {"cam-5": "stream", "cam-6": "stream", "cam-8": "jpeg", "cam-9": "jpeg"}
    uris = {name: cameras.add(f"{fresh}-{name}", codec, rate=5, auth="digest" if name == "cam-2" else "", password=PASSWORD)
            for name, codec in codecs.items()}
    text = "# all of them\n\n" + "".join(
        f"[{name}]\nuri = {uri}\nsend={sends.get(name, 'pictures')}\n" for name, uri in uris.items())
    text = text.replace("[cam-1]", "[cam-1]\ntimeout=4000000000").replace("[cam-2]", f"[cam-2]\nuser=fog\npassword-file={secret}")
    stage = edge(text, RATE_OPTIONS="algorithm=fixed initial-rate=5", GST_DEBUG_DUMP_DOT_DIR=str(tmp_path))

    sinks = [f"sink-{name}" for name in names if name != "cam-2"]
    wait_until(lambda: all(stage.metric("gstfog_messages_delivered_total", sink) >= 3 for sink in sinks), 90, "frames of all")
    cameras.drop(f"{fresh}-cam-0")
    cameras.freeze(f"{fresh}-cam-1")
    cameras.resize(f"{fresh}-cam-3", "80x64")
    cameras.remove(f"{fresh}-cam-7")
    secret.write_text(PASSWORD + "\n")
    wait_until(lambda: stage.metric("gstfog_camera_restarts_total", "cam-1", "frozen") >= 1, 60, "the frozen camera given up")
    assert stage.metric("gstfog_camera_restarts_total", "cam-2", "refused") >= 1
    cameras.freeze(f"{fresh}-cam-1", frozen=False)
    cameras.add(f"{fresh}-cam-7", "H264", rate=5, port=int(uris["cam-7"].split(":")[2].split("/")[0]))
    back = ("cam-0", "cam-1", "cam-2", "cam-7")
    wait_until(lambda: all(stage.metric("gstfog_camera_connected", name) for name in back), 90, "all back")
    before = {name: stage.metric("gstfog_messages_delivered_total", f"sink-{name}") for name in names}
    wait_until(lambda: all(stage.metric("gstfog_messages_delivered_total", f"sink-{name}") > before[name] + 2 for name in names), 60, "more of all")
    assert {name for name in names if stage.restarts(name)} == set(back)
    shown = pathlib.Path(f"/proc/{stage.popen.pid}/cmdline").read_bytes() + pathlib.Path(f"/proc/{stage.popen.pid}/environ").read_bytes()
    stage.stop()

    pictures, streams = frames_of(kafka, f"{fresh}-camera"), frames_of(kafka, f"{fresh}-stream")
    assert set(pictures) == set(names) - {"cam-5", "cam-6"} and set(streams) == {"cam-5", "cam-6"}
    for name, frames in {**pictures, **streams}.items():
        assert len({session for session, *_ in frames}) == 1, name
        assert [seq for _, seq, *_ in frames] == list(range(len(frames))), name
        assert [key for *_, key in frames] == [name.encode() if name in streams else None] * len(frames)
    sizes = [re.search(r"width=\(int\)(\d+)", headers["gst-caps"])[1] for _, _, headers, _ in pictures["cam-3"]]
    assert sizes[0] == "64" and sizes[-1] == "80"
    assert {name for name in names if f"GstIpCameraSrc:{name}: The camera gives no frames" in stage.output()} == set(back)
    assert stage.output().count("The camera gives frames again") >= len(back)
    dots = "".join(path.read_text() for path in tmp_path.glob("*.dot"))
    assert "cam-2" in dots and PASSWORD not in dots + stage.output() and PASSWORD.encode() not in shown
    reader = launch(f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={fresh}-stream camera=cam-5 auto-offset-reset=earliest eos-at-end=true "
                    f"start-offset=0 ! h264parse ! avdec_h264 ! jpegenc ! multifilesink location={tmp_path}/read-%03d.jpg")
    assert reader.wait(120) == 0, reader.output()
    assert len(list(tmp_path.glob("read-*.jpg"))) >= len(streams["cam-5"]) / 2


def test_an_error_of_one_camera_restarts_its_branch_alone(cameras, edge, kafka, fresh):
    """A camera whose frames are too large for its kafkasink is restarted again and again, and named in the log, the metrics
    and the answers of the health's probes; the frames of another camera have no gap."""
    text = "".join(f"[{name}]\nuri={cameras.add(f'{fresh}-{name}', 'JPEG', rate=5)}\nsend=jpeg\nsink-options={options}\n" for name, options in
                   (("sound", "acks=1"), ("large", "on-error=fail message-max-bytes=1000")))
    stage = edge(text, RATE_OPTIONS="algorithm=fixed initial-rate=5")
    wait_until(lambda: stage.metric("gstfog_branch_failures_total", "branch-large") >= 2, 90, "two failures")
    wait_until(lambda: "down: branch-large" in stage.probe("readyz"), 60, "the branch named")
    delivered = stage.metric("gstfog_messages_delivered_total", "sink-sound")
    wait_until(lambda: stage.metric("gstfog_messages_delivered_total", "sink-sound") > delivered + 5, 60, "frames of the sound camera")
    assert stage.metric("gstfog_branch_failures_total", "branch-sound") == 0
    stage.stop()
    frames = frames_of(kafka, f"{fresh}-camera")["sound"]
    assert [seq for _, seq, *_ in frames] == list(range(len(frames))) and len({session for session, *_ in frames}) == 1
    assert re.search("^WARNING: .*branch-large: The branch failed, and is started again .*sink-large: ", stage.output(), re.MULTILINE)


def test_no_log_shows_a_password(cameras, fresh, launch, tmp_path):
    """The password is in no log at the highest log level, for Basic and Digest authentication, and when the element
    connects again."""
    secret, log = tmp_path / "secret", tmp_path / "gst.log"
    secret.write_text(PASSWORD)
    uris = [cameras.add(f"{fresh}-{auth}", "JPEG", auth=auth, password=PASSWORD) for auth in ("basic", "digest")]
    both = launch(" ".join(f"ipcamerasrc uri={uri} user=fog password-file={secret} ! fakesink sync=false" for uri in uris),
                  GST_DEBUG="2,rtsp*:9,default:9,GST_*:9,ipcamerasrc:9,sdp*:9", GST_DEBUG_FILE=str(log), GST_DEBUG_DUMP_DOT_DIR=str(tmp_path))
    wait_until(lambda: log.exists() and log.read_text(errors="replace").count("the camera gives") >= 2, 60, "frames of both")
    cameras.drop(f"{fresh}-basic")
    wait_until(lambda: log.read_text(errors="replace").count("the camera gives") >= 3, 60, "frames after a restart")
    both.interrupt()
    text = log.read_text(errors="replace") + both.output() + "".join(path.read_text() for path in tmp_path.glob("*.dot"))
    assert "WWW-Authenticate" in text and "user-id=" in text
    assert PASSWORD not in text and base64.b64encode(f"fog:{PASSWORD}".encode()).decode() not in text


def test_capture_time_is_by_the_cameras_clock_if_it_is_plausible(cameras, kafka, fresh, launch):
    """One pipeline has a camera that sends 0.8 s late, one whose clock is wrong, and one whose clock isn't used. The
    capture time of the late camera's frames is when the camera took them, and of the two other cameras' frames when they
    arrived."""
    kafka.create_topic(fresh, 1)
    kinds = {"late": {"delay": 0.8}, "wrong": {"clock": "running-time"}, "unused": {"delay": 0.8}}
    # the late camera's tolerance is 9 s, because a busy machine receives frames later than 0.8 s
    tolerance = {"unused": "clock-tolerance=0", "late": "clock-tolerance=9000000000"}
    running = launch(" ".join(
        f"ipcamerasrc uri={cameras.add(f'{fresh}-{name}', 'JPEG', **kind)} {tolerance.get(name, '')} ! "
        f"kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh} camera={name}" for name, kind in kinds.items()))
    wait_until(lambda: sorted(len(frames) > 30 for frames in frames_of(kafka, fresh).values()) == [True] * 3, 60, "frames", every=0.5)
    running.interrupt()
    # capture time minus running time is when the pipeline started, by the clock that was used
    starts = {name: (int(headers["capture-time"]) - int(headers["gst-pts"])) / 1e9
              for name, frames in frames_of(kafka, fresh).items() for _, _, headers, _ in frames[-1:]}
    assert abs(starts["wrong"] - starts["unused"]) < 0.3
    assert -9 < starts["late"] - starts["wrong"] < -0.5
    assert len(re.findall("^WARNING: .*: The camera's clock differs by", running.output(), re.MULTILINE)) == 1


def certificate(directory, name, *words):
    """Makes a key and a certificate in one file."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", directory / f"{name}.key", "-out",
                    directory / f"{name}.crt", *words], capture_output=True, timeout=60, check=True)
    whole = directory / f"{name}.pem"
    whole.write_text("".join((directory / f"{name}.{end}").read_text() for end in ("crt", "key")))
    return whole


def test_tls(cameras, fresh, launch, tmp_path):
    """Trusts a camera whose certificate a private authority has signed, and one with a self-signed certificate for a name
    that isn't its address; refuses both if tls-ca-file holds another certificate."""
    ca = certificate(tmp_path, "ca", "-subj", "/CN=authority")
    signed = certificate(tmp_path, "signed", "-subj", "/CN=camera", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE",
                         "-CA", ca, "-CAkey", ca)
    own, other = certificate(tmp_path, "own", "-subj", "/CN=camera"), certificate(tmp_path, "other", "-subj", "/CN=camera")
    uris = {name: cameras.add(f"{fresh}-{name}", "JPEG", tls=str(file)) for name, file in (("signed", signed), ("own", own))}
    trusted = {"signed": tmp_path / "ca.crt", "own": tmp_path / "own.crt"}
    good = launch(" ".join(f"ipcamerasrc uri={uri} tls-ca-file={trusted[name]} ! multifilesink sync=false location={tmp_path}/{name}-%d.jpg"
                           for name, uri in uris.items()))
    wait_until(lambda: all((tmp_path / f"{name}-2.jpg").exists() for name in uris), 60, "frames of both")
    assert "WARNING: from element" not in good.output()
    good.kill()
    bad = launch(" ".join(f"ipcamerasrc name={name} uri={uri} tls-ca-file={other} ! fakesink sync=false" for name, uri in uris.items()))
    wait_until(lambda: all(re.search(f"WARNING: from element.*{name}.*ertificate", bad.output(), re.S) for name in uris), 60, "two warnings")


def test_frames_are_dropped_if_the_pipeline_is_slower_than_the_camera(cameras, fresh, launch):
    """A camera isn't taken for frozen if the elements behind it are too slow, but frames are dropped, with one warning."""
    uri = cameras.add(fresh, "JPEG", rate=20)
    # the camera's clock isn't used, because its reports reach a busy machine late enough for a
    # warning
    slow = launch(f"ipcamerasrc uri={uri} clock-tolerance=0 timeout=12000000000 ! image/jpeg ! identity sleep-time=60000000 ! fakesink sync=false")
    wait_until(lambda: "Frames are dropped" in slow.output(), 60, "the warning")
    time.sleep(13)
    slow.kill()
    assert "gives no frames" not in slow.output()
    assert len(re.findall("^WARNING: .*: Frames are dropped", slow.output(), re.MULTILINE)) == 1


@pytest.mark.parametrize("text, line, reason", [
    ("", 0, "no camera"),
    ("uri=rtsp://h/", 1, "before the first"),
    ("[door]\nuri=rtsp://h/a\n[door]\nuri=rtsp://h/b", 3, "twice, first in line 1"),
    ("[door]\nuri=rtsp://h/a\n\n# next\nuri=rtsp://h/b", 5, "uri is there twice"),
    ("[front door]\nuri=rtsp://h/a", 1, "isn't a camera's id"),
    ("[a.b]\nuri=rtsp://h/a", 1, "isn't a camera's id"),
    ("[]\nuri=rtsp://h/a", 1, "isn't a camera's id"),
    ("[../x]\nuri=rtsp://h/a", 1, "isn't a camera's id"),
    ("[a]\n[b]\nuri=rtsp://h/a", 1, "has no uri"),
    ("[a]\nuri=http://h/a", 2, "uri takes rtsp://"),
    ("[a]\nuri=rtsp:///a", 2, "uri takes rtsp://"),
    ("[a]\nuri=rtsp://me:pw@h/a", 2, "holds a user"),
    ("[a]\nuri=rtsp://me:1/Schluessel-7@h/a", 2, "holds a user"),
    ("[a]\nuri=rtsp://me:1?Schluessel-7@h/a", 2, "holds a user"),
    ("[a]\nuri=rtsp://me:1 Schluessel-7@h/a", 2, "holds a user"),
    ("[a]\nurl rtsp://me:Schluessel-7@h/a", 2, "neither [CAMERA]"),
    ("[a]\n=x", 2, "isn't one of"),
    ("[reports]\nuri=rtsp://h/a", 1, "names of other parts"),
    ("[branch-a]\nuri=rtsp://h/a", 1, "names of other parts"),
    ("[door]\nuri=rtsp://h/a\n[rate-door]\nuri=rtsp://h/b", 3, "names of other parts"),
    ("[a]\nuri=rtsp://h/a ! filesink location=/tmp/x", 2, "uri doesn't take"),
    ("[a]\nuri=rtsp://h/a\npassword=pw", 3, "file of its own"),
    ("[a]\nuri=rtsp://h/a\nuser=me", 1, "no password-file"),
    ("[a]\nuri=rtsp://h/a\npassword-file=/etc/hostname", 1, "no user"),
    ("[a]\nuri=rtsp://h/a\nuser=me\npassword-file=/nowhere", 4, "there is no file /nowhere"),
    ("[a]\nuri=rtsp://h/a\nuser=me\npassword-file=/dev/null", 4, "there is no file"),
    ("[a]\nuri=rtsp://h/a\ntransport=carrier-pigeon", 3, "transport doesn't take"),
    ("[a]\nuri=rtsp://h/a\ntimeout=10s", 3, "timeout doesn't take"),
    ("[a]\nuri=rtsp://h/a\nsend=", 3, "send doesn't take"),
    ("[a]\nuri=rtsp://h/a\nframerate=3", 3, "isn't one of"),
    ("[a]\nuri=rtsp://h/a\nsend=stream\nrate-options=max-rate=3", 1, "rate-options"),
    ("[a]\nuri=rtsp://h/a\nsend=jpeg\nencoder=jpegenc", 1, "encoder"),
    ("[a]\r\nuri=rtsp://h/a\r\nnonsense\r\n", 3, "neither [CAMERA]"),
    ("\ufeff[a]\nuri=rtsp://h/a", 1, "neither [CAMERA]"),
    ("[a]\nuri=rtsp://h/a\nencoder=jpegenc \x1b[2J", 3, "encoder doesn't take"),
])
def test_a_file_of_cameras_with_a_mistake_is_refused(tmp_path, text, line, reason):
    """The error names the line and the reason, and comes before any pipeline runs."""
    file = tmp_path / "cameras.conf"
    file.write_text(text, newline="")
    done = subprocess.run([TOP / "pipelines/edge"], env={**os.environ, "CAMERAS": str(file), "PATH": "/usr/bin:/bin"},
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"{file}:{line}: ") and reason in done.stderr and done.stderr.count("\n") == 1
    assert PASSWORD not in done.stderr


def test_a_camera_may_have_an_address_of_ipv6(tmp_path):
    file = tmp_path / "cameras.conf"
    file.write_text("[a]\nuri=rtsp://[::1]:8554/a\n")
    done = subprocess.run([TOP / "pipelines/edge", "--print"], env={**os.environ, "CAMERAS": str(file)}, capture_output=True, text=True, timeout=120,
                          check=False)
    assert done.returncode == 0 and "uri=rtsp://[::1]:8554/a" in done.stdout, done.stderr


def test_a_password_in_the_query_of_a_uri_is_a_warning(tmp_path):
    """A password in the query of a URI is accepted with a warning, because some cameras take their password only in the query."""
    file = tmp_path / "cameras.conf"
    file.write_text(f"[a]\nuri=rtsp://host/a?user=me&Password={PASSWORD}\n")
    done = subprocess.run([TOP / "pipelines/edge", "--print"], env={**os.environ, "CAMERAS": str(file)}, capture_output=True, text=True, timeout=120,
                          check=False)
    assert done.returncode == 0 and done.stderr.startswith(f"{file}:2: warning: ") and PASSWORD not in done.stderr


def test_the_setting_CAMERAS_excludes_the_settings_of_a_single_camera(tmp_path):
    for settings in ({"CAMERAS": str(tmp_path / "none")}, {"CAMERAS": "/etc/hostname", "CAMERA": "a"}, {"CAMERAS": "/etc/hostname", "SOURCE": "a"}):
        done = subprocess.run([TOP / "pipelines/edge"], env={**os.environ, **settings}, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 2 and "CAMERAS" in done.stderr and done.stdout == ""
