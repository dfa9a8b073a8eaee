# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a second database with MongoDB's protocol and another engine: SecantusDB from PyPI, used only by tests (GPL; none of it is
in this project)."""

import pathlib
import sys

import cache
import network
import server

WANTED = "secantusdb==0.7.0b3"


def program():
    """Returns the executable of the server, and installs it if it doesn't exist."""

    def install(directory):
        cache.checked([sys.executable, "-m", "venv", directory / "venv"], "a Python environment for SecantusDB")
        cache.checked(
            [directory / "venv/bin/pip", "install", "-q", "--target", directory / "lib", WANTED], "download of SecantusDB")

    return cache.cached("secantusdb", [WANTED], install)


class Secantus(server.Running):
    """Runs SecantusDB on loopback with its data in `directory`."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory).resolve()
        self.host = network.Loopback("127.0.0.1")
        self.port = server.free_port(self.host)
        (self.directory / "data").mkdir(parents=True, exist_ok=True)
        self.process = server.Process("SecantusDB", [], self.directory / "log", "secantus listening", self.host)
        self.processes = [self.process]

    @property
    def uri(self):
        return f"mongodb://127.0.0.1:{self.port}/"

    def start(self):
        server.start_on_free_ports(self._start_once, self._other_port)

    def _other_port(self):
        self.port = server.free_port(self.host)
        return True

    def _start_once(self):
        installed = program()
        self.process.command = [
            "env", f"PYTHONPATH={installed / 'lib'}", installed / "venv/bin/python", "-m", "secantus", "--standalone",
            "--host", "127.0.0.1", "--port", self.port, "--storage-path", self.directory / "data"]
        self.process.launch()
        self.process.wait_ready()

    def stop(self, timeout=10):
        self.process.stop(timeout) if timeout else self.process.kill()
