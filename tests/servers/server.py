# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a server process on loopback, with free ports and a log. The start waits until the server answers, and the server always
ends with the test."""

import functools
import itertools
import pathlib
import random
import re
import signal
import socket
import subprocess
import time


class StartError(Exception):
    """Raised if a server doesn't start; the message ends with the last lines of the server's log."""


class PortClash(StartError):
    """Raised if another program has the port."""


FIRST_PORT, BLOCK = 10240, 250  # the lowest port; the number of ports that each process of tests has
EPHEMERAL = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")


class _Ports:
    """Ports that only this process of tests uses, so that nothing takes the port of a server that is down for a moment: no
    other process of tests, and no client, because the ports lie below the range of outgoing connections."""

    def __init__(self):
        end = min(int(EPHEMERAL.read_text().split()[0]), 32000)
        blocks = range(FIRST_PORT, end - BLOCK, BLOCK)
        for first in random.sample(blocks, len(blocks)):
            # the kernel frees the name of this socket when the process ends
            self._claim = socket.socket(socket.AF_UNIX)
            try:
                self._claim.bind(f"\0gst-fog tests, ports from {first}")
            except OSError:
                self._claim.close()
                continue
            self._next = itertools.cycle(range(first, first + BLOCK))
            return
        raise StartError(f"other tests use all ports from {FIRST_PORT} to {end}: end them")

    def take(self):
        """Returns the next port of this process, in turn, so that each port is used again as late as possible."""
        return next(self._next)


@functools.cache
def _ports():
    return _Ports()


def free_port(host):
    """Returns a port that stays free while the server that uses it restarts."""
    for _ in range(BLOCK):
        port = _ports().take()
        with host.inside(), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host.address, port))
                return port
            except OSError as error:
                refused = error
    raise StartError(f"no free port on {host.address}: {refused}")


class Process:
    """Makes the kernel end this process when its parent ends, even if the parent is killed."""

    def __init__(self, name, command, log, ready, host):
        self.name, self.command, self.log, self.ready, self.host = name, command, pathlib.Path(log), ready, host
        self.popen = None
        self._log_start = 0

    def launch(self):
        with open(self.log, "ab") as log, self.host.inside():
            self._log_start = log.tell()
            self.popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *map(str, self.command)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    @property
    def pid(self):
        return self.popen.pid

    def running(self):
        return self.popen is not None and self.popen.poll() is None

    def said(self):
        """Returns the server's log since it was launched."""
        with open(self.log, "rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def wait_ready(self, timeout=120):
        deadline = time.monotonic() + timeout
        while self.ready not in self.said():
            ended = not self.running()
            if ended and "ddress already in use" in self.said():
                raise PortClash(self._failure("found its port taken"))
            if ended:
                raise StartError(self._failure(f"ended with code {self.popen.returncode} while starting"))
            if time.monotonic() > deadline:
                self.kill()
                raise StartError(self._failure(f"was not ready after {timeout} s"))
            time.sleep(0.05)

    def _failure(self, what):
        lines = self.said().strip().splitlines()
        telling = [line for line in lines if re.search("error|exception", line, re.IGNORECASE)] or lines
        return f"{self.name} {what}; from {self.log}:\n" + "\n".join("  " + line for line in telling[-10:])

    def signal(self, number):
        if self.running():
            self.popen.send_signal(number)

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        self.signal(signal.SIGKILL)
        if self.popen is not None:
            self.popen.wait()

    def stop(self, timeout=10):
        """Asks the server process to end; kills it if it is frozen or stuck."""
        self.signal(signal.SIGTERM)
        try:
            if self.popen is not None:
                self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()


class Running:
    """A server that runs during a `with` block."""

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop(0)


def start_on_free_ports(launch, choose_ports, tries=5):
    """Calls `launch()` again with other ports as long as other programs take them first."""
    for attempt in range(tries):
        try:
            return launch()
        except PortClash:
            if attempt == tries - 1 or not choose_ports():
                raise
