#!/usr/bin/env python3
"""Cuts the samples in this folder out of the full data sets: data/README.md says which and why.

    data/make-sample.py invoices.csv.gz hadoop_bugs.csv.gz

The same input gives the same bytes (with the same zlib).
"""

import csv
import gzip
import io
import pathlib
import sys

# Ordinary days, spread over the year, that together hold every rule's case: cancelled and customerless rows, an
# invoice in two pieces, one with two times, a price of 0.001, a gift (price 0), bad-debt adjustments, summer time.
DAYS = {"2010-12-01", "2011-02-01", "2011-07-26", "2011-08-12", "2011-12-09"}
EVERY_NTH_ISSUE = 42


def cut(source: str, target: str, keep) -> None:
    with gzip.open(source, "rt", encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        header = next(rows)
        kept = [row for number, row in enumerate(rows) if keep(number, row)]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([header, *kept])
    packed = gzip.compress(text.getvalue().encode("utf-8"), compresslevel=9, mtime=0)
    (pathlib.Path(__file__).parent / target).write_bytes(packed)
    print(f"{target}: {len(kept)} records, {len(packed)} bytes")


if len(sys.argv) != 3:
    sys.exit(__doc__)
cut(sys.argv[1], "online-retail-sample.csv.gz", lambda _, row: row[4][:10] in DAYS)
cut(sys.argv[2], "hadoop-bugs-sample.csv.gz", lambda number, _: number % EVERY_NTH_ISSUE == 0)
