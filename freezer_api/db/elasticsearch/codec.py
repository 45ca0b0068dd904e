"""What is stored: documents, sessions with their members, records of runs and
claims, as JSON beside what is indexed of them.
"""

import collections.abc
import dataclasses
import hashlib
import threading
import time
import typing
import uuid

import orjson

from freezer_api.db.elasticsearch import ranges, terms
from freezer_api.domain import documents, search
from freezer_api.domain.documents import Body, Document
from freezer_api.domain.sessions import Member, Record, Session

#: Kinds of the driver's own: records of earlier runs, and which document has a
#: claim.
RUNS, CLAIMS = 'runs', 'claims'
#: A kind and the ``_id`` in its index.
Key = tuple[str, str]
#: The version by which what doesn't tell it is indexed.
FIRST_VERSION = 1
#: Elasticsearch's limit for an ``_id``, in bytes.
_MAX_KEY = 512


@dataclasses.dataclass(frozen=True, slots=True)
class Value:
    """What is stored of one document: whose it is, its place in the order, and
    its state as JSON.
    """

    kind: str
    project: str
    id: str
    seq: int
    state: Body

    @property
    def key(self) -> Key:
        """Where it is."""
        return (
            (self.kind, self.id)
            if self.kind in (RUNS, CLAIMS)
            else key(self.kind, self.project, self.id)
        )

    def dump(self) -> Body:
        """As JSON, for :meth:`load`."""
        return {
            'project': self.project,
            'id': self.id,
            'seq': self.seq,
            'state': self.state,
        }

    @classmethod
    def load(cls, kind: str, dumped: Body) -> 'Value':
        """The value that :meth:`dump` came from."""
        return cls(
            kind,
            dumped['project'],
            dumped['id'],
            dumped['seq'],
            dumped['state'],
        )


class Order:
    """Numbers that grow with time within a process, by which documents are
    ordered as they come to be.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self, many: int = 1) -> int:
        """The first of the next ones. By the machine's clock, so that those of
        several processes lie in one order too.
        """
        with self._lock:
            first = max(time.time_ns(), self._last + 1)
            self._last = first + many - 1
            return first


ORDER = Order()


def key(kind: str, project: str, id: str) -> Key:
    """Where a document is. Neither ids nor projects, which are parts of a
    path, have a slash.
    """
    text = f'{project}/{id}'
    if len(text.encode('utf-8', 'surrogatepass')) > _MAX_KEY or not _is_text(
        project
    ):
        encoded = project.encode('utf-8', 'surrogatepass')
        digest = hashlib.blake2b(encoded, digest_size=16).hexdigest()
        text = f'/{digest}/{id}'
    return kind, text


def claim_key(kind: str, id: str) -> Key:
    """Where it stands who has a claim."""
    return CLAIMS, f'{kind}/{id}'


def run_key(life: str, tag: int) -> Key:
    """Where the record of an earlier run of a session's life is."""
    return RUNS, f'{life}/{tag}'


# Documents of one body


def made(document: Document) -> Value:
    """Return the value of a new document, the last in the order."""
    return Value(
        document.kind,
        document.project_id,
        document.id,
        ORDER.next(),
        _document_state(document),
    )


def changed(old: Value, document: Document) -> Value:
    """Return the value of a document that is so now."""
    return dataclasses.replace(
        old, state={**old.state, **_document_state(document)}
    )


def _document_state(document: Document) -> Body:
    return {
        'version': document.version,
        'created': document.created,
        'body': document.body,
    }


def document(value: Value) -> Document:
    """The document that a value of any kind of document stands for."""
    if value.kind == documents.SESSIONS:
        return session(value).document()
    return Document(
        value.kind,
        value.project,
        value.id,
        value.state['version'],
        value.state['created'],
        value.state['body'],
    )


# Sessions, the records of their runs, and claims


