# SPDX-License-Identifier: LGPL-2.1-or-later
"""Keeps downloads and builds in the user's cache; each is made once, in a directory named after its inputs."""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile


class CacheError(Exception):
    """Raised if a download or a build fails; the message says what to do."""


def cache_dir():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = pathlib.Path(base, "gst-fog")
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def locked(path):
    """Holds a file lock during a block. The kernel releases the lock even if the process is killed."""
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def place(name, made_from):
    """Returns the path of the directory `name-HASH`, which may not exist yet."""
    digest = hashlib.sha256()
    for part in made_from:
        digest.update(part.read_bytes() if isinstance(part, pathlib.Path) else part.encode())
    return cache_dir() / f"{name}-{digest.hexdigest()[:16]}"


def cached(name, made_from, make):
    """Returns the directory `name-HASH`, which `make(directory)` fills if it doesn't exist yet.

    It appears by one rename, so an interrupted `make` leaves nothing that looks finished.
    """
    final = place(name, made_from)
    if final.is_dir():
        return final
    with locked(cache_dir() / f"{name}.lock"):
        if not final.is_dir():
            for left_over in cache_dir().glob(f"{name}.part-*"):
                shutil.rmtree(left_over)
            part = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}.part-", dir=cache_dir()))
            make(part)
            part.rename(final)
    return final


def checked(command, what, **options):
    """Runs a command of a build; if it fails, the error contains the last lines of its output."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", check=False, **options)
    except FileNotFoundError as error:
        raise CacheError(f"{what}: {error.filename} is not installed; run tests/setup") from error
    if done.returncode != 0:
        tail = "\n".join(done.stdout.strip().splitlines()[-15:])
        raise CacheError(f"{what} failed: {' '.join(map(str, command))}\n{tail}")
    return done.stdout
