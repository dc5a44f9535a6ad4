#!/usr/bin/env python3
"""Draws what `run-reads.sh growth` has measured: `reads-plot.py RESULTS SVG`. Needs matplotlib."""

import json
import statistics
import sys

import matplotlib
from matplotlib.ticker import FuncFormatter

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "orderwire"  # the same figures give the same file
import matplotlib.pyplot as plt  # noqa: E402

WORKLOADS = {
    "product": ("product(id)", "#1b6ca8"),
    "page": ("products(first: 50, after)", "#c2571a"),
    "orders": ("a customer's 20 newest orders", "#3a7d44"),
}
PANELS = [
    ("latency p50, ms", lambda one: one["p50Ms"]),
    ("latency p99, ms", lambda one: one["p99Ms"]),
    ("memory of the server, MiB", lambda one: one["peakKib"] / 1024),
]


def main(results, target):
    with open(results, encoding="utf-8") as lines:
        rounds = [json.loads(line) for line in lines]
    sizes = sorted({one["orders"] for one in rounds})
    figure, axes = plt.subplots(1, len(PANELS), figsize=(11, 3.4))
    for axis, (title, of) in zip(axes, PANELS):
        for workload, (label, colour) in WORKLOADS.items():
            medians = [
                statistics.median(of(one) for one in rounds if (one["orders"], one["workload"]) == (size, workload))
                for size in sizes
            ]
            axis.plot(sizes, medians, marker="o", color=colour, label=label)
        axis.set_title(title, fontsize=10)
        axis.set_xscale("log")
        axis.set_ylim(bottom=0)
        axis.set_xticks(sizes)
        axis.set_xticklabels([f"{size:,}" for size in sizes], fontsize=8)
        axis.minorticks_off()
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_xlabel("orders", fontsize=9)
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(target, metadata={"Date": None})


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: reads-plot.py RESULTS SVG")
    main(*sys.argv[1:])
