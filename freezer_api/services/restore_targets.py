"""What is to be restored: a run, or one backup, with all that is known of it
and of the jobs that made it.
"""

import collections.abc
import dataclasses

from freezer_api import exceptions
from freezer_api.db import refusals
from freezer_api.db.base import Storage
from freezer_api.domain import (
    backups,
    documents,
    restore_sources,
    restores,
    search_pairs,
    search_query,
    session_state,
)
from freezer_api.domain.documents import (
    BACKUPS,
    JOBS,
    SESSIONS,
    Body,
    Document,
)
from freezer_api.domain.restore_plans import Member
from freezer_api.domain.session_state import MemberEntry
from freezer_api.services import common
from freezer_api.services.common import Caller

#: How many backups of one machine and container are read at once, in search of
#: the one that was made next. Such a page always fits into a response, however
#: large its backups are.
PAGE_SIZE = 100
#: How often backups may be compared with others of their machine and
#: container, which are read for it.
MAX_COMPARISONS = 20_000
#: The metadata by which other backups of a backup's machine and container are
#: found.
_PLACE = ('container', 'hostname')
Pairs = frozenset[search_pairs.Pair]


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """What is to be restored. ``key`` is what the session that restores it
    says of it, in its ``restore``.
    """

    session_id: str
    tag: int
    status: str
    members: tuple[Member, ...]
    key: Body


def get_run(storage: Storage, caller: Caller, id: str, tag: int) -> Target:
    """Return a run with its members and their backups, or raise ``NotFound``.

    ``InvalidInput`` if the backups are more than one request may read.
    """
    common.check_id(SESSIONS, id)
    record = storage.run(caller.scope, id, tag)
    # A member without any backup must be in the plan, too.
    made: dict[str, list[Document]] = {job_id: [] for job_id in record.jobs}
    for backup in _backups_of_run(storage, caller, id, record):
        made.setdefault(_member_id(backup), []).append(backup)
    members = []
    for job_id in sorted(made):
        entry = record.jobs.get(job_id)
        members.append(_member(storage, caller, job_id, made[job_id], entry))
    key = {'session_id': id, 'session_tag': tag}
    known = _with_following(storage, caller, members)
    return Target(id, tag, record.status, known, key)


def get_backup(storage: Storage, caller: Caller, id: str) -> Target:
    """Return one backup as a run that is over and has nothing else, or raise
    ``NotFound``.
    """
    common.check_id(BACKUPS, id)
    backup = storage.get(caller.scope, BACKUPS, id)
    session_id, tag = backups.run_of(backup.body) or ('', 0)
    member = _member(storage, caller, _member_id(backup), [backup], None)
    members = _with_following(storage, caller, [member])
    key = {
        'session_id': session_id,
        'session_tag': tag,
        'backup_id': backup.id,
    }
    return Target(session_id, tag, session_state.COMPLETED, members, key)


def _backups_of_run(
    storage: Storage, caller: Caller, id: str, record: session_state.Record
) -> list[Document]:
    """Return the backups of a run, in the order of lists."""
    limit = storage.max_response_size
    found = []
    total = 0
    for backup_id in storage.run_backups(caller.scope, id, record):
        backup = common.get_or_none(storage, caller.scope, BACKUPS, backup_id)
        # It may have been deleted since the ids were read.
        if backup is None:
            continue
        total += documents.size(backup.body)
        if total > limit:
            raise refusals.too_large(
                'backups: the run has',
                limit,
                'please restore them one by one',
            )
        found.append(backup)
    return found


def _member_id(backup: Document) -> str:
    """Return the job that made a backup. One that names no job stands for a
    member of its own.
    """
    return backups.job_of(backup.body) or backup.id


def _member(
    storage: Storage,
    caller: Caller,
    job_id: str,
    made: collections.abc.Iterable[Document],
    entry: MemberEntry | None,
) -> Member:
    """Return a member with its backups. ``entry`` says what it did in the run;
    None: the run doesn't count it.
    """
    job = None
    # What the metadata of a backup call a job is any text.
    if documents.is_id(JOBS, job_id):
        job = common.get_or_none(storage, caller.scope, JOBS, job_id)
    actions = None
    is_silent = False
    if job is not None:
        entries = job.body['job_actions']
        actions = [each['freezer_action'] for each in entries]
        is_silent = not any(
            action.get('action') == 'backup' for action in actions
        )
    if entry is None:
        client_id = job.body['client_id'] if job else ''
        result = session_state.SUCCESS
    else:
        client_id, result = entry['client_id'], entry['result']
    sources = [restore_sources.source(backup, actions) for backup in made]
    return Member(
        job_id,
        client_id,
        result,
        restores.latest(sources),
        is_silent,
    )


def _with_following(
    storage: Storage,
    caller: Caller,
    members: collections.abc.Sequence[Member],
) -> tuple[Member, ...]:
    """Return members whose backups know when the next one of their place was
    made.

    An agent is told a date, and takes the last backup before it. So the date
    must not be later than the next backup. ``InvalidInput`` if that takes too
    much.
    """
    # Those of one machine and container are followed by the same backups.
    of_place: dict[Pairs, list[restore_sources.Source]] = {}
    for member in members:
        for source in member.sources:
            pairs = _pairs(source)
            if pairs is not None:
                of_place.setdefault(pairs, []).append(source)
    found: dict[str, restore_sources.Source] = {}
    left = MAX_COMPARISONS
    for pairs, sources in of_place.items():
        for page in _made_meanwhile(storage, caller, pairs, sources):
            left -= len(sources) * len(page)
            if left < 0:
                raise exceptions.InvalidInput(
                    'backups: too many of one container and host were made at'
                    ' the same time; please restore them one by one.',
                    'list.too-large',
                )
            for number, source in enumerate(sources):
                sources[number] = restore_sources.with_following(source, page)
        for source in sources:
            found[source.backup.id] = source
    known = []
    for member in members:
        own = [found.get(one.backup.id, one) for one in member.sources]
        known.append(dataclasses.replace(member, sources=tuple(own)))
    return tuple(known)


def _pairs(source: restore_sources.Source) -> Pairs | None:
    """Return what other backups of the machine and container are found by;
    None without a time or a place: then no date can select it anyway.
    """
    metadata = source.metadata
    has_place = metadata.keys() >= set(_PLACE)
    if not has_place or restore_sources.window(source.backup) is None:
        return None
    return frozenset(
        (key, search_pairs.canonical(metadata[key])) for key in _PLACE
    )


def _made_meanwhile(
    storage: Storage,
    caller: Caller,
    pairs: Pairs,
    sources: collections.abc.Iterable[restore_sources.Source],
) -> collections.abc.Iterator[tuple[Document, ...]]:
    """Return pages of the backups with pairs that were made when an agent could
    take them for one of the sources.
    """
    windows = []
    for source in sources:
        window = restore_sources.window(source.backup)
        if window is not None:
            windows.append(window)
    first = min(window.first for window in windows)
    last = max(window.last for window in windows)
    query = search_query.Query(
        pairs,
        since=(first + 1) * documents.SECOND,
        limit=PAGE_SIZE,
        until=(last + 1) * documents.SECOND,
    )
    return common.pages(storage, caller.scope, BACKUPS, query)
