"""`python -m tests.proofs.fuzz TARGET`: fuzzing led by coverage, for a bounded time.

atheris begins with the sound inputs and the shared vectors, and keeps what reaches new code of
`proofs`. The exit code is 0 when the time is over, and another when a reader crashed or took what
nobody signed; the input lies in the folder then.
"""

import argparse
import importlib
import re
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import atheris

INSTRUMENTED: Final = ["proofs"]
SECONDS: Final = 60
LONGEST: Final = 16_384
ONE_S: Final = 10
"""How long one input may take."""
_NAMES: Final = re.compile(rb'"[A-Za-z0-9/-]+"')


def main() -> None:
    """Fuzz one target; the process ends inside."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.fuzz", description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="how long, 60 if left out")
    parser.add_argument("--folder", type=Path, help="where findings go, a new one if left out")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="plimsoll-fuzz-"))
    with atheris.instrument_imports(include=INSTRUMENTED):
        known: Any = importlib.import_module("tests.proofs.fuzz.targets").TARGETS
    if arguments.target not in known:
        parser.error(f"there is no target {arguments.target!r}: {', '.join(known)}")
    target = known[arguments.target]
    corpus, names = write_corpus(target, folder)
    options = {
        "max_total_time": arguments.seconds,
        "max_len": LONGEST,
        "timeout": ONE_S,
        "artifact_prefix": f"{folder}/",
        "print_final_stats": 1,
    } | ({"dict": names} if target.is_json else {})
    listed = [f"-{name}={value}" for name, value in options.items()]
    atheris.Setup([sys.argv[0], *listed, str(corpus)], target.check)
    atheris.Fuzz()


def write_corpus(target: Any, folder: Path) -> tuple[Path, Path]:  # noqa: ANN401 -- instrumented
    """Write what to start from, and the words that stand in it; gives where."""
    corpus, names = folder / "corpus", folder / "names.dict"
    corpus.mkdir(parents=True)
    inputs = dict.fromkeys((*target.seeds, *target.corpus))
    for number, raw in enumerate(inputs):
        (corpus / f"{number}").write_bytes(raw)
    words = {word for raw in inputs for word in _NAMES.findall(raw)} if target.is_json else set()
    names.write_text("".join(f'"\\"{word.decode()[1:-1]}\\""\n' for word in sorted(words)))
    return corpus, names


if __name__ == "__main__":
    main()
