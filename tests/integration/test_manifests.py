# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests that the check of the manifests finds deliberate mistakes, and tests properties of the manifests that this check
can't see."""

import base64
import ipaddress
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import yaml

import pipeline

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/cluster"))

import manifests  # noqa: E402


@pytest.mark.parametrize("pattern, replacement, complaint", [
    (r"readOnlyRootFilesystem", "readOnlyRootFilesytem", "readOnlyRootFilesytem"),
    (r"minReplicas: 1", "minReplicas: few", "minReplicas"),
    (r"containerPort: 9092", "containerPort: 9092\n          hostsPort: 1", "hostsPort"),
    (r"kind: PodDisruptionBudget", "kind: PodDisruptionBudge", "PodDisruptionBudge"),
])
def test_mistakes_are_found(pattern, replacement, complaint):
    text = manifests.built(TOP / "k8s/overlays/demo")
    assert manifests.check_text(text)[1] == 0
    said, code = manifests.check_text(re.sub(pattern, replacement, text))
    assert code and complaint in said


@pytest.mark.parametrize("overlay, right, wrong", [
    ("keda", "maxReplicaCount", "maxReplicasCount"),
    ("strimzi", "  partitions: 12", "  partitions: twelve"),
    ("strimzi", "entityOperator", "entityOperators"),
    ("strimzi", "kafka.strimzi.io/v1", "kafka.strimzi.io/v1beta2"),
    ("monitoring", "podMetricsEndpoints", "podMetricsEndpoint"),
    ("monitoring", "interval: 15s", "interval: soon"),
    ("monitoring", "for: 1m", "for: soon"),
    ("monitoring", "severity: critical", "severity: 3"),
])
def test_mistakes_in_custom_resources_are_found(overlay, right, wrong):
    text = manifests.built(TOP / f"k8s/overlays/{overlay}")
    assert manifests.check_text(text)[1] == 0 and right in text
    said, code = manifests.check_text(text.replace(right, wrong))
    assert code and wrong.split()[-1] in said


@pytest.mark.parametrize("pattern, replacement, complaint", [
    ('"type": "timeseries"', '"type": "graph"', "graph"),
    ('"expr"', '"expression"', "expression"),
    ('"drawStyle"', '"drawingStyle"', "drawingStyle"),
    ('"w": 12', '"w": "wide"', "gridPos"),
    ('"schemaVersion": 39', '"schemaVersion": "new"', "schemaVersion"),
])
def test_mistakes_in_the_dashboard_are_found(pattern, replacement, complaint):
    text = (TOP / "k8s/components/monitoring/dashboard.json").read_text()
    assert manifests.check_dashboard(text) == "" and pattern in text
    assert complaint in manifests.check_dashboard(text.replace(pattern, replacement))


@pytest.mark.parametrize("cameras", ["camera", "demo"])
@pytest.mark.parametrize("components", [
    "keda", "strimzi", "tls", "production", "keda, ../../components/tls", "monitoring, ../../components/tls"])
def test_an_overlay_as_in_the_readme_is_valid(tmp_path, cameras, components):
    """An overlay as in the README, on each of two overlays and with several components, is valid, and all stages use the
    image that it names."""
    text = re.search("```yaml\n(.*?)```", (TOP / "k8s/README.md").read_text(), re.DOTALL)[1]
    assert "resources: [../camera]" in text and "components/tls]" in text
    shutil.copytree(TOP / "k8s", tmp_path / "k8s")
    site = tmp_path / "k8s/overlays/site"
    site.mkdir()
    (site / "kustomization.yaml").write_text(text.replace("../camera", f"../{cameras}").replace("components/tls]", f"components/{components}]"))
    built = manifests.built(site)
    said, code = manifests.check_text(built)
    assert code == 0, said
    assert built.count("image: registry.example.org/gst-fog/stages:0.1.0") == 5 and "image: localhost" not in built
    assert set(re.findall("^  namespace: (.*)$", built, re.MULTILINE)) <= {"fog", "kube-system"}


