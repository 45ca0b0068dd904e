"""Adapting documents of the source to what a store has of an earlier import."""

import collections
import collections.abc
import typing

from freezer_api.db.base import Entry
from freezer_api.domain import documents, run_state
from freezer_api.domain.documents import (
    ACTIONS,
    CREDENTIALS,
    JOBS,
    SESSIONS,
    TRUSTS,
    Body,
    Document,
)
from freezer_api.domain.session_state import Session
from freezer_api.importing import actions
from freezer_api.importing.keeping import Keeper
from freezer_api.importing.ledger import Name

#: Ids by the projects that they are in.
Ids = dict[str, set[str]]
#: Stored actions.
Actions = dict[Name, Document]
#: The ids of the members of stored sessions.
Members = dict[Name, collections.abc.Container[str]]


class Adapter:
    """Adapts documents to the store of a keeper; ``now`` is the timestamp at
    which members leave runs.
    """

    def __init__(self, keeper: Keeper, now: int):
        self._keeper = keeper
        self._now = now

    def without_absent_members(self, entries: list[Entry]) -> list[Entry]:
        """Return new sessions without those members that the store has in
        another session, in none, or no longer, since an earlier import.
        """
        present = self._keeper.present(SESSIONS, entries)
        adapted: list[Entry] = []
        for entry in entries:
            session = typing.cast(Session, entry.content)
            # One that is there is compared as the source has it.
            if entry.key in present or not session.members:
                adapted.append(entry)
                continue
            for id in self._absent_members(session):
                session = run_state.left(session, id, self._now)
            adapted.append(entry_of_session(session))
        return adapted

    def _absent_members(self, session: Session) -> set[str]:
        project_id = session.project_id
        absent = self._keeper.deleted(
            JOBS,
            project_id,
            session.members,
        )
        for job in self._keeper.named(
            JOBS,
            project_id,
            session.members,
        ):
            body = body_of(job)
            if body['session_id'] != session.session_id:
                absent.add(job.id)
        return absent

    def follow_definitions(self, entries: list[Entry]) -> list[Entry]:
        """Give jobs the definitions of the store's actions; return the actions
        that they need besides.

        Where an action was changed in the store since an earlier import, a new
        job gets what it is now. Where it was deleted, or is another one from
        the beginning, the job gets an action of its own.
        """
        stored = self._stored_actions(entries)
        deleted = self.deleted(ACTIONS, _action_ids(entries))
        present = self._keeper.present(JOBS, entries)
        own_actions: list[Entry] = []
        for entry in entries:
            for position, item in enumerate(body_of(entry)['job_actions']):
                name = entry.project_id, item['action_id']
                action = stored.get(name)
                if action is None and name not in deleted:
                    continue
                # A job that is there has followed its action since.
                is_followed = entry.key in present
                if action is not None:
                    is_followed |= action.version > 1
                    is_followed |= actions.is_equal(action, item)
                if is_followed and action is not None:
                    item['freezer_action'] = action.body['freezer_action']
                elif not is_followed:
                    # It mustn't change what others made of the action.
                    own = actions.make(entry, position, item)
                    own_actions.append(entry_of(own))
                    item['action_id'] = own.id
        return own_actions

    def _stored_actions(self, entries: list[Entry]) -> Actions:
        """Return the store's actions that jobs name, by project and id."""
        stored: Actions = {}
        for project_id, ids in _action_ids(entries).items():
            for found in self._keeper.named(ACTIONS, project_id, ids):
                action = typing.cast(Document, found.content)
                stored[project_id, found.id] = action
        return stored

    def drop_trusts(self, entries: list[Entry]) -> None:
        """Take trusts from jobs that were ended since an earlier import."""
        wanted: Ids = collections.defaultdict(set)
        for entry in entries:
            trust_id = documents.trust(body_of(entry))
            if trust_id:
                wanted[entry.project_id].add(trust_id)
        deleted = self.deleted(TRUSTS, wanted)
        # Keystone has ended them, too: agents would be refused.
        for entry in entries:
            name = entry.project_id, documents.trust(body_of(entry))
            if name in deleted:
                del body_of(entry)[CREDENTIALS]

    def deleted(self, kind: str, wanted: Ids) -> set[Name]:
        """Return those of some ids of projects that were deleted in the store
        since an earlier import.
        """
        deleted: set[Name] = set()
        for project_id, ids in wanted.items():
            for id in self._keeper.deleted(kind, project_id, ids):
                deleted.add((project_id, id))
        return deleted

    def stored_members(self, wanted: Ids) -> Members:
        """Return the ids of the members that stored sessions have."""
        members: Members = {}
        for project_id, ids in wanted.items():
            for found in self._keeper.named(SESSIONS, project_id, ids):
                session = typing.cast(Session, found.content)
                members[project_id, found.id] = frozenset(session.members)
        return members


def _action_ids(entries: list[Entry]) -> Ids:
    """Return the ids of the actions that jobs name, by project."""
    ids: Ids = collections.defaultdict(set)
    for entry in entries:
        for item in body_of(entry)['job_actions']:
            ids[entry.project_id].add(item['action_id'])
    return ids


def session_ids(entries: list[Entry]) -> Ids:
    """Return the ids of the sessions that jobs are in, by project."""
    ids: Ids = collections.defaultdict(set)
    for entry in entries:
        session_id = body_of(entry)['session_id']
        if session_id:
            ids[entry.project_id].add(session_id)
    return ids


def entry_of(document: Document) -> Entry:
    """Return the entry of a document that is no session."""
    return Entry(
        document.kind,
        document.project_id,
        document.id,
        document,
    )


def entry_of_session(session: Session) -> Entry:
    """Return the entry of a session."""
    return Entry(
        SESSIONS,
        session.project_id,
        session.session_id,
        session,
    )


def body_of(entry: Entry) -> Body:
    """Return the body of a document that is no session."""
    return typing.cast(Document, entry.content).body
