"""The committed vectors are what the code makes, and another library agrees with them."""

import json

from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak

from proofs.document import decode_document
from proofs.envelope import decode_envelope
from proofs.merkle import verify_path
from proofs.typed import hash_text
from proofs.vectors import PATH, build_vectors
from proofs.verify import Expected, verify_file

VECTORS = json.loads(PATH.read_text())


def test_the_committed_vectors_are_what_the_code_makes() -> None:
    assert build_vectors() == VECTORS, "run `python -m proofs.vectors`"


def test_the_file_in_the_vectors_is_accepted() -> None:
    raw = json.dumps(VECTORS["file"], sort_keys=True, separators=(",", ":")).encode()
    header = decode_document(raw).statement.header
    verdict = verify_file(raw, Expected(deployment="plimsoll-vectors"), now=header.issued_at)
    assert "0x" + verdict.digest.hex() == VECTORS["digest"]
    assert decode_envelope(bytes.fromhex(VECTORS["envelope"][2:])).header == header


def test_another_library_makes_the_same_digest_from_the_listed_types() -> None:
    (type_string,) = [t for t in VECTORS["types"] if t.startswith("HealthAttestation(")]
    members = [part.split(" ") for part in type_string.split("(")[1][:-1].split(",")]
    view = VECTORS["file"]["header"]
    message = {
        name: bytes.fromhex(view[name][2:]) if kind == "bytes32" else int(view[name])
        for kind, name in members
    }
    domain = {key: VECTORS["domain"][key] for key in ("name", "version")}
    salt = hash_text(VECTORS["file"]["deployment"])
    encoded = encode_typed_data(
        domain_data=domain | {"salt": salt},
        message_types={"HealthAttestation": [{"type": k, "name": n} for k, n in members]},
        message_data=message,
    )
    digest = keccak(b"\x19" + encoded.version + encoded.header + encoded.body)
    assert "0x" + digest.hex() == VECTORS["digest"]
    assert "0x" + encoded.header.hex() == VECTORS["domain"]["separator"]


def test_the_listed_path_proves_the_listed_leaf() -> None:
    inclusion = VECTORS["inclusion"]
    index = int(inclusion["index"])
    struct_hash = bytes.fromhex(VECTORS["hashStruct"]["positions"][index][2:])
    assert "0x" + keccak(b"\x00" + struct_hash).hex() == inclusion["leaf"]
    root = bytes.fromhex(VECTORS["file"]["header"]["positionsRoot"][2:])
    path = [bytes.fromhex(sibling[2:]) for sibling in inclusion["path"]]
    assert verify_path(root, struct_hash, index, path)
