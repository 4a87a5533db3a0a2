# pragma version 0.4.3
# @license Apache-2.0
"""
@title Plimsoll verifier: says whether a committee's quorum signed a health attestation
@notice `verify` is a view that gives the EIP-712 digest or reverts with a short reason. It keeps
        no record of what was used: each consumer stores the last sequence it accepted, so that
        nobody can burn an attestation for others. `verify_price_leaf` and `verify_position_leaf`
        read single leaves of an attestation. `rotate` hands over to the next committee, whose
        record the old one's quorum signed; there is no administrator.
@dev The domain names no chain and no contract on purpose; what binds an attestation is the
     deployment's salt (in the domain and, as the predecessor of the first committee, in the
     committee's id), the audience and the sequence. docs/attestations.md is the format.
"""
import bls
import committees
import leaves
import merkle

initializes: committees


event Rotated:
    committee_id: indexed(bytes32)
    epoch: uint64


event KeyRegistered:
    committee_id: indexed(bytes32)
    index: uint256


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

SIGNATURE_BYTES: constant(uint256) = 65
SUM_BYTES: constant(uint256) = 256
SCHEMA_VERSION: constant(uint16) = 1
SECP256K1: constant(uint8) = 1
BLS12_381: constant(uint8) = 3
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

DOMAIN: immutable(bytes32)
salt: public(immutable(bytes32))
max_ttl: public(immutable(uint256))


@deploy
def __init__(
    _salt: bytes32,
    _terms: committees.Terms,
    _members: DynArray[committees.Member, committees.MAX_MEMBERS],
    _max_ttl: uint256,
):
    """
    @notice Trust one committee: the deployment's first, or a later one that is checked elsewhere
    @param _salt keccak256 of the deployment id
    @param _terms its record without keysRoot
    @param _members its members, addresses ascending
    @param _max_ttl the longest life in seconds that an attestation may give itself
    """
    assert _salt != empty(bytes32), "salt"
    assert _max_ttl > 0, "max ttl"
    assert _terms.epoch > 0 or _terms.prevCommitteeId == _salt, "predecessor"
    committees.check(_terms, _members)
    committees.take(_terms, _members, committees.calculate_keys_root(_members))
    salt = _salt
    max_ttl = _max_ttl
    DOMAIN = keccak256(
        abi_encode(
            DOMAIN_TYPEHASH, keccak256("Plimsoll/HealthAttestation"), keccak256("1"), _salt
        )
    )


# Attestations


@external
@view
def verify(
    attestation: HealthAttestation, bitmap: uint256, proof: Bytes[2080]
) -> bytes32:
    """
    @notice Check an attestation signed with secp256k1 for the calling contract, at this block's
            time
    @param attestation the signed header
    @param bitmap bit i says that member i signed
    @param proof the signatures r, s, v (65 bytes each) in the members' order
    @return the EIP-712 digest; the reasons of a revert are schema, committee, epoch, period,
            superseded, audience, expired, future, ttl, proof length, quorum, bitmap, high s, v,
            signer
    """
    return self._verify(SECP256K1, attestation, bitmap, proof, empty(address))


@external
@view
def verify_without(
    attestation: HealthAttestation, bitmap: uint256, proof: Bytes[2080], excluded: address
) -> bytes32:
    """
    @notice `verify`, but the quorum must be one without a signer who has an interest of his own
    @dev Reverts with excluded where too few others signed
    @param excluded the member whose signature does not count
    """
    return self._verify(SECP256K1, attestation, bitmap, proof, excluded)


@external
@view
def verify_scheme(
    scheme: uint8,
    attestation: HealthAttestation,
    bitmap: uint256,
    proof: Bytes[2080],
    excluded: address,
) -> bytes32:
    """
    @notice `verify_without` in the scheme that an envelope names
    @dev Reverts with scheme, and for BLS12-381 with EIP-2537 (this chain lacks it), unregistered,
         infinity, point or signature
    @param scheme 1 secp256k1; 3 BLS12-381, where the proof is the sum of the signatures, a point
           of G2 as EIP-2537 writes it (256 bytes)
    @param excluded the member whose signature does not count; zero for nobody
    """
    return self._verify(scheme, attestation, bitmap, proof, excluded)


@external
@view
def check_quorum(
    committee: bytes32, digest: bytes32, bitmap: uint256, proof: Bytes[2080]
) -> bool:
    """
    @notice See that a quorum signed a digest with secp256k1, for a consumer with a format, a domain
            and rules of time of its own
    @dev Reverts with committee, period, proof length, quorum, bitmap, high s, v or signer
    @param committee the newest one's id or that of the one before it, within its validity
    @param bitmap as for `verify`
    @param proof as for `verify`
    @return true
    """
    committees.require_known(committee)
    rules: committees.Rules = committees.read(committee)
    assert rules.valid_from <= block.timestamp, "period"
    assert block.timestamp <= rules.valid_until, "period"
    self._check_signatures(committee, rules, digest, bitmap, proof, empty(address))
    return True


