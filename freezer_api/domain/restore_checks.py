"""What is to be said against restoring a backup: defects, for which an agent
can't, and warnings, which an operator should know.
"""

import typing

from freezer_api.domain import agents, definitions
from freezer_api.domain.documents import Body
from freezer_api.domain.restore_keys import MODE_KEYS, STORAGES
from freezer_api.domain.restore_plans import PlanWarning
from freezer_api.domain.restore_sources import Source

#: The first release whose agents take dates without a zone for UTC.
UTC_RELEASE = 19
#: The texts of warnings, by their codes.
WARNINGS = {
    'zone': (
        'An agent older than 19.0.0 takes restore_from_date for local time;'
        ' the clock of its machine must be on UTC.'
    ),
    'name': (
        'The job was deleted; if its backup_name was a template, the agent'
        ' does not find the backup by the name in the metadata.'
    ),
    'encryption': (
        "The job's action is not known; if it encrypted, the request must"
        ' give encrypt_pass_file.'
    ),
    'credentials': (
        "The job's action is not known; the request must give the credentials"
        ' of the storage.'
    ),
    'changed': (
        'The action of the job has changed since; this one is made of it, the'
        ' metadata and the request.'
    ),
    'in-place': 'The backup is restored to where it came from.',
    'database': (
        'The database must be stopped and the folder must exist; the agent'
        ' checks neither.'
    ),
    'new-resource': (
        'A new resource is created beside the one that was backed up.'
    ),
    'last-listed': (
        'From this storage the agent takes, of the backups before the date,'
        ' the one that is listed last, which need not be the latest.'
    ),
    'no-checksum': (
        'The backup was made without consistency_check; only whether it can'
        ' be restored is verified.'
    ),
}
# Storages whose credentials aren't in metadata.
_SECRET = frozenset(('s3', 'ftp', 'ftps', 'ssh'))
# Storages in whose folders the agent doesn't look for the latest backup.
_UNORDERED = frozenset(('local', 'ssh', 'ftp', 'ftps'))
# Engines that store what agents can't restore.
_UNRESTORABLE = frozenset(('rsync', 'rsyncv2'))


class Defect(typing.NamedTuple):
    """Why an agent can't restore a backup: the code and the text of a
    problem.
    """

    code: str
    text: str


def warnings(
    source: Source, action: Body, in_place: bool, release: int | None
) -> list[PlanWarning]:
    """Return what the operator should know before an action restores a backup.

    ``release`` is the first number of the version of the agent that is to
    restore it, None if it isn't known.
    """
    codes: list[str] = []
    mode = action['mode']
    is_of_files = mode in agents.FILES
    is_native = mode == 'cindernative'
    knows_utc = release is not None and release >= UTC_RELEASE
    if not is_native and not knows_utc:
        codes.append('zone')
    if not source.fits:
        codes.append('name' if source.gone else 'changed')
    if source.action is None:
        codes.append('encryption')
        if action.get('storage') in _SECRET:
            codes.append('credentials')
    if is_native or (is_of_files and in_place):
        codes.append('in-place')
    if is_of_files and mode != 'fs':
        codes.append('database')
    if mode in ('nova', 'glance', 'cinder'):
        codes.append('new-resource')
    if mode == 'cinder' and action.get('storage') in _UNORDERED:
        codes.append('last-listed')
    return [warning(code) for code in codes]


def warning(code: str) -> PlanWarning:
    """Return a warning as plans show it."""
    return {'code': code, 'text': WARNINGS[code]}


def defect(action: Body) -> Defect | None:
    """Return why an agent can't restore a backup by an action; None if nothing
    is known against it.
    """
    found = _kind_defect(action)
    if found is None:
        found = _identity_defect(action)
    if found is not None:
        return found
    mode = action['mode']
    if mode in agents.FILES and not action.get('restore_abs_path'):
        return Defect(
            'no-path',
            'Neither its metadata nor its job name a path; the request must.',
        )
    if mode != 'cindernative' and not action.get('restore_from_date'):
        return Defect(
            'no-time',
            'Its time_stamp is no time that a date can name.',
        )
    # Agents interpolate values: one with a % isn't read as it was written.
    for key, value in action.items():
        if agents.has_percent(value):
            return Defect(
                'percent',
                f'freezer_action.{key}: agents cannot read a value with %.',
            )
    return None


def _kind_defect(action: Body) -> Defect | None:
    """Return why agents can restore no backup of this kind; None if they can."""
    storage = action.get('storage')
    is_known = action['mode'] in definitions.CHOICES['mode']
    if not is_known or (storage is not None and storage not in STORAGES):
        return Defect('unrestorable', 'Its mode or storage is unknown.')
    engine = action.get('engine_name')
    if engine in _UNRESTORABLE:
        return Defect(
            'unrestorable',
            f'Agents cannot restore what the engine {engine} stores.',
        )
    return None


def _identity_defect(action: Body) -> Defect | None:
    """Return why an agent wouldn't find this very backup; None if it would."""
    mode = action['mode']
    if mode == 'cindernative':
        if action.get('cindernative_backup_id'):
            return None
        return Defect(
            'unidentified',
            'Its metadata have no cinder_backup_id; the agent would take the'
            ' newest backup.',
        )
    if mode not in agents.FILES:
        if not any(action.get(key) for key in MODE_KEYS[mode]):
            return Defect(
                'unidentified',
                'Neither its metadata nor its job say what was backed up.',
            )
    for key in ('hostname', 'backup_name'):
        if not action.get(key):
            return Defect(
                'unidentified',
                f'Neither its metadata nor the request name its {key}; the'
                ' agent would look for another one.',
            )
    return None
