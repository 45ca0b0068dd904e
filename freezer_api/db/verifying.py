"""Walking a whole store, whichever driver it has: finding what has drifted,
and mending it. Others may use the store meanwhile.

What is derived of one document is compared with it by the driver. What
documents say of each other is compared here, as the driver tells of them. What
seems wrong is looked at again, until the document that says so was the same
before and after.
"""

import collections
import collections.abc
import functools
import time
import typing

from freezer_api.db import copying, walks
from freezer_api.db.base import Entry, Scope, Storage
from freezer_api.db.batches import batches
from freezer_api.db.copying import PAGE, Progress
from freezer_api.db.walks import Drift, WalkStep
from freezer_api.domain import (
    documents,
    membership,
    run_state,
    search_pairs,
    search_query,
)
from freezer_api.domain.documents import (
    ACTIONS,
    JOBS,
    SESSIONS,
    TRUSTS,
    Body,
    Document,
)
from freezer_api.domain.session_state import Session

#: What is walked.
KINDS = (*documents.KINDS, walks.LEFT)
#: Entries of :data:`walks.LEFT` that are looked at by one call: they are small.
LEFT_PAGE = 1000
#: How often a document is looked at that somebody changes again and again,
#: before nothing is said of it.
ATTEMPTS = 5
#: Microseconds. A younger trust may yet get the job that it was made for.
GRACE = 3600 * documents.SECOND
#: Seconds within which a trust is ended after its last job was deleted.
PAUSE = 2

#: A kind and an id.
_Name = tuple[str, str]
#: Documents of one project.
Found = dict[_Name, Entry]
#: What an entry says that isn't so, for operators, and of which other document.
_Fault = tuple[str, _Name]
#: A driver's :meth:`Storage.verify` or :meth:`Storage.reindex`.
Walk = collections.abc.Callable[[str, tuple[int | str, ...], int], WalkStep]


def verify(
    storage: Storage, progress: Progress, outdated: collections.Counter[str]
) -> collections.abc.Iterator[Drift]:
    """Yield all that has drifted; count in ``outdated``, by kind, how many
    documents are indexed by an earlier version.
    """
    for kind in KINDS:
        with progress(f'verifying {kind}', count(storage, kind)) as advance:
            for step in _steps(storage.verify, kind):
                outdated[kind] += step.outdated
                advance(step.looked)
                yield from step.drifts
    for kind in LINKED:
        step_name = f'verifying what {kind} have'
        with progress(step_name, count(storage, kind)) as advance:
            for page in copying.pages(storage, kind):
                yield from check_links(storage, page)
                advance(len(page))


def reindex(
    storage: Storage,
    progress: Progress,
    thorough: bool,
    done: collections.Counter[str],
) -> collections.abc.Iterator[Drift]:
    """Index documents anew that are indexed by an earlier version; count them
    in ``done``, by kind. ``thorough``: also mend what has drifted, and yield
    it.
    """
    walk: Walk = functools.partial(storage.reindex, thorough=thorough)
    # Nothing that is left over was written for a version.
    kinds = KINDS if thorough else documents.KINDS
    for kind in kinds:
        with progress(f'reindexing {kind}', count(storage, kind)) as advance:
            for step in _steps(walk, kind):
                done[kind] += step.outdated
                advance(step.looked)
                yield from step.drifts


def has_outdated(storage: Storage) -> bool:
    """Tell whether any document is indexed by an earlier version."""
    walk: Walk = functools.partial(storage.verify, thorough=False)
    for kind in documents.KINDS:
        for step in _steps(walk, kind):
            if step.outdated:
                return True
    return False


def _steps(walk: Walk, kind: str) -> collections.abc.Iterator[WalkStep]:
    """Yield the steps of walking a kind."""
    limit = page_size(kind)
    place: tuple[int | str, ...] | None = ()
    while place is not None:
        step = walk(kind, place, limit)
        yield step
        place = step.place


def page_size(kind: str) -> int:
    """Return how many entries of a kind are looked at by one call."""
    return LEFT_PAGE if kind == walks.LEFT else PAGE


def count(storage: Storage, kind: str) -> int:
    """Return how many entries there are to walk; 0 if that isn't known
    beforehand.
    """
    return 0 if kind == walks.LEFT else storage.count(kind)


# What documents say of each other


def check_links(
    storage: Storage, page: list[Entry]
) -> collections.abc.Iterator[Drift]:
    """Yield what entries of a kind say of others and isn't so."""
    by_project: dict[str, list[Entry]] = collections.defaultdict(list)
    for entry in page:
        by_project[entry.project_id].append(entry)
    for project, entries in by_project.items():
        suspects = []
        for group in _groups(entries):
            others = _others(storage, project, group)
            for entry in group:
                if _faults(storage, entry, others):
                    suspects.append(entry)
        if suspects and suspects[0].kind == TRUSTS:
            # Its last job may just have been deleted.
            time.sleep(PAUSE)
        for entry in suspects:
            yield from _look_again(storage, entry)


def _groups(entries: list[Entry]) -> collections.abc.Iterator[list[Entry]]:
    """Yield groups of entries that name a page of others together, or single
    entries that name more.
    """
    group: list[Entry] = []
    size = 0
    for entry in entries:
        number = len(set(_LINKS[entry.kind].names(entry)))
        if group and size + number > PAGE:
            yield group
            group, size = [], 0
        group.append(entry)
        size += number
    yield group


