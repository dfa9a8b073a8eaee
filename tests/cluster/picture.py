#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Draws the samples that experiments.py recorded: picture.py RECORD.json PICTURE.svg [TITLE]."""

import json
import pathlib
import sys

import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

ROWS = [
    ("replicas", "fog replicas"), ("cpu", "CPU of the fog, cores"), ("demand", "demand"), ("lag", "frames waiting"),
    ("rate", "frames/s counted"), ("age", "age on arrival, s")]


def draw(record, picture, title):
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "gst-fog", "font.size": 8})
    figure, axes = plt.subplots(len(ROWS), 1, sharex=True, figsize=(8, 9))
    for axis, (name, label) in zip(axes, ROWS):
        points = [(sample["t"] / 60, sample[name]) for sample in record["samples"] if sample[name] is not None]
        axis.plot(*zip(*points), drawstyle="steps-post" if name == "replicas" else "default", linewidth=1.2)
        axis.set_ylabel(label)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        for at, _ in record["marks"]:
            axis.axvline(at / 60, color="gray", linestyle=":", linewidth=1)
    for at, text in record["marks"]:
        axes[0].annotate(text, (at / 60, 1.02), xycoords=("data", "axes fraction"), fontsize=8)
    axes[-1].set_xlabel("minutes")
    figure.suptitle(title)
    figure.tight_layout()
    figure.savefig(picture, metadata={"Date": None} if str(picture).endswith("svg") else None)


if __name__ == "__main__":
    draw(json.loads(pathlib.Path(sys.argv[1]).read_text()), sys.argv[2], " ".join(sys.argv[3:]))
