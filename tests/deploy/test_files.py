"""Tests of the deployment files: they are valid by their published schemas and agree with each other and the server.

ORDERWIRE is the server to ask, target/debug/orderwire unless set; PYTHONPATH has what requirements.txt lists.
"""

import os
import re
import subprocess
import sys
import tomllib
import unittest
from functools import cache
from pathlib import Path

import check_jsonschema
from ruamel.yaml import YAML

from dockerfile import ROOT, exec_form, stages

DEPLOY = ROOT / "deploy"
ORDERWIRE = Path(os.environ.get("ORDERWIRE", ROOT / "target/debug/orderwire")).resolve()

NODES = ["node1", "node2", "node3"]


def orderwire(*arguments, **environment):
    """The output of the server with only this environment."""
    done = subprocess.run(
        [ORDERWIRE, *arguments], env=environment, cwd="/", capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise AssertionError(f"orderwire {' '.join(arguments)}: {done.stderr}")
    return done.stdout


@cache
def settings():
    """Every setting of the server: its variables, and its name in the file with its default as it is written there."""
    variables, keys, section = {"PORT"}, {}, ""
    for line in orderwire("check-config", "--example").splitlines():
        if found := re.fullmatch(r"\[(\w+)\]", line):
            section = f"{found[1]}."
        elif line.startswith("# Environment: "):
            variables.update(line.removeprefix("# Environment: ").split(", or "))
        elif found := re.fullmatch(r"# (\w+) = (.*)", line):
            keys[section + found[1]] = found[2].strip('"')
    return variables, keys


def seconds(text):
    """A time such as 250ms or 20s, or a bare number of seconds."""
    number, unit = re.fullmatch(r"(\d+)(ms|s|m)?", str(text)).groups()
    return int(number) * {"ms": 0.001, "s": 1, None: 1, "m": 60}[unit]


def default(key):
    return seconds(settings()[1][key])


def compose():
    return YAML(typ="safe").load(DEPLOY / "compose.yaml")


def fly():
    return tomllib.loads((ROOT / "fly.toml").read_text())


def nginx(pattern):
    """The argument of a directive of the nginx configuration; exactly one directive must match."""
    [found] = re.findall(pattern, (DEPLOY / "nginx/orderwire.conf").read_text())
    return found


def validate(environment):
    """Runs check-config with an environment, with the variables of Compose filled in."""
    filled = {name: re.sub(r"\$\{\w+(:-([^}]*)|[^}]*)\}", r"\2", str(value)) for name, value in environment.items()}
    return orderwire("check-config", **filled | {"JWT_SECRET": "of the test, 32 bytes at the very least"})


class Schemas(unittest.TestCase):
    def check(self, schema, *paths):
        command = [sys.executable, "-m", check_jsonschema.__name__, "--builtin-schema", f"vendor.{schema}"]
        done = subprocess.run([*command, *map(str, paths)], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_compose(self):
        self.check("compose-spec", DEPLOY / "compose.yaml")

    def test_workflows(self):
        self.check("github-workflows", *(ROOT / ".github/workflows").glob("*.yml"))

    def test_dependabot(self):
        self.check("dependabot", ROOT / ".github/dependabot.yml")

    def test_dockerfile(self):
        hadolint = Path(check_jsonschema.__file__).parents[1] / "bin/hadolint"
        done = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Settings(unittest.TestCase):
    def known(self, names, where):
        variables, _ = settings()
        self.assertEqual(set(names) - variables, set(), f"{where} names what is no setting")

    def test_compose(self):
        for node in NODES:
            environment = compose()["services"][node]["environment"]
            self.known(environment, "compose.yaml")
            validate(environment)

    def test_fly(self):
        self.known(fly()["env"], "fly.toml")
        validate(fly()["env"])

    def test_dockerfile(self):
        environment = stages()[-1].environment()
        self.known(environment, "Dockerfile")
        self.assertIn('server.bind = "0.0.0.0:8080"', re.sub(" +", " ", validate(environment)))

    def test_documentation(self):
        text = (ROOT / "docs/deployment.md").read_text()
        of_compose = set(re.findall(r"^(?:# )?([A-Z_]+)=", (DEPLOY / ".env.example").read_text(), re.MULTILINE))
        self.known(set(re.findall(r"\b[A-Z]+_[A-Z_]+\b", text)) - of_compose, "docs/deployment.md")
        _, keys = settings()
        sections = {key.split(".")[0] for key in keys if "." in key}
        named = {name for name in re.findall(r"`(\w+\.\w+)`", text) if name.split(".")[0] in sections}
        self.assertGreater(len(named), 3)
        self.assertEqual(named - set(keys), set())

    def test_variables_of_compose_are_those_of_its_example(self):
        example = (DEPLOY / ".env.example").read_text()
        listed = set(re.findall(r"^(?:# )?([A-Z_]+)=", example, re.MULTILINE))
        text = (DEPLOY / "compose.yaml").read_text()
        self.assertEqual(set(re.findall(r"\$\{(\w+)", text)), listed)
        required = set(re.findall(r"\$\{(\w+):\?", text))
        self.assertEqual(required, {"JWT_SECRET", "GRAFANA_PASSWORD"})
        for name in required:
            self.assertRegex(example, rf"(?m)^{name}=$", "no secret is in the example")


class Agreement(unittest.TestCase):
    def test_nodes(self):
        services = compose()["services"]
        self.assertEqual([name for name in services if name.startswith("node")], NODES)
        servers = re.findall(r"^server (\S+) ", (DEPLOY / "nginx/servers.conf").read_text(), re.MULTILINE)
        self.assertEqual(servers, [f"{node}:8080" for node in NODES])
        prometheus = YAML(typ="safe").load(DEPLOY / "prometheus/prometheus.yml")
        targets = prometheus["scrape_configs"][0]["static_configs"][0]["targets"]
        port = services["node1"]["environment"]["METRICS_BIND"].rsplit(":")[-1]
        self.assertEqual(targets, [f"{node}:{port}" for node in NODES])

    def test_replica_set(self):
        services = compose()["services"]
        hosts = re.match(r"mongodb://(.+)/\w+\?replicaSet=rs0$", services["node1"]["environment"]["DATABASE_URL"])[1]
        script = (DEPLOY / "mongo/initiate.js").read_text()
        self.assertEqual(re.findall(r"'(\w+):27017'", script), hosts.split(","))
        for host in hosts.split(","):
            command = services[host]["command"]
            self.assertEqual(command[command.index("--replSet") + 1], "rs0")

    def test_every_service_is_limited_watched_and_depends_on_others_that_are(self):
        services = compose()["services"]
        once = {"mongo-initiate"}
        for name, service in services.items():
            with self.subTest(name):
                self.assertEqual(set(service["deploy"]["resources"]["limits"]), {"cpus", "memory"})
                self.assertRegex(service["image"], r":\S*[^:]$")
                self.assertNotRegex(service["image"], r":latest")
                if name not in once | set(NODES):  # the image of the nodes brings its own
                    self.assertIn("healthcheck", service)
                for other, how in service.get("depends_on", {}).items():
                    end = "service_completed_successfully" if other in once else "service_healthy"
                    self.assertEqual(how["condition"], end, other)
                    self.assertIn(other, services)
                for volume in service.get("volumes", []):
                    source = volume.split(":")[0]
                    if source.startswith("."):
                        self.assertTrue((DEPLOY / source).exists(), source)
                    else:
                        self.assertIn(source, compose()["volumes"])
                for port in service.get("ports", []):
                    self.assertTrue(port.startswith(("127.0.0.1:", "${PUBLISH:-127.0.0.1:")), port)

    def test_times(self):
        node = compose()["services"]["node1"]
        grace = seconds(node["environment"]["ORDERWIRE_SERVER_GRACE_PERIOD"])
        handover = seconds(node["environment"]["ORDERWIRE_SERVER_HANDOVER"])
        # The handover is at most half of the grace period that is left after closing.
        self.assertLess(handover, grace / 2)
        self.assertGreater(seconds(node["stop_grace_period"]), grace)
        kept = seconds(nginx(r"keepalive 64;\s+keepalive_timeout (\S+);"))
        self.assertLess(kept, handover)
        self.assertLess(kept, default("server.idle_timeout"))
        silence = seconds(nginx(r"proxy_read_timeout (\S+);"))
        self.assertGreater(silence, 2 * default("server.stream_keep_alive"))
        self.assertGreater(silence, 2 * default("websocket.ping_interval"))
        self.assertGreater(silence, default("server.execution_timeout"))
        limit = int(nginx(r"client_max_body_size (\d+)m;")) * 1024 * 1024
        self.assertGreater(limit, int(settings()[1]["server.body_limit"]))
        # The image itself, which works without either.
        image = stages()[-1].environment()
        self.assertLess(seconds(image["ORDERWIRE_SERVER_HANDOVER"]), default("server.grace_period") / 2)

    def test_fly(self):
        config, image = fly(), stages()[-1]
        env, service = config["env"], config["http_service"]
        self.assertEqual(str(service["internal_port"]), env["PORT"])
        self.assertEqual([check["path"] for check in service["checks"]], ["/readyz"])
        self.assertIn('"/readyz"', (ROOT / "src/http/router.rs").read_text())
        self.assertEqual(service["concurrency"]["type"], "connections")
        self.assertEqual(config["kill_signal"], image.last("STOPSIGNAL"))
        self.assertGreater(seconds(config["kill_timeout"]), seconds(env["ORDERWIRE_SERVER_GRACE_PERIOD"]))
        self.assertLess(
            seconds(env["ORDERWIRE_SERVER_HANDOVER"]), seconds(env["ORDERWIRE_SERVER_GRACE_PERIOD"]) / 2
        )
        self.assertEqual(config["mounts"]["destination"], image.last("VOLUME"))
        self.assertTrue(env["DATABASE_URL"].startswith(f"sqlite://{image.last('VOLUME')}/"))
        self.assertEqual(env["METRICS_BIND"], f"0.0.0.0:{config['metrics']['port']}")
        self.assertTrue((ROOT / config["build"]["dockerfile"]).exists())

    def test_image(self):
        image = stages()[-1]
        self.assertRegex(image.last("USER"), r"^[1-9]\d*:[1-9]\d*$")
        self.assertEqual(image.last("WORKDIR"), image.last("VOLUME"))
        self.assertIn(image.environment()["PORT"], image.last("EXPOSE").split())
        binary = "/usr/local/bin/orderwire"
        self.assertEqual(exec_form(image.last("ENTRYPOINT")), [binary])
        command = image.last("HEALTHCHECK").partition("CMD ")[2]
        self.assertEqual(exec_form(command), [binary, "health"])
        help_text = orderwire("--help")
        for word in ("health", exec_form(image.last("CMD"))[0]):
            self.assertRegex(help_text, rf"(?m)^  {word} ")

    def test_workflow_runs_what_developers_run(self):
        jobs = YAML(typ="safe").load(ROOT / ".github/workflows/ci.yml")["jobs"]
        commands = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
        self.assertIn("scripts/test", commands)
        for command in commands:
            for script in re.findall(r"scripts/\S+", command):
                self.assertTrue(os.access(ROOT / script, os.X_OK), script)
        toolchain = re.search(r"toolchain install (\d+\.\d+)", " ".join(commands))[1]
        self.assertTrue(stages()[0].image.startswith(f"rust:{toolchain}-"))
        builds = [step["with"] for job in jobs.values() for step in job["steps"] if "build-push" in step.get("uses", "")]
        self.assertEqual([with_["context"] for with_ in builds], ["."])


if __name__ == "__main__":
    unittest.main()
