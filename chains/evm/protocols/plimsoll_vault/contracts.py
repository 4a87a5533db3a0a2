"""The functions of the vault, seizure and notary contracts that are used here.

Source: contracts/vault/vault.vy, seizure.vy, notary.vy and their interfaces beside them.
"""

from typing import Final

from chains.evm.abi.function import Function

ACCOUNT: Final = ("bytes32",)
UNITS: Final = ("uint256",)
ORDER: Final = "(uint64,uint64,bytes32,uint8,uint8,uint256,uint256,uint256,uint16,uint64,uint256)"
RECEIPT: Final = "(bytes32,uint32,address,uint256,uint256)"
ENTRY: Final = (
    "(uint64,uint64,uint64,uint256[],uint256[],uint256[],uint256[],uint256[],uint256,uint256[])"
)
QUANTITIES: Final = f"(bytes32,bytes32,uint64,uint64,{ENTRY}[])"
WITNESS: Final = ("uint64", "uint256", "bytes", "bytes")
"""What says that a fact is true: its height, the signers' bitmap, their proof, a storage proof."""

ASSET_COUNT: Final = Function("asset_count", (), ("uint8",))
ASSET_TERMS: Final = Function(
    "terms",
    ("uint8",),
    (
        "(address,uint256,uint256,uint256,uint256)",  # token, scale, ltv, threshold, max rate
    ),
)
PRICE: Final = Function("price", ("uint8",), UNITS)
LEGS: Final = Function("legs", ACCOUNT, ("(uint256[],uint256[],uint256[],uint256[],uint256[])",))
BAD_DEBT: Final = Function("bad_debt", ("bytes32", "uint8"), UNITS)
OWNER_OF: Final = Function("owner_of", ACCOUNT, ("address",))
LENT_TO: Final = Function("lent_to", ("uint64", "uint8"), UNITS)
BORROWED_FROM: Final = Function("borrowed_from", ("uint64", "uint8"), UNITS)
LINE_CAP: Final = Function("line_cap", ("uint64", "uint8"), UNITS)
IN_CAP: Final = Function("in_cap", ("uint64", "uint8"), UNITS)
CLAIM_ROOM: Final = Function("claim_room", ("uint8",), UNITS)
SEIZURE: Final = Function("seizure", (), ("address",))
POOL: Final = Function("pool", (), ("address",))
POOL_STATE: Final = Function(
    "pool",
    ("uint8",),
    ("(uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256)",),
)

HEALTH: Final = Function("health", ACCOUNT, ("uint256", "uint256"))
JUDGE: Final = Function("judge", (), ("address",))
STATEMENT: Final = Function("statement", ACCOUNT, UNITS * 2)
JUDGE_TERMS: Final = Function("terms", (), (f"({','.join(['uint256'] * 14)})",))
JUDGED_FIELDS: Final = {
    "weight": "uint256",
    "debt": "uint256",
    "low_weight": "uint256",
    "low_debt": "uint256",
    "own_weight": "uint256",
    "read_weight": "uint256",
    "gross_weight": "uint256",
    "filled": "uint256",
    "abroad": "bool",
    "never": "bool",
    "unread": "bool",
    "busy": "bool",
    "oldest": "uint256",
}
"""The sums of a judgement, in order: IJudge.Judged."""
JUDGED: Final = Function("judge", ACCOUNT, (f"({','.join(JUDGED_FIELDS.values())})",))
PLAN_FIELDS: Final = {
    "value": "uint256",
    "margin": "uint256",
    "bonus_bps": "uint256",
    "collateral_price": "uint256",
    "debt_price": "uint256",
    "health": "uint256",
    "units": "uint256",
    "free": "uint256",
    "spare": "uint256[]",
    "resting": "bool",
    "abroad": "bool",
    "oldest": "uint256",
}
"""What the judge allows of a liquidation, in order: IJudge.Plan."""
PLAN: Final = f"({','.join(PLAN_FIELDS.values())})"
PLAN_LOCK: Final = Function("plan_lock", ("bytes32", "uint8", "uint64", "uint8"), (PLAN,))
PLAN_LIQUIDATION: Final = Function("plan_liquidation", ("bytes32", "uint8", "uint8"), (PLAN,))

RAISE_LINE: Final = Function("raise_line", ("bytes32", "uint64", "uint8", "uint256"))
LOWER_LINE: Final = Function("lower_line", ("bytes32", "uint64", "uint8", "uint256"))

POST_QUANTITIES: Final = Function("post_quantities", (QUANTITIES, "uint256", "bytes"))
LOCK: Final = Function("lock", ("bytes32", "uint8", "uint64", "uint8"), (ORDER,))
FILL: Final = Function("fill", (ORDER, "uint256", "address"), (RECEIPT,))
REGISTER_AND_FILL: Final = Function(
    "register_and_fill", (ORDER, "uint256", "address", *WITNESS), (RECEIPT,)
)
CLOSE: Final = Function("close", (ORDER,))
CLAIM: Final = Function("claim", (ORDER, RECEIPT, *WITNESS), UNITS)
CLAIM_REST: Final = Function("claim_rest", (ORDER, "uint32"), UNITS)
RELEASE: Final = Function("release", (ORDER, "uint256", *WITNESS))
TAKE_RAISED: Final = Function("take_raised", ("bytes32", "uint64", "uint8", "uint256", *WITNESS))
TAKE_LOWERED: Final = Function("take_lowered", ("bytes32", "uint64", "uint8", "uint256", *WITNESS))
TAKE_LINK: Final = Function("take_link", ("uint64", "address", "bytes32", "uint256", *WITNESS))
LIQUIDATE: Final = Function(
    "liquidate", ("bytes32", "uint8", "uint8", "uint256", "address"), UNITS * 2
)
PROVIDE: Final = Function("provide", ("bytes32", "uint8"), UNITS)
WRITE_DOWN: Final = Function("write_down", ("bytes32", "uint8"), UNITS)
