"""A CSV file as people send it, read line by line: every line is a row, also one that is damaged.

A stray quote must not swallow the rows below it, because a closed list counts its rows as they came: cells therefore
never span lines.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Final, NamedTuple

from services.intake.rules.columns import FileKind, check_header
from services.intake.rules.families import Line, family_key
from services.intake.rules.rows import DAMAGED
from shared.problem import Problem

LINE_MAX: Final = 64 * 1024
"""Longest line in characters; what is longer is no table."""
_DELIMITERS: Final = ",;\t|"


NumberedLine = tuple[int, str]
"""A line as it came, without its end, and its number; the header is line 1."""


class Dialect(NamedTuple):
    """How the cells of a file's lines are told apart, and what they are."""

    header: tuple[str, ...]
    delimiter: str

    def read(self, lines: Iterable[NumberedLine]) -> list[Line]:
        """Lines as rows. One that is damaged is marked as such, and keeps what could be read of it."""
        return [(number, self.cells(line)) for number, line in lines]

    def cells(self, line: str) -> dict[str, str]:
        return _cells(self.header, _split(line, self.delimiter))


@dataclass(frozen=True, slots=True)
class CsvFile:
    """An accepted file: its header fits its kind. Lines are read when asked for, once."""

    dialect: Dialect
    size_bytes: int
    sha256: str
    _text: io.TextIOWrapper

    def parts(self, rows_max: int) -> Iterator[list[NumberedLine]]:
        """Lines in parts of about so many, without blank ones, never splitting a family that could be one.

        Raises a problem (422) at a line that is not UTF-8.
        """
        part: list[NumberedLine] = []
        for line in self._lines():
            # A family of more rows than a part holds is none; it is cut, and refused for its size.
            if len(part) >= rows_max and (len(part) >= 2 * rows_max or not self._are_together(part[-1], line)):
                yield part
                part = []
            part.append(line)
        if part:
            yield part

    def _lines(self) -> Iterator[NumberedLine]:
        for number, line in enumerate(_lines(self._text), start=2):
            if not line.isspace():
                yield number, line.rstrip("\n")

    def _are_together(self, one: NumberedLine, other: NumberedLine) -> bool:
        return family_key(self.dialect.cells(one[1])) == family_key(self.dialect.cells(other[1]))


def open_csv(file: IO[bytes], kind: FileKind) -> CsvFile:
    """The file of an upload, its header checked.

    Raises a problem (422) that names what is missing or unknown in the header, or where the file is no UTF-8 text.
    """
    sha256 = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    size_bytes = file.tell()
    file.seek(0)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline=None)
    first = next(_lines(text), "")
    delimiter = max(_DELIMITERS, key=first.count)
    header = [cell.strip().casefold() for cell in _split(first.rstrip("\n"), delimiter) or []]
    if not any(header):
        raise Problem("file-empty", status=422, field="file")
    check = check_header(kind, header)
    if not check.fits:
        raise Problem(
            "file-columns",
            status=422,
            field="file",
            missing=_listed(check.missing),
            unknown=_listed(check.unknown),
            repeated=_listed(check.repeated),
        )
    return CsvFile(Dialect(tuple(header), delimiter), size_bytes, sha256, text)


def write_rows(rows: Iterable[Sequence[str]], delimiter: str) -> bytes:
    """Rows in the dialect in which the file came."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    number = 0
    try:
        while line := text.readline(LINE_MAX):
            number += 1
            if len(line) >= LINE_MAX:
                raise Problem("file-line-too-long", status=422, field="file", line=number)
            yield line
    except UnicodeDecodeError:
        raise Problem("file-not-utf8", status=422, field="file", line=number + 1) from None


def _split(line: str, delimiter: str) -> list[str] | None:
    """The cells of a line, or None where its quotes do not close."""
    if '"' not in line and line.isprintable():
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None


def _cells(header: Sequence[str], cells: list[str] | None) -> dict[str, str]:
    if cells is None:
        return {DAMAGED: ""}
    row = dict(zip(header, cells, strict=False))
    if len(cells) != len(header):
        row[DAMAGED] = ""
    return row


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "–"
