# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the commands in the documents. `tests/run --form` compares the documents' generated tables with the elements."""

import re
import subprocess
import sys
import textwrap

import certificates
import kafka_server
import mongo_server
import pytest
from network import own_network
from pipeline import TOP, environment, wait_until

DOCUMENTS = [path for path in sorted(TOP.glob("**/*.md")) if "build" not in path.relative_to(TOP).parts[0]]
TEXTS = {path: path.read_text() for path in DOCUMENTS}
SHELL = [line for block in re.findall(r"```sh\n(.*?)```", TEXTS[TOP / "README.md"], re.S) for line in block.splitlines()]
LINES = sorted({line for text in TEXTS.values() for line in re.findall(r"^ {4}gst-launch-1\.0 ([^…\n]*)$", text, re.M)})
# Replacements for elements that need hardware or plugins that the machine lacks: a camera, a
# screen, a detector.
DEVICES = {"gvadetect": "testdetector found=face,x=1,y=2,w=30,h=40,confidence=0.9",
           "v4l2src": "scenesrc", "autovideosink": "fakesink", "videotestsrc is-live=true": "videotestsrc"}
RECORD = "videotestsrc num-buffers=30 ! jpegenc ! kafkasink topic=recorded camera=cam-1"
RTSP = textwrap.dedent("""
    import gi
    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GLib, Gst, GstRtspServer
    Gst.init(None)
    server = GstRtspServer.RTSPServer(address="127.0.0.1", service="8554")
    factory = GstRtspServer.RTSPMediaFactory(shared=True)
    factory.set_launch("( videotestsrc ! video/x-raw,width=320,height=240 ! x264enc tune=zerolatency ! rtph264pay name=pay0 )")
    server.get_mount_points().add_factory("/test", factory)
    server.attach(None)
    print("ready", flush=True)
    GLib.MainLoop().run()
""")


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Starts servers at the elements' default ports, a listener with TLS, and an RTSP camera."""
    folder = tmp_path_factory.mktemp("documents")
    authority = certificates.Authority(folder / "ca")
    store = authority.issue_store("broker")
    settings = folder / "kafka.conf"
    settings.write_text(f"security.protocol=SSL\nssl.ca.location={authority.certificate}\n")
    kafka = kafka_server.Kafka(
        folder / "kafka", port=9092, listeners={"tls": "SSL"},
        properties=["listener.name.tls.ssl.keystore.type=PEM", f"listener.name.tls.ssl.keystore.location={store}"])
    with own_network(), kafka, mongo_server.Mongo(folder / "mongo", port=27017):
        with subprocess.Popen([sys.executable, "-c", RTSP], stdout=subprocess.PIPE, text=True) as camera:
            assert camera.stdout.readline() == "ready\n"
            subprocess.run(["gst-launch-1.0", *RECORD.split()], env=environment(), check=True, timeout=120,
                           stdout=subprocess.DEVNULL)
            yield {"localhost:9093": kafka.servers("tls"), "/etc/fog/kafka.conf": str(settings)}
            camera.terminate()


@pytest.mark.parametrize("line", LINES)
def test_each_pipeline_of_the_documents_runs_as_printed(servers, launch, line, tmp_path):
    for printed, here in {**DEVICES, **servers, "location=minute": f"location={tmp_path}/minute",
                          "spool=/var/tmp": f"spool={tmp_path}"}.items():
        line = line.replace(printed, here)
    if "replay=true" in line:
        line = line.replace("topic=camera", "topic=recorded")
    options, line = ("-e", line[3:]) if line.startswith("-e ") else ("", line)
    pipeline = launch(line, options=options)
    if "num-buffers" in line or "replay=true" in line:
        assert pipeline.wait(120) == 0, pipeline.output()
    elif "appsrc" in line:  # a pipeline with appsrc has to wait for buffers, which never come here
        wait_until(lambda: "Setting pipeline to P" in pipeline.output(), 60, line)
        assert pipeline.running(), pipeline.output()
    else:
        pipeline.wait_playing(60)
        if "rtspsrc" in line:  # an EOS that is sent before rtspsrc has its pads would be lost
            wait_until(lambda: "Sent PLAY request" in pipeline.output(), 60, line)
        pipeline.interrupt()


# The commands for operators, and a text that each one prints if the topic has a few new frames.
SAID = {"alerts": "7 rules, 2 targets", "doctor": "broker 1: It is reached", "erase": "can be removed"}
COMMANDS = {line: SAID.get(line.split()[0], "frames: out" if "-5min" in line else "holds no")
            for line in re.findall(r"^ {4}pipelines/((?:alerts(?=[^\n]*--check)|doctor|clip|erase)\b[^\n]*)$", TEXTS[TOP / "pipelines/README.md"], re.M)}


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_for_operators_in_the_documents_runs_as_printed(servers, launch, line, tmp_path, fresh):
    # clip gets a topic of its own, because the pipelines of the tests above send frames that aren't
    # JPEG to the default topic.
    frames = fresh if line.startswith("clip") else "camera"
    for topic in (frames, "database", "feedback"):
        sent = launch(f"videotestsrc is-live=true num-buffers=3 ! jpegenc ! kafkasink topic={topic} camera=cam-1")
        assert sent.wait(120) == 0, sent.output()
    name, *words = line.replace("pipelines/", f"{TOP}/pipelines/").split()
    done = subprocess.run(
        [TOP / "pipelines" / name, *words], cwd=tmp_path, env={**environment(), "GST_DEBUG": "", "SOURCE": "videotestsrc", "CAMERA_TOPIC": frames},
        capture_output=True, text=True, timeout=120, check=False)
    assert COMMANDS[line] in done.stdout + done.stderr, done.stdout + done.stderr


def test_every_document_has_at_least_one_pipeline():
    assert len(LINES) > 15
    assert {command.split()[0] for command in COMMANDS} == {"alerts", "doctor", "clip", "erase"}
    assert {path.parent.name for path, text in TEXTS.items() if "gst-launch-1.0" in text} >= {
        TOP.name, "kafka", "haar", "mongo", "feedback", "health", "pipelines"}


def test_each_command_of_the_readme_has_a_test():
    """Each command of README.md has a test: the demo's is in this file, and the comments below name the tests of the other
    commands."""
    assert SHELL == [
        "pipelines/demo --seconds 60",
        "tests/run",  # this
        "tests/setup",  # done by this
        "meson devenv -C build gst-inspect-1.0 kafkasink",  # test_install.py
    ]


def test_the_readme_has_at_most_a_thousand_words():
    assert len(TEXTS[TOP / "README.md"].split()) <= 1000


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(TOP)))
def test_links_lead_somewhere(path):
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)", TEXTS[path]):
        file = (path.parent / target).resolve() if target else path
        assert file.exists(), target
        if anchor:
            heads = [re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-")
                     for head in re.findall(r"^#+ (.*)$", file.read_text(), re.M)]
            assert anchor[1:] in heads, f"{target}{anchor}"


def test_the_demo_reports_that_documents_and_frames_agree(tmp_path):
    """Runs the demo with two replicas, for a shorter time than the README does."""
    done = subprocess.run([TOP / "pipelines/demo", "--seconds", "20", "--replicas", "2"], capture_output=True, text=True,
                          timeout=300, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "documents and frames agree" in done.stdout
