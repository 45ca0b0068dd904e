"""What is stored: documents, sessions with their members, records of runs and
claims, as JSON, and beside it the fields by which they are found. The names of
keys are on disk.
"""

import dataclasses
import hashlib
import uuid

import orjson

from freezer_api.db.elasticsearch.commits.marks import Mark
from freezer_api.db.elasticsearch.order import ORDER
from freezer_api.db.elasticsearch.search import known, terms
from freezer_api.db.elasticsearch.sessions import ranges
from freezer_api.domain import documents, search_pairs
from freezer_api.domain.documents import Body, Document
from freezer_api.domain.session_state import Member, Record, Session

#: Kinds of the driver's own: records of earlier runs, and which document has a
#: claim.
RUNS, CLAIMS = 'runs', 'claims'
#: A kind and the ``_id`` in its index.
Key = tuple[str, str]
#: The version of the index of documents that name none: the first release
#: wrote none.
FIRST_VERSION = 1
#: Elasticsearch's limit for an ``_id``, in bytes.
_MAX_KEY = 512


@dataclasses.dataclass(frozen=True, slots=True)
class Value:
    """What is stored of one document: whose it is, its place in the order of
    lists (``seq``), and its state as JSON.
    """

    kind: str
    project_id: str
    id: str
    seq: int
    state: Body
    #: What was stored of how it is indexed: a version and a digest. None: it
    #: is to be worked out.
    index: known.Digest | None = dataclasses.field(default=None, compare=False)

    @property
    def key(self) -> Key:
        """Where it is kept."""
        if self.kind in (RUNS, CLAIMS):
            return self.kind, self.id
        return key(self.kind, self.project_id, self.id)

    def dump(self) -> Body:
        """Return it as JSON, for :meth:`load`."""
        return {
            'project': self.project_id,
            'id': self.id,
            'seq': self.seq,
            'state': self.state,
        }

    @classmethod
    def load(cls, kind: str, dumped: Body) -> 'Value':
        """Return the value that :meth:`dump` came from."""
        return cls(
            kind,
            dumped['project'],
            dumped['id'],
            dumped['seq'],
            dumped['state'],
        )


def key(kind: str, project_id: str, id: str) -> Key:
    """Return where a document is kept."""
    # Neither a project's id nor a document's has a slash, as they are parts
    # of a path. So none of these texts is one of another document.
    text = f'{project_id}/{id}'
    is_short = len(text.encode('utf-8', 'surrogatepass')) <= _MAX_KEY
    if not is_short or not _is_text(project_id):
        encoded = project_id.encode('utf-8', 'surrogatepass')
        digest = hashlib.blake2b(encoded, digest_size=16).hexdigest()
        text = f'/{digest}/{id}'
    return kind, text


def claim_key(kind: str, id: str) -> Key:
    """Return where it is kept who has the claim on an id."""
    return CLAIMS, f'{kind}/{id}'


def run_key(life: str, tag: int) -> Key:
    """Return where the record of an earlier run is kept. ``life`` is that of
    the session: see :func:`new_session`.
    """
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
    """Return the value of a document that was ``old`` and has changed."""
    state = {
        **old.state,
        **_document_state(document),
    }
    return dataclasses.replace(old, state=state, index=None)


def _document_state(document: Document) -> Body:
    return {
        'version': document.version,
        'created': document.created,
        'body': document.body,
    }


def document(value: Value) -> Document:
    """Return the document that a value stands for; of a session as it is
    shown.
    """
    if value.kind == documents.SESSIONS:
        return session(value).document()
    return Document(
        value.kind,
        value.project_id,
        value.id,
        value.state['version'],
        value.state['created'],
        value.state['body'],
    )


# Sessions, the records of their runs, and claims


def new_session(session: Session) -> Value:
    """Return the value of a new session, without records of earlier runs."""
    # A session may be deleted and another one be created with its id. Their
    # lives differ, so that none shows the runs of the other.
    state = {
        'kept': [],
        'life': uuid.uuid4().hex,
    }
    return Value(
        documents.SESSIONS,
        session.project_id,
        session.session_id,
        ORDER.next(),
        {
            **state,
            **_session_state(session),
        },
    )


def with_session(old: Value, session: Session) -> Value:
    """Return the value of a session that was ``old`` and has changed."""
    state = {
        **old.state,
        **_session_state(session),
    }
    return dataclasses.replace(old, state=state, index=None)


def with_kept(old: Value, kept: ranges.Ranges) -> Value:
    """Return the value of a session that has records of the runs with these
    tags.
    """
    return dataclasses.replace(
        old,
        state={
            **old.state,
            'kept': kept,
        },
    )


