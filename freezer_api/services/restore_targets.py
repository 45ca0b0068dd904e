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
#: How many pages one backup may cost.
MAX_PAGES = 100
#: The metadata by which other backups of a backup's machine and container are
#: found.
_PLACE = ('container', 'hostname')


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
    return Target(id, tag, record.status, tuple(members), key)


def get_backup(storage: Storage, caller: Caller, id: str) -> Target:
    """Return one backup as a run that is over and has nothing else, or raise
    ``NotFound``.
    """
    common.check_id(BACKUPS, id)
    backup = storage.get(caller.scope, BACKUPS, id)
    session_id, tag = backups.run_of(backup.body) or ('', 0)
    member = _member(storage, caller, _member_id(backup), [backup], None)
    key = {
        'session_id': session_id,
        'session_tag': tag,
        'backup_id': backup.id,
    }
    return Target(session_id, tag, session_state.COMPLETED, (member,), key)


def too_large(what: str, limit: int, remedy: str) -> exceptions.InvalidInput:
    """Return the error for what is more than one request may read, or answer;
    ``limit`` is in bytes of JSON.
    """
    return exceptions.InvalidInput(
        f'{what} more than {limit} bytes; {remedy}.', 'list.too-large'
    )


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
            raise refusals.run_too_large(
                limit, 'please restore them one by one'
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
    sources = (
        _with_following(
            storage, caller, restore_sources.source(backup, actions)
        )
        for backup in made
    )
    return Member(
        job_id,
        client_id,
        result,
        restores.latest(sources),
        is_silent,
    )


def _with_following(
    storage: Storage, caller: Caller, source: restore_sources.Source
) -> restore_sources.Source:
    """Return a backup that knows when the next one of its place was made.

    An agent is told a date, and takes the last backup before it. So the date
    must not be later than the next backup.
    """
    window, metadata = restore_sources.window(source.backup), source.metadata
    # Without a time, or a place, no date can select it anyway.
    if window is None or not metadata.keys() >= set(_PLACE):
        return source
    first, last = window
    query = search_query.Query(
        frozenset(
            (key, search_pairs.canonical(metadata[key])) for key in _PLACE
        ),
        since=(first + 1) * documents.SECOND,
        limit=PAGE_SIZE,
        until=(last + 1) * documents.SECOND,
    )
    for _page in range(MAX_PAGES):
        page = storage.find(caller.scope, BACKUPS, query)
        source = restore_sources.with_following(source, page.documents)
        if not page.more:
            break
        query = dataclasses.replace(query, marker=page.documents[-1].id)
    return source
