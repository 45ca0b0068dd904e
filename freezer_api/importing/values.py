"""Single values of the published tables: JSON, times, numbers and ids."""

import datetime
import hashlib
import json
import math
import re
import typing

from freezer_api.domain import capabilities, documents
from freezer_api.importing.notes import Notes

#: A row of the published tables: its columns by name, as the database's driver
#: returns them.
Row = dict[str, typing.Any]

#: What has JSON, of all tables.
JSON_COLUMNS = frozenset(
    (
        'backup_metadata',
        'job',
        'job_actions',
        'schedule',
        *capabilities.SUPPORTED.values(),
    )
)
#: Ids that every store can keep: PostgreSQL has no NUL, MySQL ignores trailing
#: blanks, and a slash would end them in Elasticsearch's keys. Fewer can be
#: addressed in a path (:data:`documents.ID`).
_STORABLE = re.compile(r'[\x01-\x1f\x21-\x2e\x30-\x7f]{1,255}\Z')
_EPOCH = datetime.datetime(1970, 1, 1)
_MICROSECOND = datetime.timedelta(microseconds=1)
_MIN_INTEGER, _MAX_INTEGER = -(2**63), 2**64 - 1


class _Cleaner:
    """Replaces the values of JSON that no store can keep."""

    def __init__(self) -> None:
        self.replaced: list[str] = []

    def clean(self, value: typing.Any, place: str) -> typing.Any:
        """Return a value as it can be stored; ``place`` says where it is."""
        if isinstance(value, dict):
            return {
                self._clean_text(key, place): self.clean(
                    element, f'{place}.{key}'
                )
                for key, element in value.items()
            }
        if isinstance(value, list):
            return [self.clean(element, place) for element in value]
        if isinstance(value, str):
            return self._clean_text(value, place)
        if isinstance(value, float) and not math.isfinite(value):
            self.replaced.append(place)
            return None
        if isinstance(value, int):
            if not _MIN_INTEGER <= value <= _MAX_INTEGER:
                self.replaced.append(place)
                return str(value)
        return value

    def _clean_text(self, text: str, place: str) -> str:
        try:
            text.encode()
        except UnicodeEncodeError:
            # A lone surrogate, which is no character.
            self.replaced.append(place)
            return text.encode('utf-8', 'replace').decode()
        return text


def is_live(row: Row) -> bool:
    """Tell whether a row wasn't deleted, as statements tell it."""
    return row.get('deleted') in (None, 0)


def parse_json(value: typing.Any, column: str, notes: Notes) -> typing.Any:
    """Return what the JSON of a column says; None where it is NULL or can't be
    read.
    """
    if value is None:
        return None
    # SQLite returns bytes where the published service wrote them, and text
    # where one of its migrations did.
    try:
        text = value.decode() if isinstance(value, bytes) else value
        parsed = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        notes.add('json-repaired', f'{column} cannot be read')
        return None
    cleaner = _Cleaner()
    cleaned = cleaner.clean(parsed, column)
    for place in cleaner.replaced:
        notes.add('json-repaired', f'{place} is replaced')
    return cleaned


def parse_object(
    value: typing.Any, column: str, notes: Notes
) -> dict[str, typing.Any]:
    """Return the JSON object of a column; an empty one where it has none."""
    parsed = parse_json(value, column, notes)
    if isinstance(parsed, dict):
        return parsed
    if parsed:
        notes.add('json-repaired', f'{column} is no object')
    return {}


def to_microseconds(value: typing.Any) -> int:
    """Return a time of a column (UTC without a zone) in microseconds since the
    epoch; 0 for NULL and for what is no time.
    """
    if isinstance(value, str):
        try:
            value = datetime.datetime.fromisoformat(value)
        except ValueError:
            return 0
    if not isinstance(value, datetime.datetime):
        return 0
    return (value.replace(tzinfo=None) - _EPOCH) // _MICROSECOND


def to_integer(value: typing.Any, default: int) -> int:
    """Return an integer of JSON or of a column; ``default`` for anything
    else.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return default


def to_text(value: typing.Any) -> str:
    """Return a text of a column, '' for NULL."""
    if isinstance(value, bytes):
        return value.decode('utf-8', 'replace')
    return '' if value is None else str(value)


def convert_id(id: str) -> str:
    """Return the id under which a document is kept: its own, or for one that
    no store can keep, another that is always the same.
    """
    if _STORABLE.match(id):
        return id
    digest = hashlib.blake2b(id.encode(), digest_size=16)
    return f'imported-{digest.hexdigest()}'


def note_id(kind: str, id: str, notes: Notes) -> str:
    """Return what :func:`convert_id` does, and note an id that the API would
    refuse.
    """
    kept = convert_id(id)
    if kept != id:
        notes.add('id-replaced', f'the new id is {kept}')
    elif not documents.is_id(kind, id):
        notes.add('id-kept', 'the API does not find it by its id')
    return kept
