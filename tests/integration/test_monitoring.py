# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prometheus scrapes the whole system: every metric changes when it should, and every metric that alerts and dashboard query exists."""

import contextlib
import http.client
import json
import math
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import messages
import mongo_server
import pipeline
import prometheus_server
import pytest
import rtsp_server
import scraped
from pipeline import TOP, wait_until
from system import System

COMPONENT = TOP / "k8s/components/monitoring"
DASHBOARD = json.loads((COMPONENT / "dashboard.json").read_text())
ALERTS = COMPONENT / "alerts.yaml"
ALERTS_TEST = TOP / "tests/monitoring/alerts_test.yaml"
README = (TOP / "gst-plugins/health/README.md").read_text()
NAME = re.compile(r"\b(?:gstfog_[a-z0-9_]+|process_[a-z_]+|up\b)")
HOUR = 3600 * 10**9

# Metrics whose value doesn't change during this test, each with a check of its value.
CONSTANT = {
    "gstfog_build_info": lambda value: value == 1,
    "gstfog_stage_playing": lambda value: value == 1,
    "gstfog_workers": lambda value: value >= 1,
    "gstfog_rate_wanted": lambda value: value > 0,
    "process_max_fds": lambda value: value >= 256,
    "process_start_time_seconds": lambda value: abs(value - time.time()) < 600,
}
# Metrics that other tests check, because they need a special broker or picture: (metric, reason):
# (file of the test, text in the line that checks the metric).
ELSEWHERE = {
    ("gstfog_branch_running", ""): ("unit/camerabranch.c", "wait_until_running (branch, TRUE)"),
    ("gstfog_dropped_total", "branch-down"): ("unit/camerabranch.c", 'read_stat (branch, "dropped") == 0'),
    ("gstfog_client_rebuilds_total", ""): ("unit/kafkasink.c", 'stat_of ("rebuilds")'),
    ("gstfog_refused_batches_total", ""): ("unit/kafkasink.c", 'stat_of ("refused-batches")'),
    ("gstfog_waits_for_access", ""): ("integration/test_access.py", "gstfog_waits_for_access"),
    ("gstfog_camera_restarts_total", "frozen"): ("integration/test_cameras.py", '"gstfog_camera_restarts_total", "cam-1", "frozen") >= 1'),
    ("gstfog_camera_restarts_total", "refused"): ("integration/test_cameras.py", '"gstfog_camera_restarts_total", "cam-2", "refused") >= 1'),
    ("gstfog_dropped_total", "camera-too-fast"): ("unit/ipcamera.c", "camera_expect (&camera, 12, 8)"),
    ("gstfog_kafka_connected", ""): ("unit/kafkaoutage.c", "fail_if (is_connected (self))"),
    ("gstfog_held_back_messages", ""): ("integration/test_retention.py", 'reader.stat("held-back") == 6'),
    ("gstfog_throttle_seconds", ""): ("unit/kafkaclient.c", "gst_kafka_fault_get_throttle_time (fault), times[i] * GST_MSECOND"),
    ("gstfog_ignored_regions_total", "low-score"): ("unit/haarscore.c", 'get_stat (element, "low-scores"), 2'),
    ("gstfog_ignored_regions_total", "outside-zones"): ("unit/haarzones.c", 'get_stat (element, "outside-zones") > 0'),
    ("gstfog_ignored_regions_total", "other-label"): ("unit/haarregions.c", 'get_stat (element, "other-labels"), 1 + 2'),
    ("gstfog_rejected_total", "condemned"): ("integration/test_poison.py", "gstfog_rejected_total"),
    ("gstfog_rejected_total", "damaged"): ("integration/test_damaged.py", "gstfog_rejected_total"),
    ("gstfog_rejected_total", "failed-frame"): ("unit/haarmemory.c", 'get_stat (element, "failed-frames"), 1'),
    ("gstfog_rejected_total", "unblurred-frame"): ("unit/haarblur.c", 'get_stat (element, "unblurred-frames"), 1'),
}
# Camera names that Kafka may deliver; the last isn't valid UTF-8.
HOSTILE = ['"}\n{evil="1', "a\\\"b\\", "# HELP x\r\n", "n" * 10000, "n" * 9999 + "m", "\U0001f4f7 ä", "", b"\xff\xfe"]


