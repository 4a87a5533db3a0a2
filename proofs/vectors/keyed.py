"""What the verdict vectors ask: quorums in ed25519 and BLS12-381, sound and attacked."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import reduce
from hashlib import sha512
from itertools import chain
from operator import add
from typing import Any, Final

from nacl.bindings import crypto_core_ed25519_add, crypto_scalarmult_ed25519_base_noclamp
from py_arkworks_bls12381 import G1Point

from proofs.committee import Committee
from proofs.document import Document, encode_document
from proofs.quorum import join_signatures
from proofs.scheme import Scheme
from proofs.statement import Statement
from proofs.vectors.bases import (
    bls_signers,
    build_bases,
    ed25519_signers,
    restate,
    sign,
    signers,
)
from proofs.vectors.cases import Case, View, encode, look
from proofs.verify import Expected

_EDWARDS: Final = "ed25519"
_BLS: Final = "bls12-381"
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
"""Of the group of ed25519."""
_OF_ORDER_8: Final = bytes.fromhex(
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"
)
_ONE: Final = b"\x01" + bytes(31)
_ONE_OTHERWISE: Final = (2**255 - 18).to_bytes(32, "little")
_NO_POINT: Final = b"\x02" + bytes(31)
_INFINITY_G1: Final = b"\xc0" + bytes(47)
_INFINITY_G2: Final = b"\xc0" + bytes(95)
_OUTSIDE_G1: Final = b"\x80" + bytes(46) + b"\x04"
_OUTSIDE_G2: Final = b"\x80" + bytes(94) + b"\x02"
"""Points of the curves that are not in the groups of prime order."""


def sign_otherwise() -> Iterator[Case]:
    """Give files signed in another scheme than secp256k1, or pretending to be."""
    yield from _pinned()
    for base, raw in chain(_named(), _listed()):
        name, _, of = base.partition(" @ ")
        yield Case(name=name, base=of, raw=raw)
    for name, raw in _edwards_signatures():
        yield Case(name=f"an ed25519 signature {name}", base=_EDWARDS, raw=raw)
    for name, raw in chain(_sums(), _signers_of_sums()):
        yield Case(name=f"a sum {name}", base=_BLS, raw=raw)
    for name, base, raw in chain(_edwards_keys(), _bls_keys()):
        yield Case(name=f"a committee with {name}", base=base, raw=raw)


def _pinned() -> Iterator[Case]:
    for base in (_EDWARDS, _BLS):
        document = build_bases()[base]
        committee, raw = document.statement.committee, encode_document(document)
        members = frozenset(committee.members)
        only, both = Expected(members=members), Expected(members=members, committee_id=committee.id)
        yield Case(name=f"{base}, expecting the members only", base=base, raw=raw, expected=only)
        yield Case(name=f"{base}, expecting all of them", base=base, raw=raw, expected=both)
        for indices in ((0, 1, 3), (1, 2, 3), (0, 1, 2, 3), (0, 2)):
            raw = encode_document(sign(document.statement, indices, document.scheme))
            yield Case(name=f"{base} by members {indices}", base=base, raw=raw)


def _named() -> Iterator[tuple[str, bytes]]:
    for base in ("worlds", _EDWARDS, _BLS):
        for scheme in ("secp256k1", "ed25519", "bls12-381", "ED25519", "bls", "", 2, None):
            if scheme != look(base).get("scheme"):
                yield f"{base} called {scheme!r} @ {base}", encode(look(base) | {"scheme": scheme})
    for base in (_EDWARDS, _BLS):
        view = look(base)
        del view["scheme"]
        yield f"{base} without its scheme @ {base}", encode(view)
    plain = build_bases()["worlds"].statement
    edwards = tuple((i, ed25519_signers(4)[i].sign(plain.digest)) for i in range(3))
    document = Document(statement=plain, signatures=edwards, scheme=Scheme.ED25519)
    yield "ed25519 keys that nobody registered @ worlds", encode_document(document)
    joined = join_signatures(Scheme.BLS12_381, {i: s.sign(plain.digest) for i, s in _bls(3)})
    document = Document(statement=plain, signatures=joined, scheme=Scheme.BLS12_381)
    yield "BLS keys that nobody registered @ worlds", encode_document(document)


def _bls(count: int) -> Iterator[tuple[int, Any]]:
    yield from enumerate(bls_signers(4)[:count])


def _listed() -> Iterator[tuple[str, bytes]]:
    """Give committees' lists of keys that are not as long or as wide as they must be."""
    for field in ("ed25519Keys", "blsKeys", "blsProofs"):
        keys = look(_BLS)["committee"][field]
        lists: dict[str, object] = {
            "empty": [],
            "one too few": keys[:3],
            "one too many": [*keys, keys[0][:-1] + "0"],
            "one twice": [keys[0], *keys[:3]],
            "cut short": [keys[0][:-2], *keys[1:]],
            "a text": "0x",
            "in another order": keys[::-1],
        }
        for name, changed in lists.items():
            view = look(_BLS)
            view["committee"][field] = changed
            yield f"{field} {name} @ {_BLS}", encode(view)
        view = look(_BLS)
        del view["committee"][field]
        yield f"{field} left out @ {_BLS}", encode(view)
        view = look()
        view["committee"][field] = []
        yield f"{field} empty where there are none @ worlds", encode(view)


