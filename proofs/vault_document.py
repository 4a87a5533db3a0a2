"""The file of a statement about vaults: canonical JSON, a quorum's signatures, offline checking.

As with attestations there is nothing in it that the digest does not cover: a fact's key is written
as what it is made of. Contracts check secp256k1 signatures, so the file holds no others. What is
said needs no time of its own: a fact that was ever true stays true, and quantities say when they
were issued. Who may say it at `now` is what the committees' chain says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, assert_never

from chains.model.ids import Address
from proofs.committee import Committee
from proofs.parts import read_committee, read_signatures, view_committee, view_signatures
from proofs.quorum import check_quorum
from proofs.refusal import Refusal, Refused
from proofs.scheme import Scheme, Signatures
from proofs.strict import (
    check_canonical,
    encode_view,
    parse,
    read_bytes,
    read_fields,
    read_integer,
    read_struct,
    read_text,
    view_struct,
    write_hex,
)
from proofs.succession import CommitteeChain, verify_chain
from proofs.typed import WORD, hash_text
from proofs.vaults import (
    MAX_ASSETS,
    MAX_CHAINS,
    ChainQuantities,
    FactKey,
    FactKind,
    Said,
    VaultFact,
    VaultQuantities,
    digest_vault,
)

FORMAT: Final = "plimsoll/vault-statement/1"
MAX_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 6
_FIELDS: Final = ("format", "deployment", "committee", "signatures")
_FACT: Final = "fact"
_KEY: Final = "key"
_QUANTITIES: Final = "quantities"
NUMBER_BITS: Final = {"asset": 8, "index": 32, "from": 64, "to": 64, "chain": 64}
"""How many bits the numbers in a fact's key have, by their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultDocument:
    """A statement with signatures by member index; `key` says what a fact's key is made of."""

    deployment: str
    committee: Committee
    said: Said
    key: FactKey | None = None
    signatures: Signatures = ()

    @property
    def digest(self) -> bytes:
        """The 32 bytes that members sign."""
        return digest_vault(self.said, hash_text(self.deployment))

    @property
    def bitmap(self) -> int:
        """Bit i says that member i signed: the contracts' `bitmap`."""
        return sum(1 << index for index, _ in self.signatures)

    @property
    def proof(self) -> bytes:
        """The signatures one after the other: the contracts' `proof`."""
        return b"".join(signature for _, signature in self.signatures)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A fact's statement as contracts take it, with a storage proof where they demand one."""

    document: VaultDocument
    storage_proof: bytes = b""

    @property
    def said(self) -> VaultFact:
        """The fact; TypeError for quantities, which are brought another way."""
        if not isinstance(self.document.said, VaultFact):
            raise TypeError("quantities are no fact")
        return self.document.said

    @property
    def witness(self) -> tuple[int, int, bytes, bytes]:
        """Give what every call takes beside a fact, last of all."""
        document = self.document
        return self.said.height, document.bitmap, document.proof, self.storage_proof


def encode_vault_document(document: VaultDocument) -> bytes:
    """Give the file's bytes."""
    return encode_view(view_vault_document(document))


def view_vault_document(document: VaultDocument) -> dict[str, Any]:
    """Give the file's content as JSON values."""
    return {
        "format": FORMAT,
        "deployment": document.deployment,
        "committee": view_committee(document.committee),
        **_view_said(document.said, document.key),
        **view_signatures(Scheme.SECP256K1, document.signatures),
    }


def decode_vault_document(raw: bytes) -> VaultDocument:
    """Read the file strictly; Refused names the field. Nothing is verified yet."""
    fields = read_fields(parse(raw, MAX_BYTES, MAX_DEPTH), "", _FIELDS, (_FACT, _QUANTITIES))
    if fields["format"] != FORMAT:
        raise Refused(Refusal.SCHEMA, f"format is not {FORMAT!r}")
    said, key = _read_said(fields)
    document = VaultDocument(
        deployment=read_text(fields["deployment"], "deployment"),
        committee=read_committee(fields["committee"], "committee"),
        said=said,
        key=key,
        signatures=read_signatures(Scheme.SECP256K1, fields["signatures"], "signatures"),
    )
    check_canonical(raw, view_vault_document(document))
    return document


