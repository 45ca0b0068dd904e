"""What an agent is to be told so that it restores one backup: pure, from the
backup and the job that made it.

A restore is made from the job's backup action, for metadata have no passwords,
and checked against the metadata. Only what a mode needs is taken, by name: an
agent of release 19 fails at any key that it doesn't know.
"""

import collections.abc
import dataclasses
import datetime
import typing

from freezer_api.domain import actions, agents, backups, documents
from freezer_api.domain.documents import Body
from freezer_api.domain.restore_keys import MODE_KEYS, STORAGES, allowed

EXACT, ASSUMED = 'exact', 'assumed'
RESTORE, READ, COMPARE = MODES = ('restore', 'verify-read', 'verify-restore')
#: Keys of metadata that stand for the action where the job is gone.
_TOLD = (
    'mode',
    'storage',
    'container',
    'engine_name',
    'backup_name',
    'ssh_key',
    'ssh_username',
    'ssh_host',
    'ssh_port',
    'nova_inst_id',
    'cinder_vol_id',
    'cinderbrick_vol_id',
    'glance_image_id',
    'cindernative_vol_id',
)
#: Keys whose values are compared, and are texts.
_TEXTS = frozenset(
    (
        'mode',
        'storage',
        'engine_name',
        'container',
        'hostname',
        'backup_name',
        'path_to_backup',
    )
)
#: Storages whose passwords metadata don't have.
_SECRET = frozenset(('s3', 'ftp', 'ftps', 'ssh'))
#: The engines whose archives can be restored, and those that a mode has by
#: itself.
_UNRESTORABLE = frozenset(('rsync', 'rsyncv2'))
#: What the warnings of plans say.
WARNINGS = {
    'zone': (
        'An agent older than 19.0.0, if it is one, takes restore_from_date for'
        ' local time; its clock has to be on UTC.'
    ),
    'name': (
        'The job is gone; if its backup_name was a template, the backup is not'
        ' found by the name of the metadata.'
    ),
    'encryption': (
        "The job's action is gone; if it encrypted, encrypt_pass_file has to"
        ' be given.'
    ),
    'credentials': (
        "The job's action is gone; the credentials of the storage have to be"
        ' given.'
    ),
    'changed': (
        'The job does something else today; the definition is its own with '
        'what the metadata and the request tell.'
    ),
    'in-place': 'It is restored where it came from.',
    'database': (
        'The database must be stopped, and the folder must exist; the agent '
        'looks at neither.'
    ),
    'new-resource': (
        'A new resource is made beside the one that was backed up.'
    ),
    'last-listed': (
        'From this storage the agent takes the last backup that is listed '
        'before the date, in no order.'
    ),
    'no-checksum': (
        'The backup was made without consistency_check; whether it can be '
        'restored is all that is verified.'
    ),
}
#: The first release whose agents take dates without a zone for UTC.
UTC_RELEASE = 19
#: Seconds that a storage's stamp may be later than the backup was recorded.
MARGIN = 60
#: The last second that every agent's dates can name, in whichever zone.
_LAST = 253_402_300_799 - 86_400


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """What is known of one backup: its document, the job's action that made
    it, and when the next one was made.

    ``action`` is one of the job's; None if it has none, or is ``gone``.
    ``fits``: it does what the metadata tell. ``following`` is the second of
    the next backup of its place (None: none is recorded that matters).
    """

    backup: documents.Document
    action: Body | None = None
    fits: bool = False
    gone: bool = True
    following: int | None = None

    @property
    def metadata(self) -> Body:
        """What the agent told, as far as an agent's options can hold it."""
        return scalars(self.backup.body['backup_metadata'])

    @property
    def raw_name(self) -> typing.Any:
        """The name in the storage: the job's as it is written there, else what
        the metadata call it.
        """
        return (
            (self.action or {}).get(
                'backup_name', agents.DEFAULTS['backup_name']
            )
            if self.fits
            else self.metadata.get('backup_name')
        )

    @property
    def path(self) -> str | None:
        """What was backed up, of files."""
        own = (self.action or {}).get('path_to_backup') if self.fits else None
        return self.metadata.get('path_to_backup') or own

    @property
    def sure(self) -> str:
        """Whether what to tell the agent is known, or assumed from metadata
        alone.
        """
        return EXACT if self.fits else ASSUMED


def scalars(body: Body) -> Body:
    """The keys whose values an option can have, of an action or of metadata;
    numbers in place of a name are texts, as agents read them.
    """
    found: Body = {}
    for key, value in agents.plain(body).items():
        if key not in _TEXTS:
            found |= (
                {key: value} if isinstance(value, (str, int, float)) else {}
            )
        elif isinstance(value, (str, int, float)) and not isinstance(
            value, bool
        ):
            found[key] = str(value)
    return found


