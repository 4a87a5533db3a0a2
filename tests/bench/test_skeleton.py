"""The skeleton: it sends what was recorded, with the recorded concurrency."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import orjson
import pytest
from aiohttp import web

from tests.bench.probe import Exchange
from tests.bench.skeleton import (
    COMMIT,
    SUBMIT,
    WHOLE,
    Step,
    describe_shape,
    open_ledger,
    plan_steps,
    replay,
)

RECORDED = (
    ("eth_call", 0.0, 1.0),
    ("eth_getTransactionCount", 1.1, 1.9),
    ("eth_estimateGas", 2.0, 4.0),
    ("eth_getBalance", 2.0, 3.0),
    (SUBMIT, 5.0, 6.0),
)


def record(url: str) -> tuple[Step, ...]:
    return plan_steps(
        [
            Exchange(name=name, began=began, ended=ended, url=url, params=[name])
            for name, began, ended in reversed(RECORDED)
        ]
    )


def test_a_request_waits_for_those_answered_before_it_was_sent() -> None:
    call, count, estimate, balance, submit = record("http://node")

    assert call.after == ()
    assert count.after == estimate.after == balance.after == (0,)
    assert submit.after == (0, 2, 3)


def test_the_shape_names_what_goes_together() -> None:
    shape = describe_shape(record("http://node"))

    assert shape == (
        "1 eth_call → 1 eth_estimateGas + 1 eth_getBalance + 1 eth_getTransactionCount"
        " → 1 eth_sendRawTransaction"
    )


@pytest.mark.net
async def test_everything_recorded_is_sent_and_the_commit_comes_before_the_transaction(
    tmp_path: Path,
) -> None:
    seen: list[str] = []
    together = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        call = orjson.loads(await request.read())
        seen.append(call["method"])
        assert call["params"] == [call["method"]]
        if call["method"] == "eth_getBalance":
            together.set()
        if call["method"] == "eth_estimateGas":
            await together.wait()  # answered only if the balance is asked for meanwhile
        return web.json_response({"id": call["id"], "result": "0x"})

    with open_ledger(tmp_path / "ledger.sqlite3") as ledger:
        async with asyncio.timeout(10), aiohttp.ClientSession() as session:
            url, runner = await _serve(answer)
            spans = {span.name: span for span in await replay(session, record(url), ledger)}
            await runner.cleanup()

    assert seen[0] == "eth_call"
    assert seen[-1] == SUBMIT
    assert spans[COMMIT].ended <= spans[SUBMIT].began
    assert spans[WHOLE].seconds >= spans["eth_call"].seconds + spans[SUBMIT].seconds


@pytest.mark.net
async def test_a_refusal_is_no_measurement(tmp_path: Path) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.json_response({"id": 1, "error": {"code": -32000, "message": "known"}})

    with open_ledger(tmp_path / "ledger.sqlite3") as ledger:
        async with aiohttp.ClientSession() as session:
            url, runner = await _serve(refuse)
            with pytest.raises(ExceptionGroup, match="unhandled errors") as caught:
                await replay(session, record(url), ledger)
            await runner.cleanup()

    assert "eth_call was refused" in str(caught.value.exceptions[0])


async def _serve(
    handler: Callable[[web.Request], Awaitable[web.Response]],
) -> tuple[str, web.AppRunner]:
    app = web.Application()
    app.router.add_post("/", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}", runner
