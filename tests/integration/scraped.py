# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads the metrics of a stage from its health tracer."""

import re
import urllib.request

import network
import server


def port():
    """A free port, for GST_TRACERS=health(port=…)."""
    return server.free_port(network.Loopback())


def scrape(on):
    with urllib.request.urlopen(f"http://127.0.0.1:{on}/metrics", timeout=30) as answer:
        body = answer.read()
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise AssertionError(f"byte {error.start} of {len(body)}: {body[max(0, error.start - 300):error.start + 300]!r}") from error


def value(on, name, reason=None):
    """Returns the sum of a metric over all elements; 0 if no element has it, or no server answers."""
    label = f'[^}}]*reason="{reason}"[^}}]*' if reason else "[^}]*"
    try:
        return sum(float(number) for number in re.findall(rf"^{name}(?:\{{{label}\}})? (\S+)$", scrape(on), re.M))
    except OSError:
        return 0