def gray(width, height, changed=0):
    """Makes a frame of noise in which some bytes were changed."""
    frame = bytearray((x * 7919 >> 3) % 256 for x in range(width * height))
    frame[:changed] = bytes(changed)
    return bytes(frame)


def caps(width, height):
    return f"video/x-raw, format=(string)GRAY8, width=(int){width}, height=(int){height}, framerate=(fraction)5/1"


class Watched:
    """Runs the system and a stage with unusual buffers, each with metrics, and a Prometheus that scrapes them all."""

    def __init__(self, kafka, directory, name):
        self.kafka, self.directory, self.name = kafka, directory, name
        self.mongo = mongo_server.Mongo(directory / "mongo")
        self.system = System(kafka, self.mongo, name, 4)
        self.odd = {role: f"{name}-{role}" for role in ("wanted", "lost", "raw", "documents", "reports", "small", "out")}
        self.ports = {stage: scraped.port() for stage in ("edge", "fog-1", "fog-2", "cloud", "demand", "odd")}
        self.cameras = rtsp_server.Cameras()
        self.prometheus = prometheus_server.Prometheus(directory / "prometheus", self.ports, ALERTS)
        self.stages = {}
        self.producer = kafka.producer()

    def launch(self, stage, line):
        self.stages[stage] = pipeline.Pipeline(
            line, self.directory / f"{stage}.log", GST_TRACERS=f"health(port={self.ports[stage]},stall=1)")

    def scrape(self, stage):
        return scraped.scrape(self.ports[stage])

    def wait_ready(self, *stages):
        for stage in stages:
            wait_until(lambda: self._is_ready(stage), 60, f"{stage}: {self.stages[stage].output()[-2000:]}")

    def _is_ready(self, stage):
        assert self.stages[stage].running(), self.stages[stage].output()
        with contextlib.suppress(OSError):
            return "gstfog_stage_playing 1\n" in self.scrape(stage)
        return False

    def moved(self, selector):
        """Returns whether a metric is a counter that was above 0, or a gauge that has changed its value."""
        highest = f"max_over_time({selector}[10m])"
        lowest = "0" if re.search("_total|_bucket", selector) else f"min_over_time({selector}[10m])"
        return any(change > 0 for _, change in self.prometheus.query(f"{highest} - {lowest}"))

    def wait_moved(self, *selectors, timeout=30):
        for selector in selectors:
            wait_until(lambda: self.moved(selector), timeout, selector)

    def stop(self):
        for stage in self.stages.values():
            stage.kill()
        self.cameras.__exit__()
        self.prometheus.stop(0)
        self.mongo.stop(0)


