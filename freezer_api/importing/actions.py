"""Actions of the published service, and the entries of its jobs, as ours."""

import collections.abc
import hashlib
import typing

from freezer_api.db.base import Entry
from freezer_api.domain import actions, definitions, documents
from freezer_api.domain.documents import ACTIONS, Body, Document
from freezer_api.importing import checks, values
from freezer_api.importing.notes import Notes
from freezer_api.importing.values import Row

#: Keys of a definition that have columns of their own, and these columns. The
#: published service shows the columns' values in place of the JSON's.
_COLUMNS = {
    'path_to_backup': 'path_to_backup',
    'backup_name': 'backup_name',
    'container': 'container',
    'timeout': 'timeout',
    'priority': 'priority',
    'log_file': 'log_file',
    'action': 'action',
}


class Resolved(typing.NamedTuple):
    """The entries of a job, and the actions that they need beside those that
    are imported anyway.
    """

    entries: list[Body]
    extra_actions: list[Document]


def convert(row: Row, notes: Notes) -> Document:
    """Return the action that a row stands for, in its own project."""
    action = _convert(row, row['project_id'], notes)
    values.note_id(documents.ACTIONS, row['id'], notes)
    checks.note_refused(ACTIONS, action.body, notes)
    return action


def resolve(
    job: Row,
    given: collections.abc.Iterable[Body],
    rows: collections.abc.Mapping[str, Row],
    notes: Notes,
) -> Resolved:
    """Return the entries of a job's row from the ``given`` ones: those of its
    own JSON, which bring their definitions, or those that only refer to
    actions.

    ``rows`` has the actions that they name, deleted ones too, by id.
    """
    resolver = _Resolver(job, rows, notes)
    entries: list[Body] = []
    for position, entry in enumerate(given):
        resolved = resolver.resolve(position, entry)
        if resolved is not None:
            entries.append(resolved)
    return Resolved(entries, list(resolver.extra_actions.values()))


def is_equal(action: Document, entry: Body) -> bool:
    """Tell whether an entry of a job has the definition of an action."""
    return _fingerprint(action.body['freezer_action']) == _fingerprint(
        entry['freezer_action']
    )


def make(job: Entry, position: int, entry: Body) -> Document:
    """Return an action for the entry at a position of an imported job."""
    id = _make_id(job.id, position)
    content = typing.cast(Document, job.content)
    user_id = content.body['user_id']
    body = actions.created(
        id,
        job.project_id,
        user_id,
        entry,
    )
    return Document(
        ACTIONS,
        job.project_id,
        id,
        1,
        content.created,
        body,
    )


class _Resolver:
    """Finds the action of each entry of one job."""

    def __init__(
        self,
        job: Row,
        rows: collections.abc.Mapping[str, Row],
        notes: Notes,
    ):
        self._job = job
        self._rows = rows
        self._notes = notes
        self.extra_actions: dict[str, Document] = {}

    def resolve(self, position: int, entry: Body) -> Body | None:
        """Return the entry at a position of the job; None if its definition is
        lost.
        """
        id = entry.get('action_id')
        row = self._rows.get(id) if isinstance(id, str) else None
        given = entry.get('freezer_action')
        if not isinstance(given, dict):
            if row is None:
                self._notes.add('action-lost', f'action {id}')
                return None
            action = self._use(row)
            rules = {key: action.body[key] for key in actions.RULES}
            return _entry(action, rules)
        own = actions.normalize_entry(
            {
                'freezer_action': given,
                **{key: entry.get(key) for key in actions.RULES},
            }
        )
        if row is not None and _has_definition(row, own['freezer_action']):
            return _entry(self._use(row), own)
        return _entry(
            self._make(
                position,
                id,
                own,
                row,
            ),
            own,
        )

    def _use(self, row: Row) -> Document:
        """Return the action of a row as the job has it: in the job's project,
        and whether or not it was deleted.
        """
        project_id = self._job['project_id']
        unnoted = Notes(ACTIONS, project_id, row['id'])
        action = _convert(row, project_id, unnoted)
        is_foreign = row['project_id'] != project_id
        if is_foreign:
            self._notes.add(
                'action-copied',
                f'action {row["id"]} of project {row["project_id"]}',
            )
        elif not values.is_live(row):
            self._notes.add('action-restored', f'action {row["id"]}')
        if is_foreign or not values.is_live(row):
            self.extra_actions[action.id] = action
        return action

    def _make(
        self, position: int, id: typing.Any, own: Body, row: Row | None
    ) -> Document:
        """Return an action for an entry whose definition no action has."""
        job = self._job
        # Releases up to 18 kept entries of actions that were never there, or
        # that were changed since.
        if row is not None or not isinstance(id, str) or not id:
            id = _make_id(job['id'], position)
        id = values.convert_id(id)
        same = self.extra_actions.get(id)
        if same is not None:
            if is_equal(same, own):
                return same
            id = _make_id(job['id'], position)
        self._notes.add('action-made', f'action {id} for entry {position}')
        project_id = job['project_id']
        user_id = values.to_text(job['user_id'])
        body = actions.created(id, project_id, user_id, own)
        created = values.to_microseconds(job['created_at'])
        action = Document(
            ACTIONS,
            project_id,
            id,
            1,
            created,
            body,
        )
        self.extra_actions[id] = action
        return action


