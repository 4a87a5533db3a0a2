"""Checks of a Solana chain's endpoints: each is asked by itself, and their slots are compared."""

from collections.abc import Mapping
from typing import Final

import aiohttp
from solders.signature import Signature

from chains.rpc.endpoint import EndpointError, Json, RpcError
from chains.solana.decode import decode_count, decode_text
from chains.solana.pool import LIMITS, REFERENCE_LENGTH
from chains.solana.rpc import SolanaEndpoint
from config.solana import SolanaSettings
from daemon.doctor.endpoints import SOCKET, TIMEOUT_S
from daemon.doctor.report import Finding, fail, ok, warn

_SUBSCRIBE: Final = {"jsonrpc": "2.0", "id": 1, "method": "slotSubscribe", "params": []}


async def examine_rpc(
    session: aiohttp.ClientSession, where: str, chain: SolanaSettings
) -> tuple[list[str], list[Finding]]:
    """Ask each HTTP endpoint for genesis, slot and history; gives those that may be used."""
    slots: dict[int, int] = {}
    findings: list[Finding] = []
    for index, url in enumerate(chain.rpc):
        found = await _ask(session, f"{where}.rpc[{index}]", chain, url)
        if isinstance(found, Finding):
            findings.append(found)
        else:
            slots[index] = found
    findings += [_judge_slot(f"{where}.rpc[{index}]", chain, slots, index) for index in slots]
    for index in slots:
        findings += await _examine_history(session, f"{where}.rpc[{index}]", chain, index)
    return [chain.rpc[index] for index in slots], findings


async def examine_ws(
    session: aiohttp.ClientSession, where: str, chain: SolanaSettings
) -> list[Finding]:
    """Subscribe to slots at each WebSocket endpoint; none of them says which chain it is of."""
    findings = [
        await _subscribe(session, f"{where}.ws[{index}]", url) for index, url in enumerate(chain.ws)
    ]
    if not chain.ws:
        advice = "add a WebSocket URL for speed"
        findings.append(warn(f"{where}.ws", "is empty: heads are polled", advice))
    return findings


async def _ask(
    session: aiohttp.ClientSession, where: str, chain: SolanaSettings, url: str
) -> int | Finding:
    endpoint = SolanaEndpoint(session, chain.caip2, url)
    config = {"commitment": chain.commitment}
    try:
        genesis = decode_text(await endpoint.request("getGenesisHash", [], timeout_s=TIMEOUT_S))
        slot = decode_count(await endpoint.request("getSlot", [{**config}], timeout_s=TIMEOUT_S))
    except (EndpointError, RpcError) as error:
        return fail(where, f"does not answer: {error.reason}", "check URL and key")
    except ValueError as error:
        return fail(where, f"is no Solana node: {error}", "check the URL")
    if genesis[:REFERENCE_LENGTH] != chain.caip2.reference:
        what = f"answers for solana:{genesis[:REFERENCE_LENGTH]}, not {chain.caip2}"
        return fail(where, what, f"write a URL of {chain.caip2}, or correct caip2")
    return slot


async def _examine_history(
    session: aiohttp.ClientSession, where: str, chain: SolanaSettings, index: int
) -> list[Finding]:
    """Ask what became of a transaction that is none: whoever keeps a history has it in no block."""
    endpoint = SolanaEndpoint(session, chain.caip2, chain.rpc[index])
    nobody, form = str(Signature.default()), {"encoding": "base64", "commitment": chain.commitment}
    questions: dict[str, list[Json]] = {
        "getSignatureStatuses": [[nobody], {"searchTransactionHistory": True}],
        "getTransaction": [nobody, {**form, "maxSupportedTransactionVersion": 0}],
    }
    findings = []
    for method, params in questions.items():
        try:
            await endpoint.request(method, params, timeout_s=TIMEOUT_S)
        except (EndpointError, RpcError) as error:
            what = f"refuses {method} with its history: {error.reason}"
            advice = "what was sent cannot be followed there: use a node that keeps transactions"
            findings.append(fail(where, what, advice))
    return findings


def _judge_slot(where: str, chain: SolanaSettings, slots: Mapping[int, int], index: int) -> Finding:
    behind = max(slots.values()) - slots[index]
    if behind > LIMITS.max_lag:
        what = f"is {behind} slots behind another endpoint, {LIMITS.max_lag} allowed"
        return warn(where, what, "use a node that keeps up: this one is set aside")
    return ok(where, f"answers for {chain.caip2}, at slot {slots[index]}")


async def _subscribe(session: aiohttp.ClientSession, where: str, url: str) -> Finding:
    try:
        async with session.ws_connect(url, timeout=SOCKET, max_msg_size=1 << 20) as socket:
            await socket.send_json(_SUBSCRIBE)
            reply = await socket.receive_json(timeout=TIMEOUT_S)
    except TimeoutError:
        return fail(where, f"does not answer: nothing within {TIMEOUT_S:g} s", "check URL and key")
    except (aiohttp.ClientError, TypeError, ValueError) as error:
        return fail(where, f"is no WebSocket: {type(error).__name__}", "check URL and key")
    if not isinstance(reply, dict) or not isinstance(reply.get("result"), int):
        return fail(where, "takes no subscription to slots", "write a URL of an RPC node's socket")
    return ok(where, "takes subscriptions")
