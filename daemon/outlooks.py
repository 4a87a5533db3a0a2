"""Keep the volatilities in force: read closes, fit in a worker, foresee, record what was done.

Every underlying with a file is looked at each hour. Bad or old closes leave it without volatility,
never with an old one; generated closes are refused, since no figure shown may rest on them.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NoReturn

import structlog

from chains.model.snapshot import PublishedBook
from chains.model.units import USD, WAD
from config.settings import Settings
from daemon.board import Board
from daemon.margin.dynamics import Outlooks
from daemon.margin.outlook import FLOORS, Outlook, put_in_force
from daemon.margin.risk import Tier
from daemon.margin.scenarios import InvalidRiskInput
from daemon.margin.volatility import (
    MODEL,
    WINDOW_DAYS,
    Garch,
    Quote,
    VolatilityTerms,
    calculate_returns,
    digest_closes,
    find_implied,
    forecast,
)
from daemon.risk.backtest import Fits
from daemon.risk.closes import Closes, InvalidCloses, read_closes
from daemon.risk.worker import fit_windows
from daemon.storage.outlooks import OutlookStore

PERIOD_S: Final = 3_600.0
OLDEST: Final = timedelta(days=3)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosesFile:
    """Where an underlying's closes are, and its tier."""

    path: Path
    tier: Tier


@dataclass(slots=True, kw_only=True)
class OutlookDesk:
    """The volatilities of one daemon; `fit` blocks and is called in a thread."""

    files: Mapping[str, ClosesFile]
    board: Board
    store: OutlookStore
    clock: Callable[[], float]
    fit: Fits = fit_windows
    _known: dict[str, Outlook] = field(default_factory=dict, init=False)
    _faults: dict[str, str] = field(default_factory=dict, init=False)

    async def run(self) -> NoReturn:
        """Keep them for ever."""
        while True:
            await self.refresh()
            await asyncio.sleep(PERIOD_S)

    def now(self) -> Outlooks:
        """Give what is in force."""
        return Outlooks(known=dict(self._known), faults=dict(self._faults))

    async def refresh(self) -> None:
        """Look at every file once."""
        for name in self.files:
            try:
                found = await self._look(name)
            except (InvalidCloses, InvalidRiskInput) as error:
                self._lose(name, str(error))
                continue
            await self.store.write(found)
            if self._faults.pop(name, None) is not None:
                log.info("outlook.recovered", underlying=name, last=str(found.last))
            self._known[name] = found

    def _lose(self, name: str, reason: str) -> None:
        self._known.pop(name, None)
        if self._faults.get(name) != reason:
            log.warning("outlook.lost", underlying=name, reason=reason)
        self._faults[name] = reason

    async def _look(self, name: str) -> Outlook:
        file, now = self.files[name], int(self.clock())
        closes = await asyncio.to_thread(read_closes, file.path)
        prices = _choose(closes, name, file.path, now)
        days = closes.days[-WINDOW_DAYS - 1 :]
        returns = calculate_returns(prices)
        inputs = digest_closes(days, prices)
        last = await self.store.read_last(name)
        garch, fault, fitted_at = None, None, now
        if last and last.garch and (last.inputs, last.model) == (inputs, MODEL):
            garch, fitted_at = last.garch, last.fitted_at
        else:
            [fitted] = await asyncio.to_thread(self.fit, [returns.tolist()])
            garch, fault = (fitted, None) if isinstance(fitted, Garch) else (None, fitted)
        seen = forecast(
            returns,
            VolatilityTerms(floor=FLOORS[file.tier]),
            garch=garch,
            implied=find_implied(self._list_quotes(name), now),
        )
        previous = last.in_force if last else None
        return Outlook(
            underlying=name,
            model=MODEL,
            fitted_at=fitted_at,
            first=days[0],
            last=days[-1],
            inputs=inputs,
            forecast=seen,
            in_force=put_in_force(previous, seen.volatility, now),
            previous=previous,
            garch=garch,
            fault=fault,
        )

    def _list_quotes(self, underlying: str) -> Iterator[Quote]:
        """Give what the options in published books imply."""
        for book in self.board.books.values():
            positions = book.positions if isinstance(book, PublishedBook) else ()
            for option in (option for position in positions for option in position.options):
                if option.underlying == underlying:
                    yield Quote(
                        strike=option.strike / USD,
                        forward=option.forward / USD,
                        expiry=option.expiry,
                        volatility=option.mark_vol / WAD,
                    )


def _choose(closes: Closes, name: str, path: Path, now: int) -> tuple[float, ...]:
    """Give an underlying's newest closes; InvalidCloses where they may not be used."""
    if closes.generated is not None:
        raise InvalidCloses(f"{path}: its closes are generated; no figure may rest on them")
    if (prices := closes.of(name)) is None:
        raise InvalidCloses(f"{path}: row 1: it has neither a column {name} nor a single one")
    today = datetime.fromtimestamp(now, UTC).date()
    if not today - OLDEST <= closes.days[-1] <= today:
        raise InvalidCloses(f"{path}: its last close is of {closes.days[-1]}, today is {today}")
    return prices[-WINDOW_DAYS - 1 :]


def build_outlooks(
    settings: Settings, board: Board, store: OutlookStore, clock: Callable[[], float]
) -> OutlookDesk | None:
    """Give what keeps the volatilities, None where no file of closes is configured."""
    files = {
        name: ClosesFile(path=found.closes, tier=Tier(found.tier))
        for name, found in settings.underlyings.items()
        if found.closes is not None
    }
    return OutlookDesk(files=files, board=board, store=store, clock=clock) if files else None
