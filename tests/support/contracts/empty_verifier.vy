# pragma version 0.4.3
"""
@title A verifier that answers nothing instead of refusing
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


@external
@view
def verify_without(
    attestation: HealthAttestation, bitmap: uint256, proof: Bytes[2080], excluded: address
) -> bytes32:
    return empty(bytes32)
