"""Checks of what lies at a Solana chain's configured addresses: markets, tokens, feeds, our own."""

from collections.abc import AsyncIterator
from typing import Final

from solders.pubkey import Pubkey

from chains.discover import SolanaMarket
from chains.errors import ChainError, DecodeError
from chains.model.ids import checksummed
from chains.model.price import Price, PriceStatus
from chains.oracles import pyth
from chains.solana.accounts import CLOCK, AccountPlan, RawAccount, combine, decode_clock
from chains.solana.committees import CommitteeTerms, decode_committee
from chains.solana.markets import Found
from chains.solana.pools import plan_pool
from chains.solana.reader import TokenTerms
from chains.solana.tables import plan_tables
from chains.solana.tokens import decode_decimals
from config.solana import SolanaMarketSettings, SolanaTokenSettings
from daemon.compose import build_solana_market
from daemon.doctor.report import Finding, fail, ok, warn
from daemon.doctor.solana.visit import SolanaVisit
from daemon.translate import build_pools, build_solana_tokens
from proofs.typed import hash_text

LOADERS: Final = frozenset(
    Pubkey.from_string(key)
    for key in (
        "BPFLoader1111111111111111111111111111111111",
        "BPFLoader2111111111111111111111111111111111",
        "BPFLoaderUpgradeab1e11111111111111111111111",
        "LoaderV411111111111111111111111111111111111",
    )
)
"""Who owns the account of a program."""


async def examine_accounts(visit: SolanaVisit) -> AsyncIterator[Finding]:
    """Look at everything the chain's table names."""
    read_by_markets: set[Pubkey] = set()
    for index, market in enumerate(visit.chain.markets):
        async for finding in _examine_market(visit, index, market, read_by_markets):
            yield finding
    for symbol, token in visit.chain.tokens.items():
        async for finding in _examine_token(visit, symbol, token, read_by_markets):
            yield finding
    for part in (_examine_pools, _examine_tables, _examine_programs):
        async for finding in part(visit):
            yield finding


async def _examine_market(
    visit: SolanaVisit, index: int, market: SolanaMarketSettings, seen: set[Pubkey]
) -> AsyncIterator[Finding]:
    where = f"{visit.where}.markets[{index}]"
    terms = build_solana_market(market)
    tokens = build_solana_tokens(visit.chain)
    open_plan = terms.protocol.plan_open(
        visit.chain.caip2,
        market=terms.market,
        reserves=terms.reserves,
        assets={token.mint: token.terms for token in tokens.values()},
        program=terms.program,
    )
    try:
        opened: SolanaMarket = await visit.read(open_plan)
        plan = opened.plan_read([])
        found = opened.build_read(await visit.read(plan), visit.head.anchor)
    except ChainError as error:
        what = f"is no {market.protocol} market we can read: {error.reason}"
        yield fail(where, what, "write market, program and reserves of one market")
        return
    seen.update(plan.keys)
    yield ok(where, f"is {market.protocol} with {len(market.reserves)} reserve(s)")
    known = {token.asset: symbol for symbol, token in tokens.items()}
    for price in found.prices:
        if finding := _judge_reserve(where, known.get(price.asset), price):
            yield finding


def _judge_reserve(where: str, symbol: str | None, price: Price) -> Finding | None:
    if symbol is None:
        what = f"lends {price.asset.reference}, which is no token here: it counts nothing"
        return warn(f"{where}.reserves", what, "write its table under tokens")
    if not price.valid:
        what = f"prices {symbol} by what is not to be believed now: {price.status}"
        return warn(f"{where}.reserves", what, "look again later, or check the token's bounds")
    return None


async def _examine_token(
    visit: SolanaVisit, symbol: str, token: SolanaTokenSettings, read_by_markets: set[Pubkey]
) -> AsyncIterator[Finding]:
    where = f"{visit.where}.tokens.{symbol}"
    known = build_solana_tokens(visit.chain)[symbol]
    feeds = {"feed": known.feed, "reference_feed": known.reference}
    prices = {field: terms for field, terms in feeds.items() if terms}
    plans = [_plan_price(known, terms) for terms in prices.values()]
    decimals, judged = await visit.read(combine([_plan_decimals(known), combine(plans)]))
    if isinstance(decimals, DecodeError):
        yield fail(f"{where}.address", decimals.reason, "write the token's mint")
    elif decimals != token.decimals:
        what = f"has {decimals} decimals, {token.decimals} written"
        yield fail(f"{where}.decimals", what, "correct address or decimals")
    for field, (price, now) in zip(prices, judged, strict=True):
        yield _judge_feed(f"{where}.{field}", prices[field], price, now)
    if token.reference_feed == token.feed:
        yield warn(f"{where}.reference_feed", "is the feed itself", "write an independent one")
    if visit.chain.markets and known.feed.account not in read_by_markets:
        advice = "see that it follows what the markets read"
        yield warn(f"{where}.feed", "is read by no market here", advice)


