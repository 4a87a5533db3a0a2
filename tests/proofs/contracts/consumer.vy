# pragma version 0.4.3
# @license Apache-2.0
"""
@title Example: a contract that lends against a margin account's attested health
@notice Anybody may bring an attestation; only the newest counts, and each counts once.
"""

struct HealthAttestation:
    schemaVersion: uint16
    audience: bytes32
    accountSetRoot: bytes32
    blockRefsRoot: bytes32
    positionsRoot: bytes32
    pricesRoot: bytes32
    paramsHash: bytes32
    zkCommitment: bytes32
    committeeId: bytes32
    epoch: uint64
    sequence: uint64
    prevDigest: bytes32
    issuedAt: uint64
    expiresAt: uint64
    minPriceTime: uint64
    positionCount: uint32
    status: uint8
    accountCount: uint32
    maxSkew: uint32
    healthFactorE18: uint256
    netEquityE8: int256


struct PriceLeaf:
    index: uint32
    asset: bytes32
    source: uint8
    feedId: bytes32
    priceE8: uint256
    confE8: uint256
    publishTime: uint64
    heartbeat: uint32
    evidence: uint8
    evidenceHash: bytes32


interface Verifier:
    def verify(
        attestation: HealthAttestation, bitmap: uint256, proof: Bytes[2080]
    ) -> bytes32: view
    def verify_price_leaf(
        attestation: HealthAttestation, leaf: PriceLeaf, siblings: DynArray[bytes32, 16]
    ) -> bytes32: view


MAX_SKEW: constant(uint32) = 60

verifier: public(immutable(address))
account_set_root: public(immutable(bytes32))
last_sequence: public(uint64)
last_digest: public(bytes32)
health: public(uint256)


@deploy
def __init__(_verifier: address, _account_set_root: bytes32):
    verifier = _verifier
    account_set_root = _account_set_root


@external
def update(attestation: HealthAttestation, bitmap: uint256, proof: Bytes[2080]):
    assert attestation.accountSetRoot == account_set_root, "account"
    assert attestation.maxSkew <= MAX_SKEW, "skew"
    assert attestation.sequence > self.last_sequence, "sequence"
    self.last_sequence = attestation.sequence
    self.last_digest = staticcall Verifier(verifier).verify(attestation, bitmap, proof)
    self.health = attestation.healthFactorE18


@external
@view
def price(
    attestation: HealthAttestation, leaf: PriceLeaf, siblings: DynArray[bytes32, 16]
) -> uint256:
    found: bytes32 = staticcall Verifier(verifier).verify_price_leaf(attestation, leaf, siblings)
    assert found == self.last_digest, "digest"
    return leaf.priceE8
