"""The short form of headers as the program reads it: any header, and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.instruction import Instruction

from chains.model.units import WAD
from proofs.statement import HealthAttestation
from tests.chains.solana.programs.rescue_scene import (
    MAX_TTL_S,
    RESCUE,
    USDC,
    RescueScene,
    open_unified,
)

HEADER_AT = 13
"""Where the short form begins: behind tag, amount and bitmap."""


@given(st.data())
def test_the_program_s_digest_is_the_statement_s(data: st.DataObject) -> None:
    scene = open_unified()
    header = data.draw(headers(scene))
    done = scene.rescue(scene.unified(1, header))
    assert done.units == 1


def headers(scene: RescueScene) -> st.SearchStrategy[HealthAttestation]:
    """Give headers of any contents that the mandate accepts."""
    word = st.one_of(st.just(bytes(32)), st.binary(min_size=32, max_size=32))
    u64, u32 = st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1)
    figures = st.one_of(
        st.tuples(st.integers(0, WAD - 2), st.integers(-(2**64), -1)),
        st.tuples(st.integers(WAD, 150 * WAD // 100 - 1), st.integers(1, 2**64)),
    )
    return st.builds(
        lambda figures, issued, life, **rest: scene.attest(
            health_factor_e18=figures[0],
            net_equity_e8=figures[1],
            issued_at=scene.now + issued,
            expires_at=scene.now + issued + life,
            **rest,
        ),
        figures,
        st.integers(-30, 15),
        st.integers(30, MAX_TTL_S),
        block_refs_root=word,
        positions_root=word,
        prices_root=word,
        params_hash=word,
        zk_commitment=word,
        prev_digest=word,
        sequence=st.integers(1, 2**64 - 1),
        min_price_time=u64,
        position_count=u32,
        account_count=u32,
        max_skew=u32,
    )


@given(st.binary(max_size=300))
def test_bytes_that_are_no_header_are_refused(data: bytes) -> None:
    scene = open_unified()
    good = scene.unified(USDC)
    odd = Instruction(RESCUE, bytes(good.data)[:HEADER_AT] + data, list(good.accounts))
    assert scene.refusal(odd)


@pytest.mark.parametrize(
    ("at", "value"),
    [(0, 33), (5, 9), (14, 17), (13, 128), (0, 160)],
)
def test_a_member_that_does_not_fit_its_type_is_refused(at: int, value: int) -> None:
    """A length byte of the short form is replaced; `at` is the member's place."""
    scene = open_unified()
    good = scene.unified(USDC)
    raw, cursor = bytearray(bytes(good.data)), HEADER_AT
    for _ in range(at):
        cursor += 1 + (raw[cursor] & 127)
    raw[cursor] = value
    odd = Instruction(RESCUE, bytes(raw) + bytes(60), list(good.accounts))
    assert scene.refusal(odd) == "BAD_DATA"


def test_a_header_cut_short_anywhere_is_refused() -> None:
    scene = open_unified()
    good = scene.unified(USDC)
    data = bytes(good.data)
    for end in range(HEADER_AT, len(data) - 65):
        cut = Instruction(RESCUE, data[:end], list(good.accounts))
        assert scene.refusal(cut) == "BAD_DATA", end
