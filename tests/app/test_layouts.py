"""A record that the journal cannot read lies in the dead-letter store, with its bytes."""

import contextlib
import sqlite3
from pathlib import Path

from app.city_reading import load_city
from app.compose import open_case
from app.layouts import OnSqlite
from citypatrol.clock import ManualClock
from citypatrol.records import Tick
from tests.app.a_city import write_city

CLOCK = ManualClock(1_778_630_400_000)


async def test_a_record_that_cannot_be_read_is_put_where_people_look(tmp_path: Path) -> None:
    city, problems = load_city(write_city(tmp_path) / "city.yaml")
    assert city is not None, problems
    layout = OnSqlite.of(city, clock=CLOCK)
    journal = await layout.open()
    await journal.append([Tick(1), Tick(2), Tick(3)])
    await layout.close()
    with contextlib.closing(sqlite3.connect(city.places.journal)) as connection, connection:
        connection.execute("UPDATE records SET data = x'7b7d' WHERE position = 2")

    case = open_case(city, clock=CLOCK)
    layout = OnSqlite.of(city, clock=CLOCK)
    journal = await layout.open()
    layout.judging(case)
    assert [one.record for one in await journal.read("new")] == [Tick(1), Tick(3)]
    await layout.close()
    (letter,) = case.dead.list("batch")
    assert (letter.origin, letter.reason) == ("journal record 2", "its checksum is another one")
    assert (letter.payload, letter.at) == (b"{}", CLOCK.now())
    case.close()
