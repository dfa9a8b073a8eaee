# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests the stages' image as an operator runs it: read-only, as nobody, without capabilities; also with stages that stop or get
stuck, and with compose.yaml."""

import json
import os
import pathlib
import re
import signal
import stat
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
import uuid

import pymongo
import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/servers"))

import cache  # noqa: E402
import certificates  # noqa: E402
import kafka_server  # noqa: E402
import mongo_server  # noqa: E402
import network  # noqa: E402
import server  # noqa: E402

DEBIAN = os.environ.get("GST_FOG_DEBIAN", "trixie")
IMAGE = f"localhost/gst-fog/stages:{DEBIAN}"
LIMITS = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
LABEL = "gst-fog.test=images"
PROJECT = "gst-fog-images" # not the project name of compose.yaml, so that a system that already runs on this machine, and its volumes, stay untouched
CONFINED = [
    "--label", LABEL, "--network", "host", *LIMITS, "--read-only", "--read-only-tmpfs=false", "--tmpfs", "/tmp", "--cap-drop", "all",
    "--security-opt", "no-new-privileges"]


def podman(*arguments, check=True, timeout=120):
    return subprocess.run(
        ["podman", "--runtime", "runc", *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, timeout=timeout, check=check)


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    """Returns the files of the image, as tarfile describes them."""
    container = podman("create", IMAGE).stdout.strip()
    path = tmp_path_factory.mktemp("image") / "image.tar"
    podman("export", "-o", path, container)
    podman("rm", container, check=False)
    with tarfile.open(path) as archive:
        return archive.getmembers()


def test_no_file_of_the_image_is_setuid_or_setgid(members):
    assert len(members) > 300
    assert not [one.name for one in members if not one.isdir() and one.mode & (stat.S_ISUID | stat.S_ISGID)]


def test_the_bill_of_materials_names_every_package(members):
    """The bill of materials names gst-fog and all packages of which the image has files, each with its version."""
    bill = json.loads(subprocess.run([TOP / "tests/images/sbom", IMAGE], stdout=subprocess.PIPE, timeout=120, check=True).stdout)
    named = {one["name"] for one in bill["packages"] if one["versionInfo"]}
    packages = {pathlib.Path(one.name).name for one in members if one.isfile() and one.name.startswith("var/lib/dpkg/status.d/")}
    assert len(packages) > 30 and named == packages | {"gst-fog"}


def wait_until(condition, timeout, what):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {timeout} s"
        time.sleep(0.2)


def remove_labelled(label):
    for container in podman("ps", "-a", "-q", "--filter", f"label={label}").stdout.split():
        podman("rm", "-f", "-v", "-t", "0", container, check=False)


def remove_composed():
    remove_labelled(f"io.podman.compose.project={PROJECT}")
    podman("pod", "rm", "-f", f"pod_{PROJECT}", check=False)
    podman("network", "rm", "-f", f"{PROJECT}_default", check=False)
    for volume in podman("volume", "ls", "-q", "--filter", f"label=io.podman.compose.project={PROJECT}").stdout.split():
        podman("volume", "rm", "-f", volume, check=False)


@pytest.fixture(scope="session", autouse=True)
def nothing_left():
    """Removes containers that a killed earlier run, or a test of this run, has left."""
    def remove():
        remove_labelled(LABEL)
        remove_composed()

    signal.signal(signal.SIGTERM, signal.default_int_handler) # raises KeyboardInterrupt, so that the fixtures clean up
    remove()
    yield
    remove()


@pytest.fixture
def run():
    """Runs a stage in a container, which is removed at the end."""
    started = []

    def start(*arguments, options=(), **settings):
        port = server.free_port(network.Loopback())
        variables = [word for pair in settings.items() for word in ("-e", "=".join(pair))]
        started.append(f"gst-fog-images-{uuid.uuid4()}") # the name is recorded before the start, because a container that fails to start exists too
        podman(
            "run", "-d", "--name", started[-1], *CONFINED, *options, *variables, "-e", f"HEALTH_PORT={port}", IMAGE, *arguments)
        return started[-1], port

    yield start
    for container in started:
        podman("rm", "-f", "-t", "0", container, check=False)


def healthy(container):
    return podman("exec", container, "/usr/share/gst-fog/pipelines/image/entry", "health", check=False).returncode == 0


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return certificates.Authority(tmp_path_factory.mktemp("authority") / "ca")


@pytest.fixture(scope="module")
def kafka(tmp_path_factory, authority):
    kafka = kafka_server.Kafka(
        tmp_path_factory.mktemp("kafka"), listeners={"tls": "SSL"}, properties=[
            "listener.name.tls.ssl.keystore.type=PEM", f"listener.name.tls.ssl.keystore.location={authority.issue_store('kafka')}"])
    kafka.start()
    for topic in ("camera", "database", "feedback"):
        kafka.create_topic(topic, 3)
    yield kafka
    kafka.stop(0)


def test_the_image_is_labelled():
    found = json.loads(podman("image", "inspect", IMAGE).stdout)[0]
    config = found["Config"]
    assert config["User"] == "65532:65532" and config["StopSignal"] == "SIGINT"
    assert "health" in found["Healthcheck"]["Test"][-1]
    labels = config["Labels"]
    for label in ("title", "description", "licenses", "version", "url", "source"):
        assert labels[f"org.opencontainers.image.{label}"]
    assert found["Size"] < 250e6


def test_every_package_has_its_licence():
    listed = podman(
        "run", "--rm", *CONFINED, "--entrypoint", "bash", IMAGE, "-c",
        "for s in /var/lib/dpkg/status.d/*; do [ -s /usr/share/doc/${s##*/}/copyright ] || echo none: $s; done; "
        "cat /var/lib/dpkg/status.d/librdkafka1").stdout
    assert "none:" not in listed and "Package: librdkafka1\n" in listed


def test_every_cascade_can_be_chosen():
    """Each cascade is chosen by the name under which OpenCV installs it, including cascades of local binary patterns."""
    said = podman(
        "run", "--rm", *CONFINED, "--entrypoint", "bash", IMAGE, "-c",
        "for cascade in /usr/share/opencv4/*cascades/*.xml; do name=${cascade##*/}; echo ${name%.xml}; "
        "gst-launch-1.0 -q scenesrc num-buffers=1 ! haarfacecount cascade=${name%.xml} ! fakesink || echo failed; done").stdout
    assert "failed" not in said and "lbpcascade_frontalface\n" in said and "haarcascade_eye\n" in said


def test_public_authorities_are_trusted(run, kafka, authority, tmp_path):
    """A stage finds the image's file of public certificate authorities without a setting. The test replaces this file by one
    with its own authority."""
    config = tmp_path / "kafka.conf"
    config.write_text("security.protocol=ssl\n")
    mounts = {config: "/etc/kafka.conf", authority.certificate: "/etc/ssl/certs/ca-certificates.crt"}
    _, port = run(
        "edge", FOG_KAFKA=kafka.servers("tls"), KAFKA_CONFIG="/etc/kafka.conf", SOURCE="videotestsrc is-live=true",
        options=[word for file, path in mounts.items() for word in ("-v", f"{file}:{path}:ro")])
    wait_until(lambda: figure(port, "gstfog_messages_delivered_total") > 0, 60, "frames over TLS")


def test_usage_and_mistakes():
    assert "edge|fog|cloud" in podman("run", "--rm", *CONFINED, IMAGE, "--help").stdout
    assert "CAMERA_TOPIC" in podman("run", "--rm", *CONFINED, IMAGE, "fog", "--help").stdout
    wrong = podman("run", "--rm", *CONFINED, IMAGE, "moon", check=False)
    assert wrong.returncode == 2 and "usage:" in wrong.stderr


def test_stages_work_and_stop_cleanly(run, kafka, tmp_path):
    mongo = mongo_server.Mongo(tmp_path)
    mongo.start()
    events = pymongo.MongoClient(mongo.uri).fog.events
    common = {"FOG_KAFKA": kafka.bootstrap, "SOURCE_OPTIONS": "auto-offset-reset=earliest"}
    stages = [
        run("edge", SOURCE="scenesrc ! video/x-raw,width=640,height=480", **common)[0], run("fog", **common)[0],
        run("cloud", MONGODB_URI=mongo.uri, **common)[0]]
    wait_until(lambda: events.count_documents({"faces": {"$gt": 0}}) > 10, 90, "faces in the database")
    for container in stages:
        assert healthy(container)
        assert podman("top", container, "user").stdout.split()[1] == "fog"
        podman("stop", "-t", "40", container)
        state = json.loads(podman("inspect", container).stdout)[0]["State"]
        assert state["ExitCode"] == 0, podman("logs", container).stdout[-2000:]
    mongo.stop(0)


def test_an_idle_stage_is_healthy_and_a_stalled_one_is_not(run, kafka):
    idle, port = run("fog", FOG_KAFKA=kafka.bootstrap, GROUP="idle")
    wait_until(lambda: healthy(idle), 30, "healthy")
    stuck, _ = run(
        "edge", FOG_KAFKA=kafka.bootstrap,
        SOURCE="videotestsrc is-live=true ! queue ! identity name=stuck sleep-time=60000000")
    wait_until(lambda: healthy(stuck), 30, "healthy")
    wait_until(lambda: not healthy(stuck), 15, "the stall found")
    assert healthy(idle)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        assert re.search(r"^gstfog_messages_waiting\{", answer.read().decode(), re.MULTILINE)


def answer_code(port, path, **headers):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_the_live_page_reads_its_token_from_a_file_outside_the_image(run, kafka):
    token = "0123456789abcdef"
    page, port = run("live", FOG_KAFKA=kafka.bootstrap, LIVE_TOKEN=token)
    wait_until(lambda: healthy(page), 30, "healthy")
    assert answer_code(port, "/api/state") == 401
    assert answer_code(port, "/api/state", Authorization=f"Bearer {token}") == 200
    assert "0.0.0.0" in podman("logs", page).stdout and token not in podman("logs", page).stdout
    alone, _ = run("live", FOG_KAFKA=kafka.bootstrap)
    wait_until(lambda: healthy(alone), 30, "healthy")
    assert "http://127.0.0.1:" in podman("logs", alone).stdout


COMPOSED = "localhost/gst-fog/composed:trixie"
SETTINGS = {
    "STAGES_IMAGE": COMPOSED, "KAFKA_IMAGE": f"localhost/gst-fog/kafka:{DEBIAN}", "DATABASE_IMAGE": f"localhost/gst-fog/database:{DEBIAN}",
    "ENCODER": "jpegenc quality=60", "FACES_OPTIONS": "min-faces=0", "COLLECTION": "seen"}


@pytest.fixture
def compose(tmp_path):
    """Runs `podman-compose` with pipelines/compose.yaml, other settings, and limits that a sandbox permits. Removes all
    containers and
    volumes at the end."""
    limits = tmp_path / "containers.conf"
    limits.write_text(
        '[engine]\nruntime = "runc"\n[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n')
    ports = {f"{stage}_PORT": server.free_port(network.Loopback()) for stage in ("EDGE", "FOG", "CLOUD", "LIVE", "ALERTS")}
    settings = tmp_path / "env"
    settings.write_text(
        (TOP / "pipelines/.env").read_text() + "".join(f"{name}={value}\n" for name, value in {**SETTINGS, **ports}.items()))

    def run(*arguments, timeout=300):
        subprocess.run(
            [*podman_compose(), "-p", PROJECT, "--env-file", settings, "-f", TOP / "pipelines/compose.yaml", *arguments],
            env={**os.environ, "CONTAINERS_CONF": str(limits)}, check=True, timeout=timeout, stdin=subprocess.DEVNULL)

    run.ports = ports
    yield run
    remove_composed()
    podman("rmi", COMPOSED, check=False)


def podman_compose():
    wanted = "podman-compose==1.6.0"

    def make(directory):
        cache.checked([sys.executable, "-m", "venv", directory], "a Python environment")
        cache.checked([directory / "bin/pip", "install", "-q", wanted], "download of podman-compose")

    # runs podman-compose as a module, because its script in bin/ contains the directory in which it
    # was installed
    return cache.cached("podman-compose", [wanted], make) / "bin/python", "-m", "podman_compose"


def figure(port, name):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            found = re.search(rf"^{name}\{{.*\}} (\S+)$", answer.read().decode(), re.MULTILINE)
    except OSError:
        return 0
    return float(found[1]) if found else 0


def composed(service):
    return podman(
        "ps", "-q", "--filter", f"label=io.podman.compose.project={PROJECT}",
        "--filter", f"label=com.docker.compose.service={service}").stdout.strip()


def test_compose_builds_and_starts_the_whole_system(compose):
    compose("--podman-build-args=--network=host --layers=false", "build", timeout=1200)
    compose("up", "-d", "--no-build")
    wait_until(lambda: figure(compose.ports["CLOUD_PORT"], "gstfog_documents_total") > 10, 180, "documents in the database")
    assert figure(compose.ports["FOG_PORT"], "gstfog_counted_frames_total") > 10
    for service, setting in (("edge", "jpegenc quality=60"), ("fog", "min-faces=0"), ("cloud", "collection=seen")):
        assert setting in podman("logs", composed(service)).stdout
        assert podman("healthcheck", "run", composed(service), check=False).returncode == 0