def odd_line(watched):
    """Runs sources and sinks with each kind of buffer that is refused, skipped or dropped."""
    topics, where = watched.odd, f"bootstrap-servers={watched.kafka.bootstrap}"
    end = "fakesink async=false sync=false"
    return " ".join([
        f"kafkasrc name=wanted {where} topic={topics['wanted']} group-id={topics['wanted']} auto-offset-reset=earliest "
        f"camera=cam-1 max-age=60000000000 ! image/jpeg ! {end}",
        f"kafkasrc name=lost {where} topic={topics['lost']} start-offset=0 ! {end}",
        f"kafkasrc {where} topic={topics['raw']} auto-offset-reset=earliest ! haarfacecount name=odd-faces replica=odd workers=1 "
        f"rescan-interval=60000000000 max-age=60000000000 ! {end}",
        f"kafkasrc {where} topic={topics['documents']} auto-offset-reset=earliest ! "
        f"mongosink uri={watched.mongo.uri} database={watched.name} collection=odd expire-field=at expire-after=100000000",
        f"kafkasrc {where} topic={topics['reports']} auto-offset-reset=earliest ! listener.feedback "
        f"appsrc ! feedbackrate name=listener camera=listener ! {end}",
        f"videotestsrc is-live=true ! video/x-raw,format=GRAY8,width=200,height=200,framerate=20/1 ! "
        f"kafkasink name=shrinks {where} topic={topics['small']} linger=500000000",
        f"videotestsrc is-live=true ! video/x-raw,format=GRAY8,width=200,height=200,framerate=20/1 ! kafkasink max-queued-buffers=3 "
        f"{where} topic={topics['out']} spool={watched.directory / 'spool'} spool-bytes=1000000",
        f"fakesrc num-buffers=2 sizetype=fixed sizemax=2000000 ! kafkasink name=refuses {where} topic={topics['out']} on-error=skip",
        *(f"videotestsrc is-live=true ! video/x-raw,width=16,height=16,framerate=20/1 ! kafkasink {more} max-queued-buffers=3 "
          f"{where} topic={topics['out']}" for more in ("acks=none", "leaky=none", "leaky=upstream", "leaky=downstream")),
        # the stage is ready while one of its branches runs
        f"camerabranch.( name=fails fakesrc ! fakesink state-error=ready-to-paused ) camerabranch.( name=runs fakesrc is-live=true ! {end} )",
        f"videotestsrc is-live=true ! video/x-raw,width=16,height=16,framerate=20/1 ! feedbackrate camera=far initial-rate=20 ! "
        f"kafkasink max-queued-buffers=20 {where} topic={topics['out']}",
        f"videotestsrc is-live=true pattern=black ! video/x-raw,format=GRAY8,width=64,height=64,framerate=5/1 ! "
        f"feedbackrate camera=standing still-interval=60000000000 ! {end}",
        f"videotestsrc is-live=true ! video/x-raw,width=64,height=64,framerate=5/1 ! jpegenc ! "
        f"feedbackrate camera=encoded still-interval=60000000000 ! {end}",
        f"videotestsrc num-buffers=2 ! identity sleep-time=3000000 ! {end}",
    ])


def send_oddities(watched, picture):
    def send(role, value, **headers):
        topic = watched.odd.get(role) or watched.system.topics[role]
        watched.producer.produce(topic, value, partition=0, headers={
            name.replace("_", "-"): text if isinstance(text, bytes) else str(text) for name, text in headers.items()})

    now = time.time_ns()
    jpeg = {"gst_caps": "image/jpeg, width=(int)320, height=(int)240"}
    for headers in ({**jpeg, "camera": "cam-2"}, {**jpeg, "camera": "cam-1", "capture_time": now - HOUR},
                    {"camera": "cam-1", "gst_caps": "(nonsense"}, {"camera": "cam-1", "gst_caps": caps(16, 16)},
                    # twice, because a sink keeps its last sample, whose message stays pending
                    *[{**jpeg, "camera": "cam-1", "capture_time": now + HOUR}] * 2):
        send("wanted", picture, **headers)
    sized = {"gst_caps": caps(320, 240), "camera": "still"}
    for seq, value in enumerate([*[gray(320, 240)] * 4, gray(320, 240, 2000), b"short"]):
        send("raw", value, **sized, seq=seq, session="s")
    send("raw", gray(320, 240), **sized, capture_time=now - HOUR)
    send("raw", gray(320, 240), **sized, capture_time=now + HOUR)
    tiny = gray(16, 16)
    for number in range(10000):
        send("raw", tiny, gst_caps=caps(16, 16), camera=f"cam-{number}")
        watched.producer.poll(0)
    documents = {"gst_caps": "application/json"}
    for text in ('{"_id":1}', '{"_id":1}', "nonsense", '{"_id":2,"at":{"$date":"2026-11-25T00:44:00.123456Z"}}', '{"_id":{"$x":1}}'):
        send("documents", text, **documents)
    watched.producer.produce(watched.odd["documents"], None, key="1", partition=0)
    for number in range(4200):
        send("reports", json.dumps(report(f"fog-{number}", 1)), gst_caps="application/json, schema=fog-report")
        watched.producer.poll(0)
    send("feedback", b"\xff nonsense", gst_caps="application/json, schema=fog-report")
    for name in HOSTILE:
        send("camera", picture, **jpeg, camera=name, session="h", seq=0)
    assert watched.producer.flush(120) == 0


def commit_two_transactions(watched):
    """Writes transactions, whose end markers take offsets without a message."""
    producer = watched.kafka.producer(**{"transactional.id": watched.name})
    producer.init_transactions(30)
    for text in ("one", "two"):
        producer.begin_transaction()
        producer.produce(watched.odd["lost"], text, partition=0)
        producer.commit_transaction(30)


