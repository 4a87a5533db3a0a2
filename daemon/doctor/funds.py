"""Checks of money: gas for the key on each chain, and what owners let the keeper take."""

from collections.abc import AsyncIterator
from typing import Final

from chains.errors import ChainError
from chains.evm.multicall import read
from chains.evm.rescue import OwnerFunds, plan_funds
from chains.model.anchor import Head
from chains.model.ids import AccountId, Address, checksummed
from config.amounts import format_amount
from daemon.doctor.contracts import Visit
from daemon.doctor.report import Finding, fail, ok, warn

GAS_OF_AN_ACTION: Final = 600_000
"""Gas of a costly action; a rescue takes about half of it."""
COMFORT: Final = 20
"""How many actions the balance should pay for."""
_WEI_DECIMALS: Final = 18


async def examine_gas(visit: Visit, head: Head) -> AsyncIterator[Finding]:
    """See that the key can pay for an action now, and for some more."""
    if visit.key is None:
        return
    where = f"{visit.where}.balance"
    balance = await visit.client.read_balance(visit.key)
    price = min(2 * head.base_fee_wei + visit.chain.priority_fee_wei, visit.chain.max_fee_wei)
    needed = GAS_OF_AN_ACTION * price
    has = f"{checksummed(visit.key)} has {format_amount(balance, _WEI_DECIMALS)} for gas"
    advice = f"send it at least {format_amount(COMFORT * needed, _WEI_DECIMALS)} native tokens"
    if balance < needed:
        what = f"{has}, too little for a single transaction"
        yield (fail if visit.settings.live else warn)(where, what, advice)
    elif balance < COMFORT * needed:
        yield warn(where, f"{has}, enough for {balance // needed} actions", advice)
    else:
        yield ok(where, f"{has}, enough for {balance // needed} actions")
    if head.base_fee_wei > visit.chain.max_fee_wei:
        what = "is below the chain's base fee now, so nothing would be sent"
        yield warn(f"{visit.where}.max_fee_gwei", what, "raise it, or wait")


async def examine_mandates(visit: Visit, rescue: Address) -> AsyncIterator[Finding]:
    """See what each member of a margin account lets the keeper take."""
    for index, account in enumerate(visit.settings.accounts):
        members = [member for member in account.members if member.chain == visit.chain.caip2]
        for member in members:
            where = f"accounts[{index}].members {member}"
            async for finding in _examine_member(visit, rescue, where, member):
                yield finding


async def _examine_member(
    visit: Visit, rescue: Address, where: str, member: AccountId
) -> AsyncIterator[Finding]:
    plan = plan_funds(visit.chain.caip2, rescue, [member])
    try:
        (owned,) = await read(visit.client, visit.anchor, plan)
    except ChainError as error:
        yield fail(where, f"mandates cannot be read: {error.reason}", "check contracts.rescue")
        return
    if not owned.readable:
        advice = "let him revoke the one whose token or pool reverts"
        yield warn(where, "his mandates cannot be read: no rescue here", advice)
        return
    yield _judge_member(visit, where, owned)


def _judge_member(visit: Visit, where: str, owned: OwnerFunds) -> Finding:
    if not owned.mandates:
        return warn(where, "has given no mandate: no rescue here", "run plimsoll mandate")
    if owned.paused:
        return warn(where, "has paused his mandates", "let him call set_paused(false)")
    if visit.key is not None and visit.anchor.time > max(m.deadline for m in owned.mandates):
        return warn(where, "his mandates have run out", "run plimsoll mandate")
    symbols = {token.address: symbol for symbol, token in visit.chain.tokens.items()}
    for holding in owned.holdings:
        symbol = symbols.get(holding.asset.token, str(holding.asset))
        if holding.allowance == 0:
            advice = "let him approve the rescue contract (plimsoll mandate prints it)"
            return warn(where, f"allows the rescue contract no {symbol}", advice)
        if holding.balance == 0:
            return warn(where, f"holds no {symbol} to be rescued with", "let him fund his account")
    return ok(where, f"has given {len(owned.mandates)} mandate(s), allowed and funded")
