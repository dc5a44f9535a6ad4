"""Tests of dashboards and alerts: they name only metrics that the server has, and Prometheus's tools accept the metrics.

ORDERWIRE is the server to ask, target/debug/orderwire unless set, ORDERWIRE_TEST_PROMTOOL the promtool.
"""

import json
import os
import re
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path

from ruamel.yaml import YAML

from dockerfile import ROOT

ORDERWIRE = Path(os.environ.get("ORDERWIRE", ROOT / "target/debug/orderwire")).resolve()
PROMTOOL = os.environ.get("ORDERWIRE_TEST_PROMTOOL", "promtool")
DASHBOARD = ROOT / "deploy/grafana/dashboards/orderwire.json"
RULES = ROOT / "deploy/prometheus/rules/orderwire.yaml"
OPERATIONS = ROOT / "docs/operations.md"

# Labels that Prometheus adds.
TARGET_LABELS = {"job", "instance"}
SCRAPED = {"up": set()}
WORDS = {"by", "without", "on", "ignoring", "group_left", "group_right", "bool", "offset", "and", "or", "unless", "inf"}


def documented():
    """Each metric in the table of docs/operations.md, with its labels. A Rust test holds the table to the
    declarations."""
    series = dict(SCRAPED)
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \|", OPERATIONS.read_text(), re.MULTILINE)
    for name, kind, labels in rows:
        labels = set(re.findall(r"`(\w+)`", labels))
        if kind == "histogram":
            series |= {f"{name}_bucket": labels | {"le"}, f"{name}_sum": labels, f"{name}_count": labels}
        else:
            series[name] = labels
    return series


def selectors(expression):
    """The metrics that an expression names, each with the labels that are matched, and the labels it groups by."""
    text = re.sub(r'"(?:[^"\\]|\\.)*"', '""', expression)
    grouping = [
        label.strip()
        for labels in re.findall(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)", text)
        for label in labels.split(",")
        if label.strip()
    ]
    text = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", text)
    text = re.sub(r"\[[^\]]*\]", " ", text)
    found = []
    for match in re.finditer(r"([a-zA-Z_:][\w:]*)\s*(\(|\{([^}]*)\})?", text):
        name, what_follows, matchers = match.groups()
        if what_follows == "(" or name in WORDS:
            continue
        found.append((name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers or ""))))
    return found, set(grouping)


