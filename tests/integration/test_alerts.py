# SPDX-License-Identifier: LGPL-2.1-or-later
"""`pipelines/alerts` sends each alert to each target: through kills, restarts, and targets that fail, hang or refuse."""

import base64
import collections
import hashlib
import hmac
import http.server
import json
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

import confluent_kafka
import messages
import mosquitto_server
import pytest
import scraped
from pipeline import PATIENCE, TOP, closed_port, environment, wait_until


def status(port, path):
    """Returns the status of an answer; None if no server answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


SECRET = "a secret that nobody knows"


class Receiver:
    """An HTTP server whose answers the test sets for each path: to /ops with the statuses of the list `answers["/ops"]` one
    after another, and with 204 after the last. HANG never answers."""

    HANG = 0

    def __init__(self, port=0):
        self.answers, self.taken, self.tried = collections.defaultdict(list), [], collections.Counter()
        self.wrong, self.released, owner = [], threading.Event(), self
        self.metrics = ""

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                owner.take(self, self.rfile.read(int(self.headers["Content-Length"])))

            def do_GET(self):
                body = owner.metrics.encode()
                self.send_response(200 if body else 503)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, request, body):
        self.check(request.headers, body)
        self.tried[request.path] += 1
        waiting = self.answers[request.path]
        status = waiting.pop(0) if waiting else 204
        if status == self.HANG:
            self.released.wait(120)
            return
        if status == 204:
            self.taken.append((request.path, request.headers["Idempotency-Key"], json.loads(body)))
        request.send_response(status)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def check(self, headers, body):
        signed = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
        right = "v1," + base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
        if headers["webhook-signature"] != right or headers["webhook-id"] != headers["Idempotency-Key"] or \
                abs(int(headers["webhook-timestamp"]) - time.time()) > 300:
            self.wrong.append(dict(headers))

    def keys(self, path, state=""):
        return [key for where, key, _ in list(self.taken) if where == path and key.endswith(state)]

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


class Alerts:
    """Runs `pipelines/alerts` with a rule file, and topics of its own."""

    def __init__(self, kafka, name, directory):
        self.kafka, self.name, self.directory = kafka, name, directory
        self.popen, self.offset, self.runs = None, 0, 0
        self.receiver = Receiver()
        (directory / "secret").write_text(SECRET + "\n")
        for topic in ("events", "reports", "alerts"):
            kafka.create_topic(f"{name}-{topic}", 1)
        self.producer = kafka.producer(linger_ms=0)
        self.clock = time.time()

    def write(self, *rules, **targets):
        text = "\n".join(rules)
        for name, more in targets.items():
            text += f"\n[target {name}]\nwebhook=http://127.0.0.1:{self.receiver.port}/{name}\nsecret-file={self.directory}/secret\n{more}\n"
        (self.directory / "rules.conf").write_text(text + f"\n[target log]\ntopic={self.name}-alerts\n")

    def start(self, **settings):
        self.runs += 1
        with open(self.log, "wb") as log:
            self.popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", TOP / "pipelines/alerts", "--rules", self.directory / "rules.conf"],
                stdout=log, stderr=subprocess.STDOUT, env={
                    **environment(), "GST_DEBUG": "", "FOG_KAFKA": self.kafka.bootstrap, "DATABASE_TOPIC": self.name + "-events",
                    "FEEDBACK_TOPIC": self.name + "-reports", "ALERTS_STATE_TOPIC": self.name + "-state",
                    "ALERTS_GROUP": self.name, **settings})
        return self

    @property
    def log(self):
        return self.directory / f"alerts-{self.runs}.log"

    def started(self):
        """Waits until the group has committed offsets in both topics, so that messages sent after the wait are read."""
        def committed():
            consumer = confluent_kafka.Consumer({"bootstrap.servers": self.kafka.bootstrap, "group.id": self.name})
            places = [confluent_kafka.TopicPartition(f"{self.name}-{topic}", 0) for topic in ("events", "reports")]
            try:
                found = consumer.committed(places, 10)
            except confluent_kafka.KafkaException:  # a new broker may still have to load its groups
                return False
            finally:
                consumer.close()
            return all(place.offset >= 0 for place in found)
        wait_until(committed, 60, "the first commit", 0.2)
        return self

    def kill(self):
        self.popen.kill()
        self.popen.wait(10)

    def end(self):
        self.popen.send_signal(signal.SIGINT)
        assert self.popen.wait(120) == 0, self.log.read_text()
        return self.log.read_text().splitlines()[-1]

    def event(self, faces, seconds, camera="cam-1", **more):
        """Sends an event whose frame was captured `seconds` after this object was made; a test may send events faster than
        it says they were captured."""
        captured = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.clock + seconds))
        self.producer.produce(self.name + "-events", key=camera, value=json.dumps({
            "_id": f"{camera}:s:{self.offset}", "camera": camera, "seq": self.offset, "captured": {"$date": f"{captured}.000Z"},
            "faces": faces, "boxes": [], "replica": "fog-1", **more}))
        self.offset += 1
        assert self.producer.flush(120) == 0

    def report(self, replica="fog-1", cameras=(), **more):
        self.producer.produce(self.name + "-reports", json.dumps({
            "replica": replica, "seq": self.offset, "interval": 0.2, "frames": 5, "busy": 0.1, "workers": 1, "lag": 0,
            "cameras": {camera: {"frames": 5, "last-seq": self.offset} for camera in cameras}, **more}))
        self.offset += 1
        assert self.producer.flush(120) == 0

    def close(self):
        if self.popen:
            self.kill()
        self.receiver.close()
        assert not self.receiver.wrong


@pytest.fixture
def alerts(kafka, fresh, tmp_path, request):
    one = Alerts(kafka, fresh, tmp_path)
    yield one
    one.close()
    for run in range(1, one.runs + 1):
        print(f"--- run {run}\n{(tmp_path / f'alerts-{run}.log').read_text()}")


CROWD = "[rule crowd]\nkind=faces\nabove=5\nuntil=3\nfor=4s\nhold=30s\ntargets="


def test_each_target_gets_each_notice_even_if_others_fail_or_are_slow(alerts):
    receiver = alerts.receiver
    alerts.write(CROWD + "good failing busy slow refusing log", good="", failing="", busy="", slow="timeout=5s", refusing="")
    receiver.answers.update({"/failing": [500], "/busy": [429], "/slow": [Receiver.HANG], "/refusing": [400]})
    alerts.start().started()
    for second in range(6):
        alerts.event(6, second)
    wait_until(lambda: {path for path, *_ in receiver.taken} == {"/good", "/failing", "/busy", "/slow"}, 60, "four targets")
    alerts.event(2, 7)
    wait_until(lambda: len({(path, key) for path, key, _ in receiver.taken}) == 9, 60, "the end of the alert at five targets")
    key = receiver.keys("/good")[0]
    for name in ("good", "failing", "busy", "slow"):
        assert receiver.keys("/" + name) == [key, key.replace("firing", "resolved")]
    # A notice that a target has refused isn't sent to it again.
    assert receiver.keys("/refusing") == [key.replace("firing", "resolved")]
    assert receiver.tried["/refusing"] == 2
    fired, ended = [body for path, _, body in receiver.taken if path == "/good"]
    assert fired["text"] == "faces at camera cam-1: 6, more than 5"
    assert (fired["state"], ended["state"], ended["id"]) == ("firing", "resolved", fired["id"])
    assert alerts.end().startswith("alerts: 1 fired, 1 ended; notices: 11 delivered, 3 tries failed, 1 refused")
    assert f"target refusing: notice {key} is refused and dropped: it answers 400" in alerts.log.read_text()
    assert [json.loads(value) for value in messages.values(alerts.kafka, alerts.name + "-alerts")] == [fired, ended]


def test_kills_lose_no_alert_and_change_no_id(alerts):
    """The process is killed while an alert is pending, while it fires and its target is away, and after it was delivered."""
    receiver = alerts.receiver
    receiver.answers["/ops"] = [503] * 1000
    alerts.write(CROWD + "ops", ops="")
    alerts.start().started()
    alerts.event(6, 0)
    alerts.event(6, 2)
    time.sleep(0.5)  # the process may have read both events, or neither
    alerts.kill()
    alerts.start()
    alerts.event(6, 4)
    wait_until(lambda: receiver.tried["/ops"] > 0, 60, "the first try")
    alerts.kill()
    alerts.event(2, 10)  # the alert ends while no process of alerts runs
    alerts.start()
    wait_until(lambda: "resolved" in alerts.log.read_text(), 60, "the end of the alert")
    alerts.kill()
    receiver.answers["/ops"] = []
    alerts.start()
    wait_until(lambda: receiver.keys("/ops", "resolved"), 60, "the delivery")
    alerts.kill()  # perhaps before the state records that the notice was delivered
    alerts.start()
    alerts.event(6, 20)
    alerts.event(6, 25)
    wait_until(lambda: len(set(receiver.keys("/ops"))) == 3, 60, "the second alert")
    alerts.end()
    order = list(dict.fromkeys(receiver.keys("/ops")))
    assert [key.rsplit("-", 1)[1] for key in order] == ["firing", "resolved", "firing"]
    assert order[0].split("-")[0] == order[1].split("-")[0] != order[2].split("-")[0]
    # The alert began with the first event, which the first process has read.
    assert receiver.taken[0][2]["start"].startswith(time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(alerts.clock)))
    # A kill between the deliveries and their records makes two more tries, with the same keys.
    assert len(receiver.taken) <= 5


def test_a_target_that_was_down_gets_all_notices_when_it_is_up(alerts):
    port = closed_port()
    away = f"[target away]\nwebhook=http://127.0.0.1:{port}/away\nsecret-file={alerts.directory}/secret\n"
    alerts.write("[rule any]\nkind=faces\nabove=0\nzone=door\ntargets=away log\nhold=30s", away)
    alerts.start().started()
    for second, faces in enumerate([1, 0, 1]):
        alerts.event(faces, second, zones={"door": faces})
    wait_until(lambda: "2 tries in a row" in alerts.log.read_text(), 60, "a failure in the log")
    alerts.end()
    alerts.start()
    receiver = Receiver(port)
    wait_until(lambda: len(receiver.taken) == 3, 60, "three notices")
    assert [key.rsplit("-", 1)[1] for key in receiver.keys("/away")] == ["firing", "resolved", "firing"]
    wait_until(lambda: len(messages.values(alerts.kafka, alerts.name + "-alerts")) == 3, 60, "three messages")
    alerts.end()
    receiver.close()
    assert not receiver.wrong


def test_cameras_and_replicas_that_fall_silent_raise_alerts(alerts):
    """A camera and a replica that fell silent while no process of alerts ran are alerts too; a replica that has said that
    it leaves is not."""
    silent = "[rule camera]\nkind=silent\nfor=1s\ntargets=ops\n[rule replica]\nkind=replica\nfor=1s\ntargets=ops"
    alerts.write(silent, ops="")
    alerts.start().started()
    for replica in ("fog-1", "fog-2"):
        alerts.report(replica, ["cam-1"])
    alerts.report("fog-2", leaving=True)
    time.sleep(0.3)
    alerts.kill()
    alerts.start()
    found = wait_until(lambda: len(alerts.receiver.taken) >= 2 and alerts.receiver.taken, 60, "two alerts")
    assert {body.get("camera") or body.get("replica") for _, _, body in found} == {"cam-1", "fog-1"}
    alerts.report("fog-1", ["cam-1"])
    wait_until(lambda: len(alerts.receiver.keys("/ops", "resolved")) == 2, 60, "the end of both")
    alerts.end()


def test_a_covered_lens_and_a_frozen_picture_raise_alerts(alerts, launch):
    """haarfacecount counts three cameras, and reports what it sees of each: a dark picture without detail, a picture that
    doesn't change, and one that moves and has noise. Only the first two raise alerts."""
    alerts.write("[rule covered]\nkind=covered\nfor=2s\ntargets=ops\n[rule frozen]\nkind=frozen\nabove=3\ncamera=still\ntargets=ops\n"
                 "[rule moves]\nkind=frozen\nabove=3\ncamera=sound\ntargets=ops", ops="")
    alerts.start().started()
    launch(" ".join(
        f"videotestsrc is-live=true pattern={pattern} ! video/x-raw,format=GRAY8,width=160,height=120,framerate=5/1 ! "
        f"feedbackrate camera={camera} algorithm=fixed initial-rate=5 ! haarfacecount name={camera} replica={camera} report-interval=1000000000 "
        f"{camera}.rate ! kafkasink bootstrap-servers={alerts.kafka.bootstrap} topic={alerts.name}-reports"
        for camera, pattern in (("covered", "black"), ("still", "checkers-8"), ("sound", "snow"))))

    def fired():
        return {(body["rule"], body["camera"]) for _, _, body in list(alerts.receiver.taken)}

    wait_until(lambda: len(fired()) >= 2, 90, "two alerts")
    alerts.end()
    assert fired() == {("covered", "covered"), ("frozen", "still")}


