"""What members, liquidators and strangers do to seize: statements, orders, fills and claims.

A `Story` is one account over the two chains of a ground with vaults; every shorthand sends one
transaction and carries what the other chain needs as the committee would.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from itertools import count
from typing import Any, Final

from eth_abi.abi import decode

from chains.evm.decode import decode_quantity
from chains.model.ids import Address
from chains.model.units import USD, WAD
from proofs.vaults import (
    ChainQuantities,
    FactKey,
    FactKind,
    Order,
    Receipt,
    VaultQuantities,
    build_arguments,
    digest_vault,
)
from tests.support.vaults import (
    LIQUIDATOR,
    SCALE,
    STRANGER,
    TERMS,
    USDC,
    WETH,
    Ground,
    VaultChain,
    Witness,
    found_committee,
    sign,
)

ETHER: Final = 10**18
DOLLAR: Final = 10**6
NO_DEBT: Final = 2**256 - 1
ORDER: Final = "(uint64,uint64,bytes32,uint8,uint8,uint256,uint256,uint256,uint16,uint64,uint256)"
RECEIPT: Final = "(bytes32,uint32,address,uint256,uint256)"
ENTRY: Final = (
    "(uint64,uint64,uint64,uint256[],uint256[],uint256[],uint256[],uint256[],uint256,uint256[])"
)
QUANTITIES: Final = f"(bytes32,bytes32,uint64,uint64,{ENTRY}[])"
WITNESS: Final = "uint64,uint256,bytes,bytes"
OPEN: Final = (
    "(uint256,uint256,uint64,uint256,uint256,uint256,bool,bool,bool,uint256,uint256,uint256)"
)
_sequences: Final = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the judge's sums are, as IJudge.vyi names them (USD x 1e8)."""

    weight: int
    debt: int
    low_weight: int
    low_debt: int
    own_weight: int
    read_weight: int
    gross_weight: int
    filled: int
    abroad: bool
    never: bool
    unread: bool
    busy: bool
    oldest: int


def lock_key(order: Order) -> FactKey:
    """Give the key of an order's lock."""
    return FactKey(kind=FactKind.LOCK, subject=order.id)


def receipt_key(receipt: Receipt) -> FactKey:
    """Give the key of a receipt."""
    return FactKey(kind=FactKind.RECEIPT, subject=receipt.order, numbers=(receipt.index,))


def closed_key(order: Order) -> FactKey:
    """Give the key of an order's end."""
    return FactKey(kind=FactKind.CLOSED, subject=order.id)


