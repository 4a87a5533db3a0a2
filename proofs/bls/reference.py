"""The reference back end: py_ecc, slow and plain. Verifiers do not use it, tests compare with it.

It stands here and not with the tests for whoever wants to check a file with both.
"""

from collections.abc import Sequence
from typing import Final

from eth_typing import BLSPubkey, BLSSignature
from eth_utils.exceptions import ValidationError
from py_ecc.bls.ciphersuites import G2ProofOfPossession
from py_ecc.bls.g2_primitives import signature_to_G2, subgroup_check
from py_ecc.optimized_bls12_381.optimized_curve import is_inf

from proofs.bls import BadPoint
from proofs.scheme import BLS_KEY_BYTES, BLS_PROOF_BYTES

_INFINITY: Final = b"\xc0" + bytes(BLS_PROOF_BYTES - 1)


class PyEcc:
    """`BlsBackend` on py_ecc."""

    def verify_possession(self, key: bytes, proof: bytes) -> bool:
        """Say whether the key is a good one and its holder made the proof."""
        if len(key) != BLS_KEY_BYTES or not _is_signature(proof):
            return False
        return bool(G2ProofOfPossession.PopVerify(BLSPubkey(key), BLSSignature(proof)))

    def verify_aggregate(self, keys: Sequence[bytes], message: bytes, signature: bytes) -> bool:
        """Say whether all the keys' holders signed the message; never without any key."""
        named = [BLSPubkey(key) for key in keys]
        if not _is_signature(signature) or not all(map(_is_key, named)):
            return False
        return bool(
            G2ProofOfPossession.FastAggregateVerify(named, message, BLSSignature(signature))
        )

    def aggregate(self, signatures: Sequence[bytes]) -> bytes:
        """Add signatures up; BadPoint when there is none or one is no good point."""
        if not signatures or not all(map(_is_signature, signatures)):
            raise BadPoint("there is no signature to add up, or one is no good point")
        joined = bytes(G2ProofOfPossession.Aggregate([BLSSignature(one) for one in signatures]))
        if joined == _INFINITY:
            raise BadPoint("the signatures cancel each other out")
        return joined


def _is_key(key: BLSPubkey) -> bool:
    return len(key) == BLS_KEY_BYTES and G2ProofOfPossession.KeyValidate(key)


def _is_signature(raw: bytes) -> bool:
    if len(raw) != BLS_PROOF_BYTES:
        return False
    try:
        point = signature_to_G2(BLSSignature(raw))
    except (ValueError, ValidationError):
        return False
    return not is_inf(point) and subgroup_check(point)
