# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts the results in a test runner's own record: `tally.py (meson|junit) FILE` prints the numbers passed, failed and
skipped."""

import json
import pathlib
import re
import sys
import xml.etree.ElementTree

CHECKS = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)", re.MULTILINE)


def meson(path):
    """Each check of a gst-check program counts as one test. A gst-check program that failed although none of its checks did
    counts as one failure."""
    passed = failed = skipped = 0
    for line in path.read_text().splitlines():
        program = json.loads(line)
        if program["result"] == "SKIP":
            skipped += 1
            continue
        suites = [tuple(map(int, counts)) for counts in CHECKS.findall(program.get("stdout", ""))]
        bad = sum(failures + errors for _, failures, errors in suites)
        passed += sum(checks for checks, _, _ in suites) - bad
        if program["result"] != "OK" and bad == 0:
            bad = 1
        if program["result"] == "OK" and not suites:
            passed += 1
        failed += bad
    return passed, failed, skipped


def junit(path):
    passed = failed = skipped = 0
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


reader, record = {"meson": meson, "junit": junit}[sys.argv[1]], pathlib.Path(sys.argv[2])
print(*(reader(record) if record.exists() else (0, 1, 0)))