def test_monitoring_is_valid_without_the_objects_of_prometheus_operator(tmp_path):
    """Without the two objects that need Prometheus' operator, which the README shows how to remove, the component
    monitoring keeps its annotations and the dashboard."""
    shutil.copytree(TOP / "k8s", tmp_path / "k8s")
    overlay = tmp_path / "k8s/overlays/monitoring/kustomization.yaml"
    patches = "".join(
        f"- patch: |\n    $patch: delete\n    apiVersion: monitoring.coreos.com/v1\n    kind: {kind}\n    metadata: {{name: gst-fog, namespace: fog}}\n"
        for kind in ("PodMonitor", "PrometheusRule"))
    overlay.write_text(overlay.read_text() + "patches:\n" + patches)
    built = manifests.built(overlay.parent)
    assert manifests.check_text(built)[1] == 0
    assert "monitoring.coreos.com" not in built and built.count('prometheus.io/scrape: "true"') == 4
    assert 'grafana_dashboard: "1"' in built


OVERLAYS = ["base", *(f"overlays/{path.name}" for path in sorted(TOP.glob("k8s/overlays/*")))]
OURS = {"edge", "fog", "cloud", "demand", "live"}


class Built:
    """The objects of an overlay."""

    def __init__(self, overlay):
        self._objects = list(yaml.safe_load_all(manifests.built(TOP / "k8s" / overlay)))

    def kind(self, kind):
        return {one["metadata"]["name"]: one for one in self._objects if one["kind"] == kind}

    def template(self, name):
        return next(one["spec"]["template"] for one in self._objects
                    if one["kind"] in ("Deployment", "StatefulSet") and one["metadata"]["name"] == name)

    def labels(self, name):
        """Returns the labels of a pod; those of a broker are Strimzi's if Strimzi runs Kafka."""
        if name == "kafka" and "Kafka" in self.kinds():
            return {"strimzi.io/name": "fog-kafka"}
        return self.template(name)["metadata"]["labels"]

    def kinds(self):
        return {one["kind"] for one in self._objects}

    def rules(self, pod, direction):
        """Returns the rules of all network policies for a pod."""
        return [rule for policy in self.kind("NetworkPolicy").values() if selects(policy["spec"]["podSelector"], self.labels(pod))
                for rule in policy["spec"].get(direction, [])]

    def passes(self, pod, direction, peer, port):
        """Returns whether a network policy of the pod permits traffic with another pod."""
        side = {"ingress": "from", "egress": "to"}[direction]
        return any(
            port in [one["port"] for one in rule["ports"]]
            and any(selects(one.get("podSelector"), self.labels(peer)) for one in rule[side])
            for rule in self.rules(pod, direction) if side in rule)


def selects(selector, labels):
    """Returns whether a selector matches labels, as Kubernetes does; of the operators it knows only In, which these
    manifests use."""
    if selector is None:
        return False
    rules = selector.get("matchExpressions", [])
    assert all(rule["operator"] == "In" for rule in rules)
    return selector.get("matchLabels", {}).items() <= labels.items() and all(labels.get(rule["key"]) in rule["values"] for rule in rules)


@pytest.fixture(scope="module", params=OVERLAYS)
def built(request):
    return Built(request.param)


def test_the_live_page_reaches_kafka_and_the_database(built):
    servers = {"kafka": 9092, "database": 27017}
    for server, port in servers.items():
        assert built.passes("live", "egress", server, port)
        assert not built.passes("live", "egress", server, 22) and not built.passes("live", "egress", "cloud", 8080)
    assert built.passes("database", "ingress", "live", 27017) and not built.passes("database", "ingress", "edge", 27017)
    if "Kafka" in built.kinds(): # Strimzi makes the network policy of its brokers from this list of pods
        peers = built.kind("Kafka")["fog"]["spec"]["kafka"]["listeners"][0]["networkPolicyPeers"]
        assert all(any(selects(peer["podSelector"], built.labels(name)) for peer in peers) for name in OURS)
    else:
        assert all(built.passes("kafka", "ingress", name, 9092) for name in OURS)


def test_no_pod_of_the_system_may_reach_the_live_page(built):
    """No network policy admits a pod to the live page, and no configuration of Prometheus scrapes the page, because its
    metrics are sums of the stages' metrics, which would be counted twice."""
    assert built.rules("live", "ingress") == [] and built.rules("fog", "ingress") != []
    metadata = built.template("live")["metadata"]
    assert not [name for name in metadata.get("annotations", {}) if name.startswith("prometheus.io/")]
    for monitor in built.kind("PodMonitor").values():
        selected = {name for name in OURS if selects(monitor["spec"]["selector"], built.labels(name))}
        assert selected == OURS - {"live"}
    assert "type" not in built.kind("Service")["live"]["spec"] # ClusterIP


