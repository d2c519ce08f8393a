"""Secrets are made once, written whole, and readable by their owner alone."""

import base64
from pathlib import Path

import pytest

from shared.provisioning.secrets_file import (
    KEY_BYTES,
    kept_key,
    new_key,
    new_password,
    read_variables,
    variables_text,
    write_secretly,
)


def test_a_file_of_secrets_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "deployments" / "one.env"
    assert write_secretly(path, "A=1\n")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0
    assert not write_secretly(path, "A=1\n")
    path.chmod(0o644)
    assert write_secretly(path, "A=1\n")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["one.env"]


def test_variables_read_back_as_written(tmp_path: Path) -> None:
    variables = {"A": "postgresql://one:p%2Fw@127.0.0.1:5432/one", "B": "1:YWJj+/=", "C": "", "D": "a=b"}
    path = tmp_path / "one.env"
    write_secretly(path, variables_text(variables, "one"))
    assert read_variables(path) == variables


@pytest.mark.parametrize("value", ["two\nlines", "with #comment ", " padded", "word #rest"])
def test_a_value_that_readers_would_understand_differently_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="A cannot be written"):
        variables_text({"A": value}, "one")


def test_no_file_holds_no_variables(tmp_path: Path) -> None:
    assert read_variables(tmp_path / "none.env") == {}


def test_a_key_is_made_once(tmp_path: Path) -> None:
    first = kept_key(tmp_path / "provinces" / "64.key")
    assert kept_key(tmp_path / "provinces" / "64.key") == first
    assert len(base64.b64decode(first)) == KEY_BYTES


def test_secrets_are_fresh() -> None:
    assert len({new_key() for _ in range(50)}) == len({new_password() for _ in range(50)}) == 50
