"""Single documents: reading them as they are now, and writing them if they are
still as they were read.
"""

import collections.abc
import typing

from freezer_api import exceptions
from freezer_api.db.batches import batches
from freezer_api.db.elasticsearch import codec
from freezer_api.db.elasticsearch.codec import Key, Value
from freezer_api.db.elasticsearch.commits import blocks, retries
from freezer_api.db.elasticsearch.commits.lines import (
    CHUNK,
    Found,
    Lines,
    Write,
    flat,
    groups,
)
from freezer_api.db.elasticsearch.commits.marks import Mark
from freezer_api.db.elasticsearch.connections import answers, client
from freezer_api.db.elasticsearch.search import known

#: The fields that searches read of a document. All others are made of these
#: again when it is written.
SOURCE = ['project', 'id', 'seq', 'doc']
#: The same for look-ups that need to know only which documents there are.
WITHOUT_STATE = ['project', 'id', 'seq', 'doc.mark']
#: How often a write is sent again that the cluster has no room for, and the
#: pauses before (see :func:`.retries.pause`).
MAX_REJECTIONS = 4
_FIRST_DOUBLING, _MAX_PAUSE = 6, 1.0
_REJECTED = 'es_rejected_execution_exception'

_Json = dict[str, typing.Any]


class Unwritten:
    """A write that wasn't done, for the document wasn't what had been read any
    more. It is false, as None is.

    ``is_resent``: or the request was sent twice, and it was done the first
    time.
    """

    def __init__(self, is_resent: bool):
        self.is_resent = is_resent

    def __bool__(self) -> bool:
        return False


#: Sequence number, primary term and version of a write that was done; None:
#: nothing is known.
Written = tuple[int, int, int] | Unwritten | None


class InvalidRequest(Exception):
    """Elasticsearch takes a request, or a document in it, for wrong or too
    large; nothing of it was done, or not all.
    """


class PartlyWritten(exceptions.StorageUnavailable):
    """Not all writes were done, or it isn't known. ``results`` is what is
    known of each.

    ``is_refused``: those of which nothing is known were not done.
    """

    def __init__(
        self,
        results: list[Written],
        failure: exceptions.StorageUnavailable,
    ):
        super().__init__(retry_after=failure.retry_after)
        self.results = results
        self.is_refused = isinstance(failure, blocks.Blocked)


