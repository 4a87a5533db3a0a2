"""Bytes that are no good key or signature although they look like one."""

from functools import lru_cache

from py_ecc.bls.g2_primitives import (
    G1_to_pubkey,
    G2_to_signature,
    pubkey_to_G1,
    signature_to_G2,
    subgroup_check,
)
from py_ecc.optimized_bls12_381.optimized_curve import add, field_modulus, neg

from proofs.signing.bls import BlsSigner

SIGNER = BlsSigner(b"\x07" * 32)
OTHER = BlsSigner(b"\x08" * 32)
MESSAGE = b"\x55" * 32
KEY_INFINITY = b"\xc0" + bytes(47)
SIGNATURE_INFINITY = b"\xc0" + bytes(95)


@lru_cache
def stray_key() -> bytes:
    """Give a point of the curve outside the subgroup."""
    for x in range(1, 100):
        raw = (x + 2**383).to_bytes(48, "big")
        try:
            point = pubkey_to_G1(raw)  # type: ignore[arg-type] # a NewType of bytes
        except ValueError:
            continue
        if not subgroup_check(point):
            return raw
    raise AssertionError


@lru_cache
def stray_signature() -> bytes:
    """Give a point of the twist outside the subgroup."""
    for x in range(1, 100):
        raw = b"\x80" + bytes(47) + x.to_bytes(48, "big")
        try:
            point = signature_to_G2(raw)  # type: ignore[arg-type] # a NewType of bytes
        except ValueError:
            continue
        if not subgroup_check(point):
            return raw
    raise AssertionError


def negate_key(key: bytes) -> bytes:
    return bytes(G1_to_pubkey(neg(pubkey_to_G1(key))))  # type: ignore[arg-type] # a NewType of bytes


def subtract_key(one: bytes, other: bytes) -> bytes:
    left, right = (pubkey_to_G1(key) for key in (one, other))  # type: ignore[arg-type] # a NewType of bytes
    return bytes(G1_to_pubkey(add(left, neg(right))))


def negate_signature(signature: bytes) -> bytes:
    return bytes(G2_to_signature(neg(signature_to_G2(signature))))  # type: ignore[arg-type] # a NewType of bytes


def bad_keys() -> dict[str, bytes]:
    good = SIGNER.public
    beyond = (int.from_bytes(good, "big") % 2**381 + field_modulus).to_bytes(48, "big")
    return {
        "infinity": KEY_INFINITY,
        "infinity with a sign": b"\xe0" + bytes(47),
        "infinity with content": b"\xc0" + bytes(46) + b"\x01",
        "outside the subgroup": stray_key(),
        "not marked as compressed": bytes([good[0] & 0x7F]) + good[1:],
        "marked as infinity": bytes([good[0] | 0x40]) + good[1:],
        "x above the modulus": bytes([beyond[0] | (good[0] & 0xE0)]) + beyond[1:],
        "off the curve": b"\x80" + bytes(46) + b"\x01",
        "too short": good[:-1],
        "too long": good + b"\x00",
        "empty": b"",
        "zeros": bytes(48),
    }


def bad_signatures() -> dict[str, bytes]:
    good = SIGNER.sign(MESSAGE)
    return {
        "infinity": SIGNATURE_INFINITY,
        "infinity with a sign": b"\xe0" + bytes(95),
        "infinity with content": b"\xc0" + bytes(94) + b"\x01",
        "outside the subgroup": stray_signature(),
        "not marked as compressed": bytes([good[0] & 0x7F]) + good[1:],
        "marked as infinity": bytes([good[0] | 0x40]) + good[1:],
        "flags in the second half": good[:48] + bytes([good[48] | 0x80]) + good[49:],
        "the other sign": negate_signature(good),
        "a key twice": SIGNER.public + SIGNER.public,
        "too short": good[:-1],
        "too long": good + b"\x00",
        "empty": b"",
        "zeros": bytes(96),
    }