def _plan_decimals(token: TokenTerms) -> AccountPlan[int | DecodeError]:
    def decode(found: Found) -> int | DecodeError:
        try:
            return decode_decimals(token.asset.chain, token.mint, found[token.mint])
        except DecodeError as error:
            return error

    return AccountPlan(keys=(token.mint,), decode=decode)


def _plan_price(token: TokenTerms, terms: pyth.PythTerms) -> AccountPlan[tuple[Price, int]]:
    """Plan to read a feed, judged at the read's time, and that time."""
    chain = token.asset.chain

    def decode(found: Found) -> tuple[Price, int]:
        now = decode_clock(found[CLOCK]).unix_timestamp
        return pyth.plan_price(chain, token.asset, terms, now=now).decode(found), now

    return AccountPlan(keys=(CLOCK, terms.account), decode=decode)


def _judge_feed(where: str, terms: pyth.PythTerms, price: Price, now: int) -> Finding:
    age = now - price.published_at
    match price.status:
        case PriceStatus.OK:
            return ok(where, f"answers, published {age} s ago")
        case PriceStatus.UNREADABLE if price.published_at:
            return fail(where, f"is of the Pyth feed {price.feed}", "correct feed or feed_id")
        case PriceStatus.UNREADABLE:
            return fail(where, "is no Pyth price account", "write the price account's address")
        case PriceStatus.STALE:
            what = f"was published {age} s ago, {terms.max_age_s} s allowed"
            return warn(where, what, "check heartbeat_s, or nobody posts to it")
        case PriceStatus.OUT_OF_BOUNDS:
            return fail(where, "answers outside minimum and maximum", "correct feed or bounds")
        case status:
            return warn(where, f"its price is not to be believed now: {status}", "look again later")


async def _examine_pools(visit: SolanaVisit) -> AsyncIterator[Finding]:
    symbols = {str(token.address): symbol for symbol, token in visit.chain.tokens.items()}
    for index, place in enumerate(build_pools(visit.chain)):
        where = f"{visit.where}.pools[{index}]"
        try:
            state = await visit.read(plan_pool(visit.chain.caip2, place))
        except ChainError as error:
            yield fail(where, error.reason, "write program, account, vaults and mints of one pool")
            continue
        pair = " and ".join(symbols[str(mint)] for mint in place.mints)
        if all(state.held):
            yield ok(where, f"sells {pair}, for {state.fee_bps} bps")
        else:
            yield warn(where, f"sells {pair} and is empty", "write another pool, or wait")


async def _examine_tables(visit: SolanaVisit) -> AsyncIterator[Finding]:
    for index, table in enumerate(visit.chain.lookup_tables):
        where = f"{visit.where}.lookup_tables[{index}]"
        try:
            (found,) = await visit.read(plan_tables([Pubkey.from_string(table)]))
        except ChainError as error:
            yield fail(where, error.reason, "write an active table, or leave it out")
        else:
            yield ok(where, f"has {len(found.addresses)} addresses")


async def _examine_programs(visit: SolanaVisit) -> AsyncIterator[Finding]:
    programs = visit.chain.programs
    if programs.rescue is None:
        return
    where, key = f"{visit.where}.programs.rescue", Pubkey.from_string(programs.rescue)
    account = await visit.read(_plan_raw(key))
    if account is None or account.owner not in LOADERS:
        said = "there is nothing" if account is None else "there is no program"
        yield fail(where, f"{said} at {key}", "write the address the program was deployed at")
        return
    yield ok(where, "is a program")
    if programs.committee:
        committee = Pubkey.from_string(programs.committee)
        found = await visit.read(_plan_raw(committee))
        where = f"{visit.where}.programs.committee"
        try:
            terms = decode_committee(visit.chain.caip2, committee, found, program=key)
        except DecodeError as error:
            yield fail(where, error.reason, "write the address of the program's committee")
        else:
            yield _judge_committee(visit, where, terms)


def _judge_committee(visit: SolanaVisit, where: str, terms: CommitteeTerms) -> Finding:
    deployment, ttl_s = visit.settings.deployment, visit.settings.attestation.ttl_s
    if terms.salt != hash_text(deployment):
        advice = "correct deployment, or create a committee for it"
        return fail(where, f"its salt is not that of deployment {deployment!r}", advice)
    if visit.attester is not None and visit.attester not in terms.members:
        what = f"the key {checksummed(visit.attester)} is not one of its members"
        return fail(where, what, "use the key it was created for, or create another")
    if terms.max_ttl_s < ttl_s:
        what = f"takes attestations of at most {terms.max_ttl_s} s"
        return fail(where, what, "lower attestation.ttl_s")
    return ok(where, f"is of this deployment, {terms.threshold} signature(s) needed")


def _plan_raw(key: Pubkey) -> AccountPlan[RawAccount | None]:
    return AccountPlan(keys=(key,), decode=lambda found: found[key])
