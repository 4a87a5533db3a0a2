"""A margin account on two EVM chains and on Solana, as the daemon would state it."""

from dataclasses import replace
from typing import Any, Final

from eth_hash.auto import keccak

from chains.model.anchor import BlockAnchor, Finality
from chains.model.ids import AccountId, Address, AssetId, ChainId
from chains.model.position import Leg, Position, Side
from chains.model.price import Price
from chains.model.units import Bps, Usd
from proofs.build import StatedLeg, Terms, build_statement
from proofs.params import Params
from proofs.statement import Statement
from proofs.vectors.declared import declare
from tests.proofs import samples

SOLANA: Final = ChainId("solana", "5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp")
MARKET: Final = AccountId(SOLANA, "4UpD2fh7xH3VP9QQaXtsS1YY3bxzWhtfpks7FatyKvdY")
OBLIGATION: Final = Address("7UVimffxr9ow1uXYxsr4LHAcV58mLzhmwaeKvJ1pjLiE")
WALLET: Final = AccountId(SOLANA, "5pHk2TmnqQzRF9L6egy5FfiyBgS7G9cMZ5RFaJAvghzw")
SOL: Final = AssetId.spl(SOLANA, Address("So11111111111111111111111111111111111111112"))
USDC: Final = AssetId.spl(SOLANA, Address("EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"))
ACCOUNT: Final = "GvDMxPzN1sCj7L26YDK2HnMRXEQmQ2aemov8YBtPS7vR"
PYTH_ID: Final = "ef0d8b6fda2ceba41da15d4095d1da392a0d2f8ed0c6c7bc0f4cfac8c280b56d"
SLOT: Final = 300_000_000
ANCHOR: Final = BlockAnchor(
    chain=SOLANA,
    height=SLOT,
    hash=bytes(keccak(b"the accounts read")),
    time=samples.NOW - 8,
    finality=Finality.SAFE,
)


def price(asset: AssetId, usd: int, source: str, feed: str) -> Price:
    return Price(
        asset=asset,
        usd=Usd(usd * 10**8),
        source=source,
        feed=feed,
        published_at=samples.NOW - 20,
        heartbeat_s=120,
        confidence=Usd(10**6),
    )


SOL_PRICE: Final = price(SOL, 150, "pyth", PYTH_ID)
USDC_PRICE: Final = price(USDC, 1, "switchboard", ACCOUNT)
PRICES: Final = (*samples.PRICES, SOL_PRICE, USDC_PRICE)


def position(obligation: Address | None = OBLIGATION) -> Position:
    return Position(
        protocol="save",
        version="1",
        market=MARKET,
        account=WALLET,
        anchor=ANCHOR,
        legs=(),
        native_health=None,
        native_collateral=Usd(0),
        native_debt=Usd(0),
        obligation=obligation,
    )


def leg(quoted: Price, side: Side, units: int, decimals: int, **changes: Any) -> Leg:  # noqa: ANN401 -- any field of a leg
    return replace(
        samples.leg(0, side, units, decimals, 0),
        **{"asset": quoted.asset, "price": quoted, **changes},
    )


LEGS: Final = (
    *samples.LEGS,
    StatedLeg(
        position=position(),
        leg=leg(SOL_PRICE, Side.COLLATERAL, 20 * 10**9 + 1, 9, liquidation_threshold=Bps(8000)),
        price=3,
    ),
    StatedLeg(position=position(), leg=leg(USDC_PRICE, Side.DEBT, 900 * 10**6 + 1, 6), price=4),
)


def statement(terms: Terms = samples.TERMS, **changes: Any) -> Statement:  # noqa: ANN401 -- any argument
    lists: dict[str, Any] = {
        "members": (*samples.MEMBERS, WALLET),
        "salt": samples.SALT,
        "anchors": (*samples.ANCHORS, ANCHOR),
        "legs": LEGS,
        "prices": PRICES,
        "params": Params(),
    }
    return declare(build_statement(terms, **{**lists, **changes}))
