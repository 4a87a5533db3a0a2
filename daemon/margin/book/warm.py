"""Compiled loops made ready: compiled, or taken from numba's cache, before anybody waits for them.

Compiling takes some seconds once, the cache half a second at each start.
"""

import numpy as np

from daemon.margin.book.book import Book
from daemon.margin.book.engine import Engine
from daemon.margin.book.factors import Factors, Formula
from daemon.margin.book.losses import measure_losses
from daemon.margin.book.valuation import find_lowest, value_all
from daemon.margin.options import CALL, COMPILED_FROM, price_black76


def warm() -> Engine:
    """Run every loop once, on a book of one account and on options, and say by which engine."""
    book = Book()
    book.append([(1, 2.0), (2, 1.0)])
    factors = Factors(
        formula=Formula.SUM,
        values=np.array([0.0, 1.0, 1.0]),
        thresholds=np.array([0.0, 8_000.0, 10_000.0]),
        errors=np.zeros(3),
        owed=np.array([False, False, True]),
    )
    book.rebase(factors)
    book.append([(1, 2.0), (2, 1.0)])
    book.find(factors)
    find_lowest(value_all(book.columns, factors), 1)
    measure_losses(book.columns, np.zeros((3, 1), np.float32), alpha=0.5)
    price_black76(np.full(COMPILED_FROM, CALL), 1.0, 1.0, 1.0, 1.0)
    return book.engine
