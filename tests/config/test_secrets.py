from pathlib import Path

import pytest

from config.errors import ConfigError
from config.secrets import read_secret
from tests.config.samples import write


def test_a_secret_never_prints(tmp_path: Path) -> None:
    secret = read_secret(write(tmp_path, "hunter2\n", "password"))
    assert secret.get_secret_value() == "hunter2"
    assert "hunter2" not in f"{secret} {secret!r}"


def test_a_secret_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gone: cannot be read"):
        read_secret(tmp_path / "gone")
