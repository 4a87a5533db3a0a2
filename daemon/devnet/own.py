"""Our own contracts, deployed on a chain that runs already.

They stand outside the cached build because they are given what only a start knows: who signs, and
the deployment's id.
"""

from dataclasses import dataclass
from typing import Final

from chains.model.ids import Address
from daemon.devnet.live import LiveChain
from daemon.devnet.vyper_build import CONTRACTS, VERIFIERS, compile_vyper
from proofs.committee import Committee
from proofs.contract import build_constructor

MAX_TTL_S: Final = 3_600
"""The longest life the devnet's verifiers let an attestation give itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnContracts:
    """Where our contracts are on one chain."""

    rescue: Address
    liquidator: Address
    verifier: Address


def deploy_own(
    chain: LiveChain, *, deployment: str, keeper: Address, committee: Committee
) -> OwnContracts:
    """Deploy all three: the verifier trusts `committee`, the keeper operates the liquidator.

    The salt is keccak(`deployment`), as everywhere. The keeper owns the liquidator too, so the
    profit of a liquidation is seen in its own balance.
    """
    tokens, market = chain.deployment.tokens, chain.deployment.aave
    return OwnContracts(
        verifier=deploy_verifier(chain, deployment=deployment, committee=committee),
        rescue=chain.deploy(compile_vyper(CONTRACTS / "rescue.vy"), tokens["WETH"].address),
        liquidator=chain.deploy(
            compile_vyper(CONTRACTS / "liquidator.vy"),
            *(keeper, keeper, [market.pool], chain.deployment.uniswap.router),
        ),
    )


def deploy_verifier(chain: LiveChain, *, deployment: str, committee: Committee) -> Address:
    """Deploy a verifier that trusts a committee, and its successors."""
    arguments = build_constructor(deployment, committee, MAX_TTL_S)
    return chain.deploy(compile_vyper(VERIFIERS / "verifier.vy"), *arguments)
