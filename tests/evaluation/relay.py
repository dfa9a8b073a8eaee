# SPDX-License-Identifier: LGPL-2.1-or-later
"""A relay between a client and a MongoDB server that notes when the server has acknowledged each inserted document, so that the
times of both systems are measured in the same way."""

import datetime
import socket
import struct
import threading
import time

import bson

HEADER = struct.Struct("<iiii")
OP_MSG = 2013


def _receive(connection, size):
    data = bytearray()
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def _message(connection):
    """Returns one message of MongoDB's protocol: its header's fields, and all its bytes."""
    header = _receive(connection, HEADER.size)
    fields = HEADER.unpack(header)
    return fields, header + _receive(connection, fields[0] - HEADER.size)


def inserted(data):
    """Returns the documents that a message inserts."""
    at, documents, command = HEADER.size + 4, [], {}
    while at + 4 < len(data):
        size, = struct.unpack_from("<i", data, at + 1)
        section = data[at + 1:at + 1 + size]
        if data[at] == 0:
            command = bson.decode(section)
        else:
            documents += bson.decode_all(section[section.index(0, 4) + 1:])
        at += 1 + size
    return documents + command.get("documents", []) if "insert" in command else []


def captured(document):
    """Returns when a document's frame was captured, in s since 1970, from this project's field or the study's."""
    if "captured" in document:
        return document["captured"].replace(tzinfo=datetime.timezone.utc).timestamp()
    return seconds_of(document["time"])


def seconds_of(text):
    """Converts a time in ISO 8601 to s since 1970; a time without a zone is local time."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Relay:
    """`ages` has a pair for each document of the collection of events: when it was acknowledged, and the time in s since
    its frame's capture."""

    def __init__(self, server):
        self.server, self.ages = server, []
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def uri(self):
        return f"mongodb://127.0.0.1:{self._listener.getsockname()[1]}/"

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server, waiting = socket.create_connection(self.server), {}
            for connection in (client, server):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._forward, args=(client, server, waiting, None), daemon=True).start()
            threading.Thread(target=self._forward, args=(server, client, None, waiting), daemon=True).start()

    def _forward(self, source, sink, asked, answered):
        try:
            while True:
                (_, request, response_to, kind), data = _message(source)
                if asked is not None and kind == OP_MSG:
                    asked[request] = [captured(one) for one in inserted(data) if "captured" in one or "time" in one]
                if answered is not None:
                    now = time.time()
                    self.ages += [(now, now - at) for at in answered.pop(response_to, ())]
                sink.sendall(data)
        except (OSError, EOFError):
            source.close()
            sink.close()
