# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs pipelines as users do, with gst-launch-1.0, with a time limit; keeps their output."""

import contextlib
import os
import pathlib
import shlex
import signal
import subprocess
import threading
import time

import network
import server

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("GST_FOG_BUILD", TOP / "build"))
# Path of the sanitizers' library that the build uses; empty: the build uses none.
PRELOAD = os.environ.get("GST_FOG_PRELOAD", "")
# Factor by which a wait may exceed its time limit. A machine of CI may be five times as slow as the
# one on which a test was written, and a wait that succeeds ends early.
PATIENCE = 4


def environment():
    """Environment variables with which GStreamer finds the build's plugins beside its own, and keeps its plugin registry in
    a file of the tests."""
    plugins = {str(path.parent) for path in BUILD.glob("*/**/libgst*.so")}
    assert plugins, f"no plugin in {BUILD}: run tests/setup"
    return {
        **os.environ,
        "GST_PLUGIN_PATH_1_0": ":".join(sorted(plugins)),
        "GST_REGISTRY_1_0": str(BUILD / "integration.registry"),
        "G_DEBUG": "fatal-criticals",
        "GST_DEBUG": "2",
        "GST_DEBUG_NO_COLOR": "1",
        **({"LD_PRELOAD": PRELOAD} if PRELOAD else {}),
    }


def make_registry():
    """Makes GStreamer's registry before any pipeline runs, because otherwise many processes at once would each scan all
    plugins, and log the scan."""
    subprocess.run(
        ["gst-inspect-1.0", "fakesrc"], env=environment(), check=True, timeout=120, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)


def wait_until(condition, timeout=30, what="it", every=0.05):
    """Polls until `condition` returns a true value, and returns the value. Polls an expensive condition less often: the
    database reads all documents to count them."""
    deadline = time.monotonic() + PATIENCE * timeout
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE * timeout} s"
        time.sleep(every)


def closed_port():
    """Returns a port of loopback at which no server listens while the test runs."""
    return server.free_port(network.Loopback())


@contextlib.contextmanager
def small_disk(directory, size):
    """Mounts a small file system, which only root can do."""
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", directory], check=True)
    try:
        yield directory
    finally:
        subprocess.run(["umount", "-l", directory], check=True)


class Pipeline:
    """`line` is what stands after gst-launch-1.0; it dies with the test process."""

    def __init__(self, line, log, options="-e", host=network.Loopback(), **variables):
        self.line, self.log = line, log
        if PRELOAD and "LD_PRELOAD" in variables: # the sanitizers' library has to stand first in LD_PRELOAD
            variables["LD_PRELOAD"] = f"{PRELOAD}:{variables['LD_PRELOAD']}"
        with open(log, "wb") as output, host.inside():
            self.popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", "gst-launch-1.0", *options.split(), *shlex.split(line)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env={**environment(), **variables})

    def output(self):
        return self.log.read_text(errors="replace")

    def running(self):
        return self.popen.poll() is None

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, timeout):
        """Returns the exit code. Fails if the pipeline still runs after `timeout` s."""
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout} s: {self.line}") from None

    def wait_playing(self, timeout=30):
        wait_until(lambda: "Setting pipeline to PLAYING" in self.output() or not self.running(), timeout, self.line)
        assert self.running(), self.output()

    def interrupt(self, timeout=120):
        """Sends SIGINT, as Ctrl-C does. Checks that the pipeline ends without an error, and returns how long the end took,
        in s."""
        began = time.monotonic()
        self.signal(signal.SIGINT)
        assert self.wait(timeout) == 0, self.output()
        return time.monotonic() - began

    def kill(self):
        if self.running():
            self.signal(signal.SIGKILL)
        self.popen.wait()


class Background:
    """Runs `_run` on a thread of its own while a `with` block runs; the end of the block sets `_end`."""

    def __init__(self):
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()


class CpuShare(Background):
    """Limits a process to the fraction `share` of the CPU time in each period of 0.1 s, as a CPU quota does."""

    def __init__(self, pipeline, share):
        super().__init__()
        self._pipeline, self._share = pipeline, share

    def _run(self):
        while not self._end.is_set() and self._pipeline.running():
            self._pipeline.signal(signal.SIGSTOP)
            time.sleep(0.1 * (1 - self._share))
            self._pipeline.signal(signal.SIGCONT)
            time.sleep(0.1 * self._share)
