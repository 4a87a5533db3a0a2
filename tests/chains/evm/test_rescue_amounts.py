"""The amount rescue.vy computes reaches the target for whatever account, and barely passes it."""

from random import Random

import pytest

from chains.model.action import Instrument
from chains.model.units import WAD, Bps, Wad
from daemon.devnet.deployment import EMODE
from tests.support.devnet import Devnet
from tests.support.rescue import OWNER, Stage, open_stage

pytestmark = pytest.mark.net

DECIMALS = {"WETH": 18, "USDC": 6, "WBTC": 8}
PRICES = {"WETH": 2_000, "USDC": 1, "WBTC": 60_000}
OVERSHOOT_BPS = 2
CASES = range(26)


@pytest.mark.parametrize("seed", CASES)
@pytest.mark.parametrize("name", ["cheap", "dear"])
def test_the_target_is_reached_and_barely_passed(devnet: Devnet, name: str, seed: int) -> None:
    random = Random(seed)  # noqa: S311 -- cases, no secrets
    stage = open_stage(getattr(devnet, name))
    instrument, symbol = open_account(stage, random)
    stage.fund(symbol, 10**9 * 10 ** DECIMALS[symbol])
    stage.chain.advance(random.randrange(1, 10**7))
    before = stage.health()
    target = Wad(before + random.randrange(10**12, before // 20))
    terms = stage.native_terms(symbol, trigger=Wad(before + 10**11), target=target)
    done = stage.rescue_native(stage.set_mandate(terms), instrument)
    assert done.health_before <= before
    assert target <= done.health_after
    least = 10**13 + grain(done.health_after, symbol)
    assert done.health_after - target <= target * OVERSHOOT_BPS // 10**4 + least


def grain(health: int, symbol: str) -> int:
    """What a few units of the token can move a small account's health by."""
    return int(10 * health * PRICES[symbol] // 10 ** DECIMALS[symbol] // 100)


def open_account(stage: Stage, random: Random) -> tuple[Instrument, str]:
    """Let the owner hold and owe random amounts; gives the cure and its token."""
    symbols = list(DECIMALS)
    held = random.sample(symbols, random.randrange(1, 4))
    owed = random.sample(symbols, random.randrange(1, 3))
    room = 0.0
    for symbol in held:
        usd = 10 ** random.uniform(3, 6)
        stage.chain.supply(symbol, OWNER, units(symbol, usd))
        room += usd * 0.7
    for symbol in owed:
        stage.chain.borrow(
            symbol, OWNER, units(symbol, room / len(owed) * random.uniform(0.5, 0.99))
        )
    instrument = random.choice([Instrument.REPAY, Instrument.SUPPLY])
    return instrument, random.choice(owed if instrument is Instrument.REPAY else symbols)


def units(symbol: str, usd: float) -> int:
    return int(usd / PRICES[symbol] * 10 ** DECIMALS[symbol])


@pytest.mark.parametrize("instrument", [Instrument.REPAY, Instrument.SUPPLY])
@pytest.mark.parametrize("symbol", ["WETH", "WBTC"])
@pytest.mark.parametrize("name", ["cheap", "dear"])
def test_an_efficiency_category_counts(
    devnet: Devnet, name: str, symbol: str, instrument: Instrument
) -> None:
    stage = open_stage(getattr(devnet, name))
    stage.chain.supply("WETH", OWNER, 100 * 10**18)
    stage.chain.send(stage.pool, "setUserEMode(uint8)", EMODE.category, sender=OWNER)
    stage.chain.borrow("WBTC", OWNER, 29 * 10**7)
    if symbol == "WETH" and instrument is Instrument.REPAY:
        stage.chain.borrow("WETH", OWNER, 10**17)
    stage.fund(symbol, 10**22)
    target = Wad(107 * WAD // 100) if instrument is Instrument.SUPPLY else None
    before = stage.health()
    goal = target or Wad(before + 5 * 10**14)
    mandate = stage.set_mandate(
        stage.native_terms(symbol, trigger=Wad(before + 10**12), target=goal)
    )
    done = stage.rescue_native(mandate, instrument)
    assert goal <= done.health_after <= goal + goal * OVERSHOOT_BPS // 10**4


def test_a_loss_limit_of_nothing_allows_for_rounding(devnet: Devnet) -> None:
    stage = open_stage(devnet.cheap)
    stage.borrow_against_weth()
    stage.chain.advance(10**7)
    stage.fund("USDC", 10**10)
    before = stage.health()
    terms = stage.native_terms(
        max_loss_bps=Bps(0), trigger=Wad(before + 1), target=Wad(before + 10**9)
    )
    assert stage.rescue_native(stage.set_mandate(terms), Instrument.REPAY).units < 10**5
