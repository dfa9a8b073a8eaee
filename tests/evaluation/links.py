# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes the link of the evaluation: edge and fog are hosts in network namespaces, with a router between them.

Each property of the link is made where the sender's TCP can't see it: the rate by `tbf` on each host's interface, the loss
by `iptables` in the router's FORWARD chain, the delay by a cable in user space (tests/network/link.c) between the edge
and the router. Segmentation offloads are off, so that each packet is as large as on a wire.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests" / "servers"))
import network  # noqa: E402

BUILD = pathlib.Path(os.environ.get("GST_FOG_BUILD", TOP / "build"))
MIB = 1 << 20
# the fraction of a packet of 1,514 bytes that is TCP payload, if TCP sends time stamps
PAYLOAD = 1448 / 1514
BUFFER_MS = 50
CONGESTION_CONTROLS = ("reno", "cubic", "bbr")  # congestion controls of iperf3; the best of the three results is the ceiling


@dataclasses.dataclass(frozen=True)
class Link:
    """`rate`: Mbit/s that plain TCP carries without delay and loss; `delay`: ms in each direction; `loss`: percentage of the
    packets to the fog that are lost."""

    rate: float = 94.1
    delay: float = 0
    loss: float = 0

    @property
    def ceiling(self):
        """The rate in MiB/s of a perfect TCP, which only sends each lost packet once more."""
        return self.rate * 1e6 / 8 / MIB * (1 - self.loss / 100)

    @property
    def settling(self):
        """Time (s) that TCP gets to find its congestion window before anything is measured."""
        return 8 + 2 * self.delay / 1000 * 20


class Site(network.Router):
    """Within `with Site() as site:` this thread is in the router's namespace; `site.edge` and `site.fog` are hosts."""

    def __enter__(self):
        super().__enter__()
        self.edge, self.fog = self.host(), self.host()
        self._cable = None
        self.late = None
        for host in self.hosts:
            self._without_offloads(self.command, host.port)
            self._without_offloads(host.command, "eth0")
            self._allow_large_windows(host)
        self.command("iptables -N link")
        self.command("iptables -A FORWARD -j link")
        return self

    def __exit__(self, *error):
        self._take_up_cable()
        super().__exit__(*error)

    @staticmethod
    def _without_offloads(command, device):
        command(f"ethtool -K {device} tso off gso off gro off")

    @staticmethod
    def _allow_large_windows(host):
        """Raises the kernel's limits, because a link with a long delay has more bytes in flight than the defaults allow."""
        with host.inside():
            for name in ("tcp_rmem", "tcp_wmem"):
                pathlib.Path("/proc/sys/net/ipv4", name).write_text("4096 131072 67108864")

    def set_congestion_control(self, name):
        """Sets the congestion control of connections that choose none themselves."""
        for host in self.hosts:
            host.command(f"ip route replace default via {host.gateway} congctl {name}")

    def lay(self, link):
        """Gives the link the rate, delay and loss of `link`."""
        self._set_rate(link.rate)
        self._set_loss(link.loss)
        self._take_up_cable()
        if link.delay:
            self._lay_cable(link.delay)

    def cut(self):
        """Lets no packet through until `lay` is called."""
        self.command("iptables -F link")
        self.command("iptables -A link -j DROP")

    def widen(self):
        """Makes the link fast and without loss, so that packets that are still queued arrive soon. A delay stays."""
        self._set_rate(1000)
        self._set_loss(0)

    def _set_rate(self, rate):
        for host in self.hosts:
            bits = int(rate / PAYLOAD * 1e6)
            host.command(f"tc qdisc replace dev eth0 root tbf rate {bits}bit burst {max(16, int(rate) // 4)}kb latency {BUFFER_MS}ms")

    def _set_loss(self, percent):
        self.command("iptables -F link")
        if percent:
            self.command(f"iptables -A link -s {self.edge.address} -m statistic --mode random --probability {percent / 100} -j DROP")

    def _lay_cable(self, delay):
        for line in [
                f"ip address del {self.edge.gateway}/24 dev {self.edge.port}", "ip link add near type bridge", "ip link set near up",
                "ip tuntap add dev near0 mode tap", "ip link set near0 master near up",
                f"ip link set {self.edge.port} master near", "ip tuntap add dev far0 mode tap",
                f"ip address add {self.edge.gateway}/24 dev far0", "ip link set far0 up"]:
            self.command(line)
        self._cable = subprocess.Popen(
            ["chrt", "--fifo", "10", BUILD / "tests" / "network" / "link", "near0", "far0", f"--delay={delay}"],
            stdout=subprocess.PIPE, text=True)
        self._cable.stdout.readline()
        self.edge.command("ip neigh flush all")

    def _take_up_cable(self):
        """Removes the program that delays packets, and sets `late`: the fraction of packets that it forwarded more than 1 ms
        too late."""
        self.late = None
        if not self._cable:
            return
        self._cable.send_signal(signal.SIGTERM)
        out, _ = self._cable.communicate(timeout=10)
        report = json.loads(out)
        self.late = report["late"] / max(report["packets"], 1)
        self._cable = None
        for line in [
                "ip link del near0", "ip link del far0", "ip link del near",
                f"ip address add {self.edge.gateway}/24 dev {self.edge.port}"]:
            self.command(line)
        self.edge.command("ip neigh flush all")

    def iperf(self, link, congestion_control, seconds=15):
        """Returns the rate that iperf3 reaches from the edge to the fog, MiB/s."""
        with contextlib.ExitStack() as stack:
            with self.fog.inside():
                server = subprocess.Popen(["iperf3", "-s", "-1", "--forceflush"], stdout=subprocess.PIPE, text=True)
            stack.callback(server.wait)
            stack.callback(server.kill)
            server.stdout.readline()
            with self.edge.inside():
                done = subprocess.run(
                    ["iperf3", "-c", self.fog.address, "-C", congestion_control, "-t", str(seconds), "-O",
                     str(int(link.settling)), "--json"],
                    capture_output=True, text=True, timeout=3 * (seconds + link.settling) + 60, check=False)
        if done.returncode:
            raise network.NetworkError(f"iperf3: {done.stdout.strip()[-300:]}")
        return json.loads(done.stdout)["end"]["sum_received"]["bits_per_second"] / 8 / MIB
