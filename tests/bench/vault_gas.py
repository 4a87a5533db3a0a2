"""What every call of the vaults takes in gas: two chains, two assets, three of four signatures.

Each scene is undone after it. A call that is made several times counts with the most it took.
"""

from dataclasses import astuple
from typing import Final

from chains.model.units import WAD
from proofs.vaults import FactKey, FactKind
from tests.bench.figures import Figure, Figures, format_rows
from tests.support.seizing import DOLLAR, ETHER, ORDER, WITNESS, Story, endanger, open_story
from tests.support.vaults import (
    GOVERNOR,
    GUARDIAN,
    LENDER,
    LIQUIDATOR,
    OWNER,
    STRANGER,
    USDC,
    WETH,
    Ground,
    open_vaults,
)

SECOND: Final = b"\2" * 32


def measure() -> dict[str, int]:
    """Give the most gas that each call took, by its name."""
    with open_vaults() as ground:
        for scene in (_own, _lend, _seize, _expire, _recall, _stay, _lose, _govern):
            with ground.reverting():
                scene(ground)
        used: dict[str, int] = {}
        for place in ground.chains:
            for name, figures in place.gas.items():
                used[name] = max(used.get(name, 0), *figures)
    return dict(sorted(used.items()))


def describe(used: dict[str, int]) -> list[str]:
    """Give the table."""
    return format_rows([("call", "gas"), *((name, f"{gas:,}") for name, gas in used.items())])


def to_figures(used: dict[str, int]) -> Figures:
    """Give a figure for each call."""
    return {f"vault.gas.{name}": Figure(value=gas, unit="gas") for name, gas in used.items()}


def _own(ground: Ground) -> None:
    """Lines both ways, spending, and owners named by facts."""
    story = open_story(ground, borrowed=12_000)
    a, b = ground.chains
    b.repay(story.account, USDC, 1_000 * DOLLAR)
    b.lower_line(story.account, a, WETH, WAD)
    ground.carry_lower(story.account, WETH)
    a.withdraw(story.account, WETH, ETHER // 2)
    account = a.open(salt=SECOND)
    a.do(a.vault, "announce_link(bytes32,uint64,address)", account, b.number, OWNER)
    key = FactKey(kind=FactKind.LINKED, subject=account, numbers=(b.number,))
    signature = f"take_link(uint64,address,bytes32,uint256,{WITNESS})"
    args = (a.number, OWNER, SECOND, a.fact(key), *a.witness(key).arguments)
    b.do(b.vault, signature, *args, sender=STRANGER)
    b.do(b.vault, "unlink(bytes32)", account)


def _lend(ground: Ground) -> None:
    """A lender comes, thinks twice, and goes."""
    a = ground.a
    a.supply(USDC, 10_000 * DOLLAR)
    request = "request_exit(uint8,uint256)"
    shares = int(a.ask(a.pool, "shares(address,uint8)", LENDER, USDC))
    a.do(a.pool, request, USDC, shares, sender=LENDER)
    a.do(a.pool, "cancel_exit(uint8)", USDC, sender=LENDER)
    a.do(a.pool, request, USDC, shares, sender=LENDER)
    a.advance(61)
    a.do(a.pool, "exit(uint8)", USDC, sender=LENDER)
    a.fund(USDC, STRANGER, DOLLAR)
    a.do(a.pool, "donate(uint8,uint256)", USDC, DOLLAR, sender=STRANGER)


def _seize(ground: Ground) -> None:
    """Lock, fill and claim, with the statement brought before the fill and together with it."""
    story = open_story(ground)
    endanger(story)
    order = story.lock()
    with ground.reverting():
        story.register(order)
        receipt = story.fill(order, 1_000 * DOLLAR)
        story.claim(order, receipt)
    b = story.b
    b.fund(USDC, LIQUIDATOR, 50_000 * DOLLAR)
    witness = story.witness_lock(order)
    signature = f"register_and_fill({ORDER},uint256,address,{WITNESS})"
    args = (astuple(order), 50_000 * WAD, LIQUIDATOR, *witness.arguments)
    done = b.do(b.seizure, signature, *args, sender=LIQUIDATOR)
    story.claim(order, story.find_receipt(b, done))


def _expire(ground: Ground) -> None:
    """An order that nobody fills is closed and released."""
    story = open_story(ground)
    endanger(story)
    order = story.lock()
    story.register(order)
    story.b.advance(301)
    story.close(order)
    story.release(order)


def _recall(ground: Ground) -> None:
    """A line that hardly backs anything is given back, of an account under 1."""
    a, b = ground.chains
    story = open_story(ground, linked=False)
    ground.link(story.account)
    a.supply(USDC, 100_000 * DOLLAR)
    a.deposit(story.account, WETH, 10 * ETHER)
    a.raise_line(story.account, b, WETH, 5 * WAD)
    ground.carry_raise(story.account, WETH)
    a.borrow(story.account, USDC, 8_000 * DOLLAR)
    b.borrow(story.account, USDC, 800 * DOLLAR)
    endanger(story, 800)
    signature = "recall_line(bytes32,uint64,uint8,uint256)"
    b.do(b.seizure, signature, story.account, a.number, WETH, WAD, sender=STRANGER)


def _stay(ground: Ground) -> None:
    """An account that is on one chain alone is liquidated there."""
    a = ground.a
    a.supply(USDC, 1_000_000 * DOLLAR)
    account = a.open()
    a.deposit(account, WETH, 10 * ETHER)
    a.borrow(account, USDC, 16_000 * DOLLAR)
    a.set_price(WETH, 1_900)
    Story(ground=ground, account=account).liquidate(a, 5_000 * DOLLAR)


def _lose(ground: Ground) -> None:
    """A debt whose collateral is gone is provided for, vetoed, and written down."""
    story = open_story(ground)
    a, b = ground.chains
    for place in ground.chains:
        place.set_price(WETH, 1_000)
    while True:
        story.refresh()
        if story.judge(a).gross_weight == 0:
            break
        order = story.lock()
        story.register(order)
        story.claim(order, story.fill(order, 100_000 * DOLLAR))
    provide = "provide(bytes32,uint8)"
    b.do(b.seizure, provide, story.account, USDC, sender=STRANGER)
    with ground.reverting():
        signature = "veto(address,bytes32,uint8)"
        b.do(b.ledger.timelock, signature, b.seizure, story.account, USDC, sender=GUARDIAN)
    for place in (a, b):
        place.advance(121)
    story.refresh()
    b.do(b.seizure, "write_down(bytes32,uint8)", story.account, USDC, sender=STRANGER)


def _govern(ground: Ground) -> None:
    """The owner announces a change, the guardian cancels it and pauses spending."""
    a = ground.a
    timelock, data = a.ledger.timelock, a.encode("set_sequencer(address,uint256)", a.vault, 60)
    propose = "propose(address,bytes)"
    a.do(timelock, propose, a.vault, data, sender=GOVERNOR)
    a.do(timelock, "cancel(address,bytes)", a.vault, data, sender=GUARDIAN)
    a.do(timelock, propose, a.vault, data, sender=GOVERNOR)
    a.do(timelock, "pause(address)", a.vault, sender=GUARDIAN)
    a.advance(121)
    a.do(timelock, "enact(address,bytes)", a.vault, data, sender=GOVERNOR)
