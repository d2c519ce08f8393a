"""The refused rows of a file, as they came, with a column that says why: to be mended and sent again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from sqlalchemy import Select, String, cast, select

from services.intake.csv_files import write_rows
from services.intake.identity import open_row
from services.intake.models import CohortEntry, Import, ImportReject, table
from services.intake.rules.columns import REASON_COLUMN
from shared.deployment import Deployment
from shared.security import household_key
from shared.texts import Locale, text

_reject, _entry = table(ImportReject), table(CohortEntry)
_ROWS_PER_READ: Final = 500


async def reject_file(deployment: Deployment, one: Import, locale: Locale) -> AsyncIterator[bytes]:
    """Piece by piece, each read in a session of its own: a slow reader holds no connection."""
    header = [name for name in one.header if name != REASON_COLUMN]
    yield write_rows([[*header, REASON_COLUMN]], one.delimiter)
    last = 0
    while True:
        async with deployment.sessions() as session:
            key = await household_key(session, deployment.vault, one.cohort_id or one.id)
            found = (await session.execute(_refused(one, last).limit(_ROWS_PER_READ))).all()
        if not found:
            return
        last = found[-1].row_number
        rows = [(open_row(key, row.place, row.sealed), row.reasons) for row in found]
        yield write_rows([_line(header, cells, reasons, locale) for cells, reasons in rows], one.delimiter)


def _refused(one: Import, after: int) -> Select[Any]:
    """Refused rows of a register, damaged entries of a closed list."""
    if one.cohort_id is None:
        place = cast(_reject.c.row_number, String).label("place")
        statement = select(_reject.c.row_number, _reject.c.sealed, _reject.c.reasons, place)
        return statement.where(_reject.c.import_id == one.id, _reject.c.row_number > after).order_by(
            _reject.c.row_number
        )
    place = cast(_entry.c.id, String).label("place")
    statement = select(_entry.c.row_number, _entry.c.sealed, _entry.c.reasons, place)
    of_list = (_entry.c.cohort_id == one.cohort_id, _entry.c.outcome == "damaged", _entry.c.row_number > after)
    return statement.where(*of_list).order_by(_entry.c.row_number)


def _line(header: Sequence[str], cells: dict[str, str], reasons: Sequence[str], locale: Locale) -> list[str]:
    why = "; ".join(f"{code}: {text(f'reason.{code}', locale)}" for code in reasons)
    return [*(cells.get(name, "") for name in header), why]
