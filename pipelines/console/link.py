# SPDX-License-Identifier: LGPL-2.1-or-later
"""The network link between the camera's edge and Kafka: a relay in a process of its own, which can be
stopped and continued."""

import pathlib
import signal
import socket
import subprocess

RELAY = pathlib.Path(__file__).resolve().parent / "relay.py"


class Link:
    """The listening socket is opened before Kafka starts, because Kafka advertises its `address` to
    clients that connect through the link."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:{1}".format(*self._listener.getsockname())
        self.popen = None

    def connect(self, kafka, rate=0):
        """Begins to forward connections to Kafka's listener, each at `rate` bytes/s or less (0: no limit)."""
        self.popen = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", "/usr/bin/python3", "-B", RELAY, str(self._listener.fileno()), kafka, str(rate)],
            pass_fds=[self._listener.fileno()], stdin=subprocess.DEVNULL, start_new_session=True)
        self._listener.close()

    def cut(self):
        self.popen.send_signal(signal.SIGSTOP)

    def mend(self):
        self.popen.send_signal(signal.SIGCONT)

    def close(self):
        self._listener.close()
        if self.popen:
            self.popen.kill()
            self.popen.wait()
