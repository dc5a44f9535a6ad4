"""Runs the first stage of the Dockerfile without Docker, in a folder that holds only the files of the build context:
what is committed and .dockerignore lets through. Each RUN is run as it is written, except that `cargo build --profile dist` is
`cargo check`, which reads the same files and takes a fraction of the time. Shows that what is copied is enough, and that
the last build takes the real program and not the empty one before it.

    replay.py     needs git and cargo; compiled dependencies go to, and come from, CARGO_TARGET_DIR or target/
"""

import fnmatch
import os
import shutil
import subprocess
import sys
from pathlib import Path

from dockerfile import ROOT, stages

OLD = 946_684_800  # in 2000: files of a checkout may be older than what an earlier layer compiled


def let_through(path, patterns):
    """Whether .dockerignore lets a file through: the last pattern that matches it, or a folder it is in, decides."""
    parts = path.split("/")
    prefixes = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    taken = True
    for pattern in patterns:
        wanted = pattern.removeprefix("!")
        # `*` stays within one level.
        matches = any(
            prefix.count("/") == wanted.count("/") and fnmatch.fnmatchcase(prefix, wanted) for prefix in prefixes
        )
        if matches:
            taken = pattern.startswith("!")
    return taken


def context():
    """The files of the build context."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    lines = map(str.strip, (ROOT / ".dockerignore").read_text().splitlines())
    patterns = [line for line in lines if line and not line.startswith("#")]
    return [path for path in listed.split("\0") if path and let_through(path, patterns)]


def copy(arguments, files, folder):
    """COPY: each source must exist."""
    *sources, target = arguments.split()
    for source in sources:
        found = [path for path in files if path == source or path.startswith(f"{source}/")]
        if not found:
            sys.exit(f"COPY {arguments}: {source} is not committed, or .dockerignore holds it back")
        for path in found:
            inside = path.removeprefix(source).lstrip("/")
            # A folder's content is copied; a file goes into the target when that is a folder.
            name = inside or (Path(source).name if target.endswith("/") else "")
            to = folder / target / name if name else folder / target
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, to)
            os.utime(to, (OLD, OLD))


def run(command, folder, environment):
    """RUN: returns what the command printed on standard error."""
    command = command.replace("cargo build --profile dist", "cargo check")
    print(f"RUN {command}", flush=True)
    shell = subprocess.Popen(["bash", "-c", command], cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
    told = []
    for line in shell.stderr:
        print(f"  {line}", end="", flush=True)
        told.append(line)
    if shell.wait() != 0:
        sys.exit(f"RUN {command}: exit code {shell.returncode}")
    return "".join(told)


def main():
    stage, *_, final = stages()
    files = context()
    target = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target"))
    # Without colours, because the output is searched below.
    environment = os.environ | {"CARGO_TARGET_DIR": target, "CARGO_TERM_COLOR": "never", "CARGO_TERM_QUIET": "false"}
    told = ""
    # Always the same folder, because cargo's fingerprints depend on it.
    folder = ROOT / "target/image"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for instruction, arguments in stage.steps:
        match instruction:
            case "WORKDIR":
                pass
            case "COPY":
                print(f"COPY {arguments}", flush=True)
                copy(arguments, files, folder)
            case "RUN":
                told = run(arguments, folder, environment) or told
            case other:
                sys.exit(f"{other}: this script does not know what that does")
    if "Checking orderwire" not in told:
        sys.exit("the last build took the empty program for the real one")
    for instruction, arguments in final.steps:
        if instruction == "COPY" and not arguments.startswith("--from="):
            *sources, _ = arguments.split()
            missing = [source for source in sources if source not in files]
            if missing:
                sys.exit(f"COPY {arguments}: not there: {missing}")
    print("what the Dockerfile copies is enough to build")


main()