def test_metrics_that_rise_while_alerts_does_not_run_raise_alerts(alerts):
    receiver = alerts.receiver
    line = 'gstfog_rejected_total{reason="refused"} %d\ngstfog_lag_seconds{topic="camera"} 50\n'
    where = f"stages=http://127.0.0.1:{receiver.port}/metrics"
    alerts.write(f"[rule gone]\nkind=rejected\n{where}\ntargets=ops\n[rule slow]\nkind=old\nabove=30\nfor=1s\n{where}\ntargets=ops", ops="")
    receiver.metrics = line % 7  # from before: no alert
    alerts.start()
    wait_until(lambda: receiver.taken, 60, "the alert of old messages")
    alerts.kill()
    receiver.metrics = line % 9
    alerts.start()
    wait_until(lambda: len({key for _, key, _ in receiver.taken}) == 2, 60, "the alert of what was rejected")
    assert {body["text"] for _, _, body in receiver.taken} == {
        f"what waits in topic camera at 127.0.0.1:{receiver.port} is 50 s old, more than 30 s",
        f"frames, messages or documents given up: 2 (refused at 127.0.0.1:{receiver.port})"}


def test_a_second_process_fences_the_first(alerts):
    """Two processes of one group: the older one ends, whether it has alerts or not, and the newer one loses none and sends
    none with another id. A stage's name is looked up (localhost). The health server shows what happens."""
    port = closed_port()
    where = f"stages=http://localhost:{alerts.receiver.port}/metrics"
    alerts.receiver.answers["/ops"] = [503] * 2  # the older process may have tried to deliver
    alerts.write(CROWD + f"ops\n[rule slow]\nkind=old\nabove=30\nfor=1s\n{where}\ntargets=log", ops="")
    alerts.receiver.metrics = 'gstfog_lag_seconds{topic="camera"} 50\n'
    older = alerts.start().started().popen
    alerts.event(6, 0)
    alerts.event(6, 2)
    log = alerts.log
    try:
        alerts.start(HEALTH_PORT=str(port))
        assert older.wait(60 * PATIENCE) == 1, log.read_text()
    finally:
        older.kill()
    assert f'Another process of the group "{alerts.name}"' in log.read_text()
    assert "Run one process for each group" in log.read_text()
    alerts.event(6, 5)
    wait_until(lambda: alerts.receiver.keys("/ops", "firing"), 60, "the alert")
    assert len(set(alerts.receiver.keys("/ops"))) == 1
    wait_until(lambda: messages.values(alerts.kafka, alerts.name + "-alerts"), 60, "the alert of the stage")
    text = {json.loads(value)["text"] for value in messages.values(alerts.kafka, alerts.name + "-alerts")}
    assert text == {f"what waits in topic camera at localhost:{alerts.receiver.port} (127.0.0.1) is 50 s old, more than 30 s"}
    wait_until(lambda: scraped.value(port, "gstfog_alerts_firing") == 2, 60, "the alerts in the metrics")
    alerts.end()


