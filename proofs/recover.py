"""Who signed a digest: strict secp256k1 recovery, without keys."""

from typing import Final

from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from chains.model.ids import Address

ORDER: Final = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
SIGNATURE_BYTES: Final = 65
_V_OFFSET: Final = 27


class BadSignatureError(ValueError):
    """The bytes are no signature: wrong length, r or s out of range, v, or no such point."""


class HighSError(BadSignatureError):
    """The upper one of the two valid s was used; only the lower is taken."""


def recover_address(digest: bytes, signature: bytes) -> Address:
    """Give the signer's address of r‖s‖v (65 bytes, low s, v 27 or 28)."""
    if len(signature) != SIGNATURE_BYTES:
        raise BadSignatureError(f"{len(signature)} bytes, not {SIGNATURE_BYTES}")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    if not (0 < r < ORDER and 0 < s < ORDER):
        raise BadSignatureError("r or s is out of range")
    if s > ORDER // 2:
        raise HighSError("s is above half the order")
    if (parity := signature[64] - _V_OFFSET) not in (0, 1):
        raise BadSignatureError(f"v is {signature[64]}, not 27 or 28")
    try:
        key = Signature(vrs=(parity, r, s)).recover_public_key_from_msg_hash(digest)
    except (BadSignature, ValidationError) as error:
        raise BadSignatureError("no key made this signature") from error
    return Address(key.to_address())
