# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests `tests/progress`, with which set-up, downloads and builds show how far they are, on a terminal and without one."""

import contextlib
import os
import pty
import re
import shutil
import signal
import subprocess
import sys

import pytest
from pipeline import TOP

sys.path.insert(0, str(TOP / "tests/servers"))

import kafka_server  # noqa: E402
import mongo_server  # noqa: E402

PROGRESS = TOP / "tests/progress"
STEPS = "for n in 1 2 3; do echo \"[$n/3] cc\"; sleep 0.8; done"
FAR = r"sed -nE 's,^\[([0-9]+)/([0-9]+)\].*,\1 of \2 steps,p' $LOG"


def progress(tmp_path, command, measure=FAR, **options):
    return subprocess.run([PROGRESS, "building", tmp_path / "log", measure, "sh", "-c", command], capture_output=True, text=True,
                          timeout=30, check=False, **options)


def test_progress_is_printed_in_lines_without_a_terminal(tmp_path):
    done = progress(tmp_path, STEPS)
    assert done.returncode == 0 and done.stdout == ""
    assert re.fullmatch(r"building: [123] of 3 steps, \d s\nbuilding: done, \d s\n", done.stderr), done.stderr
    assert (tmp_path / "log").read_text() == "[1/3] cc\n[2/3] cc\n[3/3] cc\n"


def test_no_progress_is_printed_for_a_quick_command(tmp_path):
    done = progress(tmp_path, "true")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("measure", [":", "false", "no-such-program", "echo ''"])
def test_failure_is_reported_although_progress_cannot_be_measured(tmp_path, measure):
    done = progress(tmp_path, "sleep 1.5; echo why; exit 7", measure)
    assert done.returncode == 7
    assert re.fullmatch(r"building: \d s\nbuilding: failed after \d s\n", done.stderr), done.stderr
    assert (tmp_path / "log").read_text() == "why\n"


def read_terminal(terminal):
    """Reads until the terminal has no writer, because one call returns only a part of what was written."""
    parts = []
    with contextlib.suppress(OSError):  # Linux reports the end of a terminal as an error
        while part := os.read(terminal, 4096):
            parts.append(part)
    return b"".join(parts).decode()


def test_progress_is_one_line_that_changes_on_a_terminal(tmp_path):
    ours, theirs = pty.openpty()
    with subprocess.Popen([PROGRESS, "building", tmp_path / "log", FAR, "sh", "-c", STEPS], stderr=theirs) as process:
        assert process.wait(120) == 0
    os.close(theirs)
    said = read_terminal(ours)
    os.close(ours)
    assert re.fullmatch(r"(\r\x1b\[Kbuilding: \d of 3 steps, \d s)+\r\x1b\[Kbuilding: done, \d s\r\n", said), said


def test_ctrl_c_ends_the_command_whose_progress_is_shown(tmp_path):
    with subprocess.Popen([PROGRESS, "building", tmp_path / "log", ":", "sh", "-c", "echo $$; exec sleep 60"], stderr=subprocess.PIPE,
                          text=True, start_new_session=True) as process:
        assert re.fullmatch(r"building: \d+ s\n", process.stderr.readline())
        os.killpg(process.pid, signal.SIGINT)
        assert process.communicate(timeout=60)[1] == "", "it went on to say how far it is"
    assert not os.path.exists(f"/proc/{(tmp_path / 'log').read_text().strip()}")


@pytest.fixture
def tools(tmp_path):
    """Adds scripts to PATH that replace the commands that download, install and build: they take two seconds and copy this
    machine's files."""
    folder = tmp_path / "tools"
    folder.mkdir()

    def add(name, script):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    add.environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    return add


def test_the_demo_shows_the_progress_of_its_downloads_and_builds(tmp_path, tools):
    jars, database = kafka_server.jars(), mongo_server.program()
    tools("mvn", f"for arg; do case $arg in -DoutputDirectory=*) to=${{arg#*=}} ;; esac; done; sleep 0.2; cp {jars}/*.jar $to; sleep 2")
    tools("go", f"[ $1 = env ] && exec echo go1.99\nmkdir -p ~/go/pkg/mod/cache/download; touch ~/go/pkg/mod/cache/download/a.zip; sleep 2; "
          f"while [ $1 != -o ]; do shift; done; cp {database} $2")
    said = ""
    with subprocess.Popen(
            [TOP / "pipelines/demo", "--no-live"], env={**tools.environment, "XDG_CACHE_HOME": str(tmp_path / "cache")},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout:
            said += line
            if "answer after" in line:
                process.kill()  # the processes that the demo has started end when the demo is killed
    assert re.search(r"^downloading Kafka: \d+ MB, \d+ s\n(downloading Kafka: .*\n)*downloading Kafka: done, \d+ s\n", said, re.M), said
    assert re.search(r"^building the database \(.*\): 1 modules downloaded, \d+ s\n", said, re.M), said
    assert "starting Kafka and the database" in said and re.search(r"^Kafka and the database answer after \d+ s$", said, re.M), said


def test_setup_names_the_packages_that_it_installs(tmp_path, tools):
    tools("id", "echo 0")
    tools("dpkg-query", "exit 1")  # nothing is there
    tools("apt-get", "[ $1 = update ] && exit 0; echo dlstatus:1:40.5:Retrieving; sleep 1.5; echo pmstatus:gcc:80.1:Configuring; sleep 0.2")
    done = subprocess.run([TOP / "tests/setup", "--packages-only"], env=tools.environment, capture_output=True, text=True, timeout=120,
                          check=False)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"installing \d+ packages: .*\n", done.stdout)
    assert re.fullmatch(r"installing \d+ packages: 40 % downloaded, \d s\ninstalling \d+ packages: done, \d s\n", done.stderr), done.stderr


def test_setup_shows_the_progress_of_the_build(tools):
    assert shutil.which("dpkg-query")
    tools("ninja", "echo '[17/158] Compiling'; sleep 1.5")
    done = subprocess.run([TOP / "tests/setup"], env=tools.environment, capture_output=True, text=True, timeout=120, check=False)
    assert re.fullmatch(r"building: 17 of 158 steps, \d s\nbuilding: done, \d s\n", done.stderr), done.stderr


def test_setup_shows_the_errors_of_apt(tools):
    tools("id", "echo 0")
    tools("dpkg-query", "exit 1")
    tools("apt-get", "[ $1 = update ] && exit 0; echo dlstatus:1:40.5:Retrieving; echo E: no space left; exit 100")
    done = subprocess.run([TOP / "tests/setup", "--packages-only"], env=tools.environment, capture_output=True, text=True, timeout=120,
                          check=False)
    assert done.returncode == 1
    assert "E: no space left" in done.stderr and "dlstatus" not in done.stderr and "could not install" in done.stderr, done.stderr
