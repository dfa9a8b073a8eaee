# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests the scripts of the stages: with --print they print their pipeline, which is the one in the README and contains no
secret, and they restart a pipeline that fails."""

import os
import pathlib
import re
import shlex
import subprocess

import pytest

import pipeline

TOP = pathlib.Path(__file__).resolve().parents[2]
STAGES = ["edge", "fog", "cloud", "demand"]


@pytest.fixture
def run(tmp_path):
    """Runs a stage with a gst-launch-1.0 that prints its arguments and plugin path instead."""
    fake = tmp_path / "gst-launch-1.0"
    fake.write_text('#!/bin/sh\nfor word; do echo "word=$word"; done; echo "path=$GST_PLUGIN_PATH_1_0"\n')
    fake.chmod(0o755)

    def run(stage, *arguments, **settings):
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "HOME": str(tmp_path), **settings}
        return subprocess.run(
            [TOP / "pipelines" / stage, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, timeout=120, check=False)

    return run


def words(output):
    return re.findall(r"^word=(.*)$", output, re.MULTILINE)


@pytest.mark.parametrize("stage", STAGES)
def test_each_script_prints_the_pipeline_of_the_readme(run, stage):
    done = run(stage)
    line = done.stdout.splitlines()[0]
    assert shlex.split(line) == ["gst-launch-1.0", *words(done.stdout)]
    document = "pipelines/README.md" if stage == "demand" else "README.md"
    assert f"    {line}\n" in (TOP / document).read_text()


@pytest.mark.parametrize("stage, settings, expected", [
    ("edge", {"SOURCE": "scenesrc seed=3 ! video/x-raw, width=320", "CAMERA": "cam-2"},
     "scenesrc seed=3 ! video/x-raw, width=320 ! feedbackrate name=rate camera=cam-2 ! jpegenc"),
    ("edge", {"FOG_KAFKA": "kafka:1", "FEEDBACK_TOPIC": "back"},
     "kafkasrc bootstrap-servers=kafka:1 topic=back ! rate.feedback"),
    ("fog", {"CASCADE": "alt 2.xml", "REPLICA": "fog-7", "FACES_OPTIONS": "workers=2  min-neighbors=4"},
     "haarfacecount name=faces cascade=alt 2.xml replica=fog-7 workers=2 min-neighbors=4 !"),
    ("fog", {"FOG_KAFKA": "near:1", "CLOUD_KAFKA": "far:2", "GROUP": "g"},
     "kafkasrc bootstrap-servers=near:1 topic=camera group-id=g ! jpegdec"),
    ("fog", {"FOG_KAFKA": "near:1", "CLOUD_KAFKA": "far:2"},
     "kafkasink bootstrap-servers=far:2 topic=database faces.rate ! kafkasink bootstrap-servers=near:1 topic=feedback"),
    ("cloud", {"FOG_KAFKA": "near:1", "COLLECTION": "c", "SOURCE_OPTIONS": "auto-offset-reset=earliest"},
     "kafkasrc bootstrap-servers=near:1 topic=database group-id=cloud auto-offset-reset=earliest ! "
     "mongosink database=fog collection=c"),
])
def test_settings(run, stage, settings, expected):
    done = run(stage, **settings)
    assert expected in " ".join(words(done.stdout))
    assert shlex.split(done.stdout.splitlines()[0])[1:] == words(done.stdout)


def test_secrets_do_not_appear_in_the_printed_pipeline(run):
    done = run("cloud", MONGODB_URI="mongodb://me:secret@db/", KAFKA_CONFIG="/etc/fog/kafka.conf")
    assert "config-file=/etc/fog/kafka.conf" in words(done.stdout)
    assert "secret" not in done.stdout + done.stderr


@pytest.mark.parametrize("stage", STAGES)
def test_help_and_mistakes(run, stage):
    done = run(stage, "--help")
    assert done.returncode == 0 and done.stdout.startswith(f"usage: pipelines/{stage}\n")
    text = (TOP / "pipelines" / stage).read_text()
    for setting in set(re.findall(r"\$\{([A-Z_]+):-", text)):
        assert re.search(rf"\b{setting}\b", done.stdout), f"--help does not mention {setting}"
    done = run(stage, "--no-such-option")
    assert done.returncode == 2 and "usage:" in done.stderr and not words(done.stdout)


@pytest.mark.parametrize("stage", STAGES)
def test_the_script_uses_the_plugins_of_the_build_in_GST_FOG_BUILD(run, stage, tmp_path):
    plugin = tmp_path / "build/gst-plugins/kafka/libgstkafka.so"
    plugin.parent.mkdir(parents=True)
    plugin.touch()
    done = run(stage, GST_FOG_BUILD=str(tmp_path / "build"), GST_PLUGIN_PATH="/mine")
    assert f"path={plugin.parent}:/mine" in done.stdout.splitlines()
    assert "path=" in run(stage, GST_FOG_BUILD=os.devnull).stdout.splitlines()


FAILING = """#!/bin/sh
echo run >>"$RUNS"
[ "$(wc -l <"$RUNS")" -gt "$GOOD_AFTER" ] && exit 0
exit 3
"""
WAITING = r"""#!/usr/bin/python3
import os, signal, time
def end(number, frame):
    os.write(1, b"signal %d\n" % number)
    os._exit(0)