def test_the_readmes_network_policy_admits_an_ingress_controller_to_the_page():
    text = next(text for text in re.findall("```yaml\n(.*?)```", (TOP / "k8s/README.md").read_text(), re.DOTALL) if "NetworkPolicy" in text)
    said, code = manifests.check_text(text)
    policy, page = yaml.safe_load(text), Built("base")
    assert code == 0, said
    assert selects(policy["spec"]["podSelector"], page.labels("live")) and policy["metadata"]["namespace"] == "fog"
    assert policy["spec"]["ingress"][0]["ports"][0]["port"] == page.template("live")["spec"]["containers"][0]["ports"][0]["containerPort"]


def test_the_pod_of_the_live_page_starts_without_the_secret_of_its_token(built):
    """The pod of the live page starts without the Secret of the token, so the entry point finds no file of the token; no
    other Secret is optional."""
    volumes = {volume["name"]: volume["secret"] for volume in built.template("live")["spec"]["volumes"] if "secret" in volume}
    assert {name: secret.get("optional", False) for name, secret in volumes.items()}.items() >= {"token": True, "secret": False}.items()
    container = built.template("live")["spec"]["containers"][0]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    settings = {one["name"]: one["value"] for one in container["env"]}
    assert settings["LIVE_TOKEN_FILE"] == f"{mounts['token']}/token" and settings["MONGODB_URI_FILE"] == f"{mounts['secret']}/uri"


def test_every_volume_is_mounted_and_every_mount_has_a_volume(built):
    """In each pod of the system every volume is mounted, and every mount has a volume, in all overlays and components."""
    for name in OURS:
        pod = built.template(name)["spec"]
        mounted = [mount["name"] for mount in pod["containers"][0].get("volumeMounts", [])]
        assert sorted(mounted) == sorted(volume["name"] for volume in pod.get("volumes", [])), name


def test_each_server_has_one_pod_disruption_budget(built):
    """Each server has exactly one PodDisruptionBudget, because Kubernetes evicts no pod that two budgets select. A single
    server is never evicted, and of three servers only one at a time."""
    budgets = [one["spec"] for one in built.kind("PodDisruptionBudget").values()]
    for name, server in built.kind("StatefulSet").items():
        allowed = [budget["maxUnavailable"] for budget in budgets if selects(budget["selector"], built.labels(name))]
        assert allowed == [1 if server["spec"]["replicas"] == 3 else 0], name


def test_all_pods_of_the_system_have_the_same_security_context(built):
    def confined(name):
        pod = built.template(name)["spec"]
        context = {key: value for key, value in pod["securityContext"].items() if key != "supplementalGroups"} # a camera's
        return context, pod["containers"][0]["securityContext"], pod["automountServiceAccountToken"], pod["enableServiceLinks"]

    assert all(confined(name) == confined("fog") for name in OURS)
    assert all(built.template(name)["spec"]["containers"][0]["resources"].keys() == {"requests", "limits"} for name in OURS)


def topics_of_the_job(**keep):
    """Returns the topics that k8s/base/topics.sh requests of Kafka's tool."""
    script = (TOP / "k8s/base/topics.sh").read_text().replace("/opt/kafka/bin/kafka-topics.sh", "echo")
    said = subprocess.run(["sh", "-c", script], env={"PATH": os.environ["PATH"], "KAFKA": "kafka:9092", **keep}, capture_output=True,
                          text=True, check=True, timeout=120).stdout
    return {re.search(r"--topic (\S+)", line)[1]: dict(re.findall(r"--config (\S+)=(\d+)", line)) for line in said.splitlines()}


