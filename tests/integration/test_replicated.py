# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests the manifests for three brokers and a replica set: the names in them agree, and the scripts in the pods decide
rightly. tests/cluster runs the brokers; no server that can form a replica set of MongoDB is available to tests."""

import base64
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
import test_manifests
import yaml
from test_manifests import Built

TOP = pathlib.Path(__file__).resolve().parents[2]
BROKERS, SET = TOP / "k8s/components/three-brokers", TOP / "k8s/components/replica-set"


@pytest.fixture(scope="module")
def production():
    return Built("overlays/production")


def data_of(built, name):
    """Returns the contents of a ConfigMap, whose name ends with a hash."""
    return next(one["data"] for full, one in built.kind("ConfigMap").items() if re.fullmatch(rf"{name}-\w+", full))


def test_the_names_of_brokers_agree(production):
    """The quorum's voters, the address that a broker advertises, and the stages' bootstrap servers name the same pods."""
    kafka, service = production.kind("StatefulSet")["kafka"]["spec"], production.kind("Service")["kafka-brokers"]["spec"]
    names = [f"kafka-{number}.{kafka['serviceName']}" for number in range(kafka["replicas"])]
    settings = (BROKERS / "kafka.replicated.properties").read_text()
    assert f"voters={','.join(f'{number}@{name}:9093' for number, name in enumerate(names))}\n" in settings
    assert data_of(production, "stages")["FOG_KAFKA"] == ",".join(f"{name}:9092" for name in names)
    environment = {one["name"]: one for one in kafka["template"]["spec"]["containers"][0]["env"]}
    assert environment["ADVERTISED"]["value"] == "$(NAME).kafka-brokers.fog.svc:9092"
    order = list(environment)
    # Kubernetes replaces $(NAME) only if the variable NAME stands before it
    assert order.index("NAME") < order.index("ADVERTISED")
    assert service["clusterIP"] == "None" and service["publishNotReadyAddresses"]


def test_the_names_of_the_replica_sets_members_agree(production):
    database, service = production.kind("StatefulSet")["database"]["spec"], production.kind("Service")["database-members"]["spec"]
    assert "[0, 1, 2].map((number) => `database-${number}.database-members.fog.svc:27017`)" in (SET / "set.js").read_text()
    assert (database["replicas"], database["serviceName"]) == (3, "database-members")
    assert service["clusterIP"] == "None" and service["publishNotReadyAddresses"]


@pytest.mark.parametrize("components", ["production, tls", "tls, production"])
def test_the_components_tls_and_production_combine_in_either_order(tmp_path, components):
    """Kubernetes replaces $(NAME) only if the variable NAME stands before it, but a patch of kustomize moves the variables
    that it changes to the front."""
    shutil.copytree(TOP / "k8s", tmp_path / "k8s")
    site = tmp_path / "k8s/overlays/site"
    site.mkdir()
    (site / "kustomization.yaml").write_text(
        f"kind: Kustomization\nresources: [../demo]\ncomponents: [{', '.join(f'../../components/{name}' for name in components.split(', '))}]\n")
    built = Built(site)
    environment = {one["name"]: one.get("value") for one in built.template("kafka")["spec"]["containers"][0]["env"]}
    order = list(environment)
    assert order.index("NAME") < order.index("ADVERTISED") and environment["KAFKA_ADMIN_CONFIG"] == "/etc/fog/admin.properties"
    members = {one["name"] for one in built.template("database")["spec"]["containers"][0]["env"]}
    assert members == {"MEMBER", "TLS_OPTIONS"}
    # kafka.sh joins the files of settings in the order of their names, and if a setting is in two
    # files, the later file's value counts
    files = sorted(name for name in data_of(built, "kafka") if name.endswith(".properties") and name.startswith("kafka"))
    settings = dict(line.split("=", 1) for name in files for line in data_of(built, "kafka")[name].splitlines() if "=" in line and line[0] != "#")
    assert settings["listeners"] == "SSL://:9092,CONTROLLER://:9093" and "PLAINTEXT" not in settings["listener.security.protocol.map"]
    assert settings["min.insync.replicas"] == "2"


def test_certificates_contain_all_names_of_the_servers(production):
    said = subprocess.run([TOP / "k8s/components/tls/certificates"], capture_output=True, text=True, check=True, timeout=120).stdout
    secrets = {one["metadata"]["name"]: one["data"] for one in yaml.safe_load_all(said)}
    for name in ("kafka", "database"):
        shown = subprocess.run(["openssl", "x509", "-noout", "-ext", "subjectAltName"], input=base64.b64decode(secrets[f"{name}-tls"][f"{name}.pem"]),
                               capture_output=True, check=True, timeout=120).stdout.decode()
        service = production.kind("StatefulSet")[name]["spec"]["serviceName"]
        names = {"localhost", name, *(f"{name}-{number}.{service}{rest}" for number in range(3) for rest in ("", ".fog.svc", ".fog.svc.cluster.local"))}
        assert names <= set(re.findall(r"DNS:([^\s,]+)", shown))


def test_servers_reach_each_other_and_nobody_else_reaches_their_ports(production):
    for name, port in (("kafka", 9092), ("kafka", 9093), ("database", 27017)):
        assert production.passes(name, "ingress", name, port) and production.passes(name, "egress", name, port)
    assert not any(production.passes("kafka", "ingress", name, 9093) for name in test_manifests.OURS)


def test_brokers_and_databases_are_each_on_another_node(production):
    for name in ("kafka", "database"):
        rule = production.template(name)["spec"]["affinity"]["podAntiAffinity"]
        [term] = rule["requiredDuringSchedulingIgnoredDuringExecution"]
        assert rule.keys() == {"requiredDuringSchedulingIgnoredDuringExecution"} and term["topologyKey"] == "kubernetes.io/hostname"
        assert test_manifests.selects(term["labelSelector"], production.labels(name))


def line(partition, replicas, isr):
    return f"\tTopic: camera\tPartition: {partition}\tLeader: 1\tReplicas: {replicas}\tIsr: {isr}\tElr: \tLastKnownElr: \n"


TITLE = "Topic: camera\tTopicId: 5Vfa\tPartitionCount: 2\tReplicationFactor: 3\tConfigs: min.insync.replicas=2\n"


@pytest.mark.parametrize("node, said, in_sync", [
    ("1", "", True), # no topic yet
    ("1", TITLE + line(0, "1,2,0", "2,0,1") + line(1, "0,1,2", "1"), True),
    ("0", TITLE + line(0, "1,2,0", "2,0,1") + line(1, "0,1,2", "1"), False),
    ("0", TITLE + line(0, "1,2,0", "1,2") + line(1, "0,1,2", "0,1,2"), False),
    ("1", TITLE + line(0, "10,11,12", "10,11,12") + line(1, "10,2,0", "10"), True), # 1 isn't 10
    ("0", TITLE + line(0, "1,2", "1"), True), # another broker is away
    ("0", TITLE + line(0, "0", ""), False),
    ("0", None, False), # no answer
])
def test_a_broker_is_ready_once_it_is_in_sync(tmp_path, node, said, in_sync):
    """Runs the script of the readiness probe with given output of kafka-topics.sh, and again without an answer of Kafka."""
    answer = tmp_path / "answer"
    tool = f"cat {answer}" if said is not None else "false"
    answer.write_text(said or "")
    (tmp_path / "kafka.properties").touch()
    script = (BROKERS / "in-sync.sh").read_text().replace("/tmp/", f"{tmp_path}/")
    shown = script.replace('/opt/kafka/bin/kafka-topics.sh --bootstrap-server "$ADVERTISED"', f"{tool} #", 1)
    assert shown != script

    def probe(text):
        # removes the rest of the tool's line, which has only the tool's arguments
        text = re.sub(r"# \$\{KAFKA_ADMIN_CONFIG.*--describe\)", ")", text)
        return subprocess.run(["sh", "-c", text], env={"PATH": os.environ["PATH"], "NODE_ID": node, "ADVERTISED": "kafka-0:9092"},
                              capture_output=True, timeout=30, check=False).returncode == 0

    os.utime(tmp_path / "kafka.properties", (1, 1))
    assert probe(shown) == in_sync and (tmp_path / "in-sync").exists() == in_sync
    answer.unlink()
    assert probe(shown) == in_sync # asks only once
    os.utime(tmp_path / "kafka.properties", (2e9, 2e9)) # the file is newer if the broker has started again
    assert not probe(shown)


# Runs set.js with functions that replace mongosh's, for one member of a replica set and given
# answers of the other members.
MONGOSH = """
const source = require("fs").readFileSync(process.argv[1], "utf8");
const run = new Function("db", "rs", "connect", "print", "quit", "require", "process", source);
const server = JSON.parse(process.argv[2]);
const done = { initiated: 0, users: 0, code: 0 };
const hello = () => ({ setName: server.set, isWritablePrimary: server.state === "primary", secondary: server.state === "secondary" });
const admin = { hello,
  auth: () => { if (!server.user) throw new Error("Authentication failed."); return { ok: 1 }; },
  createUser: ({ user, pwd }) => { if (user + pwd !== "fogsecret") throw new Error(user); done.users++; server.user = true; } };
