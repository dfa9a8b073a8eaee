# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests TLS and SASL with a real broker: correct settings work, a wrong setting is an error that names it, and no secret is
shown."""

import base64
import contextlib
import json
import os
import pathlib
import shlex
import subprocess
import time
import types
import uuid

import certificates
import confluent_kafka
import gi
import kafka_server
import livepage
import messages
import mongo_server
import pymongo
import pytest
import rtsp_server
import system
import test_alerts
from pipeline import environment, wait_until

gi.require_version("Gst", "1.0")
from gi.repository import GObject, Gst  # noqa: E402

USER, PASSWORD, WRONG = "camera", "open-sesame-8d1f", "hush-3b77"
SASL = {
    "plain.sasl.jaas.config":
        f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";',
    "scram-sha-512.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
    "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
}
# Whether this librdkafka is older than 2.6.1, which first implements SCRAM according to the
# standard.
OLD_LIBRARY = confluent_kafka.libversion()[1] < 0x02060100


class Secured:
    """Starts a broker with several listeners, which differ in certificates and in accepted users."""

    def __init__(self, directory):
        self.authority = certificates.Authority(directory / "ca")
        self.stranger = certificates.Authority(directory / "stranger")
        stores = {
            "tls": self.authority.issue_store("tls"),
            "old": self.authority.issue_store("old", valid=certificates.LONG_AGO),
            "moved": self.authority.issue_store("moved", address="127.0.0.2"),
            "mutual": self.authority.issue_store("mutual"),
            "sasl": self.authority.issue_store("sasl"),
        }
        properties = [f"listener.name.{name}.{entry}" for name, store in stores.items() for entry in [
            "ssl.keystore.type=PEM", f"ssl.keystore.location={store}"]]
        properties += [f"listener.name.sasl.{name}={value}" for name, value in SASL.items()]
        properties += [
            "listener.name.mutual.ssl.client.auth=required", "listener.name.mutual.ssl.truststore.type=PEM",
            f"listener.name.mutual.ssl.truststore.location={self.authority.certificate}"]
        self.kafka = kafka_server.Kafka(
            directory / "kafka", properties=properties,
            listeners={name: "SASL_SSL" if name == "sasl" else "SSL" for name in stores},
            scram=[f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"])
        self.directory = directory

    def config(self, *lines, authority=None):
        path = self.directory / f"{uuid.uuid4().hex}.properties"
        path.write_text("\n".join([f"ssl.ca.location={(authority or self.authority).certificate}", *lines, ""]))
        return path

    def sasl(self, mechanism, password=PASSWORD):
        return self.config(
            "security.protocol=SASL_SSL", f"sasl.mechanism={mechanism}", f"sasl.username={USER}",
            f"sasl.password={password}")

    def tls(self, *lines, authority=None):
        return self.config("security.protocol=SSL", *lines, authority=authority)


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    one = Secured(tmp_path_factory.mktemp("secured"))
    one.kafka.start()
    yield one
    one.kafka.stop(0)


def both(launch, kafka, listener, config, topic, frames=5, **variables):
    """Runs a kafkasink and a kafkasrc in two processes; with frames=-1 the sink's stream never ends."""
    where = f"bootstrap-servers={kafka.servers(listener)} config-file={config} topic={topic}"
    return [
        launch(f"videotestsrc num-buffers={frames} is-live=true ! video/x-raw,width=16,height=16 ! kafkasink {where}",
               **variables),
        launch(f"kafkasrc {where} group-id={topic} auto-offset-reset=earliest ! identity name=i silent=false ! "
               "fakesink async=false", options="-v -e", **variables)]


def assert_in(sink, source):
    assert sink.wait(120) == 0, sink.output()
    wait_until(lambda: frames_of(source) >= 5, 60, "five frames")
    source.interrupt()


def assert_refused(pipelines, *said):
    for one in pipelines:
        assert one.wait(120) != 0, one.output()
        errors = [line for line in one.output().splitlines() if line.startswith("ERROR: from element")]
        assert len(errors) == 1, one.output()
        for text in said:
            assert text in errors[0]


def test_tls(secured, launch, fresh):
    assert_in(*both(launch, secured.kafka, "tls", secured.tls(), fresh))


def frames_of(source):
    return source.output().count("chain   *******")


def test_elements_wait_for_a_broker_with_tls_that_restarts(secured, launch, fresh):
    """The elements take an interrupted TLS handshake for an outage, after which they continue, and not for a refusal."""
    sink, source = both(launch, secured.kafka, "tls", secured.tls(), fresh, frames=-1)
    wait_until(lambda: frames_of(source) >= 5, 60, "frames")
    secured.kafka.processes[0].kill()
    secured.kafka.start_node(1)
    before = frames_of(source)
    wait_until(lambda: frames_of(source) > before + 30, 60, "frames after the restart")
    sink.interrupt()
    source.interrupt()


