# SPDX-License-Identifier: LGPL-2.1-or-later
"""The short form of tests/bench/memory: as many frames as two minutes have, in half a minute. 4 MB are 230 B for each of
the 18,000 frames that are watched: less than anything that belongs to a frame."""

import subprocess

from pipeline import TOP, environment


def test_memory_is_flat():
    done = subprocess.run(
        [TOP / "tests/bench/memory", "--minutes", "2", "--rate", "800", "--base", "6000", "--slack", "4096",
         "--eager-free"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment(), timeout=300, check=False)
    print(done.stdout)
    assert done.returncode == 0
