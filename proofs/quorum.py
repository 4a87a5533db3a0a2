"""Whether members of a committee signed a digest, in any scheme; no keys, no clock.

A key is judged before a signature by it: an ed25519 key must be a point of prime order, a BLS key
comes with a proof of possession, so that nobody can register a key made of others' keys and sign
for them. All of a committee's keys are judged, whichever scheme is used; what is found of them is
kept, since they do not change.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Final, assert_never

from chains.model.ids import Address
from proofs import ed25519
from proofs.bls import BadPoint, BlsBackend
from proofs.bls.arkworks import Arkworks
from proofs.committee import Committee
from proofs.recover import BadSignatureError, HighSError, recover_address
from proofs.refusal import Refusal, Refused
from proofs.scheme import Scheme, Signatures

_BLS: Final[BlsBackend] = Arkworks()


def check_quorum(
    committee: Committee, scheme: Scheme, digest: bytes, signatures: Signatures
) -> tuple[Address, ...]:
    """Give the signers if they are enough and each signed; Refused with the first reason."""
    _check_indices(committee, signatures)
    found, needed = len(signatures), committee.threshold
    if found < needed:
        raise Refused(Refusal.QUORUM, f"{found} of the {needed} signatures needed")
    return _check_each(committee, scheme, digest, signatures)


def check_signers(
    committee: Committee, scheme: Scheme, digest: bytes, signatures: Signatures
) -> tuple[Address, ...]:
    """Give the signers, at least one but maybe no quorum, if each signed; Refused otherwise."""
    _check_indices(committee, signatures)
    if not signatures:
        raise Refused(Refusal.QUORUM, "nobody signed")
    return _check_each(committee, scheme, digest, signatures)


def join_signatures(scheme: Scheme, by_member: Mapping[int, bytes]) -> Signatures:
    """Put the members' own signatures together as a file holds them: in order, or added up.

    Each must have been checked by itself; Refused when one cannot be added.
    """
    indices = sorted(by_member)
    if not scheme.aggregates:
        return tuple((index, by_member[index]) for index in indices)
    try:
        joined = _BLS.aggregate([by_member[index] for index in indices])
    except BadPoint as error:
        raise Refused(Refusal.SIGNATURE, str(error)) from error
    return tuple((index, joined) for index in indices)


def check_keys(committee: Committee) -> None:
    """Check every key of a committee, in whichever scheme it signs; MEMBER_KEY names a bad one.

    Proofs of possession are not hashed: unchecked, they could be changed in a good file.
    """
    for scheme in committee.schemes:
        _check_scheme_keys(committee, scheme)


def _check_indices(committee: Committee, signatures: Signatures) -> None:
    indices = [index for index, _ in signatures]
    if not all(low < high for low, high in pairwise(indices)):
        raise Refused(Refusal.SIGNER_ORDER, "the signers do not ascend, each once")
    size = len(committee.members)
    if not all(0 <= index < size for index in indices):
        raise Refused(Refusal.SIGNER_UNKNOWN, f"a signer is not among the {size} members")


def _check_each(
    committee: Committee, scheme: Scheme, digest: bytes, signatures: Signatures
) -> tuple[Address, ...]:
    if scheme not in committee.schemes:
        raise Refused(Refusal.SCHEME, f"the members have no {scheme.label} keys")
    check_keys(committee)
    match scheme:
        case Scheme.SECP256K1:
            for index, signature in signatures:
                _check_secp256k1(digest, signature, committee.members[index], index)
        case Scheme.ED25519:
            for index, signature in signatures:
                if not ed25519.verify_signature(committee.ed25519_keys[index], digest, signature):
                    raise _wrong(index, f"is not by {committee.members[index]}'s ed25519 key")
        case Scheme.BLS12_381:
            _check_sum(committee, digest, signatures)
        case _:
            assert_never(scheme)
    return tuple(committee.members[index] for index, _ in signatures)


def _check_secp256k1(digest: bytes, signature: bytes, member: Address, index: int) -> None:
    path = f"the signature of member {index}"
    try:
        signer = recover_address(digest, signature)
    except HighSError as error:
        raise Refused(Refusal.HIGH_S, f"{path}: {error}") from error
    except BadSignatureError as error:
        raise Refused(Refusal.SIGNATURE, f"{path}: {error}") from error
    if signer != member:
        raise _wrong(index, f"is not by {member}")


def _check_sum(committee: Committee, digest: bytes, signatures: Signatures) -> None:
    sums = {signature for _, signature in signatures}
    keys = [committee.bls_keys[index] for index, _ in signatures]
    if len(sums) != 1 or not _BLS.verify_aggregate(keys, digest, sums.pop()):
        members = ", ".join(str(index) for index, _ in signatures)
        raise Refused(Refusal.SIGNATURE, f"the sum is not of signatures of members {members}")


def _wrong(index: int, what: str) -> Refused:
    return Refused(Refusal.SIGNATURE, f"the signature of member {index} {what}")


def _check_scheme_keys(committee: Committee, scheme: Scheme) -> None:
    bad: int | None = None
    if scheme is Scheme.ED25519:
        bad = _find_weak(committee.ed25519_keys)
    elif scheme is Scheme.BLS12_381:
        bad = _find_unproved(committee.bls_keys, committee.bls_proofs)
    if bad is not None:
        raise Refused(Refusal.MEMBER_KEY, f"the {scheme.label} key of member {bad} is refused")


@lru_cache(maxsize=64)
def _find_weak(keys: tuple[bytes, ...]) -> int | None:
    return _find(len(keys), lambda i: ed25519.is_key(keys[i]))


@lru_cache(maxsize=64)
def _find_unproved(keys: tuple[bytes, ...], proofs: tuple[bytes, ...]) -> int | None:
    return _find(len(keys), lambda i: _BLS.verify_possession(keys[i], proofs[i]))


def _find(count: int, is_good: Callable[[int], bool]) -> int | None:
    return next((i for i in range(count) if not is_good(i)), None)
