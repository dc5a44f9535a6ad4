"""Parses the part of the Dockerfile syntax that this repository uses: no parser directives, no heredocs."""

import json
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Stage:
    """A stage: the instructions after one FROM."""

    name: str
    image: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def last(self, instruction):
        """The arguments of the last instruction of this name."""
        return [arguments for name, arguments in self.steps if name == instruction][-1]

    def environment(self):
        """The variables of all ENV instructions."""
        pairs = [pair for name, text in self.steps if name == "ENV" for pair in shlex.split(text)]
        return dict(pair.split("=", 1) for pair in pairs)


def stages(path=ROOT / "Dockerfile"):
    """The stages of a Dockerfile, in order."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    text = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        instruction, arguments = line.split(maxsplit=1)
        if instruction == "FROM":
            image, _, name = arguments.partition(" AS ")
            found.append(Stage(name, image))
        else:
            found[-1].steps.append((instruction, arguments))
    return found


def exec_form(text):
    """The words of a command that is run without a shell; fails for one that needs a shell."""
    words = json.loads(text)
    assert isinstance(words, list), text
    return words
