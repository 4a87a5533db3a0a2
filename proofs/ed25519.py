"""Who signed a digest with ed25519: strictly as RFC 8032 writes it, without keys.

libsodium refuses what lets one signature have two forms or one key two encodings: an S above the
order, a key or an R of small order, a key that is not written canonically; it compares R byte by
byte, without the cofactor. A member's key must also lie in the subgroup of prime order: then those
who multiply by the cofactor (ZIP 215) find no other answer, as long as they ask the same of R.
Source: https://doc.libsodium.org/advanced/point-arithmetic (is_valid_point)
"""

from nacl.bindings import crypto_core_ed25519_is_valid_point
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from proofs.scheme import ED25519_KEY_BYTES, Scheme


def is_key(key: bytes) -> bool:
    """Say whether the bytes are a canonical point of prime order."""
    return len(key) == ED25519_KEY_BYTES and crypto_core_ed25519_is_valid_point(key)


def verify_signature(key: bytes, digest: bytes, signature: bytes) -> bool:
    """Say whether the key's holder signed the digest."""
    if len(signature) != Scheme.ED25519.signature_bytes or not is_key(key):
        return False
    try:
        VerifyKey(key).verify(digest, signature)
    except BadSignatureError:
        return False
    return True
