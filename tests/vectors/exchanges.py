"""Cases of Deribit, SPAN and Paradex, computed by our modules."""

from collections.abc import Mapping
from typing import Any

from daemon.margin.venues import deribit, paradex, span
from tests.vectors.reading import Case, Figures


def compare_inverse_gains(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare an inverse contract's profits over the matrix."""
    del document
    given = case["inputs"]
    found = deribit.gain_of_future(given["position"], given["moves"])
    for move, gain, theirs in zip(given["moves"], found, case["expected"]["pnl"], strict=True):
        yield f"gain at {move}", gain, theirs


def compare_deribit(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare a portfolio of a perpetual and a future."""
    del document
    given, expected = case["inputs"], case["expected"]
    terms = given["params"]
    parameters = deribit.Parameters(
        price_range=terms["price_range"],
        volatility_range_up=terms["volatility_range_up"],
        min_annualised_move=terms["min_annualised_move"],
        extended_dampener=terms["extended_dampener"],
        mm_factor=terms["mm_factor"],
        gain_part=terms["pnl_offset"],
    )
    futures = [
        deribit.Future(size=size, seconds=number)
        for number, size in enumerate(given["positions"].values())
    ]
    found = deribit.calculate_margin(
        futures,
        (),
        parameters,
        protection=given["min_margin_percent_mmp"],
        open_orders=given["open_order_margin"],
    )
    yield from zip(
        ("moves",) * len(given["moves"]),
        deribit.list_moves(parameters.price_range),
        given["moves"],
        strict=True,
    )
    yield "worst case", found.worst_case, expected["worst_case"]
    yield "roll shock", found.roll_shock, expected["roll_shock"]
    yield "delta shock", found.delta_shock, expected["delta_shock"]
    yield "risk matrix", found.risk_matrix, expected["risk_matrix_margin"]
    yield "IM", found.initial, expected["initial_margin"]
    yield "MM", found.maintenance, expected["maintenance_margin"]


def compare_span_rows(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare the sixteen scenarios, as a set: orders differ between books."""
    del document
    given = case["inputs"]
    rows = span.list_scenarios()
    yield "rows", len(rows), case["expected"]["scenarios"]
    theirs = zip(
        given["price_moves_in_thirds_of_range"],
        given["vol_sign"],
        given["cover_fraction"],
        strict=True,
    )
    ours = sorted((row.thirds, row.vol, row.cover) for row in rows)
    for number, (mine, other) in enumerate(zip(ours, sorted(theirs), strict=True)):
        for figure, expected in zip(mine, other, strict=True):
            yield f"row {number}", figure, expected


def compare_span_risk(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare the scan risk of risk arrays."""
    del document
    given = case["inputs"]
    found = span.calculate_span(given["arrays"], given["positions"])
    yield "scan risk", found.scan_risk, case["expected"]["scan_risk"]


def compare_minimum(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare the minimum on deltas."""
    del document
    given, expected = case["inputs"], case["expected"]
    terms = paradex.Terms(rows=(), unhedged=given["unhedged_factor"], hedged=given["hedged_factor"])
    found = paradex.margin_deltas(given["spot"], given["deltas"], terms)
    yield "net delta", found.net, expected["net_delta"]
    yield "gross delta", found.gross, expected["gross_delta"]
    yield "hedged delta", found.hedged, expected["hedged_delta"]
    yield "margin", found.margin, expected["min_delta_margin"]


def compare_open_size(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare initial margin with open orders."""
    del document
    given = case["inputs"]
    found = paradex.margin_open_size(
        given["position"],
        given["buy_orders"],
        given["sell_orders"],
        initial_part=given["imf"],
        mark=given["mark"],
    )
    yield "IMR", found, case["expected"]["imr"]


def compare_share(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare what a partial liquidation leaves."""
    del document
    given, expected = case["inputs"], case["expected"]
    found = paradex.liquidate_share(
        given["account_value"],
        given["mmr"],
        share=given["liquidation_share"],
        fee=given["implied_liquidation_fee"],
    )
    yield "MMR", found.maintenance, expected["new_mmr"]
    yield "penalty", found.penalty, expected["penalty"]
    yield "account value", found.account_value, expected["new_account_value"]
    yield "ratio", found.ratio, expected["new_margin_ratio"]


def compare_socialised(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare what a bankruptcy takes off a withdrawal."""
    del document
    given, expected = case["inputs"], case["expected"]
    lacking, factor = paradex.socialise(
        given["balances_total"],
        given.get("bankruptcy", 0.0),
        given["insurance_fund"],
        given.get("insurance_unrealised_pnl", 0.0),
    )
    yield "bankruptcy", lacking, expected["exchange_bankruptcy"]
    yield "factor", factor, expected["factor"]
    kept = factor * given["withdrawal"]
    yield "to insurance", kept, expected["to_insurance"]
    yield "to user", given["withdrawal"] - kept, expected["to_user"]
