# SPDX-License-Identifier: LGPL-2.1-or-later
"""The check of the manifests finds what is wrong with one, so its silence means something; what it can't see of them."""

import pathlib
import re
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
])
def test_mistakes_in_objects_of_others_are_found(overlay, right, wrong):
    text = manifests.built(TOP / f"k8s/overlays/{overlay}")
    assert manifests.check_text(text)[1] == 0 and right in text
    said, code = manifests.check_text(text.replace(right, wrong))
    assert code and wrong.split()[-1] in said


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
    for overlay in manifests.overlays():
        for text in (overlay / "kustomization.yaml").read_text().split("\n"):
            setting = re.match(r" +- ([A-Z_]+)=", text)
            assert not setting or f"  {setting[1]} " in told, setting[1]
