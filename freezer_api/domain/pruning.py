"""What a job has removed from a storage: an agent prunes by date and tells
nobody.

An ``admin`` action prunes, and so does a backup with one of the keys that say
what is too old. Both remove the backups of one place: of one machine, by one
name, in one container.
"""

import collections.abc
import dataclasses
import datetime
import math
import typing

from freezer_api.domain import agents, backups, documents, restore_sources
from freezer_api.domain.documents import Body

# Options with a date before which backups are removed; agents take the first
# one that an action has.
_DATES = ('remove_before_date', 'remove_from_date')
# The option with a number of days after which they are.
_DAYS = 'remove_older_than'
# A day in seconds.
_DAY = 86_400


@dataclasses.dataclass(frozen=True, slots=True)
class Cut:
    """What one action of a job removes: the backups of its place that were
    made until a timestamp (``until``, in microseconds).
    """

    action: Body
    hostname: str
    until: int

    @property
    def container(self) -> str:
        """Return the container that the backups are in."""
        return str(self.action.get('container', agents.DEFAULTS['container']))

    def removes(self, body: Body) -> bool:
        """Tell whether a backup, by its document, is among them."""
        return removing((self,), body) is not None

    def matches(self, timestamp: int, metadata: Body) -> bool:
        """Tell whether a backup is among them, by its time and what its
        metadata say, as :func:`.restore_sources.scalars`.
        """
        if timestamp > self.until:
            return False
        if metadata.get('hostname') != self.hostname:
            return False
        action = {**agents.DEFAULTS, **self.action}
        for key in ('storage', 'container', 'engine_name'):
            if metadata.get(key, agents.DEFAULTS[key]) != action[key]:
                return False
        names = agents.names(
            str(action['backup_name']),
            {**action, **metadata},
        )
        return metadata.get('backup_name') in names


def removing(cuts: collections.abc.Iterable[Cut], body: Body) -> Cut | None:
    """Return the first cut that removes a backup, by its document; None if
    none does.
    """
    timestamp = backups.time_of(body)
    if timestamp is None:
        return None
    metadata = restore_sources.scalars(body['backup_metadata'])
    for cut in cuts:
        if cut.matches(timestamp, metadata):
            return cut
    return None


def has_pruned(before: Body, after: Body) -> bool:
    """Tell whether a change of a job says that it has ended with success, and
    so has pruned if an action of it does.
    """
    old = before['job_schedule']
    new = after['job_schedule']
    if new['result'] != 'success' or new['time_ended'] < 0:
        return False
    if old['result'] == 'success' and old['time_ended'] == new['time_ended']:
        # It had ended before this change.
        return False
    pruning_keys = {*_DATES, _DAYS}
    for entry in after['job_actions']:
        action = agents.plain(entry['freezer_action'])
        if not pruning_keys.isdisjoint(action):
            return True
    return False


def cuts(job: Body, hostname: str) -> collections.abc.Iterator[Cut]:
    """Yield what a job that has ended with success has removed, on a client of
    this ``hostname``.
    """
    for entry in job['job_actions']:
        action = restore_sources.scalars(entry['freezer_action'])
        if action.get('action') not in ('admin', 'backup'):
            continue
        if action.get('mode', agents.DEFAULTS['mode']) not in agents.FILES:
            continue
        until = _until(action, job['job_schedule']['time_started'])
        host = str(action.get('hostname', hostname))
        if until is not None and host:
            yield Cut(action, host, until)


def _until(action: Body, started: int) -> int | None:
    """Return the last timestamp of what an action removes, in microseconds;
    None if it removes nothing by date.

    Days are counted from when the action runs. That is after its job has
    ``started`` (seconds): what is surely removed is counted from there.
    """
    for key in _DATES:
        if key in action:
            return _parse_date(action[key])
    days = _parse_number(action.get(_DAYS))
    if days is None or days < 0 or started < 0:
        return None
    return backups.to_microseconds(started - days * _DAY)


def _parse_date(date: typing.Any) -> int | None:
    """Return a date as agents read it, in microseconds; None if it is none.

    Without a zone it is UTC, as agents take it since 19.0.0.
    """
    # Python reads no Z before 3.11.
    text = str(date).replace('Z', '+00:00')
    try:
        time = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    if time.tzinfo is None:
        time = time.replace(tzinfo=datetime.timezone.utc)
    return int(time.timestamp()) * documents.SECOND


def _parse_number(value: typing.Any) -> float | None:
    """Return a number, or the text of one; None for anything else."""
    if value is None or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
