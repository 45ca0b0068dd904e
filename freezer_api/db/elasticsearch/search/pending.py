"""Pending documents: those that may be other than the index says. They have a
lock, or are sessions whose run has lapsed.

A search sees them as they are, without writing anything: it looks a lock's
transaction up, and completes a lapsed run in memory; then it finds out by
itself whether that is what was looked for (:mod:`.matching`). A transaction
counts only if it was known to have taken effect before the search began: else
the search could show one change, and not another one that came before. So when
a search comes upon one that it didn't know of, it is done again.

Afterwards it completes what it has seen, for the next ones; best effort, as
nothing depends on it.
"""

import collections.abc
import logging

from freezer_api.db import effects
from freezer_api.db.elasticsearch import codec
from freezer_api.db.elasticsearch.codec import Key, Value
from freezer_api.db.elasticsearch.commits import locks, marks, store
from freezer_api.db.elasticsearch.commits.committing import (
    Committer,
)
from freezer_api.db.elasticsearch.commits.lines import Found
from freezer_api.db.elasticsearch.commits.outcomes import State
from freezer_api.db.elasticsearch.search import matching, queries
from freezer_api.db.elasticsearch.search.clauses import Clause
from freezer_api.db.elasticsearch.search.searches import Hit
from freezer_api.domain import run_state
from freezer_api.domain.documents import SESSIONS

LOG = logging.getLogger(__name__)
#: The reason for doing a search again.
SEARCH_AGAIN = 'a transaction has taken effect that the search did not know of'
#: Documents that a search completes at most.
MAX_COMPLETED = 100


#: No change of a document: None is its deletion.
_UNCHANGED = object()