@pytest.mark.parametrize("more", [(), ("tls", "monitoring"), ("strimzi",), ("production",)])
def test_the_alerts_reach_kafka_and_the_stages_with_valid_rules(tmp_path, more):
    """The component alerts, alone and with others: the pod is confined as the stages are, reaches Kafka, the stages' metrics
    and receivers, and `pipelines/alerts` accepts its rules with the files of its Secret."""
    shutil.copytree(TOP / "k8s", tmp_path / "k8s")
    overlay = tmp_path / "k8s/overlays/alerts/kustomization.yaml"
    overlay.write_text(overlay.read_text().replace(
        "- ../../components/alerts\n", "".join(f"- ../../components/{name}\n" for name in ("alerts", *more))))
    text = manifests.built(overlay.parent)
    said, code = manifests.check_text(text)
    assert code == 0, said
    built = Built(overlay.parent)
    pod, fog = built.template("alerts")["spec"], built.template("fog")["spec"]
    assert pod["securityContext"] == fog["securityContext"]
    assert pod["containers"][0]["securityContext"] == fog["containers"][0]["securityContext"]
    mounts = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    assert sorted(mounts) == sorted(volume["name"] for volume in pod["volumes"])
    assert ("tls" in mounts) == ("tls" in more)
    assert ("prometheus.io/scrape" in built.template("alerts")["metadata"].get("annotations", {})) == ("monitoring" in more)
    assert built.passes("alerts", "egress", "kafka", 9092) and not built.passes("alerts", "egress", "live", 8080)
    if "strimzi" in more:
        peers = built.kind("Kafka")["fog"]["spec"]["kafka"]["listeners"][0]["networkPolicyPeers"]
        assert any(selects(peer["podSelector"], built.labels("alerts")) for peer in peers)
    else:
        assert built.passes("kafka", "ingress", "alerts", 9092)
    assert {443, 8883} <= {one["port"] for rule in built.rules("alerts", "egress") if "to" not in rule for one in rule["ports"]}
    rules = next(one["data"]["alerts.conf"] for name, one in built.kind("ConfigMap").items() if name.startswith("alerts-"))
    asked = set(re.findall(r"http://(\w+):8080/metrics", rules))
    assert asked == {"edge", "fog", "cloud"}
    for stage in asked:
        service = built.kind("Service")[stage]["spec"]
        assert service["clusterIP"] == "None" and service["publishNotReadyAddresses"]
        assert selects({"matchLabels": service["selector"]}, built.labels(stage))
        assert built.passes("alerts", "egress", stage, 8080) and built.passes(stage, "ingress", "alerts", 8080)
    secret = next(one["data"] for name, one in built.kind("Secret").items() if name.startswith("alerts-"))
    for name, value in secret.items():
        (tmp_path / name).write_bytes(base64.b64decode(value))
    (tmp_path / "rules.conf").write_text(rules.replace(mounts["secret"], str(tmp_path)))
    checked = subprocess.run([TOP / "pipelines/alerts", "--rules", tmp_path / "rules.conf", "--check"], capture_output=True, text=True,
                             timeout=120, check=False, env={**os.environ, **pipeline.environment(), "GST_DEBUG": ""})
    assert checked.returncode == 0, checked.stderr


def test_the_alerts_of_compose_have_the_rules_and_the_secret_of_the_component():
    """By default the service of the compose file mounts the component's rule file at the path in ALERTS_RULES, and the directory
    of its secrets at the path that this rule file names."""
    service = yaml.safe_load((TOP / "pipelines/compose.yaml").read_text())["services"]["alerts"]
    settings = dict(line.split("=", 1) for line in (TOP / "pipelines/.env").read_text().splitlines() if re.match("[A-Z_]+=", line))
    mounted = dict(reversed(volume.split(":")[:2]) for volume in service["volumes"])
    rules = settings[mounted[service["environment"]["ALERTS_RULES"]].strip("${}")]
    text = (TOP / "pipelines" / rules).read_text()
    files = re.findall(r"^(?:webhook|secret)-file=(.*)/", text, re.MULTILINE)
    assert files and all(mounted[directory] == "${ALERTS_SECRETS}" for directory in files)
    assert service["profiles"] == ["alerts"] and settings["ALERTS_SECRETS"] and settings["ALERTS_PORT"]


def test_retention_has_the_same_settings_in_kubernetes_and_compose():
    kept = {name: topic["retention.ms"] for name, topic in topics_of_the_job(
        KEEP_FRAMES="10", KEEP_REPORTS="20", KEEP_EVENTS="30").items()}
    assert kept == {"camera": "10000", "feedback": "20000", "database": "30000"}
    set_there = dict(re.findall(r"(KEEP_\w+)=(\d+)", (TOP / "k8s/base/kustomization.yaml").read_text()))
    assert set_there == dict(re.findall(r"^(KEEP_\w+)=(\d+)", (TOP / "pipelines/.env").read_text(), re.MULTILINE))
    assert topics_of_the_job(**set_there) == topics_of_the_job() and len(set_there) == 3


def test_a_setting_of_the_stages_does_not_change_the_job_of_the_topics(tmp_path):
    """A changed setting of the stages must not change the Job of the topics, because Kubernetes refuses to change a Job,
    and with it the whole overlay."""
    def built(*settings):
        site = tmp_path / "k8s/overlays/site"
        site.mkdir(exist_ok=True)
        (site / "kustomization.yaml").write_text(yaml.safe_dump({"resources": ["../demo"], "configMapGenerator": [
            {"name": "stages", "namespace": "fog", "behavior": "merge", "literals": ["X=1", *settings]}]}))
        return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(manifests.built(site))}

    shutil.copytree(TOP / "k8s", tmp_path / "k8s")
    before, after = built(), built("FACES_OPTIONS=min-faces=0")
    assert before["Deployment", "fog"] != after["Deployment", "fog"]
    assert before["Job", "topics"] == after["Job", "topics"]


