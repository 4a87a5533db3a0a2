"""Why evidence is refused."""

from enum import StrEnum
from typing import Final


class Flaw(StrEnum):
    """What is wrong with evidence; nothing flawed proves anything."""

    BUNDLE = "bundle"
    """The file is damaged, or not in its one canonical form."""
    HEADER = "header"
    """The header cannot be a block's."""
    BLOCK_HASH = "block_hash"
    """The header is another block's than the one attested."""
    MISSING_NODE = "missing_node"
    """A trie node on the way to a value is not there, or was changed."""
    BAD_NODE = "bad_node"
    """A trie node has a form that no state trie holds."""
    BAD_VALUE = "bad_value"
    """A trie holds a value that is no account or no storage word."""
    CODE = "code"
    """A contract's code is none whose storage layout is known."""
    MARKET = "market"
    """Contracts do not belong to one market, or an account names what the market has not."""
    PRICE = "price"
    """A price that is needed is neither proved nor given."""
    UNUSED = "unused"
    """The bundle carries what nothing needs."""


class EvidenceRefused(ValueError):
    """Evidence that proves nothing: `flaw` is the reason, `detail` where it was found."""

    def __init__(self, flaw: Flaw, detail: str) -> None:
        super().__init__(f"{flaw}: {detail}")
        self.flaw: Final = flaw
        self.detail: Final = detail