def source(
    backup: documents.Document,
    definitions: collections.abc.Iterable[Body] | None,
) -> Source:
    """A backup with the action that made it, of all that its job has today
    (None: the job is gone).

    Where none fits the first one that backs up stands for it.
    """
    metadata = scalars(backup.body['backup_metadata'])
    making = [
        action
        for action in map(scalars, definitions or ())
        if action.get('action') == 'backup'
    ]
    for action in making:
        if fits(action, metadata):
            return Source(backup, action, fits=True, gone=False)
    return Source(
        backup, making[0] if making else None, gone=definitions is None
    )


def fits(action: Body, metadata: Body) -> bool:
    """Whether an action is the one that made a backup, as far as its metadata
    tell; both as :func:`scalars`.
    """
    if action.get('action') != 'backup':
        return False
    mode = action.get('mode', agents.DEFAULTS['mode'])
    place = (
        ('mode',)
        if mode == 'cindernative'
        else ('mode', 'storage', 'container', 'engine_name')
    )
    if any(
        metadata.get(key, action.get(key, agents.DEFAULTS[key]))
        != action.get(key, agents.DEFAULTS[key])
        for key in place
    ):
        return False
    same = (
        'path_to_backup',
        'hostname',
        *agents.RESOURCES.get(mode, ()),
        'cinderbrick_vol_id',
    )
    if any(
        key in action and key in metadata and action[key] != metadata[key]
        for key in same
    ):
        return False
    raw = action.get('backup_name', agents.DEFAULTS['backup_name'])
    return metadata.get('backup_name') in agents.names(
        str(raw), _about(action, metadata)
    )


def place(source: Source) -> tuple[typing.Any, ...]:
    """Where an agent looks for a backup: the backups of one place are told
    apart by their dates alone.
    """
    return (
        *_storage_of({**(source.action or {}), **source.metadata}),
        source.raw_name,
    )


def is_follower(source: Source, other: documents.Document) -> bool:
    """Whether another backup is in the place of a source's, by its
    metadata.
    """
    metadata = scalars(other.body['backup_metadata'])
    if (
        _storage_of({**(source.action or {}), **metadata})
        != place(source)[:-1]
    ):
        return False
    return metadata.get('backup_name') in agents.names(
        str(source.raw_name), _about(source.action or {}, metadata)
    )


def _storage_of(told: Body) -> tuple[typing.Any, ...]:
    filled = {**agents.DEFAULTS, **told}
    return *(
        filled[key] for key in ('storage', 'container', 'engine_name')
    ), told.get('hostname')


def followed(
    source: Source, others: collections.abc.Iterable[documents.Document]
) -> Source:
    """The source with the next one of its place, of other backups and the one
    known before.
    """
    own = window(source.backup)
    if own is None:
        return source
    seconds = [
        at // documents.SECOND
        for other in others
        if (at := backups.time_of(other.body)) is not None
        and is_follower(source, other)
    ]
    later = [second for second in seconds if second > own[0]]
    if source.following is not None:
        later.append(source.following)
    return dataclasses.replace(source, following=min(later, default=None))


