"""A liquidator contract on a chain, with borrowers for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from chains.evm.liquidator import (
    LIQUIDATED_TOPIC,
    Liquidated,
    build_liquidation,
    decode_liquidated,
    encode_path,
)
from chains.model.action import Call
from chains.model.ids import Address
from daemon.devnet.vyper_build import CONTRACTS, compile_vyper
from tests.support.devnet import DevChain
from tests.support.rescue import read_logs, read_time

PROFITEER: Final = Address("0x" + "1a" * 20)
OPERATOR: Final = Address("0x" + "1b" * 20)
BORROWER: Final = Address("0x" + "1c" * 20)
FAR: Final = 2**40


@dataclass(frozen=True, slots=True, kw_only=True)
class Yard:
    """One chain with a liquidator contract over its pool and router."""

    chain: DevChain
    liquidator: Address
    gas: list[int] = field(default_factory=list)

    @property
    def pool(self) -> Address:
        return self.chain.deployment.aave.pool

    def token(self, symbol: str) -> Address:
        return self.chain.deployment.tokens[symbol].address

    @property
    def now(self) -> int:
        return read_time(self.chain)

    def allowance(self, symbol: str, spender: Address) -> int:
        """Read what the contract still lets a spender take."""
        asked = (self.liquidator, spender)
        answer = self.chain.call(
            self.token(symbol), "allowance(address,address)", *asked, returns="(uint256)"
        )
        return int(answer[0])

    def path(self, symbols: Sequence[str]) -> bytes:
        """Give the path over these tokens through the devnet's pools; none for one token."""
        if len(symbols) == 1:
            return b""
        fees = [self.chain.deployment.uniswap.fee] * (len(symbols) - 1)
        return encode_path([self.token(symbol) for symbol in symbols], fees)

    def open_borrower(
        self, held: Mapping[str, int], owed: str, units: int, *, account: Address = BORROWER
    ) -> None:
        for symbol, supplied in held.items():
            self.chain.supply(symbol, account, supplied)
        self.chain.borrow(owed, account, units)

    def build(
        self,
        symbols: Sequence[str],
        units: int,
        *,
        min_profit: int = 1,
        deadline: int = FAR,
        pool: Address | None = None,
        path: bytes | None = None,
    ) -> Call:
        """Build a liquidation that sells from the first to the last of these tokens."""
        return build_liquidation(
            self.liquidator,
            pool=pool or self.pool,
            collateral=self.token(symbols[0]),
            debt=self.token(symbols[-1]),
            user=BORROWER,
            units=units,
            path=self.path(symbols) if path is None else path,
            min_profit=min_profit,
            deadline=deadline,
        )

    def liquidate(
        self,
        symbols: Sequence[str],
        units: int,
        *,
        sender: Address = OPERATOR,
        **changes: Any,  # noqa: ANN401 -- what `build` takes
    ) -> Liquidated:
        """Liquidate, and note the gas."""
        call = self.build(symbols, units, **changes)
        receipt = self.chain.send_call(call, sender=sender)
        self.gas.append(int(receipt["gasUsed"], 16))
        return find_liquidated(receipt)


def open_yard(chain: DevChain) -> Yard:
    """Deploy the contract."""
    liquidator = chain.deploy(
        compile_vyper(CONTRACTS / "liquidator.vy"),
        *(PROFITEER, OPERATOR),
        *([chain.deployment.aave.pool], chain.deployment.uniswap.router),
    )
    return Yard(chain=chain, liquidator=liquidator)


def find_liquidated(receipt: Mapping[str, Any]) -> Liquidated:
    """Decode a receipt's one Liquidated event."""
    (log,) = [log for log in read_logs(receipt) if log.topics[0] == LIQUIDATED_TOPIC]
    return decode_liquidated(log)
