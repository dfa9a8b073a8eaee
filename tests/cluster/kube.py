# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cluster under test: kubectl's answers, the metrics of the pods, and the documents in the database."""

import collections
import datetime
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request

import confluent_kafka.admin
import pymongo

TOP = pathlib.Path(__file__).resolve().parents[2]
NAMESPACE = "fog"


def wait_until(condition, timeout, what):
    """Calls a function until it returns something true; returns the seconds until then, and what it returned."""
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
        self.tls = False  # of the database
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

    def remove(self):
        """Removes the system with its data, and empties its volumes, so that a new system can use them."""
        self.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", "--timeout=240s", timeout=260)
        for volume in json.loads(self.kubectl("get", "pv", "-o", "json").stdout)["items"]:
            if volume["status"]["phase"] == "Released":
                for path in pathlib.Path(volume["spec"]["hostPath"]["path"]).iterdir():
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                self.kubectl("patch", "pv", volume["metadata"]["name"], "--type=merge", "-p", '{"spec":{"claimRef":null}}')

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

    def nodes(self, name):
        """Returns {node: number of ready pods of a deployment}."""
        return dict(collections.Counter(pod["spec"]["nodeName"] for pod in self.pods(name)))

    def node_ready(self, name):
        node = json.loads(self.kubectl("get", "node", name, "-o", "json").stdout)
        return is_ready(node)

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
        """Sends a signal to the stage's process from outside its container, because process 1 ignores signals that come from
        inside its container."""
        subprocess.run(
            [*self._ctr(pod["spec"]["nodeName"]), "tasks", "kill", "-s", name, self.container(pod)], check=True, timeout=30)

    def lose_second_node(self):
        """Ends the second node as a power cut does: ends first its network, so that no connection is closed, then all its
        processes."""
        subprocess.run(["ip", "-n", "fogcluster", "link", "set", "to-node2", "down"], check=True, timeout=30)
        for name in ("kubelet2", "proxy2"):
            self._kill(name)
        ctr = self._ctr("node2")

        def all_of(kind, *command):
            names = subprocess.run([*ctr, kind, "ls", "-q"], check=True, stdout=subprocess.PIPE, text=True, timeout=30).stdout.split()
            for name in names:
                subprocess.run([*ctr, kind, *command, name], check=False, stderr=subprocess.DEVNULL, timeout=30)

        all_of("tasks", "kill", "-s", "SIGKILL")
        all_of("tasks", "delete", "-f")
        all_of("containers", "delete")
        self._kill("containerd2")

    def _ctr(self, node):
        return ["ctr", "-a", self.work / ("node2" if node == "node2" else "") / "containerd.sock", "-n", "k8s.io"]

    def _kill(self, daemon):
        file = self.work / "pid" / daemon
        os.kill(int(file.read_text().split()[0]), signal.SIGKILL)
        file.unlink()

    def events(self):
        address = self.pods("database")[0]["status"]["podIP"]
        uri = f"mongodb://{address}:27017/?directConnection=true{'&tls=true&tlsInsecure=true' if self.tls else ''}"
        return pymongo.MongoClient(uri, serverSelectionTimeoutMS=10000).fog.events

    def _kafka(self, command, *arguments):
        return self.kubectl(
            "-n", NAMESPACE, "exec", "kafka-0", "--", f"/opt/kafka/bin/kafka-{command}.sh", "--bootstrap-server", "kafka:9092",
            *arguments, timeout=300).stdout.splitlines()

    def partitions(self):
        """Returns {(topic, number): metadata} of all partitions, as a broker that answers has it."""
        addresses = ",".join(f"{pod['status']['podIP']}:9092" for pod in self.pods("kafka", ready=False) if "podIP" in pod["status"])
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": addresses, "log_level": 0})
        return {(topic.topic, number): partition for topic in admin.list_topics(timeout=10).topics.values() for number, partition in topic.partitions.items()}

    def _offset(self, topic, time):
        """Returns the sum of the "earliest" or "latest" offsets over all partitions."""
        said = self._kafka("get-offsets", "--topic", topic, "--time", time)
        return sum(int(line.rsplit(":", 1)[1]) for line in said if line.startswith(f"{topic}:"))

    def published(self):
        """Returns the number of messages ever published to the topic of frames."""
        return self._offset("camera", "latest")

    def frames(self):
        """Returns (partition, camera, session, number) of each frame that Kafka has, in the order of each partition."""
        number = self._offset("camera", "latest") - self._offset("camera", "earliest")
        shown = [argument for name, wanted in (("partition", "true"), ("headers", "true"), ("value", "false"))
                 for argument in ("--property", f"print.{name}={wanted}")]
        said = self._kafka("console-consumer", "--topic", "camera", "--from-beginning", "--max-messages", str(number), *shown)
        found = [re.match(r"Partition:(\d+)\t.*?camera:([^,]+),session:([^,]+),seq:(\d+),", line) for line in said]
        return [(int(one[1]), one[2], one[3], int(one[4])) for one in found if one]

    def leavers(self):
        """Returns the replicas of which Kafka still has a report with `leaving`."""
        number = self._offset("feedback", "latest") - self._offset("feedback", "earliest")
        said = self._kafka("console-consumer", "--topic", "feedback", "--from-beginning", "--max-messages", str(number))
        reports = [json.loads(line) for line in said if line.startswith("{")]
        return {report["replica"] for report in reports if report["leaving"]}

    def versions(self):
        node = self.get("node", "node1")["status"]["nodeInfo"]
        return {name: node[name] for name in ("kubeletVersion", "containerRuntimeVersion", "kernelVersion", "osImage")}


def is_ready(pod):
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))


def ready_since(pod):
    """Returns when the pod became ready, in s since 1970; 0 if it isn't ready."""
    if not is_ready(pod):
        return 0
    changed = next(one["lastTransitionTime"] for one in pod["status"]["conditions"] if one["type"] == "Ready")
    return datetime.datetime.fromisoformat(changed.replace("Z", "+00:00")).timestamp()


def cores(quantity):
    units = {"n": 1e-9, "u": 1e-6, "m": 1e-3}
    return float(quantity[:-1]) * units[quantity[-1]] if quantity[-1] in units else float(quantity)


def overtaken(frames):
    """Returns the number of frames that follow a newer frame of their camera in their partition."""
    newest, number = {}, 0
    for *where, seq in frames:
        number += seq < newest.get(tuple(where), -1)
        newest[tuple(where)] = max(seq, newest.get(tuple(where), -1))
    return number


def losses(events):
    """Returns (documents, missing frames). Each session of a camera numbers its frames from 0, so a number without a document
    is a missing frame."""
    seen = collections.defaultdict(set)
    for event in events.find({}, {"_id": 1}):
        camera, session, seq = event["_id"].rsplit(":", 2)
        seen[camera, session].add(int(seq))
    documents = sum(map(len, seen.values()))
    return documents, sum(max(numbers) + 1 for numbers in seen.values()) - documents
