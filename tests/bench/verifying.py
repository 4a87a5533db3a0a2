"""What verifier.vy costs: the gas of whole transactions, by scheme and size of the committee.

The bits that sign are spread over the committee, so BLS keys are summed the dearer way there is.
"""

from collections.abc import Callable, Iterator
from typing import Final

from proofs.scheme import Scheme
from tests.bench.figures import Figure, Figures, format_rows
from tests.proofs import keys
from tests.proofs.conftest import Chain, Verifier, describe
from tests.proofs.quorums import sign_envelope
from tests.support.nodes import running_anvil

SIZES: Final = ((1, 1), (3, 4), (5, 7), (13, 19))
NAMES: Final = {Scheme.SECP256K1: "secp256k1", Scheme.BLS12_381: "bls"}
TARGETS: Final = {(Scheme.SECP256K1, 5, 7): 90_000, (Scheme.BLS12_381, 5, 7): 260_000}


def run(say: Callable[[str], None]) -> Figures:
    """Send one transaction for each scheme and size."""
    with running_anvil(automine=True) as anvil:
        used = dict(_measure(Chain(anvil.rpc.url)))
    say("\n".join(_format_table(used)))
    return {
        f"proofs.gas_{NAMES[scheme]}_{signers}of{members}": Figure(
            value=gas, unit="gas", target=TARGETS.get((scheme, signers, members))
        )
        for (scheme, signers, members), gas in used.items()
    }


def _measure(chain: Chain) -> Iterator[tuple[tuple[Scheme, int, int], int]]:
    for signers, members in SIZES:
        committee = keys.committee(members, signers)
        verifier = chain.deploy_for(committee)
        verifier.register(committee)
        for scheme in NAMES:
            yield (scheme, signers, members), measure(verifier, scheme, signers, members)


def measure(verifier: Verifier, scheme: Scheme, signers: int, members: int) -> int:
    """Give the gas of a transaction that only has a quorum checked."""
    indices = sorted(range(members), key=lambda index: (index % 2, index))[:signers]
    committee = keys.committee(members, signers)
    envelope = sign_envelope(scheme, committee, sorted(indices), now=verifier.time)
    number, header, bitmap, proof = describe(envelope)
    if scheme is Scheme.SECP256K1:
        return verifier.send("verify", header, bitmap, proof)
    nobody = "0x" + "00" * 20
    return verifier.send("verify_scheme", number, header, bitmap, proof, nobody)


def _format_table(used: dict[tuple[Scheme, int, int], int]) -> list[str]:
    rows = [("gas", *(f"{signers} of {members}" for signers, members in SIZES))]
    for scheme, name in NAMES.items():
        found = [f"{used[scheme, signers, members]:,}" for signers, members in SIZES]
        rows.append((name, *found))
    return format_rows(rows)
