"""Checks of what stands at the configured addresses: code, markets, tokens, feeds, our own."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from chains.errors import ChainError
from chains.evm.abi.erc20 import DECIMALS
from chains.evm.abi.function import Function
from chains.evm.client import EvmClient
from chains.evm.multicall import ReadPlan, combine, read
from chains.evm.protocols.aave_v3.adapter import AaveV3Market
from chains.evm.protocols.aave_v3.contracts import (
    ADDRESSES_PROVIDER,
    GET_PRICE_ORACLE,
    GET_SOURCE,
)
from chains.model.anchor import BlockAnchor
from chains.model.ids import Address, checksummed
from chains.model.price import PriceStatus
from chains.oracles.chainlink import FeedReading, FeedTerms, judge_round, plan_reading, plan_round
from config.evm import EvmMarketSettings, EvmSettings, EvmTokenSettings
from config.settings import Settings
from daemon.doctor.report import Finding, fail, ok, warn
from daemon.translate import build_tokens
from proofs.committee import Committee
from proofs.typed import hash_text

SALT: Final = Function("salt", (), ("bytes32",))
COMMITTEE_ID: Final = Function("committee_id", (), ("bytes32",))
THRESHOLD: Final = Function("threshold", (), ("uint256",))
MAX_TTL: Final = Function("max_ttl", (), ("uint256",))
WRAPPED_NATIVE: Final = Function("wrapped_native", (), ("address",))
OPERATOR: Final = Function("operator", (), ("address",))
IS_POOL: Final = Function("is_pool", ("address",), ("bool",))
FACTORY: Final = Function("factory", (), ("address",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One chain to look at: its settings, a client, the block, and the daemon's keys if known.

    `key` sends transactions, `attester` signs attestations.
    """

    where: str
    settings: Settings
    chain: EvmSettings
    client: EvmClient
    anchor: BlockAnchor
    key: Address | None
    attester: Address | None

    async def read(self, plan: ReadPlan[Any]) -> Any:  # noqa: ANN401 # as typed as the plan
        """Read a plan at the block."""
        return await read(self.client, self.anchor, plan)


async def examine_contracts(visit: Visit) -> AsyncIterator[Finding]:
    """Look at everything the chain's table names; an address without code is one line."""
    empty: set[Address] = set()
    for where, address in list_addresses(visit.where, visit.chain):
        if not await visit.client.read_code(address):
            empty.add(address)
            advice = "write the contract's address on this chain"
            yield fail(where, f"there is no contract at {checksummed(address)}", advice)
    for part in (_examine_markets, _examine_tokens, _examine_own, _examine_uniswap):
        async for finding in part(visit, empty):
            yield finding


def list_addresses(where: str, chain: EvmSettings) -> Iterator[tuple[str, Address]]:
    """Give every address that must be a contract, with its field."""
    yield f"{where}.multicall3", chain.multicall3
    for index, market in enumerate(chain.markets):
        yield f"{where}.markets[{index}].pool", market.pool
        if market.provider:
            yield f"{where}.markets[{index}].provider", market.provider
    for symbol, token in chain.tokens.items():
        yield f"{where}.tokens.{symbol}.address", token.address
        yield f"{where}.tokens.{symbol}.feed", token.feed
        if token.reference_feed:
            yield f"{where}.tokens.{symbol}.reference_feed", token.reference_feed
    for name in ("sequencer_feed", "l1_fee_oracle"):
        if address := getattr(chain, name):
            yield f"{where}.{name}", address
    yield from _list_own(where, chain)
    if chain.uniswap_v3:
        yield f"{where}.uniswap_v3.quoter", chain.uniswap_v3.quoter
        yield f"{where}.uniswap_v3.router", chain.uniswap_v3.router


def _list_own(where: str, chain: EvmSettings) -> Iterator[tuple[str, Address]]:
    for name in ("rescue", "liquidator", "verifier"):
        if address := getattr(chain.contracts, name):
            yield f"{where}.contracts.{name}", address
    for name in ("vault", "seizure", "notary") if chain.vault else ():
        yield f"{where}.vault.{name}", getattr(chain.vault, name)


async def _examine_markets(visit: Visit, empty: set[Address]) -> AsyncIterator[Finding]:
    for index, market in enumerate(visit.chain.markets):
        where = f"{visit.where}.markets[{index}]"
        if market.pool not in empty:
            yield await _examine_market(visit, where, market.pool)
            async for finding in _examine_provider(visit, where, market):
                yield finding


