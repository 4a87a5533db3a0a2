# pragma version 0.4.3
# @license Apache-2.0
"""
@title Plimsoll notary: which statements of the committee count on this chain
@notice It knows the other chains' vaults and seizures and the one committee that counts here now. A
        successor that the verifier has taken counts after `rotation_delay`, so that all vaults can
        be seen to know it first; a deployment whose committee is gone names another verifier
        through its owner, a timelock, and waits `successor_delay` more.
@dev Consumers call views that give true or revert with a short reason. Where an anchor gives a
     chain's state root, a storage proof of the same word is demanded beside the signatures.
"""
import INotary

implements: INotary


interface Verifier:
    def salt() -> bytes32: view
    def latest_committee_id() -> bytes32: view
    def check_quorum(
        committee: bytes32, digest: bytes32, bitmap: uint256, proof: Bytes[2080]
    ) -> bool: view


interface Anchor:
    def state_root(height: uint64) -> bytes32: view


interface Prover:
    def read_word(
        state_root: bytes32, contract: address, slot: bytes32, proof: Bytes[12288]
    ) -> uint256: view


event Sealed:
    owner: indexed(address)
    vault: address
    seizure: address


event PeerSet:
    chain_id: indexed(uint64)
    vault: address
    seizure: address


event AnchorSet:
    chain_id: indexed(uint64)
    anchor: address


event CommitteeComing:
    committee: indexed(bytes32)
    counts_at: uint256


event VerifierProposed:
    verifier: indexed(address)
    counts_at: uint256


event VerifierTaken:
    verifier: indexed(address)
    committee: indexed(bytes32)


event LossAnnounced:
    chain_id: indexed(uint64)
    counts_at: uint256


event LossWithdrawn:
    chain_id: indexed(uint64)


MAX_PEERS: constant(uint256) = 8
DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,bytes32 salt)"
)
FACT_TYPEHASH: constant(bytes32) = keccak256(
    "VaultFact(bytes32 committeeId,uint64 chainId,address source,bytes32 key,uint256 value,uint64 height)"
)
LOSS_TYPEHASH: constant(bytes32) = keccak256(
    "VaultChainLost(bytes32 committeeId,uint64 chainId,uint64 issuedAt)"
)
# Where `facts` lies in the vault and in the seizure.
FACTS_SLOT: constant(uint256) = 0

DEPLOYER: immutable(address)
DOMAIN: immutable(bytes32)
salt: public(immutable(bytes32))
prover: public(immutable(address))
rotation_delay: public(immutable(uint256))
successor_delay: public(immutable(uint256))
lost_delay: public(immutable(uint256))

owner: public(address)
vault: public(address)
seizure: public(address)
verifier: public(address)
anchors: public(HashMap[uint64, address])
peers: HashMap[uint64, INotary.Peer]
chains: DynArray[uint64, MAX_PEERS]

counting: bytes32
coming: public(bytes32)
coming_at: public(uint256)
successor: public(address)
successor_at: public(uint256)
lost_at: public(HashMap[uint64, uint256])
# The newest announcement of a chain's loss: an older one cannot be brought again.
loss_issued_at: HashMap[uint64, uint64]


@deploy
def __init__(
    _salt: bytes32,
    _verifier: address,
    _prover: address,
    _rotation_delay: uint256,
    _successor_delay: uint256,
    _lost_delay: uint256,
):
    """
    @param _salt keccak256 of the deployment id, the verifier's own
    @param _verifier whose newest committee counts from the start
    @param _prover checks storage proofs; zero where no chain is ever anchored
    @param _rotation_delay seconds before a successor of the committee counts
    @param _successor_delay seconds before another verifier counts, beside the owner's own delay
    @param _lost_delay seconds before a chain announced as lost counts as lost
    """
    assert staticcall Verifier(_verifier).salt() == _salt, "salt"
    assert _rotation_delay > 0 and _successor_delay > 0 and _lost_delay > 0, "delay"
    DEPLOYER = msg.sender
    salt = _salt
    prover = _prover
    rotation_delay = _rotation_delay
    successor_delay = _successor_delay
    lost_delay = _lost_delay
    DOMAIN = keccak256(
        abi_encode(DOMAIN_TYPEHASH, keccak256("Plimsoll/VaultStatement"), keccak256("1"), _salt)
    )
    self.verifier = _verifier
    self.counting = staticcall Verifier(_verifier).latest_committee_id()


