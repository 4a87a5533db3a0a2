"""The published schema: every sound file is of its form, and nothing of a file goes unsigned."""

import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any

import pytest

from proofs.document import decode_document, view_document
from proofs.refusal import Refusal, Refused
from proofs.schema import PATH, build_schema
from proofs.scheme import Scheme
from proofs.strict import encode_view
from proofs.vectors.bases import TIME, build_bases
from proofs.vectors.cases import misform
from proofs.verify import Expected, verify_file
from tests.proofs.conforming import conforms

SCHEMA = json.loads(PATH.read_text())
BASES = build_bases()
FORM = {
    Refusal.UNKNOWN_FIELD,
    Refusal.MISSING_FIELD,
    Refusal.BAD_TYPE,
}
"""Refusals for a form that the schema tells too."""
PROOFS = ("committee", "blsProofs")
"""A BLS key's proof follows from the key, and is checked where BLS signs."""
Path = tuple[str | int, ...]


def test_the_published_schema_is_what_the_structs_make() -> None:
    assert build_schema() == SCHEMA, "run `python -m proofs.schema`"


@pytest.mark.parametrize("name", BASES)
def test_every_sound_file_conforms(name: str) -> None:
    assert conforms(view_document(BASES[name]), SCHEMA)


def _misformed() -> Iterator[tuple[str, Any, Refused]]:
    for case in misform():
        try:
            decode_document(case.raw)
        except Refused as refused:
            if refused.refusal in FORM and _is_json(case.raw):
                yield case.name, json.loads(case.raw), refused


def _is_json(raw: bytes) -> bool:
    try:
        json.loads(raw)
    except ValueError:
        return False
    return True


def test_what_the_reader_refuses_for_its_form_does_not_conform() -> None:
    taken = [refused.detail for _, view, refused in _misformed() if conforms(view, SCHEMA)]
    assert [detail for detail in taken if "does not fit" not in detail] == []
    assert len(list(_misformed())) > 100


@pytest.mark.parametrize("name", ["worlds", "keys of three kinds", "bls12-381"])
def test_a_field_changed_removed_or_added_anywhere_is_refused(name: str) -> None:
    """Nothing stands in a file that the digest, or the signatures' check, does not cover."""
    view = view_document(BASES[name])
    expected = Expected(audience=BASES[name].statement.header.audience)
    proved = BASES[name].scheme is Scheme.BLS12_381
    for path in _walk(view):
        if path[:2] == PROOFS and len(path) > len(PROOFS) and not proved:
            continue
        for changed in _mutations(view, path):
            with pytest.raises(Refused):
                verify_file(encode_view(changed), expected, now=TIME)
    verify_file(encode_view(view), expected, now=TIME)


def _walk(value: Any, path: Path = ()) -> Iterator[Path]:  # noqa: ANN401 -- JSON
    if path:
        yield path
    steps: Sequence[str | int] = ()
    if isinstance(value, dict):
        steps = list(value)
    elif isinstance(value, list):
        steps = range(len(value))
    for step in steps:
        yield from _walk(value[step], (*path, step))


def _mutations(view: dict[str, Any], path: Path) -> Iterator[dict[str, Any]]:
    *way, last = path
    held = _find(view, way)[last]
    gone = deepcopy(view)
    del _find(gone, way)[last]
    yield gone
    if isinstance(held, dict):
        more = deepcopy(view)
        _find(more, path)["more"] = "1"
        yield more
    elif isinstance(held, str):
        other = deepcopy(view)
        _find(other, way)[last] = _alter(held)
        yield other


def _find(value: Any, path: Sequence[str | int]) -> Any:  # noqa: ANN401 -- JSON
    for step in path:
        value = value[step]
    return value


def _alter(text: str) -> str:
    if text.isdigit():
        return str(int(text) + 1)
    if text.lstrip("-").isdigit():
        return text[1:]
    return text[:-1] + ("0" if text[-1] != "0" else "1")