async def _examine_tokens(visit: Visit, empty: set[Address]) -> AsyncIterator[Finding]:
    for symbol, token in visit.chain.tokens.items():
        if not {token.address, token.feed} & empty:
            async for finding in _examine_token(visit, symbol, token):
                yield finding
    if visit.chain.sequencer_feed not in (None, *empty):
        yield await _examine_sequencer(visit)


async def _examine_market(visit: Visit, where: str, pool: Address) -> Finding:
    try:
        market = await AaveV3Market.open(visit.client, visit.anchor, pool=pool, feeds={})
    except ChainError as error:
        advice = "write the Pool's address (a proxy), or upgrade plimsoll for a new revision"
        return fail(f"{where}.pool", f"is no Aave v3 pool we know: {error.reason}", advice)
    return ok(f"{where}.pool", f"is Aave v{market.version}")


async def _examine_provider(
    visit: Visit, where: str, market: EvmMarketSettings
) -> AsyncIterator[Finding]:
    if market.provider is None:
        return
    (found,) = await visit.read(combine([ADDRESSES_PROVIDER.plan_optional(market.pool)]))
    if found == market.provider:
        yield ok(f"{where}.provider", "is the pool's own")
    else:
        said = checksummed(found) if found else "none"
        advice = "write pool and provider of one market"
        yield fail(f"{where}.provider", f"the pool names {said}", advice)


async def _examine_token(
    visit: Visit, symbol: str, token: EvmTokenSettings
) -> AsyncIterator[Finding]:
    where = f"{visit.where}.tokens.{symbol}"
    known = build_tokens(visit.chain)[symbol]
    terms = [known.feed, *([known.reference] if known.reference else [])]
    sequencer = visit.chain.sequencer_feed
    plans: list[ReadPlan[Any]] = [
        DECIMALS.plan_optional(token.address),
        combine([plan_reading(one.feed) for one in terms]),
        combine([plan_round(sequencer)] if sequencer else []),
    ]
    decimals, readings, uptime = await visit.read(combine(plans))
    if decimals != token.decimals:
        said = "does not answer decimals()" if decimals is None else f"has {decimals} decimals"
        advice = "correct address or decimals"
        yield fail(f"{where}.decimals", f"{said}, {token.decimals} written", advice)
    for field, one, reading in zip(("feed", "reference_feed"), terms, readings, strict=False):
        status = judge_round(
            reading, one, sequencer=uptime[0] if uptime else None, now=visit.anchor.time
        )
        yield _judge_feed(f"{where}.{field}", one, reading, status, visit.anchor.time)
    if token.reference_feed == token.feed:
        yield warn(f"{where}.reference_feed", "is the feed itself", "write an independent one")
    async for finding in _examine_source(visit, where, token):
        yield finding


def _judge_feed(
    where: str, terms: FeedTerms, reading: FeedReading, status: PriceStatus, now: int
) -> Finding:
    newest = reading.round
    match status:
        case PriceStatus.OK:
            return ok(where, f"answers, updated {now - newest.updated_at if newest else 0} s ago")
        case PriceStatus.UNREADABLE:
            return fail(where, "does not answer as a Chainlink feed", "write the feed's proxy")
        case PriceStatus.WRONG_DECIMALS:
            what = f"has {reading.decimals} decimals, {terms.decimals} written"
            return fail(where, what, "correct feed or feed_decimals")
        case PriceStatus.STALE:
            age = now - newest.updated_at if newest else 0
            what = f"was updated {age} s ago, {terms.silence_s} s allowed"
            return warn(where, what, "check heartbeat_s, or the feed is late")
        case PriceStatus.OUT_OF_BOUNDS:
            what = "answers outside minimum and maximum"
            return fail(where, what, "correct the feed or its bounds")
        case _:
            return warn(where, f"its price is not to be believed now: {status}", "look again later")


async def _examine_source(
    visit: Visit, where: str, token: EvmTokenSettings
) -> AsyncIterator[Finding]:
    for market in visit.chain.markets:
        (provider,) = await visit.read(combine([ADDRESSES_PROVIDER.plan_optional(market.pool)]))
        if provider is None:
            continue
        (oracle,) = await visit.read(combine([GET_PRICE_ORACLE.plan_optional(provider)]))
        if oracle is None:
            continue
        (source,) = await visit.read(combine([GET_SOURCE.plan_optional(oracle, token.address)]))
        if source is None or source in (token.feed, "0x" + "00" * 20):
            continue
        what = f"the market prices it by {checksummed(source)}"
        yield warn(f"{where}.feed", what, "see that this adapter reads the feed written here")


