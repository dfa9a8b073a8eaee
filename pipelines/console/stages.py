# SPDX-License-Identifier: LGPL-2.1-or-later
"""The processes of the demo: servers and stages, which all end when the demo's process ends."""

import fcntl
import glob
import os
import pathlib
import re
import shlex
import signal
import socket
import struct
import subprocess
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
SERVERS = TOP / "tests/servers"


class DemoError(Exception):
    """An error whose message is one sentence for users."""


class Server:
    """`tests/servers/NAME` in a directory of its own; it ends with this process."""

    def __init__(self, name, directory, *options):
        self.program, self.directory, self.options = SERVERS / name, directory / name, options

    def start(self):
        done = subprocess.run(
            [self.program, "start", "--dir", self.directory, "--owner", str(os.getpid()), *self.options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
            start_new_session=True)  # so that only the demo gets Ctrl-C, and ends the servers and stages in order
        if done.returncode:
            raise DemoError(f"The server {self.program.name} did not start: {done.stderr.strip()}")
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    def signal(self, number):
        """Sends a signal to the processes that the server's supervisor has started."""
        supervisor = int((self.directory / "supervisor").read_text())
        children = pathlib.Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text()
        for child in children.split():
            os.kill(int(child), number)

    def stop(self):
        if self.directory.exists():
            subprocess.run(
                [self.program, "stop", "--dir", self.directory], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, check=False, start_new_session=True)


class Stage:
    """A stage, run by one of the scripts in pipelines/."""

    def __init__(self, script, name, directory, environment, *arguments, descriptors=()):
        self.name, self.log = name, directory / f"{name}.log"
        with open(self.log, "wb") as log:
            self.popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", TOP / "pipelines" / script, *arguments],
                env={"RESTARTS": "0", **os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True, pass_fds=descriptors)

    def line(self):
        """Returns the gst-launch line that the stage runs."""
        with open(self.log, errors="replace") as log:
            return log.readline().strip()

    def check(self):
        if self.popen.poll() is not None:
            raise DemoError(f"The stage {self.name} ended by itself: {self.complaint()}")

    def complaint(self):
        text = self.log.read_text(errors="replace")
        found = re.search(r"^(?:ERROR|WARNING): (?:from element \S+: |erroneous pipeline: )?(.*)", text, re.MULTILINE)
        return found[1] if found else (text.strip().splitlines() or ["it said nothing"])[-1]

    def end(self, timeout=20):
        """Sends SIGINT, as Ctrl-C does, so that the stage delivers its last messages before it ends."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGINT)
        try:
            code = self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise DemoError(f"The stage {self.name} did not end within {timeout} s of SIGINT.") from None
        if code:
            raise DemoError(f"The stage {self.name} ended with code {code}: {self.complaint()}")

    def kill(self):
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()


PAGE_PORT = 8090
PAGE_TIMEOUT = 20


class Page(Stage):
    """The live page's process, at the page's usual port unless another program has it. `control`: the
    page's end of the socket through which viewers cause faults in the demo."""

    def __init__(self, directory, environment, control):
        super().__init__(
            "live/run", "live", directory, environment, "--listen", f"127.0.0.1:{free_port(PAGE_PORT)}", "--control",
            str(control.fileno()), descriptors=[control.fileno()])

    def address(self):
        """Returns the page's address once the page serves."""
        deadline = time.monotonic() + PAGE_TIMEOUT
        while time.monotonic() < deadline and self.popen.poll() is None:
            if self.line().startswith("live: "):
                return self.line().removeprefix("live: ")
            time.sleep(0.05)
        raise DemoError(f"The live page did not start: {self.complaint()}")


def free_port(wanted):
    """Returns `wanted` if no program listens at this port, otherwise 0, which means any free port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return 0
    return wanted


def remove_with_this_process(directory):
    """Starts a helper that removes the directory when this process ends for any reason."""
    return subprocess.Popen(
        ["sh", "-c", 'cat; sleep 1; rm -rf -- "$0"', directory], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True)


VIDIOC_QUERYCAP = 0x80685600
CAP_VIDEO_CAPTURE = 0x1
CAP_DEVICE_CAPS = 0x80000000


def captures(device):
    """Returns whether the device captures video: a camera's other nodes (metadata, codecs) are /dev/video* as well."""
    answer = bytearray(104)
    try:
        with open(device, "rb", buffering=0) as node:
            fcntl.ioctl(node, VIDIOC_QUERYCAP, answer)
    except OSError:
        return False
    whole, this_node = struct.unpack_from("II", answer, 84)
    return bool((this_node if whole & CAP_DEVICE_CAPS else whole) & CAP_VIDEO_CAPTURE)


def source():
    """Returns the element that gives the edge's frames: SOURCE, else the first camera of this machine,
    else scenesrc."""
    if os.environ.get("SOURCE"):
        return os.environ["SOURCE"]
    cameras = filter(captures, sorted(glob.glob("/dev/video*")))
    return next((f"v4l2src device={shlex.quote(camera)}" for camera in cameras), "scenesrc")
