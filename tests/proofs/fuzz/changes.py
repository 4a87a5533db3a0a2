"""Sound inputs changed: bytes dropped, put in and copied, and JSON whose values change places.

What is done is told by a short script of bytes, so that one draw makes a case.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from hypothesis import strategies as st

from proofs.strict import encode_view
from tests.proofs.fuzz.targets import Target

SIZES: Final = (0, 1, 1, 2, 32, 400)
TEXTS: Final = ("", "0", "-1", "1", "0x", "0x" + "00" * 32, "bls12-381", str(2**64), str(2**256))
_HEAD: Final = 2
_STEP: Final = 14
_STEPS: Final = 3
_PLACE: Final = 4
_NUMBER: Final = 3
_SELDOM: Final = 8
_MOST: Final = _HEAD + _STEP * _STEPS

Spot = tuple[Any, Any]
"""A list or an object of a view, and where in it."""


def inputs_for(target: Target) -> st.SearchStrategy[bytes]:
    """Give sound inputs changed once or a few times, and bytes that were never any."""
    scripts = st.binary(min_size=_HEAD + _STEP, max_size=_MOST)
    return scripts.map(lambda script: change(target, script)) | st.binary(max_size=200)


def change(target: Target, script: bytes) -> bytes:
    """Change a sound input as the script says: which, in which way, then step by step."""
    raw = target.seeds[script[0] % len(target.seeds)]
    steps = [
        script[at : at + _STEP].ljust(_STEP, b"\x00") for at in range(_HEAD, len(script), _STEP)
    ]
    if target.is_json and script[1] & 1:
        return _WRITERS[(script[1] >> 1) % len(_WRITERS)](_change_view(raw, steps))
    for step in steps:
        raw = _change_bytes(raw, step)
    return raw


def _change_bytes(raw: bytes, step: bytes) -> bytes:
    """Drop bytes at a place, put some in, and copy some from elsewhere."""
    place, source, (drop, copied, put) = _read(step)
    at, start = place % (len(raw) + 1), source % (len(raw) + 1)
    end = start + SIZES[copied % len(SIZES)]
    filling = step[-_NUMBER:][: put % (_NUMBER + 1)]
    return raw[:at] + filling + raw[start:end] + raw[at + SIZES[drop % len(SIZES)] :]


def _change_view(raw: bytes, steps: list[bytes]) -> Any:  # noqa: ANN401 -- any JSON
    """Delete, double, swap, copy or overwrite values, often those of one name."""
    view = json.loads(raw)
    for step in steps:
        place, source, (how, text, alike) = _read(step)
        spots = list(_list_spots(view))
        if not spots:
            continue
        one = _descend(view, place)
        others = [spot for spot in spots if spot[1] == one[1]] if alike & 1 else spots
        _move(one, others[source % len(others)], how % _WAYS, TEXTS[text % len(TEXTS)])
    return view


def _spread(view: object) -> bytes:
    return json.dumps(view, sort_keys=True).encode()


def _turn(view: object) -> bytes:
    turned = dict(reversed(view.items())) if isinstance(view, dict) else view
    return json.dumps(turned, separators=(",", ":")).encode()


_WRITERS: Final[Sequence[Callable[[Any], bytes]]] = (*[encode_view] * 6, _spread, _turn)
"""Mostly the one way that is taken, else with white space or in another order."""
_WAYS: Final = 7


def _move(one: Spot, other: Spot, how: int, text: str) -> None:
    (inside, key), (beside, source) = one, other
    match how:
        case 0:
            del inside[key]
        case 1 if isinstance(inside, list):
            inside.insert(key, inside[key])
        case 1:
            inside[text] = inside[key]
        case 2:
            inside[key], beside[source] = _copy(beside[source]), _copy(inside[key])
        case 3:
            inside[key] = _copy(beside[source])
        case 4:
            inside[key] = text
        case 5 if isinstance(inside[key], str):
            inside[key] = inside[key].upper()
        case _:
            """Nothing: the writing alone is another."""


def _copy(value: Any) -> Any:  # noqa: ANN401 -- any JSON
    return json.loads(json.dumps(value))


def _list_spots(view: Any) -> Iterator[Spot]:  # noqa: ANN401 -- any JSON
    """Give every place in a view."""
    if isinstance(view, dict | list):
        for key in list(view) if isinstance(view, dict) else range(len(view)):
            yield view, key
            yield from _list_spots(view[key])


def _descend(view: Any, number: int) -> Spot:  # noqa: ANN401 -- any JSON
    """Give a place: of each list and object every part is as likely, and seldom the whole."""
    inside = view
    while True:
        keys = list(inside) if isinstance(inside, dict) else range(len(inside))
        number, choice = divmod(number, len(keys))
        key = keys[choice]
        number, stays = divmod(number, _SELDOM)
        if not stays or not isinstance(inside[key], dict | list) or not inside[key]:
            return inside, key
        inside = inside[key]


def _read(step: bytes) -> tuple[int, int, bytes]:
    """Give a step's two places and three choices."""
    place, source = int.from_bytes(step[:_PLACE]), int.from_bytes(step[_PLACE : 2 * _PLACE])
    return place, source, step[2 * _PLACE :][:_NUMBER]
