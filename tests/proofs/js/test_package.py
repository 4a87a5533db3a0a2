"""What the module for wallets is made of: two packages, no Node, no floats, types that fit."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
MODULE: Final = ROOT / "proofs/js"
SOURCES: Final = sorted(MODULE.rglob("*.js"))
ALLOWED: Final = ("./", "../", "@noble/curves/", "@noble/hashes/")
IMPORT: Final = re.compile(r'\bfrom "([^"]+)"|\bimport\("([^"]+)"\)(?!\.)')
OF_NODE: Final = re.compile(r"\b(require|process|Buffer|__dirname|global)\b(?=[.(])")
FLOAT: Final = re.compile(r"(?<![\w.`@\"])\d+\.\d|\bparseFloat\b|\bMath\.(?!ceil|max|min)")
EXPORTED: Final = re.compile(r"^export (?:const|function|class) (\w+)", re.MULTILINE)


def code_of(source: Path) -> str:
    """Give the file without its comments."""
    text = re.sub(r"/\*.*?\*/", "", source.read_text(), flags=re.DOTALL)
    return re.sub(r"(?m)//.*$", "", text)


@pytest.mark.parametrize(
    "source", SOURCES, ids=[str(source.relative_to(MODULE)) for source in SOURCES]
)
def test_it_rests_on_noble_alone_and_runs_anywhere(source: Path) -> None:
    code = code_of(source)
    named = [one or other for one, other in IMPORT.findall(code)]
    assert all(name.startswith(ALLOWED) for name in named)
    assert not OF_NODE.search(code)
    assert not FLOAT.search(code)


def test_its_packages_are_pinned_to_those_that_are_installed_and_tested() -> None:
    named = json.loads((MODULE / "package.json").read_text())["dependencies"]
    assert set(named) == {"@noble/curves", "@noble/hashes"}
    ours = json.loads((ROOT / "package.json").read_text())["dependencies"]
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for name, version in named.items():
        installed = json.loads((ROOT / "node_modules" / name / "package.json").read_text())
        held = (ours[name], locked[f"node_modules/{name}"]["version"], installed["version"])
        assert held == (version, version, version)


def test_its_types_name_what_it_exports() -> None:
    if (node := shutil.which("node")) is None:
        pytest.skip("there is no node in PATH; `make setup` brings one")
    index = json.dumps(str(MODULE / "index.js"))
    script = f"import * as M from {index}; console.log(Object.keys(M).join(' '))"
    command = [node, "--input-type=module", "-e", script]
    run = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 -- our own script
    typed = EXPORTED.findall((MODULE / "index.d.ts").read_text())
    assert sorted(run.stdout.split()) == sorted(typed)


def test_its_table_of_codes_is_that_of_the_reference() -> None:
    table = (MODULE / "evidence/codes_table.js").read_text()
    assert (ROOT / "proofs/evidence/codes.json").read_text().strip()[1:-1] in table


def test_it_stays_small() -> None:
    assert sum(source.stat().st_size for source in SOURCES) < 165_000
