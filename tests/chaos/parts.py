# SPDX-License-Identifier: LGPL-2.1-or-later
"""The whole system, each part a process on its own host: cameras, fog, cloud, brokers, database."""

import signal

import kafka_server
import mongo_server
import pipeline
from system import System

# The keys of these cameras are in different halves of ten partitions, so that both cloud replicas
# have work.
CAMERAS = ["cam-3", "cam-5"]
FOGS, CLOUDS, BROKERS = 3, 2, 3
# The camera sends its smallest frames, because then two cores have time for everything else at
# sixty frames a second.
SOURCE = "scenesrc seed={seed} ! video/x-raw,width=320,height=240,framerate={rate}/1"
IN_ORDER = "enable-idempotence=true"
# On a busy machine a live broker may be silent for longer than the short limits of the tests, or
# Kafka's own, allow. With short limits, the cluster would spend its time electing leaders.
PATIENT = [
    "broker.session.timeout.ms=9000", "controller.quorum.fetch.timeout.ms=6000",
    "controller.quorum.election.timeout.ms=3000"]
LOG = "2,kafkasrc:4,rdkafka:4"  # debug levels that log each rebalance and each newly chosen offset
EDGE_LOG = f"{LOG},kafkasink:6"  # logs each delivery, too


class Stage:
    """A pipeline. A stage, each start of which is a new process with its own log; `line` returns the pipeline for a start,
    given the number of the start."""

    gentle = signal.SIGINT

    def __init__(self, name, host, directory, line, debug=LOG):
        self.name, self.host, self.directory, self.line, self.debug = name, host, directory, line, debug
        self.logs, self.process = [], None

    def launch(self):
        number = len(self.logs) + 1
        self.logs.append(self.directory / f"{self.name}.{number}.log")
        self.process = pipeline.Pipeline(self.line(number), self.logs[-1], host=self.host, GST_DEBUG=self.debug)

    def ready(self):
        return self.process.running()

    def last_words(self):
        lines = self.process.output().strip().splitlines()
        return [line for line in lines if line.startswith("ERROR")] or lines[-3:]


class Server:
    """A broker or the database, which keeps its data and port over all starts."""

    gentle = signal.SIGTERM

    def __init__(self, name, process):
        self.name, self.process, self.host = name, process, process.host
        self._ready = None

    def launch(self):
        self.process.launch()

    def ready(self):
        """Returns whether the part has become ready since its last start."""
        if self._ready is not self.process.popen and self.process.ready in self.process.said():
            self._ready = self.process.popen
        return self.process.running() and self._ready is self.process.popen

    def last_words(self):
        return self.process.said().strip().splitlines()[-3:]


class Parts:
    """Starts the system in an empty directory. All processes of the system end when this process ends."""

    def __init__(self, directory, switch, seed, rate):
        self.kafka = kafka_server.Kafka(
            directory / "kafka", hosts=[switch.host() for _ in range(BROKERS)],
            properties=["min.insync.replicas=2", *PATIENT])
        self.mongo = mongo_server.Mongo(directory / "mongo", host=switch.host())
        self.directory, self._switch, self._seed, self._rate = directory, switch, seed, rate
        self.brokers = [Server(f"broker-{node}", self.kafka.processes[node - 1]) for node in self.kafka.nodes()]
        self.database = Server("database", self.mongo.process)
        self.edges = self.fogs = self.clouds = ()
        self.system = None

    def all(self):
        return [*self.edges, *self.fogs, *self.clouds, *self.brokers, self.database]

    def start(self):
        pipeline.make_registry()
        self.kafka.start()
        self.mongo.start()
        self.system = System(self.kafka, self.mongo, "chaos")
        self.fogs = [self._stage(f"fog-{i}", self._fog(f"fog-{i}")) for i in range(1, FOGS + 1)]
        self.clouds = [self._stage(f"cloud-{i}", lambda _: self.system.cloud()) for i in range(1, CLOUDS + 1)]
        self.edges = [
            self._stage(camera, self._edge(camera, self._seed * len(CAMERAS) + i), EDGE_LOG)
            for i, camera in enumerate(CAMERAS)]
        for stage in [*self.clouds, *self.fogs, *self.edges]:
            stage.launch()

    def _stage(self, name, line, debug=LOG):
        return Stage(name, self._switch.host(), self.directory, line, debug)

    def _fog(self, name):
        """Returns the name of a fog process, because events are in order only within one process."""
        return lambda number: self.system.fog(f"{name}.{number}", sink_options=IN_ORDER)

    def _edge(self, camera, seed):
        return lambda number: self.system.live_edge(
            f"algorithm=fixed initial-rate={self._rate}", camera, SOURCE.format(seed=1000 * seed + number, rate=self._rate), IN_ORDER)

    def stop(self):
        for part in self.all():
            if part.process is not None:
                part.process.kill()