@external
def seal(
    owner: address, vault: address, seizure: address, peers: DynArray[INotary.Peer, MAX_PEERS]
):
    """
    @notice Say once whose this is, and where the vaults are; nothing is checked before
    @dev Only by the deployer. Reverts with deployer, sealed, owner or peer
    """
    assert msg.sender == DEPLOYER, "deployer"
    assert self.owner == empty(address), "sealed"
    assert owner != empty(address), "owner"
    self.owner = owner
    self.vault = vault
    self.seizure = seizure
    for peer: INotary.Peer in peers:
        self._set_peer(peer)
    log Sealed(owner=owner, vault=vault, seizure=seizure)


# Statements


@external
@view
def check_fact(
    chain_id: uint64,
    of_seizure: bool,
    key: bytes32,
    word: uint256,
    height: uint64,
    bitmap: uint256,
    proof: Bytes[2080],
    storage_proof: Bytes[12288],
) -> bool:
    """
    @notice See that at finalised block `height` the peer's vault, or seizure, has facts[key] == word
    @dev Reverts with sealed, peer, anchor (no state root for that height), fact (the storage proof
         says otherwise), or as the prover's `read_word` and `check_quorum`
    """
    peer: INotary.Peer = self.peers[chain_id]
    source: address = peer.seizure if of_seizure else peer.vault
    assert source != empty(address), "peer"
    id: bytes32 = self._committee()
    struct_hash: bytes32 = keccak256(
        abi_encode(FACT_TYPEHASH, id, chain_id, source, key, word, height)
    )
    self._check_quorum(id, struct_hash, bitmap, proof)
    anchor: address = self.anchors[chain_id]
    if anchor != empty(address):
        root: bytes32 = staticcall Anchor(anchor).state_root(height)
        assert root != empty(bytes32), "anchor"
        slot: bytes32 = keccak256(concat(convert(FACTS_SLOT, bytes32), key))
        found: uint256 = staticcall Prover(prover).read_word(root, source, slot, storage_proof)
        assert found == word, "fact"
    return True


@external
@view
def check_quorum(struct_hash: bytes32, bitmap: uint256, proof: Bytes[2080]) -> bool:
    """
    @notice See that a quorum of the committee that counts signed a struct in the vaults' domain
    @dev The struct must name that committee. Reverts with sealed, or as the verifier's
    """
    self._check_quorum(self._committee(), struct_hash, bitmap, proof)
    return True


@external
@view
def committee() -> bytes32:
    """
    @notice Give the id of the committee whose statements count here now
    """
    return self._committee()


@external
@view
def peer(chain_id: uint64) -> INotary.Peer:
    """
    @notice Give another chain's vault and seizure; zero addresses where there are none
    """
    return self.peers[chain_id]


@external
@view
def peer_chains() -> DynArray[uint64, MAX_PEERS]:
    """
    @notice Give the ids of the other chains that have vaults, in the order they were added
    """
    return self.chains


@external
@view
def is_lost(chain_id: uint64) -> bool:
    """
    @notice Say whether a chain was announced as lost and the delay is over
    """
    at: uint256 = self.lost_at[chain_id]
    return at != 0 and block.timestamp >= at


# Committees


@external
def note_committee():
    """
    @notice Let the verifier's newest committee count after `rotation_delay`; anybody may
    """
    assert self.owner != empty(address), "sealed"
    self.counting = self._committee()
    newest: bytes32 = staticcall Verifier(self.verifier).latest_committee_id()
    if newest == self.counting:
        self.coming = empty(bytes32)
        self.coming_at = 0
    elif newest != self.coming:
        self.coming = newest
        self.coming_at = block.timestamp + rotation_delay
        log CommitteeComing(committee=newest, counts_at=self.coming_at)


