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

from freezer_api.domain import agents, backups, documents, restoring
from freezer_api.domain.documents import Body

_DATES = ('remove_before_date', 'remove_from_date')
_DAYS = 'remove_older_than'
_DAY = 86_400


@dataclasses.dataclass(frozen=True, slots=True)
class Cut:
    """What one action removes: the backups of its place that were made until a
    moment.
    """

    action: Body
    hostname: str
    until: int

    @property
    def container(self) -> str:
        """Where they are."""
        return str(self.action.get('container', agents.DEFAULTS['container']))

    def removes(self, body: Body) -> bool:
        """Whether a backup, by its document, is among them."""
        at, metadata = (
            backups.time_of(body),
            restoring.scalars(body['backup_metadata']),
        )
        if (
            at is None
            or at > self.until
            or metadata.get('hostname') != self.hostname
        ):
            return False
        filled = {**agents.DEFAULTS, **self.action}
        place = ('storage', 'container', 'engine_name')
        if any(
            metadata.get(key, agents.DEFAULTS[key]) != filled[key]
            for key in place
        ):
            return False
        about = {**filled, **metadata}
        return metadata.get('backup_name') in agents.names(
            str(filled['backup_name']), about
        )


def has_pruned(before: Body, after: Body) -> bool:
    """Whether a change of a job that prunes tells that an execution has ended
    with success.
    """
    old, new = before['job_schedule'], after['job_schedule']
    if new['result'] != 'success' or new['time_ended'] < 0:
        return False
    if old['result'] == 'success' and old['time_ended'] == new['time_ended']:
        return False
    return any(
        {*_DATES, _DAYS} & agents.plain(entry['freezer_action']).keys()
        for entry in after['job_actions']
    )


def cuts(job: Body, hostname: str) -> collections.abc.Iterator[Cut]:
    """What a job removed that has ended with success, on a client of this
    ``hostname``.
    """
    for entry in job['job_actions']:
        action = restoring.scalars(entry['freezer_action'])
        if action.get('action') not in ('admin', 'backup'):
            continue
        if action.get('mode', agents.DEFAULTS['mode']) not in agents.FILES:
            continue
        until = _until(action, job['job_schedule']['time_started'])
        host = str(action.get('hostname', hostname))
        if until is not None and host:
            yield Cut(action, host, until)


def _until(action: Body, started: int) -> int | None:
    """The last moment of what an action removes, in microseconds; None if it
    removes nothing by date.

    Days are counted from when it is executed, which is after its job has
    started.
    """
    for key in _DATES:
        if key in action:
            return _moment(action[key])
    days = _number(action.get(_DAYS))
    if days is None or days < 0 or started < 0:
        return None
    return backups.to_microseconds(started - days * _DAY)


def _moment(date: typing.Any) -> int | None:
    """A date as agents read it, which take one without zone for UTC since
    19.0.0.
    """
    try:
        found = datetime.datetime.fromisoformat(
            str(date).replace('Z', '+00:00')
        )
    except ValueError:
        return None
    if found.tzinfo is None:
        found = found.replace(tzinfo=datetime.timezone.utc)
    return int(found.timestamp()) * documents.SECOND


def _number(value: typing.Any) -> float | None:
    try:
        found = (
            None if value is None or isinstance(value, bool) else float(value)
        )
    except ValueError:
        return None
    return found if found is not None and math.isfinite(found) else None
