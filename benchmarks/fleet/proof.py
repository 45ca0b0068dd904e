"""Whether all that was acknowledged is stored."""

import collections
import collections.abc
import contextlib

from benchmarks.fleet.agents import Acknowledged
from benchmarks.fleet.data import CALLER
from freezer_api import exceptions
from freezer_api.db import verifying
from freezer_api.db.base import Storage
from freezer_api.domain.documents import Body
from freezer_api.services import backups, jobs, sessions


def missing(
    storage: Storage, acknowledged: collections.abc.Iterable[Acknowledged]
) -> tuple[collections.Counter[str], collections.Counter[str]]:
    """Return how much was acknowledged, and how much of it isn't stored, by
    kind.
    """
    expected: collections.Counter[str] = collections.Counter()
    absent: collections.Counter[str] = collections.Counter()
    for member in acknowledged:
        for kind, is_there in _found(storage, member):
            expected[kind] += 1
            if not is_there:
                absent[kind] += 1
    return expected, absent


def _found(
    storage: Storage, member: Acknowledged
) -> collections.abc.Iterator[tuple[str, bool]]:
    """Yield what was acknowledged to the member of a run, and whether it is
    stored.
    """
    job_id = member.agent.job_id
    session = sessions.show(storage, CALLER, member.session_id).body
    entry = session['jobs'][job_id]
    if member.tag != -1:
        # The member's session had one run, of this tag.
        same_run = session['session_tag'] == member.tag
        has_started = entry['time_started'] > 0
        yield 'start', same_run and has_started
    if member.ended:
        has_completed = entry['status'] == 'completed'
        is_success = entry['result'] == 'success'
        yield 'end', has_completed and is_success

    job = jobs.show(storage, CALLER, job_id).body
    for version in member.versions:
        # One after the other: who has the last has had the others.
        yield 'report', job['_version'] >= version
    if member.versions:
        pid = job['job_schedule']['current_pid']
        # A later one may have been stored and its answer lost.
        yield 'last report', pid >= member.pid
    if member.backup_id:
        backup = _backup(storage, member.backup_id)
        yield 'backup', backup is not None


def _backup(storage: Storage, backup_id: str) -> Body | None:
    try:
        return backups.show(storage, CALLER, backup_id).body
    except exceptions.NotFound:
        return None


def drifts(storage: Storage) -> int:
    """Return how many documents contradict each other, or what is derived
    from them.
    """

    @contextlib.contextmanager
    def silent(
        _step: str, _total: int
    ) -> collections.abc.Iterator[collections.abc.Callable[[int], None]]:
        # Nobody is shown how far it has come.
        yield lambda _looked: None

    found = verifying.verify(storage, silent, collections.Counter())
    return sum(1 for _drift in found)
