# SPDX-License-Identifier: LGPL-2.1-or-later
"""Draws the lines on standard input into an SVG file: picture.py FILE

The input is JSON: `lines` has the points of each line by name, and `dashed` the names of the dashed lines; `axis` is the
label of the x axis, `values` the label of the y axis; `logarithmic` is true for a logarithmic y axis."""

import json
import sys

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "evaluation"  # with a fixed salt the same points always give the same file
import matplotlib.pyplot as plot  # noqa: E402

wanted = json.load(sys.stdin)
plot.figure(figsize=(8, 4.5))
for name, line in wanted["lines"].items():
    measured = [point for point in line if point[1] is not None]
    if measured:
        plot.plot(*zip(*measured), "--" if name in wanted["dashed"] else "-o", label=name)
plot.xlabel(wanted["axis"])
plot.ylabel(wanted.get("values", "MiB/s"))
if wanted.get("logarithmic"):
    plot.yscale("log")
else:
    plot.ylim(0)
plot.grid(alpha=0.3)
plot.legend()
plot.savefig(sys.argv[1], metadata={"Date": None})
