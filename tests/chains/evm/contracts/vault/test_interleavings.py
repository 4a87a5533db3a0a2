"""Lines, spending and seizure in every order: no unit backs two debts, no wei appears or is lost.

The account has collateral and debt on both chains and lines both ways. Orders go the way they go
between seizures (lock, register, fill, claim or expiry); the seizure's calls are sent in its name.
"""

from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from chains.model.ids import Address
from chains.model.units import WAD
from daemon.devnet.deploy import Reverted
from daemon.devnet.rpc import RpcFailure
from proofs.vaults import FactKey, FactKind
from tests.support.vaults import (
    LENDER,
    LIQUIDATOR,
    OWNER,
    USDC,
    WETH,
    Ground,
    VaultChain,
    Witness,
    line_key,
)

pytestmark = pytest.mark.net

ETHER = 10**18
DOLLAR = 10**6
PRICE = 2_000
LTV = {WETH: 8_000, USDC: 7_700}
STEPS = (
    *("deposit", "withdraw", "borrow", "borrow", "borrow", "repay", "repay", "supply", "leave"),
    *("raise_line", "raise_line", "raise_undone", "lower", "take_raised", "take_raised"),
    *("take_lowered", "lower", "lock", "register", "claim", "expire", "wait"),
)


@dataclass(slots=True, kw_only=True)
class Order:
    origin: VaultChain
    units: int
    line_units: int
    registered: bool = False


