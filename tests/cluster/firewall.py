# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which pod may connect to which port: what the manifests intend, what really happens, and kube-router, which enforces
NetworkPolicies."""

import collections
import contextlib
import errno
import json
import pathlib
import re
import select
import socket
import subprocess
import time

import network
from kube import NAMESPACE, wait_until

NODE = "/run/netns/fogcluster"
OUTSIDE, API = "10.85.255.1", "10.85.255.2"  # the host outside the cluster, and the node, as tests/cluster/up has them
SERVICES = "10.86.0.0/16"
CNI_RESULTS = pathlib.Path("/var/lib/cni/results")
STAGES = {"edge", "fog", "cloud", "demand"}
# The intention of k8s/base/policies.yaml: who may connect to a port of a pod. The table is written
# by hand, so a mistake in the policies isn't repeated here.
CLIENTS = {
    ("kafka", 9092): STAGES | {"live", "topics"},
    ("database", 27017): {"cloud", "live"},
}
FIGURES, MONITORING = 8080, "monitoring"
DNS = (53, 5353)
# Ports that are tried at each pod: of Kafka, of its controller, of the database, of the stages'
# health and the live page, of DNS, and one that nothing uses.
PORTS = (9092, 9093, 27017, FIGURES, 5353, 4000)
PATIENCE = 5  # seconds after which a connection counts as refused; others take milliseconds
# Strangers, as {namespace: {name: labels}}. One stranger has the labels of the stage cloud, and
# another is in the namespace that the policies admit to the stages' figures.
STRANGERS = {
    NAMESPACE: {"stranger": {}},
    "elsewhere": {"stranger": {}, "impostor": {"app.kubernetes.io/name": "cloud", "app.kubernetes.io/part-of": "gst-fog"}},
    MONITORING: {"prometheus": {}},
}
IDLE = {
    "automountServiceAccountToken": False, "terminationGracePeriodSeconds": 0,
    "securityContext": {"runAsNonRoot": True, "runAsUser": 65535, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [{
        "name": "idle", "image": "localhost/pause:1", "imagePullPolicy": "Never", "resources": {"requests": {"cpu": "1m"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}],
}

# A pod, or another address, which has the `network` None. `ports` are the ports to which
# connections
# are tried.
Place = collections.namedtuple("Place", "namespace name address network ports")


def may_connect(source, target, port):
    """Returns whether the manifests intend that a pod connects to a port."""
    within = source.namespace == target.namespace == NAMESPACE
    known = within and source.name in CLIENTS.get((target.name, port), ())
    leaves = source.namespace != NAMESPACE or port in DNS or known
    figures = source.namespace == MONITORING and target.name in STAGES and port == FIGURES
    enters = target.namespace != NAMESPACE or known or figures
    return leaves and enters


@contextlib.contextmanager
def strangers(cluster):
    """Starts pods that the system doesn't know, in its namespace and in others."""
    objects = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in STRANGERS if name != NAMESPACE]
    objects += [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": namespace, "name": name, "labels": {"app.kubernetes.io/name": name, **labels}}, "spec": IDLE}
        for namespace, pods in STRANGERS.items() for name, labels in pods.items()]
    try:
        cluster.kubectl("apply", "--server-side", "-f", "-", text="\n---\n".join(map(json.dumps, objects)))
        for namespace, pods in STRANGERS.items():
            cluster.kubectl("-n", namespace, "wait", "--for=condition=Ready", "--timeout=120s", *(f"pod/{name}" for name in pods), timeout=140)
        yield
    finally:
        for namespace, pods in STRANGERS.items():
            what = ["-n", namespace, "delete", "pod", *pods] if namespace == NAMESPACE else ["delete", "namespace", namespace]
            cluster.kubectl(*what, "--ignore-not-found", timeout=120)


def _networks():
    """Returns {address: network namespace} of all pods, as the CNI plugins recorded them."""
    found = {}
    for file in CNI_RESULTS.glob("fogcluster*-eth0"):
        result = json.loads(file.read_text())["result"]
        sandbox = next((one["sandbox"] for one in result["interfaces"] if "sandbox" in one), "")
        if pathlib.Path(sandbox).exists():
            found.update((one["address"].split("/")[0], sandbox) for one in result["ips"])
    return found


def places(cluster):
    """Returns the pods of the system and the strangers, and the addresses of Services and of the world outside."""
    networks, found = _networks(), []
    for namespace in STRANGERS:
        listed = json.loads(cluster.kubectl("-n", namespace, "get", "pods", "-o", "json").stdout)["items"]
        for pod in (one for one in listed if one["status"]["phase"] == "Running" and "deletionTimestamp" not in one["metadata"]):
            labels, address = pod["metadata"]["labels"], pod["status"]["podIP"]
            name = pod["metadata"]["name"] if namespace != NAMESPACE else labels["app.kubernetes.io/name"]
            found.append(Place(namespace, name, address, networks[address], PORTS))
    for name, port in (("kafka", 9092), ("database", 27017)):
        found.append(Place(NAMESPACE, name, cluster.get("service", name)["spec"]["clusterIP"], None, (port,)))
    return [*found, Place("outside", "API server", API, None, (6443,)), Place("outside", "host", OUTSIDE, None, (4000, 5353))]


@contextlib.contextmanager
def listeners(everywhere):
    """Listens on each port that is tried and on which nobody listens yet, so that only the firewall can refuse a
    connection."""
    with contextlib.ExitStack() as open_sockets:
        for place in everywhere:
            if place.network or place.name == "host":
                for port in place.ports:
                    with network.inside(place.network) if place.network else contextlib.nullcontext():
                        with contextlib.suppress(_AddressInUse):
                            open_sockets.enter_context(_listen(place.address, port))
        yield


