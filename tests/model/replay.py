"""A trace of the model played on two real chains, which must agree with it after every step.

What the model does is done there; what it says is refused must revert with the same reason. What
the committee tells are the model's values, which agreed with the chain when they became final.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any, Final

from chains.evm.protocols.plimsoll_vault.state import Entry
from daemon.devnet.deploy import Reverted
from proofs.vaults import (
    ChainQuantities,
    FactKey,
    FactKind,
    Order,
    Receipt,
    VaultFact,
    VaultQuantities,
)
from tests.model import state as model
from tests.model.compare import compare
from tests.model.stage import Stage
from tests.model.state import Action, Said, State
from tests.model.world import IDLE, World
from tests.support.rescue import reason_of
from tests.support.seizing import ORDER, RECEIPT, WITNESS, closed_key, lock_key, receipt_key
from tests.support.vaults import LIQUIDATOR, SCALE, STRANGER, VaultChain, Witness

_BELIEVED: Final = {"finalise", "reorg", "price", "tick", "rotate"}
_RECALL: Final = "recall_line(bytes32,uint64,uint8,uint256)"
_SAID: Final = {"stall", "silence", "succeed", "state"}


@dataclass(slots=True, kw_only=True)
class Replay:
    """Both worlds at the same moment, and what real orders and receipts the model's stand for."""

    world: World
    state: State
    stage: Stage
    orders: dict[model.Order, Order] = field(default_factory=dict)
    receipts: dict[tuple[model.Order, int], Receipt] = field(default_factory=dict)
    done: int = 0
    refused: int = 0

    def step(self, action: Action) -> str:
        """Take an action in both worlds; gives why it was refused, "" where it was done."""
        after, why = self.world.step(self.state, action)
        if why == IDLE:
            return why
        try:
            self._do(action, after)
            reason = ""
        except Reverted as reverted:
            reason = reason_of(reverted)
        if reason != why:
            raise AssertionError(f"{action}: the chain says {reason!r}, the model {why!r}")
        self.done, self.refused = self.done + (not why), self.refused + bool(why)
        self.state = after
        for chain in {action.chain} if action.name not in _SAID else set():
            compare(self.stage, chain, self.world, after, self.orders)
        return why

    def _do(self, action: Action, after: State) -> None:
        if action.name in _SAID:
            return
        if action.name in _BELIEVED:
            self._turn(action, after)
        elif action.name == "post":
            self._post(action)
        elif action.name in {"take_raised", "take_lowered"}:
            self._take_line(action)
        elif action.name in {"register", "claim", "claim_rest", "release", "fill", "close"}:
            self._settle(action)
        elif action.name == "lock":
            self._lock(action, after)
        else:
            self._own(action)

    # Chains

    def _turn(self, action: Action, after: State) -> None:
        place, head = self.stage.place(action.chain), self.world.head(after, action.chain)
        match action.name:
            case "finalise":
                self.stage.finalise(action.chain)
            case "reorg":
                self.stage.reorganise(action.chain, head.clock)
                for asset, price in enumerate(head.prices):
                    place.set_price(asset, price / 10**8)
            case "price":
                place.set_price(action.asset, action.units / 10**8)
            case "tick":
                self.stage.tick(action.chain)
            case _:
                self.stage.rotate(action.chain)

    # Owners and liquidators

    def _own(self, action: Action) -> None:
        place, account = self.stage.place(action.chain), self.stage.accounts[action.account]
        amount = min(action.units, 10**9 * 10**18) // SCALE[action.asset]
        match action.name:
            case "deposit" | "repay":
                signature = f"{action.name}(bytes32,uint8,uint256)"
                place.do(place.vault, signature, account, action.asset, amount)
            case "withdraw":
                place.withdraw(account, action.asset, amount)
            case "borrow":
                place.borrow(account, action.asset, amount)
            case "raise":
                there = self.stage.place(action.other)
                place.raise_line(account, there, action.asset, action.units)
            case "lower":
                origin = self.stage.place(action.other)
                place.lower_line(account, origin, action.asset, action.units)
            case "recall":
                there = self.stage.place(action.other)
                call(place, _RECALL, account, there.number, action.asset, action.units)
            case _:
                signature = "liquidate(bytes32,uint8,uint8,uint256,address)"
                words = (account, action.asset, action.nth, action.units, LIQUIDATOR)
                place.do(place.seizure, signature, *words, sender=LIQUIDATOR)

    def _lock(self, action: Action, after: State) -> None:
        story, place = self.stage.story(action.account), self.stage.place(action.chain)
        real = story.lock(place, asset=action.asset, debt_asset=action.nth)
        order = self.world.head(after, action.chain).locks[-1]
        told = (order.units, order.line_units, order.value, order.bonus_bps, order.nonce)
        if told != (real.units, real.line_units, real.value_e8, real.bonus_bps, real.nonce):
            raise AssertionError(f"the chain ordered {real}, the model {order}")
        self.orders[order] = real

    # What the committee tells

    def _witness(self, source: int, key: FactKey, value: int, *, of_seizure: bool) -> Witness:
        there = self.stage.place(source)
        fact = VaultFact(
            committee_id=self.stage.committee(self.state.signing),
            chain_id=there.number,
            source=there.seizure if of_seizure else there.vault,
            key=key.hash,
            value=value,
            height=self.state.heights[source],
        )
        return self.stage.sign_fact(fact, signing=self.state.signing)

    def _take_line(self, action: Action) -> None:
        place, there = self.stage.place(action.chain), self.stage.place(action.other)
        account, asset = self.stage.accounts[action.account], action.asset
        final = self.world.final(self.state, action.other).accounts[action.account]
        if action.name == "take_raised":
            kind, numbers = FactKind.RAISED, (there.number, place.number, asset)
            told = final.raised[action.chain][asset]
        else:
            kind, numbers = FactKind.LOWERED, (place.number, there.number, asset)
            told = final.lowered[action.chain][asset]
        key = FactKey(kind=kind, subject=account, numbers=numbers)
        witness = self._witness(action.other, key, told, of_seizure=False)
        take = place.take_raised if action.name == "take_raised" else place.take_lowered
        take(account, there, asset, told, witness)

    def _post(self, action: Action) -> None:
        said = self.world.statements[self.state.said[action.account]]
        self.stage.post(action.chain, self._state(action, said), signing=self.state.signing)

    def _state(self, action: Action, said: Said) -> VaultQuantities:
        return VaultQuantities(
            committee_id=self.stage.committee(self.state.signing),
            account=self.stage.accounts[action.account],
            sequence=said.sequence,
            issued_at=self.stage.time(said.issued_at),
            chains=tuple(
                self._describe(chain, entry)
                for chain, entry in enumerate(said.entries)
                if entry is not None
            ),
        )

    def _describe(self, chain: int, entry: Entry) -> ChainQuantities:
        return ChainQuantities(
            chain_id=self.stage.place(chain).number,
            height=entry.height,
            time=self.stage.time(entry.time),
            collateral=entry.collateral,
            debt=entry.debt,
            locked=entry.locked,
            added=entry.added,
            repaid=entry.repaid,
            ordered_e8=entry.ordered,
            lines_in=entry.lines_in,
        )

    # Orders

    def _settle(self, action: Action) -> None:
        place = self.stage.place(action.chain)
        match action.name:
            case "register":
                order = self._find(self._locks(action), action)
                real = self.orders[order]
                word = int.from_bytes(real.id, "big")
                witness = self._witness(action.other, lock_key(real), word, of_seizure=True)
                call(place, f"register({ORDER},{WITNESS})", astuple(real), *witness.arguments)
            case "close":
                order = self._find(self._locks(action), action)
                call(place, f"close({ORDER})", astuple(self.orders[order]))
            case "claim_rest":
                due = self._find(self.world.head(self.state, action.chain).dues, action)
                real = self.orders[due.order]
                call(place, f"claim_rest({ORDER},uint32)", astuple(real), due.number)
            case "fill":
                self._fill(action, place)
            case "claim":
                self._claim(action, place)
            case _:
                self._release(action, place)

    def _locks(self, action: Action) -> list[model.Order]:
        listed = self.world.final(self.state, action.other).locks
        return [order for order in listed if order.debt_chain == action.chain]

    @staticmethod
    def _find(listed: Sequence[Any], action: Action) -> Any:  # noqa: ANN401 -- of whatever is listed
        return listed[-1 - action.nth]

    def _fill(self, action: Action, place: VaultChain) -> None:
        known = self._find(self.world.head(self.state, action.chain).registered, action)
        real = self.orders[known.order]
        words = (astuple(real), action.units, LIQUIDATOR)
        done = place.do(place.seizure, f"fill({ORDER},uint256,address)", *words, sender=LIQUIDATOR)
        found = self.stage.story(known.order.account).find_receipt(place, done)
        self.receipts[known.order, known.fills] = found

    def _claim(self, action: Action, place: VaultChain) -> None:
        listed = self.world.final(self.state, action.other).receipts
        receipt = self._find(
            [r for r in listed if r.order.collateral_chain == action.chain], action
        )
        real, order = self.receipts[receipt.order, receipt.number], self.orders[receipt.order]
        word = int.from_bytes(real.hash, "big")
        witness = self._witness(action.other, receipt_key(real), word, of_seizure=True)
        signature = f"claim({ORDER},{RECEIPT},{WITNESS})"
        call(place, signature, astuple(order), astuple(real), *witness.arguments)

    def _release(self, action: Action, place: VaultChain) -> None:
        listed = self.world.final(self.state, action.other).closed
        closed = self._find([c for c in listed if c.order.collateral_chain == action.chain], action)
        real = self.orders[closed.order]
        word = 1 | closed.fills << 8 | closed.filled << 64
        witness = self._witness(action.other, closed_key(real), word, of_seizure=True)
        signature = f"release({ORDER},uint256,{WITNESS})"
        call(place, signature, astuple(real), word, *witness.arguments)


def call(place: VaultChain, signature: str, *args: object) -> Mapping[str, Any]:
    """Let a stranger call a chain's seizure."""
    return place.do(place.seizure, signature, *args, sender=STRANGER)