class PendingView:
    """How one operation sees what its searches find."""

    def __init__(
        self,
        committer: Committer,
        kind: str,
        clock: collections.abc.Callable[[], int],
    ):
        self._committer = committer
        self._kind = kind
        # Before the first search: what lapses while it is done, hasn't yet.
        self.now = clock() if kind == SESSIONS else 0
        #: Transactions that had taken effect before the present search.
        self._done: set[str] = set()
        self._lapsed: dict[Key, Found] = {}
        #: Documents with an indexed field that contradicts what they say, and
        #: that field.
        self._wrong: dict[Key, str] = {}
        self._tidied: dict[Key, Found] = {}

    def see(self, hits: list[Hit], wanted: Clause) -> list[Hit] | None:
        """Return those hits, as they are, that are what a clause looks for.

        None: the search has to be done again.
        """
        changes = self._changes(hits)
        if changes is None:
            return None
        seen = []
        for hit in hits:
            key = self._kind, hit['_id']
            value = changes.get(key, _UNCHANGED)
            if value is _UNCHANGED:
                if queries.FOUND in hit.get('matched_queries', ()):
                    seen.append(hit)
            elif isinstance(value, Value):
                source = codec.source(key, value, {})
                if matching.is_found(wanted, source):
                    seen.append(
                        {
                            **hit,
                            '_source': source,
                        }
                    )
        return seen

    def differs(self, hits: list[Hit], wanted: Clause) -> bool | None:
        """Tell whether a clause finds other ones of some hits than the index
        says. None: the search has to be done again.
        """
        changes = self._changes(hits)
        if changes is None:
            return None
        for hit in hits:
            key = self._kind, hit['_id']
            if key in changes:
                found = store.found(self._kind, hit)
                was_found = self._is_found(key, found.value, wanted)
                is_found = self._is_found(key, changes[key], wanted)
                if was_found != is_found:
                    return True
        return False

    def complete(self) -> None:
        """Complete what was seen to be pending, for those who search next."""
        committer = self._committer
        tidied = list(self._tidied.values())
        committer.tidy(tidied[:MAX_COMPLETED])
        lapsed = list(self._lapsed.values())
        some = lapsed[:MAX_COMPLETED]
        committer.best_effort(lambda: self._settle(some))
        items = list(self._wrong.items())
        wrong = dict(items[:MAX_COMPLETED])
        committer.best_effort(lambda: self._correct(wrong))

    def _is_found(self, key: Key, value: Value | None, wanted: Clause) -> bool:
        if value is None:
            return False
        source = codec.source(key, value, {})
        return matching.is_found(wanted, source)

    def _changes(self, hits: list[Hit]) -> dict[Key, Value | None] | None:
        """Return what those documents are that aren't as the index says; None
        if there are transactions among them that weren't known.
        """
        founds = {}
        for hit in hits:
            found = store.found(self._kind, hit)
            founds[found.key] = found
            self._check(found, hit.get('matched_queries', ()))
        changes = self._changes_by_locks(founds)
        if changes is None:
            return None
        if self._kind == SESSIONS:
            for key, found in founds.items():
                value = changes.get(key, found.value)
                lapsed = self._lapse(found, value)
                if lapsed is not None:
                    changes[key] = lapsed
        return changes

    def _check(
        self, found: Found, names: collections.abc.Collection[str]
    ) -> None:
        """Note that a document isn't pending, although the index says so."""
        # What the index says of it was changed by hand, or by a release that
        # kept these fields otherwise.
        is_pending = found.lock or found.mark.get('gone')
        if queries.PENDING in names and not is_pending:
            self._wrong[found.key] = 'restless'
        if queries.DUE in names and found.value is not None:
            session = codec.session(found.value)
            due = session.settle_at
            if due is None or due >= self.now:
                self._wrong[found.key] = 'settle_at'

    def _changes_by_locks(
        self, founds: dict[Key, Found]
    ) -> dict[Key, Value | None] | None:
        locked = {}
        for key, found in founds.items():
            if found.lock or found.mark.get('gone'):
                self._tidied[key] = found
            if found.lock:
                locked[key] = found
        changes: dict[Key, Value | None] = {}
        is_current = True
        for key, state in self._committer.look(locked).items():
            # With a lock that isn't done it is as the index says.
            if state is State.VOID:
                continue
            found = locked[key]
            name = found.mark['lock']['name']
            if state is None or name not in self._done:
                is_current = False
                self._done.add(name)
            else:
                changes[key] = locks.value_after(found)
        return changes if is_current else None

    def _lapse(self, found: Found, value: Value | None) -> Value | None:
        """Return a session with its run completed, if that has lapsed."""
        if value is None:
            return None
        session = codec.session(value)
        lapsed = run_state.lapse(session, self.now)
        if lapsed is session:
            return None
        if value is found.value and not found.lock:
            self._lapsed[found.key] = found
        return codec.with_session(value, lapsed)

    def _settle(self, founds: list[Found]) -> None:
        """Write sessions whose runs have lapsed, by one request."""
        writes, sessions = [], []
        for found in founds:
            if found.value is None:
                continue
            session = codec.session(found.value)
            lapsed = run_state.lapse(session, self.now)
            value = codec.with_session(found.value, lapsed)
            earlier = self._committer.unapplied(found)
            name = marks.new_name()
            mark = marks.written(found.mark, name, earlier)
            write = self._committer.store.put(found, value, mark)
            writes.append(write)
            sessions.append(lapsed)
        results = self._committer.store.write(writes)
        for session, result in zip(sessions, results, strict=True):
            if result:
                effects.run_lapsed(session)

    def _correct(self, wrong: dict[Key, str]) -> None:
        """Write documents again whose index was changed by hand. Without that
        every search would stumble over them.
        """
        founds = self._committer.store.get_all(wrong)
        writes = []
        for found in founds.values():
            write = self._committer.store.put(found, found.value, found.mark)
            writes.append(write)
        results = self._committer.store.write(writes)
        for key, result in zip(founds, results, strict=True):
            if result:
                LOG.error(
                    'Field %s of %s %s was not what the document says;'
                    ' corrected.',
                    wrong[key],
                    *key,
                )
