# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cluster under test: kubectl's answers, the metrics of the pods, and the documents in the database."""

import collections
import json
import os
import pathlib
import re
import subprocess
import time
import urllib.error
import urllib.request

import pymongo

TOP = pathlib.Path(__file__).resolve().parents[2]
NAMESPACE = "fog"


def wait_until(condition, timeout, what):
    """Waits for the first true answer; returns the seconds that it took, and the answer."""
    began = time.monotonic()
    while True:
        answer = condition()
        if answer:
            return time.monotonic() - began, answer
        if time.monotonic() - began > timeout:
            raise AssertionError(f"{what}: not within {timeout} s")
        time.sleep(0.25)


class Cluster:
    def __init__(self, work, programs):
        self.work, self.programs = pathlib.Path(work), pathlib.Path(programs)
        self.environment = {**os.environ, "KUBECONFIG": str(self.work / "admin.kubeconfig")}

    def kubectl(self, *arguments, check=True, text=None, timeout=120):
        done = subprocess.run(
            [self.programs / "kubectl", *arguments], env=self.environment, input=text, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, timeout=timeout, check=False)
        if check and done.returncode:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done

    def get(self, *arguments):
        return json.loads(self.kubectl("-n", NAMESPACE, "get", *arguments, "-o", "json").stdout)

    def apply(self, directory):
        self.kubectl("apply", "-k", str(directory), "--server-side", timeout=300)

    def pods(self, name, ready=True):
        """Returns the pods that run and aren't about to end; only ready ones by default."""
        pods = self.get("pods", "-l", f"app.kubernetes.io/name={name}")["items"]
        return [pod for pod in pods if "deletionTimestamp" not in pod["metadata"] and (not ready or is_ready(pod))]

    def ready_pods(self):
        """Returns {name: [pod]} of all pods that are ready."""
        found = collections.defaultdict(list)
        for pod in self.get("pods")["items"]:
            if "deletionTimestamp" not in pod["metadata"] and is_ready(pod):
                found[pod["metadata"]["labels"]["app.kubernetes.io/name"]].append(pod)
        return found

    def wait_pods(self, name, number, timeout=180):
        return wait_until(
            lambda: len(self.pods(name)) == number == len(self.pods(name, ready=False)), timeout, f"{number} pods {name}")[0]

    def all_ready(self, name):
        return 0 < len(self.pods(name)) == len(self.pods(name, ready=False))

    def scale(self, name, number):
        self.kubectl("-n", NAMESPACE, "scale", f"deployment/{name}", f"--replicas={number}")

    def metrics(self, pod):
        """Returns {metric: number} of a pod's /metrics; {} if the pod has just gone."""
        address = pod["status"].get("podIP")
        try:
            with urllib.request.urlopen(f"http://{address}:8080/metrics", timeout=2) as answer:
                text = answer.read().decode()
        except (OSError, urllib.error.URLError):
            return {}
        return {name: float(value) for name, value in re.findall(r"^(\w+)(?:\{.*\})? (\S+)$", text, re.MULTILINE)}

    def metric(self, name, metric):
        """Returns the sum of a metric over all pods of a deployment."""
        return sum(self.metrics(pod).get(metric, 0) for pod in self.pods(name))

    def cpu(self, name):
        """Returns the cores that all pods of a deployment use, according to metrics-server."""
        done = self.kubectl(
            "get", "--raw", f"/apis/metrics.k8s.io/v1beta1/namespaces/{NAMESPACE}/pods?labelSelector=app.kubernetes.io/name={name}",
            check=False)
        if done.returncode:
            return 0
        return sum(
            cores(container["usage"]["cpu"]) for pod in json.loads(done.stdout)["items"] for container in pod["containers"])

    def limit(self, name):
        """Returns the CPU limit of each pod of a deployment, in cores."""
        spec = self.get("deployment", name)["spec"]["template"]["spec"]
        return cores(spec["containers"][0]["resources"]["limits"]["cpu"])

    def container(self, pod):
        return pod["status"]["containerStatuses"][0]["containerID"].split("//")[1]

    def signal(self, pod, name):
        """Sends a signal to the stage's process from outside its container, because inside it, process 1 ignores such
        signals."""
        subprocess.run(
            ["ctr", "-a", self.work / "containerd.sock", "-n", "k8s.io", "tasks", "kill", "-s", name, self.container(pod)],
            check=True, timeout=30)

    def events(self):
        address = self.pods("database")[0]["status"]["podIP"]
        return pymongo.MongoClient(f"mongodb://{address}:27017/?directConnection=true", serverSelectionTimeoutMS=10000).fog.events

    def _kafka(self, command, *arguments):
        return self.kubectl(
            "-n", NAMESPACE, "exec", "kafka-0", "--", f"/opt/kafka/bin/kafka-{command}.sh", "--bootstrap-server", "kafka:9092",
            *arguments).stdout.splitlines()

    def _offset(self, topic, time):
        """Returns the sum of the "earliest" or "latest" offsets over all partitions."""
        said = self._kafka("get-offsets", "--topic", topic, "--time", time)
        return sum(int(line.rsplit(":", 1)[1]) for line in said if line.startswith(f"{topic}:"))

    def published(self):
        """Returns the number of messages ever published to the topic of frames."""
        return self._offset("camera", "latest")

    def leavers(self):
        """Returns the replicas whose reports of leaving Kafka still has."""
        number = self._offset("feedback", "latest") - self._offset("feedback", "earliest")
        said = self._kafka("console-consumer", "--topic", "feedback", "--from-beginning", "--max-messages", str(number))
        reports = [json.loads(line) for line in said if line.startswith("{")]
        return {report["replica"] for report in reports if report["leaving"]}

    def versions(self):
        node = self.get("node", "node1")["status"]["nodeInfo"]
        return {name: node[name] for name in ("kubeletVersion", "containerRuntimeVersion", "kernelVersion", "osImage")}


def is_ready(pod):
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))


def cores(quantity):
    units = {"n": 1e-9, "u": 1e-6, "m": 1e-3}
    return float(quantity[:-1]) * units[quantity[-1]] if quantity[-1] in units else float(quantity)


def losses(events):
    """Returns (documents, missing frames); a frame is missing if its number is, because each session of a camera
    numbers its frames from 0."""
    seen = collections.defaultdict(set)
    for event in events.find({}, {"_id": 1}):
        camera, session, seq = event["_id"].rsplit(":", 2)
        seen[camera, session].add(int(seq))
    documents = sum(map(len, seen.values()))
    return documents, sum(max(numbers) + 1 for numbers in seen.values()) - documents
