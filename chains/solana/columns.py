"""Thousands of accounts of one layout at once: columns instead of objects, without a loop.

Columns rank and screen; what they find is decoded again, exactly. The screen misses nobody: every
term of both sums is positive, so with u = 2^-53 each side is off by less than 32 u of itself (a
number of up to four words 8 u, its factor, their product and their quotient 3 u, a sum of 16 terms
15 u), the limit by u, and the comparison allows for 128 u. What a program loses to rounding down
is allowed for beside it (`lost`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from solders.pubkey import Pubkey

from chains.model.units import WAD, Wad
from chains.solana.zerocopy import KEY_BYTES, Layout

Rows = npt.NDArray[np.void]
Words = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]

WORD: Final = 2.0**64
ALLOWANCE: Final = 1 + 2.0**-46
_WORD_BITS: Final = 64
_KEY_WORDS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HealthColumns:
    """What backs each account's debts and what it owes, in USD.

    `lost` is the most that rounding takes from what backs a debt, in USD. Of who is `unknown` no
    health can be told: neither screened nor healthy.
    """

    keys: tuple[Pubkey, ...]
    backing: Floats
    owed: Floats
    unknown: Bools
    lost: float = 0.0

    def ratios(self) -> Floats:
        """Give each health, for ranking: infinite where nothing is owed, NaN where unknown."""
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.where(self.owed > 0, self.backing / self.owed, np.inf)
        return np.where(self.unknown, np.nan, found)

    def screen(self, limit: Wad) -> Places:
        """Give the rows whose exact health is at a limit or under it, and maybe a few above."""
        most = self.owed * (limit / WAD) * ALLOWANCE + self.lost
        return np.flatnonzero(~self.unknown & (self.owed > 0) & (self.backing <= most))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredHealth:
    """Health as a program stored it, at some earlier slot: as floats, and word by word."""

    columns: HealthColumns
    backing: Words
    owed: Words
    signed: bool = False

    def exact(self, row: int) -> tuple[int, int]:
        """Give what backs and what is owed as integers, in the program's own scale."""
        backing, owed = self.backing[row], self.owed[row]
        return to_int(backing, signed=self.signed), to_int(owed, signed=self.signed)

    def find(self, limit: Wad) -> tuple[int, ...]:
        """Give exactly the rows whose health is at a limit or under it."""
        near = ((int(row), *self.exact(int(row))) for row in self.columns.screen(limit))
        return tuple(row for row, backing, owed in near if backing * WAD <= owed * limit)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KeyTable:
    """Where the keys of reserves stand among those known, many at once."""

    words: Words
    places: Places

    @classmethod
    def of(cls, keys: Sequence[bytes]) -> "KeyTable":
        """Order keys by their first word; ValueError where two share it."""
        words = np.frombuffer(b"".join(keys), dtype="<u8").reshape(len(keys), _KEY_WORDS)
        if len(np.unique(words[:, 0])) != len(keys):
            raise ValueError("two reserves' keys begin alike")
        places = np.argsort(words[:, 0])
        return cls(words=words[places], places=places)

    def find(self, keys: Rows) -> Places:
        """Give each key's place among the keys given, and how many there are where it is none."""
        words = split_keys(keys)
        if not len(self.places):
            return np.zeros(keys.shape, dtype=np.intp)
        near = np.searchsorted(self.words[:, 0], words[..., 0]).clip(max=len(self.places) - 1)
        known = np.asarray((self.words[near] == words).all(axis=-1))
        found: Places = np.where(known, self.places[near], len(self.places))
        return found


def view_rows(layout: Layout, accounts: Sequence[bytes]) -> Rows:
    """Give accounts as the rows of one table; ValueError where one is of another size or kind."""
    if any(len(data) != layout.size for data in accounts):
        raise ValueError(f"an account is no {layout.name} of {layout.size} bytes")
    joined = b"".join(accounts)
    kind = layout.discriminator
    if kind:
        heads = np.frombuffer(joined, dtype=np.uint8).reshape(-1, layout.size)[:, : len(kind)]
        if (heads != np.frombuffer(kind, dtype=np.uint8)).any():
            raise ValueError(f"an account is no {layout.name}")
    return np.frombuffer(joined, dtype=to_dtype(layout))


def to_dtype(layout: Layout) -> "np.dtype[np.void]":
    """Give a struct as numpy's own."""
    spec: Any = layout.numpy_spec()
    found: np.dtype[np.void] = np.dtype(spec)
    return found


def to_floats(words: Words, *, signed: bool = False) -> Floats:
    """Give numbers of several words, the lowest first, off by at most 2 u for each word.

    Negative ones are turned round before, so that nothing cancels.
    """
    if not signed:
        return _add_words(words)
    negative = words[..., -1] >> np.uint64(_WORD_BITS - 1) == 1
    turned = np.where(negative[..., None], ~words, words)
    found = _add_words(turned)
    return np.where(negative, -(found + 1), found)


def _add_words(words: Words) -> Floats:
    total = words[..., -1].astype(np.float64)
    for place in range(words.shape[-1] - 2, -1, -1):
        total = total * WORD + words[..., place]
    return total


def to_int(words: Words, *, signed: bool = False) -> int:
    """Give one number exactly."""
    return int.from_bytes(words.astype("<u8").tobytes(), "little", signed=signed)


def split_keys(keys: Rows) -> Words:
    """Give keys as four words each."""
    packed: Words = np.ascontiguousarray(keys).view("<u8")
    return packed.reshape(*keys.shape, KEY_BYTES // 8)


def is_named(keys: Rows) -> Bools:
    """Say which keys are not all zeros, as those of empty slots are."""
    return np.asarray(split_keys(keys).any(axis=-1))


def add_known(counted: Bools, known: Bools, values: Floats) -> tuple[Floats, Bools]:
    """Add up each row's values that count, of reserves that are known.

    Also say in which rows all that count are known, and finite.
    """
    total: Floats = np.where(counted & known, values, 0.0).sum(axis=1)
    return total, (known | ~counted).all(axis=1) & np.isfinite(total)