const connect = () => { if (server.others === "away") throw new Error("timed out"); return { hello: () => ({ setName: server.others }) }; };
const initiate = ({ members }) => { done.initiated += members.length; Object.assign(server, { set: "fog", state: "secondary" }); };
const quit = (code) => { throw code; };
const files = { "/run/secrets/database/username": "fog\\n", "/run/secrets/database/password": "secret" };
try {
  run({ getSiblingDB: () => admin }, { initiate }, connect, () => {}, quit, () => ({ readFileSync: (path) => files[path] }), { env: { MEMBER: server.member } });
} catch (error) { done.code = typeof error === "number" ? error : error.message; }
console.log(JSON.stringify(done));
"""


@pytest.mark.parametrize("server, initiated, users, code", [
    ({"member": "0"}, 3, 0, 1), # the exit code makes Kubernetes run set.js again, until the member is in the set
    ({"member": "1"}, 0, 0, 1),
    ({"member": "0", "others": "fog"}, 0, 0, 1), # this member has lost its volume; a second set would hide the set of the others
    ({"member": "0", "others": "away"}, 0, 0, "database-1.database-members.fog.svc:27017 doesn't answer: timed out"),
    ({"member": "2", "set": "fog", "state": "primary"}, 0, 1, 0),
    ({"member": "0", "set": "fog", "state": "primary", "user": True}, 0, 0, 0),
    ({"member": "1", "set": "fog", "state": "secondary", "user": True}, 0, 0, 0),
    ({"member": "1", "set": "fog", "state": "secondary"}, 0, 0, 1), # only the primary creates the user
    ({"member": "1", "set": "fog", "state": "recovering", "user": True}, 0, 0, 1),
])
def test_the_replica_set_and_its_user_are_created_only_once(server, initiated, users, code):
    done = subprocess.run(["node", "-e", MONGOSH, SET / "set.js", json.dumps(server)], capture_output=True, text=True, timeout=120, check=True)
    assert json.loads(done.stdout) == {"initiated": initiated, "users": users, "code": code}