def window(backup: documents.Document) -> tuple[int, int] | None:
    """The first and the last second of the dates that select a backup if no
    other one is made meanwhile.

    An agent stamps what it stores later than it tells: by a second, or by
    minutes where it makes a snapshot before. It records the backup after that.
    None if its time can't be told, or isn't one that dates can name.
    """
    at = backups.time_of(backup.body)
    if at is None or not 0 <= at <= _LAST * documents.SECOND:
        return None
    first = at // documents.SECOND
    return first, min(
        first + max(backup.created // documents.SECOND - first, 0) + MARGIN,
        _LAST,
    )


def date(source: Source) -> str | None:
    """The date that makes an agent select the backup and no later one: UTC,
    which the agent takes dates without zone for.
    """
    found = window(source.backup)
    if found is None:
        return None
    chosen = (
        found[1]
        if source.following is None
        else min(found[1], source.following - 1)
    )
    return datetime.datetime.fromtimestamp(
        chosen, datetime.timezone.utc
    ).strftime('%Y-%m-%dT%H:%M:%S')


def compose(source: Source, path: str | None) -> Body:
    """The action that restores a backup to a folder (None: where it came
    from); nothing is overwritten or removed.
    """
    metadata = source.metadata
    base = source.action if source.action is not None else _told(metadata)
    mode = metadata.get('mode') or base.get('mode', agents.DEFAULTS['mode'])
    storage = metadata.get('storage') or base.get(
        'storage', agents.DEFAULTS['storage']
    )
    kept = {
        key: base[key] for key in sorted(allowed(mode, storage)) if key in base
    }
    found = {
        'action': 'restore',
        'mode': mode,
        **kept,
        **_resource(mode, base, metadata),
    }
    if mode == 'cindernative':
        return found
    engine = metadata.get('engine_name') or base.get(
        'engine_name', agents.DEFAULTS['engine_name']
    )
    container = metadata.get('container') or base.get(
        'container', agents.DEFAULTS['container']
    )
    found |= {
        'storage': storage,
        'container': container,
        'engine_name': engine,
        'hostname': metadata.get('hostname') or base.get('hostname'),
        'backup_name': source.raw_name,
        'restore_from_date': date(source),
    }
    if mode in agents.FILES:
        found['restore_abs_path'] = path or source.path
    return {key: value for key, value in found.items() if value is not None}


def read_only(action: Body) -> Body:
    """A restore that reads all of the backup and writes nothing."""
    return {**action, 'dry_run': True}


def warnings(
    source: Source, action: Body, in_place: bool, release: int | None
) -> list[Body]:
    """What the operator should know before a restore begins.

    ``release`` is the first number of the version of the agent that is to
    restore, None if it isn't known.
    """
    found = []
    mode = action['mode']
    if mode != 'cindernative' and (release is None or release < UTC_RELEASE):
        found.append(warning('zone'))
    if not source.fits:
        found.append(warning('name' if source.gone else 'changed'))
    if source.action is None:
        found.append(warning('encryption'))
        found += (
            [warning('credentials')]
            if action.get('storage') in _SECRET
            else []
        )
    if mode in agents.FILES and in_place or mode == 'cindernative':
        found.append(warning('in-place'))
    if mode in agents.FILES and mode != 'fs':
        found.append(warning('database'))
    if mode in ('nova', 'glance', 'cinder'):
        found.append(warning('new-resource'))
    if mode == 'cinder' and action.get('storage') in (
        'local',
        'ssh',
        'ftp',
        'ftps',
    ):
        found.append(warning('last-listed'))
    return found


def warning(code: str) -> Body:
    """A warning, as plans show it."""
    return {'code': code, 'text': WARNINGS[code]}


def defect(source: Source, action: Body) -> tuple[str, str] | None:
    """Why an agent can't restore a backup by an action: a code and a text;
    None if nothing is known against it.
    """
    mode, engine = action['mode'], action.get('engine_name')
    if mode not in actions.CHOICES['mode'] or action.get('storage') not in (
        None,
        *STORAGES,
    ):
        return 'unrestorable', 'Its mode or storage is unknown.'
    if engine in _UNRESTORABLE:
        return (
            'unrestorable',
            f'Agents cannot restore what the engine {engine} has stored.',
        )
    if mode == 'cindernative' and not action.get('cindernative_backup_id'):
        return (
            'unidentified',
            (
                'Its metadata have no cinder_backup_id; the agent would take'
                ' the newest one.'
            ),
        )
    if mode not in agents.FILES and not any(
        action.get(key) for key in MODE_KEYS[mode]
    ):
        return (
            'unidentified',
            'Neither its metadata nor its job tell what was backed up.',
        )
    nameless = [
        key for key in ('hostname', 'backup_name') if not action.get(key)
    ]
    if mode != 'cindernative' and nameless:
        return (
            'unidentified',
            (
                f'Neither its metadata nor the request tell its {nameless[0]};'
                ' the agent would look for another one.'
            ),
        )
    if mode in agents.FILES and not action.get('restore_abs_path'):
        return (
            'no-path',
            (
                'Neither its metadata nor its job tell a path; the request'
                ' has to.'
            ),
        )
    if mode != 'cindernative' and not action.get('restore_from_date'):
        return 'no-time', 'Its time_stamp is no moment that a date can name.'
    for key, value in action.items():
        if agents.has_percent(value):
            return (
                'percent',
                f'freezer_action.{key}: agents cannot read a value with %.',
            )
    return None


def is_readable(action: Body) -> bool:
    """Whether a dry run only reads: agents ignore it in other modes, and
    restore.
    """
    return (
        action['mode'] in agents.FILES and action.get('engine_name') == 'tar'
    )


def _told(metadata: Body) -> Body:
    """What metadata tell of the action that made a backup."""
    return {key: metadata[key] for key in _TOLD if key in metadata}


def _about(action: Body, metadata: Body) -> Body:
    """What the places of a name's template are filled from."""
    return {
        **agents.DEFAULTS,
        **{
            key: action[key]
            for key in ('project_id', *sum(agents.RESOURCES.values(), ()))
            if key in action
        },
        **metadata,
    }


def _resource(mode: str, base: Body, metadata: Body) -> Body:
    """The identity of what is restored, in modes that have one."""
    found = {
        key: metadata[key]
        for key in MODE_KEYS.get(mode, ())
        if metadata.get(key)
    }
    if mode == 'cindernative' and metadata.get('cinder_backup_id'):
        found['cindernative_backup_id'] = metadata['cinder_backup_id']
    return found
