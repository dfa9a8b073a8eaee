# SPDX-License-Identifier: LGPL-2.1-or-later
"""Fixtures of all integration tests: real servers, fresh topics and databases, pipelines with a time limit."""

import pathlib
import sys
import uuid

import pytest

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "servers"))

import cache  # noqa: E402
import kafka_server  # noqa: E402
import messages  # noqa: E402
import mongo_server  # noqa: E402
import pipeline  # noqa: E402
import secantus_server  # noqa: E402

# The first version of librdkafka with group.protocol=consumer for production; SCRAM needs 2.6.1.
# Both Debians' are older.
NEW_LIBRARY = "confluent-kafka==2.12.0"
FAILED = pytest.StashKey()
LONGEST_NAME = 200
# Files of tests, the one that takes longest (beside other tests) first, so that no worker is busy
# long after the others. Files that aren't listed run last.
LONG_FILES = [
    "test_faults", "test_chaos", "test_live_page", "test_system", "test_link", "test_poison", "test_poison_elsewhere", "test_access",
    "test_demo", "test_topic_again", "test_secured", "test_clip", "test_damaged", "test_live", "test_kafkasrc", "test_replay",
    "test_frozen", "test_live_faults", "test_spool", "test_reading", "test_retention", "test_access_restart", "test_doctor",
    "test_documents", "test_alerts", "test_ledger", "test_mongosink", "test_kafkasink", "test_monitoring", "test_cameras",
    "test_mongosink_faults", "test_memory", "test_manifests", "test_logs", "test_clean_end"]


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="run the long forms of tests, with faults as long and as frequent as in real use")


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: measures times, or needs a processor: at most one other test marked alone runs beside it")
    config.addinivalue_line("markers", "on_request: takes a minute: run with --long")
    config.addinivalue_line("markers", "first: takes longer than the rest of its file, so it begins first")
    config.addinivalue_line("markers", "quick: takes seconds, and shows that the whole system works")


def pytest_make_parametrize_id(val):
    """Shortens the names of tests with long inputs, because each worker sends all names to all others, and pytest writes a
    name into an environment variable."""
    if isinstance(val, (bytes, str)) and len(val) > LONGEST_NAME:
        return f"{val[:20]!r} and more, {len(val)} in all"
    return None


def pytest_collection_modifyitems(items):
    """Sorts the tests: the files that take longest first, and in each file the tests marked `first` first."""
    ranks = {name: rank for rank, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: (ranks.get(item.path.stem, len(ranks)), not item.get_closest_marker("first")))


@pytest.fixture
def long(request):
    """True if pytest runs with --long, with which a test that has a long form runs this form."""
    return request.config.getoption("--long")


@pytest.fixture(scope="session", autouse=True)
def registry():
    pipeline.make_registry()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    with kafka_server.Kafka(tmp_path_factory.mktemp("kafka")) as server:
        yield server


@pytest.fixture(scope="session")
def mongo(tmp_path_factory):
    with mongo_server.Mongo(tmp_path_factory.mktemp("mongo")) as server:
        yield server


@pytest.fixture(scope="session")
def secantus(tmp_path_factory):
    """A database server with another engine than `mongo`, which also has indexes by which documents expire."""
    with secantus_server.Secantus(tmp_path_factory.mktemp("secantus")) as server:
        yield server


@pytest.fixture(scope="session")
def new_library():
    """The path of a newer librdkafka's library, which replaces the system's librdkafka if LD_PRELOAD names it."""

    def download(directory):
        wheels = directory / "wheels"
        cache.checked(["python3", "-m", "venv", directory / "venv"], "a Python environment")
        cache.checked(
            [directory / "venv/bin/pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--python-version",
             "3.11", "-d", wheels, NEW_LIBRARY], "download of librdkafka")
        cache.checked(["python3", "-m", "zipfile", "-e", next(wheels.glob("*.whl")), directory / "lib"], "unpacking")

    return next(cache.cached("librdkafka", [NEW_LIBRARY], download).glob("lib/*.libs/librdkafka*.so*"))


@pytest.fixture
def fresh():
    """Returns a unique name for topics, groups and databases."""
    return "t" + uuid.uuid4().hex[:10]


@pytest.fixture
def launch(tmp_path, request):
    """Starts pipelines. Kills the pipelines that still run at the end of a test; after a failure prints their output."""
    started = []

    def start(line, **options):
        started.append(pipeline.Pipeline(line, tmp_path / f"pipeline-{len(started)}.log", **options))
        return started[-1]

    yield start
    for one in started:
        one.kill()
    if request.node.stash.get(FAILED, False):
        for one in started:
            print(f"--- {one.line} (exit code {one.popen.returncode})\n{one.output()[-3000:]}")


@pytest.fixture
def good(launch, tmp_path):
    """Six sound pictures."""
    return messages.jpegs(launch, tmp_path, 6)


@pytest.fixture
def seen(kafka, fresh):
    """Returns the messages that a stage under test has sent to its topic `-out`."""
    one = messages.Seen(kafka, fresh + "-out")
    yield one
    one.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        item.stash[FAILED] = outcome.get_result().failed
