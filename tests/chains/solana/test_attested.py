"""The short form of headers: what is left out must be what the program puts in."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.solana.attested import FIELDS, NotAccepted, encode_header
from proofs.statement import HealthAttestation
from proofs.typed import describe

WORD, ZERO = b"\x01" * 32, bytes(32)
PLAIN: dict[str, Any] = {
    "schemaVersion": 1,
    "audience": ZERO,
    "accountSetRoot": WORD,
    "blockRefsRoot": WORD,
    "positionsRoot": ZERO,
    "pricesRoot": b"\0" * 31 + b"\x05",
    "paramsHash": ZERO,
    "zkCommitment": ZERO,
    "committeeId": WORD,
    "epoch": 0,
    "sequence": 256,
    "prevDigest": ZERO,
    "issuedAt": 0,
    "expiresAt": 1,
    "minPriceTime": 0,
    "positionCount": 0,
    "status": 0,
    "accountCount": 2,
    "maxSkew": 0,
    "healthFactorE18": 3,
    "netEquityE8": -1,
}


def test_the_fields_are_those_that_are_signed() -> None:
    assert tuple(member.name for member in describe(HealthAttestation).members) == FIELDS


def test_zeros_and_what_is_known_are_left_out() -> None:
    short = encode_header([PLAIN[name] for name in FIELDS])
    roots = b"\x20" + WORD + b"\0" + b"\x01\x05" + b"\0\0"
    numbers = b"\x02\x01\x00" + b"\0" + b"\0" + b"\x01\x01" + b"\0\0" + b"\x01\x02" + b"\0"
    assert short == roots + numbers + b"\x01\x03" + b"\x80"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("schemaVersion", 2),
        ("audience", WORD),
        ("epoch", 1),
        ("status", 1),
        ("healthFactorE18", 2**256 - 1),
        ("netEquityE8", -(2**128) - 1),
    ],
)
def test_a_header_the_program_takes_in_no_case_is_named(name: str, value: object) -> None:
    with pytest.raises(NotAccepted, match=name):
        encode_header([{**PLAIN, name: value}[field] for field in FIELDS])


def test_a_header_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        encode_header([1])


@given(st.integers(-(2**127), 2**127 - 1))
def test_an_equity_reads_back_as_a_word(equity: int) -> None:
    short = encode_header([{**PLAIN, "netEquityE8": equity}[field] for field in FIELDS])
    tail = short[encode_header([PLAIN[name] for name in FIELDS]).__len__() - 1 :]
    fill = b"\xff" if tail[0] & 128 else b"\0"
    assert int.from_bytes(tail[1:].rjust(32, fill), "big", signed=True) == equity
