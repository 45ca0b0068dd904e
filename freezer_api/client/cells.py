"""Values in tables: formatted for people, and unchanged in JSON."""

import datetime
import typing

from cliff import columns

#: What the API is sent and answers.
Body = dict[str, typing.Any]
#: Values of one line.
Row = tuple[typing.Any, ...]
#: What a command returns to be shown: columns and rows.
Table = tuple[tuple[str, ...], list[Row]]

#: What a table shows in place of a secret.
HIDDEN = '***'
#: Keys of a ``freezer_action`` whose values are secrets. A table ends up in
#: scrollbacks and tickets; JSON is for programs that may need them.
_SECRETS = frozenset(
    ('ssh_password', 'ftp_password', 'secret_key', 'access_key')
)


class Timestamp(columns.FormattableColumn):
    """Seconds since the epoch, shown in UTC; -1 means none."""

    def human_readable(self) -> str:
        """Format the timestamp."""
        return format_timestamp(self._value)


class Lines(columns.FormattableColumn):
    """An object or a list, one entry per line."""

    def human_readable(self) -> str:
        """Format the entries."""
        if isinstance(self._value, dict):
            lines = [
                f'{escape(key)}: {_summarize(value)}'
                for key, value in self._value.items()
            ]
        else:
            lines = [_summarize(value) for value in self._value]
        return '\n'.join(lines)


class Action(columns.FormattableColumn):
    """A ``freezer_action``, one key per line, without secrets."""

    def human_readable(self) -> str:
        """Format the keys and values."""
        lines = []
        for key, value in self._value.items():
            shown = HIDDEN if key in _SECRETS else escape(value)
            lines.append(f'{escape(key)} = {shown}')
        return '\n'.join(lines)


def escape(value: typing.Any) -> str:
    """Convert a value to text that is safe to print: characters that a
    terminal could take for a command are escaped.
    """
    return ''.join(
        char if char.isprintable() else char.encode('unicode_escape').decode()
        for char in str(value)
    )


def format_timestamp(value: typing.Any) -> str:
    """Format seconds since the epoch in UTC; ``-`` for anything that is not a
    timestamp.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return '-'
    try:
        time = datetime.datetime.fromtimestamp(value, datetime.timezone.utc)
    except (ValueError, OverflowError, OSError):
        # Beyond the year 9999: shown as the number that it is.
        return str(value)
    return time.strftime('%Y-%m-%d %H:%M:%S')


def format_progress(entry: typing.Mapping[str, typing.Any]) -> str:
    """Format how far a member is: its status, and its result if it has one."""
    parts = (entry.get('status'), entry.get('result'))
    return ', '.join(part for part in parts if part)


def _summarize(value: typing.Any) -> str:
    """Summarize an entry: an object by its ids, mode and progress."""
    if not isinstance(value, dict):
        return escape(value)
    keys = ('session_id', 'backup_id', 'client_id', 'mode')
    parts = [str(value[key]) for key in keys if value.get(key)]
    progress = format_progress(value)
    if progress:
        parts.append(progress)
    return escape(' '.join(parts))
