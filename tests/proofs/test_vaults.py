"""Statements about vaults: their digests, their keys and their files."""

import json
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from proofs.committee import Committee
from proofs.refusal import Refusal, Refused
from proofs.schema import VAULT_PATH, build_vault_schema
from proofs.scheme import Scheme
from proofs.succession import CommitteeChain, Succession
from proofs.typed import Dataclass, EncodingError, describe, hash_struct, hash_text
from proofs.vault_document import (
    decode_vault_document,
    encode_vault_document,
    verify_vault_document,
    view_vault_document,
)
from proofs.vaults import (
    DOMAIN_NAME,
    ChainQuantities,
    FactKey,
    FactKind,
    Order,
    Receipt,
    VaultChainLost,
    VaultFact,
    VaultLink,
    VaultQuantities,
    build_arguments,
    digest_vault,
    name_account,
)
from tests.proofs import keys
from tests.proofs.conforming import conforms
from tests.proofs.samples import DEPLOYMENT, NOW
from tests.proofs.vault_samples import ACCOUNT, FOUR, KEY, ORDER, SOURCE, quantities, sign, state

SALT = hash_text(DEPLOYMENT)
ANY: dict[str, st.SearchStrategy[Any]] = {
    "bytes32": st.binary(min_size=32, max_size=32),
    "address": st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex()),
    "uint256[]": st.lists(st.integers(0, 2**256 - 1), max_size=3).map(tuple),
} | {f"uint{bits}": st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64, 256)}
ANY["ChainQuantities[]"] = st.lists(
    st.builds(
        ChainQuantities,
        **{m.attribute: ANY[m.kind] for m in describe(ChainQuantities).members},
    ),
    max_size=2,
).map(tuple)
structs = pytest.mark.parametrize(
    "struct",
    [VaultFact, ChainQuantities, VaultQuantities, Order, Receipt, VaultLink, VaultChainLost],
)


def foreign(value: Dataclass) -> tuple[bytes, bytes]:
    """Give hashStruct and digest as eth_account's own encoder makes them."""
    kind = describe(type(value))
    listed = [kind] + [describe(ChainQuantities)] * isinstance(value, VaultQuantities)
    message = json.loads(json.dumps(_plain(value)))
    encoded = encode_typed_data(
        full_message={
            "domain": {"name": DOMAIN_NAME, "version": "1", "salt": SALT},
            "types": {
                "EIP712Domain": [
                    {"name": "name", "type": "string"},
                    {"name": "version", "type": "string"},
                    {"name": "salt", "type": "bytes32"},
                ],
                **{s.name: [{"name": m.name, "type": m.kind} for m in s.members] for s in listed},
            },
            "primaryType": kind.name,
            "message": message,
        }
    )
    return encoded.body, bytes(keccak(b"\x19" + encoded.version + encoded.header + encoded.body))


def _plain(value: Any) -> Any:  # noqa: ANN401 - any member
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, int | str):
        return value
    kind: type[Dataclass] = type(value)
    return {m.name: _plain(getattr(value, m.attribute)) for m in describe(kind).members}


@structs
@given(data=st.data())
def test_another_encoder_gives_the_same_digest(
    struct: type[Dataclass], data: st.DataObject
) -> None:
    value: Any = struct(**{m.attribute: data.draw(ANY[m.kind]) for m in describe(struct).members})
    assert foreign(value) == (hash_struct(value), digest_vault(value, SALT))


