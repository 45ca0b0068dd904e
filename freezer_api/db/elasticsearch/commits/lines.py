"""Single documents as they were read, and what is to be written in their place
as lines of requests, none of which is too large.
"""

import collections.abc
import dataclasses
import typing

import orjson

from freezer_api.db.elasticsearch.codec import Key, Value
from freezer_api.db.elasticsearch.commits.marks import Entry, Lock, Mark, Point
from freezer_api.db.elasticsearch.connections.products import Product

#: Documents in one request.
CHUNK = 500
#: Bytes of JSON in one request that writes; a single document may have more.
BYTES = 16 * 1024 * 1024
_Json = dict[str, typing.Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """A document as it was read: in which index, at which point of its
    history, with which marks.

    ``seq_no`` None: nothing is kept under the key. ``value`` None: there is no
    document, but there may be a placeholder or a tombstone.
    """

    key: Key
    index: str
    seq_no: int | None
    primary_term: int | None
    value: Value | None
    mark: Mark
    #: Whose it is, and its place in the order of lists, also where there is no
    #: document.
    project: str = ''
    seq: int = 0
    #: How many writes there were under the key, deletions too, if it was read
    #: by its key or written. It goes on for a while where nothing is kept.
    version: int = 0

    @property
    def point(self) -> Point:
        """The point of its history: equal for two reads if nobody wrote
        between them.
        """
        return [self.index, self.seq_no, self.primary_term]

    @property
    def lock(self) -> Lock | None:
        """The lock that lies on it."""
        return self.mark.get('lock')

    @property
    def done(self) -> list[Entry]:
        """Transactions that it has committed, and that may not have been
        applied to all of their parts.
        """
        return self.mark.get('done', [])


@dataclasses.dataclass(frozen=True, slots=True)
class Write:
    """What replaces a document, if it is still as it was read. ``body`` None:
    nothing, it is deleted.
    """

    found: Found
    body: _Json | None


class Lines(typing.NamedTuple):
    """A write as lines of a request."""

    action: _Json
    source: bytes | None


def _lines(write: Write, product: Product) -> Lines:
    found = write.found
    where = product.target(found.index)
    _kind, id = found.key
    where['_id'] = id
    operation = 'delete' if write.body is None else 'index'
    if found.seq_no is None:
        # Nothing may have been created meanwhile.
        operation = 'create'
    else:
        where['if_seq_no'] = found.seq_no
        where['if_primary_term'] = found.primary_term
    source = None if write.body is None else orjson.dumps(write.body)
    return Lines({operation: where}, source)


def groups(
    writes: collections.abc.Iterable[Write], product: Product
) -> collections.abc.Iterator[list[Lines]]:
    """Yield writes as the lines of requests, none of which is too large."""
    group: list[Lines] = []
    size = 0
    for write in writes:
        lines = _lines(write, product)
        own = len(lines.source or b'')
        if group and (size + own > BYTES or len(group) == CHUNK):
            yield group
            group, size = [], 0
        group.append(lines)
        size += own
    if group:
        yield group


def flat(group: list[Lines]) -> list[typing.Any]:
    """Return lines as the body of a request."""
    flat: list[typing.Any] = []
    for lines in group:
        flat.append(lines.action)
        if lines.source is not None:
            flat.append(orjson.Fragment(lines.source))
    return flat
