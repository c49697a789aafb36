"""A camera process crashes (SIGSEGV), then another hangs (SIGSTOP): what it costs everybody else.

`python -m bench.drill_camera`: `citypatrol run` as it ships reads 60 cameras of a real RTSP server
in three processes, and readings over MQTT at the same time. Frames are counted where they arrive:
by their samples in the journal.
"""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench.generator import read_account
from bench.report import arguments, report
from bench.servers.clip import make_clip
from bench.servers.free_port import free_port
from bench.servers.mosquitto import mosquitto
from bench.servers.pipeline import Pipeline, children
from bench.servers.rtsp import rtsp_server
from citypatrol.clock import SystemClock
from citypatrol.journal_sqlite import SqliteJournal
from citypatrol.samples import Batch
from ingest.camera import MOST_PER_PROCESS

CAMERAS: Final = 60
RATE: Final = 200.0
BAR_S: Final = 15.0
HARM_S: Final = 2.0
"""How much longer than before a neighbour's largest gap may be: the cores are shared."""
FRESH_S: Final = 4.0
CITY = """
city: {{name: Drill, code: DR, timezone: Asia/Shanghai}}
cameras: cameras.yaml
rules: [rules.yaml]
journal: {{type: sqlite, path: data/journal.db}}
inputs:
  - type: mqtt
    url: mqtt://127.0.0.1:{mqtt}
    topics:
      - {{match: "city/{{district}}/{{kind}}/{{source}}/{{metric}}", payload: plain}}
      - {{match: "city/{{district}}/{{kind}}/{{source}}", payload: json}}
http: {{listen: "127.0.0.1:{http}"}}
"""
RULES = """
rules:
  - name: flooded
    select: {metric: water_level}
    when: {above: 15, for: 2s, at_least: 2 samples}
    clear: {below: 10}
    ticket: {category: road.flooding, title: "{source.name}"}
  - name: camera-blind
    select: {metric: camera.fault}
    when: {above: 0.5, for: 30s, at_least: 3 samples}
    ticket: {category: device.camera, title: "{source.name}"}
"""


@dataclass(slots=True)
class Account:
    """What the journal holds. ``frames``: when each camera's frames were decoded, ms."""

    frames: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    readings: set[int] = field(default_factory=set)


def camera(number: int) -> str:
    return f"cam-{number:03d}"


async def account(path: Path) -> Account:
    journal = SqliteJournal(path, clock=SystemClock())
    found, position = Account(), 0
    while entries := await journal.read("drill", after=position, limit=2000):
        position = entries[-1].position
        for batch in (entry.record for entry in entries if isinstance(entry.record, Batch)):
            for sample in batch.samples():
                if sample.metric == "camera.brightness":
                    found.frames[sample.source].append(sample.ts)
                elif sample.metric == "number":
                    found.readings.add(int(sample.value))
    await journal.close()
    return found


def largest_gap_s(frames: Mapping[str, Sequence[int]], *, after: int, before: int) -> float:
    """The longest wait for a frame of any of these cameras within the time."""
    longest = 0
    for times in frames.values():
        inside = [after, *sorted(at for at in times if after < at < before), before]
        longest = max(longest, *(b - a for a, b in itertools.pairwise(inside)))
    return round(longest / 1000, 1)


