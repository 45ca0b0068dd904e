"""Clients of the published service, as ours."""

import collections.abc
import typing

from freezer_api.domain import capabilities, clients, documents
from freezer_api.domain.documents import CLIENTS, Document
from freezer_api.importing import checks, values
from freezer_api.importing.notes import Notes
from freezer_api.importing.values import Row

#: A project and the id of a client in it.
Key = tuple[str, str]


class Registrations(typing.NamedTuple):
    """The registrations that count: one row for each client of a project, and
    for each id the project whose client is central.
    """

    rows: dict[Key, Row]
    central: dict[str, str]


def key_of(row: Row) -> Key:
    """Return the project of a client, and its id there."""
    return row['project_id'], row['client_id']


def choose(rows: collections.abc.Iterable[Row]) -> Registrations:
    """Return the registrations that count among all live rows of some ids.

    Up to release 18 each user registered a client for himself. The first row
    is the one that jobs of the longest standing were made for; a central
    client's id is unique, so there too the first one counts.
    """
    first: dict[Key, Row] = {}
    central: dict[str, str] = {}
    for row in sorted(rows, key=_age):
        key = key_of(row)
        if key in first:
            continue
        first[key] = row
        if row.get('is_central'):
            central.setdefault(row['client_id'], row['project_id'])
    return Registrations(first, central)


def find(
    registrations: Registrations, project_id: str, client_id: str
) -> Document | None:
    """Return the client that executes a project's job: the project's own, or
    else the central one; None if there is none.
    """
    row = registrations.rows.get((project_id, client_id))
    if row is None:
        central_project_id = registrations.central.get(client_id)
        if central_project_id is None:
            return None
        row = registrations.rows[central_project_id, client_id]
    return convert(
        row,
        registrations,
        Notes(CLIENTS, project_id, client_id),
    )


def convert(row: Row, registrations: Registrations, notes: Notes) -> Document:
    """Return the client that a row stands for, one of the registrations that
    count.
    """
    project_id, client_id = key_of(row)
    id = values.note_id(documents.CLIENTS, client_id, notes)
    is_central = bool(row.get('is_central'))
    central_project_id = registrations.central.get(client_id)
    if is_central and central_project_id != project_id:
        # Its id is a claim, which one project alone can have.
        notes.add(
            'client-not-central',
            f'the one of project {central_project_id} stays central',
        )
        is_central = False
    client: dict[str, typing.Any] = {
        'client_id': id,
        'hostname': values.to_text(row['hostname']),
        'description': values.to_text(row['description']),
        'is_central': is_central,
    }
    client |= _supported(row, notes)
    user_id = values.to_text(row['user_id'])
    uuid = values.to_text(row['uuid'])
    # Nothing was registered before, so this is what a new client becomes.
    body = clients.registered(
        None, project_id, user_id, {**client, 'uuid': uuid}, uuid
    )
    checks.note_refused(CLIENTS, body, notes)
    created = values.to_microseconds(row['created_at'])
    return documents.Document(
        CLIENTS,
        project_id,
        id,
        1,
        created,
        body,
    )


def _supported(row: Row, notes: Notes) -> dict[str, typing.Any]:
    """Return the capabilities that a row tells.

    Revisions before 23c8ad2655a6 have no such columns: then the client is
    capable of everything, as one that says nothing of it.
    """
    found: dict[str, typing.Any] = {}
    for supported in capabilities.SUPPORTED.values():
        given = row.get(supported)
        listed = values.parse_json(given, supported, notes)
        # Agents take an absent list for all that there is.
        if isinstance(listed, list):
            found[supported] = listed
    return found


def _age(row: Row) -> tuple[int, str]:
    return values.to_microseconds(row['created_at']), row['id']
