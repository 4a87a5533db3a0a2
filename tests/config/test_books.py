"""What the tables of books and tiers take, and what they refuse in one line."""

import json
import re
from pathlib import Path

import pytest

from chains.book.document import parse_book
from chains.model.ids import AccountId
from config.errors import ConfigError
from config.load import load
from config.settings import Settings
from daemon.translate import build_book_terms, build_risk
from tests.config.samples import GOOD, write

ROOT = Path(__file__).parents[2]

PUBLISHER = "0x4444444444444444444444444444444444444444"
BOOK = f"""
[[books]]
account = "alice"
venue_account = "venue:deribit:12345"
path = "/var/lib/plimsoll/books/desk.json"
publisher = "{PUBLISHER}"
max_age_s = 60
names = {{ ETH = "WETH" }}
gain_weight_bps = 5000
"""


def read(folder: Path, text: str) -> Settings:
    return load([write(folder, GOOD + text)], {})


def problems(folder: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        read(folder, text)
    return caught.value.problems


def test_a_book_counts_by_the_tiers_of_the_risk_table(tmp_path: Path) -> None:
    settings = read(tmp_path, BOOK)
    terms = build_book_terms(settings, settings.books[0])
    assert terms.account == AccountId.parse("venue:deribit:12345")
    assert (terms.publisher, terms.max_age_s, terms.gain_weight) == (PUBLISHER, 60, 5_000)
    found = {symbol: terms.underlyings[symbol] for symbol in ("USDC", "WETH", "LINK")}
    assert [(t.ltv, t.liquidation_threshold) for t in found.values()] == [
        (9_500, 9_800),
        (8_000, 8_500),
        (5_000, 6_000),
    ]


def test_an_operator_may_change_a_tier(tmp_path: Path) -> None:
    settings = read(tmp_path, BOOK + "[tiers.major]\nliquidation_threshold_bps = 8200\n")
    terms = build_book_terms(settings, settings.books[0])
    assert terms.underlyings["WETH"].liquidation_threshold == 8_200


def test_debts_weigh_what_their_tier_says_where_the_underlying_says_nothing(
    tmp_path: Path,
) -> None:
    text = "[tiers.alt]\ndebt_weight_bps = 11000\n[underlyings.NEW]\nhaircut_bps = 0\n"
    table = build_risk(read(tmp_path, text)).underlyings
    assert (table["NEW"].debt_weight, table["LINK"].debt_weight) == (11_000, 10_000)


def test_the_pages_example_is_taken_as_it_stands(tmp_path: Path) -> None:
    page = (ROOT / "docs/margin.md").read_text()
    table = "".join(re.findall(r"```toml\n(.*?)```", page, re.DOTALL))
    [example] = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    settings = read(tmp_path, table.replace('"0x…"', f'"{PUBLISHER}"'))
    book = json.loads(example)
    del book["signature"]
    terms = build_book_terms(settings, settings.books[0])
    main, isolated = parse_book(json.dumps(book).encode(), terms).book.positions
    assert (len(main.legs), len(main.perps), len(main.options)) == (2, 1, 1)
    assert main.native_health == 185 * 10**16
    assert isolated.isolated


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (BOOK.replace('"alice"', '"bob"'), "books[0].account: 'bob' is no margin account"),
        (BOOK.replace("venue:deribit", "eip155:1"), "books[0].venue_account: "),
        (BOOK.replace('"WETH"', '"XYZ"'), "books[0].names.ETH: XYZ has no weights"),
        (BOOK + BOOK, "books[1].venue_account: venue:deribit:12345 stands twice"),
        (BOOK.replace("max_age_s = 60", "max_age_s = 0"), "books[0].max_age_s: "),
        (BOOK.replace(PUBLISHER, "0x44"), "books[0].publisher: "),
        ("[tiers.major]\nltv_bps = 9000\n", "tiers.major: ltv_bps is above"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, text: str, said: str) -> None:
    [line] = problems(tmp_path, text)
    assert line.startswith(said)
