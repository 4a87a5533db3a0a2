"""What the verdict vectors ask of parameters: changed after signing, or not those of the leaves."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any, Final

from proofs.document import encode_document
from proofs.params import Params, build_params
from proofs.statement import Statement
from proofs.vectors.bases import WORLDS, build_bases, sign, with_header
from proofs.vectors.cases import Case, altered, encode, look

_ELSEWHERE: Final = "eip155:10"
_PARAMS: Final = WORLDS.params


def misjudge() -> Iterator[Case]:
    """Give files whose parameters are not signed, or are not followed."""
    for name, raw in _changed():
        yield Case(name=name, base="worlds", raw=raw)
    for name, made in chain(_unordered(), _strange(), _unfollowed()):
        yield Case(name=f"judged: {name}", base="worlds", raw=encode_document(sign(made)))
    staked = build_bases()["staked"].statement
    yield _case("forms of two underlyings", _apart(staked), base="staked")


def _changed() -> Iterator[tuple[str, bytes]]:
    for kind, index in (("markets", 0), ("assets", 2)):
        for field in look()["params"][kind][index]:
            view = look()
            view["params"][kind][index][field] = altered(view["params"][kind][index][field])
            yield f"params.{kind}[{index}].{field} changed", encode(view)
        view = look()
        view["params"][kind].pop()
        yield f"params.{kind} cut short", encode(view)
        view = look()
        del view["params"][kind]
        yield f"params.{kind} is missing", encode(view)
    view = look()
    view["params"]["note"] = "hello"
    yield "a field more in params", encode(view)


def _unordered() -> Iterator[tuple[str, Statement]]:
    markets, assets = _PARAMS.markets, _PARAMS.assets
    yield "markets descending", _judge(_number(markets[::-1], assets))
    yield "a market twice", _judge(_number((*markets, markets[-1]), assets))
    yield "assets descending", _judge(_number(markets, assets[::-1]))
    weighed_twice = (*assets, replace(assets[-1], haircut_bps=1))
    yield "an asset twice", _judge(_number(markets, weighed_twice))


def _strange() -> Iterator[tuple[str, Statement]]:
    for text in (f"{_ELSEWHERE}:0x" + "01" * 20, "market", "eip155:1:0x" + "aA" * 20):
        yield f"a market {text[:12]}", _judge(_with_market(market=text))
    owner = "0x" + "01" * 20
    yield "a reserve of another chain", _judge(_with_market(reserve=f"{_ELSEWHERE}:{owner}"))
    for text in (f"{_ELSEWHERE}/erc20:{owner}", "WETH", "eip155:1/erc20:0x" + "aA" * 20):
        yield f"an asset {text[:12]}", _judge(_with_asset(0, asset=text))


def _unfollowed() -> Iterator[tuple[str, Statement]]:
    for field, value in (("formula", "aave_v3@9"), ("protocol", "aave_v2")):
        yield f"a market of another {field}", _judge(_with_market(**{field: value}))
    for index in range(len(_PARAMS.markets)):
        kept = _PARAMS.markets[:index] + _PARAMS.markets[index + 1 :]
        yield f"market {index} left out", _judge(build_params(kept, _PARAMS.assets))
    for index in range(len(_PARAMS.assets)):
        kept_assets = _PARAMS.assets[:index] + _PARAMS.assets[index + 1 :]
        yield f"asset {index} left out", _judge(build_params(_PARAMS.markets, kept_assets))
    for field in ("haircut_bps", "debt_weight_bps"):
        for index, asset in enumerate(_PARAMS.assets):
            value = getattr(asset, field) + 1
            yield f"asset {index} of another {field}", _judge(_with_asset(index, **{field: value}))
    yield "nothing declared", _judge(Params())
    yield "another parameter that counts nowhere", _judge(_with_asset(0, tier="alt"))
    more = replace(_PARAMS.markets[0], market="eip155:1:0x" + "02" * 20)
    yield (
        "a market in which nothing is held",
        _judge(build_params((*_PARAMS.markets, more), _PARAMS.assets)),
    )


def _apart(staked: Statement) -> Statement:
    """Give each asset an underlying of its own, so that staked forms have another's price."""
    assets = [replace(asset, underlying=asset.asset) for asset in staked.params.assets]
    return _judge(build_params(staked.params.markets, assets), staked)


def _case(name: str, made: Statement, *, base: str) -> Case:
    return Case(name=f"judged: {name}", base=base, raw=encode_document(sign(made)))


def _judge(params: Params, made: Statement = WORLDS) -> Statement:
    return with_header(replace(made, params=params), params_hash=params.hash)


def _number(markets: tuple[Any, ...], assets: tuple[Any, ...]) -> Params:
    return Params(
        markets=tuple(replace(market, index=i) for i, market in enumerate(markets)),
        assets=tuple(replace(asset, index=i) for i, asset in enumerate(assets)),
    )


def _with_market(**changes: Any) -> Params:  # noqa: ANN401 -- any member's value
    first, *others = _PARAMS.markets
    return build_params((replace(first, **changes), *others), _PARAMS.assets)


def _with_asset(index: int, **changes: Any) -> Params:  # noqa: ANN401 -- any member's value
    assets = list(_PARAMS.assets)
    assets[index] = replace(assets[index], **changes)
    return build_params(_PARAMS.markets, assets)
