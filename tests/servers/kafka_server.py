# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs Apache Kafka in KRaft mode, with one node or several, from its Maven artifacts."""

import base64
import json
import os
import pathlib
import shutil
import tempfile
import time
import uuid

import cache
import confluent_kafka
import confluent_kafka.admin
import kafka_requests
import network
import server

HERE = pathlib.Path(__file__).resolve().parent
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
VERSION = os.environ.get("KAFKA_VERSION")  # version of Kafka to use instead of the one in pom.xml, for example 3.9.1
IS_OLD = (VERSION or "4").startswith("3.")
CLASSES, BOOTSTRAP = "classes.jsa", "bootstrap.checkpoint"


def jars(version=VERSION):
    """Returns the jars of `version`; None stands for the version in pom.xml."""
    pom = HERE / "pom.xml"
    chosen = [f"-Dkafka.version={version}"] if version else []

    def download(directory):
        cache.checked(
            ["mvn", "-q", "-B", "-f", pom, COPY, "-DincludeScope=runtime", f"-DoutputDirectory={directory}", *chosen],
            "download of Kafka")

    return cache.cached("kafka", [pom, *chosen], download)


def _warm_from(version=VERSION):
    """Returns the inputs on which the files of warm() depend: the versions of Kafka and of Java."""
    program = pathlib.Path(shutil.which("java") or "java").resolve()
    built = program.stat().st_mtime_ns if program.exists() else ""
    return [HERE / "pom.xml", str(program), str(built), str(version)]


def _warm(version=VERSION):
    """Returns a directory with two things. One is an archive of Kafka's classes as Java has them in memory (CDS), with which a
    broker starts in little more than half the processor time. The other has the files that Kafka's own tool writes into the log
    directory of a new node."""
    return cache.place("kafka-warm", _warm_from(version))


def warm():
    """Makes the files that speed up later starts, by a first run of a broker and of a client."""

    def run(directory):
        with tempfile.TemporaryDirectory() as home:
            first = Kafka(home, first_run=directory / CLASSES)
            first.start()
            first.create_topic("warm", 1)
            producer = first.producer()
            producer.produce("warm", b"warm")
            producer.flush(30)
            first.stop(300)
            if not (directory / CLASSES).exists():
                raise cache.CacheError(f"Kafka's first run left no archive of its classes:\n{first.processes[0].said()[-2000:]}")
            shutil.copy(first.directory / "node-1/data" / BOOTSTRAP, directory)

    cache.cached("kafka-warm", _warm_from(), run)


def java(main, *arguments, log_level="info", first_run=None, version=VERSION):
    """`first_run` is the path of a class archive that is written at the end; the existing archive isn't used."""
    if first_run:
        share = [f"-XX:ArchiveClassesAtExit={first_run}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"]
    else:
        share = [f"-XX:SharedArchiveFile={_warm(version) / CLASSES}"] if _warm(version).exists() else []
    # Java uses the archive only with the same jars in the same order of the class path.
    path = ":".join(map(str, sorted(jars(version).glob("*.jar"))))
    return [
        "java", "-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *share,
        "-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
        f"-Dorg.slf4j.simpleLogger.defaultLogLevel={log_level}",
        "-cp", path, main, *map(str, arguments)]


def tool(main, *arguments, version=VERSION):
    """Runs one of Kafka's own commands and returns its output."""
    return cache.checked(java(main, *arguments, log_level="error", version=version), main.rsplit(".", 1)[-1])


def _new_id():
    """Returns a random cluster id. The id doesn't begin with "-", because Kafka's tools would take it for an option."""
    return base64.urlsafe_b64encode(b"K" + uuid.uuid4().bytes[1:]).decode().rstrip("=")


