"""What every kind of document has in common: identity, version, preconditions,
moments.
"""

import dataclasses
import re
import time
import typing

import orjson

from freezer_api import exceptions

SESSIONS, JOBS, ACTIONS, CLIENTS, BACKUPS = RESOURCES = (
    'sessions',
    'jobs',
    'actions',
    'clients',
    'backups',
)
#: What the service keeps for itself: which trusts its jobs have.
TRUSTS = 'trusts'
KINDS = (*RESOURCES, TRUSTS)
#: Kinds whose documents show their version; the others show it in the ETag
#: alone.
VERSIONED = frozenset((SESSIONS, JOBS, ACTIONS))
#: Agents make file names of ids; so they are checked wherever one comes in.
#: Databases compare them byte by byte.
ID = re.compile(r'[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}\Z')
#: What a job's trust is called by: ``{trust_id, trustor_user_id}``. Callers
#: see it, and never set it; it isn't searched.
CREDENTIALS = 'user_credentials'
#: Keys of a stored body that are neither shown nor searched.
INTERNAL = frozenset(('_central',))
SECOND = 1_000_000

Body = dict[str, typing.Any]


def now() -> int:
    """The moment, in microseconds since the epoch."""
    return time.time_ns() // 1000


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
    """One stored document.

    ``body`` is the document as shown, but for ``_version`` and with the keys
    of :data:`INTERNAL`; it is never changed in place. ``version`` starts at 1
    and grows with each change; ``created`` is the moment of creation in
    microseconds.
    """

    kind: str
    project_id: str
    id: str
    version: int
    created: int
    body: Body

    @property
    def etag(self) -> str:
        """An opaque tag, equal only for the same version of the same life of a
        document: an id used again differs.
        """
        return make_etag(self.version, self.created)


class Packed(Document):
    """A document whose body is kept as JSON, and made anew each time that it
    is looked at.

    So of the bodies of many documents one exists at a time.
    """

    __slots__ = ('_json',)
    _json: str | bytes

    def __init__(
        self,
        kind: str,
        project_id: str,
        id: str,
        version: int,
        created: int,
        body: Body | str | bytes,
    ):
        # A copy with other values is told the body itself.
        json = orjson.dumps(body) if isinstance(body, dict) else body
        values = (kind, project_id, id, version, created, json)
        for name, value in zip((*_FIELDS[:-1], '_json'), values, strict=True):
            object.__setattr__(self, name, value)

    @property
    def body(self) -> Body:
        """The body."""
        return orjson.loads(self._json)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Document):
            return NotImplemented
        return all(
            getattr(self, name) == getattr(other, name) for name in _FIELDS
        )

    __hash__ = None  # type: ignore[assignment]


_FIELDS = tuple(field.name for field in dataclasses.fields(Document))


def make_etag(version: int, created: int) -> str:
    """The tag of one version of a document created at ``created``
    (microseconds), without quotes.
    """
    return f'{created:x}-{version}'


class HasEtag(typing.Protocol):
    """What a precondition can be held against: a document or a session."""

    @property
    def etag(self) -> str:
        """The tag of the stored version, without quotes."""


@dataclasses.dataclass(frozen=True, slots=True)
class Precondition:
    """``If-Match`` and ``If-None-Match`` of a write, as lists of bare tags;
    ``('*',)`` means that it exists.
    """

    if_match: tuple[str, ...] | None = None
    if_none_match: tuple[str, ...] | None = None

    def check(self, current: HasEtag | None) -> None:
        """Raise :class:`~freezer_api.exceptions.PreconditionFailed` unless the
        stored state (None: none) fits.
        """
        if self.if_match is not None and not self._matches(
            self.if_match, current
        ):
            raise exceptions.PreconditionFailed(
                'If-Match: the document is missing or has changed since it was'
                ' read.'
            )
        if self.if_none_match is not None and self._matches(
            self.if_none_match, current
        ):
            raise exceptions.PreconditionFailed(
                'If-None-Match: the document exists.'
            )

    @staticmethod
    def _matches(tags: tuple[str, ...], current: HasEtag | None) -> bool:
        return current is not None and ('*' in tags or current.etag in tags)


ANYTHING = Precondition()


def size(value: typing.Any) -> int:
    """How many bytes of JSON a value is."""
    return len(orjson.dumps(value))


def is_same(one: Body, other: Body) -> bool:
    """Tell whether two bodies are shown alike. ``==`` would take True for
    1.
    """
    if one is other:
        return True
    option = orjson.OPT_SORT_KEYS
    return orjson.dumps(one, option=option) == orjson.dumps(
        other, option=option
    )


def claim(kind: str, id: str, body: Body) -> str | None:
    """The id, if it must be unique over all projects: a central client's, and
    a job's on a central client.

    The storage keeps claims of one kind unique and answers a second one with
    ``Conflict``.
    """
    if kind == CLIENTS:
        return id if body['client'].get('is_central') else None
    return id if body.get('_central') else None


def trust(job: Body) -> str | None:
    """The trust that a job has, which its ``user_credentials`` name."""
    return (job.get(CREDENTIALS) or {}).get('trust_id')