def report(replica, seq):
    return {"replica": replica, "seq": seq, "interval": 0.5, "frames": 0, "faces": 0, "busy": 0, "workers": 1, "lag": 0,
            "partitions": [], "cameras": {}, "leaving": False}


def one_picture(directory):
    made = directory / "one.jpg"
    pipeline.Pipeline(
        f"scenesrc num-buffers=1 is-live=false ! video/x-raw,width=320,height=240 ! jpegenc ! filesink location={made}",
        directory / "picture.log").wait(120)
    return made.read_bytes()


def replay_a_report(watched):
    """Sends an old report of fog-1 twice, which has sent many reports since."""
    text = json.dumps(report("fog-1", 1))
    for _ in range(2):
        watched.producer.produce(watched.system.topics["feedback"], text)
    assert watched.producer.flush(120) == 0


def start(watched):
    system = watched.system
    watched.prometheus.start()  # Prometheus scrapes every 5 s
    for topic in watched.odd.values():
        watched.kafka.create_topic(topic, 1)
    messages.Feed(watched.kafka, watched.odd["lost"]).send(20)
    watched.kafka.delete_records(watched.odd["lost"], {0: 10})
    watched.mongo.start()
    zones = watched.directory / "zones.json"
    zones.write_text('{"*":{"zones":{"all":[[0,0],[1,0],[1,1],[0,1]]}}}')
    watched.launch("fog-1", system.fog("fog-1", f"workers=1 zones-file={zones}"))
    watched.launch("cloud", system.cloud("batch-latency=20000000"))
    watched.cameras.__enter__()
    watched.launch("odd", odd_line(watched) + f" ipcamerasrc uri={watched.cameras.add('odd', 'JPEG', rate=5)} ! fakesink async=false sync=false")
    watched.launch("demand", "appsrc ! feedbackrate name=rate camera=demand max-rate=0.001 min-rate=0.001 ! fakesink async=false "
                   f"kafkasrc bootstrap-servers={watched.kafka.bootstrap} topic={system.topics['feedback']} ! rate.feedback")
    watched.launch("edge", system.live_edge("initial-rate=6 max-rate=6 min-dwell=1000000000", sink_options="max-queued-buffers=4"))
    watched.wait_ready("fog-1", "cloud", "odd", "demand", "edge")
    wait_until(lambda: len(watched.prometheus.query("up == 1")) == 5, 30, "a first scrape of each")


def make_everything_happen(watched):
    send_oddities(watched, one_picture(watched.directory))
    commit_two_transactions(watched)
    watched.wait_moved("gstfog_documents_total", "gstfog_capacity", "gstfog_skipped_total", "gstfog_displaced_replicas_total")
    watched.cameras.drop("odd")
    watched.launch("fog-2", watched.system.fog("fog-2", "workers=1"))
    watched.wait_ready("fog-2")
    messages.alter(watched.kafka, watched.odd["small"], max_message_bytes=100000)
    replay_a_report(watched)
    burst = pipeline.Pipeline(watched.system.edge(150, camera="burst"), watched.directory / "burst.log")
    assert burst.wait(120) == 0, burst.output()
    watched.wait_moved("gstfog_messages_waiting", "gstfog_lag_seconds")
    watched.mongo.process.kill()
    watched.producer.produce(watched.odd["documents"], '{"_id":3}', partition=0, headers={"gst-caps": "application/json"})
    watched.wait_moved("gstfog_batch_retries_total", "gstfog_documents_waiting")
    watched.mongo.start()
    broker = watched.kafka.processes[0]
    broker.freeze()
    time.sleep(3)
    broker.kill()
    watched.kafka.start_node(1)


@pytest.fixture(scope="module")
def watched(kafka, tmp_path_factory):
    one = Watched(kafka, tmp_path_factory.mktemp("watched"), f"w{time.time_ns()}")
    try:
        start(one)
        make_everything_happen(one)
        yield one
    finally:
        one.stop()