def test_the_type_strings_are_those_of_the_format() -> None:
    inner = (
        "ChainQuantities(uint64 chainId,uint64 height,uint64 time,uint256[] collateral,"
        "uint256[] debt,uint256[] locked,uint256[] added,uint256[] repaid,uint256 orderedE8,"
        "uint256[] linesIn)"
    )
    assert describe(VaultQuantities).type_string == (
        "VaultQuantities(bytes32 committeeId,bytes32 account,uint64 sequence,uint64 issuedAt,"
        f"ChainQuantities[] chains){inner}"
    )
    assert describe(VaultFact).type_string == (
        "VaultFact(bytes32 committeeId,uint64 chainId,address source,bytes32 key,uint256 value,"
        "uint64 height)"
    )
    assert describe(Order).type_string == (
        "Order(uint64 collateralChain,uint64 debtChain,bytes32 account,uint8 collateralAsset,"
        "uint8 debtAsset,uint256 units,uint256 lineUnits,uint256 valueE8,uint16 bonusBps,"
        "uint64 expiry,uint256 nonce)"
    )
    assert describe(Receipt).type_string == (
        "Receipt(bytes32 order,uint32 index,address to,uint256 units,uint256 valueE8)"
    )
    assert describe(VaultLink).type_string == (
        "VaultLink(bytes32 account,uint64 chainId,address owner,uint256 nonce)"
    )


def test_keys_and_accounts_are_hashed_as_contracts_encode_them() -> None:
    words = ["bytes32", "bytes32", "uint64", "uint64", "uint8"]
    raised = encode(words, [keccak(b"RAISED"), ACCOUNT, 31_337, 31_338, 0])
    assert KEY.hash == keccak(raised)
    closed = FactKey(kind=FactKind.CLOSED, subject=ORDER)
    assert closed.hash == keccak(keccak(b"CLOSED") + ORDER)
    account = encode(
        ["bytes32", "bytes32", "uint64", "address", "bytes32"],
        [keccak(b"PlimsollVaultAccount"), SALT, 31_337, SOURCE, ORDER],
    )
    assert name_account(SALT, 31_337, SOURCE, ORDER) == keccak(account)


@pytest.mark.parametrize("said", [state(), quantities()], ids=["fact", "quantities"])
def test_a_file_is_read_back_and_its_quorum_is_found(
    said: VaultFact | VaultQuantities,
) -> None:
    document = sign(said)
    raw = encode_vault_document(document)
    assert decode_vault_document(raw) == document
    signers = verify_vault_document(document, deployment=DEPLOYMENT, committee_id=FOUR.id, now=NOW)
    assert signers == FOUR.members[:3]
    assert document.bitmap == 0b111
    assert document.proof == b"".join(signature for _, signature in document.signatures)


@pytest.mark.parametrize("said", [state(), quantities()], ids=["fact", "quantities"])
def test_the_published_schema_is_what_the_structs_make_and_files_conform(
    said: VaultFact | VaultQuantities,
) -> None:
    schema = json.loads(VAULT_PATH.read_text())
    assert build_vault_schema() == schema, "run `python -m proofs.schema`"
    view = view_vault_document(sign(said))
    assert conforms(view, schema)
    assert not conforms(view | {"extra": "1"}, schema)
    assert not conforms({k: v for k, v in view.items() if k not in ("fact", "quantities")}, schema)


@given(place=st.integers(0), byte=st.integers(0, 255))
def test_a_file_with_another_byte_is_refused_whatever_it_is(place: int, byte: int) -> None:
    raw = bytearray(encode_vault_document(sign(state())))
    place %= len(raw)
    if raw[place] == byte:
        return
    raw[place] = byte
    with pytest.raises(Refused):
        check(bytes(raw))