def test_server_and_client_verify_the_certificate_of_each_other(secured, launch, fresh):
    certificate, key = secured.authority.issue("client")
    own = [f"ssl.certificate.location={certificate}", f"ssl.key.location={key}"]
    assert_in(*both(launch, secured.kafka, "mutual", secured.tls(*own), fresh))
    assert_refused(both(launch, secured.kafka, "mutual", secured.tls(), fresh), "alert bad certificate", "both ends' certificates")


def test_expired_certificate(secured, launch, fresh):
    assert_refused(both(launch, secured.kafka, "old", secured.tls(), fresh), "certificate has expired")


def test_unknown_authority(secured, launch, fresh):
    config = secured.tls(authority=secured.stranger)
    assert_refused(both(launch, secured.kafka, "tls", config, fresh), "unable to get local issuer certificate", "ssl.ca.location")


def test_certificate_of_another_host_is_refused(secured, launch, fresh):
    assert_refused(both(launch, secured.kafka, "moved", secured.tls(), fresh), "IP address mismatch")


def test_tls_on_only_one_end_is_an_error(secured, launch, fresh):
    """An element waits before this error, because a broker that is killed during a TLS handshake looks the same as one
    without TLS."""
    refused = both(launch, secured.kafka, "tls", secured.config(), fresh)
    refused += both(launch, secured.kafka, "plain", secured.tls(), fresh)
    assert_refused(refused, "security.protocol")


def test_missing_ca_file(secured, launch, fresh, tmp_path):
    config = tmp_path / "config"
    config.write_text("security.protocol=SSL\nssl.ca.location=/nonexistent/ca.pem\n")
    assert_refused(both(launch, secured.kafka, "tls", config, fresh), "/nonexistent/ca.pem", "ssl.ca.location")


def test_plain(secured, launch, fresh):
    assert_in(*both(launch, secured.kafka, "sasl", secured.sasl("PLAIN"), fresh))


def test_scram(secured, launch, fresh, new_library):
    config = secured.sasl("SCRAM-SHA-512")
    variables = {"LD_PRELOAD": str(new_library)} if OLD_LIBRARY else {}
    assert_in(*both(launch, secured.kafka, "sasl", config, fresh, **variables))
    if OLD_LIBRARY and not kafka_server.IS_OLD:  # Kafka 3.9.1 takes a nonce that is sent twice
        assert_refused(
            both(launch, secured.kafka, "sasl", config, fresh), "SCRAM", confluent_kafka.libversion()[0], "sends its nonce twice", "2.6.1 or later")


def test_wrong_password(secured, launch, fresh, new_library):
    for mechanism in ("PLAIN", "SCRAM-SHA-512"):
        variables = {"LD_PRELOAD": str(new_library)} if OLD_LIBRARY and mechanism != "PLAIN" else {}
        refused = both(launch, secured.kafka, "sasl", secured.sasl(mechanism, WRONG), fresh, **variables)
        assert_refused(refused, "Authentication failed", "sasl.password")


def test_error_names_the_mechanisms_of_a_broker_that_lacks_the_wanted_one(secured, launch, fresh):
    assert_refused(both(launch, secured.kafka, "sasl", secured.sasl("SCRAM-SHA-256"), fresh), "SCRAM-SHA-512")


def dump_of(line):
    """Returns the values of every readable property of every element, as a debugging tool may show them."""
    os.environ.update({name: value for name, value in environment().items() if name.startswith("GST_")})
    Gst.init(None)
    pipeline = Gst.parse_launch(line)
    shown = []
    for element in pipeline.children:
        for spec in element.list_properties():
            # arrays are skipped, because Python can't represent a GstValueArray, and these arrays
            # of numbers contain no secret
            if spec.flags & GObject.ParamFlags.READABLE and spec.value_type.name != "GstValueArray":
                value = element.get_property(spec.name)
                shown.append(f"{spec.name}={value.to_string() if isinstance(value, Gst.Structure) else value}")
    return "\n".join(shown)


