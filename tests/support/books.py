"""Books of venue positions for tests: documents, the key that signs them, and the terms."""

import json
from pathlib import Path
from typing import Any

from chains.book.document import hash_book
from chains.book.parts import BookTerms, Thresholds
from chains.model.ids import AccountId, Address
from chains.model.units import BPS, Bps
from proofs.signing.secp256k1 import Secp256k1Signer
from tests.support.values import NOW

PUBLISHER = Secp256k1Signer(bytes([7] * 32))
ACCOUNT = AccountId.parse("venue:deribit:12345")
MAJOR = Thresholds(ltv=Bps(8_000), liquidation_threshold=Bps(8_500))
STABLE = Thresholds(ltv=Bps(9_500), liquidation_threshold=Bps(9_800))


def terms(
    *,
    publisher: Address | None = PUBLISHER.address,
    max_age_s: int = 120,
    gain_weight: int = BPS,
    haircut: int = 0,
) -> BookTerms:
    return BookTerms(
        account=ACCOUNT,
        publisher=publisher,
        max_age_s=max_age_s,
        underlyings={"WETH": MAJOR, "WBTC": MAJOR, "USDC": STABLE},
        names={"ETH": "WETH"},
        gain_weight=Bps(gain_weight),
        haircut=Bps(haircut),
    )


def perp(size: str = "-10", entry: str = "2000", mark: str = "2000", **more: Any) -> dict[str, Any]:  # noqa: ANN401 -- any JSON
    return {
        "underlying": "ETH",
        "size": size,
        "entry_usd": entry,
        "mark_usd": mark,
        "funding_usd": "0",
        "initial_bps": 500,
        "maintenance_bps": 200,
        **more,
    }


def option(size: str = "-1", kind: str = "call", **more: Any) -> dict[str, Any]:  # noqa: ANN401 -- any JSON
    return {
        "underlying": "ETH",
        "kind": kind,
        "style": "european",
        "strike_usd": "2200",
        "expiry": NOW + 30 * 86_400,
        "size": size,
        "mark_usd": "80",
        "mark_vol": "0.65",
        "forward_usd": "2005.5",
        **more,
    }


def spot(amount: str, underlying: str = "ETH", price: str = "2000", **more: Any) -> dict[str, Any]:  # noqa: ANN401 -- any JSON
    return {"underlying": underlying, "amount": amount, "price_usd": price, **more}


def part(margin: str = "0", **lists: Any) -> dict[str, Any]:  # noqa: ANN401 -- any JSON
    return {"margin_usd": margin, **lists}


def document(*parts: dict[str, Any], time: int = NOW) -> dict[str, Any]:
    return {
        "format": "plimsoll-book-1",
        "venue": "deribit",
        "account": "12345",
        "time": time,
        "parts": list(parts),
    }


def signed(book: dict[str, Any], signer: Secp256k1Signer = PUBLISHER) -> bytes:
    return encode(book | {"signature": "0x" + signer.sign(hash_book(book)).hex()})


def encode(book: dict[str, Any]) -> bytes:
    return json.dumps(book).encode()


def publish(path: Path, book: dict[str, Any]) -> None:
    """Put a signed book in its place as a whole."""
    beside = path.with_suffix(".new")
    beside.write_bytes(signed(book))
    beside.replace(path)
