"""A small Kamino market as accounts: USDC lent against SOL, priced by Scope."""

from typing import Any

from solders.pubkey import Pubkey

from chains.model.ids import AccountId
from chains.oracles import scope
from chains.solana.accounts import RawAccount
from chains.solana.markets import AssetTerms, Target
from chains.solana.protocols.klend.adapter import KlendMarket
from chains.solana.protocols.klend.fraction import ONE, whole
from chains.solana.protocols.klend.layout import (
    LENDING_MARKET,
    OBLIGATION,
    PROGRAM,
    RESERVE,
)
from tests.chains.solana.protocols.dumps import CHAIN
from tests.chains.solana.protocols.encoding import clock_account, encode, raw

Found = dict[Pubkey, RawAccount | None]
NOW, SLOT = 1_700_000_000, 5_000
MARKET, SOL, USDC, SCOPE, LOAN = (Pubkey(bytes([n]) * 32) for n in range(1, 6))
WALLET = Pubkey(bytes([9]) * 32)
OWNER = AccountId(CHAIN, str(WALLET))
TARGET = Target(account=OWNER, obligation=LOAN)
MINTS = {SOL: Pubkey(bytes([21]) * 32), USDC: Pubkey(bytes([22]) * 32)}
SYMBOLS = {SOL: b"SOL", USDC: b"USDC"}
ASSETS = {MINTS[key]: AssetTerms(symbol=name.decode()) for key, name in SYMBOLS.items()}
TWAP_CHAIN = slice(5152, 5160)  # only their SDK reads it; it never ends looking for the end mark
CURVE = [{"utilization_bps": min(n * 1_000, 10_000), "rate_bps": n * 100} for n in range(11)]


def market_account(**values: Any) -> RawAccount:  # noqa: ANN401 -- any field's value
    fields: dict[str, Any] = {
        "close_factor_pct": 20,
        "insolvency_ltv_pct": 95,
        "min_full_liquidation_value": 2,
        "max_liquidation_value": 500_000,
    }
    return raw(MARKET, PROGRAM, encode(LENDING_MARKET, fields | values))


def reserve_account(key: Pubkey, **values: Any) -> RawAccount:  # noqa: ANN401 -- any field's value
    number = bytes(key)[0]
    keys = ["supply_vault", "fee_vault", "collateral_mint", "collateral_vault", "token_program"]
    fields: dict[str, Any] = {
        "slot": SLOT - 100,
        "market": bytes(MARKET),
        "mint": bytes(MINTS[key]),
        **{name: bytes([number, part]) * 16 for part, name in enumerate(keys, 100)},
        "available": 4 * 10**15,
        "borrowed_sf": whole(6 * 10**15),
        "rate_sf": ONE,
        "price_sf": whole(7),
        "price_time": NOW - 5_000,
        "decimals": 9 if key == SOL else 6,
        "collateral_supply": 10**16,
        "take_rate_pct": 20,
        "liquidation_fee_pct": 10,
        "ltv_pct": 70,
        "threshold_pct": 80,
        "min_bonus_bps": 200,
        "max_bonus_bps": 500,
        "bad_debt_bonus_bps": 99,
        "curve": CURVE,
        "borrow_factor_pct": 100 if key == SOL else 110,
        "symbol": SYMBOLS[key].ljust(32, b"\0"),
        "max_price_age_s": 120,
        "scope": bytes(SCOPE),
        "scope_chain": (0, scope.END, scope.END, scope.END)
        if key == SOL
        else (1, scope.END, scope.END, scope.END),
    }
    data = bytearray(encode(RESERVE, fields | values))
    data[TWAP_CHAIN] = bytes([0xFF]) * 8
    return raw(key, PROGRAM, bytes(data))


def scope_account(*, sol: int = 150, age_s: int = 10) -> RawAccount:
    stamp = {"exponent": 8, "slot": SLOT, "published_at": NOW - age_s}
    prices = [{"value": sol * 10**8, **stamp}, {"value": 10**8, **stamp}]
    head = scope.ORACLE_PRICES.discriminator + bytes(32)
    body = b"".join(encode(scope.DATED_PRICE, price) for price in prices)
    data = (head + body).ljust(scope.ORACLE_PRICES.size, b"\0")
    return raw(SCOPE, scope.PROGRAM, data)


def loan_account(*, sol: int = 100, usdc: int = 8_000, **values: Any) -> RawAccount:  # noqa: ANN401 -- any field's value
    empty: dict[str, Any] = {}
    fields: dict[str, Any] = {
        "market": bytes(MARKET),
        "owner": bytes(WALLET),
        "deposits": [empty, {"reserve": bytes(SOL), "amount": sol * 10**9}],
        "borrows": [
            {"reserve": bytes(USDC), "rate_sf": ONE, "amount_sf": whole(usdc * 10**6)},
        ],
    }
    return raw(LOAN, PROGRAM, encode(OBLIGATION, fields | values))


def accounts_of(*extra: RawAccount) -> Found:
    every = (
        clock_account(SLOT, NOW),
        market_account(),
        reserve_account(SOL),
        reserve_account(USDC),
        scope_account(),
        loan_account(),
        *extra,
    )
    return {account.key: account for account in every}


def open_market(found: Found) -> KlendMarket:
    plan = KlendMarket.plan_open(CHAIN, market=MARKET, reserves=(SOL, USDC), assets=ASSETS)
    return plan.decode(found)