@pytest.mark.parametrize(
    ("spoil", "refusal"),
    [
        (lambda view: view["fact"].update(value="2"), Refusal.SIGNATURE),
        (lambda view: view["fact"]["key"].update(asset="1"), Refusal.SIGNATURE),
        (lambda view: view["fact"]["key"].update(asset="256"), Refusal.BAD_TYPE),
        (lambda view: view["fact"]["key"].update(kind="STOLEN"), Refusal.BAD_TYPE),
        (lambda view: view["fact"]["key"].update(order="1"), Refusal.UNKNOWN_FIELD),
        (lambda view: view["fact"].update(key="0x" + "00" * 32), Refusal.BAD_TYPE),
        (lambda view: view["fact"].update(source="0x" + "5E" * 20), Refusal.BAD_TYPE),
        (lambda view: view.update(quantities={}), Refusal.MISSING_FIELD),
        (lambda view: view.pop("fact"), Refusal.MISSING_FIELD),
        (lambda view: view.update(format="plimsoll/vault-statement/2"), Refusal.SCHEMA),
        (lambda view: view.update(deployment="another"), Refusal.DEPLOYMENT),
        (lambda view: view["signatures"].pop(), Refusal.QUORUM),
    ],
)
def test_a_changed_file_is_refused_by_name(spoil: Any, refusal: Refusal) -> None:  # noqa: ANN401 - a lambda
    view = view_vault_document(sign(state()))
    spoil(view)
    with pytest.raises(Refused) as refused:
        check(json.dumps(view, sort_keys=True, separators=(",", ":")).encode())
    assert refused.value.refusal is refusal


def check(raw: bytes) -> None:
    document = decode_vault_document(raw)
    verify_vault_document(document, deployment=DEPLOYMENT, committee_id=FOUR.id, now=NOW)


def test_quantities_that_do_not_ascend_or_are_too_many_are_refused() -> None:
    said = quantities()
    wide = replace(said.chains[0], added=(0,) * 9)
    for chains in (said.chains[::-1], said.chains[:1] * 2, (wide,)):
        raw = encode_vault_document(sign(replace(said, chains=chains)))
        with pytest.raises(Refused) as refused:
            decode_vault_document(raw)
        assert refused.value.refusal is Refusal.MALFORMED


def test_a_statement_of_a_foreign_committee_or_deployment_is_refused() -> None:
    foreign_four = keys.committee(4, name="foreign")
    document = replace(sign(state()), committee=foreign_four)
    with pytest.raises(Refused) as refused:
        verify_vault_document(document, now=NOW)
    assert refused.value.refusal is Refusal.COMMITTEE_ID
    with pytest.raises(Refused) as refused:
        verify_vault_document(sign(state()), committee_id=foreign_four.id, now=NOW)
    assert refused.value.refusal is Refusal.COMMITTEE


def hand_over(committee: Committee, valid_from: int) -> Succession:
    listed = [member.keys for member in keys.members(4)]
    after = committee.build_next(listed, 3, valid_from=valid_from)
    signatures = keys.sign(Scheme.SECP256K1, after.digest(SALT), (0, 1, 2))
    return Succession(committee=after, signatures=signatures)


def test_the_committee_before_the_current_one_still_speaks_and_the_one_before_it_no_more() -> None:
    second = hand_over(FOUR, NOW - 100)
    third = hand_over(second.committee, NOW)
    chain = CommitteeChain(deployment=DEPLOYMENT, root=FOUR, successors=(second, third))
    for committee in (second.committee, third.committee):
        document = sign(state(committee), committee=committee)
        assert verify_vault_document(document, chain=chain, committee_id=FOUR.id, now=NOW)
    old = sign(state())
    assert verify_vault_document(old, chain=chain, now=NOW - 1)
    with pytest.raises(Refused) as refused:
        verify_vault_document(old, chain=chain, now=NOW)
    assert refused.value.refusal is Refusal.COMMITTEE_SUPERSEDED


def test_arguments_are_nested_as_the_contracts_take_them() -> None:
    said = quantities()
    committee_id, account, sequence, issued_at, chains = build_arguments(said)
    assert (committee_id, account, sequence, issued_at) == (FOUR.id, ACCOUNT, 5, NOW)
    assert isinstance(chains, tuple)
    assert chains[0][:4] == (31_337, 77, NOW, (5 * 10**18, 0))


def test_a_number_that_does_not_fit_is_named() -> None:
    with pytest.raises(EncodingError, match=r"VaultFact.value"):
        digest_vault(replace(state(), value=2**256), SALT)
