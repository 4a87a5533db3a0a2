"""Ten thousand Kamino loans: random, valid, the same in every run.

One to three deposits and up to two debts in a dozen reserves; one in a hundred has a health under
1. What a loan stores is what its program would have computed at prices a little older.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from solders.pubkey import Pubkey

from chains.model.ids import ChainId
from chains.solana.accounts import RawAccount
from chains.solana.protocols.klend.decode import decode_obligation
from chains.solana.protocols.klend.fraction import ONE, whole
from chains.solana.protocols.klend.layout import OBLIGATION, PROGRAM
from chains.solana.protocols.klend.math import refresh_obligation
from chains.solana.protocols.klend.state import LendingMarket, Reserve
from tests.chains.solana.protocols.encoding import encode
from tests.chains.solana.protocols.klend.building import config_of, market_of, reserve_of

COUNT: Final = 10_000
RESERVES: Final = 12
SHARE_WITHOUT_DEBT: Final = 0.1
USUAL_HEALTH: Final = (0.6, 0.25)
"""Mean and deviation of the logarithm."""
MOVE: Final = 0.02
"""How far prices moved since the loans were refreshed, at most."""
_CHAIN: Final = ChainId("solana", "1" * 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """Loans as accounts, and the market they are in at today's prices."""

    market: LendingMarket
    reserves: Mapping[bytes, Reserve]
    keys: tuple[Pubkey, ...]
    accounts: tuple[bytes, ...]


def make_fleet(count: int = COUNT) -> Fleet:
    """Make the loans."""
    draw, market = random.Random(7), market_of()  # noqa: S311 -- no secret: the same in every run
    reserves = [_make_reserve(draw, number) for number in range(1, RESERVES + 1)]
    then = {each.key: _move(draw, each) for each in reserves}
    return Fleet(
        market=market,
        reserves={each.key: each for each in reserves},
        keys=tuple(Pubkey(draw.randbytes(32)) for _ in range(count)),
        accounts=tuple(_make_loan(draw, market, then) for _ in range(count)),
    )


def _make_reserve(draw: random.Random, number: int) -> Reserve:
    config = config_of(
        threshold_pct=draw.choice([65, 75, 80, 90]), borrow_factor_pct=draw.choice([100, 125])
    )
    made = reserve_of(number, decimals=draw.choice([6, 8, 9]), config=config)
    price = int(ONE * 10 ** draw.uniform(-2, 4))
    return replace(made, key=draw.randbytes(32), price_sf=price)


def _move(draw: random.Random, reserve: Reserve) -> Reserve:
    moved = int(reserve.price_sf * draw.uniform(1 - MOVE, 1 + MOVE))
    return replace(reserve, price_sf=moved)


def _make_loan(
    draw: random.Random, market: LendingMarket, reserves: Mapping[bytes, Reserve]
) -> bytes:
    held = draw.sample(list(reserves), draw.randint(1, 3))
    deposits = [{"reserve": key, "amount": _worth(draw, reserves[key])} for key in held]
    free = [key for key in reserves if key not in held]
    owing = draw.sample(free, 0 if draw.random() < SHARE_WITHOUT_DEBT else draw.randint(1, 2))
    backing = _refresh(market, reserves, deposits, []).unhealthy_sf / ONE
    share = backing / draw.lognormvariate(*USUAL_HEALTH) / max(len(owing), 1)
    borrows = [_borrow(reserves[key], share) for key in owing]
    values = _refresh(market, reserves, deposits, borrows)
    fields: dict[str, Any] = {
        "slot": 1_000,
        "market": market.key,
        "owner": draw.randbytes(32),
        "deposits": deposits,
        "borrows": borrows,
        "has_debt": bool(owing),
        **{name: getattr(values, name) for name in values.__slots__},
    }
    return encode(OBLIGATION, fields)


def _worth(draw: random.Random, reserve: Reserve) -> int:
    """Give c-tokens of a reserve worth a hundred to a million dollars."""
    usd = 10 ** draw.uniform(2, 6)
    unit: int = 10**reserve.decimals
    return int(usd * unit * ONE / reserve.price_sf) + 1


def _borrow(reserve: Reserve, usd: float) -> dict[str, Any]:
    unit: int = 10**reserve.decimals
    factor = max(reserve.config.borrow_factor_pct, 100) / 100
    amount = whole(int(usd / factor * unit * ONE / reserve.price_sf) + 1)
    return {"reserve": reserve.key, "rate_sf": reserve.rate_sf, "amount_sf": amount}


def _refresh(
    market: LendingMarket,
    reserves: Mapping[bytes, Reserve],
    deposits: Sequence[Mapping[str, Any]],
    borrows: Sequence[Mapping[str, Any]],
) -> Any:  # noqa: ANN401 -- the values of an obligation
    data = encode(OBLIGATION, {"deposits": deposits, "borrows": borrows})
    account = RawAccount(key=PROGRAM, owner=PROGRAM, lamports=1, data=data)
    return refresh_obligation(decode_obligation(_CHAIN, PROGRAM, account), market, reserves).values