def _look_again(
    storage: Storage, entry: Entry
) -> collections.abc.Iterator[Drift]:
    """Yield the faults of a document that was the same before and after those
    that it names were read.
    """
    kind, project, id = entry.kind, entry.project_id, entry.id
    now = storage.named(kind, project, (id,))
    for _ in range(ATTEMPTS):
        if not now:
            return
        (entry,) = now
        others = _others(storage, project, [entry])
        faults = _faults(storage, entry, others)
        if not faults:
            return
        now = storage.named(kind, project, (id,))
        if now and now[0].dump() == entry.dump():
            for what, other in faults:
                advice = ''
                if kind == TRUSTS:
                    advice = f'Run: openstack trust delete {id}'
                yield Drift(
                    kind,
                    project,
                    id,
                    what,
                    mendable=False,
                    other=other,
                    advice=advice,
                )
            return


def _others(storage: Storage, project: str, entries: list[Entry]) -> Found:
    """Return the documents that entries of one kind name."""
    wanted: dict[str, set[str]] = collections.defaultdict(set)
    for entry in entries:
        for kind, id in _LINKS[entry.kind].names(entry):
            wanted[kind].add(id)
    found: Found = {}
    for kind, ids in wanted.items():
        ordered = sorted(ids)
        for page in batches(ordered, PAGE):
            for entry in storage.named(kind, project, page):
                found[kind, entry.id] = entry
    return found


def _faults(storage: Storage, entry: Entry, others: Found) -> list[_Fault]:
    """Return what an entry says of others, or of its run, and isn't so."""
    return list(_LINKS[entry.kind].faults(storage, entry, others))


def _body(entry: Entry) -> Body:
    return typing.cast(Document, entry.content).body


def _session(entry: Entry) -> Session:
    return typing.cast(Session, entry.content)


def _named_by_session(entry: Entry) -> collections.abc.Iterator[_Name]:
    for id in _session(entry).members:
        yield JOBS, id


def _faults_of_session(
    storage: Storage, entry: Entry, others: Found
) -> collections.abc.Iterator[_Fault]:
    session = _session(entry)
    for id, member in session.members.items():
        other = (JOBS, id)
        job = others.get(other)
        if job is None:
            yield f'its member {id} is no job', other
            continue
        body = _body(job)
        if body['session_id'] != entry.id:
            what = (
                f'its member, job {id}, is in session {body["session_id"]!r}'
            )
            yield what, other
        elif body['client_id'] != member.client_id:
            yield f'its member {id} is for another client than the job', other
        elif membership.scheduled_by(body, session.schedule) != body:
            yield f'its member, job {id}, has another schedule', other
    now = storage.clock()
    # A run that has lapsed is completed by who reads it.
    settled = run_state.lapse(session, now)
    if run_state.settle(settled, now) is not settled:
        what = 'its run goes on, and all its members have completed'
        yield what, (SESSIONS, entry.id)


def _named_by_job(entry: Entry) -> collections.abc.Iterator[_Name]:
    body = _body(entry)
    if body['session_id']:
        yield SESSIONS, body['session_id']
    for action in body['job_actions']:
        yield ACTIONS, action['action_id']
    trust_id = documents.trust(body)
    if trust_id:
        yield TRUSTS, trust_id


def _faults_of_job(
    storage: Storage, entry: Entry, others: Found
) -> collections.abc.Iterator[_Fault]:
    body = _body(entry)
    session_id = body['session_id']
    if session_id:
        other = (SESSIONS, session_id)
        session = others.get(other)
        if session is None or entry.id not in _session(session).members:
            what = f'it is in session {session_id}, which has no such member'
            yield what, other
    for copy in body['job_actions']:
        other = (ACTIONS, copy['action_id'])
        action = others.get(other)
        if action is None:
            yield f'its action {other[1]} is missing', other
        elif _body(action)['freezer_action'] != copy['freezer_action']:
            yield f'its copy of action {other[1]} is another one', other
    trust_id = documents.trust(body)
    if trust_id and (TRUSTS, trust_id) not in others:
        yield f'its trust {trust_id} is missing', (TRUSTS, trust_id)


def _faults_of_trust(
    storage: Storage, entry: Entry, others: Found
) -> collections.abc.Iterator[_Fault]:
    """Yield a fault if no job has a trust."""
    # The service makes the trust before the job that gets it.
    created = typing.cast(Document, entry.content).created
    if created > storage.clock() - GRACE:
        return
    pair = search_pairs.trust_pair(entry.id)
    query = search_query.Query(frozenset((pair,)), limit=1)
    page = storage.find(Scope(entry.project_id), JOBS, query)
    if not page.documents:
        yield 'no job has it', (TRUSTS, entry.id)


def _named_by_trust(entry: Entry) -> collections.abc.Iterator[_Name]:
    # Jobs name trusts, not the other way round.
    return iter(())


class _Links(typing.NamedTuple):
    """Which documents a document names, and what it says of them that isn't
    so.
    """

    names: collections.abc.Callable[[Entry], collections.abc.Iterable[_Name]]
    faults: collections.abc.Callable[
        [Storage, Entry, Found], collections.abc.Iterator[_Fault]
    ]


_LINKS = {
    SESSIONS: _Links(_named_by_session, _faults_of_session),
    JOBS: _Links(_named_by_job, _faults_of_job),
    TRUSTS: _Links(_named_by_trust, _faults_of_trust),
}
#: The kinds whose documents name others, in the order in which they are walked.
LINKED = tuple(_LINKS)
