"""Sessions with members, put into a store as a copy of another one is.

The values repeat with periods of 30 (``schedule_interval``) and 50
(``hold_off``), so that searches for both find one of 150.
"""

import collections.abc
import itertools
import typing

from freezer_api.db.base import Entry, Storage
from freezer_api.domain import documents
from freezer_api.domain.documents import SESSIONS
from freezer_api.domain.session_state import Member, Run, Session

USER = 'u1'
#: Clients of a project.
HOSTS = 100
#: Entries that are stored by one transaction.
AT_ONCE = 500
COMPLETED: typing.Final = 'completed'


def session_id(number: int) -> str:
    """Return the id of the session with a number, as those are that the
    services make.
    """
    return f'{number:032x}'


def job_id(number: int, member: int) -> str:
    """Return the id of a member of the session with a number."""
    return f'{number:024x}{member:08x}'


def fields(number: int) -> dict[str, typing.Any]:
    """Return what a session of this number has on every side."""
    schedule = {
        'schedule_interval': f'{number % 30 + 1} days',
        'status': 'scheduled',
    }
    return {
        'description': f'session {number}',
        'hold_off': 30 + number % 50,
        'schedule': schedule,
    }


def host(project: str, number: int) -> str:
    """Return the client that the members of a session are on."""
    return f'{project}_host{number % HOSTS}'


def fill(
    storage: Storage,
    project: str,
    numbers: collections.abc.Iterable[int],
    members: int = 3,
) -> None:
    """Store the sessions of some numbers, each with so many members that have
    completed its run.
    """
    numbers = iter(numbers)
    # Hundreds of thousands of them don't fit into one transaction.
    while some := list(itertools.islice(numbers, AT_ONCE)):
        entries = [_entry(project, each, members) for each in some]
        storage.restore(entries)


def _entry(project: str, number: int, members: int) -> Entry:
    id = session_id(number)
    # Begun and over within the first seconds of 1970.
    run = Run(
        tag=1,
        hold_off=30,
        started=documents.SECOND,
        status=COMPLETED,
        result='success',
        ended=2,
    )
    session = Session(
        project,
        id,
        USER,
        tag=1,
        run=run,
        members=_members(project, number, members),
        created=documents.now(),
        **fields(number),
    )
    return Entry(SESSIONS, project, id, session)


def _members(project: str, number: int, count: int) -> dict[str, Member]:
    client = host(project, number)
    # What nobody changes they may share.
    done = Member(
        client,
        COMPLETED,
        'success',
        1,
        2,
        counted=True,
    )
    return {job_id(number, member): done for member in range(count)}
