# pragma version 0.4.3
# @license Apache-2.0
"""
@title BLS12-381 signatures with keys in G1, by the precompiles of EIP-2537
@dev The proof-of-possession scheme of draft-irtf-cfrg-bls-signature-05 §4.2.3; messages are hashed
     to G2 as RFC 9380 says (expand_message_xmd with SHA-256, two maps, one sum). Points are words
     as EIP-2537 writes them: 16 zero bytes and 48 bytes for a number, c0 before c1. The pairing
     refuses points outside the subgroup; infinity is refused by whoever calls. Reverts with
     EIP-2537 on a chain without the precompiles and with point where one refuses a point, which
     costs all the gas it was given.
"""

MODEXP: constant(address) = 0x0000000000000000000000000000000000000005
G1_ADD: constant(address) = 0x000000000000000000000000000000000000000b
G2_ADD: constant(address) = 0x000000000000000000000000000000000000000d
PAIRING: constant(address) = 0x000000000000000000000000000000000000000F
MAP_TO_G2: constant(address) = 0x0000000000000000000000000000000000000011

# The field's prime, its upper 128 and lower 256 bits.
P_HIGH: constant(uint256) = 34565483545414906068789196026815425751
P_LOW: constant(uint256) = 45442060874369865957053122457065728162598490762543039060009208264153100167851
# The generator of G1 with y negated.
MINUS_GENERATOR: constant(uint256[4]) = [
    31827880280837800241567138048534752271,
    88385725958748408079899006800036250932223001591707578097800747617502997169851,
    22997279242622214937712647648895181298,
    46816884707101390882112958134453447585552332943769894357249934112654335001290,
]

# What is written behind a message, each with its length: of signatures, of proofs of possession.
SIGNATURE_TAG: constant(Bytes[44]) = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_\x2b"
POSSESSION_TAG: constant(Bytes[44]) = b"BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_\x2b"


@internal
@view
def is_available() -> bool:
    # A call of what is not there succeeds and answers nothing.
    done: bool = False
    answer: Bytes[128] = b""
    nothing: uint256[8] = empty(uint256[8])
    done, answer = raw_call(
        G1_ADD,
        abi_encode(nothing),
        max_outsize=128,
        is_static_call=True,
        revert_on_failure=False,
    )
    return done and len(answer) == 128


@internal
@view
def add(_one: uint256[4], _other: uint256[4]) -> uint256[4]:
    done: bool = False
    answer: Bytes[128] = b""
    done, answer = raw_call(
        G1_ADD,
        abi_encode(_one, _other),
        max_outsize=128,
        is_static_call=True,
        revert_on_failure=False,
    )
    self._check(done, len(answer))
    return abi_decode(answer, uint256[4])


@internal
@pure
def negate(_point: uint256[4]) -> uint256[4]:
    if _point[2] | _point[3] == 0:
        return _point
    borrowed: uint256 = 1 if _point[3] > P_LOW else 0
    low: uint256 = unsafe_sub(P_LOW, _point[3])
    return [_point[0], _point[1], P_HIGH - _point[2] - borrowed, low]


@internal
@pure
def is_infinity(_point: uint256[4]) -> bool:
    return _point[0] | _point[1] | _point[2] | _point[3] == 0


@internal
@pure
def compress(_key: uint256[4]) -> Bytes[48]:
    # 48 bytes of x; the first bit says so, the third that y is the greater of the two.
    twice: uint256 = unsafe_add(_key[3], _key[3])
    carried: uint256 = _key[3] >> 255
    high: uint256 = 2 * _key[2] + carried
    greater: bool = high > P_HIGH or (high == P_HIGH and twice > P_LOW)
    first: uint256 = _key[0] | (1 << 127) | ((1 << 125) if greater else 0)
    return concat(
        slice(convert(first, bytes32), 16, 16), convert(_key[1], bytes32)
    )


@internal
@view
def is_signed(
    _key: uint256[4], _message: Bytes[48], _tag: Bytes[44], _signature: uint256[8]
) -> bool:
    # e(key, H(message)) · e(−G, signature) = 1
    hashed: uint256[8] = self._hash_to_g2(_message, _tag)
    done: bool = False
    answer: Bytes[32] = b""
    done, answer = raw_call(
        PAIRING,
        abi_encode(_key, hashed, MINUS_GENERATOR, _signature),
        max_outsize=32,
        is_static_call=True,
        revert_on_failure=False,
    )
    self._check(done, len(answer))
    return convert(answer, uint256) == 1


@internal
@view
def _hash_to_g2(_message: Bytes[48], _tag: Bytes[44]) -> uint256[8]:
    blocks: bytes32[8] = self._expand(_message, _tag)
    one: uint256[8] = self._map(blocks[0], blocks[1], blocks[2], blocks[3])
    other: uint256[8] = self._map(blocks[4], blocks[5], blocks[6], blocks[7])
    done: bool = False
    answer: Bytes[256] = b""
    done, answer = raw_call(
        G2_ADD,
        abi_encode(one, other),
        max_outsize=256,
        is_static_call=True,
        revert_on_failure=False,
    )
    self._check(done, len(answer))
    return abi_decode(answer, uint256[8])


@internal
@pure
def _expand(_message: Bytes[48], _tag: Bytes[44]) -> bytes32[8]:
    zero: bytes32 = empty(bytes32)
    first: bytes32 = sha256(concat(zero, zero, _message, x"010000", _tag))
    blocks: bytes32[8] = empty(bytes32[8])
    for i: uint256 in range(8):
        before: bytes32 = first
        if i > 0:
            before = convert(
                convert(first, uint256) ^ convert(blocks[i - 1], uint256), bytes32
            )
        number: bytes1 = convert(convert(i + 1, uint8), bytes1)
        blocks[i] = sha256(concat(before, number, _tag))
    return blocks


@internal
@view
def _map(_a: bytes32, _b: bytes32, _c: bytes32, _d: bytes32) -> uint256[8]:
    done: bool = False
    answer: Bytes[256] = b""
    done, answer = raw_call(
        MAP_TO_G2,
        concat(self._reduce(_a, _b), self._reduce(_c, _d)),
        max_outsize=256,
        is_static_call=True,
        revert_on_failure=False,
    )
    self._check(done, len(answer))
    return abi_decode(answer, uint256[8])


@internal
@view
def _reduce(_high: bytes32, _low: bytes32) -> Bytes[64]:
    # 64 bytes modulo the prime: to the power of one.
    length: bytes32 = convert(64, bytes32)
    one: bytes32 = convert(1, bytes32)
    return raw_call(
        MODEXP,
        concat(
            length,
            one,
            length,
            _high,
            _low,
            x"01",
            convert(P_HIGH, bytes32),
            convert(P_LOW, bytes32),
        ),
        max_outsize=64,
        is_static_call=True,
    )


@internal
@pure
def _check(_done: bool, _length: uint256):
    assert _done, "point"
    assert _length > 0, "EIP-2537"