def _make_id(job_id: str, position: int) -> str:
    """Return the id of an action that is made for an entry: at each import the
    same.
    """
    seed = f'{job_id}/{position}'
    digest = hashlib.blake2b(seed.encode(), digest_size=16)
    return digest.hexdigest()


def _entry(action: Document, rules: Body) -> Body:
    """Return an entry that has an action, with rules of its own."""
    own = {'freezer_action': action.body['freezer_action']}
    for key in actions.RULES:
        own[key] = rules.get(key)
    unowned = actions.created(
        action.id,
        '',
        '',
        own,
    )
    del unowned['project_id'], unowned['user_id']
    return unowned


def _convert(row: Row, project_id: str, notes: Notes) -> Document:
    definition = _stored_definition(row, notes)
    # A PATCH left the column alone where it wrote the JSON: then the column is
    # what callers were shown.
    for key, column in _COLUMNS.items():
        if row.get(column) is not None:
            definition[key] = row[column]
    # Before e74c32f034c5 the column had another name.
    if row.get('src_file') is not None:
        definition['path_to_backup'] = row['src_file']
    definition['mode'] = row.get('actionmode')
    mandatory = row.get('mandatory')
    given = actions.normalize_entry(
        {
            'freezer_action': definition,
            'max_retries': row.get('max_retries'),
            'max_retries_interval': row.get('max_retries_interval'),
            'mandatory': None if mandatory is None else bool(mandatory),
        }
    )
    id = values.convert_id(row['id'])
    user_id = values.to_text(row['user_id'])
    body = actions.created(id, project_id, user_id, given)
    created = values.to_microseconds(row['created_at'])
    return documents.Document(
        ACTIONS,
        project_id,
        id,
        1,
        created,
        body,
    )


def _stored_definition(row: Row, notes: Notes) -> Body:
    return values.parse_object(
        row['backup_metadata'], 'backup_metadata', notes
    )


def _has_definition(row: Row, definition: Body) -> bool:
    """Tell whether a definition is that of an action's row: as it was sent,
    or with the columns.
    """
    notes = Notes(ACTIONS, '', row['id'])
    mark = _fingerprint(definition)
    shown = _convert(
        row,
        '',
        notes,
    ).body['freezer_action']
    if _fingerprint(shown) == mark:
        return True
    sent = {'freezer_action': _stored_definition(row, notes)}
    plain = actions.normalize_entry(sent)['freezer_action']
    return _fingerprint(plain) == mark


def _fingerprint(definition: Body) -> bytes:
    compared = definitions.without_nulls(definition)
    # Agents take an absent mode for this one.
    compared.setdefault('mode', 'fs')
    return definitions.fingerprint(compared)
