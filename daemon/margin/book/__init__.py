"""The fleet: every tracked account's positions as columns, valued all at once.

`columns` holds amounts, `factors` what a unit of each counts now. `valuation` gives everybody's
health (compiled where numba is there, by scipy where it is not), `certificate` and
`sorted_prices` name the few whom a move of prices may have brought under a limit, `exact` decides
them with a proved bound and leaves to integers what the bound cannot decide. `book` ties these
together. `losses` gives value at risk and expected shortfall of many accounts. Pure.
"""
