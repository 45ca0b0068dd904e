"""Walking a whole store, whichever driver it has: what has drifted, and
mending it.

Others may use it meanwhile.

What is derived of one document is held against it by the driver. How documents
have each other is held here, of what the driver tells of them; what seems
wrong is looked at again until the one that tells of the other is the same
before and after.
"""

import collections
import collections.abc
import functools
import time
import typing

from freezer_api.db import copying, steps
from freezer_api.db.base import Entry, Scope, Storage
from freezer_api.db.copying import PAGE, Progress
from freezer_api.db.steps import Drift, Step
from freezer_api.domain import documents, membership, search
from freezer_api.domain.documents import (
    ACTIONS,
    JOBS,
    SESSIONS,
    TRUSTS,
    Body,
    Document,
)
from freezer_api.domain.sessions import Session

#: What is walked.
KINDS = (*documents.KINDS, steps.LEFT)
#: Entries of :data:`steps.LEFT` at once: they are small.
LEFT_PAGE = 1000
#: Looks at what somebody changes again and again, before it counts as
#: changing.
ATTEMPTS = 5
#: A trust younger than this may yet get the job that it was made for.
GRACE = 3600 * documents.SECOND
#: Seconds in which a trust is ended after its last job was deleted.
PAUSE = 2

#: Documents by kind and id, of one project.
Found = dict[tuple[str, str], Entry]
Walk = collections.abc.Callable[[str, tuple[int | str, ...], int], Step]


def verify(
    storage: Storage, progress: Progress, outdated: collections.Counter[str]
) -> collections.abc.Iterator[Drift]:
    """All that has drifted. How many documents of each kind are indexed by an
    earlier version is counted in ``outdated``.
    """
    for kind in KINDS:
        with progress(f'verifying {kind}', _count(storage, kind)) as advance:
            for step in _steps(storage.verify, kind):
                outdated[kind] += step.outdated
                advance(step.looked)
                yield from step.drifts
    for kind in _LINKS:
        with progress(
            f'verifying what {kind} have', _count(storage, kind)
        ) as advance:
            for page in copying.pages(storage, kind):
                yield from _links(storage, page)
                advance(len(page))


def reindex(
    storage: Storage,
    progress: Progress,
    thorough: bool,
    done: collections.Counter[str],
) -> collections.abc.Iterator[Drift]:
    """Bring what is indexed up to date; ``thorough``: mend what has drifted,
    too, which is told.

    How many documents of each kind were indexed by an earlier version is
    counted in ``done``.
    """
    walk: Walk = functools.partial(storage.reindex, thorough=thorough)
    for kind in KINDS if thorough else documents.KINDS:
        with progress(f'reindexing {kind}', _count(storage, kind)) as advance:
            for step in _steps(walk, kind):
                done[kind] += step.outdated
                advance(step.looked)
                yield from step.drifts


def has_outdated(storage: Storage) -> bool:
    """Whether any document is indexed by an earlier version."""
    walk: Walk = functools.partial(storage.verify, thorough=False)
    return any(
        step.outdated
        for kind in documents.KINDS
        for step in _steps(walk, kind)
    )


def _steps(walk: Walk, kind: str) -> collections.abc.Iterator[Step]:
    place: tuple[int | str, ...] | None = ()
    while place is not None:
        step = walk(kind, place, LEFT_PAGE if kind == steps.LEFT else PAGE)
        yield step
        place = step.place


def _count(storage: Storage, kind: str) -> int:
    """How many entries there are to walk; 0 where that isn't known
    beforehand.
    """
    return 0 if kind == steps.LEFT else storage.count(kind)


# How documents have each other


def _links(
    storage: Storage, page: list[Entry]
) -> collections.abc.Iterator[Drift]:
    by_project: dict[str, list[Entry]] = collections.defaultdict(list)
    for entry in page:
        by_project[entry.project_id].append(entry)
    for project, entries in by_project.items():
        suspects = []
        for group in _groups(entries):
            beside = _beside(storage, project, group)
            suspects += [
                entry for entry in group if _faults(storage, entry, beside)
            ]
        if suspects and suspects[0].kind == TRUSTS:
            time.sleep(PAUSE)
        for entry in suspects:
            yield from _look_again(storage, entry)


