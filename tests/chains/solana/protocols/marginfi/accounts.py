"""A small marginfi group as accounts: USDC lent against SOL, priced by Pyth and Switchboard."""

from typing import Any

from solders.pubkey import Pubkey

from chains.model.ids import AccountId
from chains.oracles import pyth, switchboard
from chains.solana.accounts import RawAccount
from chains.solana.markets import AssetTerms, Target
from chains.solana.protocols.marginfi.adapter import MarginfiMarket
from chains.solana.protocols.marginfi.fixed import ONE, ratio, whole
from chains.solana.protocols.marginfi.layout import ACCOUNT, BANK, GROUP, PROGRAM
from chains.solana.protocols.marginfi.state import OracleSetup
from tests.chains.solana.protocols.dumps import CHAIN
from tests.chains.solana.protocols.encoding import clock_account, encode, raw

Found = dict[Pubkey, RawAccount | None]
NOW, SLOT = 1_700_000_000, 5_000
GROUP_KEY, SOL, USDC, PYTH, SWITCHBOARD, MARGIN = (Pubkey(bytes([n]) * 32) for n in range(1, 7))
WALLET = Pubkey(bytes([9]) * 32)
OWNER = AccountId(CHAIN, str(WALLET))
TARGET = Target(account=OWNER, obligation=MARGIN)
MINTS = {SOL: Pubkey(bytes([21]) * 32), USDC: Pubkey(bytes([22]) * 32)}
ASSETS = {MINTS[SOL]: AssetTerms(symbol="SOL"), MINTS[USDC]: AssetTerms(symbol="USDC")}


def group_account() -> RawAccount:
    return raw(GROUP_KEY, PROGRAM, encode(GROUP, {"flags": 1, "program_rate": ratio(75, 1000)}))


def bank_account(key: Pubkey, **values: Any) -> RawAccount:  # noqa: ANN401 -- any field's value
    is_sol = key == SOL
    oracle = bytes(PYTH if is_sol else SWITCHBOARD)
    fields: dict[str, Any] = {
        "mint": bytes(MINTS[key]),
        "decimals": 9 if is_sol else 6,
        "group": bytes(GROUP_KEY),
        "asset_share_value": ONE,
        "liability_share_value": ONE,
        "liquidity_vault": derive(b"liquidity_vault", key),
        "insurance_vault": derive(b"insurance_vault", key),
        "asset_shares": whole(10**15),
        "liability_shares": whole(5 * 10**14),
        "updated_at": NOW - 1_000,
        "asset_init": ratio(7, 10),
        "asset_maint": ratio(8, 10),
        "liability_init": ratio(12, 10),
        "liability_maint": ratio(11, 10),
        "optimal_utilization": ratio(8, 10),
        "plateau_rate": ratio(1, 10),
        "max_rate": ratio(2, 1),
        "state": 1,
        "oracle_setup": OracleSetup.PYTH_PUSH if is_sol else OracleSetup.SWITCHBOARD_PULL,
        "oracle_keys": [oracle, *[bytes(32)] * 4],
    }
    return raw(key, PROGRAM, encode(BANK, fields | values))


def derive(seed: bytes, bank: Pubkey) -> bytes:
    return bytes(Pubkey.find_program_address([seed, bytes(bank)], PROGRAM)[0])


def pyth_account(
    *, usd: int = 150, confidence: int = 1, age_s: int = 10, **more: int
) -> RawAccount:
    message = {
        "feed": bytes([70]) * 32,
        "price": usd * 10**8,
        "confidence": confidence * 10**8,
        "exponent": -8,
        "published_at": NOW - age_s,
        "ema_price": usd * 10**8,
        "ema_confidence": confidence * 10**8,
        **more,
    }
    head = encode(pyth.PRICE_UPDATE, {"level": pyth.FULL})[:41]
    data = (head + encode(pyth.MESSAGE, message)).ljust(pyth.PRICE_UPDATE.size, b"\0")
    return raw(PYTH, pyth.RECEIVER, data)


def switchboard_account(*, milli: int = 1_000, deviation: int = 1, age_s: int = 10) -> RawAccount:
    values = {
        "value": milli * 10**15,
        "std_dev": deviation * 10**15,
        "samples": 3,
        "min_sample_size": 1,
        "updated_at": NOW - age_s,
    }
    return raw(SWITCHBOARD, switchboard.ON_DEMAND, encode(switchboard.PULL_FEED, values))


def margin_account(*, sol: int = 100, usdc: int = 8_000, **values: Any) -> RawAccount:  # noqa: ANN401 -- any field's value
    fields: dict[str, Any] = {
        "group": bytes(GROUP_KEY),
        "authority": bytes(WALLET),
        "balances": [
            {"active": 1, "bank": bytes(SOL), "asset_shares": whole(sol * 10**9)},
            {"active": 0, "bank": bytes([50]) * 32},
            {"active": 1, "bank": bytes(USDC), "liability_shares": whole(usdc * 10**6)},
        ],
    }
    return raw(MARGIN, PROGRAM, encode(ACCOUNT, fields | values))


def accounts_of(*extra: RawAccount) -> Found:
    every = (
        clock_account(SLOT, NOW),
        group_account(),
        bank_account(SOL),
        bank_account(USDC),
        pyth_account(),
        switchboard_account(),
        margin_account(),
        *extra,
    )
    return {account.key: account for account in every}


def open_market(found: Found) -> MarginfiMarket:
    plan = MarginfiMarket.plan_open(CHAIN, market=GROUP_KEY, reserves=(SOL, USDC), assets=ASSETS)
    return plan.decode(found)
