"""What every kind of document has in common: identity, version, timestamps,
preconditions and size.
"""

import dataclasses
import re
import time
import typing

import orjson

from freezer_api import exceptions

#: What a document can be. Callers see all of them but trusts, which the
#: service keeps for itself: they say which trusts its jobs have.
Kind = typing.Literal[
    'sessions', 'jobs', 'actions', 'clients', 'backups', 'trusts'
]
SESSIONS: typing.Final = 'sessions'
JOBS: typing.Final = 'jobs'
ACTIONS: typing.Final = 'actions'
CLIENTS: typing.Final = 'clients'
BACKUPS: typing.Final = 'backups'
TRUSTS: typing.Final = 'trusts'
# Not of Kind: drivers find tables and indices by any str.
RESOURCES: tuple[str, ...] = (SESSIONS, JOBS, ACTIONS, CLIENTS, BACKUPS)
KINDS: tuple[str, ...] = (*RESOURCES, TRUSTS)
#: Kinds whose documents show their version; the others show it in the ETag
#: alone.
VERSIONED: frozenset[Kind] = frozenset((SESSIONS, JOBS, ACTIONS))
#: What an id may look like. Agents make file names of ids, so ids are checked
#: wherever one comes in. Databases compare them byte by byte.
ID = re.compile(r'[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}\Z')
#: The same of a job: agents put ``job_`` before its id and ``.conf`` behind it.
JOB_ID = re.compile(r'[A-Za-z0-9_][A-Za-z0-9_.-]{0,245}\Z')
#: The key of a job under which its trust is named:
#: ``{trust_id, trustor_user_id}``. Callers see it and never set it; searches
#: don't look at it.
CREDENTIALS = 'user_credentials'
#: Keys of a stored body that are neither shown nor searched.
INTERNAL = frozenset(('_central',))
#: A second in microseconds, the unit of timestamps.
SECOND = 1_000_000

#: A document, or a part of one, whose keys are mostly the caller's.
Body = dict[str, typing.Any]


def is_id(kind: str, text: str) -> bool:
    """Tell whether a text can be the id of a document of a kind."""
    pattern = JOB_ID if kind == JOBS else ID
    return pattern.match(text) is not None


def now() -> int:
    """Return the current time in microseconds since the epoch."""
    return time.time_ns() // 1000


@dataclasses.dataclass(frozen=True, slots=True)
class Document:
    """One stored document.

    ``body`` is the document as shown, but for ``_version`` and with the keys
    of :data:`INTERNAL`; it is never changed in place. ``version`` starts at 1
    and grows with each change; ``created`` is the time of creation in
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
        """Return an opaque tag of this version, without quotes.

        It differs from every other version's, also of a document that had the
        same id before.
        """
        return make_etag(self.version, self.created)


class Packed(Document):
    """A document that keeps its body as JSON and parses it each time that the
    body is read.

    So among many such documents one parsed body exists at a time.
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
        # dataclasses.replace() passes the parsed body, drivers pass JSON.
        if isinstance(body, dict):
            body = orjson.dumps(body)
        # Frozen: the attributes can be set in no other way.
        set_field = object.__setattr__
        set_field(self, 'kind', kind)
        set_field(self, 'project_id', project_id)
        set_field(self, 'id', id)
        set_field(self, 'version', version)
        set_field(self, 'created', created)
        set_field(self, '_json', body)

    @property
    def body(self) -> Body:
        """Return a new copy of the body."""
        body: Body = orjson.loads(self._json)
        return body

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Document):
            return NotImplemented
        for name in _FIELDS:
            if getattr(self, name) != getattr(other, name):
                return False
        return True

    __hash__ = None  # type: ignore[assignment]


class Rendered(Packed):
    """A document that keeps the very JSON that callers see, with its version:
    to show it, nothing has to be parsed.
    """

    __slots__ = ()

    @property
    def fragment(self) -> orjson.Fragment:
        """Return the JSON, to be put into an answer as it is."""
        return orjson.Fragment(self._json)

    @property
    def body(self) -> Body:
        """Return a new copy of the body."""
        body: Body = orjson.loads(self._json)
        del body['_version']
        return body


_FIELDS = tuple(field.name for field in dataclasses.fields(Document))


def with_version(body: Body, version: int) -> Body:
    """Return a body as callers see it, for kinds that show their version."""
    return {**body, '_version': version}


def make_etag(version: int, created: int) -> str:
    """Return the tag of one version of a document, without quotes.

    ``created`` is the document's time of creation in microseconds.
    """
    return f'{created:x}-{version}'


class HasEtag(typing.Protocol):
    """What a precondition can be checked against: a document or a session."""

    @property
    def etag(self) -> str:
        """Return the tag of the stored version, without quotes."""


@dataclasses.dataclass(frozen=True, slots=True)
class Precondition:
    """``If-Match`` and ``If-None-Match`` of a write, as tuples of tags without
    quotes; ``('*',)`` stands for any version, None for no such header.
    """

    if_match: tuple[str, ...] | None = None
    if_none_match: tuple[str, ...] | None = None

    def check(self, current: HasEtag | None) -> None:
        """Raise ``PreconditionFailed`` unless the stored document fits.

        ``current`` is None where there is no such document.
        """
        required, forbidden = self.if_match, self.if_none_match
        if required is not None and not self._matches(required, current):
            raise exceptions.PreconditionFailed(
                'If-Match: the document is missing or has changed since it was'
                ' read.'
            )
        if forbidden is not None and self._matches(forbidden, current):
            raise exceptions.PreconditionFailed(
                'If-None-Match: the document exists.'
            )

    @staticmethod
    def _matches(tags: tuple[str, ...], current: HasEtag | None) -> bool:
        if current is None:
            return False
        return '*' in tags or current.etag in tags


#: The precondition of a write that has none.
ANYTHING = Precondition()


def size(value: typing.Any) -> int:
    """Return how many bytes of JSON a value takes."""
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
    """Return the id if it must be unique over all projects, else None.

    It must for a central client and for a job on a central client. Storage
    keeps the claims of one kind unique and answers a second one with
    ``Conflict``.
    """
    if kind == CLIENTS:
        is_claimed = body['client'].get('is_central')
    else:
        is_claimed = body.get('_central')
    return id if is_claimed else None


def trust(job: Body) -> str | None:
    """Return the id of the trust that a job has; None if it has none."""
    credentials = job.get(CREDENTIALS) or {}
    trust_id: str | None = credentials.get('trust_id')
    return trust_id
