# SPDX-License-Identifier: LGPL-2.1-or-later
"""The demo's console: starts servers and stages, watches the topics, ends everything in order, and prints the
verdict."""

import argparse
import contextlib
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time

import confluent_kafka
import pymongo
import pymongo.errors

import control
import disturbance
import keys
import link
import stages
import tally
import topics
from stages import DemoError

# The number of partitions limits the number of replicas. Old segments may be deleted, because the
# console reads each message soon after it is published.
PARTITIONS = 10
SEGMENTS = {"segment.bytes": "16777216", "retention.bytes": "67108864"}
DRAIN_TIMEOUT = 60
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Demo:
    def __init__(self, replicas, directory, with_page):
        self.replicas, self.directory, self.with_page = replicas, directory, with_page
        self.spread = max(PARTITIONS, replicas)
        self.link, self.control = link.Link(), control.Control()
        self.kafka = stages.Server(
            "kafka", directory, "--listener", "edge=PLAINTEXT", "--advertise", f"edge={self.link.address}")
        self.mongo = stages.Server("mongo", directory)
        self.edge, self.fogs, self.cloud, self.page = None, [], None, None
        self.started_fogs, self.fog_settings = 0, {}
        self.frames, self.events, self.reports = tally.Frames(), tally.Events(), tally.Reports()
        self.topics = {}
        self.collection = None

    def start(self):
        say("starting Kafka and the database …")
        began = time.monotonic()
        kafka, database = self.kafka.start(), self.mongo.start()
        say(f"Kafka and the database answer after {time.monotonic() - began:.0f} s")
        self.collection = pymongo.MongoClient(
            database["uri"], serverSelectionTimeoutMS=5000, socketTimeoutMS=10000).fog.events
        self.link.connect(kafka["edge"])
        self._create_topics(kafka["bootstrap"])
        addresses = {"FOG_KAFKA": kafka["bootstrap"], "MONGODB_URI": database["uri"]}
        if self.with_page:
            self.page = stages.Page(self.directory, addresses, self.control.page_end)
            self.control.started()
            say(f"the live page: {self.page.address()}")
        self._start_stages(addresses)

    def _create_topics(self, bootstrap):
        wanted = {"camera": (self.spread, SEGMENTS), "database": (self.spread, {}), "feedback": (1, {})}
        topics.create(bootstrap, wanted)
        self.topics = {name: topics.Topic(bootstrap, name, count) for name, (count, _) in wanted.items()}

    def _start_stages(self, addresses):
        # auto-offset-reset=earliest, because the frames that the edge publishes before the other
        # stages have joined their groups must be counted too
        first = {**addresses, "SOURCE_OPTIONS": "auto-offset-reset=earliest"}
        index = os.environ.get("MONGO_OPTIONS", "create-index=captured,camera,faces")  # for the page's history
        self.cloud = stages.Stage("cloud", "cloud", self.directory, {**first, "MONGO_OPTIONS": index})
        self.fog_settings = {**first, "FACES_OPTIONS": f"report-interval=1000000000 {os.environ.get('FACES_OPTIONS', '')}"}
        for _ in range(self.replicas):
            self.add_fog()
        self.edge = stages.Stage(
            "edge", "edge", self.directory, {**addresses, "FOG_KAFKA": self.link.address, "SOURCE": stages.source()})
        time.sleep(0.5)  # after this time each stage has printed its line, and a stage that can't start has ended
        for stage in [self.edge, *self.fogs, self.cloud]:
            say(f"{stage.name}: {stage.line()}")

    def add_fog(self):
        self.started_fogs += 1
        name = f"fog-{self.started_fogs}"
        self.fogs.append(stages.Stage("fog", name, self.directory, {**self.fog_settings, "REPLICA": name}))
        return self.fogs[-1]

    def all_stages(self):
        return [stage for stage in [self.edge, *self.fogs, self.cloud, self.page] if stage]

    def watch(self, seconds, signals):
        """Shows the running system until a signal comes, or, if `seconds` is given, until that time is over."""
        disturbing = disturbance.Disturbance(self, self._say_everywhere)
        with keys.Keys() as pressed:
            if pressed.there():
                say(disturbing.help())
            try:
                self._watch(seconds, signals, lambda: self._act(disturbing, pressed))
            finally:
                disturbing.end()

    def _say_everywhere(self, text):
        say(f"--- {text}")
        self.control.say(text)

    def _act(self, disturbing, pressed):
        """Performs the actions of the pressed key and of the page's buttons."""
        disturbing.act([pressed.pressed(), *self.control.wanted()])
        self.control.offer(disturbing.offers())

    def _watch(self, seconds, signals, act):
        begin = before = time.monotonic()
        shown = 0
        while not signals and (seconds is None or time.monotonic() < begin + seconds):
            act()
            self.read()
            now = time.monotonic()
            if now - before >= 1:
                for stage in self.all_stages():
                    stage.check()
                say(self._line(now - begin, (self.frames.messages - shown) / (now - before)))
                before, shown = now, self.frames.messages

    def _line(self, elapsed, camera_rate):
        now = time.time()
        captured, faces, age = self.events.newest or (0, 0, None)
        seen = faces if now - captured < 1 + (age or 0) else 0
        return (
            f"{elapsed:5.0f} s   camera {camera_rate:4.1f}/s   fog {self.reports.rate(now):4.1f}/s   faces {seen}   "
            f"waiting {self.reports.waiting(now)}   age {'-' if age is None else f'{age:.2f} s'}   "
            f"documents {self.collection.estimated_document_count()}")

    def read(self):
        for message in self.topics["camera"].read(0.1):
            self.frames.add(topics.headers(message))
        for message in self.topics["database"].read(0.02):
            self.events.add(message.value(), time.time())
        for message in self.topics["feedback"].read(0.02):
            self.reports.add(message.value(), time.time())

    def end(self):
        """Ends the stages in the order edge, fog, cloud, so that each stage has received all messages
        before it ends."""
        say("ending the edge, then the fog when it has counted everything, then the cloud …")
        self.edge.end()
        unread = self.topics["camera"].wait_until_read_by("fog", DRAIN_TIMEOUT, self.read)
        for fog in self.fogs:
            fog.end()
        unread += self.topics["database"].wait_until_read_by("cloud", DRAIN_TIMEOUT, self.read)
        self.cloud.end()
        if self.page:
            self.page.end()
        return unread + self._read_the_rest()

    def _read_the_rest(self):
        """Reads the last messages, and returns the number of messages that the console could not read in time."""
        deadline = time.monotonic() + DRAIN_TIMEOUT
        while (rest := sum(topic.unread() for topic in self.topics.values())) and time.monotonic() < deadline:
            self.read()
        return rest

    def verdict(self, unread):
        documents = list(self.collection.find({}, {"faces": 1, "camera": 1, "seq": 1}))
        return tally.Verdict(self.frames, self.events, self.reports, documents, unread)

    def close(self):
        for stage in self.all_stages():
            stage.kill()
        for topic in self.topics.values():
            topic.close()
        self.link.close()
        self.control.close()
        for server in (self.kafka, self.mongo):
            server.stop()