def _groups(entries: list[Entry]) -> collections.abc.Iterator[list[Entry]]:
    """Entries that tell of a page of others together, or one that tells of
    more.
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
    """The faults of a document that stays as it is while it and those beside
    it are looked at.
    """
    kind, project, id = entry.kind, entry.project_id, entry.id
    now = storage.named(kind, project, (id,))
    for _ in range(ATTEMPTS):
        if not now:
            return
        (entry,) = now
        faults = _faults(storage, entry, _beside(storage, project, [entry]))
        if not faults:
            return
        now = storage.named(kind, project, (id,))
        if now and now[0].dump() == entry.dump():
            yield from (
                Drift(kind, project, id, what, mendable=False)
                for what in faults
            )
            return


def _beside(storage: Storage, project: str, entries: list[Entry]) -> Found:
    """The documents that some of one kind tell of."""
    wanted: dict[str, set[str]] = collections.defaultdict(set)
    for entry in entries:
        for kind, id in _LINKS[entry.kind].names(entry):
            wanted[kind].add(id)
    found: Found = {}
    for kind, ids in wanted.items():
        ordered = sorted(ids)
        for first in range(0, len(ordered), PAGE):
            some = storage.named(kind, project, ordered[first : first + PAGE])
            found |= {(kind, entry.id): entry for entry in some}
    return found


def _faults(storage: Storage, entry: Entry, beside: Found) -> list[str]:
    return list(_LINKS[entry.kind].faults(storage, entry, beside))


def _body(entry: Entry) -> Body:
    return typing.cast(Document, entry.content).body


def _named_by_session(
    entry: Entry,
) -> collections.abc.Iterator[tuple[str, str]]:
    return ((JOBS, id) for id in typing.cast(Session, entry.content).members)


def _faults_of_session(
    storage: Storage, entry: Entry, beside: Found
) -> collections.abc.Iterator[str]:
    session = typing.cast(Session, entry.content)
    for id, member in session.members.items():
        job = beside.get((JOBS, id))
        if job is None:
            yield f'its member {id} is no job'
            continue
        body = _body(job)
        if body['session_id'] != entry.id:
            yield f'its member, job {id}, is in session {body["session_id"]!r}'
        elif body['client_id'] != member.client_id:
            yield f'its member {id} is for another client than the job'
        elif membership.scheduled_by(body, session.schedule) != body:
            yield f'its member, job {id}, has another schedule'


def _named_by_job(entry: Entry) -> collections.abc.Iterator[tuple[str, str]]:
    body = _body(entry)
    if body['session_id']:
        yield SESSIONS, body['session_id']
    yield from ((ACTIONS, one['action_id']) for one in body['job_actions'])
    if trust := documents.trust(body):
        yield TRUSTS, trust


def _faults_of_job(
    storage: Storage, entry: Entry, beside: Found
) -> collections.abc.Iterator[str]:
    body = _body(entry)
    if in_session := body['session_id']:
        session = beside.get((SESSIONS, in_session))
        if (
            session is None
            or entry.id not in typing.cast(Session, session.content).members
        ):
            yield f'it is in session {in_session}, which has no such member'
    for one in body['job_actions']:
        action = beside.get((ACTIONS, one['action_id']))
        if action is None:
            yield f'its action {one["action_id"]} is missing'
        elif _body(action)['freezer_action'] != one['freezer_action']:
            yield f'its copy of action {one["action_id"]} is another one'
    if (trust := documents.trust(body)) and (TRUSTS, trust) not in beside:
        yield f'its trust {trust} is missing'


def _faults_of_trust(
    storage: Storage, entry: Entry, beside: Found
) -> collections.abc.Iterator[str]:
    """That no job has it; one that is made, or given back, at this moment
    isn't told.
    """
    if typing.cast(Document, entry.content).created > storage.clock() - GRACE:
        return
    query = search.Query(frozenset((search.trust_pair(entry.id),)), limit=1)
    if not storage.find(Scope(entry.project_id), JOBS, query).documents:
        yield 'no job has it'


class _Links(typing.NamedTuple):
    """Which documents one tells of, and what isn't as it says."""

    names: collections.abc.Callable[
        [Entry], collections.abc.Iterable[tuple[str, str]]
    ]
    faults: collections.abc.Callable[
        [Storage, Entry, Found], collections.abc.Iterator[str]
    ]


_LINKS = {
    SESSIONS: _Links(_named_by_session, _faults_of_session),
    JOBS: _Links(_named_by_job, _faults_of_job),
    TRUSTS: _Links(lambda entry: (), _faults_of_trust),
}