def test_notices_reach_an_mqtt_broker_after_each_outage(alerts, tmp_path):
    broker, log = mosquitto_server.Mosquitto(tmp_path / "mosquitto"), tmp_path / "messages"
    (tmp_path / "password").write_text(mosquitto_server.PASSWORD + "\n")
    alerts.write("[rule any]\nkind=faces\nabove=0\nhold=30s\ntargets=broker\n[target broker]\n"
                 f"mqtt=mqtt://127.0.0.1:{broker.port}/fog/alerts\nuser=fog\npassword-file={tmp_path}/password")
    alerts.start().started()
    for round, faces in enumerate([1, 0]):
        alerts.event(faces, round)
        wait_until(lambda: alerts.log.read_text().count("there is no connection to 127.0.0.1") > round, 60, "a line in the log")
        alerts.popen.send_signal(signal.SIGSTOP)  # until somebody listens
        broker.start()
        with broker.subscribe("fog/#", log) as subscriber:
            wait_until(lambda: log.read_text().count("Subscribed") > round, 60, "the subscription")
            alerts.popen.send_signal(signal.SIGCONT)
            wait_until(lambda: log.read_text().count('"rule":"any"') > round, 60, "the notice")
            subscriber.terminate()
        broker.stop()
    assert alerts.end().startswith("alerts: 1 fired, 1 ended; notices: 2 delivered")
    states = [json.loads(line)["state"] for line in log.read_text().splitlines() if line.startswith("{")]
    assert list(dict.fromkeys(states)) == ["firing", "resolved"]


