# SPDX-License-Identifier: LGPL-2.1-or-later
"""Queries a stage's health over HTTP: an idle stage and a stage that waits for a server don't count as stalled; a stage
with a stuck buffer does."""

import re
import signal
import socket
import time
import urllib.error
import urllib.request

import kafka_server
import network
import pipeline
import pytest
import server
from system import System

FOUND_WITHIN = 15


class Health:
    """A pipeline with the health tracer, which the tests query by HTTP."""

    def __init__(self, launch, line, settings=""):
        self.port = server.free_port(network.Loopback())
        self.pipeline = launch(line, GST_TRACERS=f"health(port={self.port}{settings})")

    def ask(self, path, timeout=2):
        """Returns (status, text); (0, "") if no server answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{path}", timeout=timeout) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except (OSError, socket.timeout):
            return 0, ""

    def wait(self, path, code, text="", timeout=30):
        def found():
            answer = self.ask(path)
            return answer[0] == code and text in answer[1]

        began = time.monotonic()
        pipeline.wait_until(found, timeout, f"{path} {code} {text}")
        return time.monotonic() - began


def fog(kafka, topic):
    return (
        f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={topic} group-id={topic} auto-offset-reset=earliest ! "
        "jpegdec ! haarfacecount name=faces ! fakesink")


def test_a_fog_without_frames_is_idle_and_then_reports_its_counts(kafka, launch, fresh):
    kafka.create_topic(fresh, 2)
    health = Health(launch, fog(kafka, fresh), ",stall=2")
    health.wait("readyz", 200)
    deadline = time.monotonic() + 5  # longer than twice the time after which a stage counts as stalled
    while time.monotonic() < deadline:
        assert health.ask("livez") == (200, "idle\n")
        time.sleep(0.2)
    launch(
        f"scenesrc num-buffers=5 is-live=false ! jpegenc ! kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh}"
    ).wait(120)
    pipeline.wait_until(
        lambda: re.search(r'^gstfog_counted_frames_total\{element="faces",.*\} 5$', health.ask("metrics")[1], re.MULTILINE))
    assert re.search(r'^gstfog_messages_read_total\{element="kafkasrc0",topic="[^"]+"\} 5$', health.ask("metrics")[1], re.MULTILINE)
    assert re.search(
        r'^gstfog_messages_waiting\{element="kafkasrc0",topic="[^"]+",partition="0"\} 0$', health.ask("metrics")[1], re.MULTILINE)
    health.pipeline.interrupt()


def test_a_stage_with_a_stuck_element_counts_as_stalled(launch):
    health = Health(
        launch, "videotestsrc is-live=true ! queue ! identity name=stuck sleep-time=60000000 ! "
        "fakesink sync=false async=false")
    health.wait("readyz", 200)
    assert health.wait("livez", 503, "stalled: stuck", FOUND_WITHIN) < FOUND_WITHIN
    assert re.search(r"^gstfog_stage_stalled_seconds [1-9]", health.ask("metrics")[1], re.MULTILINE)


def test_a_stopped_process_does_not_answer(launch):
    health = Health(launch, "videotestsrc is-live=true ! fakesink")
    health.wait("readyz", 200)
    health.pipeline.signal(signal.SIGSTOP)
    assert health.ask("livez", 1) == (0, "")
    health.pipeline.signal(signal.SIGCONT)
    health.wait("livez", 200)
    health.pipeline.interrupt()


def test_a_stage_that_waits_for_its_broker_is_alive_but_not_ready(tmp_path, launch, fresh):
    kafka = kafka_server.Kafka(tmp_path / "kafka")
    kafka.start()
    kafka.create_topic(fresh, 1)
    health = Health(
        launch, f"videotestsrc is-live=true ! jpegenc ! kafkasink bootstrap-servers={kafka.bootstrap} topic={fresh} "
        "max-queued-buffers=5", ",stall=2")
    health.wait("readyz", 200)
    kafka.processes[0].freeze()
    health.wait("readyz", 503, "waiting: kafkasink0")
    assert health.ask("livez")[0] == 200
    kafka.processes[0].thaw()
    health.wait("readyz", 200)
    kafka.stop(0)


def test_a_stage_runs_with_a_warning_if_its_health_port_is_in_use(launch):
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        said = launch(
            "videotestsrc num-buffers=5 ! fakesink", GST_TRACERS=f"health(port={taken.getsockname()[1]})", GST_DEBUG="0")
        assert said.wait(120) == 0
    assert "isn't available" in said.output()


@pytest.mark.parametrize("settings, complaint", [
    (",stall=soon", "stall isn't a number"), (",(", "can't read the settings"), (",port=70000", "port isn't a number")])
def test_wrong_settings_of_the_health_tracer_are_reported(launch, settings, complaint):
    port = server.free_port(network.Loopback())
    said = launch("videotestsrc num-buffers=5 ! fakesink", GST_TRACERS=f"health(port={port}{settings})", GST_DEBUG="0")
    assert said.wait(120) == 0
    assert complaint in said.output()


def test_a_stage_that_only_reads_reports_has_metrics_of_demand_and_needed_replicas(kafka, mongo, launch, fresh):
    system = System(kafka, mongo, fresh)
    launch(system.live_edge("max-rate=5"))
    launch(system.fog("replica"))
    health = Health(
        launch, "appsrc ! feedbackrate name=rate camera=demand max-rate=0.001 min-rate=0.001 ! fakesink async=false "
        f"kafkasrc bootstrap-servers={kafka.bootstrap} topic={system.topics['feedback']} ! rate.feedback")
    wanted = re.compile(r'^gstfog_demand\{element="rate",camera="demand"\} (\S+)$', re.MULTILINE)

    def demand():
        told = wanted.search(health.ask("metrics")[1])
        return told and float(told[1]) > 0

    pipeline.wait_until(demand, 60)
    assert re.search(r'^gstfog_needed_replicas\{element="rate",camera="demand"\} [0-9.]*[1-9]', health.ask("metrics")[1], re.MULTILINE)
    assert 'gstfog_cameras{element="rate",camera="demand"} 2\n' in health.ask("metrics")[1]
