from pathlib import Path

import pytest

from config.errors import ConfigError
from config.secrets import find_loose_permission, read_secret
from tests.config.samples import write


def test_a_secret_never_prints(tmp_path: Path) -> None:
    secret = read_secret(write(tmp_path, "hunter2\n", "password"))
    assert secret.get_secret_value() == "hunter2"
    assert "hunter2" not in f"{secret} {secret!r}"


def test_a_secret_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gone: cannot be read"):
        read_secret(tmp_path / "gone")


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o666, 0o700 | 0o010])
def test_a_file_others_can_touch_is_loose(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path, "x", "key")
    path.chmod(mode)
    problem = find_loose_permission(path)
    assert problem is not None
    assert "chmod 600" in problem


def test_a_file_of_its_user_alone_is_not_loose(tmp_path: Path) -> None:
    path = write(tmp_path, "x", "key")
    path.chmod(0o600)
    assert find_loose_permission(path) is None


def test_systemd_sets_the_mode_of_its_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, "x", "keystore")
    path.chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert find_loose_permission(path) is None
