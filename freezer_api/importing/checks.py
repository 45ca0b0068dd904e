"""Telling what the API would refuse of a document that is imported."""

import collections.abc
import typing

from freezer_api import exceptions
from freezer_api.domain import documents
from freezer_api.domain.documents import Body
from freezer_api.importing.notes import Notes
from freezer_api.schemas import actions, backups, clients, jobs, sessions


def note_refused(kind: str, body: Body, notes: Notes) -> None:
    """Note the first fault that the API would find in a document that is sent
    to it.
    """
    # A check repairs what it may, and the document is to stay as it is.
    try:
        _CHECKS[kind](dict(body))
    except exceptions.InvalidInput as error:
        notes.add('value-kept', error.message)


def _check_client(body: Body) -> None:
    clients.client(body['client'])


def _check_action(body: Body) -> None:
    known = dict(body)
    # Whether an id would be refused is noted where it is converted.
    del known['action_id']
    actions.action(known)


def _check_job(body: Body) -> None:
    # Callers name neither: ids are noted where they are converted.
    known = dict(body)
    del known['job_id']
    entries: list[Body] = []
    for entry in body['job_actions']:
        plain = dict(entry)
        del plain['action_id']
        entries.append(plain)
    known['job_actions'] = entries
    known.pop('_central', None)
    jobs.job(known)


def _check_session(body: Body) -> None:
    sessions.session(body)


def _check_backup(body: Body) -> None:
    flat = {**body['backup_metadata'], 'status': body['status']}
    backups.backup(flat)


_CHECKS: dict[str, collections.abc.Callable[[Body], typing.Any]] = {
    documents.CLIENTS: _check_client,
    documents.ACTIONS: _check_action,
    documents.JOBS: _check_job,
    documents.SESSIONS: _check_session,
    documents.BACKUPS: _check_backup,
}
