"""What users copy from the documentation works: every YAML, every JSON, every command."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.check import check
from app.cli import build_parser
from app.commands import BUILT
from bench.docs import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"`(citypatrol [^`]*)`")

# What a part of city.yaml is put into, so that the part alone is what is checked.
AROUND = """
city: {name: Zhengzhou, code: ZZ, timezone: Asia/Shanghai}
journal: {type: sqlite, path: data/journal.db}
"""
INPUTS = "inputs: [{type: mqtt, url: 'mqtt://127.0.0.1:1883', topics: []}]\n"


def blocks(language: str) -> Iterator[object]:
    for page in PAGES:
        found = [body for name, body in BLOCK.findall(page.read_text("utf-8")) if name == language]
        for number, body in enumerate(found, start=1):
            yield pytest.param(body, id=f"{page.relative_to(ROOT)}:{number}")


def commands() -> Iterator[object]:
    for page in PAGES:
        text = page.read_text("utf-8")
        shells = "\n".join(body for name, body in BLOCK.findall(text) if name in ("", "sh"))
        typed = [line.strip() for line in shells.splitlines() if line.startswith("citypatrol ")]
        for command in dict.fromkeys([*typed, *COMMAND.findall(BLOCK.sub("", text))]):
            yield pytest.param(command, id=f"{page.relative_to(ROOT)}: {command}")


@pytest.mark.parametrize("body", list(blocks("yaml")))
def test_yaml_is_a_file_that_check_accepts(body: str, tmp_path: Path) -> None:
    """The first line names the file, by itself or by its only key; `city.yaml, part: KEY` is put
    into a whole one."""
    first = body.splitlines()[0]
    named = re.match(r"(?:# )?([\w-]+)(?:\.yaml|:)(, part: \w+)?", first)
    assert named, f"the first line of a YAML example names its file, not {first!r}"
    if named[2]:
        body = AROUND + ("" if "inputs" in named[2] else INPUTS) + body
    (tmp_path / "models").mkdir()
    (tmp_path / "models/lane.onnx").symlink_to(ROOT / "detectors/models/people.onnx")
    file = tmp_path / f"{named[1]}.yaml"
    file.write_text(body, encoding="utf-8")
    findings = check([file], env={"CAM_PASS": "x", "OMS_SECRET": "whsec_ZXhhbXBsZQ=="})
    assert [str(problem) for problem in findings.problems] == []


@pytest.mark.parametrize("body", list(blocks("json")))
def test_json_is_json(body: str) -> None:
    assert json.loads(body)


@pytest.mark.parametrize("command", list(commands()))
def test_a_command_is_one_that_the_parser_knows(command: str) -> None:
    words = shlex.split(command.replace("...", "").replace(" ID", " 1"), comments=True)[1:]
    assert words[0] in BUILT
    if len(words) == 1 or words[0] == "detect":
        return  # a mention
    parsed, unknown = build_parser().parse_known_args(words)
    assert parsed.command == words[0]
    assert unknown == []
