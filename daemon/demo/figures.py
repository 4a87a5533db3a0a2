"""The demo's figures: what `DEMO_JSON` writes."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Figures:
    """Filled step by step; decimals are strings, times seconds."""

    chains: list[dict[str, Any]] = field(default_factory=list)
    health_before: str | None = None
    health_after_shock: str | None = None
    committee: dict[str, Any] | None = None
    rescue: dict[str, Any] | None = None
    health_after_rescue: str | None = None
    rescue_elsewhere: dict[str, Any] | None = None
    liquidation: Mapping[str, Any] | None = None
    liquidation_on_solana: Mapping[str, Any] | None = None
    vault: Mapping[str, Any] | None = None
    attestations: list[dict[str, str]] = field(default_factory=list)
    solana_evidence: str | None = None
    verified_on: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write them as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")