def documented():
    """{(name, reason): type} of the README's tables."""
    found = {}
    for names, kind, text in re.findall(r"^\| (`(?:gstfog|process)_.*?) \| ([a-z, ]+) \| (.*) \|$", README, re.M):
        for name, label in re.findall(r"`([a-z0-9_]+)(?:\{([a-z,]+)\})?`", names):
            reasons = re.findall(r"`([a-z]+)`", text) if label == "reason" else re.findall(r"\(([a-z-]+)\)", text.split(": ", 1)[-1])
            for reason in reasons if name.endswith(("_rejected_total", "_regions_total", "_dropped_total", "_skipped_total", "_restarts_total", "_bound")) else [""]:
                found[name, reason] = kind
    return found


def test_every_metric_moves(watched):
    still, deadline = [], time.monotonic() + 240
    for (name, reason), kind in documented().items():
        selector = f'{name}{"_bucket" if kind == "histogram" else ""}{{reason="{reason}"}}'
        if (name, reason) in ELSEWHERE:
            file, text = ELSEWHERE[name, reason]
            still += [f"{selector} in {file}"] * (text not in (TOP / "tests" / file).read_text())
        elif name in CONSTANT:
            values = [value for _, value in watched.prometheus.query(selector)]
            assert values and all(map(CONSTANT[name], values)), (name, values)
        else:
            try:
                wait_until(lambda: watched.moved(selector), max(1, deadline - time.monotonic()), selector)
            except AssertionError:
                still.append((selector, watched.prometheus.query(selector)))
    assert not still


def test_all_documented_metrics_exist(watched):
    """Series with the names and labels that the documents promise to operators exist."""
    for series in ("gstfog_frames_total{camera='cam-1'}", "gstfog_faces_total{camera='cam-1'}", "gstfog_frame_age_seconds_bucket{le='0.1'}",
                   "gstfog_process_seconds_sum", "gstfog_messages_waiting{topic!='',partition='3'}", "gstfog_lag_seconds{topic!=''}",
                   "gstfog_rate_wanted{camera='cam-1'}", "gstfog_rate_given{camera='cam-1'}", "gstfog_rate_bound{reason='fog'}",
                   "gstfog_demand{camera='demand'}", "gstfog_rejected_total{reason='refused'}", "gstfog_build_info{version!=''}"):
        assert watched.prometheus.query(f"last_over_time({series}[10m])"), series


def test_the_readme_names_all_metrics(watched):
    """Ignores metrics of GStreamer's own elements, whose names contain the element's name."""
    names = {name for name in watched.prometheus.names() if NAME.fullmatch(name) and name != "up"}
    families = {re.sub("_(bucket|sum|count)$", "", name) for name in names}
    others = {name for name in families if re.match("gstfog_(fakesink|fakesrc|identity|scenesrc|videotestsrc)_", name)}
    assert families - others == {name for name, _ in documented()}


def test_promtool_accepts_each_scrape(watched):
    for stage in watched.stages:
        assert prometheus_server.promtool("check", "metrics", text=watched.scrape(stage)) == ("", 0), stage


def test_no_scrape_failed(watched):
    """No stage failed to answer Prometheus, even while the broker was frozen and while the database was away."""
    for labels, value in watched.prometheus.query("min_over_time(up[2m:])  unless on (pod) (time() - process_start_time_seconds < 5)"):
        seen = watched.prometheus.query(f'min_over_time((up{{pod="{labels["pod"]}"}} and on (pod) gstfog_build_info)[2m:500ms])')
        assert all(lowest == 1 for _, lowest in seen), labels
    assert not [target["lastError"] for target in watched.prometheus.ask("targets")["activeTargets"] if target["lastError"]]


def asked(expression):
    """Evaluates an expression of the dashboard over the last minutes."""
    for variable, text in {"$__rate_interval": "10s", "$__range": "2m", "$namespace": ".*", "$camera": ".*"}.items():
        expression = expression.replace(variable, text)
    assert "$" not in expression, expression
    return expression


QUERIES = {f'{panel["title"]}: {target["legendFormat"]}': asked(target["expr"])
           for panel in DASHBOARD["panels"] for target in panel.get("targets", [])}


def test_every_panel_of_the_dashboard_has_data(watched):
    now = time.time()
    for title, expression in QUERIES.items():
        found = watched.prometheus.ask("query_range", query=expression, start=now - 60, end=now, step=1)["result"]
        assert any(not math.isnan(float(value)) for one in found for _, value in one["values"]), (title, expression)


