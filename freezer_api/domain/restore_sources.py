"""What is known of a backup that is to be restored: which action of its job
made it, where agents look for it, and which date selects it.

All from the backup's document and from the job as it is today, which may have
changed since, or be gone.
"""

import collections.abc
import dataclasses
import datetime
import typing

from freezer_api.domain import agents, backups, documents
from freezer_api.domain.documents import Body

#: Whether an agent is told what is known, or what is assumed from metadata.
Certainty = typing.Literal['exact', 'assumed']
EXACT: typing.Final = 'exact'
ASSUMED: typing.Final = 'assumed'
# Options that are strings, and that actions and metadata are compared by.
_STRINGS = frozenset(
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
#: Seconds that the storage's timestamp may be later than the backup's record.
MARGIN = 60
# The last second that every agent can write as a date, in whichever zone.
_LAST_SECOND = 253_402_300_799 - 86_400


class Place(typing.NamedTuple):
    """Where an agent looks for a backup. Backups of one place are told apart
    only by their dates.
    """

    storage: typing.Any
    container: typing.Any
    engine_name: typing.Any
    hostname: typing.Any
    backup_name: typing.Any


class Window(typing.NamedTuple):
    """The first and the last second of some dates."""

    first: int
    last: int


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """What is known of one backup: its document, and the action that made it.

    ``action`` is one of the job's, None if none of them makes backups, or if
    the job is ``gone``. ``fits`` says that it does what the metadata say.
    ``following`` is the second of the next backup of the same place; None if
    none is known that matters.
    """

    backup: documents.Document
    action: Body | None = None
    fits: bool = False
    gone: bool = True
    following: int | None = None

    @property
    def metadata(self) -> Body:
        """Return what the agent said of the backup, as :func:`scalars`."""
        return scalars(self.backup.body['backup_metadata'])

    @property
    def raw_name(self) -> typing.Any:
        """Return the name to look for: as the job's action has it, where it
        may be a template, else as the metadata have it.
        """
        if not self.fits or self.action is None:
            return self.metadata.get('backup_name')
        return self.action.get('backup_name', agents.DEFAULTS['backup_name'])

    @property
    def path(self) -> str | None:
        """Return the path that was backed up; None if it isn't known."""
        path = self.metadata.get('path_to_backup')
        if not path and self.fits and self.action is not None:
            path = self.action.get('path_to_backup')
        return path

    @property
    def sure(self) -> Certainty:
        """Return whether what to tell the agent is known or assumed."""
        return EXACT if self.fits else ASSUMED


def scalars(body: Body) -> Body:
    """Return the keys of an action, or of metadata, whose values an option can
    have. Numbers in place of strings are strings, as agents read them.
    """
    found: Body = {}
    for key, value in agents.plain(body).items():
        if not isinstance(value, (str, int, float)):
            continue
        if key not in _STRINGS:
            found[key] = value
        elif not isinstance(value, bool):
            found[key] = str(value)
    return found


def source(
    backup: documents.Document,
    definitions: collections.abc.Iterable[Body] | None,
) -> Source:
    """Return a backup with the action that made it, of all actions that its
    job has today (None: the job is gone).

    Where none fits, the first one that makes backups is assumed.
    """
    if definitions is None:
        return Source(backup)
    metadata = scalars(backup.body['backup_metadata'])
    assumed: Body | None = None
    for definition in definitions:
        action = scalars(definition)
        if fits(action, metadata):
            return Source(backup, action, fits=True, gone=False)
        if assumed is None and action.get('action') == 'backup':
            assumed = action
    return Source(backup, assumed, gone=False)


def fits(action: Body, metadata: Body) -> bool:
    """Tell whether an action is the one that made a backup, as far as the
    backup's metadata say. Both are as :func:`scalars`.
    """
    if action.get('action') != 'backup':
        return False
    mode = action.get('mode', agents.DEFAULTS['mode'])
    keys = ['mode', 'storage', 'container', 'engine_name']
    if mode == 'cindernative':
        keys = ['mode']
    for key in keys:
        used = action.get(key, agents.DEFAULTS[key])
        if metadata.get(key, used) != used:
            return False
    # These have no defaults, and count where both have them.
    keys = ['path_to_backup', 'hostname', 'cinderbrick_vol_id']
    keys.extend(agents.RESOURCES.get(mode, ()))
    for key in keys:
        if key not in action or key not in metadata:
            continue
        if action[key] != metadata[key]:
            return False
    raw_name = action.get('backup_name', agents.DEFAULTS['backup_name'])
    return _has_name(metadata, raw_name, action)


def place(source: Source) -> Place:
    """Return where an agent looks for a backup."""
    action = source.action or {}
    return _place({**action, **source.metadata}, source.raw_name)


def is_follower(source: Source, other: documents.Document) -> bool:
    """Tell whether another backup is in the place of a source's, by its
    metadata.
    """
    action = source.action or {}
    metadata = scalars(other.body['backup_metadata'])
    other_place = _place({**action, **metadata}, source.raw_name)
    if other_place != place(source):
        return False
    return _has_name(metadata, source.raw_name, action)


def with_following(
    source: Source, others: collections.abc.Iterable[documents.Document]
) -> Source:
    """Return the source with the time of the next backup of its place: of the
    others, and of the one that was known before.
    """
    own = window(source.backup)
    if own is None:
        return source
    following = source.following
    for other in others:
        timestamp = backups.time_of(other.body)
        if timestamp is None or not is_follower(source, other):
            continue
        second = timestamp // documents.SECOND
        # A later one isn't taken for it: the date is earlier in any case.
        if not own.first < second <= own.last + 1:
            continue
        if following is None or second < following:
            following = second
    return dataclasses.replace(source, following=following)


def window(backup: documents.Document) -> Window | None:
    """Return the dates that select a backup if no other one is made meanwhile;
    None if its time isn't known, or isn't one that a date can name.

    The storage's timestamp is later than the one in the metadata: by a second,
    or by minutes where the agent makes a snapshot before. The agent records
    the backup after that.
    """
    timestamp = backups.time_of(backup.body)
    if timestamp is None:
        return None
    if not 0 <= timestamp <= _LAST_SECOND * documents.SECOND:
        return None
    first = timestamp // documents.SECOND
    recorded = backup.created // documents.SECOND
    last = max(first, recorded) + MARGIN
    return Window(first, min(last, _LAST_SECOND))


def date(source: Source) -> str | None:
    """Return the date that makes an agent select the backup and no later one;
    None if there is none. It is UTC, as agents take dates without a zone.
    """
    dates = window(source.backup)
    if dates is None:
        return None
    second = dates.last
    if source.following is not None:
        second = min(second, source.following - 1)
    time = datetime.datetime.fromtimestamp(second, datetime.timezone.utc)
    return time.strftime('%Y-%m-%dT%H:%M:%S')


def _place(known: Body, raw_name: typing.Any) -> Place:
    filled = {**agents.DEFAULTS, **known}
    return Place(
        storage=filled['storage'],
        container=filled['container'],
        engine_name=filled['engine_name'],
        hostname=known.get('hostname'),
        backup_name=raw_name,
    )


def _has_name(metadata: Body, raw_name: typing.Any, action: Body) -> bool:
    """Tell whether an action with a ``raw_name`` may have made the backup that
    metadata are of, by its name.
    """
    fields = _name_fields(action, metadata)
    names = agents.names(str(raw_name), fields)
    return metadata.get('backup_name') in names


def _name_fields(action: Body, metadata: Body) -> Body:
    """Return what the fields of a name's template are filled from."""
    fields: Body = dict(agents.DEFAULTS)
    keys = ['project_id']
    for resources in agents.RESOURCES.values():
        keys.extend(resources)
    for key in keys:
        if key in action:
            fields[key] = action[key]
    fields.update(metadata)
    return fields
