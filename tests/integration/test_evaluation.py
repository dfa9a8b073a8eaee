# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tests the functions of tests/evaluation that compute: reports, the autoscaler's rules, the relay's parser, and the
slowdown at which counting on the edge takes as long as in the fog."""

import re
import struct
import sys

import bson
import pipeline
import pytest

sys.path.insert(0, str(pipeline.TOP / "tests" / "evaluation"))
import changes  # noqa: E402
import placement  # noqa: E402
import rates  # noqa: E402
import relay  # noqa: E402
import report  # noqa: E402
import scaling  # noqa: E402
import tables  # noqa: E402
import whole  # noqa: E402


def autoscaler(up=(("Percent", 100, 180),), up_window=0, down_window=300):
    return scaling.Autoscaler(
        scaling.Behaviour(list(up), up_window), scaling.Behaviour([("Percent", 100, 15)], down_window), 1, 10)


def test_the_autoscaler_ignores_a_load_that_differs_by_less_than_a_tenth():
    assert [scaling.replicas_for(5, 5, ratio) for ratio in (0.5, 0.91, 1.09, 1.11, 2)] == [3, 5, 5, 6, 10]
    assert [scaling.replicas_sharing(5, needed, 1) for needed in (2.5, 4.55, 5.45, 5.55, 10)] == [3, 5, 5, 6, 10]


def test_the_autoscaler_doubles_the_replicas_at_most_once_in_180_s():
    scaler, replicas, seen = autoscaler(), 1, []
    for time in range(0, 400, 15):
        replicas = scaler.look(time, replicas, 10)
        seen.append(replicas)
    assert [seen.index(number) * 15 for number in (2, 4, 8)] == [0, 180, 360]


def test_the_autoscaler_grows_only_to_the_least_number_asked_for_in_its_window():
    scaler = autoscaler(up=[("Pods", 4, 30)], up_window=35)
    assert scaler.look(0, 1, 1) == 1
    assert [scaler.look(time, 1, asked) for time, asked in ((15, 5), (30, 4))] == [1, 1]
    assert scaler.look(45, 1, 5) == 4


def test_the_autoscaler_shrinks_only_after_its_window_of_300_s():
    scaler = autoscaler()
    scaler.look(0, 8, 8)
    assert [scaler.look(time, 8, 2) for time in (15, 300)] == [8, 8]
    assert scaler.look(315, 8, 2) == 2


@pytest.mark.parametrize("scaler", scaling.SCALERS)
def test_no_frame_is_late_while_one_replica_can_count_all_frames(scaler):
    found = scaling.simulate(*scaling.SCALERS[scaler], scaling.Trace(lambda time: 4, 300))
    assert found["late"] == found["withheld"] == found["changes"] == 0
    assert 0.7 < found["slack"] < 0.8


def test_most_frames_are_late_while_an_autoscaler_follows_the_lag():
    """An autoscaler that follows the lag needs hundreds of waiting frames to add a replica, so most frames wait for
    over a second."""
    found = scaling.simulate(*scaling.SCALERS["KEDA by lag, cameras of a fixed rate"], scaling.Trace(lambda time: 20, 300))
    assert found["late"] > 0.6


def test_restarts_of_a_replica_change_the_fog_more_often_if_it_scales_by_demand_than_by_needed_replicas():
    trace = scaling.Trace(lambda time: 72, 1800, scaling.SLOW_START_S, 307)
    by_need, by_demand = (scaling.simulate(make, True, trace)["changes"] for make in (scaling.ByNeed, lambda: scaling.ByDemand(0)))
    assert by_need < by_demand


def test_the_slowdown_at_which_the_edge_needs_as_long_as_the_fog_is_interpolated():
    assert placement.crossing({1: 0.1, 2: 0.2, 4: 0.4}, 0.3) == pytest.approx(3)
    assert placement.crossing({1: 0.1, 2: 0.2}, 0.3) is None


def message(command, more=b""):
    body = struct.pack("<i", 0) + b"\0" + bson.encode(command) + more
    return relay.HEADER.pack(relay.HEADER.size + len(body), 1, 0, relay.OP_MSG) + body


def test_the_relay_finds_inserted_documents_in_both_kinds_of_op_msg_sections():
    documents = [{"_id": number, "captured": "then"} for number in range(3)]
    assert relay.inserted(message({"insert": "events", "documents": documents})) == documents
    payload = b"documents\0" + b"".join(map(bson.encode, documents))
    assert relay.inserted(message({"insert": "events"}, b"\1" + struct.pack("<i", len(payload) + 4) + payload)) == documents
    assert relay.inserted(message({"find": "events"})) == []


def test_the_relay_reads_the_capture_times_of_both_systems_documents():
    instant = relay.seconds_of("2026-11-30T12:00:00.250Z")
    stored = bson.decode(bson.encode({"captured": relay.datetime.datetime.fromtimestamp(instant, relay.datetime.timezone.utc)}))
    assert relay.captured(stored) == pytest.approx(instant)
    local = relay.datetime.datetime.fromtimestamp(instant)
    assert relay.captured({"time": str(local)}) == pytest.approx(instant)


def test_the_table_that_the_rate_simulation_prints_is_parsed():
    row = "| partitions, placement | adaptive       | 0.990 |   0.449 |   0.940 |   1.115 |   1.3 |  100 |   0 |  1.0 |"
    head = "| model | rule | utilisation | p50 s | p95 s | p99 s | max s | counted | dropped | changes/min |"
    assert rates.parsed(f"{head}\n{row}\n") == {"partitions, placement": {"adaptive": {"utilisation": 0.99, "p95": 0.94}}}


def test_a_rate_rule_misses_its_goal_by_a_low_utilisation_or_old_frames():
    def found(utilisation, p95):
        return {"one shared queue": {"oracle": {"utilisation": 1.0, "p95": 0.3}, "adaptive": {"utilisation": utilisation, "p95": p95}}}

    assert rates.misses(found(0.99, 0.6), "one shared queue", "adaptive") == ""
    assert "0.970" in rates.misses(found(0.97, 0.6), "one shared queue", "adaptive")
    assert "0.40 s" in rates.misses(found(0.99, 0.7), "one shared queue", "adaptive")


def test_quantiles_are_computed_for_three_ages_and_for_none():
    assert whole.quantiles([]) == {"documents": 0}
    assert whole.quantiles([3, 1, 2]) == {"documents": 3, "p50": 2, "p95": 3, "p99": 3}


def test_ages_are_those_of_frames_captured_soon_after_the_link_is_back():
    soon, late = 100.0, 100.0 + changes.RETURNED_S
    arrivals = [(0, 90.0, 99.0), (1, soon, soon + 0.5), (1, soon, soon + 7), (3, soon + 1, soon + 1.25), (4, late, late + 5)]
    found = changes.summary(arrivals, 6, 90.0, [100.0])
    assert (found["captured"], found["lost"], found["documents"]) == (6, 2, 2)
    assert (found["p50"], found["p95"]) == (0.5, 0.5)
    assert found["curve"] == [[0, 9.0], [10, 0.5], [11, 0.25], [28, 5.0]]


def test_unknown_number_of_captured_frames_is_computed_from_the_highest_number_that_arrived():
    assert changes.summary([(0, 1.0, 1.5), (3, 2.0, 2.5)], None, 0.0, [50.0])["lost"] == 2
    assert changes.summary([], None, 0.0, [50.0]) == {"captured": 0, "lost": 0, "arrived/s": 0, "curve": [], "documents": 0}


@pytest.mark.parametrize("name", ["whole", "placement", "rates", "scaling", "changes", "applications", "clients"])
def test_a_failed_measurement_is_reported_with_its_reason(name, tmp_path):
    key = {"whole": "texture/study", "placement": "ours/edge/9.46", "rates": "half", "changes": "moved/ours", "applications": "4K", "clients": "Ethernet/kafkasink",
           "scaling": "day/KEDA by needed replicas, cameras that follow the fog"}[name]
    point = {"failed": "ended with code 3", "date": "2026-11-30", "commit": "abc", "kernel": "6", "machine": "one", "load": 1.5}
    text = "\n".join(report.section({f"{name}/{key}": point}, name, tables.TABLES[name], tmp_path))
    assert f"- failed: {key}: ended with code 3" in text
    assert re.search(r"^\|.*\bfailed\b.*\|$", text, re.M), text
    assert "The load of the minute before each point was 1.5" in text
