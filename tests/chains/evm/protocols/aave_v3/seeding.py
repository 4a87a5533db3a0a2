"""Random borrowers on a real market: seeded in batches, their interest grown, prices moved."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chains.evm.client import EvmClient
from chains.evm.protocols.aave_v3.adapter import AaveV3Market
from chains.model.ids import AccountId, Address, ChainId
from chains.model.units import USD, Usd
from chains.oracles.chainlink import FeedTerms
from daemon.devnet.calls import encode_call
from daemon.devnet.deploy import Deployer
from daemon.devnet.deployment import ASSETS, EMODE
from tests.support.devnet import DevChain

USERS = 200
SYMBOLS = tuple(asset.symbol for asset in ASSETS)
TERMS = {asset.symbol: asset for asset in ASSETS}
GAS = 900_000
STABLE_CATEGORY = 2
STABLE_RATE, VARIABLE_RATE = 1, 2
PRICE_SOURCE = Address("0x" + "ee" * 20)
LIQUIDATOR = Address("0x" + "11" * 20)
SUPPLY = "supply(address,uint256,address,uint16)"
BORROW = "borrow(address,uint256,uint256,uint16,address)"
SET_EMODE = "setUserEMode(uint8)"
USE_AS_COLLATERAL = "setUserUseReserveAsCollateral(address,bool)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Borrower:
    """One seeded account: what it supplies and borrows (base units), and how.

    A `stable` one borrows each amount twice, once at each rate.
    """

    address: Address
    supplied: dict[str, int]
    borrowed: dict[str, int]
    category: int
    stable: bool
    unused: tuple[str, ...]


def feed_terms(chain: DevChain) -> dict[Address, FeedTerms]:
    terms = {
        token.address: FeedTerms(
            feed=token.feed,
            heartbeat_s=10 * 365 * 86_400,
            minimum=Usd(1),
            maximum=Usd(10**7 * USD),
        )
        for token in chain.deployment.tokens.values()
    }
    terms[PRICE_SOURCE] = terms[chain.deployment.tokens["USDC"].address]
    return terms


def account_of(chain: DevChain, address: Address) -> AccountId:
    return AccountId(ChainId.evm(chain.deployment.number), address)


def client_of(chain: DevChain) -> EvmClient:
    return EvmClient(chain=ChainId.evm(chain.deployment.number), endpoints=[chain.url])


async def open_market(chain: DevChain, client: EvmClient) -> AaveV3Market:
    head = await client.read_head("latest")
    return await AaveV3Market.open(
        client, head.anchor, pool=chain.deployment.aave.pool, feeds=feed_terms(chain)
    )


def seed_market(chain: DevChain, seed: int) -> tuple[Borrower, ...]:
    """Open USERS random positions, let interest grow, change parameters and move the prices."""
    dice = random.Random(seed)  # noqa: S311 -- positions, not secrets
    version = chain.deployment.aave.version
    _prepare(chain, version)
    borrowers = [_draw(dice, version, index) for index in range(USERS)]
    for borrower in borrowers:
        chain.set_balance(borrower.address, 10**22)
    chain.set_automine(on=False)
    _in_blocks(chain, _supply_calls(chain, borrowers))
    chain.advance(90 * 86_400)
    _in_blocks(chain, _mode_calls(chain, borrowers))
    _in_blocks(chain, _borrow_calls(chain, borrowers))
    chain.advance(dice.randrange(100, 300) * 86_400 + dice.randrange(86_400))
    _in_blocks(chain, _unused_calls(chain, borrowers))
    chain.set_automine(on=True)
    _govern(chain, version)
    for symbol, usd in (("WETH", 1_793.37), ("WBTC", 61_811.0), ("USDC", 1.0019)):
        chain.set_price(symbol, usd, protocol_only=True)
    _fund_liquidator(chain)
    return tuple(borrowers)


def _prepare(chain: DevChain, version: str) -> None:
    """Borrow much of every asset so that rates are high, and set up what the versions differ in."""
    deployment, owner = chain.deployment, chain.owner.sender
    token = {symbol: found.address for symbol, found in deployment.tokens.items()}
    if version == "3.0":
        configurator = deployment.aave.configurator
        chain.send(
            configurator, "setReserveStableRateBorrowing(address,bool)", *(token["USDC"], True)
        )
        chain.send(
            deployment.aave.oracle,
            "setAssetSources(address[],address[])",
            [PRICE_SOURCE],
            [deployment.tokens["USDC"].reference_feed],
        )
        chain.send(
            configurator,
            "setEModeCategory(uint8,uint16,uint16,uint16,address,string)",
            *(STABLE_CATEGORY, 9300, 9500, 10150, PRICE_SOURCE, "stable"),
        )
        chain.send(
            configurator, "setAssetEModeCategory(address,uint8)", token["USDC"], STABLE_CATEGORY
        )
    for symbol, share in (("WETH", 60), ("USDC", 72), ("WBTC", 45)):
        units = 100_000_000 * USD * 10 ** TERMS[symbol].decimals // TERMS[symbol].price
        borrowed = units * share // 100
        chain.send(deployment.aave.pool, BORROW, token[symbol], borrowed, 2, 0, owner)


def _draw(dice: random.Random, version: str, index: int) -> Borrower:
    if version == "3.0" and index % 10 == 1:
        return _draw_stable(dice, index)
    category = dice.choice((0, 0, 0, 1))
    if version == "3.0" and index % 20 == 7:
        category = STABLE_CATEGORY
    borrowable = {0: SYMBOLS, 1: EMODE.symbols, STABLE_CATEGORY: ("USDC",)}[category]
    supplied = {
        symbol: 10 ** dice.uniform(2.2, 5.2)
        for symbol in dice.sample(SYMBOLS, dice.choice((1, 1, 2, 3)))
    }
    other = [symbol for symbol in borrowable if symbol not in supplied]
    choices = other if other and dice.random() < 0.75 else borrowable
    targets = dice.sample(choices, min(dice.choice((1, 1, 2)), len(choices)))
    total = dice.uniform(0.90, 0.985) * _limit(supplied, category)
    cuts = [dice.uniform(0.2, 1) for _ in targets]
    return Borrower(
        address=_address(index),
        supplied={symbol: _units(symbol, usd) for symbol, usd in supplied.items()},
        borrowed={
            symbol: _units(symbol, total * cut / sum(cuts))
            for symbol, cut in zip(targets, cuts, strict=True)
        },
        category=category,
        stable=False,
        unused=tuple(symbol for symbol in supplied if dice.random() < 0.05),
    )


def _draw_stable(dice: random.Random, index: int) -> Borrower:
    """Draw one who owes USDC at both rates, half and half."""
    supplied = {"WETH": 10 ** dice.uniform(2.2, 5.2)}
    owed = dice.uniform(0.94, 0.985) * _limit(supplied, 0) / 2
    return Borrower(
        address=_address(index),
        supplied={symbol: _units(symbol, usd) for symbol, usd in supplied.items()},
        borrowed={"USDC": _units("USDC", owed)},
        category=0,
        stable=True,
        unused=(),
    )


def _address(index: int) -> Address:
    return Address(f"0x{(0xB0B << 128) + index:040x}")


def _limit(supplied: Mapping[str, float], category: int) -> float:
    return sum(usd * _ltv(symbol, category) for symbol, usd in supplied.items())


def _ltv(symbol: str, category: int) -> float:
    if category == EMODE.category and symbol in EMODE.symbols:
        return EMODE.ltv / 10_000
    if category == STABLE_CATEGORY and symbol == "USDC":
        return 0.93
    return TERMS[symbol].ltv / 10_000


def _units(symbol: str, usd: float) -> int:
    asset = TERMS[symbol]
    return int(usd * USD * 10**asset.decimals) // asset.price


Posted = Iterable[tuple[Deployer, Address, bytes]]


def _supply_calls(chain: DevChain, borrowers: Sequence[Borrower]) -> Posted:
    pool, tokens = chain.deployment.aave.pool, chain.deployment.tokens
    for borrower in borrowers:
        for symbol, units in borrower.supplied.items():
            data = encode_call(SUPPLY, tokens[symbol].address, units, borrower.address, 0)
            yield chain.owner, pool, data


def _mode_calls(chain: DevChain, borrowers: Sequence[Borrower]) -> Posted:
    for borrower in borrowers:
        if borrower.category:
            data = encode_call(SET_EMODE, borrower.category)
            yield _sender(chain, borrower), chain.deployment.aave.pool, data


def _borrow_calls(chain: DevChain, borrowers: Sequence[Borrower]) -> Posted:
    pool, tokens = chain.deployment.aave.pool, chain.deployment.tokens
    for borrower in borrowers:
        for symbol, units in borrower.borrowed.items():
            for rate in (STABLE_RATE, VARIABLE_RATE) if borrower.stable else (VARIABLE_RATE,):
                arguments = (tokens[symbol].address, units, rate, 0, borrower.address)
                yield _sender(chain, borrower), pool, encode_call(BORROW, *arguments)


def _unused_calls(chain: DevChain, borrowers: Sequence[Borrower]) -> Posted:
    for borrower in borrowers:
        for symbol in borrower.unused:
            arguments = (chain.deployment.tokens[symbol].address, False)
            data = encode_call(USE_AS_COLLATERAL, *arguments)
            yield _sender(chain, borrower), chain.deployment.aave.pool, data


def _sender(chain: DevChain, borrower: Borrower) -> Deployer:
    return Deployer(chain.rpc, borrower.address, chain.owner.max_fee_wei)


def _in_blocks(chain: DevChain, calls: Posted) -> None:
    """Send all, then mine until all are in; what a user may not do reverts, as it should."""
    posted = [sender.post(to, data, gas=GAS) for sender, to, data in calls]
    receipts = dict.fromkeys(posted)
    while missing := [name for name, found in receipts.items() if found is None]:
        chain.mine()
        for name in missing:
            receipts[name] = chain.rpc.request("eth_getTransactionReceipt", name)


def _govern(chain: DevChain, version: str) -> None:
    """Take WBTC's LTV away inside eMode, which changes the LTV reported and nothing else."""
    deployment = chain.deployment
    token = deployment.tokens["WBTC"].address
    if version == "3.0":
        chain.send(
            deployment.aave.configurator,
            "configureReserveAsCollateral(address,uint256,uint256,uint256)",
            *(token, 0, 7_500, 10_650),
        )
    else:
        chain.send(
            deployment.aave.configurator,
            "setAssetLtvzeroInEMode(address,uint8,bool)",
            *(token, EMODE.category, True),
        )


def _fund_liquidator(chain: DevChain) -> None:
    for symbol in SYMBOLS:
        chain.mint(symbol, LIQUIDATOR, 10**8 * 10 ** TERMS[symbol].decimals)
        chain.approve(symbol, chain.deployment.aave.pool, LIQUIDATOR)
