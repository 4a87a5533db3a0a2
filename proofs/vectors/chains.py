"""Chains of committees for the verdict vectors, sound and broken, and files held against them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from proofs.committee import Committee
from proofs.document import encode_document
from proofs.scheme import Scheme
from proofs.succession import CommitteeChain, Succession, encode_chain, view_chain
from proofs.typed import hash_text
from proofs.vectors.bases import (
    DEPLOYMENT,
    SMALL,
    TIME,
    WORLDS,
    build_bases,
    form,
    form_keyed,
    join,
)
from proofs.vectors.cases import Case, View, encode
from proofs.verify import Expected

_SALT: Final = hash_text(DEPLOYMENT)
_FIRST: Final = form(SMALL, 3)
_SECOND: Final = replace(
    form_keyed(SMALL, 3), epoch=1, valid_from=TIME - 30, valid_until=TIME + 600, prev=_FIRST.id
)
_THIRD: Final = replace(form(5, 4), epoch=2, valid_from=TIME + 30, prev=_SECOND.id)


def hand_over(
    before: Committee,
    committee: Committee,
    indices: Sequence[int] = (0, 1, 2),
    scheme: Scheme = Scheme.SECP256K1,
) -> Succession:
    """Sign a committee's record with members of the one before it."""
    signatures = join(scheme, len(before.members), committee.digest(_SALT), indices)
    return Succession(committee=committee, signatures=signatures, scheme=scheme)


@lru_cache
def build_chains() -> dict[str, bytes]:
    """Give each chain's file by its name."""
    sound = _sound()
    raw = encode_chain(sound["two"])
    files = {name: encode_chain(chain) for name, chain in (sound | _broken()).items()}
    return files | dict(_misformed(raw, view_chain(sound["two"])))


def _sound() -> dict[str, CommitteeChain]:
    second = hand_over(_FIRST, _SECOND)
    third = hand_over(_SECOND, _THIRD, (0, 1, 3), Scheme.BLS12_381)
    early = replace(_SECOND, valid_from=TIME + 1)
    return {
        "one": _chain(),
        "two": _chain(second),
        "three": _chain(second, third),
        "three, from the second": replace(_chain(third), root=_SECOND),
        "two, signed in ed25519": replace(
            _chain(hand_over(_SECOND, _THIRD, scheme=Scheme.ED25519)), root=_SECOND
        ),
        "two, the second still to come": _chain(hand_over(_FIRST, early)),
    }


def _chain(*successors: Succession) -> CommitteeChain:
    return CommitteeChain(deployment=DEPLOYMENT, root=_FIRST, successors=successors)


def _broken() -> dict[str, CommitteeChain]:
    second = hand_over(_FIRST, _SECOND)
    twin = replace(_SECOND, valid_from=TIME - 20)
    weak = replace(_SECOND, bls_proofs=_SECOND.bls_proofs[::-1])
    never = replace(_SECOND, valid_from=0)
    changed = replace(second, committee=twin)
    foreign = replace(_FIRST, prev=hash_text("elsewhere"))
    kept = replace(_SECOND, valid_until=TIME - 10)
    return {
        "too few for it": _chain(hand_over(_FIRST, _SECOND, (0, 1))),
        "signed by the new one": _chain(hand_over(form(5, 4), _SECOND, (0, 1, 2))),
        "another than was signed": _chain(changed),
        "an epoch left out": _chain(hand_over(_FIRST, replace(_SECOND, epoch=2))),
        "an epoch twice": _chain(hand_over(_FIRST, replace(_SECOND, epoch=0))),
        "of another predecessor": _chain(hand_over(_FIRST, replace(_SECOND, prev=bytes(32)))),
        "two successors": _chain(second, hand_over(_FIRST, twin)),
        "the second twice": _chain(second, second),
        "one that starts with the first": _chain(hand_over(_FIRST, never)),
        "one that starts after the end": _chain(
            hand_over(_FIRST, kept), hand_over(kept, replace(_THIRD, prev=kept.id))
        ),
        "a member who holds no key": _chain(hand_over(_FIRST, weak)),
        "a scheme that the first has not": _chain(
            hand_over(_FIRST, _SECOND, scheme=Scheme.ED25519)
        ),
        "a root of another deployment": replace(_chain(second), root=foreign),
        "of another deployment": CommitteeChain(
            deployment="elsewhere", root=replace(_FIRST, prev=hash_text("elsewhere"))
        ),
        "a root that holds no key": replace(_chain(), root=weak),
    }


def _misformed(raw: bytes, view: View) -> Iterator[tuple[str, bytes]]:
    successor = view["successors"][0]
    yield "with a newline", raw + b"\n"
    yield "with a space", raw + b" "
    yield "cut short", raw[:-1]
    yield "nested too deep", b"[" * 7 + b"]" * 7
    yield "no object", b"[]"
    yield "a field twice", raw.replace(b'{"deployment"', b'{"root":1,"deployment"', 1)
    changes: dict[str, dict[str, Any]] = {
        "of another format": {"format": "plimsoll/committee-chain/2"},
        "a field more": {"note": "x"},
        "successors that are no list": {"successors": {}},
        "a root that is no object": {"root": "x"},
        "a successor that is no object": {"successors": ["x"]},
        "a successor with a field more": {"successors": [successor | {"note": "x"}]},
        "a scheme written out": {"successors": [successor | {"scheme": "secp256k1"}]},
        "a scheme unknown": {"successors": [successor | {"scheme": "x"}]},
        "empty keys": {"root": view["root"] | {"blsKeys": [], "blsProofs": []}},
        "a threshold too low": {"root": view["root"] | {"threshold": "2"}},
        "a deployment that is no text": {"deployment": 1},
    }
    for name, change in changes.items():
        yield name, encode(view | change)
    for field in view:
        yield f"{field} left out", encode({k: v for k, v in view.items() if k != field})


def follow() -> Iterator[Case]:
    """Give files held against chains of committees."""
    raw = encode_document(build_bases()["worlds"])
    for name in build_chains():
        yield Case(name=f"against a chain: {name}", base="worlds", raw=raw, chain=name)
    later = build_bases()["handed over"]
    made = encode_document(later)
    for name in ("one", "two", "three", "three, from the second"):
        yield Case(name=f"by the second, chain: {name}", base="handed over", raw=made, chain=name)
    for name, pin in (("first", _FIRST), ("second", _SECOND), ("third", _THIRD)):
        expected = Expected(committee_id=pin.id)
        for base, file in (("worlds", raw), ("handed over", made)):
            yield Case(
                name=f"{base}, pinning the {name}",
                base=base,
                raw=file,
                chain="three",
                expected=expected,
            )
    members = Expected(members=frozenset(WORLDS.committee.members))
    yield Case(name="members and a chain", base="worlds", raw=raw, chain="one", expected=members)
