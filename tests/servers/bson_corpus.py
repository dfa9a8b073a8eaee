# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads MongoDB's own test suite of BSON and Extended JSON, which is in the module of MongoDB's Go driver. The suite is
downloaded to the cache and isn't part
of this project."""

import json
import os
import pathlib
import shutil
import tempfile

import cache
import mongo_server

MODULE = "go.mongodb.org/mongo-driver@v1.17.10"


def directory():
    def fetch(into):
        with tempfile.TemporaryDirectory() as empty:
            pathlib.Path(empty, "go.mod").write_text("module corpus\n")
            said = cache.checked(
                [mongo_server.go_command(), "mod", "download", "-json", MODULE], "download of the BSON corpus", cwd=empty,
                env={**os.environ, "GOTOOLCHAIN": "local"})
        found = json.loads(said[said.index("{"):])["Dir"]
        for file in sorted(pathlib.Path(found, "testdata/bson-corpus").glob("*.json")):
            shutil.copyfile(file, into / file.name)

    return cache.cached("bson-corpus", [MODULE], fetch)


def cases(kind):
    """Yields the test cases of one kind (`valid`, `parseErrors`) from every file."""
    for file in sorted(directory().glob("*.json")):
        suite = json.loads(file.read_text())
        for case in suite.get(kind, []):
            yield {**case, "file": file.name, "bson_type": suite["bson_type"]}