def say(text):
    print(text, flush=True)


@contextlib.contextmanager
def noted_signals():
    """Notes signals in a list instead of raising an exception, because an exception during a read would
    lose messages."""
    noted = []
    before = {number: signal.signal(number, lambda got, frame: noted.append(got)) for number in ENDING}
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(demo, seconds):
    demo.start()
    with noted_signals() as signals:
        demo.watch(seconds, signals)
    if signals:
        say("")
    verdict = demo.verdict(demo.end())
    say("\n".join(verdict.describe()))
    say("documents and frames agree" if verdict.agrees() else "documents and frames do NOT agree")
    return 0 if verdict.agrees() else 1


def interrupt(number, frame):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--replicas", type=int, default=1)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--no-live", action="store_true")
    options = parser.parse_args()
    for number in ENDING:
        signal.signal(number, interrupt)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="gst-fog-demo-"))
    if options.keep:
        say(f"logs and data stay in {directory}")
    helper = None if options.keep else stages.remove_with_this_process(directory)
    demo = Demo(options.replicas, directory, not options.no_live)
    try:
        return run(demo, options.seconds)
    except KeyboardInterrupt:
        say("interrupted: no summary")
        return 130
    except DemoError as error:
        print(error, file=sys.stderr)
        return 1
    except confluent_kafka.KafkaException as error:
        print(f"Kafka does not answer: {error.args[0].str()}", file=sys.stderr)
        return 1
    except pymongo.errors.PyMongoError as error:
        print(f"The database does not answer: {error}", file=sys.stderr)
        return 1
    finally:
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        demo.close()
        if helper:
            shutil.rmtree(directory, ignore_errors=True)
            helper.kill()
            helper.wait()


sys.exit(main())
