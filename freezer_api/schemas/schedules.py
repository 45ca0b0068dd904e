"""The schedule of a job or a session."""

import functools

from freezer_api.domain import schedules, triggers
from freezer_api.domain.documents import Body
from freezer_api.schemas import base

FORMATS: base.Formats = {
    'interval': triggers.is_interval, 'run-date': triggers.is_run_date, 'date': triggers.is_date,
    **{f'cron-{field}': functools.partial(triggers.is_cron, field) for field in triggers.CRON},
}
INTERVAL = base.formatted('interval', "'continuous' or N weeks|days|hours|minutes|seconds")
EVENT = base.choice(schedules.EVENTS)
_DATE = base.formatted('date', 'a date in ISO 8601, such as 2030-01-31T22:30:00 or 2030-01-31T22:30:00+02:00')
_INTEGER = base.integer(-2**63, 2**63 - 1)
SCHEDULE = base.record({
    'schedule_interval': INTERVAL,
    'schedule_date': base.formatted('run-date', _DATE['description']),
    'schedule_start_date': _DATE,
    'schedule_end_date': _DATE,
    **{f'schedule_{field}': base.formatted(f'cron-{field}', f"a cron expression for the {field}, a text such as '*' or '{low}'")
       for field, (low, _) in triggers.CRON.items()},
    'event': EVENT,
    'status': base.choice(schedules.STATUSES),
    'result': base.choice(schedules.RESULTS),
    **dict.fromkeys(schedules.TIMES, _INTEGER),
    'current_pid': _INTEGER,
}, closed=True)


def cleaned(body: Body, key: str) -> Body:
    """A body whose schedule under ``key``, if it is an object, is without nulls."""
    schedule = body.get(key)
    return {**body, key: base.present(schedule)} if isinstance(schedule, dict) else body