@dataclass(slots=True, kw_only=True)
class Story:
    """One account: collateral on chain a and debt on chain b unless a test says otherwise."""

    ground: Ground
    account: bytes
    members: tuple[int, ...] = (0, 1, 2)
    receipts: list[Receipt] = field(default_factory=list)

    @property
    def a(self) -> VaultChain:
        """The chain of the collateral."""
        return self.ground.a

    @property
    def b(self) -> VaultChain:
        """The chain of the debt."""
        return self.ground.b

    # Statements

    def read_entry(self, there: VaultChain, **changes: Any) -> ChainQuantities:  # noqa: ANN401 -- any field
        """Read a chain's own entry as a member does."""
        signature = "read_quantities(bytes32)"
        found = there.ask(there.seizure, signature, self.account, returns=f"({ENTRY})")
        names = ChainQuantities.__dataclass_fields__
        return replace(ChainQuantities(**dict(zip(names, found, strict=True))), **changes)

    def state(self, *entries: ChainQuantities, **changes: Any) -> VaultQuantities:  # noqa: ANN401 -- any field
        """Say what the account has, by default what both chains say, a newer sequence each time."""
        fields: dict[str, Any] = {
            "committee_id": found_committee().id,
            "account": self.account,
            "sequence": next(_sequences),
            "issued_at": min(self.a.now, self.b.now),
            "chains": entries or tuple(self.read_entry(chain) for chain in self.ground.chains),
        }
        return VaultQuantities(**(fields | changes))

    def post(
        self, here: VaultChain, said: VaultQuantities, members: tuple[int, ...] | None = None
    ) -> None:
        """Bring a statement to a chain."""
        bitmap, proof = sign(digest_vault(said, TERMS.salt), members or self.members)
        signature = f"post_quantities({QUANTITIES},uint256,bytes)"
        here.do(here.judge, signature, build_arguments(said), bitmap, proof, sender=STRANGER)

    def refresh(self) -> None:
        """Let both chains know what the account has everywhere now."""
        said = self.state()
        for chain in self.ground.chains:
            self.post(chain, said)

    def health(self, here: VaultChain) -> tuple[int, int]:
        """Read HF_low and HF_high on a chain."""
        low, high = here.ask(
            here.seizure, "health(bytes32)", self.account, returns="(uint256,uint256)"
        )
        return int(low), int(high)

    def judge(self, here: VaultChain) -> Judged:
        """Read the sums of a judgement."""
        types = f"({','.join(['uint256'] * 8 + ['bool'] * 4 + ['uint256'])})"
        found = here.ask(here.judge, "judge(bytes32)", self.account, returns=f"({types})")
        return Judged(**dict(zip(Judged.__dataclass_fields__, found, strict=True)))

    # Across chains

    def lock(
        self,
        here: VaultChain | None = None,
        *,
        asset: int = WETH,
        debt_asset: int = USDC,
        sender: Address = STRANGER,
    ) -> Order:
        """Lock collateral of a chain (a) for a debt on the other one."""
        here = here or self.a
        there = self.ground.other(here)
        receipt = here.do(
            here.seizure,
            "lock(bytes32,uint8,uint64,uint8)",
            *(self.account, asset, there.number, debt_asset),
            sender=sender,
        )
        return self.find_order(here, receipt)

    def find_order(self, here: VaultChain, receipt: Mapping[str, Any]) -> Order:
        """Read the order that a transaction opened."""
        logs = [log for log in receipt["logs"] if log["address"].lower() == here.seizure]
        data = bytes.fromhex(logs[-1]["data"][2:])
        found, _ = decode([ORDER, "uint256"], data)
        return Order(**dict(zip(Order.__dataclass_fields__, found, strict=True)))

    def witness_lock(self, order: Order, **changes: Any) -> Witness:  # noqa: ANN401 -- any field
        """Let the committee say that an order's collateral is locked."""
        here = self._chain(order.collateral_chain)
        named = {"members": self.members} | changes
        return here.witness(lock_key(order), of_seizure=True, **named)

    def register(self, order: Order, witness: Witness | None = None) -> None:
        """Bring an order to the chain of its debt."""
        there = self._chain(order.debt_chain)
        witness = witness or self.witness_lock(order)
        signature = f"register({ORDER},{WITNESS})"
        there.do(there.seizure, signature, astuple(order), *witness.arguments, sender=STRANGER)

    def fill(
        self,
        order: Order,
        amount: int,
        *,
        payer: Address = LIQUIDATOR,
        to: Address = LIQUIDATOR,
        asset: int = USDC,
    ) -> Receipt:
        """Repay part of a registered order with tokens minted to the payer."""
        there = self._chain(order.debt_chain)
        there.fund(asset, payer, amount)
        done = there.do(
            there.seizure,
            f"fill({ORDER},uint256,address)",
            *(astuple(order), amount * SCALE[asset], to),
            sender=payer,
        )
        return self.find_receipt(there, done)

    def find_receipt(self, there: VaultChain, done: Mapping[str, Any]) -> Receipt:
        """Read the receipt that a fill left."""
        for log in done["logs"]:
            if log["address"].lower() == there.seizure and len(log["data"]) == 2 + 64 * 7:
                found, _, _ = decode(
                    [RECEIPT, "address", "uint256"], bytes.fromhex(log["data"][2:])
                )
                receipt = Receipt(**dict(zip(Receipt.__dataclass_fields__, found, strict=True)))
                self.receipts.append(receipt)
                return receipt
        raise AssertionError("no receipt")

    def witness_receipt(self, order: Order, receipt: Receipt, **changes: Any) -> Witness:  # noqa: ANN401 -- any field
        """Let the committee say that a receipt is final."""
        there = self._chain(order.debt_chain)
        named = {"members": self.members} | changes
        return there.witness(receipt_key(receipt), of_seizure=True, **named)

    def claim(self, order: Order, receipt: Receipt, witness: Witness | None = None) -> int:
        """Bring a receipt to the chain of the collateral; gives its holder's new tokens, wad."""
        here = self._chain(order.collateral_chain)
        witness = witness or self.witness_receipt(order, receipt)
        before = here.balance(order.collateral_asset, receipt.to)
        here.do(
            here.seizure,
            f"claim({ORDER},{RECEIPT},{WITNESS})",
            *(astuple(order), astuple(receipt), *witness.arguments),
            sender=STRANGER,
        )
        got = here.balance(order.collateral_asset, receipt.to) - before
        return got * SCALE[order.collateral_asset]

    def claim_rest(self, order: Order, receipt: Receipt) -> None:
        """Ask for what the cap left of a receipt."""
        here = self._chain(order.collateral_chain)
        signature = f"claim_rest({ORDER},uint32)"
        here.do(here.seizure, signature, astuple(order), receipt.index, sender=STRANGER)

    def close(self, order: Order) -> None:
        """End an order on the chain of its debt."""
        there = self._chain(order.debt_chain)
        there.do(there.seizure, f"close({ORDER})", astuple(order), sender=STRANGER)

    def release(self, order: Order, **changes: Any) -> None:  # noqa: ANN401 -- any field of the statement
        """Bring the end of an order to the chain of its collateral."""
        here, there = (self._chain(n) for n in (order.collateral_chain, order.debt_chain))
        key = closed_key(order)
        word = changes.pop("word", None)
        closed = there.fact(key, of_seizure=True) if word is None else word
        named = {"members": self.members} | changes
        witness = there.witness(key, word=closed, of_seizure=True, **named)
        signature = f"release({ORDER},uint256,{WITNESS})"
        args = (astuple(order), closed, *witness.arguments)
        here.do(here.seizure, signature, *args, sender=STRANGER)

    # On one chain

    def liquidate(
        self,
        here: VaultChain,
        amount: int,
        *,
        asset: int = WETH,
        debt_asset: int = USDC,
        payer: Address = LIQUIDATOR,
    ) -> tuple[int, int]:
        """Repay and take on one chain; gives wad units repaid and taken."""
        here.fund(debt_asset, payer, amount)
        owed, held = here.debt(self.account, debt_asset), here.collateral(self.account, asset)
        here.do(
            here.seizure,
            "liquidate(bytes32,uint8,uint8,uint256,address)",
            *(self.account, asset, debt_asset, amount * SCALE[debt_asset], payer),
            sender=payer,
        )
        repaid = owed - here.debt(self.account, debt_asset)
        return repaid, held - here.collateral(self.account, asset)

    def read_open(self, here: VaultChain) -> Sequence[tuple[Any, ...]]:
        """Read what is left of the account's orders on a chain."""
        (found,) = here.chain.call(
            here.seizure, "open(bytes32)", self.account, returns=f"({OPEN}[])"
        )
        return list(found)

    def _chain(self, number: int) -> VaultChain:
        return next(chain for chain in self.ground.chains if chain.number == number)


def open_story(
    ground: Ground, *, ether: int = 10, borrowed: int = 16_000, linked: bool = True
) -> Story:
    """Open an account with all collateral on a and all debt on b, by a line of all of it."""
    a, b = ground.chains
    b.supply(USDC, 1_000_000 * DOLLAR)
    account = a.open()
    story = Story(ground=ground, account=account)
    if linked:
        ground.link(account)
        a.deposit(account, WETH, ether * ETHER)
        a.raise_line(account, b, WETH, ether * WAD)
        ground.carry_raise(account, WETH)
        b.borrow(account, USDC, borrowed * DOLLAR)
    return story


def endanger(story: Story, usd: float = 1_900) -> None:
    """Let the price of ether fall on both chains, and let both know the quantities."""
    for chain in story.ground.chains:
        chain.set_price(WETH, usd)
    story.refresh()


def value_e8(units: int, usd: float) -> int:
    """Give what wad units cost."""
    return units * round(usd * USD) // WAD


def gas_of(receipt: Mapping[str, Any]) -> int:
    """Give what a transaction used."""
    return decode_quantity(receipt["gasUsed"])
