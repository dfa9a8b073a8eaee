# SPDX-License-Identifier: LGPL-2.1-or-later
"""Networks for single tests: a loopback whose ports are all free, and hosts on a switch whose links can be cut."""

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import subprocess

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS = 0x8914
IFF_UP = 1
MINE = "/proc/thread-self/ns/net"


class NetworkError(Exception):
    """Raised if the system refuses to make a network; the message names the missing right."""


def _libc(function, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), f"{function}: {os.strerror(ctypes.get_errno())}")


def _loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as loopback:
        fcntl.ioctl(loopback, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


@contextlib.contextmanager
def _back_home():
    home = os.open(MINE, os.O_RDONLY)
    try:
        yield
    finally:
        _libc("setns", home, CLONE_NEWNET)
        os.close(home)


@contextlib.contextmanager
def inside(namespace):
    """Within the block, the sockets and processes that this thread makes belong to the network namespace with this path."""
    with open(namespace, "rb") as opened, _back_home():
        _libc("setns", opened.fileno(), CLONE_NEWNET)
        yield


@contextlib.contextmanager
def own_network():
    """Makes a network for this thread and for the threads and processes that it starts. If this process may not make a network,
    it uses the machine's own network."""
    with _back_home():
        with contextlib.suppress(OSError):
            _libc("unshare", CLONE_NEWNET)
        _loopback_up()
        yield


class Loopback:
    """Represents this machine, for servers that need no host of their own."""

    def __init__(self, address="127.0.0.1"):
        self.address = address

    def inside(self):
        return contextlib.nullcontext()


class Host:
    """A network namespace with one address. The namespace exists as long as this object exists or a process runs in the
    namespace."""

    def __init__(self, network, number, address):
        self.address, self.port = address, f"port{number}"
        self._network = network
        with _back_home():
            _libc("unshare", CLONE_NEWNET)
            _loopback_up()
            self._namespace = os.open(MINE, os.O_RDONLY)
        namespace = f"/proc/{os.getpid()}/fd/{self._namespace}"
        network.command(f"ip link add {self.port} type veth peer name eth0 netns {namespace}")
        network.command(f"ip link set {self.port} up")
        self.command(f"ip address add {self.address}/24 dev eth0")
        self.command("ip link set eth0 up")

    def command(self, line):
        with self.inside():
            return self._network.command(line)

    @property
    def gateway(self):
        """Returns the address of the router that connects the host to the others."""
        return self.address[:-1] + "1"

    @contextlib.contextmanager
    def inside(self):
        """Within the block, processes that this thread starts run on the host."""
        with _back_home():
            _libc("setns", self._namespace, CLONE_NEWNET)
            yield

    def limit(self, rate):
        """Limits the host's sending rate to `rate`, for example "5mbit". The queue before the link holds as much as the link
        carries in 0.1 s."""
        self.command(f"tc qdisc replace dev eth0 root tbf rate {rate} burst 16kb latency 100ms")

    def cut(self):
        """Cuts the host's link: packets in both directions are dropped without an answer."""
        self._network.command(f"bridge link set dev {self.port} state 0")

    def mend(self):
        self._network.command(f"bridge link set dev {self.port} state 3")

    def close(self):
        os.close(self._namespace)


class _Network:
    """Makes hosts in a network that no other program sees. The caller's thread is in the namespace that connects the hosts."""

    def __init__(self):
        self.hosts, self._stack = [], contextlib.ExitStack()

    def __enter__(self):
        self._stack.enter_context(_back_home())
        try:
            _libc("unshare", CLONE_NEWNET)
        except OSError as error:
            raise NetworkError(f"Could not make a network ({error}): run it as root.") from error
        _loopback_up()
        return self

    def __exit__(self, *_):
        for host in self.hosts:
            host.close()
        self._stack.close()

    @staticmethod
    def command(line):
        done = subprocess.run(line.split(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise NetworkError(f"`{line}`: {done.stdout.strip()}")
        return done.stdout

    def _add(self, address):
        number = len(self.hosts) + 2
        self.hosts.append(Host(self, number, address.format(number)))
        return self.hosts[-1]


class Switch(_Network):
    """Makes hosts 10.77.0.2, .3 and so on. The caller's thread is on the host 10.77.0.1."""

    def __enter__(self):
        super().__enter__()
        self.command("ip link add switch type bridge")
        self.command("ip address add 10.77.0.1/24 dev switch")
        self.command("ip link set switch up")
        return self

    def host(self):
        host = self._add("10.77.0.{}")
        self.command(f"ip link set {host.port} master switch")
        return host


class Router(_Network):
    """Makes hosts 10.77.2.2, 10.77.3.2 and so on, each in a network of its own. The caller's thread is the router, whose
    addresses end with 1."""

    def __enter__(self):
        super().__enter__()
        with open("/proc/sys/net/ipv4/ip_forward", "w") as forward:
            forward.write("1")
        return self

    def host(self):
        host = self._add("10.77.{}.2")
        self.command(f"ip address add {host.gateway}/24 dev {host.port}")
        host.command(f"ip route add default via {host.gateway}")
        return host