def new_session(session: Session) -> Value:
    """Return the value of a new session. Its life tells its runs from those of
    another one that has had the id.
    """
    own = {'kept': [], 'life': uuid.uuid4().hex}
    return Value(
        documents.SESSIONS,
        session.project_id,
        session.session_id,
        ORDER.next(),
        {**own, **_session_state(session)},
    )


def with_session(old: Value, session: Session) -> Value:
    """Return the value of a session that is so now."""
    return dataclasses.replace(
        old, state={**old.state, **_session_state(session)}
    )


def with_kept(old: Value, kept: ranges.Ranges) -> Value:
    """Return the value of a session that has records of these tags."""
    return dataclasses.replace(old, state={**old.state, 'kept': kept})


def session(value: Value) -> Session:
    """The session that a value stands for."""
    state = value.state
    members = {id: Member(*fields) for id, fields in state['members'].items()}
    return Session.load(
        value.project,
        value.id,
        state['body'],
        members,
        state['version'],
        state['created'],
    )


def _session_state(session: Session) -> Body:
    return {
        'version': session.version,
        'created': session.created,
        'body': session.dump(),
        'members': {
            id: list(dataclasses.astuple(member))
            for id, member in session.members.items()
        },
    }


def record_value(project: str, life: str, record: Record) -> Value:
    """The record of an earlier run."""
    _kind, id = run_key(life, record.tag)
    body = {
        field.name: getattr(record, field.name)
        for field in dataclasses.fields(record)
    }
    return Value(
        RUNS, project, id, 0, {'body': {**body, 'jobs': dict(record.jobs)}}
    )


def record(value: Value) -> Record:
    """The record that a value stands for."""
    return Record(**value.state['body'])


def claim_value(kind: str, project: str, id: str) -> Value:
    """That a document has the claim on its id."""
    return Value(CLAIMS, project, claim_key(kind, id)[1], 0, {})


# What is indexed


def indexed(value: Value) -> Body:
    """The fields by which a document is found: pure, so that whoever stores a
    value makes the same.
    """
    if value.kind in (RUNS, CLAIMS):
        return {}
    if value.kind == documents.SESSIONS:
        current = session(value)
        found = terms.fields(value.kind, value.project, None, current.body())
        return (
            found
            if current.settle_at is None
            else {**found, 'settle_at': current.settle_at}
        )
    body = value.state['body']
    found = terms.fields(
        value.kind,
        value.project,
        documents.claim(value.kind, value.id, body),
        body,
    )
    return (
        {**found, 'created': value.state['created']}
        if value.kind == documents.BACKUPS
        else found
    )


def source(
    key: Key,
    value: Value | None,
    mark: collections.abc.Mapping[str, typing.Any],
    seq: int = 0,
    project: str = '',
) -> Body:
    """All that is written under a key: a value (None: there is none), and the
    marks of :mod:`.commit`.

    ``seq`` and ``project`` are those of a value that may come to be.
    """
    found: Body = {
        'key': key[1],
        'restless': bool(mark.get('lock') or mark.get('gone')),
        'doc': {'mark': mark},
    }
    if value is None:
        return {**found, 'project': project, 'id': '', 'seq': seq}
    found['doc']['state'] = value.state
    fields = indexed(value)
    if fields:
        found['doc']['index'] = [search.INDEX_VERSION, digest(fields)]
    return {
        **found,
        'project': value.project,
        'id': value.id,
        'seq': value.seq,
        **fields,
    }


def digest(fields: Body) -> str:
    """What tells whether the fields by which a document is found are
    others.
    """
    dumped = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(dumped, digest_size=8).hexdigest()


def made_by(written: Body) -> tuple[int, str]:
    """The version that a document is indexed by, and the digest; '' without
    one.
    """
    version, digest = written['doc'].get('index', (FIRST_VERSION, ''))
    return version, digest


def _is_text(project: str) -> bool:
    try:
        project.encode()
    except UnicodeEncodeError:
        return False
    return True