@external
@view
def digest(attestation: HealthAttestation) -> bytes32:
    """
    @notice Give the EIP-712 digest that a quorum must sign
    """
    return self._digest(attestation)


# Leaves


@external
@view
def verify_position_leaf(
    attestation: HealthAttestation,
    leaf: leaves.PositionLeaf,
    siblings: DynArray[bytes32, merkle.MAX_DEPTH],
) -> bytes32:
    """
    @notice Check that a position is in an attestation
    @dev The header is not verified here: compare the digest with one that `verify` gave. Reverts
         with index, siblings or leaf
    @param siblings from the leaf up
    @return the digest of the attestation
    """
    leaves.check_position(
        leaf, attestation.positionsRoot, attestation.positionCount, siblings
    )
    return self._digest(attestation)


@external
@view
def verify_price_leaf(
    attestation: HealthAttestation,
    leaf: leaves.PriceLeaf,
    siblings: DynArray[bytes32, merkle.MAX_DEPTH],
) -> bytes32:
    """
    @notice Check that a price is in an attestation and no older than its heartbeat
    @dev The header is not verified here: compare the digest with one that `verify` gave. Reverts
         with index, leaf, future price or stale price
    @param siblings from the leaf up
    @return the digest of the attestation
    """
    leaves.check_price(leaf, attestation.pricesRoot, siblings, CLOCK_TOLERANCE_S)
    return self._digest(attestation)


# Committees


@external
def rotate(
    terms: committees.Terms,
    members: DynArray[committees.Member, committees.MAX_MEMBERS],
    scheme: uint8,
    bitmap: uint256,
    proof: Bytes[2080],
) -> bytes32:
    """
    @notice Hand over to the committee that the newest one's quorum named; anybody may bring it
    @dev The quorum signs the digest of the CommitteeRecord in the deployment's domain. Until the
         new one starts the old one goes on. Reverts with predecessor, epoch, start, early (the
         newest has not started yet), expired (its time is over, or the new one's), threshold,
         validity, members not ascending, keys, or as `verify_scheme`
    @param terms the new record without keysRoot
    @param members the new members, addresses ascending
    @param scheme in which the old quorum signed, 1 or 3
    @param bitmap who of the old members signed
    @param proof as for `verify_scheme`
    @return the new committee's id
    """
    old: bytes32 = committees.latest
    rules: committees.Rules = committees.read(old)
    assert terms.prevCommitteeId == old, "predecessor"
    assert convert(terms.epoch, uint256) == rules.epoch + 1, "epoch"
    starts: uint256 = convert(terms.validFrom, uint256)
    assert rules.valid_from < starts and starts <= rules.valid_until, "start"
    assert rules.valid_from <= block.timestamp, "early"
    assert block.timestamp <= rules.valid_until, "expired"
    assert block.timestamp <= convert(terms.validUntil, uint256), "expired"
    committees.check(terms, members)
    keys_root: bytes32 = committees.calculate_keys_root(members)
    signed: bytes32 = self._join_domain(committees.identify(terms, keys_root))
    self._check_proof(scheme, old, rules, signed, bitmap, proof, empty(address))
    id: bytes32 = committees.take(terms, members, keys_root)
    log Rotated(committee_id=id, epoch=terms.epoch)
    return id


@external
def register_key(
    committee: bytes32,
    index: uint256,
    ed25519_key: bytes32,
    key: uint256[4],
    proof: uint256[8],
    siblings: DynArray[bytes32, merkle.MAX_DEPTH],
):
    """
    @notice Store a member's BLS key, which the committee's record holds, after its proof of
            possession; anybody may bring it, and members without one sign with secp256k1 only
    @dev Reverts with committee, index, registered, infinity, key, possession, point or EIP-2537
    @param committee the newest committee's id or that of the one before it
    @param index the member's
    @param ed25519_key the member's in the record, zero for none
    @param key a point of G1 as EIP-2537 writes it
    @param proof of possession, a point of G2 the same way
    @param siblings of the member's leaf under keysRoot, from the leaf up
    """
    committees.register(committee, index, ed25519_key, key, proof, siblings)
    log KeyRegistered(committee_id=committee, index=index)


@external
@view
def committee_id() -> bytes32:
    """
    @notice Give the committee that may sign now
    """
    return committees.current()


@external
@view
def latest_committee_id() -> bytes32:
    """
    @notice Give the newest committee, which may not have started yet
    """
    return committees.latest


@external
@view
def threshold() -> uint256:
    """
    @notice Give how many members of the committee that may sign now must
    """
    return committees.read(committees.current()).threshold


@external
@view
def members() -> DynArray[address, 32]:
    """
    @notice Give the signers of the committee that may sign now, in the order of the bitmap
    """
    id: bytes32 = committees.current()
    listed: DynArray[address, 32] = []
    for i: uint256 in range(committees.read(id).count, bound=committees.MAX_MEMBERS):
        listed.append(committees.members[id][i])
    return listed


