"""Reads the directory's file, and again whenever it was replaced, so that a running process learns of a new agency."""

import os
import threading
from pathlib import Path
from typing import Any

import structlog
import yaml
from pydantic import ValidationError

from shared.directory.entries import DirectoryEntries
from shared.directory.lookup import Directory
from shared.events import topics

log = structlog.get_logger(__name__)


class DirectoryError(ValueError):
    """The file is not acceptable. The message names the file and each wrong place on a line of its own."""


class DirectoryFile:
    """The directory at a path. Reads at once and raises DirectoryError; later mistakes leave the last good reading.

    Whoever changes the file replaces it whole (`shared.provisioning.entries`), so that no reader ever sees
    half of it.
    """

    def __init__(self, path: Path | str, root: str = topics.ROOT_DEFAULT) -> None:
        self.path = Path(path)
        self.root = root
        self.mistake: str | None = None
        """Why the newest version of the file was not taken; None while all is well. Part of readiness."""
        self._lock = threading.Lock()
        # A file replaced between the two lines is read again at the next question.
        self._seen = self._signature() if self.path.exists() else (0, 0, 0)
        self._current = read_directory(self.path, root)

    def current(self) -> Directory:
        """The newest good reading. Costs one `stat`."""
        try:
            signature = self._signature()
        except OSError as gone:
            self.mistake = f"{self.path}: {gone.strerror}"
            return self._current
        if signature != self._seen:
            self._read_again(signature)
        return self._current

    def _read_again(self, signature: tuple[int, int, int]) -> None:
        with self._lock:
            if signature == self._seen:
                return
            try:
                self._current, self.mistake = read_directory(self.path, self.root), None
                log.info("directory.read", agencies=len(self._current.entries.agencies))
            except (DirectoryError, OSError) as error:
                self.mistake = str(error)
                log.exception("directory.refused")
            self._seen = signature

    def _signature(self) -> tuple[int, int, int]:
        found = os.stat(self.path)  # noqa: PTH116 - asked per record: a Path object's detour counts
        return found.st_mtime_ns, found.st_size, found.st_ino


def read_directory(path: Path | str, root: str = topics.ROOT_DEFAULT) -> Directory:
    """One reading. Raises DirectoryError for a file that is missing, no YAML, or wrong in any entry."""
    return Directory(parse_entries(_text(Path(path)), name=str(path)), root)


def parse_entries(text: str, *, name: str) -> DirectoryEntries:
    """The entries of a directory's text; `name` says in errors which one it was."""
    try:
        document = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader that also refuses double keys
    except yaml.YAMLError as error:
        raise DirectoryError(f"{name}: not YAML: {error}") from None
    try:
        return DirectoryEntries.model_validate(document)
    except ValidationError as error:
        places = (_place(dict(found)) for found in error.errors(include_url=False, include_input=False))
        raise DirectoryError("\n".join([f"{name}: the directory is not acceptable", *places])) from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DirectoryError(f"{path}: {error.strerror}") from None


def _place(found: dict[str, Any]) -> str:
    where = ".".join(str(part) for part in found["loc"]) or "file"
    hint = " (YAML reads 64.72 as a number: put codes in quotes)" if found["type"] == "string_type" else ""
    return f"  {where}: {found['msg'].removeprefix('Value error, ')}{hint}"


class _StrictLoader(yaml.SafeLoader):
    """Refuses an agency that stands twice, of which YAML would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = next((key for at, key in enumerate(keys) if key in keys[:at]), None)
        if twice is not None:
            raise yaml.constructor.ConstructorError(None, None, f"{twice!r} stands twice", node.start_mark)
        return super().construct_mapping(node, deep)
