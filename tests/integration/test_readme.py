# SPDX-License-Identifier: LGPL-2.1-or-later
"""README says what is so: its commands run, its tables list the properties that there are, with their defaults."""

import pathlib
import re
import subprocess

import kafka_server
import mongo_server
import pytest
from network import own_network
from pipeline import TOP, environment

README = (TOP / "README.md").read_text()
ELEMENTS = ["kafkasink", "kafkasrc", "haarfacecount", "mongosink", "feedbackrate"]
INHERITED = """name parent async blocksize enable-last-sample last-sample max-bitrate max-lateness processing-deadline
    qos render-delay sync throttle-time ts-offset do-timestamp num-buffers typefind""".split()
SHELL = [line for block in re.findall(r"```sh\n(.*?)```", README, re.S) for line in block.splitlines()]


def section(title):
    return re.split(r"\n##+ ", README.split(f"### {title}\n")[1])[0]


def launch_line(element):
    return re.search(r"^    gst-launch-1.0 -e (.*)$", section(element), re.M).group(1)


def documented(element):
    """Name → default, of the rows of the element's table."""
    return dict(re.findall(r"^\| `([a-z-]+)` \| (.*?) \| .* \|$", section(element), re.M))


def inspected(element):
    text = subprocess.run(["gst-inspect-1.0", element], env=environment(), capture_output=True, text=True,
                          timeout=60, check=True).stdout.split("Element Properties:")[1]
    found = {}
    for name, rest in re.findall(r"^  ([a-z][a-z-]*) *: .*\n((?: {20}.*\n)*)", text, re.M):
        default = re.search(r'Default: *(?:-?\d+, )?"?([^"\n]*?)"? *(?:Write only)? *$', rest, re.M)
        found[name] = default.group(1) if default else ""
    return {name: default for name, default in found.items() if name not in INHERITED}


def shown(default):
    """As the table shows it: an unset one empty, the largest number and this machine's name in words."""
    return {"null": "", "18446744073709551615": "unset", "<  >": ""}.get(default, default)


@pytest.mark.parametrize("element", ELEMENTS)
def test_the_tables_list_the_properties(element):
    host = pathlib.Path("/proc/sys/kernel/hostname").read_text().strip()
    expected = {name: "host name" if default == host else shown(default) for name, default in inspected(element).items()}
    assert documented(element) == expected


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """At the ports that are the elements' defaults."""
    folder = tmp_path_factory.mktemp("readme")
    with own_network():
        with kafka_server.Kafka(folder / "kafka", port=9092), mongo_server.Mongo(folder / "mongo", port=27017):
            yield


@pytest.mark.parametrize("element", ELEMENTS)
def test_the_example_of_an_element_runs(servers, launch, element):
    line = launch_line(element)
    example = launch(line)
    if "num-buffers" in line:
        assert example.wait(60) == 0, example.output()
    else:
        example.wait_playing()
        example.interrupt()


def test_the_commands_are_known():
    """Each has a test: the demo and a build here, the rest where it says."""
    assert SHELL == [
        "pipelines/demo --seconds 60",
        "tests/run",  # this
        "tests/setup",  # done by this
        "meson devenv -C build gst-inspect-1.0 kafkasink",  # test_install.py
    ]


def test_the_demo_judges_itself(tmp_path):
    """A shorter one, and two replicas."""
    done = subprocess.run([TOP / "pipelines/demo", "--seconds", "20", "--replicas", "2"], capture_output=True, text=True,
                          timeout=300, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "documents and frames agree" in done.stdout
