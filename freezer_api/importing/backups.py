"""Backups and trusts of the published service, as ours."""

from freezer_api.domain import backups, documents
from freezer_api.domain.documents import BACKUPS, TRUSTS, Document
from freezer_api.importing import checks, values
from freezer_api.importing.notes import Notes
from freezer_api.importing.values import Row


def convert(row: Row, notes: Notes) -> Document:
    """Return the backup that a row stands for; its metadata are unchanged."""
    id = values.note_id(documents.BACKUPS, row['id'], notes)
    metadata = values.parse_object(
        row['backup_metadata'], 'backup_metadata', notes
    )
    # Revisions before 5c9d21e87f34 have no such column.
    status = values.to_text(row.get('status')) or backups.AVAILABLE
    body = {
        'backup_id': id,
        'project_id': row['project_id'],
        'user_id': values.to_text(row['user_id']),
        'status': status,
        'backup_metadata': metadata,
    }
    # Metadata are the agents' own, and nothing in them is repaired.
    checks.note_refused(BACKUPS, body, notes)
    created = values.to_microseconds(row['created_at'])
    return documents.Document(
        BACKUPS,
        row['project_id'],
        id,
        1,
        created,
        body,
    )


def convert_trust(row: Row) -> Document:
    """Return the trust that live jobs of a project share: ``trust_id``,
    ``trustor_user_id``, ``project_id`` and when the first of them got it.
    """
    trust_id = values.to_text(row['trust_id'])
    body = {
        'trust_id': trust_id,
        'trustor_user_id': values.to_text(row['trustor_user_id']),
        'project_id': row['project_id'],
    }
    created = values.to_microseconds(row['created_at'])
    return Document(
        TRUSTS,
        row['project_id'],
        trust_id,
        1,
        created,
        body,
    )
