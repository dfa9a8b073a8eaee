# SPDX-License-Identifier: LGPL-2.1-or-later
"""A broker that refuses its clients after a restart: their password, their certificate or their rights have changed. While
a restarted broker refuses its clients, the elements wait with one warning, and aren't ready; they continue as soon as the
broker's settings, or their own file of settings, are right again."""

import shutil

import certificates
import kafka_server
import network
import pytest
import server
import test_access
from pipeline import wait_until
from test_access import errors, frames, published, readiness

USER, OTHER, OLD, NEW = "camera", "guest", "open-sesame-8d1f", "swordfish-77c2"
MODULE = "org.apache.kafka.common.security.plain.PlainLoginModule required"
BOUND = 90_000_000_000


def warnings(stage):
    """Leaves out the warnings about a broker that takes long to restart."""
    return [text for text in test_access.warnings(stage) if "No broker has answered for" not in text]


class Strict:
    """A broker with a listener for TLS and one for passwords, and rights by name."""

    def __init__(self, directory):
        self.directory = directory
        self.authorities = [certificates.Authority(directory / name) for name in ("first", "second")]
        self.stores = [one.issue_store("broker") for one in self.authorities]
        self.store = directory / "broker.store"
        self.kafka = kafka_server.Kafka(
            directory / "kafka", listeners={"tls": "SSL", "sasl": "SASL_PLAINTEXT", "rights": "SASL_PLAINTEXT"})
        self.configure()
        self.kafka.start()

    def configure(self, password=OLD, store=0, allowed=("ANONYMOUS", OTHER)):
        shutil.copyfile(self.stores[store], self.store)
        self.kafka.properties = [
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users=" + ";".join(f"User:{name}" for name in (*allowed, USER)),
            "sasl.enabled.mechanisms=PLAIN",
            f'listener.name.sasl.plain.sasl.jaas.config={MODULE} user_{USER}="{password}";',
            f'listener.name.rights.plain.sasl.jaas.config={MODULE} user_{OTHER}="{OLD}";',
            "listener.name.tls.ssl.keystore.type=PEM", f"listener.name.tls.ssl.keystore.location={self.store}"]

    def come_back(self, **how):
        """Kills the broker, and starts it again with another configuration."""
        self.kafka.processes[0].kill()
        self.configure(**how)
        self.kafka.start_node(1)


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    one = Strict(tmp_path_factory.mktemp("strict"))
    yield one
    one.kafka.stop(0)


class Stages:
    """A running kafkasink and a running kafkasrc, and the client configuration file that both use."""

    def __init__(self, strict, launch, topic, listener, directory, bound=BOUND):
        self.kafka, self.topic = strict.kafka, topic
        self.file, self.ca = directory / "client.properties", directory / "ca.pem"
        self.listener = listener
        shutil.copyfile(strict.authorities[0].certificate, self.ca)
        self.write(OLD)
        self.ports = [server.free_port(network.Loopback()) for _ in range(2)]
        where = (f"bootstrap-servers={strict.kafka.servers(listener)} config-file={self.file} topic={topic} "
                 f"access-timeout={bound}")
        self.sink = launch(
            "videotestsrc is-live=true ! video/x-raw,width=16,height=16,framerate=10/1 ! identity name=i silent=false ! "
            f"kafkasink {where}", options="-e -v", GST_DEBUG="2,kafkasink:5", GST_TRACERS=f"health(port={self.ports[0]})")
        self.source = launch(
            f"kafkasrc {where} auto-offset-reset=earliest group-id={topic} ! identity name=i silent=false ! "
            "fakesink async=false", options="-e -v", GST_DEBUG="2,kafkasrc:5", GST_TRACERS=f"health(port={self.ports[1]})")
        self.both = [self.sink, self.source]

    def wait_frames(self):
        wait_until(lambda: frames(self.source) >= 10, 60, "frames")

    def write(self, password):
        user = OTHER if self.listener == "rights" else USER
        self.file.write_text(
            f"security.protocol=SSL\nssl.ca.location={self.ca}\n" if self.listener == "tls" else
            f"security.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\nsasl.username={user}\nsasl.password={password}\n")

    def wait_warned(self):
        wait_until(lambda: warnings(self.sink) and warnings(self.source), 60, "warnings")
        assert [readiness(port) for port in self.ports] == [503, 503]

    def check(self):
        """Checks that sink and source continue, and that no message is missing."""
        before = frames(self.source)
        wait_until(lambda: frames(self.source) >= before + 20, 80, "frames again")
        wait_until(lambda: [readiness(port) for port in self.ports] == [200, 200], 30, "ready again")
        for one in self.both:
            assert one.running() and errors(one) == [], errors(one)
            assert len(warnings(one)) == 1, warnings(one)
        self.sink.interrupt()
        numbers = published(self)
        assert numbers == set(range(len(numbers)))
        wait_until(lambda: frames(self.source) >= len(numbers), 30, "all frames")
        self.source.interrupt()


@pytest.fixture
def locked_out(strict, launch, fresh, tmp_path):
    """Three pairs of sink and source that a restarted broker refuses: because of a certificate, a password, and missing
    rights."""
    stages = []
    for name in ("tls", "sasl", "rights"):
        strict.kafka.create_topic(f"{fresh}-{name}", 2)
        (tmp_path / name).mkdir()
        stages.append(Stages(strict, launch, f"{fresh}-{name}", name, tmp_path / name))
    for one in stages:
        one.wait_frames()
    strict.come_back(password=NEW, store=1, allowed=("ANONYMOUS",))
    for one in stages:
        one.wait_warned()
    return stages


@pytest.mark.on_request
def test_elements_continue_when_the_broker_accepts_them_again(strict, locked_out):
    strict.come_back()
    for one in locked_out:
        one.check()


def test_elements_continue_when_their_files_of_certificates_and_passwords_are_corrected(strict, locked_out):
    """librdkafka reads its files only at its start. The test first corrects the file of certificates and the file with the
    password, and at last grants the missing rights again."""
    shutil.copyfile(strict.authorities[1].certificate, locked_out[0].ca)
    locked_out[1].write(NEW)
    for one in locked_out[:2]:
        one.check()
    strict.come_back(password=NEW, store=1)
    locked_out[2].check()
    strict.come_back()


def test_elements_fail_if_their_new_certificate_file_does_not_trust_the_broker_either(strict, launch, fresh, tmp_path):
    """If the file of trusted authorities is replaced by one that doesn't hold the broker's authority either, both elements
    fail."""
    stranger = certificates.Authority(tmp_path / "stranger")
    strict.kafka.create_topic(fresh, 1)
    stages = Stages(strict, launch, fresh, "tls", tmp_path, bound=12_000_000_000)
    stages.wait_frames()
    shutil.copyfile(stranger.certificate, stages.ca)
    strict.come_back(store=1)
    for one in stages.both:
        assert one.wait(120) != 0
        assert len(errors(one)) == 1 and "certificate" in errors(one)[0], one.output()
    strict.come_back()
