import asyncio

from daemon.schedule import ticking


async def test_a_tick_lets_its_waiter_go_again_and_again() -> None:
    async with asyncio.timeout(10), ticking({"fast": 0.02}) as ticks:
        for _ in range(3):
            await ticks.wait("fast")


async def test_ticks_that_nobody_waited_for_count_once() -> None:
    async with asyncio.timeout(10), ticking({"fast": 0.02, "slow": 60}) as ticks:
        await asyncio.sleep(0.2)
        await ticks.deliver("slow")
        await ticks.deliver("slow")
        await ticks.wait("slow")
        waiting = asyncio.timeout(0.2)
        try:
            async with waiting:
                await ticks.wait("slow")
        except TimeoutError:
            assert waiting.expired()
        else:
            raise AssertionError("one tick was delivered twice")


async def test_leaving_ends_the_ticks() -> None:
    async with ticking({"fast": 0.02}) as ticks:
        await ticks.wait("fast")
    await asyncio.sleep(0.05)
    await ticks.deliver("fast")
    await ticks.wait("fast")
    waiting = asyncio.timeout(0.2)
    try:
        async with waiting:
            await ticks.wait("fast")
    except TimeoutError:
        assert waiting.expired()
    else:
        raise AssertionError("a tick came after the end")
