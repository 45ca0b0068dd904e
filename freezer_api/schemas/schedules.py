"""The schedule of a job or a session."""

import datetime
import functools
import typing

from freezer_api import exceptions
from freezer_api.domain import documents, firing, schedules, triggers
from freezer_api.domain.documents import Body
from freezer_api.schemas import base


def _formats() -> base.Formats:
    formats = {
        'interval': triggers.is_interval,
        'run-date': triggers.is_run_date,
        'date': triggers.is_date,
    }
    for field in triggers.CRON:
        formats[f'cron-{field}'] = functools.partial(triggers.is_cron, field)
    return formats


def _cron_fields() -> dict[str, base.Schema]:
    schemas: dict[str, base.Schema] = {}
    for field, (low, _high) in triggers.CRON.items():
        key = f'schedule_{field}'
        schemas[key] = base.formatted(
            f'cron-{field}',
            f"a cron expression for the {field}, a string such as '*' or"
            f" '{low}'",
        )
    return schemas


FORMATS = _formats()
INTERVAL = base.formatted(
    'interval',
    "'continuous' or N weeks|days|hours|minutes|seconds, a million days at"
    ' most',
)
EVENT = base.choice(schedules.EVENTS)
_DATE = base.formatted(
    'date',
    'a date and time in ISO 8601, '
    'such as 2030-01-31T22:30:00 or 2030-01-31T22:30:00+02:00',
)
_INTEGER = base.integer(-(2**63), 2**63 - 1)
SCHEDULE = base.record(
    {
        'schedule_interval': INTERVAL,
        'schedule_date': base.formatted('run-date', _DATE['description']),
        'schedule_start_date': _DATE,
        'schedule_end_date': _DATE,
        **_cron_fields(),
        'event': EVENT,
        'status': base.choice(schedules.STATUSES),
        'result': base.choice(schedules.RESULTS),
        **dict.fromkeys(schedules.TIMES, _INTEGER),
        'current_pid': _INTEGER,
    },
    closed=True,
)
_CRON_KEYS = tuple(f'schedule_{field}' for field in triggers.CRON)
# The keys that tell days, and so whether a schedule fires at all.
_DAY_KEYS = _CRON_KEYS[: _CRON_KEYS.index('schedule_hour')]
_START, _END = 'schedule_start_date', 'schedule_end_date'


def clean(body: Body, key: str) -> Body:
    """Return a body whose schedule under ``key``, if it is an object, is
    without nulls.

    Names of weekdays are moved to ``schedule_day_of_week``, where agents look
    for them. ``InvalidInput`` for a schedule that is too large.
    """
    schedule = body.get(key)
    if not isinstance(schedule, dict):
        return body
    if documents.size(schedule) > schedules.MAX_SIZE:
        raise base.invalid(
            key,
            f'must not have more than {schedules.MAX_SIZE} bytes',
            'document.too-large',
        )
    plain = base.without_nulls(schedule)
    return {**body, key: _move_weekdays(plain, key)}


def check(schedule: Body, place: str) -> None:
    """Raise ``InvalidInput`` if the well-formed parts of a schedule don't make
    one that fires.

    An agent that is given such a schedule runs the job at once, never ends, or
    searches in vain.
    """
    start = schedule.get(_START)
    end = schedule.get(_END)
    if end and not start:
        raise _contradictory(place, _END, f'requires {_START}')
    if start and not _repeats(schedule):
        raise _contradictory(
            place,
            _START,
            'requires schedule_interval or cron fields',
        )
    if end and _parse(end) < _parse(start):
        raise _contradictory(place, _END, f'must not be before {_START}')
    if not firing.fires(schedule):
        raise _never_fires(schedule, place)


def _move_weekdays(schedule: Body, place: str) -> Body:
    # Agents read names of weekdays in schedule_day_of_week alone.
    day = schedule.get('schedule_day')
    if not isinstance(day, str) or not triggers.are_weekdays(day):
        return schedule
    if 'schedule_day_of_week' in schedule:
        raise _contradictory(
            place,
            'schedule_day',
            'must not name weekdays if schedule_day_of_week is given',
        )
    moved = dict(schedule)
    moved['schedule_day_of_week'] = moved.pop('schedule_day')
    return moved


def _repeats(schedule: Body) -> bool:
    """Tell whether a schedule has what a start and an end can bound."""
    for key in ('schedule_interval', *_CRON_KEYS):
        if key in schedule:
            return True
    return False


def _parse(text: str | None) -> datetime.datetime:
    """Return the time of a text that was checked."""
    return typing.cast(datetime.datetime, triggers.date(text or ''))


def _contradictory(
    place: str, key: str, fault: str
) -> exceptions.InvalidInput:
    return base.invalid(f'{place}.{key}', fault, 'schedule.contradictory')


def _never_fires(schedule: Body, place: str) -> exceptions.InvalidInput:
    # Hours, minutes and seconds fire on any day.
    bounding: list[str] = []
    for key in (*_DAY_KEYS, _START, _END):
        if key in schedule:
            bounding.append(key)
    first, *others = bounding
    fault = 'the schedule never fires with this'
    if others:
        fault = f'{fault} and {", ".join(others)}'
    return base.invalid(f'{place}.{first}', fault, 'schedule.never-due')