@pytest.mark.parametrize("text, said", [
    ("[rule a]\nkind=faces\nabove=x\ntargets=log", "rules.conf:3: above takes a number"),
    ("[rule a]\nkind=silent\ntargets=nobody", "rules.conf:3: there is no [target nobody]"),
    ("", "there is no [rule NAME]"),
])
def test_a_mistake_in_the_rule_file_is_reported_with_its_line(tmp_path, text, said):
    file = tmp_path / "rules.conf"
    file.write_text(text + "\n[target log]\ntopic=a\n")
    done = subprocess.run([TOP / "pipelines/alerts", "--rules", file], capture_output=True, text=True, timeout=120, check=False,
                          env={**os.environ, **environment(), "GST_DEBUG": ""})
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_process_that_waits_for_kafka_lives_and_ends(tmp_path, number):
    """While Kafka is away at the start, the process isn't ready but lives, and ends at a signal."""
    port = closed_port()
    (tmp_path / "rules.conf").write_text("[rule a]\nkind=silent\ntargets=log\n[target log]\ntopic=a\n")
    with subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", TOP / "pipelines/alerts", "--rules", tmp_path / "rules.conf"],
            stderr=subprocess.DEVNULL, env={
                **environment(), "GST_DEBUG": "", "FOG_KAFKA": f"127.0.0.1:{closed_port()}", "HEALTH_PORT": str(port)}) as popen:
        try:
            answer = wait_until(lambda: status(port, "/readyz"), 60, "the health server")
            assert (answer, status(port, "/livez")) == (503, 200)
            popen.send_signal(number)
            assert popen.wait(60 * PATIENCE) == 0
        finally:
            popen.kill()


def test_a_state_topic_that_is_not_compacted_is_refused(alerts):
    alerts.kafka.create_topic(alerts.name + "-state", 1, config=["cleanup.policy=delete"])
    alerts.write(CROWD + "log")
    alerts.start()
    assert alerts.popen.wait(120) == 1
    assert "cleanup.policy=compact" in alerts.log.read_text()
