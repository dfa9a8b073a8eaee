# SPDX-License-Identifier: LGPL-2.1-or-later
"""The demo's end of the socket to its live page. Each message is a line of JSON. The demo sends `{"actions":[…]}` when
the actions change, and `{"said":TEXT}`; the page sends `{"do":NAME}` when somebody has pressed a button."""

import json
import socket


class Control:
    def __init__(self):
        self._socket, self.page_end = socket.socketpair()
        self._socket.setblocking(False)
        self._text, self._actions = b"", None

    def started(self):
        """Closes this process's copy of the page's end of the socket, so that the death of the page's process is seen
        here."""
        self.page_end.close()

    def _send(self, value):
        try:
            self._socket.sendall(json.dumps(value).encode() + b"\n")
        except OSError:  # ignored, because the page ended or is stuck; the demo notices a stage that ended by itself
            return

    def offer(self, actions):
        if actions != self._actions:
            self._send({"actions": actions})
            self._actions = actions

    def say(self, text):
        self._send({"said": text})

    def wanted(self):
        """Returns the names of the actions that viewers have requested since the last call."""
        try:
            self._text += self._socket.recv(65536)
        except OSError:  # nothing now
            return []
        *lines, self._text = self._text.split(b"\n")
        return [json.loads(line)["do"] for line in lines]

    def close(self):
        self._socket.close()
        self.page_end.close()