def back_s(frames: Mapping[str, Sequence[int]], *, after: int) -> float:
    """Until the last of these cameras gave a frame again."""
    first = [min((at for at in times if at > after), default=after + 10**6)
             for times in frames.values()]  # fmt: skip
    return round((max(first) - after) / 1000, 1)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def _ages(url: str) -> list[float]:
    with urllib.request.urlopen(f"{url}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return [float(line.split()[1]) for line in lines if line.startswith("citypatrol_camera_age_")]


def _until_all_fresh(url: str, *, timeout_s: float = 90.0) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        ages = _ages(url)
        if len(ages) == CAMERAS and max(ages) < FRESH_S:
            return
        time.sleep(0.5)
    message = f"not every camera gave frames within {timeout_s:.0f} s"
    raise RuntimeError(message)


def _camera_processes(run: Pipeline) -> list[int]:
    """In the order of their start, which is that of the cameras in the file."""
    found = []
    for pid in sorted(children(run.pid)):
        if b"ingest.camera_child" in Path(f"/proc/{pid}/cmdline").read_bytes():
            found.append(pid)
    return found


def _strike(run: Pipeline, url: str, *, process: int, sign: signal.Signals, settle_s: float) -> int:
    """Send the signal to one camera process; when that was. Returns when all is well again."""
    at = now_ms()
    os.kill(process, sign)
    time.sleep(FRESH_S)
    _until_all_fresh(url)
    time.sleep(settle_s)
    assert run.pid
    return at


def _tickets(url: str) -> Counter[str]:
    """How many tickets of each title: the titles are the sources."""
    with urllib.request.urlopen(f"{url}/api/v1/tickets?limit=1000", timeout=10) as answer:
        return Counter(ticket["title"] for ticket in json.load(answer)["tickets"])


def _until_filed(url: str, flooded: set[str], *, timeout_s: float = 30.0) -> Counter[str]:
    deadline = time.monotonic() + timeout_s
    while flooded - set(tickets := _tickets(url)) and time.monotonic() < deadline:
        time.sleep(0.5)
    return tickets


def drill(folder: Path, *, settle_s: float) -> dict[str, float | int | None]:
    clips = folder / "clips"
    clips.mkdir()
    make_clip(clips / "street.mp4", width=160, height=96, contrast=120)
    http = free_port()
    url = f"http://127.0.0.1:{http}"
    with mosquitto(folder=folder / "broker") as broker, rtsp_server(clips) as server:
        (folder / "city.yaml").write_text(CITY.format(mqtt=broker.port, http=http))
        (folder / "rules.yaml").write_text(RULES)
        rows = [
            f'  - {{id: {camera(number)}, url: "{server.url("street.mp4")}", every: 1s}}\n'
            for number in range(CAMERAS)
        ]
        (folder / "cameras.yaml").write_text(f"cameras:\n{''.join(rows)}")
        acknowledged = folder / "acknowledged"
        generator = [sys.executable, "-m", "bench.generator"]
        with Pipeline(folder / "city.yaml", url=url) as run:
            run.ready()
            publisher = subprocess.Popen([*generator, str(broker.port), str(RATE), acknowledged])
            _until_all_fresh(url)
            first, second, *_ = _camera_processes(run)
            began = now_ms()
            time.sleep(settle_s)
            crashed = _strike(run, url, process=first, sign=signal.SIGSEGV, settle_s=settle_s)
            hung = _strike(run, url, process=second, sign=signal.SIGSTOP, settle_s=settle_s)
            ended = now_ms()
            publisher.send_signal(signal.SIGTERM)
            publisher.wait(40)
            sent = read_account(acknowledged)
            flooded = set(sent.flooded)
            tickets = _until_filed(url, flooded)
            status = run.stop()
        found = asyncio.run(account(folder / "data/journal.db"))
    numbers = set(sent.numbers)
    return {
        **_frames(found.frames, began=began, crashed=crashed, hung=hung, ended=ended),
        "acknowledged": len(numbers),
        "lost": len(numbers - found.readings),
        "tickets_expected": len(flooded),
        "tickets_lost": len(flooded - set(tickets)),
        "tickets_false": sum(tickets[title] for title in set(tickets) - flooded),
        "doubled": sum(tickets[title] - 1 for title in flooded & set(tickets)),
        "exit_status": status,
    }


def _frames(
    frames: Mapping[str, Sequence[int]], *, began: int, crashed: int, hung: int, ended: int
) -> dict[str, float]:
    """Of the two struck processes, and of everybody else."""
    struck = [
        {camera(n): frames.get(camera(n), ()) for n in range(start, start + MOST_PER_PROCESS)}
        for start in (0, MOST_PER_PROCESS)
    ]
    others = [{name: frames[name] for name in frames if name not in mine} for mine in struck]
    return {
        "crash_back_s": back_s(struck[0], after=crashed),
        "hang_back_s": back_s(struck[1], after=hung),
        "gap_before_s": largest_gap_s(frames, after=began, before=crashed),
        "others_gap_crash_s": largest_gap_s(others[0], after=crashed, before=hung),
        "others_gap_hang_s": largest_gap_s(others[1], after=hung, before=ended),
    }


def main() -> int:
    args = arguments(__doc__ or "").parse_args()
    with tempfile.TemporaryDirectory(prefix="drill-camera-") as name:
        figures = drill(Path(name), settle_s=8 if args.quick else 25)
    conditions = {
        "cameras": CAMERAS,
        "cameras_per_process": MOST_PER_PROCESS,
        "messages_per_second": RATE,
        "bar_s": BAR_S,
    }
    report("drill_camera", figures, conditions=conditions, as_json=args.json)
    slow = max(figures["crash_back_s"] or 0, figures["hang_back_s"] or 0) >= BAR_S
    gaps = max(figures["others_gap_crash_s"] or 0, figures["others_gap_hang_s"] or 0)
    harmed = gaps > (figures["gap_before_s"] or 0) + HARM_S
    wrong = ("lost", "tickets_lost", "tickets_false", "doubled", "exit_status")
    return 1 if slow or harmed or any(figures[name] for name in wrong) else 0


if __name__ == "__main__":
    sys.exit(main())
