"""Who catches everything says why, on the line."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BROAD = re.compile(r"^\s*except\b[^:#]*\b(Base)?Exception\b[^:#]*:|^\s*except\s*:")


@pytest.mark.parametrize("package", ["chains", "config", "daemon", "proofs"])
def test_every_broad_catch_says_its_reason_on_the_line(package: str) -> None:
    silent = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if BROAD.match(line) and not re.search(r":\s+# \w", line)
    ]
    assert silent == []
