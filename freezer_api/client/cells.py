"""Values of tables: as people read them, and in JSON as the API has them."""

import datetime
import typing

from cliff import columns

#: What a table shows of a value that is a secret.
HIDDEN = '***'
#: Keys of agents whose values are secrets.
_SECRETS = frozenset(
    ('ssh_password', 'ftp_password', 'secret_key', 'access_key')
)


class Moment(columns.FormattableColumn):
    """Seconds since the epoch, shown in UTC; -1 is none."""

    def human_readable(self) -> str:
        return moment(self._value)


class Lines(columns.FormattableColumn):
    """An object or a list, an entry a line."""

    def human_readable(self) -> str:
        if isinstance(self._value, dict):
            return '\n'.join(
                f'{safe(key)}: {_plain(value)}'
                for key, value in self._value.items()
            )
        return '\n'.join(map(_plain, self._value))


class Action(columns.FormattableColumn):
    """What an agent is told, a key a line, without secrets."""

    def human_readable(self) -> str:
        return '\n'.join(
            f'{safe(key)} = {HIDDEN if key in _SECRETS else safe(value)}'
            for key, value in self._value.items()
        )


def safe(value: typing.Any) -> str:
    """A value as a text for a terminal: what isn't printable could be a
    command to it.
    """
    return ''.join(
        char if char.isprintable() else char.encode('unicode_escape').decode()
        for char in str(value)
    )


def moment(value: typing.Any) -> str:
    """A second of the epoch in UTC; '-' where there is none."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return '-'
    try:
        at = datetime.datetime.fromtimestamp(value, datetime.timezone.utc)
    except (ValueError, OverflowError, OSError):
        return str(value)
    return at.strftime('%Y-%m-%d %H:%M:%S')


def course(entry: typing.Mapping[str, typing.Any]) -> str:
    """How far something has come: its status, and its result once it has
    one.
    """
    return ', '.join(filter(None, (entry.get('status'), entry.get('result'))))


def _plain(value: typing.Any) -> str:
    if not isinstance(value, dict):
        return safe(value)
    ids = [
        str(value[key])
        for key in ('session_id', 'backup_id', 'client_id')
        if value.get(key)
    ]
    return ' '.join([*ids, *filter(None, (value.get('mode'), course(value)))])