def promtool(*arguments, text=None):
    done = subprocess.run([PROMTOOL, *map(str, arguments)], input=text, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def dashboard():
    return json.loads(DASHBOARD.read_text())


def panels():
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def dashboard_expressions():
    queries = [target["expr"] for panel in panels() for target in panel["targets"]]
    return queries + [annotation["expr"] for annotation in dashboard()["annotations"]["list"]]


def rules():
    return [rule for group in YAML(typ="safe").load(RULES)["groups"] for rule in group["rules"]]


def wrong(expression):
    """The metrics and labels of an expression that do not exist."""
    found, grouping = selectors(expression)
    series = documented()
    known = TARGET_LABELS.union(*(series.get(name, set()) for name, _ in found))
    yield from (f"no metric {name}" for name, _ in found if name not in series)
    for name, labels in found:
        yield from (f"{name} has no label {label}" for label in sorted(labels - series.get(name, labels) - TARGET_LABELS))
    yield from (f"no label {label} to group by" for label in sorted(grouping - known))


class Names(unittest.TestCase):
    def check(self, expressions):
        self.assertGreater(len(expressions), 5)
        for expression in expressions:
            with self.subTest(expression):
                self.assertEqual(list(wrong(expression)), [])
                self.assertGreater(len(selectors(expression)[0]), 0)

    def test_dashboard(self):
        self.check(dashboard_expressions())

    def test_rules(self):
        self.check([rule["expr"] for rule in rules()])

    def test_the_check_itself(self):
        found, grouping = selectors('sum by (le, x) (rate(a_b{c=~"d{e}", f!="g"}[5m])) / scalar(max(h)) > 0.5 * 2')
        self.assertEqual(found, [("a_b", {"c", "f"}), ("h", set())])
        self.assertEqual(grouping, {"le", "x"})
        for expression, fault in [
            ("rate(orderwire_operation_total[5m])", "no metric orderwire_operation_total"),
            ('up{x="a"} and orderwire_feed_head', "up has no label x"),
            ("sum by (field) (orderwire_connections)", "no label field to group by"),
        ]:
            self.assertEqual(list(wrong(expression)), [fault])

    def test_legends_name_labels_that_are_there(self):
        for panel in panels():
            for target in panel["targets"]:
                wanted = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", target["legendFormat"]))
                _, grouping = selectors(target["expr"])
                aggregated = re.search(r"\b(sum|min|max|count)\b", target["expr"].replace("scalar(max(", ""))
                if aggregated:
                    self.assertEqual(wanted - grouping, set(), panel["title"])

    def test_panels_do_not_overlap_and_use_the_data_source_that_is_chosen(self):
        taken = set()
        for panel in dashboard()["panels"]:
            at = panel["gridPos"]
            cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
            self.assertFalse(taken & cells, panel["title"])
            self.assertLessEqual(at["x"] + at["w"], 24)
            taken |= cells
        for panel in panels():
            self.assertEqual(panel["datasource"]["uid"], "${datasource}")

    def test_alerts_say_what_to_do(self):
        text = OPERATIONS.read_text()
        headings = set(re.findall(r"^### (\w+)$", text, re.MULTILINE))
        self.assertEqual({rule["alert"] for rule in rules()}, headings)
        for rule in rules():
            self.assertEqual(rule["annotations"]["runbook"], f"docs/operations.md#{rule['alert'].lower()}")
            self.assertIn(rule["labels"]["severity"], {"warning", "critical"})
            self.assertTrue(rule["annotations"]["summary"])


class Promtool(unittest.TestCase):
    def good(self, *arguments, text=None):
        status, told = promtool(*arguments, text=text)
        self.assertEqual(status, 0, told)

    def test_configuration_and_rules(self):
        self.good("check", "config", ROOT / "deploy/prometheus/prometheus.yml")
        self.good("check", "rules", RULES)
        pattern = YAML(typ="safe").load(ROOT / "deploy/prometheus/prometheus.yml")["rule_files"]
        self.assertEqual([RULES], [path for glob in pattern for path in (ROOT / "deploy/prometheus").glob(glob)])

    def test_what_fires(self):
        self.good("test", "rules", ROOT / "tests/deploy/rules.test.yaml")

    def test_queries_of_the_dashboard(self):
        queries = [query.replace("$__rate_interval", "1m") for query in dashboard_expressions()]
        rules = [{"record": f"query:{number}", "expr": query} for number, query in enumerate(queries)]
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
            file.flush()
            self.good("check", "rules", file.name)

    def test_what_a_server_tells(self):
        with tempfile.TemporaryDirectory() as folder, Demo(folder) as demo:
            text = demo.metrics_after_some_traffic()
        self.good("check", "metrics", text=text)
        series = documented()
        for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", text, re.MULTILINE):
            self.assertIn(name, series)
            self.assertEqual(set(re.findall(r'(\w+)="', labels)), series[name], name)


class Demo:
    """`orderwire demo` with metrics."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        self.log = Path(self.folder, "log")
        command = [ORDERWIRE, "demo", "--bind", "127.0.0.1:0", "--every", "50ms", "--set", "metrics.bind=127.0.0.1:0"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, env={"TMPDIR": self.folder}, stdout=log, stderr=log)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    def find(self, pattern):
        deadline = time.monotonic() + 60
        while not (found := re.search(pattern, self.log.read_text())):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{pattern} is not in the log:\n{self.log.read_text()}")
            time.sleep(0.05)
        return found[1]

    def metrics_after_some_traffic(self):
        metrics = self.find(r"metrics are at (http://[^\s\x1b]+)")
        url = self.find(r"listening on (http://[\d.:]+)")
        body = json.dumps({"query": "query Named { products { nodes { name } } }"}).encode()
        request = urllib.request.Request(f"{url}/graphql", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200
        deadline = time.monotonic() + 30
        while True:
            with urllib.request.urlopen(metrics, timeout=10) as answer:
                text = answer.read().decode()
            lag = re.search(r"^orderwire_event_lag_seconds_count (\d+)$", text, re.MULTILINE)
            if 'operation="Named"' in text and lag and int(lag[1]) > 0:
                return text
            if time.monotonic() > deadline:
                raise AssertionError(f"nothing happens:\n{text}")
            time.sleep(0.05)


if __name__ == "__main__":
    unittest.main()
