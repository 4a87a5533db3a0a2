"""What a program logged itself, whatever others log."""

import base64

from hypothesis import given
from hypothesis import strategies as st
from solders.pubkey import Pubkey
from solders.signature import Signature

from chains.rpc.endpoint import Json
from chains.solana.decode import decode_landing
from chains.solana.logs import find_data

OURS, OTHER = Pubkey(b"o" * 32), Pubkey(b"x" * 32)


def data(raw: bytes) -> str:
    return f"Program data: {base64.b64encode(raw).decode()}"


def test_data_counts_only_while_the_program_itself_runs() -> None:
    logs = [
        data(b"before"),
        f"Program {OTHER} invoke [1]",
        data(b"by another"),
        f"Program {OURS} invoke [2]",
        "Program log: something",
        data(b"one"),
        f"Program {OTHER} invoke [3]",
        data(b"by one that was called"),
        f"Program {OTHER} success",
        data(b"two"),
        f"Program {OURS} consumed 5 of 10 compute units",
        f"Program {OURS} success",
        data(b"after"),
        f"Program {OTHER} success",
    ]
    assert list(find_data(logs, OURS)) == [b"one", b"two"]


def test_a_line_that_another_program_writes_of_ours_is_not_believed() -> None:
    logs = [
        f"Program {OTHER} invoke [1]",
        f"Program log: Program {OURS} invoke [2]",
        f"Program log: \nProgram {OURS} invoke [2]",
        data(b"forged"),
        f"Program {OTHER} failed: custom program error: 0x1",
    ]
    assert list(find_data(logs, OURS)) == []


def test_several_pieces_of_one_line_are_read_and_garbage_is_passed_over() -> None:
    line = (
        f"Program data: {base64.b64encode(b'one').decode()} ! {base64.b64encode(b'two').decode()}"
    )
    assert list(find_data([f"Program {OURS} invoke [1]", line], OURS)) == [b"one", b"two"]


def test_a_landing_carries_its_logs() -> None:
    meta: dict[str, Json] = {
        "err": None,
        "fee": 5_000,
        "preBalances": [9],
        "postBalances": [4],
        "logMessages": ["one", "two"],
    }
    landing = decode_landing(Signature.default(), {"slot": 1, "meta": meta})
    assert landing is not None
    assert landing.logs == ("one", "two")
    silent = decode_landing(Signature.default(), {"slot": 1, "meta": {**meta, "logMessages": None}})
    assert silent is not None
    assert silent.logs == ()


LINES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            f"Program {OURS} invoke [1]",
            f"Program {OTHER} invoke [2]",
            f"Program {OURS} success",
            f"Program {OTHER} failed: x",
            f"Program {OURS} invoke [0]",
            "Program data: ####",
            "Log truncated",
            data(b"z"),
        ]
    ),
)


@given(st.lists(LINES, max_size=20))
def test_any_lines_are_read(lines: list[str]) -> None:
    assert set(find_data(lines, OURS)) <= {b"z"}
