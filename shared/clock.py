"""Business time. Rules never ask for it: they receive ``today``.

Leases, tokens and kernel columns use real time; what people see and what falls due uses this clock. On a laptop it can
be moved forward by a file that all processes read, so that offers expire and months pass while one watches.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo


class Clock:
    """Real time, plus the seconds written in a file where there is one."""

    def __init__(self, offset_file: Path | None = None) -> None:
        self._file = offset_file
        self._read_at: tuple[int, int] | None = None
        self._offset = timedelta()

    def now(self) -> datetime:
        """The present moment of business, aware, in UTC."""
        return datetime.now(UTC) + self._current_offset()

    def today(self, zone: str = "Asia/Makassar") -> date:
        """The calendar day in a region's time zone."""
        return self.now().astimezone(ZoneInfo(zone)).date()

    def move_to(self, moment: datetime) -> None:
        """Set business time for every process that reads the same file; refused where no file was given."""
        if self._file is None:
            raise RuntimeError("This clock has no file: only the laptop stack may move time.")
        seconds = int((moment - datetime.now(UTC)).total_seconds())
        part = self._file.with_suffix(".part")
        part.write_text(str(seconds), encoding="ascii")
        part.replace(self._file)

    def _current_offset(self) -> timedelta:
        if self._file is None:
            return self._offset
        try:
            status = os.stat(self._file)  # noqa: PTH116 - asked per event: a Path object's detour counts
        except FileNotFoundError:
            return self._offset
        seen = (status.st_mtime_ns, status.st_ino)
        if seen != self._read_at:
            self._offset = timedelta(seconds=int(self._file.read_text(encoding="ascii") or 0))
            self._read_at = seen
        return self._offset