def session(value: Value) -> Session:
    """Return the session that a value stands for."""
    state = value.state
    members = {id: Member(*fields) for id, fields in state['members'].items()}
    return Session.load(
        value.project_id,
        value.id,
        state['body'],
        members,
        state['version'],
        state['created'],
    )


def _session_state(session: Session) -> Body:
    members = {}
    for id, member in session.members.items():
        members[id] = list(dataclasses.astuple(member))
    return {
        'version': session.version,
        'created': session.created,
        'body': session.dump(),
        'members': members,
    }


def record_value(project_id: str, life: str, record: Record) -> Value:
    """Return the value of the record of an earlier run."""
    _kind, id = run_key(life, record.tag)
    body = {}
    for field in dataclasses.fields(record):
        body[field.name] = getattr(record, field.name)
    body['jobs'] = dict(record.jobs)
    return Value(
        RUNS,
        project_id,
        id,
        0,
        {'body': body},
    )


def record(value: Value) -> Record:
    """Return the record that a value stands for."""
    return Record(**value.state['body'])


def claim_value(kind: str, project_id: str, id: str) -> Value:
    """Return the value that says that a project's document has the claim on
    its id.
    """
    _kind, claim_id = claim_key(kind, id)
    return Value(
        CLAIMS,
        project_id,
        claim_id,
        0,
        {},
    )


# What is indexed


def indexed(value: Value) -> Body:
    """Return the fields by which a document is found. They follow from the
    value alone, so they needn't be read to write it again.
    """
    if value.kind in (RUNS, CLAIMS):
        return {}
    if value.kind == documents.SESSIONS:
        return _indexed_session(session(value), value.project_id)
    body = value.state['body']
    claim = documents.claim(value.kind, value.id, body)
    fields = terms.fields(
        value.kind,
        value.project_id,
        claim,
        body,
    )
    if value.kind == documents.BACKUPS:
        fields['created'] = value.state['created']
    return fields


def _indexed_session(session: Session, project_id: str) -> Body:
    body = session.body()
    fields = terms.fields(documents.SESSIONS, project_id, None, body)
    if session.settle_at is not None:
        fields['settle_at'] = session.settle_at
    return fields


def source(
    key: Key,
    value: Value | None,
    mark: Mark,
    seq: int = 0,
    project_id: str = '',
    fields: known.KnownFields | None = None,
) -> Body:
    """Return all that is written under a key: a value (None: there is no
    document) with what is indexed of it, as far as it isn't in ``fields``,
    and marks.

    ``seq`` and ``project_id`` are those of a document that is yet to come.
    """
    doc: Body = {'mark': mark}
    written: Body = {
        'key': key[1],
        # What is pending may be other than the index says: searches look for
        # it, see :mod:`freezer_api.db.elasticsearch.search.finding`.
        'restless': bool(mark.get('lock') or mark.get('gone')),
        'doc': doc,
    }
    if value is None:
        return {
            **written,
            'project': project_id,
            'id': '',
            'seq': seq,
        }
    doc['state'] = value.state
    index, found_by = _found_by(key, value, fields)
    if index is not None:
        doc['index'] = index
    return {
        **written,
        'project': value.project_id,
        'id': value.id,
        'seq': value.seq,
        **found_by,
    }


def _found_by(
    key: Key, value: Value, fields: known.KnownFields | None
) -> tuple[known.Digest | None, Body]:
    """Return the fields by which a document is found, with their version and
    digest; of one that is as it was written last without working them out.
    """
    if value.kind in (RUNS, CLAIMS):
        return None, {}
    index = value.index
    is_current = index is not None and index[0] == search_pairs.INDEX_VERSION
    if fields is not None and index is not None and is_current:
        known_fields = fields.get(key, index)
        if known_fields is not None:
            return index, known_fields
    made = indexed(value)
    index = [search_pairs.INDEX_VERSION, digest(made)]
    if fields is not None:
        fields.put(key, index, made)
    return index, made


def digest(fields: Body) -> str:
    """Return a digest of the fields by which a document is found; equal ones
    have the same.
    """
    dumped = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(dumped, digest_size=8).hexdigest()


def index_stamp(source: Body) -> tuple[int, str]:
    """Return the version of the index that a document was written for, and the
    digest of its fields; '' if it has none.
    """
    version, digest = source['doc'].get('index', (FIRST_VERSION, ''))
    return version, digest


def _is_text(project_id: str) -> bool:
    """Tell whether a project's id can be encoded as UTF-8; a lone surrogate
    can't.
    """
    try:
        project_id.encode()
    except UnicodeEncodeError:
        return False
    return True
