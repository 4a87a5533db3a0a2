"""The JSON Schemas of attestations and of statements about vaults, made from what is signed.

`python -m proofs.schema` writes the two files again; a test keeps them and the code equal. A schema
tells the form of a file; whether it holds, the verifier says.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from proofs.committee import MAX_MEMBERS
from proofs.document import FORMAT
from proofs.params import AssetParam, MarketParam
from proofs.scheme import BLS_KEY_BYTES, BLS_PROOF_BYTES, ED25519_KEY_BYTES, Scheme
from proofs.statement import AccountLeaf, BlockRef, HealthAttestation, PositionLeaf, PriceLeaf
from proofs.typed import WORD, Dataclass, Member, describe
from proofs.vault_document import FORMAT as VAULT_FORMAT
from proofs.vault_document import NUMBER_BITS
from proofs.vaults import MAX_ASSETS, MAX_CHAINS, FactKind, VaultFact, VaultQuantities

PATH: Final = Path(__file__).with_name("health_attestation_v1.json")
VAULT_PATH: Final = Path(__file__).with_name("vault_statement_v1.json")
MAX_ITEMS: Final = max(MAX_ASSETS, MAX_CHAINS)
_INDEX: Final = "index"
_ADDRESS: Final = 20
_TEXT: Final = {"type": "string", "pattern": "^[\\x20-\\x7e]{1,256}$"}
_UNSIGNED: Final = "^(0|[1-9][0-9]*)$"
_SIGNED: Final = "^(0|-?[1-9][0-9]*)$"
_DIGITS: Final = {8: 3, 16: 5, 32: 10, 64: 20, 256: 78}
"""How many digits the largest number of so many bits has."""


def build_schema() -> dict[str, Any]:
    """Give the schema as JSON values."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:plimsoll:health-attestation:1",
        "title": "Plimsoll health attestation",
        "description": "Written as its exact RFC 8785 bytes; see docs/attestations.md.",
        **_object(
            {
                "format": {"const": FORMAT},
                "deployment": _TEXT,
                "committee": _committee(),
                "header": _struct(HealthAttestation),
                "params": _object({"markets": _leaves(MarketParam), "assets": _leaves(AssetParam)}),
                "accounts": _leaves(AccountLeaf),
                "blocks": _leaves(BlockRef),
                "positions": _leaves(PositionLeaf),
                "prices": _leaves(PriceLeaf),
                "signatures": {"type": "array", "items": True},
            },
            optional={"scheme": {"enum": [s.label for s in Scheme if s is not Scheme.SECP256K1]}},
        ),
        "oneOf": [_signed_in(scheme) for scheme in Scheme],
    }


def build_vault_schema() -> dict[str, Any]:
    """Give the schema of a statement about vaults as JSON values."""
    fact = _struct(VaultFact)
    fact["properties"]["key"] = {"oneOf": [_fact_key(kind) for kind in FactKind]}
    signed = {"member": _integer(8), "signature": _bytes(Scheme.SECP256K1.signature_bytes)}
    said = {"fact": fact, "quantities": _struct(VaultQuantities)}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:plimsoll:vault-statement:1",
        "title": "Plimsoll statement about vaults",
        "description": "Written as its exact RFC 8785 bytes; see docs/vaults.md.",
        **_object(
            {
                "format": {"const": VAULT_FORMAT},
                "deployment": _TEXT,
                "committee": _committee(),
                "signatures": {"type": "array", "items": _object(signed)},
            },
            optional=said,
        ),
        "oneOf": [{"required": [name]} for name in said],
    }


def _fact_key(kind: FactKind) -> dict[str, Any]:
    subject, *numbers = kind.arguments
    listed = {name: _integer(NUMBER_BITS[name]) for name in numbers}
    return _object({"kind": {"const": kind.value}, subject: _bytes(WORD), **listed})


def _committee() -> dict[str, Any]:
    return _object(
        {
            "epoch": _integer(64),
            "threshold": _integer(32),
            "members": _keys(_ADDRESS),
            "validFrom": _integer(64),
            "validUntil": _integer(64),
            "prevCommitteeId": _bytes(WORD),
        },
        optional={
            "ed25519Keys": _keys(ED25519_KEY_BYTES),
            "blsKeys": _keys(BLS_KEY_BYTES),
            "blsProofs": _keys(BLS_PROOF_BYTES),
        },
    )


def _signed_in(scheme: Scheme) -> dict[str, Any]:
    """Tell the form of the signatures of a scheme; the one that is not named is secp256k1."""
    index = _integer(8)
    signature = _bytes(scheme.signature_bytes)
    members = {"members": {"type": "array", "minItems": 1, "items": index}}
    fields = members if scheme.aggregates else {"member": index}
    listed: dict[str, Any] = {"type": "array", "items": _object(fields | {"signature": signature})}
    if scheme.aggregates:
        listed["maxItems"] = 1
    if scheme is Scheme.SECP256K1:
        return {"properties": {"signatures": listed}, "not": {"required": ["scheme"]}}
    named = {"scheme": {"const": scheme.label}, "signatures": listed}
    return {"properties": named, "required": ["scheme"]}


def _leaves(struct: type[Dataclass]) -> dict[str, Any]:
    return {"type": "array", "items": _struct(struct)}


def _struct(struct: type[Dataclass]) -> dict[str, Any]:
    members = describe(struct).members
    return _object({m.name: _member(m) for m in members if m.attribute != _INDEX})


def _member(member: Member) -> dict[str, Any]:
    if member.items is not None:
        return {"type": "array", "maxItems": MAX_ITEMS, "items": _member(member.items)}
    if member.struct is not None:
        return _struct(member.struct)
    if member.is_text:
        return dict(_TEXT)
    if member.kind == "bytes32":
        return _bytes(WORD)
    if member.kind == "address":
        return _bytes(_ADDRESS)
    bits = int(member.kind.removeprefix("u").removeprefix("int"))
    return _integer(bits, signed=member.kind.startswith("int"))


def _object(
    properties: Mapping[str, Any], optional: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**properties, **(optional or {})},
        "required": list(properties),
        "additionalProperties": False,
    }


def _keys(size: int) -> dict[str, Any]:
    listed = {"type": "array", "minItems": 1, "maxItems": MAX_MEMBERS, "uniqueItems": True}
    return {**listed, "items": _bytes(size)}


def _bytes(size: int) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^0x[0-9a-f]{{{2 * size}}}$"}


def _integer(bits: int, *, signed: bool = False) -> dict[str, Any]:
    """Tell a decimal text; that it fits its bits exactly is the verifier's to say."""
    length = _DIGITS[bits] + (1 if signed else 0)
    return {
        "type": "string",
        "pattern": _SIGNED if signed else _UNSIGNED,
        "maxLength": length,
    }
