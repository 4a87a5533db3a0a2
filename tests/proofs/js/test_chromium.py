"""The verifier for wallets in a browser: it gives Python's verdict on every shared vector."""

from typing import Any, Final

import pytest

from tests.proofs.js.browser import BROWSERS, ask_browser, find_browser
from tests.proofs.js.evidence import answer_of, read_vectors
from tests.proofs.js.vectors import NAMES, VECTORS, compare, questions

pytestmark = pytest.mark.net
PROVED: Final = read_vectors().vectors


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if (browser := find_browser()) is None:
        pytest.skip(f"no browser in PATH ({', '.join(BROWSERS)}); Debian's package is chromium")
    return ask_browser(browser, questions(), tmp_path_factory.mktemp("browser"))


@pytest.mark.parametrize("place", range(len(VECTORS)), ids=NAMES)
def test_chromium_gives_the_verdict(answers: dict[str, Any], place: int) -> None:
    assert answers["verdicts"][place] == VECTORS[place]["verdict"]


@pytest.mark.parametrize("place", range(len(PROVED)), ids=[v["name"] for v in PROVED])
def test_chromium_gives_the_verdict_on_evidence(answers: dict[str, Any], place: int) -> None:
    assert answers["evidence"][place] == answer_of(PROVED[place]["verdict"])


def test_chromium_agrees_on_hashes_paths_envelopes_and_damaged_files(
    answers: dict[str, Any],
) -> None:
    compare(answers)
