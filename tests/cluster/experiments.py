#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the system does on a real Kubernetes: heals, grows and shrinks with its load, is updated under it, keeps to the rules.
Each experiment starts from the system at rest, and ends with every frame accounted for. Beside those that run by default there are `controller`
and `demand`: the autoscaler against cameras that follow the fog, by the CPU and by what they want (an hour; KEDA is built for it)."""

import argparse
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time

import pymongo
from kube import NAMESPACE, TOP, Cluster, losses, wait_until

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache", "gst-fog")
SYSTEM = TOP / "tests/cluster/system"
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
        """So many cameras and fog replicas; pinned: no autoscaler changes the number."""
        if pinned:
            self.cluster.kubectl("-n", NAMESPACE, "delete", "hpa", "fog", "--ignore-not-found")
        self.cluster.scale("fog", replicas)
        self.cluster.scale("edge", cameras)
        self.cluster.wait_pods("fog", replicas)
        self.cluster.wait_pods("edge", cameras)

    def account(self, name, timeout=240):
        """Without cameras, when all frames are through: nothing published is missing in the database."""
        self.cluster.scale("edge", 0)
        wait_until(lambda: not self.cluster.pods("edge", ready=False), 90, "no more edges")
        published = self.cluster.published()
        events = self.cluster.events()
        wait_until(lambda: events.count_documents({}) >= published or None, timeout, f"{published} documents")
        documents, missing = losses(events)
        self.note(name, published=published, documents=documents, missing=missing)
        self.check(name, missing == 0 and documents == published, "each frame published is one document")

    # ---- experiments ----

    def ready(self):
        began = time.monotonic()
        self.cluster.apply(SYSTEM)
        for name in ("kafka", "database", "edge", "cloud", "demand", "fog"):
            wait_until(lambda name=name: self.cluster.all_ready(name), 300, f"pods {name}")
        seconds = time.monotonic() - began
        wait_until(lambda: self.cluster.events().count_documents({"faces": {"$gt": 0}}), 120, "faces in the database")
        self.note("ready", all_pods_ready_s=round(seconds, 1), first_faces_s=round(time.monotonic() - began, 1))

    def heal(self):
        self.settle(cameras=4, replicas=2)
        for what, act in (
                ("pod deleted at once", lambda pod: self.cluster.kubectl(
                    "-n", NAMESPACE, "delete", "pod", pod["metadata"]["name"], "--grace-period=0", "--force")),
                ("pod deleted", lambda pod: self.cluster.kubectl(
                    "-n", NAMESPACE, "delete", "pod", pod["metadata"]["name"])),
                ("process killed", lambda pod: self.cluster.signal(pod, "SIGKILL")),
                ("process stopped (SIGSTOP)", lambda pod: self.cluster.signal(pod, "SIGSTOP"))):
            self._heal_once(what, act)
        self.account("heal")

    def _heal_once(self, what, act):
        victim = self.cluster.pods("fog")[0]
        before = {self.cluster.container(pod) for pod in self.cluster.pods("fog")}
        gap = Gap(self.cluster)
        act(victim)
        renewed = wait_until(
            lambda: len(self.cluster.pods("fog")) == 2
            and {self.cluster.container(pod) for pod in self.cluster.pods("fog")} != before, 120, f"{what}: healed")[0]
        time.sleep(12)  # whoever took over its partitions has caught up
        self.note("heal", **{what: {"ready_again_s": round(renewed, 1), "longest_gap_s": round(gap.end(), 1)}})

    def rolling(self):
        self.settle(cameras=4, replicas=3)
        gap = Gap(self.cluster)
        began = time.monotonic()
        self.cluster.kubectl("-n", NAMESPACE, "rollout", "restart", "deployment/fog")
        self.cluster.kubectl("-n", NAMESPACE, "rollout", "status", "deployment/fog", "--timeout=300s", timeout=320)
        seconds = time.monotonic() - began
        time.sleep(5)
        self.note("rolling", update_s=round(seconds, 1), longest_gap_s=round(gap.end(), 1))
        self.account("rolling")

    def rules(self):
        refused = self.cluster.kubectl("apply", "-f", "-", text=PRIVILEGED, check=False)
        self.check("rules", "violates PodSecurity" in refused.stderr, "a privileged pod is refused")
        self.settle(cameras=1, replicas=1)
        for name in ("edge", "fog", "cloud", "demand"):
            pod = self.cluster.pods(name)[0]["metadata"]["name"]
            status = self.cluster.kubectl("-n", NAMESPACE, "exec", pod, "--", "cat", "/proc/1/status").stdout
            facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            self.check("rules", facts["Uid"].split()[0] == "65532", f"{name} is no root")
            self.check("rules", int(facts["CapEff"], 16) == int(facts["CapBnd"], 16) == 0, f"{name} has no capability")
            self.check("rules", (facts["NoNewPrivs"], facts["Seccomp"]) == ("1", "2"), f"{name} is confined")
            wrote = self.cluster.kubectl(
                "-n", NAMESPACE, "exec", pod, "--", "bash", "-c", "echo x > /usr/share/gst-fog/x", check=False)
            self.check("rules", "Read-only file system" in wrote.stderr, f"{name} can't write to its root")

    def load(self, most=30, high=400, low=900):
        """Cameras of a fixed rate come and go; the autoscaler of base follows them by the CPU."""
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
        self.check("load", record.most("replicas") > 5 and record.last("replicas") == 1, "grew with the load and shrank again")
        self.account("load")


    def controller(self, cameras=4, minutes=10):
        """Cameras that follow the fog, and the autoscaler of base: it goes by a CPU that is always busy."""
        self._follow("controller", TOP / "tests/cluster/controller", cameras, minutes)

    def demand(self, cameras=4, minutes=30):
        """The same, scaled on what they want."""
        subprocess.run(
            [TOP / "tests/cluster/keda", self.cluster.work, self.cluster.programs], check=True, timeout=900)
        self._follow("demand", TOP / "tests/cluster/demand", cameras, minutes)

    def _follow(self, name, directory, cameras, minutes):
        self.cluster.kubectl("-n", NAMESPACE, "delete", "hpa,scaledobject", "--all", "--ignore-not-found", check=False)
        self.settle(cameras=1, replicas=1)
        self.cluster.apply(directory)
        record = Record(self.cluster, self.results / f"{name}.json")
        try:
            record.mark("1 camera")
            time.sleep(60)
            record.mark(f"{cameras} cameras")
            self.cluster.scale("edge", cameras)
            began = time.monotonic()
            record.run_while(lambda: True, 60)
            self.note(name, replicas_after_60_s=record.last("replicas"))
            record.run_while(lambda: True, 60 * minutes - (time.monotonic() - began))
        finally:
            record.end()
        settled = [sample for sample in record.samples if sample["t"] > 60 + 120]
        replicas = [sample["replicas"] for sample in settled]
        self.note(
            name, replicas_at_the_end=replicas[-1], most_replicas=max(replicas), least_replicas=min(replicas),
            changes_after_2_min=sum(a != b for a, b in zip(replicas, replicas[1:])),
            utilisation=round(statistics.mean(min(sample["demand"], 1) for sample in settled), 2),
            age_s=statistics.median(sample["age"] for sample in settled if sample["age"] is not None))
        self.account(name)


class Gap:
    """The longest time without a new document, from now to its end: what a reader of the database sees of a failure."""

    def __init__(self, cluster):
        self._events, self._stop = cluster.events(), threading.Event()
        self._longest = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        number, since = self._events.count_documents({}), time.monotonic()
        while not self._stop.wait(0.2):
            now = self._events.count_documents({})
            self._longest = max(self._longest, time.monotonic() - since)
            if now != number:
                number, since = now, time.monotonic()

    def end(self):
        self._stop.set()
        self._thread.join()
        return self._longest


class Record:
    """Samples over time, kept on disk as they come."""

    PERIOD = 5

    def __init__(self, cluster, path):
        self.cluster, self.path = cluster, path
        self.samples, self.marks = [], []
        self._began, self._stop = time.monotonic(), threading.Event()
        self._documents = (time.monotonic(), cluster.events().count_documents({}))
        self._sample()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.wait(self.PERIOD):
            try:
                self._sample()
            except (AssertionError, OSError, subprocess.TimeoutExpired, IndexError, pymongo.errors.PyMongoError) as error:
                print(f"no sample: {error}", file=sys.stderr)

    def _sample(self):
        fog = self.cluster.pods("fog")
        told = [self.cluster.metrics(pod) for pod in fog]
        events = self.cluster.events()
        now, number = time.monotonic(), events.estimated_document_count()
        rate = (number - self._documents[1]) / max(now - self._documents[0], 0.1)
        self._documents = (now, number)
        newest = events.find({}, {"captured": 1, "processed": 1}).sort("processed", -1).limit(20)
        ages = [(event["processed"] - event["captured"]).total_seconds() for event in newest]
        self.samples.append({
            "t": round(now - self._began, 1), "replicas": len(fog), "cameras": len(self.cluster.pods("edge")),
            "cpu": round(self.cluster.cpu("fog"), 3), "lag": sum(one.get("gst_kafkasrc_lag", 0) for one in told),
            "rate": round(max(rate, 0), 2), "age": round(statistics.median(ages), 2) if ages else None,
            "demand": round(self.cluster.metric("demand", "gst_feedbackrate_demand"), 3),
            "wanted": round(self.cluster.metric("edge", "gst_feedbackrate_rate"), 2)})
        self.path.write_text(json.dumps({"marks": self.marks, "samples": self.samples}))

    def mark(self, text):
        self.marks.append([round(time.monotonic() - self._began, 1), text])

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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", default="/tmp/gst-fog-cluster")
    parser.add_argument("--programs", default=CACHE / "kubernetes")
    parser.add_argument("--results", default=TOP / "build/cluster")
    parser.add_argument("names", nargs="*", default=["ready", "rules", "heal", "rolling", "load"])
    chosen = parser.parse_args()
    experiments = Experiments(Cluster(chosen.work, chosen.programs), chosen.results)
    passed, failed = 0, 0
    for name in chosen.names:
        try:
            getattr(experiments, name)()
            passed += 1
        except AssertionError as error:
            print(f"FAILED {name}: {error}", flush=True)
            failed += 1
    experiments.note("versions", **experiments.cluster.versions())
    with open(experiments.results / "results.json", "a") as results:
        results.write(json.dumps({"date": f"{datetime.datetime.now():%Y-%m-%d %H:%M}", **experiments.found}) + "\n")
    print(f"{passed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