@dataclass(slots=True, kw_only=True)
class World:
    """One account, and what was final of its facts at some time or other."""

    ground: Ground
    account: bytes
    told: dict[FactKey, list[tuple[int, Witness]]] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)

    def note(self, place: VaultChain, key: FactKey) -> None:
        """Let the committee sign what a fact is now."""
        self.told.setdefault(key, []).append((place.fact(key), place.witness(key)))

    def step(self, name: str, origin: VaultChain, size: int) -> None:
        getattr(self, name)(origin, size)

    def deposit(self, origin: VaultChain, size: int) -> None:
        origin.deposit(self.account, WETH, size * ETHER)

    def withdraw(self, origin: VaultChain, size: int) -> None:
        origin.withdraw(self.account, WETH, size * ETHER)

    def borrow(self, origin: VaultChain, size: int) -> None:
        origin.borrow(self.account, USDC, size * 2_500 * DOLLAR)

    def repay(self, origin: VaultChain, size: int) -> None:
        origin.repay(self.account, USDC, size * 1_111 * DOLLAR)

    def supply(self, origin: VaultChain, size: int) -> None:
        origin.supply(USDC, size * 777 * DOLLAR + size)

    def leave(self, origin: VaultChain, size: int) -> None:
        words = (USDC, size * 10**24)
        origin.do(origin.pool, "request_exit(uint8,uint256)", *words, sender=LENDER)
        origin.advance(60)
        origin.do(origin.pool, "exit(uint8)", USDC, sender=LENDER)

    def wait(self, origin: VaultChain, size: int) -> None:
        origin.advance(size)

    def _line(self, kind: FactKind, origin: VaultChain) -> FactKey:
        return line_key(kind, self.account, origin, self.ground.other(origin), WETH)

    def raise_line(self, origin: VaultChain, size: int) -> None:
        origin.raise_line(self.account, self.ground.other(origin), WETH, size * WAD)
        self.note(origin, self._line(FactKind.RAISED, origin))

    def raise_undone(self, origin: VaultChain, size: int) -> None:
        """What a reorg undoes was never final: nobody signed it."""
        before = origin.chain.snapshot()
        try:
            origin.raise_line(self.account, self.ground.other(origin), WETH, size * WAD)
        finally:
            origin.chain.revert(before)
            origin.chain.refresh_feeds()

    def lower(self, origin: VaultChain, size: int) -> None:
        there = self.ground.other(origin)
        there.lower_line(self.account, origin, WETH, size * WAD)
        self.note(there, self._line(FactKind.LOWERED, origin))

    def take_raised(self, origin: VaultChain, size: int) -> None:
        if told := self.told.get(self._line(FactKind.RAISED, origin)):
            there = self.ground.other(origin)
            there.take_raised(self.account, origin, WETH, *told[size % len(told)])

    def take_lowered(self, origin: VaultChain, size: int) -> None:
        if told := self.told.get(self._line(FactKind.LOWERED, origin)):
            there = self.ground.other(origin)
            origin.take_lowered(self.account, there, WETH, *told[size % len(told)])

    def lock(self, origin: VaultChain, size: int) -> None:
        there = self.ground.other(origin)
        words = (self.account, WETH, size * WAD, there.number)
        signature = "lock(bytes32,uint8,uint256,uint64)"
        data = "0x" + origin.encode(signature, *words).hex()
        call = {"from": str(origin.seizure), "to": str(origin.vault), "data": data}
        try:
            lent = int(origin.chain.rpc.request("eth_call", call, "latest"), 16)
        except RpcFailure as refused:
            raise Reverted(str(refused), "0x") from refused
        origin.do(origin.vault, signature, *words, sender=origin.seizure)
        self.orders.append(Order(origin=origin, units=size * WAD, line_units=lent))

    def register(self, origin: VaultChain, size: int) -> None:
        waiting = [o for o in self.orders if o.origin is origin and not o.registered]
        if waiting:
            order, there = waiting[size % len(waiting)], self.ground.other(origin)
            words = (self.account, origin.number, WETH, order.line_units)
            signature = "consume_line(bytes32,uint64,uint8,uint256)"
            there.do(there.vault, signature, *words, sender=there.seizure)
            self.note(there, self._line(FactKind.LOWERED, origin))
            order.registered = True

    def claim(self, origin: VaultChain, size: int) -> None:
        """Repay there what the units are worth, then take them here."""
        open_ = [o for o in self.orders if o.origin is origin and o.registered]
        if open_:
            order, there = open_[size % len(open_)], self.ground.other(origin)
            worth = order.units * PRICE
            there.fund(USDC, LIQUIDATOR, worth // 10**12)
            repay = "repay_from(address,bytes32,uint8,uint256)"
            paid = (LIQUIDATOR, self.account, USDC, worth)
            owed = there.debt(self.account, USDC)
            there.do(there.vault, repay, *paid, sender=there.seizure)
            units = min(worth, owed) // PRICE
            seize = "seize(bytes32,uint8,uint256,address,bool)"
            from_lock = True
            taken = (self.account, WETH, units, LIQUIDATOR, from_lock)
            origin.do(origin.vault, seize, *taken, sender=origin.seizure)
            self._unlock(order, order.units - units)

    def expire(self, origin: VaultChain, size: int) -> None:
        open_ = [o for o in self.orders if o.origin is origin]
        if open_:
            order = open_[size % len(open_)]
            self._unlock(order, order.units)

    def _unlock(self, order: Order, units: int) -> None:
        words = (self.account, WETH, units)
        origin = order.origin
        origin.do(origin.vault, "unlock(bytes32,uint8,uint256)", *words, sender=origin.seizure)
        self.orders.remove(order)

    # What holds after every step

    def check(self) -> None:
        for origin in self.ground.chains:
            there = self.ground.other(origin)
            lent = origin.line_out(self.account, there, WETH)
            used = there.line_in(self.account, origin, WETH)
            held = origin.collateral(self.account, WETH)
            taken = sum(o.units for o in self.orders if o.origin is origin and o.registered)
            assert used <= lent
            assert used + taken <= held
            self._check_money(origin)
        power = sum(c.collateral(self.account, WETH) for c in self.ground.chains) * PRICE
        owed = sum(c.debt(self.account, USDC) for c in self.ground.chains)
        assert owed <= power * LTV[WETH] // 10_000 * 10_001 // 10_000

    def _check_money(self, place: VaultChain) -> None:
        for asset in (WETH, USDC):
            for keeper in (place.vault, place.pool):
                held = place.balance(asset, Address(keeper))
                assert held == place.ask(keeper, "custody(uint8)", asset)


LENT_AND_OWED = [
    *(("borrow", True, 2), ("raise_line", True, 6)),
    *(("take_raised", True, 1), ("borrow", False, 6)),
]
"""What backs a debt here is lent to there, and used there."""
USED_AND_GIVEN_BACK = [
    *(("raise_line", True, 4), ("take_raised", True, 1), ("borrow", False, 4)),
    *(("lower", True, 4), ("take_lowered", True, 1), ("borrow", True, 2)),
]
"""What is used there is given back, and used here."""
steps = st.lists(
    st.tuples(st.sampled_from(STEPS), st.booleans(), st.integers(1, 6)), min_size=25, max_size=40
)


@settings(
    max_examples=max(8, settings().max_examples // 10),
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(taken=steps)
@example(taken=LENT_AND_OWED)
@example(taken=USED_AND_GIVEN_BACK)
def test_in_any_order_each_unit_backs_one_chain_and_the_money_is_all_there(
    shared_vaults: Ground, taken: list[tuple[str, bool, int]]
) -> None:
    with shared_vaults.reverting():
        world = set_up(shared_vaults)
        for name, first, size in taken:
            origin = shared_vaults.a if first else shared_vaults.b
            with suppress(Reverted):
                world.step(name, origin, size)
            world.check()


def set_up(ground: Ground) -> World:
    account = ground.a.open()
    ground.link(account)
    for place in ground.chains:
        place.supply(USDC, 100_000 * DOLLAR)
        place.fund(USDC, OWNER, 10_000 * DOLLAR)
        place.deposit(account, WETH, 6 * ETHER)
        place.borrow(account, USDC, 3_000 * DOLLAR)
    return World(ground=ground, account=account)
