# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads the keys that a user presses at the terminal."""

import os
import select
import sys
import termios
import tty


class Keys:
    """Returns the pressed keys, one at a time; without a terminal, no key is ever pressed."""

    def __init__(self):
        self._before = None

    def __enter__(self):
        if sys.stdin.isatty():
            self._before = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin)
        return self

    def __exit__(self, *_):
        if self._before:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)

    def there(self):
        return self._before is not None

    def pressed(self):
        if not self._before or not select.select([sys.stdin], [], [], 0)[0]:
            return ""
        return os.read(sys.stdin.fileno(), 1).decode(errors="replace")
