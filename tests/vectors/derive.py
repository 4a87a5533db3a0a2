"""Cases of Derive's two managers and of its option library, computed by our modules."""

from collections.abc import Mapping
from typing import Any, Final

from daemon.margin.options import CALL, PUT, YEAR_S, Svi, calculate_greeks, price_black76
from daemon.margin.venues import derive_pmrm2 as pmrm2
from daemon.margin.venues import derive_srm as srm
from daemon.margin.venues.documented import DERIVE_SRM
from tests.vectors.reading import Case, Figures

WAD: Final = 10**18
ASSETS: Final = ("ETH", "BTC")


def compare_pmrm2(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare both margins, every contingency and all scenarios of a portfolio."""
    inputs, expected = case["inputs"], case["expected"]
    parameters = read_parameters(document["parameter_sets"][inputs["param_set"]])
    found = pmrm2.calculate_margin(read_portfolio(inputs), parameters)
    yield "IM", found.initial, expected["IM"]
    yield "MM", found.maintenance, expected["MM"]
    yield "mark to market", found.mark_to_market, expected["portfolio_mtm"]
    yield "option value", found.option_value, expected["option_mtm"]
    yield "collateral value", found.collateral_value, expected["collateral_mtm"]
    yield "basis", found.basis, expected["basis_contingency"]
    yield "loss factor", found.loss_factor, expected["im_loss_factor"]
    for name, theirs in CHARGES.items():
        yield name, -found.charges[name], expected[theirs]
    pairs = zip(found.profits, expected["scenario_pnl"], strict=True)
    for number, (profit, theirs) in enumerate(pairs):
        if abs(float(theirs)) >= 1e-6 or abs(profit) >= 1e-6:
            yield f"scenario {number}", profit, float(theirs)


CHARGES: Final = {
    "maintenance perp": "mm_perp_cont",
    "maintenance option": "mm_option_cont",
    "maintenance collateral": "mm_base_cont",
    "initial perp": "im_perp_cont",
    "initial option": "im_option_cont",
    "initial collateral": "im_base_cont",
    "initial oracle": "oracle_cont",
}


def read_parameters(given: Mapping[str, Any]) -> pmrm2.Parameters:
    """Give a parameter set of the tests."""
    vol, skew, margin = given["vol"], given["skew"], given["margin"]
    basis, other = given["basis"], given["other"]
    return pmrm2.Parameters(
        scenarios=tuple(
            pmrm2.Scenario(spot=spot, vol=pmrm2.VolShock(shock.lower()), damping=damping)
            for spot, shock, damping in given["scenarios"]
        ),
        vol=pmrm2.VolTerms(
            up=vol["VOLRANGEUP"],
            down=vol["VOLRANGEDOWN"],
            least_shocked=vol["MIN_VOL_EVAL_SHOCKED"],
            short_power=vol["SHORTTERMPOWER"],
            long_power=vol["LONGTERMPOWER"],
            least_days=vol["DTE_FLOOR"],
        ),
        skew=pmrm2.SkewTerms(
            linear_cap=skew["LINEAR_SCALE_CAP"],
            linear_slope=skew["LINEAR_CBASE"],
            abs_cap=skew["ABS_SCALE_CAP"],
            abs_slope=skew["ABS_CBASE"],
            least_width=skew["MIN_K_STAR"],
            width_scale=skew["MIN_WIDTH_SCALE"],
            width_vol=skew["VOL_PARAM_STATIC"],
            width_vol_slope=skew["VOL_PARAM_SCALE"],
        ),
        margin=pmrm2.MarginTerms(
            maintenance=margin["MM_LOSS_FACTOR"],
            initial=margin["IM_LOSS_FACTOR"],
            short_rate_scale=margin["SHORT_RATE_MULTSCALE"],
            long_rate_scale=margin["LONG_RATE_MULTSCALE"],
            short_rate_added=margin["SHORT_RATE_ADDSCALE"],
            long_rate_added=margin["LONG_RATE_ADDSCALE"],
            long_discount=margin["BASE_STATIC_DISCOUNT"],
            short_discount=margin["BASE_STATIC_DISCOUNT_NEG"],
        ),
        contingency=pmrm2.ContingencyTerms(
            basis_up=basis["SCENARIO_SPOT_UP"],
            basis_down=basis["SCENARIO_SPOT_DOWN"],
            basis_added=basis["BASIS_CONT_ADD_FACTOR"],
            basis_scale=basis["BASIS_CONT_MULT_FACTOR"],
            peg_threshold=other["PEG_LOSS_THRESHOLD"],
            peg_factor=other["PEG_LOSS_FACTOR"],
            least_confidence=other["CONF_THRESHOLD"],
            confidence_scale=other["CONF_MARGIN"],
            perp=other["MM_PERP_PERCENT"],
            perp_initial=other["IM_PERP_PERCENT"],
            option=other["MM_OPTION_PERCENT"],
            option_initial=other["IM_OPTION_PERCENT"],
        ),
    )


def read_portfolio(given: Mapping[str, Any]) -> pmrm2.Portfolio:
    """Give a portfolio of the tests; expiries without options are none of the account's."""
    perp = given["perp"]
    expiries = (_read_expiry(expiry, given["options"]) for expiry in given["expiries"])
    return pmrm2.Portfolio(
        cash=given["cash"],
        spot=given["spot"],
        spot_confidence=given["spot_confidence"],
        stable_price=given["stable_price"],
        perp=pmrm2.Perp(
            size=perp["size"],
            price=perp["price"],
            confidence=perp["confidence"],
            unrealised=perp["unrealised_pnl"] + perp["unrealised_funding"],
        ),
        collaterals=tuple(
            pmrm2.Collateral(
                amount=held["amount"],
                price=held["price"],
                confidence=held["confidence"],
                risk_cancelling=held["risk_cancelling"],
                haircut=held["mm_haircut"],
                initial_haircut=held["im_haircut"],
            )
            for held in given["collaterals"]
        ),
        expiries=tuple(expiry for expiry in expiries if expiry.options),
    )


def _read_expiry(given: Mapping[str, Any], options: list[Mapping[str, Any]]) -> pmrm2.Expiry:
    return pmrm2.Expiry(
        seconds=given["sec_to_expiry"],
        forward=given["forward"],
        rate=given["rate"],
        confidence=min(given["forward_conf"], given["rate_conf"], given["vol_conf"]),
        options=tuple(
            pmrm2.Option(
                strike=option["strike"],
                is_call=option["is_call"],
                amount=option["amount"],
                vol=option["mark_vol"],
            )
            for option in options
            if option["sec_to_expiry"] == given["sec_to_expiry"]
        ),
    )


def compare_srm(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare both margins and the value at mark."""
    del document
    given, expected = case["inputs"], case["expected"]
    markets = [(_read_market(given, place, name), DERIVE_SRM) for place, name in enumerate(ASSETS)]
    found = srm.calculate_margin(_scale(given["Cash"]), _scale(given["USDCValue"]), markets)
    yield "IM", found.initial, _scale(expected["IM_1e18"])
    yield "MM", found.maintenance, _scale(expected["MM_1e18"])
    yield "mark to market", found.mark_to_market, _scale(expected["MtM_1e18"])


def _read_market(given: Mapping[str, Any], place: int, name: str) -> srm.Market:
    spot_confidence, perp_confidence = map(_scale, given["SpotPerpConfidences"][place])
    size, price = _scale(given[f"Perps_{name}"]), _scale(given["PerpPrice"][place])
    funding = _scale(given[f"Account{name}FundingIndex"]) - _scale(
        given[f"{name}GlobalFundingIndex"]
    )
    held = [i for i, asset in enumerate(given["OptionUnderlying"]) if asset == name]
    expiries = sorted({given["OptionExpiries"][i] for i in held})
    return srm.Market(
        spot=_scale(given[f"{name}SpotPrice"]),
        confidence=spot_confidence,
        base=_scale(given[f"w{name}"]),
        perp=size,
        perp_price=price,
        perp_confidence=perp_confidence,
        unrealised=size * (price - _scale(given[f"LastEntry{name}"]) + funding) if size else 0.0,
        expiries=tuple(
            srm.Expiry(
                seconds=seconds,
                forward=_scale(given[f"SettlementPrice{name}"]),
                confidence=min(
                    min(
                        _scale(given["OptionVolConfidences"][i]),
                        _scale(given["ForwardConfidences"][i]),
                    )
                    for i in held
                    if given["OptionExpiries"][i] == seconds
                ),
                options=tuple(
                    srm.Option(
                        strike=_scale(given["OptionStrikes"][i]),
                        is_call=bool(given["OptionIsCall"][i]),
                        amount=_scale(given["OptionAmounts"][i]),
                        vol=_scale(given["OptionVols"][i]),
                    )
                    for i in held
                    if given["OptionExpiries"][i] == seconds
                ),
            )
            for seconds in expiries
        ),
    )


def _scale(figure: int | str | None) -> float:
    return int(figure or 0) / WAD


def compare_black76(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare a call, a put, and the call's delta."""
    del document
    given, expected = case["inputs"], case["expected"]
    figures = given["forward"], given["strike"], given["sec_to_expiry"] / YEAR_S, given["vol"]
    for name, side in (("call", CALL), ("put", PUT)):
        yield name, float(price_black76(side, *figures, given["discount"])), expected[name]
    delta = float(calculate_greeks(CALL, *figures).delta)
    yield "delta", delta, expected["undiscounted_call_delta"]


def compare_svi(case: Case, document: Mapping[str, Any]) -> Figures:
    """Compare a smile's volatility at a strike."""
    del document
    given = dict(case["inputs"])
    strike, years = given.pop("strike"), given.pop("tau")
    yield "vol", Svi(**given, years=years).vol(strike), case["expected"]["vol"]
