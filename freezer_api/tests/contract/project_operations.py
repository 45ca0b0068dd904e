"""What a service does to the documents of one project, as one-line calls on a storage."""

import collections.abc
import dataclasses
import typing

from freezer_api import exceptions
from freezer_api.db.base import Delete, Linked, Page, Scope, Storage, Store
from freezer_api.domain import (
    membership,
    runs,
    search,
    session_state,
    sessions,
)
from freezer_api.domain.documents import (
    ACTIONS,
    ANYTHING,
    BACKUPS,
    CLIENTS,
    JOBS,
    SESSIONS,
    TRUSTS,
    Body,
    Document,
    Precondition,
)
from freezer_api.domain.session_state import Outcome, Record, Session
from freezer_api.tests.contract.bodies import (
    backup_body,
    client_body,
    entry,
    job_body,
    new_id,
    trust_body,
)


def found(session: Session | None, id: str, precondition: Precondition = ANYTHING) -> Session:
    """The session that a decision is given, or what the service raises."""
    precondition.check(session)
    if session is None:
        raise exceptions.NotFound(SESSIONS, id)
    return session


@dataclasses.dataclass(frozen=True, slots=True)
class Project:
    """The documents of one project in a storage."""

    storage: Storage
    scope: Scope

    @property
    def project_id(self) -> str:
        return self.scope.project_id

    # Looking

    def get(self, kind: str, id: str) -> Document:
        """The document."""
        return self.storage.get(self.scope, kind, id)

    def session(self, id: str) -> Body:
        """A session's document."""
        return self.get(SESSIONS, id).body

    def job(self, id: str) -> Body:
        """A job's document."""
        return self.get(JOBS, id).body

    def missing(self, kind: str, id: str) -> bool:
        """Whether there is no such document."""
        try:
            self.get(kind, id)
        except exceptions.NotFound:
            return True
        return False

    def page(
        self,
        kind: str,
        match: typing.Any = (),
        match_not: typing.Any = (),
        bounds: typing.Any = (),
        **page: typing.Any,
    ) -> Page:
        """A page of a search."""
        asked = {'match': list(match), 'match_not': list(match_not), **dict(bounds)}
        return self.storage.find(
            self.scope, kind, search.parse(asked, kind, **{'limit': 100, **page})
        )

    def ids(
        self,
        kind: str,
        match: typing.Any = (),
        match_not: typing.Any = (),
        bounds: typing.Any = (),
        **page: typing.Any,
    ) -> list[str]:
        """The ids on a page of a search."""
        return [
            document.id for document in self.page(kind, match, match_not, bounds, **page).documents
        ]

    def records(
        self, session_id: str, limit: int = 1000, marker: int | None = None
    ) -> list[Record]:
        """The runs of a session, newest first."""
        return self.storage.runs(self.scope, session_id, limit, marker)[0]

    # Sessions

    def decide(
        self,
        id: str,
        decide: collections.abc.Callable[[Session, int, Record | None], Outcome],
        record: int | None = None,
        precondition: Precondition = ANYTHING,
        follower: str = '',
    ) -> Outcome:
        """Decide about a session that exists."""
        return self.storage.write_session(
            self.scope,
            id,
            lambda session, now, kept: decide(found(session, id, precondition), now, kept),
            record,
            follower,
        )

    def new_session(self, id: str | None = None, **body: typing.Any) -> str:
        """A session of its own; its id."""
        id = id or new_id()
        self.put_session(id, **body)
        return id

    def put_session(self, id: str, **body: typing.Any) -> Outcome:
        """Create or replace a session; members keep the schedule that they have."""
        body = {'schedule': {}, **body}

        def decision(session: Session | None, now: int, record: Record | None) -> Outcome:
            if session is None:
                return session_state.Store(sessions.create(self.project_id, id, 'user', body, now))
            return session_state.Store(sessions.replace(session, body))

        return self.storage.write_session(self.scope, id, decision)

    def patch_session(
        self, id: str, precondition: Precondition = ANYTHING, **body: typing.Any
    ) -> Outcome:
        """Change a session; its members' jobs follow its schedule and a raised tag."""

        def decide(session: Session, now: int, record: Record | None) -> Outcome:
            new = sessions.patch(session, body)

            def follow(job: Body) -> Body:
                job = (
                    membership.scheduled_by(job, new.schedule)
                    if new.schedule != session.schedule
                    else job
                )
                return {**job, 'session_tag': new.tag} if new.tag != session.tag else job

            return session_state.Store(new, follow=follow, followers=frozenset(new.members))

        return self.decide(id, decide, precondition=precondition)

    def delete_session(self, id: str, precondition: Precondition = ANYTHING) -> None:
        """Delete a session, if it is there; its jobs leave it."""

        def decision(session: Session | None, now: int, record: Record | None) -> Outcome:
            precondition.check(session)
            return session_state.Delete(
                follow=membership.detach,
                followers=frozenset(session.members if session else ()),
            )

        self.storage.write_session(self.scope, id, decision)

    def attach(self, session_id: str, job_id: str, precondition: Precondition = ANYTHING) -> None:
        """Make a job a member."""
        self.storage.attach(self.scope, session_id, job_id, precondition)

    def detach(self, session_id: str, job_id: str, precondition: Precondition = ANYTHING) -> None:
        """Take a job out of a session."""
        self.storage.detach(self.scope, session_id, job_id, precondition)

    def start(self, session_id: str, job_id: str, tag: int) -> tuple[str, int]:
        """A job reports that it starts; the result and the tag."""
        answer = self.decide(
            session_id,
            lambda session, now, record: runs.start(session, job_id, tag, now),
            follower=job_id,
        ).answer
        return answer['result'], answer['session_tag']

    def end(
        self, session_id: str, job_id: str, tag: int | None = None, result: str = 'success'
    ) -> tuple[str, int]:
        """A job reports that it ended; the result and the tag."""
        answer = self.decide(
            session_id,
            lambda session, now, record: runs.end(session, job_id, tag, result, now, record),
            record=tag,
        ).answer
        return answer['result'], answer['session_tag']

    # Jobs, actions, clients

    def new_job(
        self,
        id: str | None = None,
        session_id: str | None = None,
        actions: typing.Any = (),
        **body: typing.Any,
    ) -> str:
        """A job of its own, in a session if one is named; its id."""
        id = id or new_id()
        entries = [
            entry(action, self.get(ACTIONS, action).body['freezer_action']) for action in actions
        ]
        self.put_job(id, job_body(id, self.project_id, **{'job_actions': entries, **body}))
        if session_id is not None:
            self.attach(session_id, id)
        return id

    def put_job(
        self, id: str, body: Body, actions: collections.abc.Mapping[str, Body] | None = None
    ) -> Document:
        """Write a job as a whole; where it is a member of a session, it stays one."""

        def change(
            current: Document | None, stored: collections.abc.Mapping[str, Document], now: int
        ) -> Store:
            kept = (
                {key: current.body[key] for key in ('session_id', 'session_tag')} if current else {}
            )
            return Store({**body, **kept}, actions=actions or {})

        return self.storage.write_job(self.scope, id, change).stored

    def change_job(self, id: str, change: collections.abc.Callable[[Body], Body]) -> Document:
        """Change the body of a job that exists."""

        def write(
            current: Document | None, stored: collections.abc.Mapping[str, Document], now: int
        ) -> Store:
            if current is None:
                raise exceptions.NotFound(JOBS, id)
            return Store(change(current.body))

        return self.storage.write_job(self.scope, id, write, is_there=True).stored

    def delete_job(self, id: str, precondition: Precondition = ANYTHING) -> bool:
        """Delete a job; whether it was there."""
        return self.storage.delete_job(self.scope, id, precondition.check)

    def put_action(self, id: str, **freezer_action: typing.Any) -> Document | None:
        """Create or change an action."""

        def change(
            current: Document | None, jobs: collections.abc.Sequence[Linked], now: int
        ) -> Store:
            new = {
                'action_id': id,
                'project_id': self.project_id,
                'user_id': 'user',
                'freezer_action': freezer_action,
                'max_retries': 5,
                'max_retries_interval': 6,
                'mandatory': False,
            }
            return Store(new)

        return self.storage.write_action(self.scope, id, change).document

    def delete_action(self, id: str) -> None:
        """Delete an action."""
        self.storage.write_action(self.scope, id, lambda current, jobs, now: Delete())

    def write(self, kind: str, id: str, body: Body | None) -> Document | None:
        """Write a client, a backup or a trust, whatever was there; None deletes it."""
        decision = Delete() if body is None else Store(body)
        return self.storage.write(self.scope, kind, id, lambda current, now: decision).document

    def put_client(self, id: str, central: bool = False, **changes: typing.Any) -> Document | None:
        """Write a client, whatever was there."""
        return self.write(CLIENTS, id, client_body(id, self.project_id, central, **changes))

    def put_backup(self, id: str, **metadata: typing.Any) -> Document | None:
        """Write a backup with these metadata, whatever was there."""
        return self.write(BACKUPS, id, backup_body(id, self.project_id, **metadata))

    def put_trust(self, id: str, **changes: typing.Any) -> Document | None:
        """Write what is kept of a trust, whatever was there."""
        return self.write(TRUSTS, id, trust_body(id, self.project_id, **changes))

    def end_trust(self, id: str) -> bool:
        """End a trust; whether it was there and no job had it."""
        return self.storage.end_trust(self.scope, id)

    def put(self, kind: str, id: str, body: Body) -> Document | None:
        """Write a body under an id of any kind but sessions: any for an action, else one of the
        kind's.
        """
        if kind == JOBS:
            return self.put_job(id, body)
        if kind == ACTIONS:
            decision = Store(body)
            written = self.storage.write_action(self.scope, id, lambda *state: decision)
            return written.document
        return self.write(kind, id, body)
