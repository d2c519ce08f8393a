"""Files that hold secrets: written whole, readable by their owner alone, and read again as `KEY=value` lines."""

import base64
import os
import secrets
from pathlib import Path

KEY_BYTES = 32


def write_secretly(path: Path, text: str) -> bool:
    """Replaces the file whole, mode 0600; False where it says the same already."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.exists() and path.read_text(encoding="utf-8") == text and path.stat().st_mode & 0o777 == 0o600:
        return False
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    part.replace(path)
    return True


def read_variables(path: Path) -> dict[str, str]:
    """The variables of an env file; none where there is no file."""
    if not path.exists():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


def variables_text(variables: dict[str, str], heading: str) -> str:
    """An env file that shells, docker-compose and pydantic-settings read alike: no quotes, hence no line breaks."""
    for name, value in variables.items():
        if "\n" in value or " #" in value or value != value.strip():
            raise ValueError(f"{name} cannot be written into an env file")
    return "".join([f"# {heading}\n", *(f"{name}={value}\n" for name, value in variables.items())])


def new_password() -> str:
    return secrets.token_urlsafe(24)


def new_key() -> str:
    """A fresh key, as base64."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def kept_key(path: Path) -> str:
    """The key in a file, made once; whoever comes second takes what is there."""
    if not path.exists():
        write_secretly(path, new_key() + "\n")
    return path.read_text(encoding="utf-8").strip()