@external
@view
def registered_keys(committee: bytes32) -> uint256:
    """
    @notice Give a bitmap of the members whose BLS keys are stored
    """
    return committees.registered[committee]


@external
@view
def supports_bls() -> bool:
    """
    @notice Say whether this chain has the precompiles (EIP-2537) that BLS12-381 takes
    """
    return bls.is_available()


# How it is done


@internal
@view
def _verify(
    _scheme: uint8,
    _attestation: HealthAttestation,
    _bitmap: uint256,
    _proof: Bytes[2080],
    _excluded: address,
) -> bytes32:
    assert _attestation.schemaVersion == SCHEMA_VERSION, "schema"
    id: bytes32 = _attestation.committeeId
    newest: bool = committees.require_known(id)
    rules: committees.Rules = committees.read(id)
    assert convert(_attestation.epoch, uint256) == rules.epoch, "epoch"
    issued_at: uint256 = convert(_attestation.issuedAt, uint256)
    assert rules.valid_from <= block.timestamp, "period"
    assert block.timestamp <= rules.valid_until, "period"
    if not newest:
        assert issued_at < committees.read(committees.latest).valid_from, "superseded"
    if _attestation.audience != empty(bytes32):
        assert _attestation.audience == keccak256(abi_encode(chain.id, msg.sender)), "audience"
    expires_at: uint256 = convert(_attestation.expiresAt, uint256)
    assert expires_at >= block.timestamp, "expired"
    assert issued_at <= block.timestamp + CLOCK_TOLERANCE_S, "future"
    assert issued_at <= expires_at and expires_at - issued_at <= max_ttl, "ttl"
    digest: bytes32 = self._digest(_attestation)
    self._check_proof(_scheme, id, rules, digest, _bitmap, _proof, _excluded)
    return digest


@internal
@view
def _digest(_attestation: HealthAttestation) -> bytes32:
    return self._join_domain(keccak256(abi_encode(ATTESTATION_TYPEHASH, _attestation)))


@internal
@view
def _join_domain(_struct_hash: bytes32) -> bytes32:
    return keccak256(concat(x"1901", DOMAIN, _struct_hash))


@internal
@view
def _check_proof(
    _scheme: uint8,
    _id: bytes32,
    _rules: committees.Rules,
    _digest: bytes32,
    _bitmap: uint256,
    _proof: Bytes[2080],
    _excluded: address,
):
    assert _scheme == SECP256K1 or _scheme == BLS12_381, "scheme"
    if _scheme == SECP256K1:
        self._check_signatures(_id, _rules, _digest, _bitmap, _proof, _excluded)
    else:
        self._check_sum(_id, _rules, _digest, _bitmap, _proof, _excluded)


@internal
@view
def _check_signatures(
    _id: bytes32,
    _rules: committees.Rules,
    _digest: bytes32,
    _bitmap: uint256,
    _proof: Bytes[2080],
    _excluded: address,
):
    count: uint256 = len(_proof) // SIGNATURE_BYTES
    assert count * SIGNATURE_BYTES == len(_proof), "proof length"
    assert count >= _rules.threshold, "quorum"
    assert _bitmap >> _rules.count == 0, "bitmap"
    used: uint256 = 0
    counted: uint256 = 0
    for i: uint256 in range(_rules.count, bound=committees.MAX_MEMBERS):
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
        assert signer == committees.members[_id][i], "signer"
        used += 1
        if signer != _excluded:
            counted += 1
    assert used == count, "bitmap"
    assert counted >= _rules.threshold, "excluded"


@internal
@view
def _check_sum(
    _id: bytes32,
    _rules: committees.Rules,
    _digest: bytes32,
    _bitmap: uint256,
    _proof: Bytes[2080],
    _excluded: address,
):
    assert len(_proof) == SUM_BYTES, "proof length"
    assert _bitmap >> _rules.count == 0, "bitmap"
    signers: uint256 = 0
    counted: uint256 = 0
    for i: uint256 in range(_rules.count, bound=committees.MAX_MEMBERS):
        if (_bitmap >> i) & 1 == 1:
            signers += 1
            if _excluded == empty(address) or committees.members[_id][i] != _excluded:
                counted += 1
    assert signers >= _rules.threshold, "quorum"
    assert counted >= _rules.threshold, "excluded"
    key: uint256[4] = committees.join_keys(_id, _rules.count, _bitmap)
    signature: uint256[8] = abi_decode(slice(_proof, 0, SUM_BYTES), uint256[8])
    nothing: uint256 = 0
    for word: uint256 in signature:
        nothing |= word
    assert nothing != 0 and not bls.is_infinity(key), "infinity"
    message: Bytes[32] = slice(_digest, 0, 32)
    assert bls.is_signed(key, message, bls.SIGNATURE_TAG, signature), "signature"
