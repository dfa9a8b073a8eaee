# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pipelines that end in mongosink and get documents from the test line by line; and a database for a single test."""

import json
import subprocess

import mongo_server
import pipeline
import pymongo
import pytest

BLOCK = 4096  # a write of this size into a pipe becomes one buffer of fdsrc


class Sink:
    """A gst-launch-1.0 whose standard input goes to mongosink, a line of JSON a buffer."""

    def __init__(self, uri, database, tmp_path, *properties, **variables):
        """drain-timeout is a minute, because its default of 10 s is too short for a database that closes connections on a
        busy machine. `properties` come after drain-timeout, so that a test can set another one: the final value of a
        property counts."""
        self.log = tmp_path / "sink.log"
        command = [
            "gst-launch-1.0", "-e", "fdsrc", f"blocksize={BLOCK}", "!", "application/x-ndjson", "!", "mongosink",
            f"database={database}", "drain-timeout=60000000000", *properties]
        environment = {**pipeline.environment(), "GST_DEBUG": "", "MONGODB_URI": uri, **variables}
        with open(self.log, "wb") as log:
            self.popen = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, env=environment)

    def write(self, text):
        self.popen.stdin.write(text.ljust(BLOCK - 1) + b"\n")
        self.popen.stdin.flush()

    def send(self, document):
        self.write(json.dumps(document).encode())

    def send_all(self, documents):
        """Packs as many documents into each block of BLOCK bytes as fit, and writes the blocks."""
        block = b""
        for line in (json.dumps(document).encode() + b"\n" for document in documents):
            if len(block) + len(line) >= BLOCK:
                self.write(block)
                block = b""
            block += line
        self.write(block)

    def said(self):
        return self.log.read_text(errors="replace")

    def finish(self, timeout=120):
        """Ends the pipeline's stream, waits for the pipeline, and returns its exit code."""
        self.popen.stdin.close()
        return self.popen.wait(timeout)

    def kill(self):
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()


@pytest.fixture
def sink(fresh, tmp_path):
    sinks = []

    def start(uri, *properties, **variables):
        sinks.append(Sink(uri, fresh, tmp_path, *properties, **variables))
        return sinks[-1]

    yield start
    for started in sinks:
        started.kill()


@pytest.fixture
def own_mongo(tmp_path):
    """A database server that only this test uses, so that the test may stop or freeze the server."""
    with mongo_server.Mongo(tmp_path / "database") as server:
        yield server


def events(uri, database, collection="events"):
    return pymongo.MongoClient(uri, serverSelectionTimeoutMS=20000)[database][collection]


def event(seq):
    return {"_id": f"cam-1:s:{seq}", "seq": seq, "captured": {"$date": "2026-11-25T00:44:00.123Z"}, "faces": 1,
            "boxes": [{"x": 1, "y": 2, "w": 30, "h": 40}]}