class _AddressInUse(Exception):
    pass


def _listen(address, port):
    try:
        return socket.create_server((address, port), backlog=1024)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise _AddressInUse from error
        raise


def connections(everywhere):
    """Tries all connections and returns {(source, target, port): whether it was made}."""
    tried = {}
    for source in (place for place in everywhere if place.network):
        targets = [(target, port) for target in everywhere if not _is_same(source, target) for port in target.ports]
        made = _connect(source.network, [(target.address, port) for target, port in targets])
        tried.update({(source, target, port): one for (target, port), one in zip(targets, made)})
    return tried


def _is_same(source, target):
    """Returns whether the target is the source itself, or the Service that leads to the source."""
    is_service = target.network is None and (target.namespace, target.name) == (source.namespace, source.name)
    return target.address == source.address or is_service


def _connect(where, addresses):
    """Connects to all addresses at once, from a network namespace, and returns for each address whether the connection was made."""
    with contextlib.ExitStack() as stack:
        with network.inside(where):
            sockets = [stack.enter_context(socket.socket()) for _ in addresses]
        poll, waiting, deadline = select.poll(), {}, time.monotonic() + PATIENCE
        answers = [False] * len(addresses)
        for number, (one, address) in enumerate(zip(sockets, addresses)):
            one.setblocking(False)
            if one.connect_ex(address) in (0, errno.EINPROGRESS):
                poll.register(one, select.POLLOUT)
                waiting[one.fileno()] = number
        while waiting and time.monotonic() < deadline:
            for file, _ in poll.poll(1000 * PATIENCE):
                number = waiting.pop(file)
                poll.unregister(file)
                answers[number] = sockets[number].getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        return answers


def different(tried):
    """Returns, as text, the connections whose result differs from what the manifests intend."""
    return [
        f"{source.namespace}/{source.name} to {target.namespace}/{target.name} at {target.address}:{port} was {'made' if made else 'refused'}"
        for (source, target, port), made in tried.items() if made != may_connect(source, target, port)]


def table(tried):
    """Returns a truth table in Markdown: a row for each source, a column for each kind of target, with the numbers of
    connections that were made and that were tried."""
    columns = {
        "Kafka 9092": lambda target, port: (target.namespace, target.name, port) == (NAMESPACE, "kafka", 9092),
        "database 27017": lambda target, port: (target.namespace, target.name, port) == (NAMESPACE, "database", 27017),
        "stages 8080": lambda target, port: target.namespace == NAMESPACE and target.name in STAGES and port == FIGURES,
        "live page 8080": lambda target, port: (target.namespace, target.name, port) == (NAMESPACE, "live", FIGURES),
        "other ports of the namespace `fog`": lambda target, port: target.namespace == NAMESPACE,
        "DNS port elsewhere": lambda target, port: port in DNS,
        "other ports elsewhere": lambda target, port: True,
    }
    cells = collections.defaultdict(lambda: {name: [0, 0] for name in columns})
    for (source, target, port), made in tried.items():
        column = next(name for name, holds in columns.items() if holds(target, port))
        cell = cells[f"{source.namespace}/{source.name}"][column]
        cell[0] += made
        cell[1] += 1
    lines = [["from", *columns], ["---"] * (len(columns) + 1)]
    lines += [[f"`{name}`", *(f"{made} of {all_of}" if all_of else "–" for made, all_of in row.values())] for name, row in cells.items()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


class KubeRouter:
    """Runs kube-router as nothing but a firewall, on the first node, and removes its rules at the end, because it leaves them."""

    def __init__(self, cluster):
        self._cluster, self._process = cluster, None

    def __enter__(self):
        with open(self._cluster.work / "log/kube-router.log", "ab") as log:
            self._process = subprocess.Popen(
                ["nsenter", f"--net={NODE}", "setpriv", "--pdeathsig", "KILL", "--", self._cluster.programs / "kube-router",
                 f"--kubeconfig={self._cluster.work / 'admin.kubeconfig'}", "--hostname-override=node1",
                 "--run-firewall=true", "--run-router=false", "--run-service-proxy=false", "--enable-cni=false",
                 f"--service-cluster-ip-range={SERVICES}", "--v=1"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        return self

    def wait_ready(self, pods):
        """Waits until kube-router has made rules for this number of pods."""
        def ready():
            assert self._process.poll() is None, "kube-router ended: see log/kube-router.log"
            return len(re.findall(r"^:KUBE-POD-FW-", self._rules(), re.MULTILINE)) >= pods

        return wait_until(ready, 120, f"rules for {pods} pods")[0]

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        kept = [line for line in self._rules().splitlines() if not re.search("KUBE-ROUTER-|KUBE-POD-FW-|KUBE-NWPLCY-|kube-router netpol", line)]
        self._run("iptables-restore", "-T", "filter", text="\n".join(kept) + "\n")
        for name in self._run("ipset", "list", "-name").split():
            if re.match("KUBE-(SRC|DST)-", name):
                self._run("ipset", "destroy", name)

    def _rules(self):
        return self._run("iptables-save", "-t", "filter")

    @staticmethod
    def _run(*command, text=None):
        return subprocess.run(
            ["nsenter", f"--net={NODE}", *command], input=text, stdout=subprocess.PIPE, text=True, check=True, timeout=60).stdout