signal.signal(signal.SIGINT, end)
print("ready", flush=True)
time.sleep(60)
"""


def fake_stage(tmp_path, stage, program, **settings):
    fake = tmp_path / "gst-launch-1.0"
    fake.write_text(program)
    fake.chmod(0o755)
    return subprocess.Popen(
        [TOP / "pipelines" / stage], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "RUNS": str(tmp_path / "runs"), **settings})


@pytest.mark.parametrize("stage, settings, runs, code", [
    ("fog", {"GOOD_AFTER": "2"}, 3, 0),
    ("cloud", {"GOOD_AFTER": "2", "RESTARTS": "1"}, 2, 3),
    ("fog", {"GOOD_AFTER": "9", "RESTARTS": "0"}, 1, 3),
    ("edge", {"GOOD_AFTER": "9"}, 1, 3),
    ("fog", {"GOOD_AFTER": "0"}, 1, 0),
])
def test_a_failed_pipeline_is_restarted(tmp_path, stage, settings, runs, code):
    running = fake_stage(tmp_path, stage, FAILING, **settings)
    said, _ = running.communicate(timeout=30)
    assert running.returncode == code
    assert (tmp_path / "runs").read_text().count("run") == runs
    assert said.count("Starting again") == runs - 1


@pytest.mark.parametrize("stage", ["fog", "edge"])
@pytest.mark.parametrize("group", [False, True], ids=["kill", "Ctrl-C"])
def test_a_pipeline_gets_a_signal_to_its_script_only_once(tmp_path, stage, group):
    running = fake_stage(tmp_path, stage, WAITING)
    while running.stdout.readline() != "ready\n":
        assert running.poll() is None
    (os.killpg if group else os.kill)(running.pid, 2)
    said, _ = running.communicate(timeout=30)
    assert running.returncode == 0
    assert said == "signal 2\n"


def test_a_signal_before_a_restart_of_the_pipeline_ends_the_script(tmp_path):
    running = fake_stage(tmp_path, "fog", FAILING, GOOD_AFTER="99")
    while "Starting again" not in running.stdout.readline():
        assert running.poll() is None
    running.terminate()
    running.communicate(timeout=30)
    assert running.returncode == 3
    assert (tmp_path / "runs").read_text().count("run") == 1


def test_a_pipeline_ends_if_its_script_is_killed(tmp_path):
    running = fake_stage(tmp_path, "fog", WAITING)
    while running.stdout.readline() != "ready\n":
        assert running.poll() is None
    running.kill()
    # communicate() returns when no process, the pipeline's included, can write to the script's
    # output any more.
    running.communicate(timeout=30)


def test_a_setting_RESTARTS_that_is_no_number_is_an_error(run):
    done = run("fog", RESTARTS="often")
    assert done.returncode == 2 and "RESTARTS" in done.stderr and not words(done.stdout)


def leave_counters():
    """Makes the file that libmongoc leaves in /dev/shm if an earlier process with the same id was killed."""
    pathlib.Path(f"/dev/shm/mongoc-{os.getpid()}").touch()


def test_libraries_print_nothing(tmp_path):
    """Despite a file that libmongoc has left, and servers that don't answer, the libraries print nothing to the output of
    `pipelines/cloud`."""
    environment = {
        **pipeline.environment(), "GST_DEBUG": "", "RESTARTS": "0", "FOG_KAFKA": f"localhost:{pipeline.closed_port()}",
        "MONGODB_URI": f"mongodb://localhost:{pipeline.closed_port()}"}
    stage = subprocess.Popen(
        [TOP / "pipelines/cloud"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        preexec_fn=leave_counters)
    left = pathlib.Path(f"/dev/shm/mongoc-{stage.pid}")
    try:
        output = stage.communicate(timeout=60)[0]
    finally:
        stage.kill()
        left.unlink()
    assert "Can't reach" in output, output
    for line in output.splitlines():
        assert not re.search(r"mongoc:|DEBUG|rdkafka|^%[0-9]", line), output
