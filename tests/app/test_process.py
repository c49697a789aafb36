import signal
import subprocess
import sys
import time

import pytest

HANGS = """
import asyncio, sys, time
from app.process import run_until_signal
from citypatrol.logs import configure

async def run(stop):
    hangs = asyncio.create_task(asyncio.to_thread(time.sleep, 60))
    print("up", flush=True)
    await stop.wait()
    hangs.cancel()
    return []

configure("info", json=True)
sys.exit(run_until_signal(run, stop_s=1.0))
"""
ENDS = HANGS.replace("hangs = asyncio.create_task(asyncio.to_thread(time.sleep, 60))", "").replace(
    "hangs.cancel()", "await asyncio.sleep(0.1)"
)
FORGETS = """
import asyncio, sys, weakref
from app.process import run_until_signal

class Ring:
    def __init__(self):
        self.me = self

async def run(stop):
    weakref.finalize(Ring(), print, "up", flush=True).atexit = False
    await asyncio.wait_for(stop.wait(), 20)
    return []

sys.exit(run_until_signal(run, collect_s=0.05))
"""
CUTS = ENDS.replace("return []", "return ['rules', 'http']")


def _signalled(script: str, sign: signal.Signals) -> tuple[int, float, str]:
    """Exit status, seconds from the signal, log."""
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    began = time.monotonic()
    process.send_signal(sign)
    process.send_signal(sign)
    _, err = process.communicate(timeout=30)
    return process.returncode, time.monotonic() - began, err


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_with_status_0(sign):
    status, took_s, log = _signalled(ENDS, sign)
    assert status == 0, log
    assert took_s < 10
    assert log.count('"stopping"') == 1
    assert '"stopped"' in log


def test_a_thread_that_hangs_does_not_hold_the_process():
    status, took_s, log = _signalled(HANGS, signal.SIGTERM)
    assert status == 3, log
    assert took_s < 20
    assert "these threads do not end" in log
    assert "asyncio_0" in log


def test_a_stop_that_had_to_cut_something_names_it_and_is_not_fine():
    status, _, log = _signalled(CUTS, signal.SIGTERM)
    assert status == 3, log
    assert '"cut":["rules","http"]' in log
    assert '"stopped"' not in log


READS_AGAIN = """
import asyncio, sys
from app.process import run_until_signal
from citypatrol.logs import configure

again = asyncio.Event()

async def reload():
    again.set()

async def run(stop):
    print("up", flush=True)
    await again.wait()
    print("read again", flush=True)
    await stop.wait()
    return []

configure("info", json=True)
sys.exit(run_until_signal(run, reload=reload))
"""


def test_sighup_reads_again_and_stops_nothing():
    process = subprocess.Popen([sys.executable, "-c", READS_AGAIN], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    process.send_signal(signal.SIGHUP)
    assert process.stdout.readline() == b"read again\n"
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    process.stdout.close()


def test_garbage_in_rings_is_collected_while_it_runs() -> None:
    status, _, _ = _signalled(FORGETS, signal.SIGTERM)
    assert status == 0
