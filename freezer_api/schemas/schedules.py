"""The schedule of a job or a session."""

import datetime
import functools
import typing

from freezer_api import exceptions
from freezer_api.domain import documents, firing, schedules, triggers
from freezer_api.domain.documents import Body
from freezer_api.schemas import base

FORMATS: base.Formats = {
    'interval': triggers.is_interval,
    'run-date': triggers.is_run_date,
    'date': triggers.is_date,
    **{
        f'cron-{field}': functools.partial(triggers.is_cron, field)
        for field in triggers.CRON
    },
}
INTERVAL = base.formatted(
    'interval', "'continuous' or N weeks|days|hours|minutes|seconds"
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
        **{
            f'schedule_{field}': base.formatted(
                f'cron-{field}',
                f"a cron expression for the {field}, a text such as '*' or"
                f" '{low}'",
            )
            for field, (low, _) in triggers.CRON.items()
        },
        'event': EVENT,
        'status': base.choice(schedules.STATUSES),
        'result': base.choice(schedules.RESULTS),
        **dict.fromkeys(schedules.TIMES, _INTEGER),
        'current_pid': _INTEGER,
    },
    closed=True,
)


_CRON = tuple(f'schedule_{field}' for field in triggers.CRON)
_DAYS = _CRON[: _CRON.index('schedule_hour')]


def cleaned(body: Body, key: str) -> Body:
    """A body whose schedule under ``key``, if it is an object, is without
    nulls.

    Names of weekdays are in ``schedule_day_of_week``, where agents look for
    them. ``InvalidInput`` for one that is too large.
    """
    schedule = body.get(key)
    if not isinstance(schedule, dict):
        return body
    if documents.size(schedule) > schedules.MAX_SIZE:
        raise exceptions.InvalidInput(
            f'{key}: has more than {schedules.MAX_SIZE} bytes.',
            'document.too-large',
        )
    return {**body, key: _by_weekday(base.present(schedule), key)}


def check(schedule: Body, place: str) -> None:
    """Raise ``InvalidInput`` if the well-formed parts of a schedule don't make
    one that fires.

    An agent that is given such a schedule runs the job at once, never ends, or
    searches in vain.
    """
    start, end = (
        schedule.get('schedule_start_date'),
        schedule.get('schedule_end_date'),
    )
    if end and not start:
        raise _contradictory(place, 'end', 'needs a schedule_start_date')
    if (
        start
        and 'schedule_interval' not in schedule
        and not any(key in schedule for key in _CRON)
    ):
        raise _contradictory(
            place, 'start', 'needs a schedule_interval or cron fields'
        )
    if end and _moment(end) < _moment(start):
        raise _contradictory(place, 'end', 'lies before schedule_start_date')
    if not firing.fires(schedule):
        raise exceptions.InvalidInput(
            _never(schedule, place), 'schedule.never-due'
        )


def _by_weekday(schedule: Body, place: str) -> Body:
    day = schedule.get('schedule_day')
    if not isinstance(day, str) or not triggers.are_weekdays(day):
        return schedule
    if 'schedule_day_of_week' in schedule:
        raise exceptions.InvalidInput(
            f'{place}.schedule_day: names weekdays, as schedule_day_of_week'
            ' does; only one of the two can.',
            'schedule.contradictory',
        )
    return {
        'schedule_day_of_week' if key == 'schedule_day' else key: value
        for key, value in schedule.items()
    }


def _moment(text: str | None) -> datetime.datetime:
    return typing.cast(datetime.datetime, triggers.date(text or ''))


def _contradictory(
    place: str, which: str, fault: str
) -> exceptions.InvalidInput:
    text = f'{place}.schedule_{which}_date: {fault}.'
    return exceptions.InvalidInput(text, 'schedule.contradictory')


def _never(schedule: Body, place: str) -> str:
    first, *others = (
        key
        for key in (*_DAYS, 'schedule_start_date', 'schedule_end_date')
        if key in schedule
    )
    together = f' together with {", ".join(others)}' if others else ''
    return f'{place}.{first}: never falls due{together}.'