def test_all_topics_together_fit_into_the_volume_of_kafka():
    """The job and Strimzi create the same topics. The segments that all topics retain fit into Kafka's volume, although
    Kafka deletes only closed segments."""
    settings = topics_of_the_job()
    strimzi = re.findall(
        r"\n  name: (\w+)\n(?:.*\n)*?  config: \{(.*)\}", (TOP / "k8s/components/strimzi/topics.yaml").read_text())
    assert settings == {name: dict(re.findall(r"([a-z.]+): (\d+)", config)) for name, config in strimzi}
    most = 12 * sum(int(topic[name]) for topic in settings.values() for name in ("retention.bytes", "segment.bytes"))
    volume = int(re.search(r"storage: (\d+)Gi", (TOP / "k8s/base/kafka.yaml").read_text())[1]) << 30
    assert most < 0.8 * volume
    assert all(int(topic["segment.ms"]) <= int(topic["retention.ms"]) / 2 for topic in settings.values())


def test_images_have_the_same_versions_in_kubernetes_and_compose():
    settings = dict(
        line.split("=", 1) for line in (TOP / "pipelines/.env").read_text().splitlines() if re.match("[A-Z_]+=", line))
    used = set(re.findall(r"^ +image: (.*)$", manifests.built(TOP / "k8s/base"), re.MULTILINE))
    assert used == {settings[name] for name in ("STAGES_IMAGE", "KAFKA_IMAGE", "DATABASE_IMAGE")}


def test_the_label_of_the_image_is_the_version_of_the_project():
    version = re.search(r"^  version: '(.*)',", (TOP / "meson.build").read_text(), re.MULTILINE)[1]
    assert f"ARG VERSION={version}\n" in (TOP / "pipelines/Containerfile").read_text()


def test_the_stages_document_all_settings_in_the_manifests():
    told = "".join((TOP / "pipelines" / stage).read_text() for stage in ("edge", "fog", "cloud", "demand", "doctor"))
    for file in TOP.glob("k8s/**/kustomization.yaml"):
        for text in file.read_text().split("\n"):
            setting = re.match(r" +- ([A-Z_]+)=", text)
            assert not setting or f"  {setting[1]} " in told, setting[1]


def test_the_edge_can_reach_the_ip_cameras_of_the_overlay(tmp_path):
    """`pipelines/edge` accepts the overlay's file of cameras. The passwords are mounted where this file says, and the
    network policy lets the edge reach the cameras' addresses."""
    overlay, built = TOP / "k8s/overlays/ip-cameras", Built("overlays/ip-cameras")
    text = (overlay / "cameras.conf").read_text()
    pod = built.template("edge")["spec"]
    mounts = {mount["name"]: mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    settings = built.kind("ConfigMap")
    edge = next(one["data"] for name, one in settings.items() if name.startswith("edge"))
    assert edge["CAMERAS"] == f"{mounts['cameras']}/cameras.conf" and not edge["CAMERA"]
    assert built.kind("Deployment")["edge"]["spec"]["replicas"] == 1
    files = re.findall("^password-file=(.*)$", text, re.MULTILINE)
    assert files and {str(pathlib.Path(file).parent) for file in files} == {mounts["passwords"]}
    policy = built.kind("NetworkPolicy")["to-cameras"]["spec"]
    network = ipaddress.ip_network(policy["egress"][0]["to"][0]["ipBlock"]["cidr"])
    assert selects(policy["podSelector"], built.labels("edge")) and 554 in [port["port"] for port in policy["egress"][0]["ports"]]
    assert all(ipaddress.ip_address(host) in network for host in re.findall("^uri=rtsp://([^/:]+)/", text, re.MULTILINE))
    here = tmp_path / "cameras.conf"
    here.write_text(text.replace(mounts["passwords"], str(tmp_path)))
    for file in files:
        (tmp_path / pathlib.Path(file).name).write_text("secret")
    done = subprocess.run([TOP / "pipelines/edge", "--print"], env={**os.environ, "CAMERAS": str(here), "SPOOL": edge["SPOOL"]},
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and done.stdout.count("ipcamerasrc") == text.count("\nuri="), done.stderr
