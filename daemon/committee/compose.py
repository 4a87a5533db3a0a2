"""One member's parts, made from settings, its key, its chains and its stores."""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import assert_never

from chains.model.ids import ChainId
from config.committee import CommitteeSettings, MemberSettings
from config.errors import ConfigError
from config.settings import Settings
from daemon.attest import Record
from daemon.board import Attested, Board
from daemon.collect import collect
from daemon.committee.catchup import CatchUp
from daemon.committee.client import Peers
from daemon.committee.frauds import FraudWatch
from daemon.committee.member import Member
from daemon.committee.membership import Membership
from daemon.committee.post import Post
from daemon.committee.recompute import NO_POLICY, Recomputer
from daemon.committee.refusals import Refusals
from daemon.committee.rounds import Rounds
from daemon.committee.server import Listener, serve
from daemon.committee.standing import Standing, list_roots
from daemon.committee.turns import RoundTerms, Turns
from daemon.committee.vaults import VaultSetup, VaultsParts, build_vault_member, build_vaults
from daemon.committee.view import CommitteeView, view_committee
from daemon.committee.views import EvmView, SolanaView, View
from daemon.compose import ChainParts, EvmParts, Key, SolanaParts
from daemon.margin.report import MarginReport
from daemon.margin.unified import evaluate
from daemon.proving import Prover
from daemon.stating import Stating
from daemon.translate import build_stating
from proofs.committee import Committee, InvalidCommittee, MemberKeys
from proofs.guard import Guard
from proofs.refusal import Refused
from proofs.signing.secp256k1 import Secp256k1Signer
from proofs.succession import CommitteeChain, decode_chain, verify_chain

Changed = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitteeTerms:
    """What of the settings a member is made of."""

    listen: tuple[str, int]
    stating: Stating
    rounds: RoundTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitteeParts:
    """A running member; `port` is where it listens to the others."""

    membership: Membership
    peers: Peers
    standing: Standing
    refusals: Refusals
    rounds: Rounds
    port: int
    vaults: VaultsParts | None = None

    def view(self) -> CommitteeView:
        """Look at the committee now."""
        now = int(self.rounds.clock())
        return view_committee(self.membership, self.peers, self.standing, self.refusals, now)


def build_membership(settings: Settings, committee: CommitteeSettings, key: Key) -> Membership:
    """Give the committee with this member in it; ConfigError where it cannot be."""
    chain = _read_chain(settings, committee)
    me = key.attestations.address
    if not any(me in each.members for each in chain.committees):
        raise ConfigError(
            [f"committee.members: {me}, which attests here, is none of them; write its table"]
        )
    membership = Membership(
        me=me,
        chain=chain,
        urls={member.address: str(member.url) for member in committee.members},
        state_dir=settings.state_dir,
    )
    try:
        membership.recall()
    except Refused as error:
        raise ConfigError([f"committee: {error}"]) from error
    return membership


def _read_chain(settings: Settings, committee: CommitteeSettings) -> CommitteeChain:
    try:
        if committee.history is None:
            members = [_declare(member) for member in committee.members]
            first = Committee.first(settings.deployment, members, committee.threshold or 0)
            chain = CommitteeChain(deployment=settings.deployment, root=first)
        else:
            chain = decode_chain(committee.history.read_bytes())
        verify_chain(chain)
    except OSError as error:
        problem = f"committee.history: {committee.history} cannot be read: {error.strerror}"
        raise ConfigError([problem]) from error
    except (InvalidCommittee, Refused) as error:
        field = "members" if committee.history is None else "history"
        raise ConfigError([f"committee.{field}: {error}"]) from error
    if chain.deployment != settings.deployment:
        problem = f"committee.history: is of {chain.deployment!r}, not {settings.deployment!r}"
        raise ConfigError([problem])
    return chain


def _declare(member: MemberSettings) -> MemberKeys:
    return MemberKeys(
        address=member.address,
        ed25519=member.ed25519 or b"",
        bls=member.bls or b"",
        bls_proof=member.bls_proof or b"",
    )