def verify_vault_document(
    document: VaultDocument,
    *,
    deployment: str | None = None,
    committee_id: bytes | None = None,
    chain: CommitteeChain | None = None,
    now: int,
) -> tuple[Address, ...]:
    """Give the signers of a quorum's statement; Refused with the first reason found.

    `committee_id` is the one trusted; with a `chain` any of its committees after that one that may
    speak at `now`: the current one and the one before, which contracts count until their delay is
    over. None means: take what the file says.
    """
    if deployment is not None and document.deployment != deployment:
        detail = f"the deployment is {document.deployment!r}, not {deployment!r}"
        raise Refused(Refusal.DEPLOYMENT, detail)
    committee = document.committee
    if document.said.committee_id != committee.id:
        detail = "the committee's record is not the one in the statement"
        raise Refused(Refusal.COMMITTEE_ID, detail)
    if chain is not None:
        _check_chain(document, chain, committee_id, now)
    elif committee_id not in (None, committee.id):
        raise Refused(Refusal.COMMITTEE, f"the committee is 0x{committee.id.hex()}")
    if not committee.valid_from <= now <= committee.valid_until:
        detail = f"the committee signs from {committee.valid_from} to {committee.valid_until}"
        raise Refused(Refusal.COMMITTEE_PERIOD, detail)
    return check_quorum(committee, Scheme.SECP256K1, document.digest, document.signatures)


def _check_chain(
    document: VaultDocument, chain: CommitteeChain, pinned: bytes | None, now: int
) -> None:
    if chain.deployment != document.deployment:
        raise Refused(Refusal.DEPLOYMENT, "the chain is another's")
    verify_chain(chain)
    start = 0 if pinned is None else chain.find(pinned)
    place = chain.find(document.committee.id)
    if start is None or place is None:
        raise Refused(Refusal.COMMITTEE_UNKNOWN, "the chain has not both committees")
    if place < start:
        raise Refused(Refusal.COMMITTEE, "the committee is older than the one you trust")
    for heir in chain.committees[place + 2 : place + 3]:
        if now >= heir.valid_from:
            detail = f"epoch {heir.epoch} has signed since {heir.valid_from}"
            raise Refused(Refusal.COMMITTEE_SUPERSEDED, detail)


def _view_said(said: Said, key: FactKey | None) -> dict[str, Any]:
    match said:
        case VaultQuantities():
            return {_QUANTITIES: view_struct(said)}
        case VaultFact():
            view = view_struct(said)
            if key is None:
                raise ValueError("a fact is written with what its key is made of")
            return {_FACT: view | {_KEY: _view_key(key)}}
        case _:
            assert_never(said)


def _view_key(key: FactKey) -> dict[str, str]:
    subject, *numbers = key.kind.arguments
    written = {name: str(number) for name, number in zip(numbers, key.numbers, strict=True)}
    return {"kind": key.kind.value, subject: write_hex(key.subject), **written}


def _read_said(fields: Mapping[str, object]) -> tuple[Said, FactKey | None]:
    if (_FACT in fields) == (_QUANTITIES in fields):
        raise Refused(Refusal.MISSING_FIELD, f"{_FACT} or {_QUANTITIES}: one of them is there")
    if _QUANTITIES in fields:
        quantities = read_struct(VaultQuantities, fields[_QUANTITIES], _QUANTITIES)
        _check_sizes(quantities)
        return quantities, None
    given = fields[_FACT]
    key = _read_key(given.get(_KEY) if isinstance(given, dict) else None, f"{_FACT}.{_KEY}")
    if isinstance(given, dict):
        given = {**given, _KEY: write_hex(key.hash)}
    return read_struct(VaultFact, given, _FACT), key


def _read_key(value: object, path: str) -> FactKey:
    if not isinstance(value, dict):
        raise Refused(Refusal.BAD_TYPE, f"{path} is not a JSON object")
    name = value.get("kind")
    kind = next((kind for kind in FactKind if kind.value == name), None)
    if kind is None:
        raise Refused(Refusal.BAD_TYPE, f"{path}.kind is none of {', '.join(FactKind)}")
    fields = read_fields(value, path, ("kind", *kind.arguments))
    subject, *numbers = kind.arguments
    return FactKey(
        kind=kind,
        subject=read_bytes(fields[subject], f"{path}.{subject}", WORD),
        numbers=tuple(_read_number(fields[name], f"{path}.{name}", name) for name in numbers),
    )


def _read_number(value: object, path: str, name: str) -> int:
    number = read_integer(value, path)
    if not 0 <= number < 2 ** NUMBER_BITS[name]:
        raise Refused(Refusal.BAD_TYPE, f"{path} does not fit {NUMBER_BITS[name]} bits")
    return number


def _check_sizes(quantities: VaultQuantities) -> None:
    chains = quantities.chains
    numbers = [chain.chain_id for chain in chains]
    if len(chains) > MAX_CHAINS or numbers != sorted(set(numbers)):
        detail = f"{_QUANTITIES}.chains are not up to {MAX_CHAINS}, ascending, each once"
        raise Refused(Refusal.MALFORMED, detail)
    if any(_widest(chain) > MAX_ASSETS for chain in chains):
        raise Refused(Refusal.MALFORMED, f"{_QUANTITIES}: more than {MAX_ASSETS} assets")


def _widest(chain: ChainQuantities) -> int:
    lists = (chain.collateral, chain.debt, chain.locked, chain.added, chain.repaid, chain.lines_in)
    return max(map(len, lists))