def test_the_variables_of_the_dashboard_have_values(watched):
    for variable in DASHBOARD["templating"]["list"][1:]:
        series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()
        assert [one for one in watched.prometheus.ask("series", **{"match[]": asked(series)}) if one.get(label)], variable["name"]


def rules(watched):
    return watched.prometheus.ask("rules")["groups"][0]["rules"]


def test_alerts_and_dashboard_name_only_metrics_that_exist(watched):
    known = watched.prometheus.names()
    for expression in [*QUERIES.values(), *(rule["query"] for rule in rules(watched))]:
        assert set(NAME.findall(expression)) <= known and NAME.search(expression), expression


def test_every_alert_is_evaluated_and_alerts_without_delay_fire(watched):
    """Alerts without `for:` are firing, and the texts of all firing alerts are complete."""
    assert all(rule["health"] == "ok" for rule in rules(watched)), [rule.get("lastError") for rule in rules(watched)]
    firing = {rule["name"]: rule["alerts"] for rule in rules(watched) if rule["state"] == "firing"}
    assert {"GstFogRejected", "GstFogClockSkew", "GstFogMessagesLost"} <= firing.keys(), firing.keys()
    for name, alerts in firing.items():
        for alert in alerts:
            text = " ".join(alert["annotations"].values())
            assert "error" not in text and "<no value>" not in text and "{{" not in text, (name, text)


def test_unusual_camera_names_become_separate_series(watched):
    found = {labels["camera"] for labels, _ in watched.prometheus.query('gstfog_frames_total{element="faces",camera!~"cam-.*|burst"}')}
    short = {name for name in HOSTILE if isinstance(name, str) and 0 < len(name) < 100}
    assert short | {"(none)"} <= found, found
    cut = [name for name in found if re.fullmatch("n{111}~[0-9a-f]{16}", name)]
    assert len(cut) == 2, found


def test_ten_thousand_cameras_have_at_most_257_series_of_a_metric(watched):
    wait_until(lambda: scraped.value(watched.ports["odd"], "gstfog_too_small_frames_total") == 10000, 30)
    found = watched.prometheus.query('gstfog_frames_total{element="odd-faces"}')
    wait_until(lambda: sum(value for _, value in watched.prometheus.query('gstfog_frames_total{element="odd-faces"}')) > 10000, 5)
    assert len(found) == 257 and "(others)" in {labels["camera"] for labels, _ in found}


def test_rules_are_right():
    said, code = prometheus_server.promtool("check", "rules", ALERTS)
    assert code == 0, said


def test_promtools_tests_of_the_alerts_succeed_and_cover_each_alert():
    said, code = prometheus_server.promtool("test", "rules", ALERTS_TEST)
    assert code == 0, said
    names = set(re.findall(r"^  - alert: (\w+)$", ALERTS.read_text(), re.M))
    assert names == set(re.findall(r'labels: .*alertname="(\w+)"', ALERTS_TEST.read_text()))


def test_each_alert_has_a_summary_a_description_and_a_severity():
    text = ALERTS.read_text()
    for rule in text.split("  - alert: ")[1:]:
        assert all(f"      {part}" in rule for part in ("summary: ", "description: ")), rule
        assert re.search(r"labels: \{severity: (critical|warning|info)\}", rule), rule


def test_panels_of_the_dashboard_do_not_overlap():
    taken, seen = set(), set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        assert panel["id"] not in seen
        taken |= cells
        seen.add(panel["id"])


def commands(path):
    """Returns the commands of a document that query metrics or check rules."""
    return re.findall(r"^    ((?:curl|promtool) .*)$", (TOP / path).read_text(), re.M)


