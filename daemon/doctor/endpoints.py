"""Checks of a chain's endpoints: each is asked by itself, so that none hides behind another."""

from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp

from chains.evm.decode import decode_quantity
from chains.evm.rpc import EvmEndpoint
from chains.model.anchor import Head
from chains.rpc.endpoint import EndpointError, Json, RpcError
from config.chains import ChainSettings
from config.evm import EvmSettings
from daemon.board import MAX_AHEAD_S
from daemon.doctor.report import Finding, fail, ok, warn

TIMEOUT_S: Final = 5.0
_CHAIN_ID: Final = "eth_chainId"


async def examine_rpc(
    session: aiohttp.ClientSession, where: str, chain: EvmSettings
) -> tuple[list[str], list[Finding]]:
    """Ask each HTTP endpoint for its chain; gives those that may be used."""
    usable: list[str] = []
    findings: list[Finding] = []
    for index, url in enumerate(chain.rpc):
        endpoint = EvmEndpoint(session, chain.caip2, url)

        async def ask(endpoint: EvmEndpoint = endpoint) -> Json:
            return await endpoint.request(_CHAIN_ID, [], timeout_s=TIMEOUT_S)

        finding, right = await _compare(f"{where}.rpc[{index}]", chain, ask)
        findings.append(finding)
        usable += [url] if right else []
    return usable, findings


async def examine_ws(
    session: aiohttp.ClientSession, where: str, chain: EvmSettings
) -> list[Finding]:
    """Ask each WebSocket endpoint for its chain."""
    findings: list[Finding] = []
    for index, url in enumerate(chain.ws):

        async def ask(url: str = url) -> Json:
            return await _ask_socket(session, url)

        finding, _ = await _compare(f"{where}.ws[{index}]", chain, ask)
        findings.append(finding)
    if not chain.ws:
        findings.append(
            warn(f"{where}.ws", "is empty: heads are polled", "add a WebSocket URL for speed")
        )
    return findings


def examine_head(where: str, chain: ChainSettings, head: Head, now: int) -> Finding:
    """Compare the newest block's time with this machine's clock."""
    age = now - head.anchor.time
    where = f"{where}.head"
    if -age > MAX_AHEAD_S:
        advice = "set this machine's clock (timedatectl set-ntp true)"
        return fail(where, f"block {head.anchor.height} is {-age} s ahead of this clock", advice)
    if age > chain.stale_after_s:
        what = f"block {head.anchor.height} is {age} s old, {chain.stale_after_s} s allowed"
        return fail(where, what, "use a node that is in step, or check this machine's clock")
    return ok(where, f"block {head.anchor.height} is {max(age, 0)} s old")


async def _compare(
    where: str, chain: EvmSettings, ask: Callable[[], Awaitable[Json]]
) -> tuple[Finding, bool]:
    try:
        number = decode_quantity(await ask())
    except (EndpointError, RpcError) as error:
        return fail(where, f"does not answer: {error.reason}", "check URL and key"), False
    except ValueError as error:
        return fail(where, f"is no EVM node: {error}", "check the URL"), False
    expected = chain.caip2.evm_number
    if number != expected:
        advice = f"write a URL of {chain.caip2}, or correct caip2"
        return fail(where, f"answers for eip155:{number}, not eip155:{expected}", advice), False
    return ok(where, f"answers for {chain.caip2}"), True


async def _ask_socket(session: aiohttp.ClientSession, url: str) -> Json:
    request = {"jsonrpc": "2.0", "id": 1, "method": _CHAIN_ID, "params": []}
    try:
        async with session.ws_connect(url, timeout=SOCKET, max_msg_size=1 << 20) as socket:
            await socket.send_json(request)
            reply = await socket.receive_json(timeout=TIMEOUT_S)
    except TimeoutError as error:
        raise EndpointError("ws", f"no answer within {TIMEOUT_S:g} s") from error
    except (aiohttp.ClientError, TypeError, ValueError) as error:
        raise EndpointError("ws", f"no WebSocket: {type(error).__name__}") from error
    result: Json = reply.get("result") if isinstance(reply, dict) else None
    return result


SOCKET: Final = aiohttp.ClientWSTimeout(ws_close=TIMEOUT_S)
