"""Committees and signatures as the file formats show them.

What a committee of secp256k1 keys alone does not have is left out, so that its files are as they
always were: `scheme` where it is secp256k1, and the keys of schemes that the members do not use.
Signatures that were added up stand once, with all their signers.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from chains.model.ids import Address
from proofs.committee import MAX_MEMBERS, Committee, InvalidCommittee
from proofs.refusal import Refusal, Refused
from proofs.scheme import (
    BLS_KEY_BYTES,
    BLS_PROOF_BYTES,
    ED25519_KEY_BYTES,
    SCHEMES,
    Scheme,
    Signatures,
)
from proofs.strict import read_bytes, read_fields, read_integer, read_list, read_text, write_hex
from proofs.typed import WORD

SCHEME: Final = "scheme"
"""The field beside `signatures` that names another scheme than secp256k1."""
_FIELDS: Final = (
    "epoch",
    "threshold",
    "members",
    "validFrom",
    "validUntil",
    "prevCommitteeId",
)
_KEYS: Final = {
    "ed25519Keys": ED25519_KEY_BYTES,
    "blsKeys": BLS_KEY_BYTES,
    "blsProofs": BLS_PROOF_BYTES,
}
_ADDRESS_BYTES: Final = 20


def view_committee(committee: Committee) -> dict[str, Any]:
    """Give a committee's record as JSON values."""
    held = (committee.ed25519_keys, committee.bls_keys, committee.bls_proofs)
    return {
        "epoch": str(committee.epoch),
        "threshold": str(committee.threshold),
        "members": list(committee.members),
        "validFrom": str(committee.valid_from),
        "validUntil": str(committee.valid_until),
        "prevCommitteeId": write_hex(committee.prev),
        **{
            name: [write_hex(key) for key in keys]
            for name, keys in zip(_KEYS, held, strict=True)
            if keys
        },
    }


def read_committee(value: object, path: str) -> Committee:
    """Read a committee's record; COMMITTEE_RULES when it breaks one."""
    fields = read_fields(value, path, _FIELDS, tuple(_KEYS))
    members = [
        Address(write_hex(key))
        for key in _read_keys(fields["members"], f"{path}.members", _ADDRESS_BYTES)
    ]
    ed25519_keys, bls_keys, bls_proofs = (
        _read_keys(fields.get(name, []), f"{path}.{name}", size) for name, size in _KEYS.items()
    )
    try:
        return Committee(
            epoch=read_integer(fields["epoch"], f"{path}.epoch"),
            threshold=read_integer(fields["threshold"], f"{path}.threshold"),
            members=tuple(members),
            valid_from=read_integer(fields["validFrom"], f"{path}.validFrom"),
            valid_until=read_integer(fields["validUntil"], f"{path}.validUntil"),
            prev=read_bytes(fields["prevCommitteeId"], f"{path}.prevCommitteeId", WORD),
            ed25519_keys=ed25519_keys,
            bls_keys=bls_keys,
            bls_proofs=bls_proofs,
        )
    except InvalidCommittee as error:
        raise Refused(Refusal.COMMITTEE_RULES, str(error)) from error


def view_signatures(scheme: Scheme, signatures: Signatures) -> dict[str, Any]:
    """Give the fields `signatures` and, where it is another than secp256k1, `scheme`."""
    named = {} if scheme is Scheme.SECP256K1 else {SCHEME: scheme.label}
    if scheme.aggregates:
        signers = [str(index) for index, _ in signatures]
        sums = sorted({signature for _, signature in signatures})
        listed = [{"members": signers, "signature": write_hex(joined)} for joined in sums]
        return {**named, "signatures": listed}
    separate = [
        {"member": str(index), "signature": write_hex(signature)} for index, signature in signatures
    ]
    return {**named, "signatures": separate}


def read_scheme(fields: Mapping[str, object]) -> Scheme:
    """Read which scheme signatures are of."""
    label = read_text(fields.get(SCHEME, Scheme.SECP256K1.label), SCHEME)
    if (scheme := SCHEMES.get(label)) is None:
        raise Refused(Refusal.SCHEME, f"{SCHEME} {label[:40]!r} is not known")
    return scheme


def read_signatures(scheme: Scheme, value: object, path: str) -> Signatures:
    """Read signatures by member; whether the signers ascend is judged with the quorum."""
    items = [(item, f"{path}[{i}]") for i, item in enumerate(read_list(value, path))]
    if not scheme.aggregates:
        return tuple(_read_signature(scheme, item, at) for item, at in items)
    if len(items) > 1:
        raise Refused(Refusal.SIGNER_ORDER, f"{path} are {len(items)} sums instead of one")
    return tuple(each for item, at in items for each in _read_sum(scheme, item, at))


def _read_signature(scheme: Scheme, value: object, path: str) -> tuple[int, bytes]:
    fields = read_fields(value, path, ("member", "signature"))
    signature = read_bytes(fields["signature"], f"{path}.signature", scheme.signature_bytes)
    return _read_index(fields["member"], f"{path}.member"), signature


def _read_sum(scheme: Scheme, value: object, path: str) -> Signatures:
    fields = read_fields(value, path, ("members", "signature"))
    signature = read_bytes(fields["signature"], f"{path}.signature", scheme.signature_bytes)
    listed = enumerate(read_list(fields["members"], f"{path}.members"))
    return tuple((_read_index(item, f"{path}.members[{i}]"), signature) for i, item in listed)


def _read_index(value: object, path: str) -> int:
    index = read_integer(value, path)
    if not 0 <= index < MAX_MEMBERS:
        raise Refused(Refusal.SIGNER_UNKNOWN, f"{path} is not below {MAX_MEMBERS}")
    return index


def _read_keys(value: object, path: str, size: int) -> tuple[bytes, ...]:
    listed: Sequence[object] = read_list(value, path)
    return tuple(read_bytes(item, f"{path}[{i}]", size) for i, item in enumerate(listed))