class Kafka(server.Running):
    """`directory` keeps ports and data: a server started again on it has the same data and ports."""

    def __init__(
            self, directory, nodes=1, partitions=10, port=None, address="127.0.0.1", properties=(), listeners=None,
            scram=(), hosts=None, advertised=None, first_run=None, version=VERSION):
        """`listeners`: {"tls": "SSL"} and the like, beside the plain one; `scram`: as StorageTool takes them;
        `hosts`: one for each node, instead of `nodes` and `address`; `advertised`: {"tls": "HOST:PORT"}, where clients
        reach a listener of a single node, if not at its own address; `first_run`: as `java` has it;
        `version`: of Kafka, if not that of the tests."""
        self.directory = pathlib.Path(directory).resolve()
        self.partitions, self.scram = partitions, list(scram)
        self._fixed_port, self._first_run, self._version = port, first_run, version
        self.properties, self.listeners = list(properties), dict(listeners or {})
        self.advertised = dict(advertised or {})
        self.directory.mkdir(parents=True, exist_ok=True)
        self._state = self.directory / "cluster.json"
        self._kept = self._state.exists()
        if self._kept:
            state = json.loads(self._state.read_text())
            self.cluster_id, self.ports = state["cluster-id"], state["ports"]
            nodes = len(self.ports)
        self.hosts = hosts or [network.Loopback(address)] * nodes
        if not self._kept:
            self.cluster_id = _new_id()
            self._choose_ports()
        self.processes = [self._process(node) for node in self.nodes()]

    def nodes(self):
        return range(1, len(self.ports) + 1)

    def _choose_ports(self):
        self.ports = [
            {name: server.free_port(host) for name in ["plain", "controller", *self.listeners]}
            for host in self.hosts]
        if self._fixed_port:
            self.ports[0]["plain"] = self._fixed_port

    def _process(self, node):
        home = self.directory / f"node-{node}"
        home.mkdir(exist_ok=True)
        return server.Process(
            f"Kafka node {node}", java("kafka.Kafka", home / "server.properties", first_run=self._first_run, version=self._version), home / "log",
            "Kafka Server started", self.hosts[node - 1])

    def servers(self, listener="plain"):
        """Returns the bootstrap servers of a listener."""
        return ",".join(f"{host.address}:{ports[listener]}" for host, ports in zip(self.hosts, self.ports))

    @property
    def bootstrap(self):
        return self.servers()

    @property
    def first_address(self):
        """Returns (host, port) of the first node, for kafka_requests."""
        return self.hosts[0].address, self.ports[0]["plain"]

    def addresses(self):
        names = {"bootstrap": "plain", **{name: name for name in self.listeners}}
        return {name: self.servers(listener) for name, listener in names.items()}

    def start(self):
        """Starts all nodes. If a port is taken, chooses other ports, unless existing data or the caller requires this port."""
        server.start_on_free_ports(self._start_once, self._other_ports)
        self._kept = True

    def _other_ports(self):
        if self._kept or self._fixed_port:
            return False
        self._choose_ports()
        return True

    def _start_once(self):
        for node in self.nodes():
            self._write_properties(node)
            if not (self.directory / f"node-{node}" / "data").exists():
                self._format(node)
        self._state.write_text(json.dumps({"cluster-id": self.cluster_id, "ports": self.ports}))
        try:
            for process in self.processes:
                process.launch()
            for process in self.processes:
                process.wait_ready()
        except server.StartError:
            self.stop(0)
            raise

    def start_node(self, node):
        """Starts one node of a formatted cluster on its old ports, and waits until it serves."""
        self._write_properties(node)
        self.processes[node - 1].launch()
        self.processes[node - 1].wait_ready()

    def stop(self, timeout=10):
        for process in self.processes:
            process.signal(15 if timeout else 9)
        for process in self.processes:
            process.stop(timeout) if timeout else process.kill()

    def producer(self, **more):
        """Returns an idempotent producer, because a retry of any other may put messages to a new topic out of order."""
        return confluent_kafka.Producer(
            {"bootstrap.servers": self.bootstrap, "enable.idempotence": True,
             **{name.replace("_", "."): value for name, value in more.items()}})

    def create_topic(self, name, partitions=None, replication=None, config=()):
        topic = confluent_kafka.admin.NewTopic(
            name, partitions or self.partitions, replication or min(3, len(self.ports)),
            config=dict(entry.split("=", 1) for entry in config))
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": self.bootstrap})
        try:
            admin.create_topics([topic])[name].result(60)
        except confluent_kafka.KafkaException as error:
            raise server.StartError(f"topic {name} could not be made: {error.args[0].str()}") from None
        self._wait_for_leaders(admin, topic)

    def delete_topic(self, name):
        admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": self.bootstrap})
        admin.delete_topics([name])[name].result(60)

    def delete_records(self, topic, before):
        """Deletes messages as retention does, but at once. `before` is {partition: the first offset to keep}. Only for
        a single node."""
        kafka_requests.delete_records(self.first_address, topic, before)

    @staticmethod
    def _wait_for_leaders(admin, topic):
        """Waits until all partitions of a new topic have leaders, because an early query may return a topic without
        partitions."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            partitions = admin.list_topics(topic.topic, 30).topics[topic.topic].partitions
            if len(partitions) == topic.num_partitions and all(one.leader >= 0 for one in partitions.values()):
                return
            time.sleep(0.05)
        raise server.StartError(f"the partitions of topic {topic.topic} have no leaders after 60 s")

    def _format(self, node):
        """Formats a node's log directory. Kafka's tool takes half as long as a start, so the files that it wrote once are
        copied, unless this node needs others."""
        if _warm(self._version).exists() and not self.scram and not any(line.startswith("log.dirs") for line in self.properties):
            self._copy_format(self.directory / f"node-{node}" / "data", node)
        else:
            self._run_format(node)

    def _copy_format(self, data, node):
        data.mkdir()
        shutil.copy(_warm(self._version) / BOOTSTRAP, data)
        names = {"version": 1, "cluster.id": self.cluster_id, "node.id": node, "directory.id": _new_id()}
        (data / "meta.properties").write_text("".join(f"{name}={value}\n" for name, value in names.items()))

    def _run_format(self, node):
        extra = [argument for entry in self.scram for argument in ("--add-scram", entry)]
        tool(
            "kafka.tools.StorageTool", "format", "-t", self.cluster_id, "-c",
            self.directory / f"node-{node}" / "server.properties", *extra, version=self._version)

    def _write_properties(self, node):
        address, ports = self.hosts[node - 1].address, self.ports[node - 1]
        clients = {"plain": "PLAINTEXT", **self.listeners}  # Kafka requires upper-case names of listeners
        own = {name: f"{address}:{ports[name]}" for name in clients}
        offered = [f"{name.upper()}://{where}" for name, where in own.items()]
        advertised = [f"{name.upper()}://{where}" for name, where in {**own, **self.advertised}.items()]
        voters = [f"{n}@{self.hosts[n - 1].address}:{self.ports[n - 1]['controller']}" for n in self.nodes()]
        copies = min(3, len(self.ports))
        lines = {
            "node.id": node,
            "process.roles": "broker,controller",
            "log.dirs": self.directory / f"node-{node}" / "data",
            "controller.quorum.voters": ",".join(voters),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAIN",
            "listeners": ",".join([*offered, f"CONTROLLER://{address}:{ports['controller']}"]),
            "advertised.listeners": ",".join(advertised),
            "listener.security.protocol.map": ",".join(
                f"{name.upper()}:{protocol}" for name, protocol in {**clients, "controller": "PLAINTEXT"}.items()),
            "num.partitions": self.partitions,
            "default.replication.factor": copies,
            "offsets.topic.num.partitions": 5,
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.num.partitions": 5,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": 1,
            # messages may be as large as a raw full HD frame; the kernel sizes socket buffers,
            # because links may have a long round trip
            "message.max.bytes": 32 << 20,
            "replica.fetch.max.bytes": 32 << 20,
            "socket.send.buffer.bytes": -1,
            "socket.receive.buffer.bytes": -1,
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            # the session is short, because a killed broker can register again only when its old
            # session has expired
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
            "num.network.threads": 2,
            "num.io.threads": 4,
        }
        # the caller's own lines come last, because later lines override earlier ones
        text = "".join(f"{name}={value}\n" for name, value in lines.items())
        text += "".join(f"{line}\n" for line in self.properties)
        (self.directory / f"node-{node}" / "server.properties").write_text(text)
