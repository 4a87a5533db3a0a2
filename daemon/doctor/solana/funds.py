"""Checks of money on a Solana chain: lamports for fees, inventory, and what owners let us take."""

from collections.abc import AsyncIterator, Iterator
from typing import Final

from solders.pubkey import Pubkey

from chains.errors import ChainError, DecodeError
from chains.model.ids import AccountId
from chains.model.snapshot import ChainSnapshot, IdleFund
from chains.solana.accounts import AccountPlan
from chains.solana.markets import Found
from chains.solana.tokens import decode_token_account, derive_token_account
from config.amounts import format_amount
from daemon.compose import build_solana_reader
from daemon.doctor.report import Finding, fail, ok, warn
from daemon.doctor.solana.visit import SolanaVisit

COMFORT: Final = 20
"""How many of the dearest actions the balance should pay for."""
_LAMPORT_DECIMALS: Final = 9


async def examine_balance(visit: SolanaVisit) -> AsyncIterator[Finding]:
    """See that the key can pay for an action at the highest fee allowed, and for some more."""
    if visit.key is None:
        return
    where, needed = f"{visit.where}.balance", visit.chain.max_fee_lamports
    balance = await visit.client.read_balance(visit.key)
    has = f"{visit.key} has {format_amount(balance, _LAMPORT_DECIMALS)} SOL for fees"
    advice = f"send it at least {format_amount(COMFORT * needed, _LAMPORT_DECIMALS)} SOL"
    if balance < needed:
        what = f"{has}, too little for a single transaction at max_fee_lamports"
        yield (fail if visit.settings.live else warn)(where, what, advice)
    elif balance < COMFORT * needed:
        yield warn(where, f"{has}, enough for {balance // needed} of the dearest actions", advice)
    else:
        yield ok(where, f"{has}, enough for {balance // needed} of the dearest actions")
    if visit.settings.keeper.liquidate:
        yield await _examine_inventory(visit, visit.key)


async def _examine_inventory(visit: SolanaVisit, key: Pubkey) -> Finding:
    accounts = {
        symbol: derive_token_account(key, Pubkey.from_string(token.address))
        for symbol, token in visit.chain.tokens.items()
    }

    def decode(found: Found) -> dict[str, int]:
        held = {}
        for symbol, account in accounts.items():
            try:
                held[symbol] = decode_token_account(
                    visit.chain.caip2, account, found[account]
                ).amount
            except DecodeError:
                held[symbol] = 0
        return held

    held = await visit.read(AccountPlan(keys=tuple(accounts.values()), decode=decode))
    where = f"{visit.where}.inventory"
    named = [
        f"{format_amount(units, visit.chain.tokens[symbol].decimals)} {symbol}"
        for symbol, units in held.items()
        if units
    ]
    if named:
        return ok(where, f"{key} holds {', '.join(named)} to liquidate with")
    what = f"{key} holds none of the tokens: liquidations take flash loans only"
    return warn(where, what, "send it some of what borrowers owe")


async def examine_members(visit: SolanaVisit) -> AsyncIterator[Finding]:
    """Read the chain as the daemon does, and see what each member has and lets the keeper take."""
    members = [
        (f"accounts[{index}].members {member}", member)
        for index, account in enumerate(visit.settings.accounts)
        for member in account.members
        if member.chain == visit.chain.caip2
    ]
    reader = build_solana_reader(visit.label, visit.chain, visit.client)
    try:
        snapshot = await reader.read(visit.head, [member for _, member in members])
    except ChainError as error:
        advice = "see the lines above; otherwise link fewer accounts, markets or reserves"
        yield fail(visit.where, f"cannot be read whole: {error.reason}", advice)
        return
    for where, member in members:
        for finding in _judge_member(visit, where, member, snapshot):
            yield finding


def _judge_member(
    visit: SolanaVisit, where: str, member: AccountId, snapshot: ChainSnapshot
) -> Iterator[Finding]:
    for account, reason in snapshot.unreadable:
        if account == member:
            advice = "add the missing reserve, or an endpoint that serves getProgramAccounts"
            yield fail(where, f"cannot be valued: {reason}", advice)
    if visit.chain.programs.rescue is None:
        return
    if not any(p.debts for p in snapshot.positions if p.account == member):
        yield ok(where, "owes nothing here that he could need a mandate for")
        return
    funds = [fund for fund in snapshot.funds if fund.owner == member]
    yield _judge_funds(where, funds, now=snapshot.anchor.time)


def _judge_funds(where: str, funds: list[IdleFund], *, now: int) -> Finding:
    mandates = [mandate for fund in funds for mandate in fund.mandates]
    if not mandates:
        return warn(where, "has given no mandate: no rescue here", "let him set one")
    if now > max(mandate.deadline for mandate in mandates):
        return warn(where, "his mandates have run out", "let him set new ones")
    for fund in funds:
        if fund.allowance == 0:
            advice = "let him approve the program's delegate"
            return warn(where, f"allows the rescue program no {fund.symbol}", advice)
        if fund.balance == 0:
            what = f"holds no {fund.symbol} to be rescued with"
            return warn(where, what, "let him fund his account")
    return ok(where, f"has given {len(mandates)} mandate(s), allowed and funded")
