"""Running operations as transactions, by themselves or several by one."""

import collections.abc
import concurrent.futures
import typing

import sqlalchemy

from freezer_api import exceptions, permits
from freezer_api.db.sqlalchemy.connections import errors, groups
from freezer_api.db.sqlalchemy.connections.database import Database
from freezer_api.db.sqlalchemy.unit_of_work import Unit
from freezer_api.db.unit import Name, Step
from freezer_api.domain.documents import JOBS

T = typing.TypeVar('T')


class Transactions:
    """Runs operations as units of work in a database."""

    def __init__(
        self, database: Database, clock: collections.abc.Callable[[], int]
    ):
        self._database = database
        self._clock = clock

    def run(
        self,
        project_id: str,
        step: Step[T],
        sessions: collections.abc.Iterable[str] = (),
        new: Name | None = None,
    ) -> T:
        """Run an operation as a transaction of its own, which begins with the
        locks of ``sessions``; return its result.

        Where another session turns out to be needed, it begins again with
        that. The document ``new`` is taken for missing, until a row that has
        its id shows that it isn't.
        """
        to_lock = set(sessions)
        units: list[Unit] = []

        def attempt(connection: sqlalchemy.Connection) -> T:
            unit = self._begin(connection, project_id, to_lock)
            if new is not None and not units:
                unit.assume_missing(new)
            units.append(unit)
            return _complete(unit, step, to_lock)

        result = self._database.write(attempt)
        units[-1].log_effects()
        return result

    def run_grouped(
        self, key: groups.Key, operation: groups.Operation[Step[T]]
    ) -> T:
        """Run an operation, by one transaction with others of its key that
        this process has at this moment; return its result.
        """
        group = self._database.groups.join(key, operation)
        if group is None:
            permits.give_up()
        else:
            self._lead(group)
        try:
            outcome = operation.future.result()
        except concurrent.futures.CancelledError:
            return self.run(
                key.project_id,
                operation.step,
                key.sessions,
                operation.new,
            )
        # By this thread: its log lines name its request.
        for log in outcome.effects:
            log()
        return typing.cast(T, outcome.unwrap())

    def _lead(self, group: groups.Group) -> None:
        """Run the transaction of a group, and tell its operations."""
        key = group.key
        to_lock = set(key.sessions)
        units: list[Unit] = []

        def attempt(
            connection: sqlalchemy.Connection,
        ) -> list[groups.Outcome | None]:
            unit = self._begin(connection, key.project_id, to_lock)
            # It has the lock now, for which others have waited, too.
            operations = self._database.groups.close(group)
            if not units:
                _assume_missing(unit, operations)
            units.append(unit)
            if len(operations) == 1:
                step = operations[0].step
                result = _complete(unit, step, to_lock)
                return [groups.Outcome(result, effects=unit.effects_since())]
            return _complete_all(unit, key, operations)

        try:
            permits.let_join(groups.REQUESTS[key.kind])
            outcomes = self._database.write(attempt)
        except BaseException as error:
            operations = self._database.groups.close(group)
            if isinstance(error, exceptions.StorageUnavailable):
                group.fail(error)
            elif len(operations) == 1:
                raise
            else:
                # One of them may be the reason: the others needn't fail.
                group.dissolve()
                if not isinstance(error, Exception):
                    raise
        else:
            group.end(outcomes)

    def _begin(
        self,
        connection: sqlalchemy.Connection,
        project_id: str,
        sessions: collections.abc.Collection[str],
    ) -> Unit:
        return Unit(
            connection,
            project_id,
            self._clock,
            sessions,
        )


def _complete(unit: Unit, step: Step[T], to_lock: set[str]) -> T:
    """Do a step and write what it has changed; note a session that it needs
    and that isn't locked.
    """
    try:
        result = step(unit)
    except errors.SessionLockRequired as error:
        to_lock.add(error.session_id)
        raise
    unit.flush()
    return result


def _assume_missing(
    unit: Unit, operations: collections.abc.Iterable[groups.Operation]
) -> None:
    for operation in operations:
        if operation.new is not None:
            unit.assume_missing(operation.new)


def _complete_all(
    unit: Unit,
    key: groups.Key,
    operations: collections.abc.Iterable[groups.Operation],
) -> list[groups.Outcome | None]:
    """Do steps one after the other and write what they have changed; return
    what came of each.
    """
    job_ids: set[str] = set()
    for operation in operations:
        job_ids.update(operation.job_ids)
    # Who changes a job that others have locked needn't let those wait who
    # change other ones.
    is_about_jobs = key.kind == JOBS
    unit.lock_jobs(job_ids, skip_locked=is_about_jobs)

    outcomes: list[groups.Outcome | None] = []
    for operation in operations:
        # What is deleted can't be created again by the same transaction.
        can_go_on = not unit.has_deleted and unit.has_read(operation.job_ids)
        outcomes.append(_try(unit, operation.step) if can_go_on else None)
    unit.flush()
    return outcomes


def _try(unit: Unit, step: Step) -> groups.Outcome | None:
    """Do a step, or nothing if it fails; return what came of it, None if it
    needs a transaction of its own.
    """
    savepoint = unit.savepoint()
    try:
        result = step(unit)
    except errors.SessionLockRequired:
        unit.undo(savepoint)
        return None
    except exceptions.FreezerError as error:
        unit.undo(savepoint)
        return groups.Outcome(error=error)
    return groups.Outcome(result, effects=unit.effects_since(savepoint))