def _edwards_signatures() -> Iterator[tuple[str, bytes]]:
    document = build_bases()[_EDWARDS]
    digest = document.statement.digest
    good = document.signatures[0][1]
    point, scalar = good[:32], int.from_bytes(good[32:], "little")
    for name, made in (
        ("with S above the order", point + (scalar + _ORDER).to_bytes(32, "little")),
        ("with another S", point + ((scalar + 1) % _ORDER).to_bytes(32, "little")),
        ("with S nothing", point + bytes(32)),
        ("with another R", good[:31] + bytes([good[31] ^ 0x80]) + good[32:]),
        ("with R nothing", _ONE + good[32:]),
        ("with R nothing, written otherwise", _ONE_OTHERWISE + good[32:]),
        ("with R of order 8", _OF_ORDER_8 + good[32:]),
        ("with R on no point", _NO_POINT + good[32:]),
        ("of zeros", bytes(64)),
        ("that only the cofactor lets pass", _craft(digest, 7, _OF_ORDER_8)),
        ("without a nonce, which the equation lets pass", _craft(digest, 0, _ONE)),
        ("with a nonce of 7", _craft(digest, 7, _ONE)),
        ("of another digest", ed25519_signers(4)[0].sign(bytes(32))),
        ("of another member", document.signatures[1][1]),
    ):
        signatures = ((0, made), *document.signatures[1:])
        yield name, encode_document(replace(document, signatures=signatures))


def _craft(digest: bytes, nonce: int, torsion: bytes) -> bytes:
    """Sign as member 0 with a nonce's point that a point of small order is added to."""
    signer = ed25519_signers(4)[0]
    expanded = sha512(bytes(signer._key)).digest()  # noqa: SLF001 -- the key is public
    secret = int.from_bytes(expanded[:32], "little") & (2**254 - 8) | 2**254
    point = torsion
    if nonce:
        based = crypto_scalarmult_ed25519_base_noclamp(nonce.to_bytes(32, "little"))
        point = crypto_core_ed25519_add(based, torsion)
    challenge = int.from_bytes(sha512(point + signer.public + digest).digest(), "little")
    return bytes(point + ((nonce + challenge * secret) % _ORDER).to_bytes(32, "little"))


def _edwards_keys() -> Iterator[tuple[str, str, bytes]]:
    statement = build_bases()[_EDWARDS].statement
    keys = statement.committee.ed25519_keys
    for name, key in (
        ("the ed25519 key of order 1", _ONE),
        ("the ed25519 key of order 1, written otherwise", _ONE_OTHERWISE),
        ("an ed25519 key of order 8", _OF_ORDER_8),
        ("an ed25519 key outside the group", crypto_core_ed25519_add(keys[3], _OF_ORDER_8)),
        ("an ed25519 key on no point", _NO_POINT),
    ):
        made = _with_committee(statement, ed25519_keys=(*keys[:3], bytes(key)))
        yield name, _EDWARDS, encode_document(sign(made, scheme=Scheme.ED25519))