@pytest.mark.parametrize("password", [PASSWORD, WRONG], ids=["right", "wrong"])
def test_secrets_are_shown_nowhere(secured, launch, fresh, tmp_path, password):
    """Secrets are not on the command line, in dot files, in property dumps, in messages, or in the most detailed
    log."""
    config = secured.sasl("PLAIN", password)
    secrets = [password, "key-secret-51aa"]
    certificate, key = secured.authority.issue("secretive", passphrase=secrets[1])
    with open(config, "a") as more:
        more.write(f"ssl.certificate.location={certificate}\nssl.key.location={key}\n"
                   f"ssl.key.password={secrets[1]}\ndebug=all\n")
    pipelines = both(
        launch, secured.kafka, "sasl", config, fresh, GST_DEBUG="9", GST_DEBUG_DUMP_DOT_DIR=str(tmp_path))
    command_lines = [  # the command line is empty for a moment, between setpriv and gst-launch-1.0
        wait_until(pathlib.Path(f"/proc/{one.popen.pid}/cmdline").read_text) for one in pipelines]
    if password == PASSWORD:
        assert_in(*pipelines)
    else:
        assert_refused(pipelines, "sasl.password")
    dots = [path.read_text() for path in tmp_path.glob("*.dot")]
    logs = [one.output() for one in pipelines]
    assert len(dots) >= 6 and all(len(text) > 100_000 and "rdkafka" in text for text in logs)
    dumps = [dump_of(one.line) for one in pipelines]
    assert all(str(config) in text for text in dumps + command_lines)
    assert all("config-file" in text for text in dots)
    for text in command_lines + dots + logs + dumps:
        assert not [secret for secret in secrets if secret in text]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """Starts a database with one user, and returns a function from a password to a URI. The URI names the authentication
    mechanism, because FerretDB needs it."""
    with mongo_server.Mongo(tmp_path_factory.mktemp("guarded"), user=f"me:{PASSWORD}") as server:
        yield lambda password: server.uri.replace("://", f"://me:{password}@") + "?authMechanism=SCRAM-SHA-256"


@pytest.fixture
def open_page(secured, guarded, fresh, tmp_path):
    """Starts the live page on a system whose Kafka and database require passwords and TLS."""
    pages = []

    def start(mechanism="PLAIN", password=PASSWORD, database_password=PASSWORD):
        config = secured.sasl(mechanism, password)
        # System writes this text behind bootstrap-servers=, so it also sets config-file
        kafka = types.SimpleNamespace(
            bootstrap=f"{secured.kafka.servers('sasl')} config-file={config}", create_topic=secured.kafka.create_topic)
        whole = system.System(kafka, types.SimpleNamespace(uri=guarded(PASSWORD)), f"{fresh}-{len(pages)}", partitions=2)
        pages.append(livepage.Page(
            whole, tmp_path / f"live-{len(pages)}.log", FOG_KAFKA=secured.kafka.servers("sasl"), KAFKA_CONFIG=str(config),
            MONGODB_URI=guarded(database_password)))
        return whole, pages[-1]

    yield start
    for page in pages:
        page.close()
        assert not [secret for secret in (PASSWORD, WRONG) if secret in page.output()]


def test_the_live_page(open_page, launch):
    """Frames, events, reports, offsets, old frames and the history all reach the live page from servers with TLS and
    passwords."""
    whole, page = open_page()
    launch(whole.cloud().replace("uri=", "uri-file=").replace(whole.mongo.uri, str(uri_file(whole, page))))
    launch(whole.fog("fog-1"))
    launch(whole.live_edge("max-rate=5"))
    wait_until(lambda: page.state()["level"] == "good", 60, "a good system")
    frame = page.frame("cam-1")
    assert len(page.picture(frame)[1]) == frame["bytes"]
    assert page.json("/api/travel", camera="cam-1", at=frame["captured"], span=1)["frames"]
    wish = {"from": 0, "to": int(time.time() * 1000) + 60000, "unit": "hour"}
    wait_until(lambda: page.json("/api/documents", **wish)["buckets"], 30, "documents")
    wait_until(lambda: page.state()["flow"][3]["waiting"] == 0, 30, "the groups' offsets")
    done = subprocess.run(
        shlex.split(frame["event"]["line"]), env=environment(), stdout=subprocess.PIPE, timeout=30, check=True)
    assert json.loads(done.stdout)["boxes"] == frame["boxes"]
    for path in ("/api/state", "/metrics", "/api/history"):
        assert PASSWORD.encode() not in page.ask(path)[2]


def uri_file(whole, page):
    path = page.log.with_suffix(".uri")
    path.write_text(whole.mongo.uri)
    return path


def test_the_live_page_reports_a_wrong_password(open_page):
    _, page = open_page(password=WRONG, database_password=WRONG)
    def texts():
        servers = page.state()["servers"]
        return "ication failed" in servers["kafka"]["text"] and servers["database"]["state"] == "away"
    wait_until(texts, 60, "both are away")
    servers = page.state()["servers"]
    assert "Authentication failed" in servers["kafka"]["text"] and "uthentication failed" in servers["database"]["text"]
    wait_until(lambda: page.state()["sentence"].startswith("Kafka hasn't answered"), 20)
    assert page.ask("/healthz")[0] == 503


# --- all secrets of a system ---