@external
def propose_verifier(verifier: address):
    """
    @notice Announce another verifier, of a successor committee; zero withdraws the announcement
    @dev Only the owner. Reverts with owner or salt
    """
    assert msg.sender == self.owner, "owner"
    self.successor = verifier
    self.successor_at = 0
    if verifier != empty(address):
        assert staticcall Verifier(verifier).salt() == salt, "salt"
        self.successor_at = block.timestamp + successor_delay
    log VerifierProposed(verifier=verifier, counts_at=self.successor_at)


@external
def take_verifier():
    """
    @notice Let the announced verifier count once its delay is over; anybody may
    @dev Reverts with verifier
    """
    assert self.successor_at != 0 and block.timestamp >= self.successor_at, "verifier"
    self.verifier = self.successor
    self.counting = staticcall Verifier(self.successor).latest_committee_id()
    self.coming = empty(bytes32)
    self.coming_at = 0
    self.successor = empty(address)
    self.successor_at = 0
    log VerifierTaken(verifier=self.verifier, committee=self.counting)


# Chains


@external
def set_peer(peer: INotary.Peer):
    """
    @notice Add another chain, or name its vault and seizure anew
    @dev Only the owner. Reverts with owner or peer
    """
    assert msg.sender == self.owner, "owner"
    self._set_peer(peer)


@external
def set_anchor(chain_id: uint64, anchor: address):
    """
    @notice Demand storage proofs of a chain's facts, against what the anchor says its state roots
            are; zero demands none
    @dev Only the owner. Reverts with owner or prover
    """
    assert msg.sender == self.owner, "owner"
    assert prover != empty(address), "prover"
    self.anchors[chain_id] = anchor
    log AnchorSet(chain_id=chain_id, anchor=anchor)


@external
def announce_lost(chain_id: uint64, issued_at: uint64, bitmap: uint256, proof: Bytes[2080]):
    """
    @notice Announce that a chain is lost for good, as a quorum says; counts after `lost_delay`
    @dev Reverts with peer, issued (not newer than the last one), future, or as `check_quorum`
    """
    assert self.peers[chain_id].chain_id != 0, "peer"
    assert issued_at > self.loss_issued_at[chain_id], "issued"
    assert convert(issued_at, uint256) <= block.timestamp, "future"
    id: bytes32 = self._committee()
    struct_hash: bytes32 = keccak256(abi_encode(LOSS_TYPEHASH, id, chain_id, issued_at))
    self._check_quorum(id, struct_hash, bitmap, proof)
    self.loss_issued_at[chain_id] = issued_at
    if self.lost_at[chain_id] == 0:
        self.lost_at[chain_id] = block.timestamp + lost_delay
    log LossAnnounced(chain_id=chain_id, counts_at=self.lost_at[chain_id])


@external
def withdraw_loss(chain_id: uint64):
    """
    @notice Take back that a chain is lost, before or after it counts
    @dev Only the owner. An announcement signed before this moment cannot be brought again. Reverts
         with owner
    """
    assert msg.sender == self.owner, "owner"
    self.lost_at[chain_id] = 0
    self.loss_issued_at[chain_id] = convert(block.timestamp, uint64)
    log LossWithdrawn(chain_id=chain_id)


# How it is done


@internal
@view
def _committee() -> bytes32:
    if self.coming_at != 0 and block.timestamp >= self.coming_at:
        return self.coming
    return self.counting


@internal
@view
def _check_quorum(_id: bytes32, _struct_hash: bytes32, _bitmap: uint256, _proof: Bytes[2080]):
    assert self.owner != empty(address), "sealed"
    digest: bytes32 = keccak256(concat(x"1901", DOMAIN, _struct_hash))
    assert staticcall Verifier(self.verifier).check_quorum(_id, digest, _bitmap, _proof), "quorum"


@internal
def _set_peer(_peer: INotary.Peer):
    id: uint64 = _peer.chain_id
    assert id != 0 and id != convert(chain.id, uint64), "peer"
    assert _peer.vault != empty(address) and _peer.seizure != empty(address), "peer"
    if self.peers[id].chain_id == 0:
        assert len(self.chains) < MAX_PEERS, "peer"
        self.chains.append(id)
    self.peers[id] = _peer
    log PeerSet(chain_id=id, vault=_peer.vault, seizure=_peer.seizure)