def build_views(chains: Mapping[ChainId, ChainParts], board: Board) -> Mapping[ChainId, View]:
    """Give each chain as this member reads it again."""
    views: dict[ChainId, View] = {}
    for id_, parts in chains.items():
        match parts:
            case EvmParts():
                views[id_] = EvmView(
                    chain=id_, client=parts.client, reader=parts.reader, board=board
                )
            case SolanaParts():
                views[id_] = SolanaView(chain=id_, reader=parts.reader)
            case _:
                assert_never(parts)
    return views


@asynccontextmanager
async def open_committee(
    terms: CommitteeTerms,
    membership: Membership,
    signer: Secp256k1Signer,
    *,
    views: Mapping[ChainId, View],
    board: Board,
    guard: Guard,
    prover: Prover,
    record: Record,
    last: Sequence[Attested],
    changed: Changed,
    vaults: VaultSetup | None = None,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[CommitteeParts]:
    """Open the member and its listener; `changed` is told of an account with a new attestation."""
    stating = terms.stating
    standing = Standing(
        board=board,
        membership=membership,
        stating=stating,
        record=record,
        changed=changed,
        roots=list_roots(board, stating.salts),
    )
    frauds = FraudWatch(
        membership=membership,
        state_dir=membership.state_dir,
        roots=standing.roots.keys(),
        period_s=stating.period_s,
        clock=clock,
    )
    frauds.recall()
    post = Post(membership=membership, signer=signer, clock=clock)
    refusals = Refusals(clock)
    standing.recall(last, int(post.clock()))
    async with Peers(post=post) as peers:
        catch_up = CatchUp(
            membership=membership, peers=peers, standing=standing, frauds=frauds, clock=clock
        )
        turns = Turns(
            membership=membership,
            standing=standing,
            stating=stating,
            terms=terms.rounds,
            clock=clock,
        )
        rounds = Rounds(
            membership=membership,
            signer=signer,
            guard=guard,
            stating=stating,
            standing=standing,
            peers=peers,
            catch_up=catch_up,
            frauds=frauds,
            refusals=refusals,
            views=views,
            look=_build_look(board, stating),
            prover=prover,
            turns=turns,
            clock=clock,
        )
        stated = None
        if vaults is not None:
            stated = build_vaults(vaults, membership, signer, peers, refusals, clock=clock)
        member = Member(
            membership=membership,
            signer=signer,
            guard=guard,
            standing=standing,
            recomputer=Recomputer(views=views, board=board, stating=stating),
            catch_up=catch_up,
            frauds=frauds,
            refusals=refusals,
            turns=turns,
            prover=prover,
            vaults=build_vault_member(stated, signer, catch_up, refusals) if stated else None,
            clock=clock,
        )
        listener = Listener(post, peers, refusals, member.answer)
        async with _listen(listener, *terms.listen) as port:
            yield CommitteeParts(
                membership=membership,
                peers=peers,
                standing=standing,
                refusals=refusals,
                rounds=rounds,
                port=port,
                vaults=stated,
            )


@asynccontextmanager
async def _listen(listener: Listener, host: str, port: int) -> AsyncIterator[int]:
    async with AsyncExitStack() as stack:
        try:
            bound = await stack.enter_async_context(serve(listener, host, port))
        except OSError as error:
            problem = f"committee.listen: {host} port {port} cannot be used: {error.strerror}"
            raise ConfigError([problem]) from error
        yield bound


def build_terms(settings: Settings, committee: CommitteeSettings) -> CommitteeTerms:
    """Give what of the settings a member is made of."""
    return CommitteeTerms(
        listen=committee.listen,
        stating=build_stating(settings),
        rounds=RoundTerms(refresh_s=settings.attestation.refresh_s),
    )


def _build_look(board: Board, stating: Stating) -> Callable[[str, int], MarginReport]:
    def look(account: str, now: int) -> MarginReport:
        snapshot = collect(board, account, now=now)
        return evaluate(snapshot, NO_POLICY, stating.risk, max_skew_s=stating.max_skew_s)

    return look
