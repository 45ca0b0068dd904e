"""Running operations as transactions, by themselves or several by one."""

import collections.abc
import concurrent.futures
import typing

import sqlalchemy

from freezer_api import exceptions, permits
from freezer_api.db.sqlalchemy.connections import errors, groups
from freezer_api.db.sqlalchemy.connections.database import Database
from freezer_api.db.sqlalchemy.unit_of_work import Unit
from freezer_api.db.unit import Step

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
        new_session: str = '',
    ) -> T:
        """Run an operation as a transaction of its own, which begins with the
        locks of ``sessions``; return its result.

        Where another session turns out to be needed, it begins again with
        that. ``new_session`` is taken for missing, until a row that has its
        id shows that it isn't.
        """
        to_lock = set(sessions)
        units: list[Unit] = []

        def attempt(connection: sqlalchemy.Connection) -> T:
            unit = self._begin(connection, project_id, to_lock)
            if new_session and not units:
                unit.assume_missing(new_session)
            units.append(unit)
            return _complete(unit, step, to_lock)

        result = self._database.write(attempt)
        units[-1].log_effects()
        return result

    def run_grouped(
        self,
        project_id: str,
        session_id: str,
        step: Step[T],
        job_ids: collections.abc.Collection[str] = (),
    ) -> T:
        """Run an operation on a session, by one transaction with others on it
        that this process has at this moment; return its result.

        ``job_ids`` are jobs that the operation will most likely need.
        """
        key = project_id, session_id
        operation = groups.Operation(step, job_ids)
        group = self._database.groups.join(key, operation)
        if group is None:
            permits.give_up()
        else:
            self._lead(group)
        try:
            outcome = operation.future.result()
        except concurrent.futures.CancelledError:
            return self.run(project_id, step, [session_id])
        # By this thread: its log lines name its request.
        for log in outcome.effects:
            log()
        return typing.cast(T, outcome.unwrap())

    def _lead(self, group: groups.Group) -> None:
        """Run the transaction of a group, and tell its operations."""
        project_id, session_id = group.key
        to_lock = {session_id}

        def attempt(
            connection: sqlalchemy.Connection,
        ) -> list[groups.Outcome | None]:
            unit = self._begin(connection, project_id, to_lock)
            # It has the lock now, for which others have waited, too.
            operations = self._database.groups.close(group)
            if len(operations) == 1:
                step = operations[0].step
                result = _complete(unit, step, to_lock)
                return [groups.Outcome(result, effects=unit.effects_since())]
            return _complete_all(unit, operations)

        try:
            permits.let_join()
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


def _complete_all(
    unit: Unit, operations: collections.abc.Iterable[groups.Operation]
) -> list[groups.Outcome | None]:
    """Do steps one after the other and write what they have changed; return
    what came of each.
    """
    job_ids: set[str] = set()
    for operation in operations:
        job_ids.update(operation.job_ids)
    unit.lock_jobs(job_ids)

    outcomes: list[groups.Outcome | None] = []
    for operation in operations:
        # What is deleted can't be created again by the same transaction.
        can_go_on = not unit.has_deleted
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
