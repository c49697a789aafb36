"""The job that comments a change of rules: YAML that GitHub reads, with options that we have."""

import re
import shlex
from pathlib import Path
from typing import Any

import yaml

from app.cli import build_parser

TEXT = (Path(__file__).parents[2] / "docs/ops.md").read_text(encoding="utf-8")


def _job() -> dict[Any, Any]:
    body = re.search(r"```yml\n# \.github/workflows/rules\.yml\n(.*?)```", TEXT, re.DOTALL)
    assert body is not None
    job: dict[Any, Any] = yaml.safe_load(body[1])
    return job


def test_it_is_a_workflow() -> None:
    job = _job()
    assert set(job) == {"name", True, "permissions", "jobs"}  # YAML 1.1 reads `on` as true
    assert job[True] == {"pull_request": {"paths": ["rules/**"]}}
    assert job["permissions"]["pull-requests"] == "write"
    steps = job["jobs"]["diff"]["steps"]
    assert all(("run" in step) != ("uses" in step) for step in steps)


def test_no_text_from_outside_is_put_into_a_shell() -> None:
    assert not any("${{" in step.get("run", "") for step in _job()["jobs"]["diff"]["steps"])


def test_its_commands_are_ours() -> None:
    runs = [step["run"] for step in _job()["jobs"]["diff"]["steps"] if "run" in step]
    ours = [
        words for run in runs for words in re.split(r"&&|>", run) if "citypatrol" in words.split()
    ]
    assert len(ours) == 3
    for words in ours:
        build_parser().parse_args(shlex.split(words)[1:])
