# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the commands `kafka` and `mongo` share: their commands run, start and stop, and the server's end with its owner."""

import argparse
import fcntl
import os
import pathlib
import select
import signal
import subprocess
import sys
import time

import cache
import server


def add_common(parser):
    parser.add_argument("--dir", required=True, help="directory for data, ports and logs; an existing one is reused")


def add_run(commands, add_options):
    for name, text in [
            ("run", "starts the server, prints its addresses, and stays until the caller or the server ends"),
            ("start", "starts the server in the background; returns when it is ready")]:
        parser = commands.add_parser(name, help=text, description=text)
        add_common(parser)
        parser.add_argument(
            "--owner", type=int, metavar="PID", required=name == "start",
            help="id of the process; the server ends when this process ends" + ("" if name == "start" else " (default: the parent)"))
        add_options(parser)
    add_common(commands.add_parser("stop", help="ends the server of a directory"))


class Held:
    """The lock of a server directory, which only one supervising process at a time may hold. The lock's file contains that
    process's id."""

    def __init__(self, directory):
        self.path = pathlib.Path(directory, "supervisor")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.file = open(self.path, "a+")

    def take(self):
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self.file.truncate(0)
        self.file.write(str(os.getpid()))
        self.file.flush()
        return True

    def holder(self):
        """Returns the id of the process that holds the lock; None if no process does."""
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.file.seek(0)
            return int(self.file.read())
        fcntl.flock(self.file, fcntl.LOCK_UN)
        return None


def _raise_exit(number, frame):
    raise SystemExit(0)


def _stay(running, owner):
    """Waits until the process that owns the server, or a process of the server, has ended."""
    ended = select.poll()
    watched = {owner: None}
    for process in running.processes:
        watched[os.pidfd_open(process.pid)] = process
    for descriptor in watched:
        ended.register(descriptor, select.POLLIN)
    first = watched[ended.poll()[0][0]]
    if first is None:
        running.stop(0)
        return 0
    first.popen.wait()
    print(f"{first.name} ended with code {first.popen.returncode}; see {first.log}", file=sys.stderr)
    return 1


def run(running, directory, owner_pid):
    held = Held(directory)
    if not held.take():
        raise server.StartError(f"{directory} is already in use by process {held.holder()}")
    try:
        owner = os.pidfd_open(owner_pid)
    except ProcessLookupError:
        raise server.StartError(f"the owner, process {owner_pid}, has ended already") from None
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _raise_exit)
    try:
        running.start()
        for name, address in running.addresses().items():
            print(f"{name}={address}")
        sys.stdout.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # closes the pipe, so that the process that reads the addresses from it gets end-of-file
        return _stay(running, owner)
    finally:
        running.stop()


def start(program, arguments, directory):
    pathlib.Path(directory).mkdir(parents=True, exist_ok=True)
    errors = pathlib.Path(directory, "errors")
    with open(errors, "w") as stderr:
        child = subprocess.Popen(
            [program, "run", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr,
            start_new_session=True, text=True)
    addresses = child.stdout.read()
    if not addresses:
        child.wait()
        raise server.StartError(errors.read_text().strip())
    print(addresses, end="")
    return 0


def stop(directory, timeout=30):
    held = Held(directory)
    pid = held.holder()
    if pid is None:
        return 0
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + timeout
    while held.holder() is not None:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            break
        time.sleep(0.05)
    return 0


def main(description, add_options, build, extra=None):
    """Runs the command line: `build(options)` makes the server; `extra` adds commands that set `act`."""
    parser = argparse.ArgumentParser(description=description)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_run(commands, add_options)
    if extra:
        extra(commands)
    options = parser.parse_args()
    try:
        if options.command == "run":
            return run(build(options), options.dir, options.owner or os.getppid())
        if options.command == "start":
            return start(sys.argv[0], sys.argv[2:], options.dir)
        if options.command == "stop":
            return stop(options.dir)
        return options.act(options)
    except (server.StartError, cache.CacheError) as error:
        print(error, file=sys.stderr)
    except OSError as error:  # for example, the caller may not write to the directory, or the disk is full
        print(f"{error.filename or options.command}: {error.strerror}", file=sys.stderr)
    return 1
