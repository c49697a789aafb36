"""Looks at one camera through a process of its own, for as long as it takes and no longer."""

import io
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

from ingest.camera_facts import Facts, ProbeOrder
from ingest.camera_source import CameraSource
from ingest.camera_wire import Picture, Pixels, read_message

_PACKAGES = Path(__file__).resolve().parent.parent
OPEN_S: Final = 10.0
READ_S: Final = 10.0
_SLACK_S: Final = 15.0
HANGS: Final = "it hangs where no timeout reaches; is its name server up?"


def probe_camera(source: CameraSource, *, watch_s: float) -> tuple[Facts, Pixels | None]:
    """What its stream is like, and a picture of it. Blocks; at most about three times ``watch_s``
    and half a minute. What FFmpeg writes is thrown away: it holds the url."""
    order = ProbeOrder(source.url.reveal(), source.transport, watch_s, OPEN_S, READ_S)
    paths = [str(_PACKAGES), os.environ.get("PYTHONPATH", "")]
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "ingest.camera_facts"],
            input=json.dumps(asdict(order)).encode() + b"\n",
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
            timeout=3 * watch_s + OPEN_S + READ_S + _SLACK_S,
        )
    except subprocess.TimeoutExpired:
        return Facts(trouble=HANGS), None
    if done.returncode:
        return Facts(trouble=_ended(done.returncode)), None
    answer = io.BytesIO(done.stdout)
    facts = Facts(**json.loads(answer.readline()))
    picture = read_message(answer)
    return facts, picture.pixels if isinstance(picture, Picture) else None


def _ended(status: int) -> str:
    how = signal.Signals(-status).name if status < 0 else f"exit status {status}"
    return f"the process that read it ended ({how}); its stream crashes the decoder"
