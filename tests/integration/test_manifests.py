# SPDX-License-Identifier: LGPL-2.1-or-later
"""The check of the manifests finds mistakes that are made on purpose; and tests of facts that the check can't see."""

import pathlib
import re
import shutil
import sys

import pytest

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
def test_mistakes_in_objects_of_others_are_found(overlay, right, wrong):
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
@pytest.mark.parametrize("components", ["keda", "strimzi", "tls", "keda, ../../components/tls", "monitoring, ../../components/tls"])
def test_an_overlay_of_ones_own_is_right(tmp_path, cameras, components):
    """An overlay as in the README, with any number of cameras and components: all stages use its image."""
    text = re.search("```yaml\n(.*?)```", (TOP / "k8s/README.md").read_text(), re.DOTALL)[1]
    assert "resources: [../camera]" in text and "components/tls]" in text
    shutil.copytree(TOP / "k8s", tmp_path / "k8s")
    site = tmp_path / "k8s/overlays/site"
    site.mkdir()
    (site / "kustomization.yaml").write_text(text.replace("../camera", f"../{cameras}").replace("components/tls]", f"components/{components}]"))
    built = manifests.built(site)
    said, code = manifests.check_text(built)
    assert code == 0, said
    assert built.count("image: registry.example.org/gst-fog/stages:0.1.0") == 4 and "image: localhost" not in built
    assert set(re.findall("^  namespace: (.*)$", built, re.MULTILINE)) <= {"fog", "kube-system"}


def test_monitoring_without_the_operator(tmp_path):
    """As the README says: its two objects go, the rest stays."""
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


def test_topics_fit_their_volume():
    """The job and Strimzi create the same topics. Old data is in closed segments, and what is kept fits into the
    volume."""
    settings = {
        name: dict(re.findall(r"(\S+)=(\d+)", rest))
        for name, rest in re.findall(r"^topic (\w+) (.*)$", (TOP / "k8s/base/topics.sh").read_text(), re.MULTILINE)}
    strimzi = re.findall(
        r"\n  name: (\w+)\n(?:.*\n)*?  config: \{(.*)\}", (TOP / "k8s/components/strimzi/topics.yaml").read_text())
    assert settings == {name: dict(re.findall(r"([a-z.]+): (\d+)", config)) for name, config in strimzi}
    most = 12 * sum(int(topic[name]) for topic in settings.values() for name in ("retention.bytes", "segment.bytes"))
    volume = int(re.search(r"storage: (\d+)Gi", (TOP / "k8s/base/kafka.yaml").read_text())[1]) << 30
    assert most < 0.8 * volume
    assert all(int(topic["segment.ms"]) <= int(topic["retention.ms"]) / 2 for topic in settings.values())


def test_images_are_those_of_compose():
    settings = dict(
        line.split("=", 1) for line in (TOP / "pipelines/.env").read_text().splitlines() if re.match("[A-Z_]+=", line))
    used = set(re.findall(r"^ +image: (.*)$", manifests.built(TOP / "k8s/base"), re.MULTILINE))
    assert used == {settings[name] for name in ("STAGES_IMAGE", "KAFKA_IMAGE", "DATABASE_IMAGE")}


def test_the_image_says_the_version_of_the_project():
    version = re.search(r"^  version: '(.*)',", (TOP / "meson.build").read_text(), re.MULTILINE)[1]
    assert f"ARG VERSION={version}\n" in (TOP / "pipelines/Containerfile").read_text()


def test_settings_of_the_stages_are_known_to_them():
    told = "".join((TOP / "pipelines" / stage).read_text() for stage in ("edge", "fog", "cloud", "demand"))
    for file in TOP.glob("k8s/**/kustomization.yaml"):
        for text in file.read_text().split("\n"):
            setting = re.match(r" +- ([A-Z_]+)=", text)
            assert not setting or f"  {setting[1]} " in told, setting[1]
