"""Books that venues or operators publish: `[[books]]`; and what a tier's assets count with there.

A book names positions at a venue that no chain shows; docs/margin.md has its format.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Final

from pydantic import Field, PlainSerializer, PlainValidator, model_validator
from pydantic_core import PydanticCustomError

from chains.model.ids import VENUE, AccountId
from chains.model.units import BPS, Bps
from config.accounts import AccountName, AccountSettings
from config.base import Section
from config.forms import BasisPoints, TierName, UnderlyingSettings
from config.identifiers import EvmAddress, FilePath

_WEIGHT_LIMIT: Final = 10 * BPS


def _parse_venue_account(value: object) -> AccountId:
    if isinstance(value, AccountId):
        return value
    found = AccountId.parse(str(value))
    if found.chain.namespace != VENUE:
        raise ValueError(f"is {value!r}; write {VENUE}:, the venue, and the account's number there")
    return found


VenueAccountRef = Annotated[AccountId, PlainValidator(_parse_venue_account), PlainSerializer(str)]
"""An account at a venue off the chains, such as `venue:deribit:12345`."""


class TierSettings(Section):
    """What spot of a tier counts with where no protocol says it, and what its debts count at."""

    ltv: BasisPoints = Field(validation_alias="ltv_bps", description="basis points, 0 to 10000")
    liquidation_threshold: BasisPoints = Field(
        validation_alias="liquidation_threshold_bps", description="basis points, ltv_bps to 10000"
    )
    debt_weight: Bps = Field(
        Bps(BPS),
        validation_alias="debt_weight_bps",
        ge=BPS,
        le=_WEIGHT_LIMIT,
        description="basis points, 10000 or more",
    )

    @model_validator(mode="after")
    def _ordered(self) -> "TierSettings":
        if self.ltv > self.liquidation_threshold:
            detail = "ltv_bps is above liquidation_threshold_bps; write a lower one"
            raise PydanticCustomError("tier", "{detail}", {"detail": detail})
        return self


class BookSettings(Section):
    """One book of a margin account; without a `publisher` it is the operator's own, unsigned.

    `names` gives the underlyings that the publisher calls otherwise. `gain_weight_bps` is what its
    gains count for where gains count at all, `haircut_bps` is taken off the cash posted there.
    """

    account: AccountName = Field(description="the id of a margin account")
    venue_account: VenueAccountRef = Field(
        description="the account at the venue, such as venue:deribit:12345"
    )
    path: FilePath = Field(description="the path of the book's file")
    publisher: EvmAddress | None = Field(
        None, description="the address that signs the book; left out, the operator's own word"
    )
    max_age_s: int = Field(120, ge=1, le=86_400, description="seconds a book is believed")
    names: Mapping[str, str] = Field(
        default_factory=dict, description='a table such as { ETH = "WETH" }'
    )
    gain_weight: BasisPoints = Field(
        Bps(BPS), validation_alias="gain_weight_bps", description="basis points, 0 to 10000"
    )
    haircut: BasisPoints = Field(
        Bps(0), validation_alias="haircut_bps", description="basis points, 0 to 10000"
    )


def find_book_conflicts(
    books: Sequence[BookSettings],
    accounts: Sequence[AccountSettings],
    underlyings: Mapping[str, UnderlyingSettings],
    tiers: Mapping[TierName, TierSettings],
) -> Iterator[str]:
    """Give one line for each disagreement of a book with the other tables."""
    known = {account.id for account in accounts}
    seen: set[AccountId] = set()
    for index, book in enumerate(books):
        where = f"books[{index}]"
        if book.account not in known:
            yield f"{where}.account: {book.account!r} is no margin account; write its id"
        if book.venue_account in seen:
            yield f"{where}.venue_account: {book.venue_account} stands twice; write it once"
        seen.add(book.venue_account)
        for name, symbol in book.names.items():
            if symbol not in underlyings:
                yield f"{where}.names.{name}: {symbol} has no weights; write an underlying's symbol"
    if books:
        for symbol, found in underlyings.items():
            if found.tier not in tiers:
                yield f"underlyings.{symbol}.tier: books need a table [tiers.{found.tier}]"
