#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Experiments on a real Kubernetes, which test that the system heals, scales with its load, can be updated while it runs, and
is confined.
Each experiment starts from an idle system, and ends with a check that every frame is one document. Besides the experiments that
run by default,
`controller` and `demand` try the autoscaler with cameras that set their rate by what the fog can count: `controller` scales by
the CPU, `demand` by
the rate that the cameras want (an hour for both; KEDA is built for `demand`)."""

import argparse
import base64
import contextlib
import datetime
import json
import math
import os
import pathlib
import re
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import urllib.parse
import urllib.request

import confluent_kafka

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / where) for where in ("servers", "integration")]

import browser as browsers  # noqa: E402
import firewall  # noqa: E402
import manifests  # noqa: E402
import network  # noqa: E402
import prometheus_server  # noqa: E402
from kube import NAMESPACE, TOP, Cluster, losses, overtaken, ready_since, wait_until  # noqa: E402

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache", "gst-fog")
SYSTEM = TOP / "tests/cluster/system"
WATCHED = TOP / "tests/cluster/watched"
REPLICATED = TOP / "tests/cluster/replicated"
SECURED = TOP / "tests/cluster/secured"
ALERTS = TOP / "k8s/components/monitoring/alerts.yaml"
CONTROLLER = TOP / "tests/cluster/controller"
STAGES = ("edge", "fog", "cloud", "demand")
# Number of the cameras in `controller` and `demand`, and the frames/s that each one wants (as their
# overlays have it).
CAMERAS, FEWER_CAMERAS, MOST_RATE = 9, 3, 7.6
# period in s of the scale-up policy in the overlay keda
SCALING_PERIOD = 30
PRIVILEGED = """
apiVersion: v1
kind: Pod
metadata: {name: intruder, namespace: fog}
spec: {containers: [{name: c, image: gst-fog, securityContext: {privileged: true}}]}
"""


class Experiments:
    def __init__(self, cluster, results):
        self.cluster, self.results = cluster, pathlib.Path(results)
        self.results.mkdir(parents=True, exist_ok=True)
        self.found = {}

    def note(self, name, **values):
        self.found.setdefault(name, {}).update(values)
        print(f"{datetime.datetime.now():%H:%M:%S} {name}: {json.dumps(values)}", flush=True)

    def check(self, name, good, text):
        self.note(name, **{text: bool(good)})
        assert good, f"{name}: {text}"

    # ---- the system at rest, and its accounts ----

    def settle(self, cameras=1, replicas=1, pinned=True):
        """Sets the number of cameras and fog replicas. `pinned`: also removes the autoscaler, so that nothing else changes the
        numbers."""
        if pinned:
            self.cluster.kubectl("-n", NAMESPACE, "delete", "hpa", "fog", "--ignore-not-found")
        self.cluster.scale("fog", replicas)
        self.cluster.scale("edge", cameras)
        self.cluster.wait_pods("fog", replicas)
        self.cluster.wait_pods("edge", cameras)

    def rolled_out(self):
        """Waits until all pods have the latest specification and are ready."""
        for kind, name in (("statefulset", "kafka"), ("statefulset", "database"), *(("deployment", name) for name in STAGES)):
            self.cluster.kubectl(
                "-n", NAMESPACE, "rollout", "status", f"{kind}/{name}", "--timeout=240s", timeout=260)

    def account(self, name, timeout=240):
        """Stops the cameras, waits until all frames are processed, and checks that every published frame is in the
        database."""
        self._stop_cameras()
        published = self.cluster.published()
        events = self.cluster.events()
        wait_until(lambda: events.count_documents({}) >= published or None, timeout, f"{published} documents")
        documents, missing = losses(events)
        self.note(name, published=published, documents=documents, missing=missing)
        self.check(name, missing == 0 and documents == published, "each frame published is one document")

    def account_in_order(self, name, timeout=240):
        """Does the same as account() for a system with several brokers. A frame whose broker died before it could answer may be
        in Kafka twice, so frames are
        counted by their numbers; and no frame may have overtaken another one."""
        wait_until(lambda: self.cluster.metric("edge", "gstfog_spool_messages") == 0, timeout, "nothing on the edges' disks")
        self._stop_cameras()
        frames = self.cluster.frames()
        distinct = {frame[1:] for frame in frames}
        events = self.cluster.events()
        wait_until(lambda: events.count_documents({}) >= len(distinct), timeout, f"{len(distinct)} documents")
        documents, missing = losses(events)
        self.note(name, frames=len(distinct), twice=len(frames) - len(distinct), overtaken=overtaken(frames), documents=documents, missing=missing)
        self.check(name, missing == 0 and documents == len(distinct), "each frame is one document")
        self.check(name, overtaken(frames) == 0, "no frame has overtaken another")

    def _stop_cameras(self):
        self.cluster.scale("edge", 0)
        # waits also for pods that are about to end, because they publish their last events
        wait_until(lambda: not self.cluster.get("pods", "-l", "app.kubernetes.io/name=edge")["items"], 90, "no more edges")

    # ---- experiments ----

    def ready(self):
        if any(one["spec"]["replicas"] > 1 for one in self.cluster.get("statefulset")["items"]):
            self.cluster.remove()  # the system is removed, because three brokers can't become one
        self._start(SYSTEM, "ready")

    def _start(self, system, experiment):
        began = time.monotonic()
        self.cluster.tls = system == SECURED
        self.cluster.apply(system)
        for name in ("kafka", "database", "edge", "cloud", "demand", "fog", "live"):
            wait_until(lambda name=name: self.cluster.all_ready(name), 300, f"pods {name}")
        seconds = time.monotonic() - began
        wait_until(lambda: self.cluster.events().count_documents({"faces": {"$gt": 0}}), 120, "faces in the database")
        self.note(experiment, all_pods_ready_s=round(seconds, 1), first_faces_s=round(time.monotonic() - began, 1))

    def heal(self):
        self.settle(cameras=4, replicas=2)
        self._heal_once("pod deleted at once", lambda pod: self._delete(pod, "--grace-period=0", "--force"))
        deleted = self._heal_once("pod deleted", self._delete)
        self.check_left("heal", [deleted])
        self._heal_once("process killed", lambda pod: self.cluster.signal(pod, "SIGKILL"))
        self._heal_once("process stopped (SIGSTOP)", lambda pod: self.cluster.signal(pod, "SIGSTOP"))
        self.account("heal")

    def _delete(self, pod, *options):
        self.cluster.kubectl("-n", NAMESPACE, "delete", "pod", pod["metadata"]["name"], *options)

    def _heal_once(self, what, act):
        """Applies a fault to a fog pod and returns that pod; waits until there are two pods again, one of them new."""
        victim = self.cluster.pods("fog")[0]
        before = {self.cluster.container(pod) for pod in self.cluster.pods("fog")}
        gap = Gap(self.cluster)
        act(victim)
        renewed = wait_until(
            lambda: len(self.cluster.pods("fog")) == 2
            and {self.cluster.container(pod) for pod in self.cluster.pods("fog")} != before, 120, f"{what}: healed")[0]
        time.sleep(12)  # waits until the pod that took over the partitions has counted the frames that waited
        self.note("heal", **{what: {"ready_again_s": round(renewed, 1), "longest_gap_s": round(gap.end(), 1)}})
        return victim

    def check_left(self, name, pods):
        """Checks that fog pods which weren't killed have reported that they leave."""
        ended = {pod["metadata"]["name"] for pod in pods}
        self.check(name, ended <= self.cluster.leavers(), "a pod that ends by itself reports leaving")

    def rolling(self, cameras=20, replicas=3):
        """Replaces all replicas while the cameras use two thirds of the replicas' CPU limit: 30 frames/s of 6.5 ms each, for
        three pods of 0.1 core."""
        self.settle(cameras=cameras, replicas=replicas)
        time.sleep(30)  # waits until the CPU time of the pods' start is no longer in metrics-server's averages
        used = self.cluster.cpu("fog") / replicas / self.cluster.limit("fog")
        old = self.cluster.pods("fog")
        gap = Gap(self.cluster)
        began = time.monotonic()
        self.cluster.kubectl("-n", NAMESPACE, "rollout", "restart", "deployment/fog")
        self.cluster.kubectl("-n", NAMESPACE, "rollout", "status", "deployment/fog", "--timeout=300s", timeout=320)
        seconds = time.monotonic() - began
        time.sleep(5)
        self.note("rolling", utilisation=round(used, 2), update_s=round(seconds, 1), longest_gap_s=round(gap.end(), 1))
        self.check("rolling", used > 0.5, "the fog used more than half of its CPU limit")
        wait_until(lambda: len(self.cluster.get("pods", "-l", "app.kubernetes.io/name=fog")["items"]) == replicas, 60, "the old ones gone")
        self.check_left("rolling", old)
        self.account("rolling")

    def rules(self):
        refused = self.cluster.kubectl("apply", "-f", "-", text=PRIVILEGED, check=False)
        self.check("rules", "violates PodSecurity" in refused.stderr, "a privileged pod is refused")
        self.settle(cameras=1, replicas=1)
        for name in (*STAGES, "live"):
            pod = self.cluster.pods(name)[0]["metadata"]["name"]
            status = self.cluster.kubectl("-n", NAMESPACE, "exec", pod, "--", "cat", "/proc/1/status").stdout
            facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            self.check("rules", facts["Uid"].split()[0] == "65532", f"{name} isn't root")
            self.check("rules", int(facts["CapEff"], 16) == int(facts["CapBnd"], 16) == 0, f"{name} has no capability")
            self.check("rules", (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2"), f"{name} is confined")
            wrote = self.cluster.kubectl(
                "-n", NAMESPACE, "exec", pod, "--", "bash", "-c", "echo x > /usr/share/gst-fog/x", check=False)
            self.check("rules", "Read-only file system" in wrote.stderr, f"{name} can't write to its root")

    def load(self, most=30, high=900, low=900):
        """Starts and removes cameras of a fixed rate; the autoscaler of base scales the fog by CPU usage."""
        self.settle(cameras=1, replicas=1)
        self.cluster.apply(SYSTEM)
        record = Record(self.cluster, self.results / "load.json")
        try:
            record.mark("1 camera")
            time.sleep(30)
            record.mark(f"{most} cameras")
            self.cluster.scale("edge", most)
            record.run_while(lambda: record.last("replicas") < 10, high)
            time.sleep(45)
            self.note("load", most_replicas=record.most("replicas"), most_lag=record.most("lag"))
            record.mark("1 camera")
            self.cluster.scale("edge", 1)
            record.run_while(lambda: record.last("replicas") > 1, low)
            self.note("load", replicas_at_the_end=record.last("replicas"))
        finally:
            record.end()
        self.check("load", record.most("replicas") > 5 and record.last("replicas") == 1, "the fog grew with the load and shrank again")
        self.account("load")

    def controller(self, minutes=7):
        """Runs cameras that follow the fog, with the autoscaler of base. These cameras keep the CPU busy until they have the
        rate that they want, so a low CPU target ends with far more replicas than needed, and with a target near 100 % the
        number of replicas never changes."""
        self._follow("controller-30", CONTROLLER, CAMERAS, minutes)
        self._follow("controller-95", CONTROLLER, CAMERAS, minutes, target=95)

    def demand(self, minutes=30):
        """Runs the same cameras as controller(), but scales the fog by the metric demand."""
        subprocess.run(
            [TOP / "tests/cluster/keda", self.cluster.work, self.cluster.programs], check=True, timeout=900)
        settled = self._follow("demand", TOP / "tests/cluster/demand", CAMERAS, minutes, fewer=FEWER_CAMERAS)
        self.check("demand", settled["replicas_after_two_periods"] == settled["right_replicas"], "right number after two periods")
        self.check("demand", settled["changes"] == 0, "no change after that")
        self.check("demand", settled["utilisation"] >= 0.8, "utilisation of 0.8")

    def _follow(self, name, directory, cameras, minutes, target=None, fewer=None):
        """Runs one camera, then several, and at the end fewer. Results are evaluated from two scaling periods after each step
        on."""
        self.cluster.kubectl("-n", NAMESPACE, "delete", "hpa,scaledobject", "--all", "--ignore-not-found", check=False)
        self.settle(cameras=1, replicas=1)
        self.cluster.apply(directory)
        if target:
            self.cluster.kubectl("-n", NAMESPACE, "patch", "hpa", "fog", "--type=json", "-p", json.dumps(
                [{"op": "replace", "path": "/spec/metrics/0/resource/target/averageUtilization", "value": target}]))
        self.rolled_out()
        record = Record(self.cluster, self.results / f"{name}.json")
        try:
            record.mark("1 camera")
            time.sleep(60)
            record.mark(f"{cameras} cameras")
            self.cluster.scale("edge", cameras)
            stepped = record.now()
            record.run_while(lambda: True, 60 * minutes)
            settled = self._settled(record, stepped)
            self.note(name, cameras=cameras, **settled)
            if fewer:
                record.mark(f"{fewer} cameras")
                self.cluster.scale("edge", fewer)
                stepped = record.now()
                record.run_while(lambda: True, 300)
                self.note(name, **{f"{fewer}_cameras": self._settled(record, stepped, after=240)})
        finally:
            record.end()
        self.account(name)
        return settled

    def _settled(self, record, stepped, after=2 * SCALING_PERIOD):
        """Returns figures of the samples, among them the right number of replicas: the smallest that can count all frames that
        the cameras want, by the measured CPU time of a frame."""
        samples = [sample for sample in record.samples if sample["t"] >= stepped + after]
        replicas = [sample["replicas"] for sample in samples]
        limit = self.cluster.limit("fog")
        used, rate = (statistics.mean(sample[key] for sample in samples) for key in ("cpu", "rate"))
        assert rate > 0, "no documents"
        wanted = samples[-1]["cameras"] * MOST_RATE
        return {
            "replicas_after_two_periods": replicas[0], "least_replicas": min(replicas), "most_replicas": max(replicas),
            "changes": sum(a != b for a, b in zip(replicas, replicas[1:])),
            "right_replicas": math.ceil(wanted * used / rate / limit), "cpu_ms_a_frame": round(1000 * used / rate, 2),
            "wanted_rate": wanted, "rate": round(rate, 1),
            "utilisation": round(used / limit / statistics.mean(replicas), 2),
            "demand": [round(pick(sample["demand"] for sample in samples), 2) for pick in (min, statistics.median, max)],
            "lag": [pick(sample["lag"] for sample in samples) for pick in (statistics.median, max)],
            "load_average": statistics.median(sample["load"] for sample in samples),
            "age_s": [pick(sample["age"] for sample in samples if sample["age"] is not None) for pick in (statistics.median, max)]}

    # ---- several brokers ----

    def brokers(self, cameras=8, replicas=2):
        """Starts the system with three brokers. While the cameras run, one broker after the other is lost and comes back, all are
        updated, and two are lost at once."""
        self.cluster.remove()
        self._start(REPLICATED, "brokers")
        self.settle(cameras=cameras, replicas=replicas)
        self.check("brokers", {len(one.replicas) for one in self.cluster.partitions().values()} == {3}, "each partition is on three brokers")
        self._lose_brokers("process killed", 1, lambda pod: self.cluster.signal(pod, "SIGKILL"))
        self._lose_brokers("pod deleted at once", 1, lambda pod: self._delete(pod, "--grace-period=0", "--force"))
        self._update_brokers()
        self._lose_brokers("two processes killed", 2, lambda pod: self.cluster.signal(pod, "SIGKILL"))
        self.account_in_order("brokers")

    def _lose_brokers(self, what, number, act):
        """Applies a fault to the brokers that lead the most partitions; waits until all three are ready and all copies in
        sync."""
        led = statistics.multimode(one.leader for one in self.cluster.partitions().values())[0]
        pods = {int(pod["metadata"]["name"].rsplit("-", 1)[1]): pod for pod in self.cluster.pods("kafka")}
        victims = [pods[(led + k) % len(pods)] for k in range(number)]
        names = {pod["metadata"]["name"] for pod in victims}
        gap, began, when = Gap(self.cluster), time.monotonic(), int(time.time())
        for victim in victims:
            act(victim)

        def again():
            """A pod whose container has just been restarted may still be listed as ready."""
            pods = self.cluster.pods("kafka")
            return len(pods) == 3 and all(ready_since(pod) > when for pod in pods if pod["metadata"]["name"] in names)

        wait_until(again, 300, f"{what}: three brokers")
        ready = time.monotonic() - began
        wait_until(lambda: self._least_in_sync() == 3, 120, f"{what}: all copies in sync")
        time.sleep(5)
        self.note("brokers", **{what: {"ready_again_s": round(ready, 1), "longest_gap_s": round(gap.end(), 1)}})

    def _least_in_sync(self):
        return min(len(one.isrs) for one in self.cluster.partitions().values())

    def _update_brokers(self):
        """Replaces all brokers; each broker is replaced when the one before is in sync, so that two of three always are in
        sync."""
        gap, least, began = Gap(self.cluster), Least(self._least_in_sync), time.monotonic()
        self.cluster.kubectl("-n", NAMESPACE, "rollout", "restart", "statefulset/kafka")
        self.cluster.kubectl("-n", NAMESPACE, "rollout", "status", "statefulset/kafka", "--timeout=540s", timeout=560)
        seconds = time.monotonic() - began
        in_sync = least.end()
        time.sleep(5)
        self.note("brokers", update={"update_s": round(seconds, 1), "longest_gap_s": round(gap.end(), 1), "least_in_sync": in_sync})
        self.check("brokers", in_sync == 2, "two of three copies are always in sync")

    def secured(self, cameras=4, replicas=1):
        """Starts the system with three brokers and TLS on all connections, and loses one broker."""
        self.cluster.remove()
        self.cluster.kubectl("apply", "-f", str(TOP / "k8s/base/namespace.yaml"), "--server-side")
        self._make_certificates()
        self._start(SECURED, "secured")
        self.settle(cameras=cameras, replicas=replicas)
        for pod in self.cluster.pods("kafka"):
            self._greet_kafka("secured", pod)
        victim = self.cluster.pods("kafka")[0]
        gap, began, when = Gap(self.cluster), time.monotonic(), int(time.time())
        self.cluster.signal(victim, "SIGKILL")
        wait_until(lambda: len([pod for pod in self.cluster.pods("kafka") if ready_since(pod) > when]) == 1 and len(self.cluster.pods("kafka")) == 3,
                   300, "the broker is in sync again")
        seconds = time.monotonic() - began
        time.sleep(5)
        self.note("secured", ready_again_s=round(seconds, 1), longest_gap_s=round(gap.end(), 1))
        wait_until(lambda: self.cluster.metric("edge", "gstfog_spool_messages") == 0, 120, "nothing on the edges' disks")
        self._stop_cameras()
        wait_until(lambda: losses(self.cluster.events())[1] == 0, 120, "no frame is missing")
        self.note("secured", documents=losses(self.cluster.events())[0])

    # ---- two nodes ----

    def nodes(self, cameras=8, replicas=4):
        """Loses the second of two nodes, with half of the fog and a part of the cloud. The servers and the cameras are on the
        first node."""
        self.cluster.remove()
        self.cluster.kubectl("cordon", "node2")
        self._start(SYSTEM, "nodes")
        self.settle(cameras=cameras, replicas=1)
        self.cluster.kubectl("uncordon", "node2")
        for name, number in (("fog", replicas), ("cloud", 2)):
            self.cluster.scale(name, number)
            self.cluster.wait_pods(name, number)
        self.note("nodes", fog=self.cluster.nodes("fog"), cloud=self.cluster.nodes("cloud"))
        self.check("nodes", self.cluster.nodes("fog") == {"node1": replicas // 2, "node2": replicas // 2}, "the fog is spread evenly")
        time.sleep(15)
        try:
            self._lose_node(replicas)
            self.account("nodes")
        finally:
            self._return_node("nodes")

    def _lose_node(self, replicas):
        gap, began = Gap(self.cluster, node="node1"), time.monotonic()
        self.cluster.lose_second_node()
        wait_until(lambda: not self.cluster.node_ready("node2"), 120, "the loss of the node is noticed")
        noticed = time.monotonic() - began
        wait_until(lambda: self.cluster.nodes("fog") == {"node1": replicas} and self.cluster.nodes("cloud") == {"node1": 2}, 240, "all pods on the first node")
        replaced = time.monotonic() - began
        time.sleep(10)
        self.note("nodes", noticed_s=round(noticed, 1), replaced_s=round(replaced, 1), longest_gap_s=round(gap.end(), 1))

    def servers(self, cameras=8, replicas=2):
        """Loses a node with brokers and databases. After a taint, as an operator would set it, says that the node is off,
        Kubernetes starts these servers on the first node, with their volumes."""
        self.cluster.remove()
        self._start(REPLICATED, "servers")
        self._stop_cameras()
        self.cluster.scale("cloud", 0)
        self.cluster.wait_pods("cloud", 0)
        self.cluster.kubectl("cordon", "node2")
        self.cluster.scale("cloud", 1)
        self.cluster.wait_pods("cloud", 1)
        self.settle(cameras=cameras, replicas=replicas)
        self.cluster.kubectl("uncordon", "node2")
        self.note("servers", brokers=self.cluster.nodes("kafka"), databases=self.cluster.nodes("database"))
        self.check("servers", len(self.cluster.nodes("kafka")) == len(self.cluster.nodes("database")) == 2, "brokers and databases are spread")
        time.sleep(15)
        try:
            self._lose_servers()
            self.account_in_order("servers")
        finally:
            self.cluster.kubectl("taint", "node", "node2", "node.kubernetes.io/out-of-service-", check=False)
            self._return_node("servers")

    def _lose_servers(self):
        gap, began = Gap(self.cluster), time.monotonic()
        self.cluster.lose_second_node()
        wait_until(lambda: not self.cluster.node_ready("node2"), 120, "the loss of the node is noticed")
        noticed = time.monotonic() - began
        self.cluster.kubectl("taint", "node", "node2", "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute")
        wait_until(lambda: self.cluster.nodes("kafka") == self.cluster.nodes("database") == {"node1": 3}, 300, "all servers on the first node")
        replaced = time.monotonic() - began
        wait_until(lambda: self._least_in_sync() == 3, 120, "all copies in sync")
        time.sleep(10)
        self.note("servers", noticed_s=round(noticed, 1), replaced_s=round(replaced, 1), longest_gap_s=round(gap.end(), 1))

    def _return_node(self, name):
        """Starts the lost node again, which removes what is left of its containers and becomes ready for new pods."""
        began = time.monotonic()
        subprocess.run([TOP / "tests/cluster/up", self.cluster.work, self.cluster.programs], env={**os.environ, "NODES": "2"},
                       check=True, stdout=subprocess.DEVNULL, timeout=300)
        wait_until(lambda: self.cluster.node_ready("node2"), 120, "the node is ready again")
        left = [pod["metadata"]["name"] for pod in self.cluster.get("pods")["items"] if "deletionTimestamp" in pod["metadata"]]
        wait_until(lambda: not {pod["metadata"]["name"] for pod in self.cluster.get("pods")["items"]} & set(left), 120, "the pods of the lost node are gone")
        self.note(name, node_back_s=round(time.monotonic() - began, 1))

    # ---- what others see: metrics, and the live page ----

    def watch(self):
        """Applies the monitoring component; a Prometheus scrapes each pod by its annotations; a browser opens the live page
        through `kubectl port-forward`, and then, with a token, at its Service."""
        for kind in ("PodMonitor", "PrometheusRule"):
            definition = manifests.definitions()[kind]
            self.cluster.kubectl("apply", "--server-side", "-f", "-", text=json.dumps(definition))
            self.cluster.kubectl("wait", "--for=condition=Established", f"crd/{definition['metadata']['name']}", "--timeout=60s")
        self.cluster.apply(WATCHED)
        self.settle(cameras=2, replicas=2)
        self.rolled_out()
        self.check("watch", self.cluster.get("podmonitor", "gst-fog") and self.cluster.get("prometheusrule", "gst-fog"), "the operator's objects are there")
        with tempfile.TemporaryDirectory() as directory:
            self._scrape(pathlib.Path(directory))
        with self._forwarded() as address:
            self._look(address)
        self._look_with_a_token()

    def _annotated(self, stages):
        """Returns {pod: address} of the pods with annotations for scraping, once they are the pods of these stages."""
        found = {}
        for stage, pods in self.cluster.ready_pods().items():
            for pod in pods:
                notes = pod["metadata"].get("annotations", {})
                if notes.get("prometheus.io/scrape") == "true":
                    found[pod["metadata"]["name"]] = stage, f"{pod['status']['podIP']}:{notes['prometheus.io/port']}"
        return {name: address for name, (_, address) in found.items()} if sorted(stage for stage, _ in found.values()) == stages else None

    def _scrape(self, directory):
        """Tests that Prometheus scrapes the pods by their annotations, with the component's rules."""
        wanted = ["cloud", "demand", "edge", "edge", "fog", "fog"]
        _, targets = wait_until(lambda: self._annotated(wanted), 60, "pods of each stage with annotations")
        self.check("watch", targets, "each stage's pods are scraped")
        prometheus = prometheus_server.Prometheus(directory, targets, ALERTS, interval="2s")
        prometheus.start()
        try:
            wait_until(lambda: len(prometheus.query("up == 1")) == len(targets), 60, "a scrape of each pod")
            for where in targets.values():
                with urllib.request.urlopen(f"http://{where}/metrics", timeout=10) as answer:
                    found = prometheus_server.promtool("check", "metrics", text=answer.read().decode())
                assert found == ("", 0), (where, found)
            wait_until(lambda: prometheus.query("rate(gstfog_documents_total[20s]) > 0"), 60, "documents, as Prometheus sees them")
            rules = prometheus.ask("rules")["groups"][0]["rules"]
            self.check("watch", all(rule["health"] == "ok" for rule in rules), "each rule can be evaluated")
            alerts = {labels["alertname"] for labels, _ in prometheus.query('ALERTS{severity="critical",alertstate="firing"}')}
            self.note("watch", scraped_pods=len(targets), rules=len(rules), critical_alerts=sorted(alerts))
            self.check("watch", not alerts, "nothing critical fires")
        finally:
            prometheus.stop()

    @contextlib.contextmanager
    def _forwarded(self):
        """Forwards a port to the live page, as an operator does, and yields the page's address."""
        forward = subprocess.Popen(
            [self.cluster.programs / "kubectl", "-n", NAMESPACE, "port-forward", "service/live", ":8080"], env=self.cluster.environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            said = forward.stdout.readline()
            yield "http://" + re.search(r"127\.0\.0\.1:\d+", said)[0]
        finally:
            forward.kill()
            forward.wait()

    def _look(self, address):
        def ask(path, **parameters):
            return fetch(f"{address}{path}?{urllib.parse.urlencode(parameters)}")

        def good():
            status, body = ask("/api/state")
            if status != 200:
                return None
            state = json.loads(body)
            running = [[one for one in state[kind] if one[name] == "good"] for kind, name in (("cameras", "health"), ("replicas", "state"))]
            away = [name for name, server in state["servers"].items() if server["state"] != "good"]
            return state if len(running[0]) == len(running[1]) == 2 and not away else None

        seconds, state = wait_until(good, 90, "two good cameras and two replicas")  # pods that ended before may still be listed
        self.note("watch", page_good_s=round(seconds, 1), sentence=state["sentence"])
        now = int(time.time() * 1000)
        buckets = json.loads(ask("/api/documents", **{"from": now - 600000, "to": now, "unit": "minute"})[1])["buckets"]
        self.check("watch", sum(bucket["faces"] for bucket in buckets) > 0, "the page shows the database's history")
        browser = browsers.Browser()
        try:
            browser.look()
            browser.open(address)
            browser.wait("document.querySelectorAll('.tile[data-health=good] .frame:not(.blank)').length === 2", timeout=60, what="two pictures")
            self.check("watch", browser.logged() == [], "the page in a browser: two tiles with pictures, no error")
        finally:
            browser.close()

    def _look_with_a_token(self):
        token = "a-token-of-24-characters"
        self.cluster.kubectl("-n", NAMESPACE, "create", "secret", "generic", "live", f"--from-literal=token={token}")
        try:
            self._restart_page()
            service = f"http://{self.cluster.get('service', 'live')['spec']['clusterIP']}:8080/api/state"
            wait_until(lambda: fetch(service)[0] == 401, 60, "the Service asks for the token")
            seconds, _ = wait_until(lambda: fetch(service, Authorization=f"Bearer {token}")[0] == 200, 60, "with a token the page answers at its Service")
            self.note("watch", answered_with_a_token_s=round(seconds, 1))
            self.check("watch", fetch(service)[0] == 401, "the page at its Service answers with the token, and to nobody without")
        finally:
            self.cluster.kubectl("-n", NAMESPACE, "delete", "secret", "live")
            self._restart_page()

    def _restart_page(self):
        self.cluster.kubectl("-n", NAMESPACE, "rollout", "restart", "deployment/live")
        self.cluster.kubectl("-n", NAMESPACE, "rollout", "status", "deployment/live", "--timeout=120s", timeout=140)
        # the Service also leads to a pod that is about to end
        wait_until(lambda: len(self.cluster.get("pods", "-l", "app.kubernetes.io/name=live")["items"]) == 1, 60, "the old page gone")

    def policies(self):
        """Tries each port of each pod from each pod, and compares the connections that are made with those that the manifests
        intend: without a firewall, with kube-router, and without it again. Then replaces all stages while the firewall works."""
        self.settle(cameras=1, replicas=2)
        self.rolled_out()
        with firewall.strangers(self.cluster):
            places = firewall.places(self.cluster)
            with firewall.listeners(places):
                self._check_open(places, "before")
                with firewall.KubeRouter(self.cluster) as router:
                    ready = router.wait_ready(sum(place.network is not None for place in places))
                    self._check_enforced(places, ready)
                    self._replace_stages()
                self._check_open([place for place in places if place.name not in (*STAGES, "live")], "afterwards")

    def _check_open(self, places, when):
        tried = firewall.connections(places)
        self.note("policies", **{f"made_{when}": sum(tried.values()), f"tried_{when}": len(tried)})
        self.check("policies", all(tried.values()), f"without a firewall each connection is made ({when})")

    def _check_enforced(self, places, ready):
        tried = firewall.connections(places)
        (self.results / "policies.md").write_text(firewall.table(tried))
        different = firewall.different(tried)
        self.note("policies", rules_after_s=round(ready, 1), made=sum(tried.values()), tried=len(tried), different=different[:20])
        self.check("policies", not different, "with the firewall just the intended connections are made")

    def _replace_stages(self):
        """Restarts all stages and the page, so that they connect anew while the firewall works."""
        began = time.monotonic()
        self.cluster.kubectl("-n", NAMESPACE, "rollout", "restart", *(f"deployment/{name}" for name in (*STAGES, "live")))
        self.cluster.kubectl("-n", NAMESPACE, "rollout", "status", "deployment/live", "--timeout=240s", timeout=260)
        self.rolled_out()
        with network.inside(firewall.NODE):  # policies never forbid the node's own connections, such as those of the kubelet
            number = self.cluster.metric("cloud", "gstfog_documents_total")
            wait_until(lambda: self.cluster.metric("cloud", "gstfog_documents_total") > number + 10, 120, "documents behind the firewall")
        self.note("policies", replaced_s=round(time.monotonic() - began, 1))

    def tls(self):
        """Enables TLS in the running system. Also lets the API server check the overlays that can't run here."""
        self.cluster.kubectl("-n", NAMESPACE, "delete", "hpa,scaledobject", "--all", "--ignore-not-found", check=False)
        self.settle(cameras=1, replicas=1)
        # a job can't be changed
        self.cluster.kubectl("-n", NAMESPACE, "delete", "job", "topics", "--ignore-not-found")
        for kind, definition in manifests.definitions().items():
            if kind != "ScaledObject":
                self.cluster.kubectl("apply", "--server-side", "-f", "-", text=json.dumps(definition))
        for overlay in ("camera", "production", "strimzi"):
            self._told(overlay)
        self._make_certificates()
        began = time.monotonic()
        self.cluster.apply(TOP / "tests/cluster/tls")
        self.rolled_out()
        self.note("tls", all_pods_ready_s=round(time.monotonic() - began, 1))
        number = self.cluster.metric("cloud", "gstfog_documents_total")
        wait_until(lambda: self.cluster.metric("cloud", "gstfog_documents_total") > number + 20, 120, "documents over TLS")
        self._greet_kafka("tls", self.cluster.pods("kafka")[0])

    def _make_certificates(self):
        secrets = subprocess.run(
            [TOP / "k8s/components/tls/certificates"], check=True, stdout=subprocess.PIPE, text=True, timeout=60).stdout
        self.cluster.kubectl("apply", "--server-side", "-f", "-", text=secrets)

    def _told(self, overlay):
        """Has the API server validate and admit the manifests without storing anything. Uses a separate namespace, because
        existing
        objects would be merged."""
        namespace = f"{NAMESPACE}-{overlay}"
        built = self.cluster.kubectl("kustomize", str(TOP / "k8s/overlays" / overlay)).stdout
        text = re.sub(rf"^( *namespace): {NAMESPACE}$", rf"\1: {namespace}", built, flags=re.MULTILINE)
        self.cluster.kubectl("create", "namespace", namespace)
        said = self.cluster.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-", text=text, check=False)
        self.cluster.kubectl("delete", "namespace", namespace)
        self.note("tls", **{f"{overlay}_objects": len(said.stdout.splitlines())})
        self.check("tls", said.returncode == 0, f"the API server accepts the overlay {overlay}" + said.stderr)

    def _greet_kafka(self, name, pod):
        """Checks that a broker, also on its controller's port, accepts only clients with a certificate of the authority."""
        address = pod["status"]["podIP"]
        secret = self.cluster.get("secret", "stages-tls")["data"]
        with tempfile.TemporaryDirectory() as directory:
            files = {}
            for file, text in secret.items():
                files[file] = pathlib.Path(directory, file)
                files[file].write_bytes(base64.b64decode(text))
            known, stranger = (ssl.create_default_context(cafile=files["ca.crt"]) for _ in range(2))
            known.load_cert_chain(files["tls.crt"], files["tls.key"])
            for port in (9092, 9093):
                self.check(name, greets(address, port, known), f"{port}: a stage's certificate is known")
                self.check(name, not greets(address, port, stranger), f"{port}: no certificate, no answer")
                self.check(name, not greets(address, port, None), f"{port}: no TLS, no answer")


def fetch(url, **headers):
    """Returns (status, body) of an HTTP answer; (0, b"") if nobody answers."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


def greets(address, port, context):
    """Returns whether a broker answers Kafka's request for its versions."""
    question = bytes.fromhex("0000000e" "0012" "0000" "00000007" "0004" "74657374")
    try:
        with socket.create_connection((address, port), timeout=10) as plain:
            channel = context.wrap_socket(plain, server_hostname="kafka.fog.svc") if context else plain
            channel.sendall(question)
            return channel.recv(8)[4:8] == question[8:12]
    except OSError:
        return False


class Gap:
    """Measures the longest time without a new document until end() is called. The new documents are seen by the cloud's own
    count of documents, because counting in the database takes longer as
    documents accumulate."""

    def __init__(self, cluster, node=None):
        """`node`: only the cloud's replicas on this node are asked for their numbers of documents."""
        self._cluster, self._stop = cluster, threading.Event()
        self._clouds = [pod for pod in cluster.pods("cloud") if node in (None, pod["spec"]["nodeName"])]
        self._longest = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        number, since = self._documents(), time.monotonic()
        while not self._stop.wait(0.1):
            now = self._documents()
            self._longest = max(self._longest, time.monotonic() - since)
            if now not in (None, number):  # a failed query isn't a new document
                number, since = now, time.monotonic()

    def _documents(self):
        counts = [self._cluster.metrics(pod).get("gstfog_documents_total") for pod in self._clouds]
        return None if None in counts else sum(counts)

    def end(self):
        self._stop.set()
        self._thread.join()
        return self._longest


class Least:
    """Observes a number, and returns the smallest value that it had until end() is called."""

    def __init__(self, ask, period=0.5):
        self._ask, self._period, self._stop = ask, period, threading.Event()
        self._least = ask()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.wait(self._period):
            with contextlib.suppress(AssertionError, confluent_kafka.KafkaException):  # nobody answers just now
                self._least = min(self._least, self._ask())

    def end(self):
        self._stop.set()
        self._thread.join()
        return self._least


class Record:
    """Takes samples over time, and writes each one to disk at once."""

    PERIOD = 5

    def __init__(self, cluster, path):
        self.cluster, self.path = cluster, path
        self.samples, self.marks = [], []
        self._began, self._stop = time.monotonic(), threading.Event()
        self._documents = None
        self._sample()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.wait(self.PERIOD):
            try:
                self._sample()
            except (AssertionError, OSError, subprocess.TimeoutExpired) as error:
                print(f"no sample: {error}", file=sys.stderr)

    def _sample(self):
        pods = self.cluster.ready_pods()
        told = {name: [self.cluster.metrics(pod) for pod in pods[name]] for name in STAGES}
        ages = [age for age in (one.get("gstfog_newest_age_seconds", math.inf) for one in told["fog"]) if age < 1e6]  # more: unknown

        def total(name, metric):
            return sum(one.get(metric, 0) for one in told[name])

        self.samples.append({
            "t": self.now(), "replicas": len(pods["fog"]), "cameras": len(pods["edge"]), "cpu": round(self.cluster.cpu("fog"), 4),
            "lag": total("fog", "gstfog_messages_waiting"), "rate": self._rate(total("cloud", "gstfog_documents_total")),
            "age": round(statistics.median(ages), 2) if ages else None,
            "demand": round(total("demand", "gstfog_demand"), 3), "load": round(os.getloadavg()[0], 1)})
        self.path.write_text(json.dumps({"marks": self.marks, "samples": self.samples}))

    def _rate(self, documents):
        """Returns the documents stored a second since the last sample."""
        before, self._documents = self._documents, (time.monotonic(), documents)
        if not before or documents < before[1]:
            return 0
        return round((documents - before[1]) / (self._documents[0] - before[0]), 2)

    def now(self):
        return round(time.monotonic() - self._began, 1)

    def mark(self, text):
        self.marks.append([self.now(), text])

    def last(self, name):
        return self.samples[-1][name]

    def most(self, name):
        return max(sample[name] for sample in self.samples)

    def run_while(self, condition, seconds):
        end = time.monotonic() + seconds
        while condition() and time.monotonic() < end:
            time.sleep(1)

    def end(self):
        self._stop.set()
        self._thread.join()


# experiments that start a system of their own
ALONE = {"brokers", "nodes", "secured", "servers"}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", default="/tmp/gst-fog-cluster")
    parser.add_argument("--programs", default=CACHE / "kubernetes")
    parser.add_argument("--results", default=TOP / "build/cluster")
    parser.add_argument("names", nargs="*", default=["ready", "rules", "watch", "heal", "rolling", "load", "tls"])
    chosen = parser.parse_args()
    experiments = Experiments(Cluster(chosen.work, chosen.programs), chosen.results)
    passed, failed = 0, 0
    needs_ready = "ready" not in chosen.names and not ALONE.issuperset(chosen.names)
    for name in ["ready", *chosen.names] if needs_ready else chosen.names:
        try:
            getattr(experiments, name)()
            passed += 1
        except Exception as error:  # the other experiments run even if this one fails
            traceback.print_exc()
            print(f"FAILED {name}: {error}", flush=True)
            failed += 1
    experiments.note("versions", **experiments.cluster.versions())
    with open(experiments.results / "results.json", "a") as results:
        results.write(json.dumps({"date": f"{datetime.datetime.now():%Y-%m-%d %H:%M}", **experiments.found}) + "\n")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
