"""How a liquidation's collateral is sold: its price at the quoter, and the call that does it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from eth_utils.abi import function_signature_to_4byte_selector

from chains.evm.liquidator import SwapQuote, build_liquidation, encode_path, plan_swap_quote
from chains.evm.multicall import ReadPlan, ViewCall, combine, map_plan
from chains.model.action import Action, Instrument
from chains.model.ids import Address
from daemon.keeper.strangers import Prey, Sale, flash_premium

PREMIUM: Final = function_signature_to_4byte_selector("FLASHLOAN_PREMIUM_TOTAL()")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """Our contract, and where the collateral is sold; `swap_fee` is the pools' fee (1e-6)."""

    liquidator: Address
    quoter: Address
    swap_fee: int

    def plan_sales(self, pool: Address, prey: Sequence[Prey]) -> ReadPlan[list[Sale]]:
        """Plan to ask the quoter and the lending pool what each sale would bring and cost."""
        premium: ReadPlan[int] = ReadPlan(
            calls=(ViewCall(target=pool, data=PREMIUM),),
            decode=lambda results: int.from_bytes(results[0].data, "big"),
        )
        quotes = combine([self._plan_sale(one) for one in prey])

        def build(read: tuple[Any, ...]) -> list[Sale]:
            bps, proceeds = read
            return [
                Sale(prey=one, proceeds=units, premium=flash_premium(one.borrowed, bps))
                for one, units in zip(prey, proceeds, strict=True)
            ]

        return map_plan(combine([premium, quotes]), build)

    def build_action(self, sale: Sale, *, min_profit: int, deadline: int) -> Action:
        """Build the liquidation; `min_profit` in units of the debt, `deadline` in seconds."""
        prey = sale.prey
        return Action(
            chain=prey.market.chain,
            instrument=Instrument.LIQUIDATE,
            market=prey.market,
            account=prey.account,
            asset=prey.debt,
            units=prey.borrowed,
            call=build_liquidation(
                self.liquidator,
                pool=prey.market.evm_address,
                collateral=prey.collateral.token,
                debt=prey.debt.token,
                user=prey.account.evm_address,
                units=prey.borrowed,
                path=self._path(prey),
                min_profit=min_profit,
                deadline=deadline,
            ),
        )

    def _plan_sale(self, prey: Prey) -> ReadPlan[int | None]:
        if prey.collateral == prey.debt:
            return ReadPlan(calls=(), decode=lambda _: prey.seized)

        def units_out(quote: SwapQuote | None) -> int | None:
            return None if quote is None else quote.units_out

        return map_plan(plan_swap_quote(self.quoter, self._path(prey), prey.seized), units_out)

    def _path(self, prey: Prey) -> bytes:
        if prey.collateral == prey.debt:
            return encode_path((), ())
        return encode_path((prey.collateral.token, prey.debt.token), (self.swap_fee,))