CAMERA, TOKEN = "canary-of-a-camera-41c7", "canary-of-a-viewer-9d20"
SECRETS = [PASSWORD, CAMERA, TOKEN, test_alerts.SECRET]
LOGS = {"GST_DEBUG": "9", "G_MESSAGES_DEBUG": "all"}


def listed(pid):
    """Returns the command lines and the environments of a process and its children, as other programs read them."""
    shown = b""
    for one in [str(pid), *pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]:
        for name in ("cmdline", "environ"):
            with contextlib.suppress(OSError):  # a child may end at any time
                shown += pathlib.Path(f"/proc/{one}/{name}").read_bytes()
    assert shown
    return shown


def forms(secret):
    """Returns the forms in which a secret may be written: plain, and as HTTP's Basic authentication writes it."""
    return [secret.encode(), base64.b64encode(f"fog:{secret}".encode()), base64.b64encode(secret.encode())]


def write(path, text):
    path.write_text(text + "\n")
    return path


@pytest.fixture
def where(secured):
    """The settings that let a program reach the broker that demands a password."""
    return types.SimpleNamespace(servers=secured.kafka.servers("sasl"), config=secured.sasl("PLAIN"))


def run_stage(launch, where, cameras, database, fresh, tmp_path):
    """Runs a camera and a database, both with a password, in one process."""
    uri = cameras.add(fresh, "JPEG", rate=5, auth="basic", password=CAMERA)
    kafka = f"bootstrap-servers={where.servers} config-file={where.config}"
    return launch(
        f"ipcamerasrc uri={uri} user=fog password-file={write(tmp_path / 'camera', CAMERA)} ! kafkasink {kafka} topic={fresh}-camera "
        f"kafkasrc {kafka} topic={fresh}-events auto-offset-reset=earliest caps=application/json ! "
        f"mongosink uri-file={write(tmp_path / 'uri', database)} database={fresh}",
        GST_DEBUG_FILE=str(tmp_path / "stage.log"), GST_DEBUG_DUMP_DOT_DIR=str(tmp_path), **LOGS)


def run_page(where, fresh, tmp_path):
    kafka, topics = types.SimpleNamespace(bootstrap=where.servers), {"camera": f"{fresh}-camera", "database": f"{fresh}-events", "feedback": f"{fresh}-reports"}
    whole = types.SimpleNamespace(kafka=kafka, mongo=types.SimpleNamespace(uri=""), name=fresh, topics=topics)
    return livepage.Page(whole, tmp_path / "page.log", "--token-file", str(write(tmp_path / "token", TOKEN)),
                         KAFKA_CONFIG=str(where.config), MONGODB_URI_FILE=str(tmp_path / "uri"), **LOGS)


def test_no_secret_is_in_a_list_of_processes_in_a_dot_file_or_in_the_most_detailed_log(
        secured, guarded, where, launch, fresh, tmp_path):
    secured.kafka.create_topic(f"{fresh}-camera", 1)
    with rtsp_server.Cameras() as cameras, contextlib.closing(test_alerts.Alerts(secured.kafka, fresh, tmp_path)) as alerts:
        alerts.write("[rule any]\nkind=faces\nabove=0\ntargets=hook", hook="")
        stage = run_stage(launch, where, cameras, guarded(PASSWORD), fresh, tmp_path)
        with contextlib.closing(run_page(where, fresh, tmp_path)) as page:
            alerts.start(FOG_KAFKA=where.servers, KAFKA_CONFIG=str(where.config), **LOGS).started()
            # The process of alerts now runs the program, with what its script hands on.
            processes = b"".join(listed(pid) for pid in (stage.popen.pid, page.popen.pid, alerts.popen.pid))
            alerts.event(1, 0)
            # each secret is used: of the camera, of the database, of the webhook, of the page
            documents = pymongo.MongoClient(guarded(PASSWORD))[fresh].events
            wait_until(lambda: documents.count_documents({}) == 1, 60, "a document")
            wait_until(lambda: alerts.receiver.taken, 60, "an alert")
            wait_until(lambda: messages.values(secured.kafka, f"{fresh}-camera"), 60, "a frame")
            state = json.loads(page.ask("/api/state", Authorization=f"Bearer {TOKEN}")[2])
            assert page.ask("/api/state", Authorization="Bearer another-token-of-nobody")[0] == 401
    stage.interrupt()
    assert state["servers"]
    shown = {path.name: path.read_bytes() for path in [*tmp_path.glob("*.log"), *tmp_path.glob("*.dot")]}
    assert len(shown) >= 6 and all(len(text) > 1000 for text in shown.values()), {name: len(text) for name, text in shown.items()}
    shown["processes"] = processes
    found = [(name, secret) for name, text in shown.items() for secret in SECRETS if any(form in text for form in forms(secret))]
    assert not found
