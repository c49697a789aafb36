import asyncio

from citypatrol.again import Again


async def test_calls_while_it_goes_on_are_one_more_behind_it() -> None:
    begun: list[int] = []
    go_on = asyncio.Event()

    async def work() -> None:
        begun.append(len(begun))
        await go_on.wait()

    again = Again(work)
    again()
    await asyncio.sleep(0)
    assert begun == [0]
    for _ in range(1_000):
        again()
    await asyncio.sleep(0)
    assert begun == [0], "one after the other"
    go_on.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert begun == [0, 1]
    again()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert begun == [0, 1, 2], "and anew when all is done"
