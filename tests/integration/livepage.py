# SPDX-License-Identifier: LGPL-2.1-or-later
"""The live page's server for one test: runs it as a process, and queries it as a browser does."""

import http.client
import json
import os
import re
import subprocess
import time
import urllib.parse

import pipeline
from pipeline import wait_until


class Viewer(pipeline.Background):
    """Reads the stream of states continuously, as a browser does, and counts the states."""

    def __init__(self, page):
        super().__init__()
        self.states = 0
        self._connection = http.client.HTTPConnection(page.address.hostname, page.address.port, timeout=20)
        self._connection.request("GET", "/api/stream")
        self._answer = self._connection.getresponse()

    def _run(self):
        while not self._end.is_set():
            self.states += self._answer.readline().startswith(b"event: state")


class Address:
    """A live page that another process serves, which another part of the test has started."""

    source = ""  # the address that requests come from; any

    def __init__(self, address):
        self.address = urllib.parse.urlsplit(address)

    def ask(self, path, method="GET", body=None, **headers):
        """Makes one request and returns (status, headers, body)."""
        connection = http.client.HTTPConnection(
            self.address.hostname, self.address.port, timeout=20, source_address=(self.source, 0) if self.source else None)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def json(self, path, expected=200, **parameters):
        status, _, body = self.ask(f"{path}?{urllib.parse.urlencode(parameters)}" if parameters else path)
        assert status == expected, body
        return json.loads(body)

    def post(self, path, value, expected=200):
        status, _, body = self.ask(path, "POST", json.dumps(value), Content_Type="application/json")
        assert status == expected, body
        return json.loads(body)

    def state(self):
        return self.json("/api/state")


class Page(Address):
    """`pipelines/live/run` on the topics and the database of a `system.System`."""

    def __init__(self, system, log, *options, listen="127.0.0.1:0", wait=True, **settings):
        environment = {
            **pipeline.environment(), "FOG_KAFKA": system.kafka.bootstrap, "MONGODB_URI": system.mongo.uri,
            "DATABASE": system.name, "FOG_GROUP": f"{system.name}-fog", "CLOUD_GROUP": f"{system.name}-cloud",
            **{f"{role.upper()}_TOPIC": topic for role, topic in system.topics.items()}, **settings}
        self.log = log
        with open(log, "wb") as output:
            self.popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", pipeline.TOP / "pipelines/live/run", "--listen", listen, *options],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment)
        if wait:
            self.address = wait_until(self._find_address, 20, "the page's address")

    def _find_address(self):
        assert self.popen.poll() is None, self.output()
        found = re.search(r"^live: (http://\S+)$", self.output(), re.MULTILINE)
        return found and urllib.parse.urlsplit(found[1])

    def output(self):
        return self.log.read_text(errors="replace")

    def camera(self, name):
        """What the state says of a camera; {} before it is known."""
        return next((camera for camera in self.state()["cameras"] if camera["camera"] == name), {})

    def look(self, *cameras):
        query = urllib.parse.urlencode([("camera", camera) for camera in cameras])
        assert self.ask(f"/api/look?{query}")[0] == 204

    def frame(self, name, timeout=20):
        """Waits for a frame of the camera whose event has arrived, and returns the frame."""
        def find():
            self.look(name)
            frame = self.camera(name).get("frame")
            return frame if frame and frame["event"] else None
        return wait_until(find, timeout, f"a counted frame of {name}")

    def picture(self, frame, expected=200, **headers):
        place = {name: frame[name] for name in ("topic", "partition", "offset")}
        status, headers, body = self.ask(f"/api/picture?{urllib.parse.urlencode(place)}", **headers)
        assert status == expected, body
        return headers, body

    def events(self, seconds):
        """Returns the (event, data) pairs that the server-sent event stream sends within `seconds`."""
        connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=20)
        connection.request("GET", "/api/stream")
        answer = connection.getresponse()
        assert answer.status == 200 and answer.headers["Content-Type"] == "text/event-stream"
        end, found, name = time.monotonic() + seconds, [], None
        while time.monotonic() < end:
            line = answer.readline().decode().rstrip("\n")
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                found.append((name, json.loads(line.removeprefix("data: "))))
        connection.close()
        return found

    def resident(self):
        """Returns the resident set of the page's process in MB."""
        with open(f"/proc/{self.popen.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    def close(self):
        """Checks that the server hasn't ended by itself, nor logged a fault of its own."""
        assert self.popen.poll() in (None, 0), f"ended with {self.popen.returncode}: {self.output()[-2000:]}"
        assert "CRITICAL" not in self.output(), self.output()[-2000:]
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
