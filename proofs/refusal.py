"""Every reason for which an attestation is refused, each with its exit code and what to do."""

from enum import Enum
from typing import Final

_AGAIN: Final = "fetch the file again; it was changed or damaged"
_CHANGED: Final = "the file was changed after signing: do not rely on it"
_NEWER: Final = "ask for a newer attestation"
_PUBLISHER: Final = "do not rely on it and tell its publisher"


class Refusal(Enum):
    """Why an attestation is refused; codes from 10 on are exit codes of `plimsoll verify`."""

    MALFORMED = (10, _AGAIN)
    UNKNOWN_FIELD = (11, _AGAIN)
    MISSING_FIELD = (12, _AGAIN)
    DUPLICATED_FIELD = (13, _AGAIN)
    BAD_TYPE = (14, _AGAIN)
    NOT_CANONICAL = (15, "only the exact RFC 8785 bytes are taken; do not reformat the file")
    SCHEMA = (16, "this verifier knows schema 1 only; update it")

    DEPLOYMENT = (20, "it belongs to another deployment; check --deployment")
    AUDIENCE = (21, "it is meant for another consumer; ask for one for yours or for anybody")
    COMMITTEE = (22, "it names another committee than yours; check --committee and --member")
    COMMITTEE_ID = (23, _CHANGED)
    COMMITTEE_RULES = (24, "no quorum of such a committee can be trusted")
    COMMITTEE_PERIOD = (25, "the committee may not sign now; ask for one of the current set")
    COMMITTEE_UNKNOWN = (26, "your chain of committees does not reach it; fetch the chain again")
    COMMITTEE_SUPERSEDED = (27, "another committee has taken over; ask for one of the current set")
    COMMITTEE_CHAIN = (28, "no quorum handed over to it: do not rely on it")
    COMMITTEE_FORK = (29, "one quorum named two successors: stop, and look for a fraud proof")

    LEAF = (30, _PUBLISHER)
    REFERENCE = (31, _PUBLISHER)
    DUPLICATED_LEAF = (32, _PUBLISHER)
    ACCOUNTS_ROOT = (33, _CHANGED)
    BLOCKS_ROOT = (34, _CHANGED)
    POSITIONS_ROOT = (35, _CHANGED)
    PRICES_ROOT = (36, _CHANGED)
    COUNT = (37, _CHANGED)
    VALUE = (38, _PUBLISHER)
    HEALTH = (39, _PUBLISHER)

    EXPIRED = (40, _NEWER)
    FUTURE = (41, "check this machine's clock, then ask for another attestation")
    TTL = (42, "its life is longer than you allow; do not rely on it")
    SKEW = (43, "its chains were read too far apart; ask for another attestation")
    STALE_PRICE = (44, _NEWER)
    FUTURE_PRICE = (45, "check this machine's clock, then ask for another attestation")
    MIN_PRICE_TIME = (46, _PUBLISHER)

    QUORUM = (50, "too few members signed: do not rely on it")
    SIGNER_ORDER = (51, _PUBLISHER)
    SIGNER_UNKNOWN = (52, _PUBLISHER)
    HIGH_S = (53, "the signature was rewritten; fetch the original")
    SIGNATURE = (54, _CHANGED)
    SCHEME = (55, "the committee does not sign in this scheme, or this verifier is too old")
    MEMBER_KEY = (56, "a member's key is weak, or he does not hold it: do not rely on it")

    PARAMS_HASH = (70, _CHANGED)
    PARAMS = (71, _PUBLISHER)

    EVIDENCE = (72, "the evidence is damaged; fetch it again")
    EVIDENCE_BLOCK = (73, "the evidence is of another block; fetch that of this attestation")
    EVIDENCE_HASH = (74, "the evidence is not the one that was signed; fetch it again")
    EVIDENCE_MISSING = (75, "the evidence does not reach; fetch it again")
    EVIDENCE_CODE = (76, "a contract is none that this verifier knows; update it, or use --rpc")
    UNPROVED = (77, _PUBLISHER)
    OMITTED = (78, _PUBLISHER)
    CONTRADICTED = (79, _PUBLISHER)

    @property
    def code(self) -> int:
        """The exit code."""
        return self.value[0]

    @property
    def advice(self) -> str:
        """What to do about it."""
        return self.value[1]


class Refused(ValueError):
    """An attestation is not accepted; `refusal` is the reason, `detail` where it was found."""

    def __init__(self, refusal: Refusal, detail: str) -> None:
        super().__init__(f"{detail}; {refusal.advice}")
        self.refusal: Final = refusal
        self.detail: Final = detail
