"""`plimsoll fraud check FILE`: whether a member of a committee contradicted himself.

No keys and no network. Exit codes: 0 the proof holds, 2 wrong usage, 3 a file cannot be read, 10 to
59 the file, or what it shows, is not well signed (`proofs.refusal`), 80 it accuses nobody.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn

import typer

from daemon.commands.common import JsonOption, build_app
from daemon.commands.verify import UNREADABLE_FILE, read_chain, read_file, read_hash
from proofs.fraud import Conviction, FraudProof, NotFraud, decode_fraud, verify_fraud
from proofs.refusal import Refused

NOT_FRAUD: Final = 80

app = build_app("Check proofs that a member of a committee contradicted himself.")


@app.callback()
def choose() -> None:
    """Check proofs that a member of a committee contradicted himself."""


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The proof's file; - reads standard input.")],
    *,
    committee: Annotated[
        list[str] | None, typer.Option(help="A committeeId you trust, 0x…; once for each.")
    ] = None,
    committees: Annotated[
        Path | None, typer.Option(help="A chain of committees: those after one you trust count.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a fraud proof; each reason for which it proves nothing has its own exit code."""
    pinned = {read_hash(text, "--committee") for text in committee or ()}
    if committees is not None and not pinned:
        raise typer.BadParameter("--committees: name one that you trust with --committee")
    try:
        trusted = pinned | _follow(committees, pinned)
        proof = decode_fraud(read_file(file))
        conviction = verify_fraud(proof, trusted or None)
    except OSError as error:
        detail = f"{error.filename} cannot be read: {error.strerror}"
        _fail("unreadable_file", detail, UNREADABLE_FILE, as_json=as_json)
    except Refused as error:
        _fail(error.refusal.name.lower(), str(error), error.refusal.code, as_json=as_json)
    except NotFraud as error:
        _fail(error.innocence.value, str(error), NOT_FRAUD, as_json=as_json)
    _report(proof, conviction, as_json=as_json)


def _follow(path: Path | None, pinned: set[bytes]) -> set[bytes]:
    """Give the committees that follow one that is trusted."""
    if path is None:
        return set()
    chain = read_chain(path)
    ids = [each.id for each in chain.committees]
    first = next((place for place, each in enumerate(ids) if each in pinned), len(ids))
    return set(ids[first:])


def _fail(reason: str, detail: str, code: int, *, as_json: bool) -> NoReturn:
    if as_json:
        view = {"verdict": "not proven", "reason": reason, "code": code, "detail": detail}
        typer.echo(json.dumps(view))
    else:
        typer.echo(f"not proven ({reason}): {detail}", err=True)
    raise typer.Exit(code)


def _report(proof: FraudProof, conviction: Conviction, *, as_json: bool) -> None:
    view = _view(proof, conviction)
    if as_json:
        typer.echo(json.dumps(view))
        return
    pinned = "records you trust" if conviction.pinned else "their addresses; none pinned"
    typer.echo(
        "\n".join(
            (
                "proven: two digests for one thing",
                f"  accused     {', '.join(conviction.accused)} (known by {pinned})",
                f"  deployment  {proof.deployment}",
                f"  subject     {view['subject']}",
                f"  sequence    {view['sequence']}",
                *(f"  signed      {digest}" for digest in view["digests"]),
            )
        )
    )


def _view(proof: FraudProof, conviction: Conviction) -> dict[str, Any]:
    claim = conviction.claims[0]
    return {
        "verdict": "proven",
        "code": 0,
        "accused": list(conviction.accused),
        "pinned": conviction.pinned,
        "deployment": proof.deployment,
        "subject": "0x" + claim.subject.hex(),
        "sequence": claim.sequence,
        "digests": ["0x" + each.digest.hex() for each in conviction.claims],
        "committee_ids": ["0x" + each.hex() for each in conviction.committee_ids],
    }