def _sums() -> Iterator[tuple[str, bytes]]:
    document = build_bases()[_BLS]
    digest, good = document.statement.digest, document.signatures[0][1]
    wrong = {
        "of one signer fewer": _join(digest, (0, 1)),
        "of one signer more": _join(digest, (0, 1, 2, 3)),
        "of other signers": _join(digest, (0, 1, 3)),
        "over another digest": _join(bytes(32), (0, 1, 2)),
        "the other way round": bytes([good[0] ^ 0x20]) + good[1:],
        "called uncompressed": bytes([good[0] & 0x7F]) + good[1:],
        "of nothing": _INFINITY_G2,
        "of nothing, with a sign": b"\xe0" + bytes(95),
        "of zeros": bytes(96),
        "outside the group": _OUTSIDE_G2,
        "beyond the field": b"\x9f" + b"\xff" * 95,
        "that is a proof of possession": document.statement.committee.bls_proofs[0],
    }
    for name, joined in wrong.items():
        signatures = tuple((index, joined) for index, _ in document.signatures)
        yield name, encode_document(replace(document, signatures=signatures))


def _join(digest: bytes, indices: Sequence[int]) -> bytes:
    made = {i: bls_signers(4)[i].sign(digest) for i in indices}
    return join_signatures(Scheme.BLS12_381, made)[0][1]


def _signers_of_sums() -> Iterator[tuple[str, bytes]]:
    view = look(_BLS)
    one = view["signatures"][0]
    lists: dict[str, list[View]] = {
        "that is not there": [],
        "twice": [one, one],
        "in two parts": [one | {"members": ["0", "1"]}, one | {"members": ["2"]}],
        "of nobody": [one | {"members": []}],
        "of too few": [one | {"members": ["0", "1"]}],
        "of one twice": [one | {"members": ["0", "1", "1"]}],
        "of members descending": [one | {"members": ["2", "1", "0"]}],
        "of one who is no member": [one | {"members": ["0", "1", "4"]}],
        "of one beyond all": [one | {"members": ["0", "1", "32"]}],
        "of a number": [one | {"members": [0, 1, 2]}],
        "of a text": [one | {"members": "012"}],
        "with a member": [{"member": "0", "signature": one["signature"]}],
        "with something more": [one | {"note": "x"}],
    }
    for name, signatures in lists.items():
        yield name, encode(view | {"signatures": signatures})


def _bls_keys() -> Iterator[tuple[str, str, bytes]]:
    statement = build_bases()[_BLS].statement
    committee = statement.committee
    keys, proofs = committee.bls_keys, committee.bls_proofs
    signature = bls_signers(4)[3].sign(bytes(32))
    for name, key, proof in (
        ("a proof that is a signature", keys[3], signature),
        ("the BLS key of nobody", _INFINITY_G1, _INFINITY_G2),
        ("a BLS key outside the group", _OUTSIDE_G1, proofs[3]),
        ("a BLS key of zeros", bytes(48), proofs[3]),
        ("a BLS key the other way round", bytes([keys[3][0] ^ 0x20]) + keys[3][1:], proofs[3]),
        ("a proof of nothing", keys[3], _INFINITY_G2),
        ("a proof outside the group", keys[3], _OUTSIDE_G2),
    ):
        made = _with_committee(
            statement, bls_keys=(*keys[:3], key), bls_proofs=(*proofs[:3], proof)
        )
        yield name, _BLS, encode_document(sign(made, scheme=Scheme.BLS12_381))
    swapped = _with_committee(statement, bls_proofs=(proofs[1], proofs[0], *proofs[2:]))
    yield "proofs swapped", _BLS, encode_document(sign(swapped, scheme=Scheme.BLS12_381))
    yield "a rogue BLS key", _BLS, encode_document(_steal(statement))
    unused = encode_document(sign(swapped, scheme=Scheme.ED25519))
    yield "proofs swapped, signing in ed25519", _EDWARDS, unused


def _steal(statement: Statement) -> Document:
    """Register a key that cancels the others out, and sign for all of them alone."""
    committee, thief = statement.committee, bls_signers(4)[3]
    others = reduce(add, [G1Point.from_compressed_bytes(key) for key in committee.bls_keys[:3]])
    rogue = G1Point.from_compressed_bytes(thief.public) - others
    keys = (*committee.bls_keys[:3], bytes(rogue.to_compressed_bytes()))
    made = _with_committee(statement, bls_keys=keys)
    alone = thief.sign(made.digest)
    signatures = tuple((index, alone) for index in range(len(signers(4))))
    return Document(statement=made, signatures=signatures, scheme=Scheme.BLS12_381)


def _with_committee(statement: Statement, **changes: Any) -> Statement:  # noqa: ANN401 -- any keys
    committee: Committee = replace(statement.committee, **changes)
    return restate(replace(statement, committee=committee))