class Store:
    """Reads documents, and writes them by compare-and-set."""

    def __init__(self, connection: client.Client, reads_at_once: int = CHUNK):
        self.client = connection
        #: Documents that are read by one request: no more bytes than a page.
        wanted = max(1, reads_at_once)
        self._reads_at_once = min(wanted, CHUNK)
        self.blocks = blocks.Blocks(connection)
        #: The index in which documents of each kind were read last.
        self._indices: dict[str, str] = {}
        #: What was worked out of the documents that were written last.
        self._fields = known.KnownFields()

    def get(self, key: Key) -> Found:
        """Return what is kept under a key now."""
        return self.get_all((key,))[key]

    def absent(self, key: Key) -> Found | None:
        """Return nothing, as it would be read under a key; None if it has to
        be read.

        A write over it fails if something is there, or if the index was
        replaced meanwhile.
        """
        index = self._indices.get(key[0])
        return _absent(key, index) if index else None

    def get_all(
        self, keys: collections.abc.Collection[Key]
    ) -> dict[Key, Found]:
        """Return what is kept under keys, each as it is at some time since
        the call.
        """
        found: dict[Key, Found] = {}
        ordered = list(dict.fromkeys(keys))
        for batch in batches(ordered, self._reads_at_once):
            found |= self._get_batch(batch)
        return found

    def put(self, found: Found, value: Value | None, mark: Mark) -> Write:
        """Return the write of a value (None: of marks alone) over what was
        read.

        A document that is yet to be created has its place in the order of
        lists from the beginning, so that lists that pass there come upon its
        lock. One that is deleted keeps it.
        """
        project, seq = found.project, found.seq
        lock = mark.get('lock')
        if lock and lock['after']:
            after = lock['after']
            project, seq = after['project'], after['seq']
        body = codec.source(
            found.key,
            value,
            mark,
            seq,
            project,
            self._fields,
        )
        return Write(found, body)

    def write(
        self, writes: collections.abc.Sequence[Write], shown: bool = True
    ) -> list[Written]:
        """Write documents in their order; return what came of each.

        Not ``shown``: it isn't waited for until searches see it.
        ``PartlyWritten``: some were not tried, or it isn't known what came of
        them.
        """
        results: list[Written] = []
        failure: exceptions.StorageUnavailable | None = None
        for group in groups(writes, self.client.product):
            if failure is not None:
                results += [None] * len(group)
                continue
            try:
                told, failure = self._write(group, shown)
            except exceptions.StorageUnavailable as error:
                if not results:
                    raise
                told = [None] * len(group)
                failure = error
            results += told
        if failure is not None:
            raise PartlyWritten(results, failure) from failure.__cause__
        return results

    def remove(self, keys: collections.abc.Sequence[Key]) -> None:
        """Delete what is kept under keys, whatever it is."""
        for batch in batches(keys, CHUNK):
            body = []
            for kind, id in batch:
                where = {
                    '_index': self.client.alias(kind),
                    '_id': id,
                }
                body.append({'delete': where})
            items, _is_resent = self._bulk(body)
            for item in items:
                self._written(item, False)

    def check_cluster(self) -> None:
        """Raise ``StorageUnavailable`` if the cluster as a whole has refused
        a write, and still does.

        Its settings, which say so, may not be ours to read: so this deletes
        what isn't there.
        """
        if self.blocks.is_met(blocks.CLUSTER):
            nothing = codec.claim_key('', '')
            self.remove([nothing])
            self.blocks.lift(blocks.CLUSTER)

    def _get_batch(
        self, keys: collections.abc.Sequence[Key]
    ) -> dict[Key, Found]:
        asked = []
        for kind, id in keys:
            asked.append(
                {
                    '_index': self.client.alias(kind),
                    '_id': id,
                }
            )
        # All that is stored is asked for. But for some forty bytes it is what
        # is needed, and to leave these out would cost a node a fifth more.
        status, answer = self.client.call(
            'POST', '/_mget', {'docs': asked}, client.SAME_COPY
        )
        if status != 200:
            raise RuntimeError(f'_mget: {status} {answer}')
        found = {}
        for key, document in zip(keys, answer['docs'], strict=True):
            found[key] = self._found(key, document)
        return found

    def _write(
        self, lines: list[Lines], shown: bool
    ) -> tuple[list[Written], exceptions.StorageUnavailable | None]:
        """Send writes by one request; return what came of each, and why one
        of them failed, if it did.
        """
        results: list[Written] = []
        failure = None
        items, is_resent = self._send(lines, shown)
        for item in items:
            try:
                results.append(self._written(item, is_resent))
            except exceptions.StorageUnavailable as error:
                failure = failure or error
                results.append(None)
        return results, failure

    def _send(
        self, lines: list[Lines], shown: bool
    ) -> tuple[list[_Json], bool]:
        """Send writes; those again, after a pause, for which the cluster has
        no room at this moment.
        """
        body = flat(lines)
        items, is_resent = self._bulk(body, shown)
        for attempt in range(MAX_REJECTIONS):
            rejected = []
            for number, item in enumerate(items):
                if answers.error_type(item) == _REJECTED:
                    rejected.append(number)
            if not rejected:
                break
            retries.pause(_FIRST_DOUBLING + attempt, _MAX_PAUSE)
            left = [lines[number] for number in rejected]
            again, is_resent_again = self._bulk(flat(left), shown)
            is_resent |= is_resent_again
            for number, item in zip(rejected, again, strict=True):
                items[number] = item
        return items, is_resent

    def _written(self, item: _Json, is_resent: bool) -> Written:
        """Return what came of one write of a request."""
        status = item['status']
        kind = answers.error_type(item)
        if status in (200, 201):
            self.blocks.lift(item['_index'], blocks.CLUSTER)
            return item['_seq_no'], item['_primary_term'], item['_version']
        if status == 409:
            return Unwritten(is_resent)
        if blocks.is_block(item):
            # An index that an upgrade is replacing takes no writes. That is a
            # conflict like others: who reads again reads the new index.
            self.blocks.require_moved(item)
            return Unwritten(is_resent)
        if status == 404:
            # So is one that an upgrade has replaced.
            return Unwritten(is_resent)
        if status in (429, 503) or kind in answers.UNREACHED:
            raise exceptions.StorageUnavailable() from client.Refused(
                f'a write is answered with status {status} ({kind})'
            )
        raise InvalidRequest(f'_bulk: {status} {kind}')

    def _bulk(
        self, body: list[typing.Any], shown: bool = True
    ) -> tuple[list[_Json], bool]:
        """Return what is told of each item, and whether the request may have
        been done twice.
        """
        params = None
        if self.client.waits and shown:
            params = {'refresh': 'wait_for'}
        status, answer = self.client.call('POST', '/_bulk', body, params)
        if blocks.is_block(answer):
            raise self.blocks.refused(blocks.CLUSTER, answer)
        if status != 200:
            raise InvalidRequest(f'_bulk: {status} {answer}')
        # Each item has one key, the name of the operation.
        items = []
        for item in answer['items']:
            (told,) = item.values()
            items.append(told)
        is_resent = bool(answer.get(client.RESENT))
        return items, is_resent

    def _found(self, key: Key, answer: _Json) -> Found:
        kind, id = key
        if 'error' not in answer:
            index = answer['_index']
            self._indices[kind] = index
            if answer['found']:
                return found(kind, answer, is_indexed=True)
            return _absent(key, index)
        index = answers.missing(answer)
        if index == self.client.alias(kind):
            raise exceptions.SchemaOutOfDate(client.OUT_OF_DATE)
        if index:
            # An upgrade has replaced the index in this very moment: the alias
            # names the new one already.
            return self.get(key)
        reason = answers.error_type(answer)
        raise exceptions.StorageUnavailable() from client.Refused(
            f'reading {kind} {id} failed ({reason})'
        )


def _absent(key: Key, index: str) -> Found:
    """Return that nothing is kept under a key."""
    return Found(key, index, None, None, None, {})


def found(kind: str, hit: _Json, is_indexed: bool = False) -> Found:
    """Return a document that is there, from what Elasticsearch answers.

    ``is_indexed``: when it is written as it is, it may be indexed by what is
    known of it. Else that is worked out anew, whatever is stored of it.
    """
    source = hit['_source']
    project, seq = source['project'], source['seq']
    doc = source['doc']
    value = None
    if 'state' in doc:
        index = doc.get('index') if is_indexed else None
        value = Value(
            kind,
            project,
            source['id'],
            seq,
            doc['state'],
            index,
        )
    return Found(
        (kind, hit['_id']),
        hit['_index'],
        hit['_seq_no'],
        hit['_primary_term'],
        value,
        doc['mark'],
        project,
        seq,
        # Searches don't ask for it.
        hit.get('_version', 0),
    )
