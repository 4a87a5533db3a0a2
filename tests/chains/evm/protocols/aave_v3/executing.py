"""Executes a liquidation at a chosen time on a real chain and says what it really moved."""

from dataclasses import dataclass, replace

from eth_abi.abi import decode
from eth_utils.crypto import keccak

from chains.evm.protocols.aave_v3.adapter import MarketRead
from chains.evm.protocols.aave_v3.liquidation import Liquidation
from chains.evm.protocols.aave_v3.state import Market, User
from chains.evm.reverts import decode_revert
from chains.model.action import Call
from chains.model.ids import AccountId, Address
from chains.model.units import WAD
from daemon.devnet.rpc import RpcFailure
from tests.chains.evm.protocols.aave_v3.conftest import OpenMarket
from tests.chains.evm.protocols.aave_v3.seeding import LIQUIDATOR

LIQUIDATED = keccak(text="LiquidationCall(address,address,address,uint256,uint256,address,bool)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A user as the pool will find it in a block at `state.now`."""

    account: AccountId
    state: Market
    user: User


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """What a liquidation moved: base units, the fee at index 1, deficits by reserve number."""

    debt_repaid: int
    collateral_seized: int
    fee_scaled: int
    deficit: dict[int, int]


async def find_moment(market: OpenMarket, account: AccountId, wait_s: int) -> Moment:
    """Read a user and look `wait_s` ahead."""
    found = await market.read(account)
    state = replace(found.state, now=found.state.now + wait_s)
    return Moment(account=account, state=state, user=found.users[account])


async def find_unhealthy(market: OpenMarket) -> list[AccountId]:
    found = await market.read(*market.seeded.accounts)
    return [p.account for p in found.positions if p.native_health and p.native_health < WAD]


def execute(
    market: OpenMarket, moment: Moment, *, collateral: int, debt: int, cover: int
) -> Executed:
    """Call the pool in a block at the moment's time; raises Reverted."""
    call = _build(market, moment, collateral, debt, cover)
    treasury, deficits = _treasury_scaled(market, collateral), _deficits(market)
    market.chain.rpc.request("evm_setNextBlockTimestamp", moment.state.now)
    receipt = market.chain.send_call(call, sender=LIQUIDATOR)
    (log,) = [entry for entry in receipt["logs"] if entry["topics"][0] == "0x" + LIQUIDATED.hex()]
    data = bytes.fromhex(log["data"][2:])
    repaid, seized, _, _ = decode(["uint256", "uint256", "address", "bool"], data)
    return Executed(
        debt_repaid=repaid,
        collateral_seized=seized,
        fee_scaled=_treasury_scaled(market, collateral) - treasury,
        deficit={
            number: after - deficits[number]
            for number, after in _deficits(market).items()
            if after != deficits[number]
        },
    )


def find_refusal(
    market: OpenMarket, moment: Moment, *, collateral: int, debt: int, cover: int
) -> str | None:
    """Say why the pool would refuse a call at the moment's time; None if it would not."""
    call = _build(market, moment, collateral, debt, cover)
    transaction = {"from": LIQUIDATOR, "to": call.target, "data": "0x" + call.data.hex()}
    try:
        market.chain.rpc.request(
            "eth_call", transaction, "latest", {}, {"time": hex(moment.state.now)}
        )
    except RpcFailure as failure:
        return decode_revert(bytes.fromhex(str(failure.data or "0x")[2:]))
    return None


def _build(market: OpenMarket, moment: Moment, collateral: int, debt: int, cover: int) -> Call:
    reserves = moment.state.reserves
    return market.market.build_liquidation(
        reserves[collateral].asset, reserves[debt].asset, moment.account.evm_address, cover
    )


def _treasury_scaled(market: OpenMarket, number: int) -> int:
    layout = next(part for part in market.market.layout.reserves if part.number == number)
    owner = market.chain.owner.sender
    return _read(market, layout.tokens.supplied, "scaledBalanceOf(address)", owner)


def _deficits(market: OpenMarket) -> dict[int, int]:
    layout = market.market.layout
    if market.market.version == "3.0":
        return {}
    return {
        part.number: _read(market, layout.pool, "getReserveDeficit(address)", part.asset)
        for part in layout.reserves
    }


def _read(market: OpenMarket, target: Address, signature: str, argument: Address) -> int:
    (value,) = market.chain.call(target, signature, argument, returns="(uint256)")
    return int(value)


def check(
    predicted: Liquidation, executed: Executed, after: MarketRead, account: AccountId
) -> None:
    """Compare a prediction with what happened, and with the account it left behind."""
    assert predicted.debt_repaid == executed.debt_repaid
    assert predicted.collateral_seized == executed.collateral_seized
    assert predicted.fee_scaled == executed.fee_scaled
    assert dict(predicted.deficit) == executed.deficit
    assert predicted.user == after.users[account]
    (position,) = after.positions
    assert predicted.account.collateral == position.native_collateral
    assert predicted.account.debt == position.native_debt
    assert (predicted.account.health if predicted.account.debt else None) == position.native_health