async def _examine_sequencer(visit: Visit) -> Finding:
    feed = visit.chain.sequencer_feed
    where = f"{visit.where}.sequencer_feed"
    (newest,) = await visit.read(combine([plan_round(feed)] if feed else []))
    if newest is None:
        return fail(where, "does not answer", "write the sequencer uptime feed's proxy")
    if newest.answer:
        return warn(
            where, "says that the sequencer is down", "nothing is liquidated until it is up"
        )
    return ok(where, "says that the sequencer is up")


async def _examine_own(visit: Visit, empty: set[Address]) -> AsyncIterator[Finding]:
    contracts = visit.chain.contracts
    if contracts.verifier and contracts.verifier not in empty:
        async for finding in _examine_verifier(visit, contracts.verifier):
            yield finding
    if contracts.rescue and contracts.rescue not in empty:
        where = f"{visit.where}.contracts.rescue"
        (native,) = await visit.read(combine([WRAPPED_NATIVE.plan_optional(contracts.rescue)]))
        if native is None:
            yield fail(
                where, "is no rescue contract", "write the address rescue.vy was deployed at"
            )
        elif visit.chain.native_token and native != visit.chain.native_token:
            what = f"refunds in {checksummed(native)}, not in {visit.chain.native_symbol}"
            yield warn(where, what, "check native_symbol, or deploy it again")
        else:
            yield ok(where, "is a rescue contract")
    if contracts.liquidator and contracts.liquidator not in empty:
        async for finding in _examine_liquidator(visit, contracts.liquidator):
            yield finding


async def _examine_verifier(visit: Visit, verifier: Address) -> AsyncIterator[Finding]:
    where = f"{visit.where}.contracts.verifier"
    fields = (SALT, COMMITTEE_ID, THRESHOLD, MAX_TTL)
    plan = combine([field.plan_optional(verifier) for field in fields])
    salt, committee, threshold, max_ttl = await visit.read(plan)
    if salt is None or committee is None or threshold is None or max_ttl is None:
        yield fail(where, "is no verifier", "write the address verifier.vy was deployed at")
        return
    deployment = visit.settings.deployment
    if salt != hash_text(deployment):
        advice = "correct deployment, or deploy a verifier for it"
        yield fail(where, f"its salt is not that of deployment {deployment!r}", advice)
        return
    if threshold == 1 and visit.attester is not None:
        ours = Committee.first(deployment, [visit.attester], 1)
        if committee != ours.id:
            what = f"its committee is not the key {checksummed(visit.attester)}"
            yield fail(where, what, "use the key it was deployed for, or deploy it again")
            return
        if visit.attester == visit.key:
            what = "its one member sends the rescues too, and unified ones need others' signatures"
            yield warn(where, what, "set keys.attestation_keystore and deploy it for that key")
    if max_ttl < visit.settings.attestation.ttl_s:
        advice = "lower attestation.ttl_s"
        yield fail(where, f"takes attestations of at most {max_ttl} s", advice)
        return
    yield ok(where, f"is of this deployment, {threshold} signature(s) needed")


async def _examine_liquidator(visit: Visit, liquidator: Address) -> AsyncIterator[Finding]:
    where = f"{visit.where}.contracts.liquidator"
    pools: Sequence[Address] = [market.pool for market in visit.chain.markets]
    plans = [OPERATOR.plan_optional(liquidator)]
    plans += [IS_POOL.plan_optional(liquidator, pool) for pool in pools]
    operator, *known = await visit.read(combine(plans))
    if operator is None:
        yield fail(where, "is no liquidator", "write the address liquidator.vy was deployed at")
        return
    if visit.key is not None and operator != visit.key:
        what = f"its operator is {checksummed(operator)}, not {checksummed(visit.key)}"
        yield fail(where, what, "let its owner call set_operator")
    elif not all(known):
        unknown = pools[[bool(one) for one in known].index(False)]
        what = f"does not know the pool {checksummed(unknown)}"
        yield fail(where, what, "deploy it with this pool")
    else:
        yield ok(where, "takes orders from the key, for every market here")


async def _examine_uniswap(visit: Visit, empty: set[Address]) -> AsyncIterator[Finding]:
    uniswap = visit.chain.uniswap_v3
    if uniswap is None or {uniswap.quoter, uniswap.router} & empty:
        return
    where = f"{visit.where}.uniswap_v3"
    plan = combine([FACTORY.plan_optional(uniswap.quoter), FACTORY.plan_optional(uniswap.router)])
    quoter, router = await visit.read(plan)
    if quoter is None or router is None:
        broken = "quoter" if quoter is None else "router"
        yield fail(f"{where}.{broken}", "is no Uniswap v3 contract", "write its address here")
    elif quoter != router:
        yield fail(where, "quoter and router serve two exchanges", "write both of one")
    else:
        yield ok(where, "quoter and router serve one exchange")
