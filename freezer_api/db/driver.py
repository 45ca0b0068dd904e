"""What drivers derive from: a storage whose operations run as units of work.

A driver of another kind may derive from :class:`.base.Storage` itself.
"""

import abc
import collections.abc
import typing

from freezer_api.db import base
from freezer_api.db.base import Scope
from freezer_api.db.operations import documents, jobs, repairs, sessions
from freezer_api.db.unit import Name, Step, Unit
from freezer_api.db.walks import Drift
from freezer_api.domain.documents import (
    ACTIONS,
    ANYTHING,
    JOBS,
    SESSIONS,
    TRUSTS,
    Precondition,
)
from freezer_api.domain.session_state import Decision, Outcome

T = typing.TypeVar('T')


class Driver(base.Storage):
    """Does what :class:`.base.Storage` promises of operations that write, by
    the steps of :mod:`freezer_api.db.operations`.
    """

    @abc.abstractmethod
    def transact(
        self,
        project_id: str,
        name: Name,
        step: Step[T],
        member: str = '',
        needs: collections.abc.Iterable[Name] = (),
    ) -> T:
        """Run an operation as a unit of work of a project, again if others
        were in its way; return what it returns.

        All that it has changed takes effect at one moment before this
        returns. An error that it raises is raised, and nothing has changed.
        ``name`` is the document that it is about, ``member`` a job whose
        session it may need, too, and ``needs`` are documents that it will most
        likely read: a driver may read them together with that one.
        """

    def transact_new(self, project_id: str, name: Name, step: Step[T]) -> T:
        """Run an operation (:meth:`transact`) about a document whose id was
        made for it: a driver may do without looking for it.
        """
        return self.transact(project_id, name, step)

    def transact_existing(
        self, project_id: str, name: Name, step: Step[T]
    ) -> T:
        """Run an operation (:meth:`transact`) that most likely needs no other
        document than the one that it is about, which is there: a driver may do
        it together with others.
        """
        return self.transact(project_id, name, step)

    def write(
        self,
        scope: Scope,
        kind: str,
        id: str,
        change: base.Change,
        is_new: bool = False,
    ) -> base.Written:
        def step(unit: Unit) -> base.Written:
            return documents.write(unit, kind, id, change)

        name = kind, id
        if is_new:
            return self.transact_new(scope.project_id, name, step)
        return self.transact(scope.project_id, name, step)

    def write_action(
        self,
        scope: Scope,
        id: str,
        change: base.ActionChange,
        follow: base.Follow | None = None,
    ) -> base.Written:
        return self.transact(
            scope.project_id,
            (ACTIONS, id),
            lambda unit: jobs.write_action(
                unit, id, change, follow, self.max_response_size
            ),
        )

    def write_job(
        self,
        scope: Scope,
        id: str,
        change: base.JobChange,
        action_ids: collections.abc.Collection[str] = (),
        is_there: bool = False,
    ) -> base.Written:
        def step(unit: Unit) -> base.Written:
            return jobs.write_job(
                unit, id, change, frozenset(action_ids), self.max_document_size
            )

        name = JOBS, id
        if is_there and not action_ids:
            return self.transact_existing(scope.project_id, name, step)
        # So many that they could be too large are measured before.
        are_few = len(action_ids) <= base.ACTIONS_AT_ONCE
        needed = action_ids if are_few else ()
        return self.transact(
            scope.project_id,
            name,
            step,
            needs=[(ACTIONS, action) for action in needed],
        )

    def delete_job(
        self, scope: Scope, id: str, check: base.Check = ANYTHING.check
    ) -> bool:
        return self.transact(
            scope.project_id,
            (JOBS, id),
            lambda unit: jobs.delete_job(unit, id, check),
            member=id,
            needs=[(JOBS, id)],
        )

    def end_trust(self, scope: Scope, id: str) -> bool:
        return self.transact(
            scope.project_id,
            (TRUSTS, id),
            lambda unit: jobs.end_trust(unit, id),
        )

    def write_session(
        self,
        scope: Scope,
        id: str,
        decision: Decision,
        record: int | None = None,
        follower: str = '',
        is_new: bool = False,
    ) -> Outcome:
        runs_kept = self.conf.sessions.runs_kept

        def step(unit: Unit) -> Outcome:
            return sessions.decide(
                unit, id, decision, record, runs_kept, self.bounds
            )

        name = SESSIONS, id
        if is_new:
            return self.transact_new(scope.project_id, name, step)
        return self.transact(
            scope.project_id,
            name,
            step,
            needs=[(JOBS, follower)] if follower else (),
        )

    def attach(
        self,
        scope: Scope,
        session_id: str,
        job_id: str,
        precondition: Precondition = ANYTHING,
    ) -> bool:
        return self.transact(
            scope.project_id,
            (SESSIONS, session_id),
            lambda unit: sessions.attach(
                unit, session_id, job_id, precondition
            ),
            member=job_id,
            needs=[(JOBS, job_id)],
        )

    def detach(
        self,
        scope: Scope,
        session_id: str,
        job_id: str,
        precondition: Precondition = ANYTHING,
    ) -> bool:
        return self.transact(
            scope.project_id,
            (SESSIONS, session_id),
            lambda unit: sessions.detach(
                unit, session_id, job_id, precondition
            ),
            needs=[(JOBS, job_id)],
        )

    def repair(self, drift: Drift) -> bool:
        return self.transact(
            drift.project_id,
            repairs.primary(drift),
            lambda unit: repairs.repair(unit, drift),
        )
