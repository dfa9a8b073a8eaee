# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs other programs that read this project's topics: Kafka Connect with MongoDB's connector, and a topology of Kafka
Streams."""

import pathlib

import cache
import kafka_server
import network
import server

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
TOPOLOGY = TOP / "pipelines" / "streams" / "FacesPerMinute.java"
CONNECTOR = TOP / "pipelines" / "connect" / "mongodb.properties"


def jars():
    """Returns the folder of the jars."""
    pom = HERE / "applications.xml"

    def download(directory):
        cache.checked(
            ["mvn", "-q", "-B", "-f", pom, kafka_server.COPY, "-DincludeScope=runtime", f"-DoutputDirectory={directory}"],
            "download of Kafka Connect and Kafka Streams")

    return cache.cached("kafka-applications", [pom], download)


def _java(path, main, *arguments):
    return ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", path, main, *arguments]


def topology():
    """Returns the folder of the compiled topology."""
    def compile_into(directory):
        cache.checked(
            _java(f"{jars()}/*", "org.eclipse.jdt.internal.compiler.batch.Main", "-17", "-nowarn", "-cp",
                  ":".join(map(str, sorted(jars().glob("*.jar")))), "-d", directory, TOPOLOGY), "compilation of the topology")

    return cache.cached("faces-per-minute", [TOPOLOGY, HERE / "applications.xml"], compile_into)


class _Application(server.Running):
    def __init__(self, name, command, log, ready):
        self.process = server.Process(name, command, log, ready, network.Loopback())

    def start(self):
        self.process.launch()
        self.process.wait_ready()

    def stop(self, timeout=10):
        self.process.stop(timeout) if timeout else self.process.kill()


def connect(kafka, directory, **settings):
    """Returns a worker of Kafka Connect with the connector, whose settings `settings` replace, with "_" for "."."""
    lines = dict(line.split("=", 1) for line in CONNECTOR.read_text(encoding="utf-8").splitlines() if "=" in line and line[0] != "#")
    lines |= {name.replace("_", "."): value for name, value in settings.items()}
    worker = {
        "bootstrap.servers": kafka.bootstrap, "offset.storage.file.filename": directory / "offsets", "plugin.discovery": "service_load",
        "key.converter": lines["key.converter"], "value.converter": lines["value.converter"],
        "listeners": f"http://127.0.0.1:{server.free_port(network.Loopback())}"}
    for name, properties in (("worker", worker), ("connector", lines)):
        (directory / f"{name}.properties").write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
    return _Application(
        "Kafka Connect", _java(f"{jars()}/*", "org.apache.kafka.connect.cli.ConnectStandalone", directory / "worker.properties",
                               directory / "connector.properties"), directory / "connect.log", "Created connector")


def faces_per_minute(kafka, directory, source, sink):
    return _Application(
        "faces per minute", _java(f"{topology()}:{jars()}/*", "FacesPerMinute", kafka.bootstrap, source, sink),
        directory / "streams.log", "counting the faces")
