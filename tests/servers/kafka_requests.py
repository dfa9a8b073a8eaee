# SPDX-License-Identifier: LGPL-2.1-or-later
"""Requests to one broker that Debian's Kafka client for Python can't make. Kafka's own tools can make these requests, but each
run of a tool takes a second of processor time."""

import socket
import struct
import time

CREATE_ACLS, DELETE_ACLS, DESCRIBE_ACLS, DELETE_RECORDS = 30, 31, 29, 21
RESOURCES = {"topic": 2, "group": 3, "cluster": 4}
OPERATIONS = {"Read": 3, "Write": 4, "Describe": 8, "IdempotentWrite": 12}
PERMISSIONS = {"deny": 2, "allow": 3}
LITERAL = 3


def _text(value):
    return struct.pack(">h", len(value.encode())) + value.encode()


def ask(address, api, version, body):
    """Returns the broker's answer without its header. `address` is (host, port)."""
    request = struct.pack(">hhih", api, version, 1, -1) + body
    with socket.create_connection(address, 30) as broker:
        broker.sendall(struct.pack(">i", len(request)) + request)
        answer = broker.makefile("rb")
        size, = struct.unpack(">i", answer.read(4))
        return answer.read(size)[4:]


def delete_records(address, topic, before):
    """`before` is {partition: the first offset to keep}."""
    partitions = b"".join(struct.pack(">iq", *entry) for entry in before.items())
    answer = ask(address, DELETE_RECORDS, 0, struct.pack(">i", 1) + _text(topic) + struct.pack(">i", len(before)) + partitions +
                 struct.pack(">i", 10000))
    results = answer[4 + 4 + len(_text(topic)) + 4:]
    for _, low, error in struct.iter_unpack(">iqh", results):
        assert error == 0 and low >= 0, f"records of {topic} were not deleted: error {error}"


class Right:
    """A rule that allows or denies one user an operation on one resource."""

    def __init__(self, user, resource, name, operation, permission="allow"):
        self._what = (struct.pack(">b", RESOURCES[resource]) + _text(name) + struct.pack(">b", LITERAL) + _text(f"User:{user}") +
                      _text("*") + struct.pack(">bb", OPERATIONS[operation], PERMISSIONS[permission]))
        self._name = f"{permission} {user} {operation} {resource} {name}"

    def _change(self, address, api):
        answer = ask(address, api, 1, struct.pack(">i", 1) + self._what)
        _, count, error = struct.unpack(">iih", answer[:10])
        assert count == 1 and error == 0, f"{self._name}: error {error}"

    def _holds(self, address):
        _, error = struct.unpack(">ih", (answer := ask(address, DESCRIBE_ACLS, 1, self._what))[:6])
        length, = struct.unpack(">h", answer[6:8])
        count, = struct.unpack(">i", answer[8 + max(length, 0):][:4])
        assert error == 0, f"{self._name}: error {error}"
        return count > 0

    def _wait(self, address, wanted):
        """Waits until the broker itself knows of the change, because the controller answers before that."""
        deadline = time.monotonic() + 60
        while self._holds(address) != wanted:
            assert time.monotonic() < deadline, f"{self._name}: not {'given' if wanted else 'taken'} after 60 s"
            time.sleep(0.02)

    def give(self, address):
        self._change(address, CREATE_ACLS)
        self._wait(address, True)

    def take(self, address):
        self._change(address, DELETE_ACLS)
        self._wait(address, False)
