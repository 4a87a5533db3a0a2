"""Reads the configuration: layers beneath, files in their order, environment on top."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from config.errors import ConfigError
from config.layers import Table, lay_environment, lay_networks, merge, read_table
from config.problems import describe
from config.secrets import lay_credentials, lay_endpoint_files
from config.settings import Settings

_HERE: Final = Path(__file__).resolve().parent
RISK: Final = _HERE / "risk.toml"
NETWORKS: Final = _HERE / "networks.toml"


def load(paths: Sequence[Path], environment: Mapping[str, str] | None = None) -> Settings:
    """Read files laid over each other, `risk.toml` lowest; ConfigError lists every problem.

    `environment` stands in for the process's own.
    """
    variables = os.environ if environment is None else environment
    table: Table = read_table(RISK)
    for path in paths:
        table = merge(table, read_table(path))
    table = lay_environment(table, variables)
    table = lay_networks(table, read_table(NETWORKS)["networks"])
    table = lay_credentials(table, variables.get("CREDENTIALS_DIRECTORY"))
    return validate(lay_endpoint_files(table))


def validate(table: Table) -> Settings:
    """Validate one table of everything; ConfigError has one line per problem."""
    try:
        return Settings(**table)
    except ValidationError as error:
        raise ConfigError(describe(error, Settings)) from error
