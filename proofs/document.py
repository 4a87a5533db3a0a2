"""The attestation file: the canonical JSON view (RFC 8785) of a signed statement.

Integers are decimal strings, bytes 0x-hex in lower case, leaves carry the texts whose keccak is
signed and have their place as index. There is nothing in it that the digest does not cover: the
committee's record through committeeId, the leaves through the roots, the parameters through
paramsHash, the deployment through the domain. Reading is strict (proofs.strict): exactly the
canonical bytes.
"""

from dataclasses import dataclass
from typing import Any, Final

from proofs.envelope import Envelope
from proofs.params import AssetParam, MarketParam, Params
from proofs.parts import (
    SCHEME,
    read_committee,
    read_scheme,
    read_signatures,
    view_committee,
    view_signatures,
)
from proofs.refusal import Refusal, Refused
from proofs.scheme import Scheme, Signatures
from proofs.statement import (
    AccountLeaf,
    BlockRef,
    HealthAttestation,
    Leaves,
    PositionLeaf,
    PriceLeaf,
    Statement,
)
from proofs.strict import (
    check_canonical,
    encode_view,
    parse,
    read_fields,
    read_leaves,
    read_struct,
    read_text,
    view_struct,
)

FORMAT: Final = "plimsoll/health-attestation/1"
MAX_BYTES: Final = 1024 * 1024
MAX_DEPTH: Final = 4
_ROOT_FIELDS: Final = (
    "format",
    "deployment",
    "committee",
    "header",
    "params",
    "accounts",
    "blocks",
    "positions",
    "prices",
    "signatures",
)
_PARAMS_FIELDS: Final = ("markets", "assets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A statement with its signatures by member index, as the file holds them."""

    statement: Statement
    signatures: Signatures
    scheme: Scheme = Scheme.SECP256K1

    @property
    def envelope(self) -> Envelope:
        """The signed header alone, for contracts and for carrying."""
        return Envelope(
            header=self.statement.header,
            committee_size=len(self.statement.committee.members),
            signatures=self.signatures,
            scheme=self.scheme,
        )


def encode_document(document: Document) -> bytes:
    """Give the file's bytes."""
    return encode_view(view_document(document))


def view_document(document: Document) -> dict[str, Any]:
    """Give the file's content as JSON values."""
    statement = document.statement
    leaves = statement.leaves
    return {
        "format": FORMAT,
        "deployment": statement.deployment,
        "committee": view_committee(statement.committee),
        "header": view_struct(statement.header),
        "params": {
            "markets": [view_struct(market) for market in statement.params.markets],
            "assets": [view_struct(asset) for asset in statement.params.assets],
        },
        "accounts": [view_struct(leaf) for leaf in leaves.accounts],
        "blocks": [view_struct(leaf) for leaf in leaves.blocks],
        "positions": [view_struct(leaf) for leaf in leaves.positions],
        "prices": [view_struct(leaf) for leaf in leaves.prices],
        **view_signatures(document.scheme, document.signatures),
    }


def decode_document(raw: bytes) -> Document:
    """Read the file strictly; Refused names the field."""
    root = read_fields(parse(raw, MAX_BYTES, MAX_DEPTH), "", _ROOT_FIELDS, (SCHEME,))
    if root["format"] != FORMAT:
        raise Refused(Refusal.SCHEMA, f"format is not {FORMAT!r}")
    scheme = read_scheme(root)
    document = Document(
        statement=Statement(
            deployment=read_text(root["deployment"], "deployment"),
            committee=read_committee(root["committee"], "committee"),
            header=read_struct(HealthAttestation, root["header"], "header"),
            params=_read_params(root["params"], "params"),
            leaves=Leaves(
                accounts=read_leaves(AccountLeaf, root["accounts"], "accounts"),
                blocks=read_leaves(BlockRef, root["blocks"], "blocks"),
                positions=read_leaves(PositionLeaf, root["positions"], "positions"),
                prices=read_leaves(PriceLeaf, root["prices"], "prices"),
            ),
        ),
        signatures=read_signatures(scheme, root["signatures"], "signatures"),
        scheme=scheme,
    )
    check_canonical(raw, view_document(document))
    return document


def _read_params(value: object, path: str) -> Params:
    fields = read_fields(value, path, _PARAMS_FIELDS)
    return Params(
        markets=read_leaves(MarketParam, fields["markets"], f"{path}.markets"),
        assets=read_leaves(AssetParam, fields["assets"], f"{path}.assets"),
    )
