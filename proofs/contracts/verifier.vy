# pragma version 0.4.3
# @license Apache-2.0
"""
@title Plimsoll verifier: says whether a committee's quorum signed a health attestation
@notice `verify` is a view that gives the EIP-712 digest or reverts with a short reason. It keeps
        no record of what was used: each consumer stores the last sequence it accepted, so that
        nobody can burn an attestation for others.
@dev The domain names no chain and no contract on purpose; what binds an attestation is the
     deployment's salt (in the domain and, as the predecessor of the first committee, in the
     committee's id), the audience and the sequence. docs/attestations.md is the format.
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

MAX_MEMBERS: constant(uint256) = 32
SIGNATURE_BYTES: constant(uint256) = 65
SCHEMA_VERSION: constant(uint16) = 1
# A node that answers a call at its newest block lags real time by up to one block.
CLOCK_TOLERANCE_S: constant(uint256) = 15
# Half the order of secp256k1: of the two valid s only the lower one is taken.
MAX_S: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168

DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,bytes32 salt)"
)
ATTESTATION_TYPEHASH: constant(bytes32) = keccak256(
    "HealthAttestation(uint16 schemaVersion,bytes32 audience,bytes32 accountSetRoot,bytes32 blockRefsRoot,bytes32 positionsRoot,bytes32 pricesRoot,bytes32 paramsHash,bytes32 zkCommitment,bytes32 committeeId,uint64 epoch,uint64 sequence,bytes32 prevDigest,uint64 issuedAt,uint64 expiresAt,uint64 minPriceTime,uint32 positionCount,uint8 status,uint32 accountCount,uint32 maxSkew,uint256 healthFactorE18,int256 netEquityE8)"
)
COMMITTEE_TYPEHASH: constant(bytes32) = keccak256(
    "CommitteeRecord(uint64 epoch,uint32 threshold,bytes32 keysRoot,uint64 validFrom,uint64 validUntil,bytes32 prevCommitteeId)"
)
KEY_TYPEHASH: constant(bytes32) = keccak256("KeyLeaf(uint32 index,address key)")

# The contract knows the first committee only: it has no predecessor and no end.
EPOCH: constant(uint64) = 0
VALID_FROM: constant(uint64) = 0
VALID_UNTIL: constant(uint64) = max_value(uint64)

DOMAIN: immutable(bytes32)
MEMBERS: immutable(DynArray[address, MAX_MEMBERS])
salt: public(immutable(bytes32))
threshold: public(immutable(uint256))
max_ttl: public(immutable(uint256))
committee_id: public(immutable(bytes32))


@deploy
def __init__(
    _salt: bytes32,
    _members: DynArray[address, MAX_MEMBERS],
    _threshold: uint256,
    _max_ttl: uint256,
):
    """
    @param _salt keccak256 of the deployment id
    @param _members the signers' addresses, ascending
    @param _threshold signatures needed; more than two thirds of the members
    @param _max_ttl the longest life in seconds that an attestation may give itself
    """
    assert _salt != empty(bytes32), "salt"
    assert _threshold <= len(_members) and 3 * _threshold > 2 * len(_members), "threshold"
    assert _max_ttl > 0, "max ttl"
    last: uint256 = 0
    for member: address in _members:
        number: uint256 = convert(member, uint256)
        assert number > last, "members not ascending"
        last = number
    salt = _salt
    MEMBERS = _members
    threshold = _threshold
    max_ttl = _max_ttl
    DOMAIN = keccak256(
        abi_encode(
            DOMAIN_TYPEHASH, keccak256("Plimsoll/HealthAttestation"), keccak256("1"), _salt
        )
    )
    committee_id = keccak256(
        abi_encode(
            COMMITTEE_TYPEHASH,
            EPOCH,
            convert(_threshold, uint32),
            self._keys_root(_members),
            VALID_FROM,
            VALID_UNTIL,
            _salt,
        )
    )


@internal
@pure
def _keys_root(_members: DynArray[address, MAX_MEMBERS]) -> bytes32:
    nodes: bytes32[MAX_MEMBERS] = empty(bytes32[MAX_MEMBERS])
    width: uint256 = 1
    for _: uint256 in range(5):
        if width < len(_members):
            width *= 2
    for i: uint256 in range(width, bound=MAX_MEMBERS):
        if i < len(_members):
            leaf: bytes32 = keccak256(abi_encode(KEY_TYPEHASH, i, _members[i]))
            nodes[i] = keccak256(concat(x"00", leaf))
        else:
            nodes[i] = keccak256(x"00")
    for _: uint256 in range(5):
        width = width // 2
        for i: uint256 in range(width, bound=16):
            nodes[i] = keccak256(concat(x"01", nodes[2 * i], nodes[2 * i + 1]))
    return nodes[0]


@internal
@view
def _digest(_attestation: HealthAttestation) -> bytes32:
    return keccak256(
        concat(x"1901", DOMAIN, keccak256(abi_encode(ATTESTATION_TYPEHASH, _attestation)))
    )


@internal
@view
def _check_signatures(_digest: bytes32, _bitmap: uint256, _proof: Bytes[2080]):
    count: uint256 = len(_proof) // SIGNATURE_BYTES
    assert count * SIGNATURE_BYTES == len(_proof), "proof length"
    assert count >= threshold, "quorum"
    assert _bitmap >> len(MEMBERS) == 0, "bitmap"
    used: uint256 = 0
    for i: uint256 in range(len(MEMBERS), bound=MAX_MEMBERS):
        if (_bitmap >> i) & 1 == 0:
            continue
        assert used < count, "bitmap"
        start: uint256 = used * SIGNATURE_BYTES
        s: uint256 = convert(extract32(_proof, start + 32), uint256)
        v: uint256 = convert(slice(_proof, start + 64, 1), uint256)
        assert s <= MAX_S, "high s"
        assert v == 27 or v == 28, "v"
        signer: address = ecrecover(
            _digest, v, convert(extract32(_proof, start), uint256), s
        )
        assert signer == MEMBERS[i], "signer"
        used += 1
    assert used == count, "bitmap"


@external
@view
def verify(
    attestation: HealthAttestation, bitmap: uint256, proof: Bytes[2080]
) -> bytes32:
    """
    @notice Check an attestation for the calling contract at this block's time
    @param attestation the signed header
    @param bitmap bit i says that member i signed
    @param proof the signatures r, s, v (65 bytes each) in the members' order
    @return the EIP-712 digest; the reasons of a revert are schema, committee, epoch, audience,
            expired, future, ttl, proof length, quorum, bitmap, high s, v, signer
    """
    assert attestation.schemaVersion == SCHEMA_VERSION, "schema"
    assert attestation.committeeId == committee_id, "committee"
    assert attestation.epoch == EPOCH, "epoch"
    if attestation.audience != empty(bytes32):
        assert attestation.audience == keccak256(abi_encode(chain.id, msg.sender)), "audience"
    issued_at: uint256 = convert(attestation.issuedAt, uint256)
    expires_at: uint256 = convert(attestation.expiresAt, uint256)
    assert expires_at >= block.timestamp, "expired"
    assert issued_at <= block.timestamp + CLOCK_TOLERANCE_S, "future"
    assert issued_at <= expires_at and expires_at - issued_at <= max_ttl, "ttl"
    digest: bytes32 = self._digest(attestation)
    self._check_signatures(digest, bitmap, proof)
    return digest


@external
@view
def digest(attestation: HealthAttestation) -> bytes32:
    """
    @notice Give the EIP-712 digest that a quorum must sign
    """
    return self._digest(attestation)


@external
@view
def members() -> DynArray[address, 32]:
    """
    @notice Give the signers in the order of the bitmap
    """
    return MEMBERS
