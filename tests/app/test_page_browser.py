"""The page as a person sees it: in a real Chromium, from a real server."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.http import build_application
from app.inbox import Received
from app.listen import HttpStage
from bench.servers.chromium import Browser, Page, chromium
from tests.app.a_desk import NOW, TheDesk, incident
from tests.app.a_roll import heard, roll_of

TICKET = "ZZ-260513-0001"
JPEG = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABQODxIPDRQSEBIXFRQYHjIhHhwcHj0sLiQySUBMS0dARkVQWnNiUFVtVk"
    "VGZIhlbXd7gYKBTmCNl4x9lnN+gXz/2wBDARUXFx4aHjshITt8U0ZTfHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8"
    "fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHz/wAARCAAIAAgDASIAAhEBAxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAw"
    "QFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkK"
    "FhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmq"
    "KjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEB"
    "AQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRob"
    "HBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOE"
    "hYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+P"
    "n6/9oADAMBAAIRAxEAPwChRRRQB//Z"
)
"""A grey square, in base64."""
SCRIPT = "<img src=x onerror=document.title='owned'>"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


async def _text(page: Page, selector: str) -> str:
    return str(await page.evaluate(f"document.querySelector({selector!r})?.innerText ?? ''"))


async def test_a_new_ticket_comes_by_itself_and_nothing_else_moves(desk: TheDesk, browser: Browser):
    desk.file(incident())
    page = await browser.open(desk.base + "/")
    assert "Underpass 京广路隧道 under water: 31 cm" in await _text(page, f"[data-key='{TICKET}']")
    assert await _text(page, "[data-key=count-open] dd") == "1"
    await page.evaluate(f"document.querySelector(\"[data-key='{TICKET}']\").mark = 'same node'")
    await page.evaluate(f"document.querySelector(\"[data-key='{TICKET}'] h3 a\").focus()")
    desk.file(incident("dark", "cam-1", category="road.traffic_light", title="Light dark"))
    await page.until("document.querySelectorAll('[data-list=tickets] > .ticket').length === 2")
    assert await _text(page, "[data-key=count-open] dd") == "2"
    same = await page.evaluate(f"document.querySelector(\"[data-key='{TICKET}']\").mark")
    assert same == "same node"
    assert await page.evaluate("document.activeElement.textContent") == (
        "Underpass 京广路隧道 under water: 31 cm"
    )
    assert page.complaints() == []


async def test_a_change_shows_and_a_closed_ticket_moves_to_the_closed_ones(
    desk: TheDesk, browser: Browser
):
    desk.file(incident())
    page = await browser.open(desk.base + "/")
    await desk.call_back("water", "ticket.acknowledged", TICKET)
    await page.until("document.querySelector('.mark.state').innerText === 'acknowledged'")
    await desk.post(f"/api/v1/tickets/{TICKET}/close")
    await page.until("document.querySelectorAll('[data-list=ended] > .ticket').length === 1")
    assert "No open ticket" in await _text(page, "[data-list=tickets]")
    assert await page.evaluate("document.querySelectorAll('.spot').length") == 0
    await desk.post(f"/api/v1/tickets/{TICKET}/reopen")
    await page.until("document.querySelectorAll('[data-list=tickets] > .ticket').length === 1")
    await page.until("document.querySelectorAll('[data-list=ended] > .ticket').length === 0")


async def test_nothing_is_fetched_from_outside_and_nothing_is_complained_of(
    desk: TheDesk, browser: Browser
):
    sha = desk.evidence.put(base64.b64decode(JPEG), {})
    desk.file(incident(evidence=sha))
    desk.inbox.append(Received(NOW, "water", "ticket.opened", TICKET, "evt_1", True, "seen"))
    for path in ("/", f"/tickets/{TICKET}", "/docs"):
        page = await browser.open(desk.base + path)
        assert page.requests()
        assert [url for url in page.requests() if not url.startswith(desk.base)] == []
        assert page.complaints() == []


async def test_text_from_outside_stays_text(desk: TheDesk, browser: Browser):
    desk.file(incident(title=f"{SCRIPT} {{source.name}}", source=SCRIPT))
    desk.inbox.append(Received(NOW, "u", SCRIPT, SCRIPT, "evt_1", False, SCRIPT))
    for path in ("/", f"/tickets/{TICKET}"):
        page = await browser.open(desk.base + path)
        assert SCRIPT in await _text(page, "main")
        await asyncio.sleep(0.3)
        assert "owned" not in str(await page.evaluate("document.title"))
        assert await page.evaluate("document.querySelectorAll('img[onerror]').length") == 0
    # And where it gets into the page, its policy still lets no script of it run.
    await page.evaluate(f"document.querySelector('main').innerHTML = {SCRIPT!r}")
    await asyncio.sleep(0.3)
    assert "owned" not in str(await page.evaluate("document.title"))


async def test_it_says_when_the_server_is_gone_and_goes_on_when_it_is_back(
    desk: TheDesk, browser: Browser
):
    async with _again(desk, port=0) as port:
        page = await browser.open(f"http://127.0.0.1:{port}/")
        assert await page.evaluate("document.querySelector('.lost-notice').hidden")
    await page.until("!document.querySelector('.lost-notice').hidden", timeout_s=60)
    assert await _text(page, ".live") == "connection lost"
    desk.file(incident())
    async with _again(desk, port=port):
        await page.until("document.querySelector('.lost-notice').hidden", timeout_s=60)
        assert await _text(page, ".live") == "live"
        await page.until("document.querySelectorAll('.ticket').length === 1")


@asynccontextmanager
async def _again(desk: TheDesk, *, port: int) -> AsyncIterator[int]:
    """The same desk behind a server of its own."""
    stage = HttpStage(build_application(replace(desk.door)), host="127.0.0.1", port=port)
    port, stop = stage.open(), asyncio.Event()
    task = asyncio.create_task(stage.run(stop))
    try:
        yield port
    finally:
        stop.set()
        await asyncio.wait_for(task, 20)


async def test_a_guarded_page_lives_too(guarded: TheDesk, browser: Browser):
    """The browser asks for user and password once; what the page fetches then carries them."""
    page = await browser.open(guarded.base.replace("://", "://anybody:t0ken@") + "/")
    guarded.file(incident())
    await page.until("document.querySelectorAll('[data-list=tickets] > .ticket').length === 1")
    assert page.complaints() == []


async def test_time_left_counts_down_by_the_servers_clock_and_turns_overdue(
    desk: TheDesk, browser: Browser
):
    desk.file(incident())
    page = await browser.open(desk.base + "/")
    # The desk's clock stands in 2026-05; the browser's does not matter.
    await page.until("/^(5:00|4:5\\d) min$/.test(document.querySelector('.left').innerText)")
    desk.clock.advance(301_000)
    await page.until("document.querySelector('.left').classList.contains('overdue')")
    await page.until("document.querySelector('[data-key=count-overdue] dd').innerText === '1'")


async def test_the_keyboard_reaches_a_ticket(desk: TheDesk, browser: Browser):
    desk.file(incident())
    page = await browser.open(desk.base + "/")
    await page.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip"
    for _ in range(12):
        await page.press("Tab")
        if await page.evaluate("!!document.activeElement.closest('h3')"):
            break
    await page.press("Enter")
    await page.until(f"location.pathname === '/tickets/{TICKET}'")
    await page.until("document.querySelector('h2')?.innerText.includes('京广路隧道')")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
async def test_the_desk_acts_by_its_buttons(desk: TheDesk, browser: Browser, scripts: bool):
    desk.file(incident())
    page = await browser.open(desk.base + "/")
    if not scripts:
        await page.send("Emulation.setScriptExecutionDisabled", value=True)
    await page.goto(f"{desk.base}/tickets/{TICKET}")
    await page.evaluate("document.querySelector('textarea').value = '老王 is on his way <now>'")
    await page.evaluate("document.querySelector('button[formaction$=acknowledge]').click()")
    await page.until("document.querySelector('.mark.state')?.innerText === 'acknowledged'")
    assert "老王 is on his way <now>" in await _text(page, ".history")
    assert await page.evaluate("document.querySelector('textarea').value") == ""
    await page.evaluate("document.querySelector('button[formaction$=false-alarm]').click()")
    await page.until("document.querySelector('.mark.state')?.innerText === 'cancelled'")
    assert not await page.evaluate("document.querySelector('form.steps').offsetParent")
    assert page.complaints() == []


async def test_what_was_typed_stays_while_the_ticket_changes(desk: TheDesk, browser: Browser):
    desk.file(incident())
    page = await browser.open(f"{desk.base}/tickets/{TICKET}")
    await page.evaluate("document.querySelector('textarea').value = 'half a sent'")
    await desk.call_back("water", "ticket.resolved", TICKET)
    await page.until("document.querySelector('.mark.state').innerText === 'resolved'")
    await page.until("!document.querySelector('button[formaction$=acknowledge]')")
    assert await page.evaluate("document.querySelector('textarea').value") == "half a sent"


async def test_text_is_readable_on_its_ground(desk: TheDesk, browser: Browser):
    """WCAG 2.2, 1.4.3: a contrast of 4.5 at least."""
    for severity in ("critical", "major", "minor", "info"):
        desk.file(incident(source=severity, severity=severity))
    for dark in (False, True):
        page = await browser.open(desk.base + "/", dark=dark)
        worst = await page.evaluate(CONTRAST)
        assert worst["ratio"] >= 4.5, (dark, worst)


CONTRAST = """
(() => {
  const rgb = (text) => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = ([r, g, b]) => {
    const f = (c) => ((c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b);
  };
  const ground = (node) => {
    for (; node; node = node.parentElement) {
      const colour = rgb(getComputedStyle(node).backgroundColor);
      if (colour.length < 4 || colour[3] > 0.5) return colour;
    }
    return [255, 255, 255];
  };
  let worst = {ratio: 99};
  for (const node of document.querySelectorAll("main *, header *, footer *")) {
    if (node.closest("svg") || node.closest(".hidden")) continue;
    const own = Array.from(node.childNodes).some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !node.offsetParent) continue;
    const a = light(rgb(getComputedStyle(node).color)), b = light(ground(node));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < worst.ratio) worst = {ratio, text: node.innerText, tag: node.className};
  }
  return worst;
})()
"""


async def test_no_width_makes_the_page_scroll_sideways(desk: TheDesk, browser: Browser):
    desk.file(incident(title="W" * 190), incident("dark", "cam-1", category="road.traffic_light"))
    for path in ("/", f"/tickets/{TICKET}", "/docs"):
        page = await browser.open(desk.base + path)
        for width in (360, 800, 1600, 2560):
            await page.look(width=width, height=900)
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, path


async def test_chinese_names_have_glyphs(desk: TheDesk, browser: Browser):
    """A box in place of each character would be one shape for all of them."""
    page = await browser.open(desk.base + "/")
    assert await page.evaluate(GLYPHS) == "different"


GLYPHS = """
(() => {
  const draw = (text) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 40;
    const pen = canvas.getContext("2d");
    pen.font = "30px " + getComputedStyle(document.body).fontFamily;
    pen.fillText(text, 2, 32);
    return canvas.toDataURL();
  };
  return draw("郑") === draw("州") ? "same" : "different";
})()
"""


async def test_sources_are_counted(desk: TheDesk, browser: Browser, tmp_path: Path):
    roll = roll_of(heard(tmp_path))
    desk.door = replace(desk.door, roll=roll)
    async with _again(desk, port=0) as port:
        page = await browser.open(f"http://127.0.0.1:{port}/")
        assert await _text(page, "[data-key=sources-none] dt") == "not counted yet"
        roll.show(now=NOW)
        await page.until("document.querySelector('[data-key=sources-heard]') !== null")
        names = ("heard", "silent", "unregistered", "never")
        shown = [await _text(page, f"[data-key=sources-{name}] dd") for name in names]
        assert shown == ["4", "1", "1", "1"]
        assert await page.evaluate("document.querySelector('[data-key=sources-none]')") is None
        assert page.complaints() == []
