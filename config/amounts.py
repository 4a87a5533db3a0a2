"""Amounts as people write them, decimal text, and as the house holds them, integers.

Nothing is rounded on the way in: a figure with more decimals than its unit holds is refused, and
so is a TOML float, which is no longer the number that was written.
"""

import re
from collections.abc import Callable
from typing import Annotated, Final

from pydantic import BeforeValidator, PlainSerializer

from chains.model.units import Usd, Wad

USD_DECIMALS: Final = 8
WAD_DECIMALS: Final = 18
GWEI_DECIMALS: Final = 9
_DECIMAL: Final = re.compile(r"([0-9]{1,60})(?:\.([0-9]{1,60}))?")


def parse_amount(value: object, decimals: int) -> int:
    """Give `value` x 10^decimals exactly; ValueError names what to write instead."""
    if isinstance(value, bool | float) or not isinstance(value, str | int):
        raise ValueError(f'is {value!r}; write the amount in quotes, such as "12.5"')  # noqa: TRY004 # pydantic reports ValueError only
    if not (match := _DECIMAL.fullmatch(str(value).replace("_", ""))):
        raise ValueError(f'is {value!r}; write a decimal of 0 or more in quotes, such as "12.5"')
    whole, fraction = match[1], (match[2] or "").rstrip("0")
    if len(fraction) > decimals:
        raise ValueError(f"is {value!r}; write at most {decimals} decimals")
    return int(whole + fraction.ljust(decimals, "0"))


def format_amount(units: int, decimals: int) -> str:
    """Give the shortest decimal text of `units` x 10^-decimals; exact."""
    whole, fraction = divmod(abs(units), 10**decimals)
    digits = str(fraction).rjust(decimals, "0").rstrip("0") if decimals else ""
    return f"{'-' if units < 0 else ''}{whole}{'.' if digits else ''}{digits}"


def _reader(decimals: int) -> Callable[[object], int]:
    return lambda value: parse_amount(value, decimals)


def _writer(decimals: int) -> Callable[[int], str]:
    return lambda units: format_amount(units, decimals)


UsdAmount = Annotated[
    Usd, BeforeValidator(_reader(USD_DECIMALS)), PlainSerializer(_writer(USD_DECIMALS))
]
"""US dollars, written `"12.5"`, held x 1e8."""
Ratio = Annotated[
    Wad, BeforeValidator(_reader(WAD_DECIMALS)), PlainSerializer(_writer(WAD_DECIMALS))
]
"""A health factor, written `"1.50"`, held x 1e18."""
Gwei = Annotated[
    int, BeforeValidator(_reader(GWEI_DECIMALS)), PlainSerializer(_writer(GWEI_DECIMALS))
]
"""Gwei, written `"0.5"`, held in wei."""
