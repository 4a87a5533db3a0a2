"""How a liquidation on Save is carried out: one transaction that pays or does nothing.

In order: our missing token accounts, the flash loan, refreshes, the liquidation, the sale, the
loan's return. The pool must give the debt, the loan's fee and the least profit, or all of it
fails. It is sold only what the liquidation brought: where we hold more of it, our balance must
show that before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from solders.hash import Hash
from solders.instruction import Instruction
from solders.message import CompileError
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction import VersionedTransaction

from chains.model.action import Action, Instrument
from chains.solana.fees import MAX_UNITS, Budget, V0Messages
from chains.solana.orders import build_call
from chains.solana.protocols.save.adapter import SaveMarket
from chains.solana.protocols.save.instructions import LiquidatorAccounts
from chains.solana.tokens import create_token_account, derive_token_account, insist_on_balance
from chains.solana.transactions import MAX_TRANSACTION, Order
from daemon.keeper.solana.ground import Ground
from daemon.keeper.solana.strangers import Deal

OFFERED: Final = 2
"""Instructions that a lane puts before an order's own (chains.solana.fees.V0Messages)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotSeller:
    """Builds one market's liquidations for one wallet, from what one read saw.

    `tip` comes last: a block engine is paid only for what succeeded.
    """

    market: SaveMarket
    wallet: Pubkey
    ground: Ground
    tip: Instruction | None = None

    def build_action(self, sale: Deal, *, min_profit: int, deadline: int) -> Action:  # noqa: ARG002 -- a blockhash expires by itself
        """Build the liquidation; `min_profit` in units of the debt."""
        prey = sale.prey
        return Action(
            chain=prey.market.chain,
            instrument=Instrument.LIQUIDATE,
            market=prey.market,
            account=prey.account,
            asset=prey.debt,
            units=prey.repaid,
            call=build_call(self.market.program, self.build_order(sale, min_profit=min_profit)),
        )

    def build_order(self, deal: Deal, *, min_profit: int) -> Order:
        """Build the instructions, with lookup tables only where they would not fit without."""
        made = [create_token_account(self.wallet, mint) for mint in deal.missing]
        borrowed = self._borrow(deal)
        index = OFFERED + len(made)
        done = [*self._liquidate(deal), *self._sell(deal, min_profit)]
        returned = self._return(deal, index)
        tips = [] if self.tip is None else [self.tip]
        order = Order(instructions=(*made, *borrowed, *done, *returned, *tips))
        if fits(self.wallet, order.instructions):
            return order
        return Order(instructions=order.instructions, tables=self.ground.tables)

    def _borrow(self, deal: Deal) -> list[Instruction]:
        if not deal.flash:
            return []
        reserve = self.ground.snapshot.view.reserves[deal.repay].state
        source = self._account(reserve.keys.mint)
        builder = self.market.builder
        return [builder.flash_borrow(reserve, destination=source, units=deal.prey.borrowed)]

    def _return(self, deal: Deal, index: int) -> list[Instruction]:
        if not deal.flash:
            return []
        reserve = self.ground.snapshot.view.reserves[deal.repay].state
        return [
            self.market.builder.flash_repay(
                reserve,
                source=self._account(reserve.keys.mint),
                payer=self.wallet,
                units=deal.prey.borrowed,
                index=index,
            )
        ]

    def _liquidate(self, deal: Deal) -> list[Instruction]:
        snapshot, builder = self.ground.snapshot, self.market.builder
        obligation = snapshot.loans[deal.target]
        if obligation is None:
            raise ValueError(f"{deal.target.obligation} does not exist")
        states = {key: priced.state for key, priced in snapshot.view.reserves.items()}
        repay, withdraw = states[deal.repay], states[deal.withdraw]
        liquidation = builder.liquidate(
            obligation,
            repay=repay,
            withdraw=withdraw,
            accounts=LiquidatorAccounts(
                payer=self.wallet,
                source=self._account(repay.keys.mint),
                collateral=self._account(withdraw.keys.collateral_mint),
                destination=self._account(withdraw.keys.mint),
            ),
            units=deal.prey.repaid,
        )
        return [*builder.refresh(obligation, states), liquidation]

    def _sell(self, deal: Deal, min_profit: int) -> list[Instruction]:
        """Sell what was received; without a pool only insist on what our balance must be."""
        states = self.ground.snapshot.view.reserves
        mint, debt = states[deal.withdraw].state.keys.mint, states[deal.repay].state.keys.mint
        held = self.ground.balances.get(Pubkey(mint)) or 0
        account = self._account(mint)
        if deal.pool is None:
            least = held + min_profit + deal.prey.borrowed + deal.premium
            return [insist_on_balance(account, self.wallet, least)]
        swap = deal.pool.swap(
            Pubkey(mint),
            deal.sold,
            payer=self.wallet,
            source=account,
            destination=self._account(debt),
            least=deal.prey.repaid + deal.premium + min_profit,
        )
        if not held:
            return [swap]
        return [insist_on_balance(account, self.wallet, held + deal.sold), swap]

    def _account(self, mint: bytes) -> Pubkey:
        return derive_token_account(self.wallet, Pubkey(mint))


def fits(payer: Pubkey, instructions: Sequence[Instruction]) -> bool:
    """Say whether a transaction of these fits into a packet without lookup tables."""
    budget = Budget(unit_limit=MAX_UNITS, unit_price=1)
    try:
        message = V0Messages().build(
            payer, instructions, budget=budget, blockhash=Hash.default(), tables=()
        )
    except CompileError:
        return False
    transaction = VersionedTransaction.populate(message, [Signature.default()])
    return len(bytes(transaction)) <= MAX_TRANSACTION
