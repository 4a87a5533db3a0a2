# pragma version 0.4.3
# @license Apache-2.0
"""
@title Accounts by id, and who owns them on this chain
@dev An id is made of the chain and the address that opened it, so nobody can take another's. On
     every other chain the owner is named by both sides: the first owner signs for an address there
     and that address brings the signature; or, where the first owner is a contract, the home chain
     tells it as a fact. Names of owners are only ever changed while nothing is at stake there.
"""
import facts as told

uses: told


event Opened:
    account: indexed(bytes32)
    owner: indexed(address)
    user_salt: bytes32


event LinkAnnounced:
    account: indexed(bytes32)
    chain: indexed(uint64)
    owner: indexed(address)
    nonce: uint256


event Linked:
    account: indexed(bytes32)
    owner: indexed(address)


event Unlinked:
    account: indexed(bytes32)


ACCOUNT: constant(bytes32) = keccak256("PlimsollVaultAccount")
DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,bytes32 salt)"
)
LINK_TYPEHASH: constant(bytes32) = keccak256(
    "VaultLink(bytes32 account,uint64 chainId,address owner,uint256 nonce)"
)
ADDRESS_BITS: constant(uint256) = 160

# keccak256 of the deployment id, the same on all chains.
salt: public(immutable(bytes32))
DOMAIN: immutable(bytes32)

owner_of: public(HashMap[bytes32, address])
# Whether an account was opened on this chain.
is_home: public(HashMap[bytes32, bool])
# What the next signature of a first owner must name.
link_nonce: public(HashMap[bytes32, uint256])
# The newest announcement that was taken, or made.
announced: HashMap[bytes32, HashMap[uint64, uint256]]


@deploy
def __init__(_salt: bytes32):
    assert _salt != empty(bytes32), "salt"
    salt = _salt
    DOMAIN = keccak256(
        abi_encode(DOMAIN_TYPEHASH, keccak256("Plimsoll/VaultStatement"), keccak256("1"), _salt)
    )


@external
def open(user_salt: bytes32) -> bytes32:
    """
    @notice Open an account whose home is this chain
    @dev Reverts with account when it is open already
    @return its id
    """
    id: bytes32 = self._id(convert(chain.id, uint64), msg.sender, user_salt)
    self._require_free(id)
    self.owner_of[id] = msg.sender
    self.is_home[id] = True
    log Opened(account=id, owner=msg.sender, user_salt=user_salt)
    return id


@external
def link(home_chain: uint64, first_owner: address, user_salt: bytes32, signature: Bytes[65]) -> bytes32:
    """
    @notice Become the owner on this chain of an account opened on another, as its first owner signed
    @dev He signs VaultLink(account, this chain, the caller, link_nonce(account)) in the domain of
         the vaults' statements. Reverts with home, account (somebody owns it here) or signature
    @return the account's id
    """
    id: bytes32 = self._foreign_id(home_chain, first_owner, user_salt)
    self._require_free(id)
    nonce: uint256 = self.link_nonce[id]
    struct_hash: bytes32 = keccak256(
        abi_encode(LINK_TYPEHASH, id, convert(chain.id, uint64), msg.sender, nonce)
    )
    signed: bytes32 = keccak256(concat(x"1901", DOMAIN, struct_hash))
    assert len(signature) == 65, "signature"
    signer: address = ecrecover(
        signed,
        convert(slice(signature, 64, 1), uint256),
        convert(extract32(signature, 0), uint256),
        convert(extract32(signature, 32), uint256),
    )
    # What is no signature recovers to nobody, who is no first owner.
    assert signer == first_owner and signer != empty(address), "signature"
    self._set_owner(id, msg.sender)
    return id


@external
def announce_link(account: bytes32, chain_id: uint64, owner: address):
    """
    @notice Name the owner of one's account on another chain; nobody to take it from him there
    @dev It holds there once it is taken as a fact. Reverts with owner or home
    """
    self.require_owner(account)
    assert self.is_home[account] and chain_id != convert(chain.id, uint64), "home"
    nonce: uint256 = self.announced[account][chain_id] + 1
    self.announced[account][chain_id] = nonce
    key: bytes32 = told.linked_key(account, chain_id)
    told.facts[key] = convert(owner, uint256) | (nonce << ADDRESS_BITS)
    log LinkAnnounced(account=account, chain=chain_id, owner=owner, nonce=nonce)


@external
@view
def account_id(home_chain: uint64, first_owner: address, user_salt: bytes32) -> bytes32:
    """
    @notice Give the id that such an account has
    """
    return self._id(home_chain, first_owner, user_salt)


@internal
@view
def require_owner(_account: bytes32):
    assert msg.sender == self.owner_of[_account], "owner"


@internal
@view
def _require_free(_account: bytes32):
    assert self.owner_of[_account] == empty(address), "account"


@internal
@view
def require_known(_account: bytes32):
    assert self.owner_of[_account] != empty(address), "account"


@internal
def take_linked(_account: bytes32, _word: uint256) -> bool:
    # Whether the owner changes; the caller has checked the fact and then sees what is at stake.
    here: uint64 = convert(chain.id, uint64)
    nonce: uint256 = _word >> ADDRESS_BITS
    assert nonce > self.announced[_account][here], "old"
    self.announced[_account][here] = nonce
    named: address = convert(_word & (2**ADDRESS_BITS - 1), address)
    before: address = self.owner_of[_account]
    if named != before:
        self._set_owner(_account, named)
    return before != empty(address) and named != before


@internal
def unlink(_account: bytes32):
    # An account's home keeps its owner.
    assert not self.is_home[_account], "home"
    self._set_owner(_account, empty(address))


@internal
def _set_owner(_account: bytes32, _owner: address):
    # No signature that was given before serves again.
    self.link_nonce[_account] += 1
    self.owner_of[_account] = _owner
    if _owner == empty(address):
        log Unlinked(account=_account)
    else:
        log Linked(account=_account, owner=_owner)


@internal
@view
def _foreign_id(_home_chain: uint64, _first_owner: address, _user_salt: bytes32) -> bytes32:
    assert _home_chain != convert(chain.id, uint64), "home"
    return self._id(_home_chain, _first_owner, _user_salt)


@internal
@view
def _id(_home_chain: uint64, _first_owner: address, _user_salt: bytes32) -> bytes32:
    return keccak256(abi_encode(ACCOUNT, salt, _home_chain, _first_owner, _user_salt))