def test_commands_about_metrics_in_the_documents_run(watched):
    found = [*commands("k8s/README.md"), *commands("pipelines/README.md")]
    assert len(found) == 4
    tools = pathlib.Path(prometheus_server.program("promtool")).parent
    for command in found:
        here = command.replace("localhost:8080", f"127.0.0.1:{watched.ports['fog-1']}")
        done = subprocess.run(["bash", "-o", "pipefail", "-c", here], cwd=TOP, capture_output=True, text=True, timeout=120, check=False,
                              env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"})
        assert done.returncode == 0, done.stdout + done.stderr
        assert "metrics |" in command or done.stdout


POD = {"__meta_kubernetes_namespace": "fog", "__meta_kubernetes_pod_name": "fog-1"}
ANNOTATED = {**POD, "__meta_kubernetes_pod_annotation_prometheus_io_scrape": "true",
             "__meta_kubernetes_pod_annotation_prometheus_io_port": "8080"}


def test_the_readmes_configuration_of_prometheus_scrapes_annotated_pods(tmp_path):
    """Checks the README's configuration with two fixed pods instead of a cluster's, because Debian's Prometheus was built
    without support for Kubernetes."""
    text = re.findall("```yaml\n(.*?)```", (TOP / "k8s/README.md").read_text(), re.S)[-1]
    pods = [{"targets": ["10.1.2.3:9092"], "labels": ANNOTATED}, {"targets": ["10.1.2.4:27017"], "labels": POD}]
    text, replaced = re.subn(r"kubernetes_sd_configs: .*", lambda _: f"static_configs: {json.dumps(pods)}", text)
    assert replaced == 1
    config = tmp_path / "prometheus.yml"
    config.write_text(text)
    shutil.copy(ALERTS, tmp_path)
    said, code = prometheus_server.promtool("check", "config", config)
    assert code == 0 and "18 rules found" in said, said
    said, code = prometheus_server.promtool("check", "service-discovery", config, "gst-fog", "--timeout=2s")
    assert code == 0, said
    kept = [one["labels"] for one in json.loads(said[said.index("["):]) if one["labels"]]
    assert len(kept) == 1 and {"__address__": "10.1.2.3:8080", "__metrics_path__": "/metrics", "namespace": "fog", "pod": "fog-1"}.items() <= kept[0].items()


def test_the_readmes_configuration_reads_the_annotations_that_the_pods_have():
    component, readme = (COMPONENT / "kustomization.yaml").read_text(), (TOP / "k8s/README.md").read_text()
    annotated = dict(re.findall(r"prometheus.io/([a-z]+): (.*)$", component, re.M))
    # README.md's configuration needn't read the path, because it is Prometheus' own default
    assert annotated == {"scrape": '"true"', "port": '"8080"', "path": "/metrics"}
    assert set(re.findall("annotation_prometheus_io_([a-z]+)", readme)) == {"scrape", "port"}


def test_a_scrape_of_a_stage_that_ends_is_complete_or_fails(watched, launch):
    """While a stage ends, the answer to a scrape is complete, or there is no answer."""
    for _ in range(5):
        port = scraped.port()
        stage = launch("videotestsrc is-live=true ! tee name=t ! queue ! fakesink t. ! queue ! jpegenc ! jpegdec ! haarfacecount ! fakesink",
                       GST_TRACERS=f"health(port={port})")
        wait_until(lambda: scraped.value(port, "gstfog_stage_playing") == 1, 30)
        stage.signal(signal.SIGINT)
        while stage.running():
            with contextlib.suppress(OSError, http.client.HTTPException):
                text = scraped.scrape(port)
                assert text.startswith("# HELP gstfog_build_info") and text.endswith("\n")
        assert stage.wait(120) == 0, stage.output()


def test_two_elements_of_one_type_have_separate_metrics(launch):
    """Two elements of one type have metrics with different labels, even if they have the same name in two bins."""
    port = scraped.port()
    launch("videotestsrc is-live=true ! tee name=t ! queue ! haarfacecount replica=a ! fakesink t. ! queue ! haarfacecount replica=b ! fakesink "
           "( videotestsrc is-live=true ! identity name=same ! fakesink ) ( videotestsrc is-live=true ! identity name=same ! fakesink )",
           GST_TRACERS=f"health(port={port})")
    wait_until(lambda: scraped.value(port, "gstfog_counted_frames_total") > 5, 30)
    said, code = prometheus_server.promtool("check", "metrics", text=scraped.scrape(port))
    samples = re.findall(r"^([^# ].*) \S+$", scraped.scrape(port), re.M)
    assert (said, code) == ("", 0) and len(samples) == len(set(samples))
    assert sum("gstfog_counted_frames_total" in sample for sample in samples) == 2
    assert sum(sample.startswith("gstfog_identity_num_buffers") for sample in samples) == 2
