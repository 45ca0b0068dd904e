"""Request bodies: what is taken from them, and how a defect is told."""

import copy
import functools
import unittest

import hypothesis
from hypothesis import strategies as st

from freezer_api import exceptions
from freezer_api.domain import actions as rules
from freezer_api.domain import clients as machines
from freezer_api.domain import documents, reports, schedules, sessions
from freezer_api.domain import jobs as work
from freezer_api.schemas import actions, clients, jobs
from freezer_api.schemas import sessions as session_schemas
from tests import base

base.explore()

DO = {'freezer_action': {'action': 'exec'}}
JOB = {'client_id': 'c', 'job_actions': [DO]}
AN_ID = (
    "must be an id: 1 to 255 letters, digits, '_', '.' and '-'; the first must not be '.' or '-'."
)
A_JOB_ID = AN_ID.replace('255', '246')
AN_INTERVAL = "must be 'continuous' or N weeks|days|hours|minutes|seconds, a million days at most."
A_COUNT = 'must be an integer from 0 to 2147483647.'
A_MOMENT = (
    'must be a date and time in ISO 8601, such as 2030-01-31T22:30:00 or 2030-01-31T22:30:00+02:00.'
)
#: Parts of schedules that don't fit each other, the field that the error names, what it says.
SCHEDULES = (
    ({'schedule_start_date': '2030-01-01'}, 'schedule_start_date', A_MOMENT),
    (
        {'schedule_interval': '1 days', 'schedule_start_date': '2030-01-01T10:00'},
        'schedule_start_date',
        A_MOMENT,
    ),
    (
        {'schedule_interval': '1 days', 'schedule_start_date': '2030-01-01T10:00:00.5'},
        'schedule_start_date',
        A_MOMENT,
    ),
    ({'schedule_date': '2030-01-01 10:00:00'}, 'schedule_date', A_MOMENT),
    (
        {'schedule_interval': '1 days', 'schedule_end_date': '2030-01-01T00:00:00'},
        'schedule_end_date',
        'requires schedule_start_date.',
    ),
    (
        {'schedule_start_date': '2030-01-01T00:00:00'},
        'schedule_start_date',
        'requires schedule_interval or cron fields.',
    ),
    (
        {'schedule_start_date': '2030-01-01T00:00:00', 'schedule_date': '2031-01-01T00:00:00'},
        'schedule_start_date',
        'requires schedule_interval or cron fields.',
    ),
    (
        {
            'schedule_interval': '1 days',
            'schedule_start_date': '2030-01-01T00:00:01',
            'schedule_end_date': '2030-01-01T00:00:00',
        },
        'schedule_end_date',
        'must not be before schedule_start_date.',
    ),
    (
        {
            'schedule_hour': '1',
            'schedule_start_date': '2030-01-01T00:00:00',
            'schedule_end_date': '2030-01-01T01:00:00+02:00',
        },
        'schedule_end_date',
        'must not be before schedule_start_date.',
    ),
    (
        {'schedule_month': '2', 'schedule_day': '30', 'schedule_hour': '3'},
        'schedule_month',
        'the schedule never fires with this and schedule_day.',
    ),
    (
        {'schedule_week': '53', 'schedule_month': 'jun'},
        'schedule_month',
        'the schedule never fires with this and schedule_week.',
    ),
    (
        {'schedule_year': '2030', 'schedule_start_date': '2032-01-01T00:00:00'},
        'schedule_year',
        'the schedule never fires with this and schedule_start_date.',
    ),
    (
        {'schedule_day': 'mon', 'schedule_day_of_week': 'fri'},
        'schedule_day',
        'must not name weekdays if schedule_day_of_week is given.',
    ),
    (
        {'schedule_day': 'mon, 15'},
        'schedule_day',
        "must be a cron expression for the day, a string such as '*' or '1'.",
    ),
)
#: What callers send, and what becomes of it.
WEEKDAYS = {'schedule_month': '1-6, 9-12', 'schedule_hour': '03', 'schedule_minute': '25'}
WORKABLE = (
    (
        {**WEEKDAYS, 'schedule_day': 'mon, wed, fri'},
        {**WEEKDAYS, 'schedule_day_of_week': 'mon, wed, fri'},
    ),
    (
        {'schedule_day': 'MON-Fri', 'schedule_day_of_week': None},
        {'schedule_day_of_week': 'MON-Fri'},
    ),
    *(
        (schedule, schedule)
        for schedule in (
            {'schedule_day': '1, 15', 'schedule_day_of_week': 'mon'},
            {'schedule_day': '2nd mon, last'},
            {'schedule_month': '2', 'schedule_day': '29', 'schedule_week': '9'},
            {'schedule_date': '2001-01-01T00:00:00'},
            {'schedule_date': '2030-01-01T00:00:00.5'},
            {
                'schedule_date': '2030-01-01T00:00:00',
                'schedule_interval': '1 days',
                'schedule_hour': '5',
            },
            {
                'schedule_interval': '1 days',
                'schedule_start_date': '2001-01-01T00:00:00',
                'schedule_end_date': '2001-01-01T02:00:00+02:00',
            },
            {'schedule_hour': '5', 'schedule_start_date': '2030-01-01T00:00:00Z'},
            {'schedule_year': '2001'},
            {'event': 'start'},
            {},
        )
    ),
)

REFUSED = (
    (jobs.job, {}, 'client_id: is required.'),
    (jobs.job, {'client_id': None, 'job_actions': []}, 'client_id: is required.'),
    (jobs.job, {'client_id': 'c'}, 'job_actions: is required.'),
    (jobs.job, {'client_id': 'c', 'job_actions': None}, 'job_actions: is required.'),
    (jobs.job, {**JOB, 'client_id': 'a/b'}, f'client_id: {AN_ID}'),
    (jobs.job, {**JOB, 'client_id': ['c']}, f'client_id: {AN_ID}'),
    (jobs.job, {**JOB, 'client_id': 'x' * 256}, f'client_id: {AN_ID}'),
    (jobs.job, {**JOB, 'client_id': 'c\n'}, f'client_id: {AN_ID}'),
    (jobs.job, {**JOB, 'job_id': '../x'}, f'job_id: {A_JOB_ID}'),
    (jobs.job, {**JOB, 'job_id': 5}, f'job_id: {A_JOB_ID}'),
    (
        jobs.job,
        {**JOB, 'description': 5},
        'description: must be a string of at most 1,024 characters.',
    ),
    (
        jobs.job,
        {**JOB, 'description': 'x' * 1025},
        'description: must be a string of at most 1,024 characters.',
    ),
    (jobs.job, {**JOB, 'extra': 1}, 'extra: unknown key.'),
    (jobs.job, {**JOB, 'x' * 5000: 1}, f'{"x" * 64}: unknown key.'),
    (jobs.job, {**JOB, 'action_defaults': []}, 'action_defaults: must be an object.'),
    (
        jobs.job,
        {**JOB, 'action_defaults': {'mode': 'x'}},
        (
            "action_defaults.mode: must be one of 'fs', 'mongo', 'mysql', 'sqlserver', 'cinder',"
            " 'glance', 'cindernative', 'nova'."
        ),
    ),
    (
        jobs.job,
        {**JOB, 'job_actions': {}},
        'job_actions: must be a list of at most 256 objects with a freezer_action each.',
    ),
    (jobs.job, {**JOB, 'job_actions': [DO, 5]}, 'job_actions[1]: must be an object.'),
    (
        jobs.job,
        {**JOB, 'job_actions': [DO, {}]},
        'job_actions[1].freezer_action.action: is required.',
    ),
    (
        jobs.job,
        {**JOB, 'job_actions': [{'freezer_action': []}]},
        'job_actions[0].freezer_action: must be an object.',
    ),
    (
        jobs.job,
        {**JOB, 'job_actions': [{'action_id': 'a', 'freezer_action': []}]},
        'job_actions[0].freezer_action: must be an object.',
    ),
    (
        jobs.job,
        {**JOB, 'job_actions': [{'action_id': 'a/b'}]},
        f'job_actions[0].action_id: {AN_ID}',
    ),
    (
        jobs.job,
        {**JOB, 'job_actions': [{**DO, 'max_retries': 'many'}]},
        f'job_actions[0].max_retries: {A_COUNT}',
    ),
    (
        jobs.job,
        {**JOB, 'job_actions': [{**DO, 'max_retries_interval': -1}]},
        f'job_actions[0].max_retries_interval: {A_COUNT}',
    ),
    (
        jobs.job,
        {**JOB, 'job_actions': [{**DO, 'max_retries': True}]},
        f'job_actions[0].max_retries: {A_COUNT}',
    ),
    (
        jobs.job,
        {**JOB, 'job_actions': [{**DO, 'mandatory': 1}]},
        'job_actions[0].mandatory: must be true or false.',
    ),
    (
        jobs.job,
        {**JOB, 'job_actions': [{'freezer_action': {'action': 'fly'}}]},
        (
            "job_actions[0].freezer_action.action: must be one of 'backup', 'restore', 'info',"
            " 'admin', 'exec'."
        ),
    ),
    (
        jobs.job,
        {**JOB, 'job_actions': [{'freezer_action': {'action': 'exec', 'engine_name': 'zip'}}]},
        (
            "job_actions[0].freezer_action.engine_name: must be one of 'tar', 'rsync', 'rsyncv2',"
            " 'nova', 'osbrick', 'glance'."
        ),
    ),
    (jobs.job, {**JOB, 'job_schedule': 'now'}, 'job_schedule: must be an object.'),
    (
        jobs.job,
        {**JOB, 'job_schedule': {'schedule_interval': '1 month'}},
        f'job_schedule.schedule_interval: {AN_INTERVAL}',
    ),
    (
        jobs.patch,
        {'job_schedule': {'schedule_date': '2030-01-31T22:30'}},
        f'job_schedule.schedule_date: {A_MOMENT}',
    ),
    (
        jobs.patch,
        {'job_schedule': {'schedule_end_date': 5}},
        f'job_schedule.schedule_end_date: {A_MOMENT}',
    ),
    (
        jobs.patch,
        {'job_schedule': {'schedule_hour': 5}},
        (
            'job_schedule.schedule_hour: must be a cron expression for the hour, a string such as'
            " '*' or '0'."
        ),
    ),
    (
        jobs.patch,
        {'job_schedule': {'schedule_day_of_week': 'someday'}},
        (
            'job_schedule.schedule_day_of_week: must be a cron expression for the day_of_week, a'
            " string such as '*' or '0'."
        ),
    ),
    (
        jobs.patch,
        {'job_schedule': {'event': 'jump'}},
        "job_schedule.event: must be one of '', 'start', 'stop', 'abort', 'remove'.",
    ),
    (
        jobs.patch,
        {'job_schedule': {'status': 1}},
        (
            "job_schedule.status: must be one of '', 'stop', 'scheduled', 'running', 'completed',"
            " 'aborting', 'removed'."
        ),
    ),
    (
        jobs.patch,
        {'job_schedule': {'result': 'good'}},
        "job_schedule.result: must be one of '', 'success', 'fail', 'aborted'.",
    ),
    (
        jobs.patch,
        {'job_schedule': {'time_ended': '5'}},
        (
            'job_schedule.time_ended: must be an integer from -9223372036854775808 to'
            ' 9223372036854775807.'
        ),
    ),
    (
        jobs.patch,
        {'job_schedule': {'current_pid': True}},
        (
            'job_schedule.current_pid: must be an integer from -9223372036854775808 to'
            ' 9223372036854775807.'
        ),
    ),
    (
        jobs.patch,
        {'job_schedule': {'schedule_fortnight': '1'}},
        'job_schedule.schedule_fortnight: unknown key.',
    ),
    (jobs.command, {}, 'body: must have exactly one key, one of start, stop, abort.'),
    (
        jobs.command,
        {'start': None, 'stop': None},
        'body: must have exactly one key, one of start, stop, abort.',
    ),
    (
        jobs.command,
        {'pause': None},
        'pause: unknown event; expected start, stop or abort.',
    ),
    (jobs.command, {'start': 'now'}, 'start: must be null.'),
    (session_schemas.session, {'hold_off': '30'}, f'hold_off: {A_COUNT}'),
    (session_schemas.session, {'hold_off': 1.5}, f'hold_off: {A_COUNT}'),
    (session_schemas.session, {'session_tag': True}, f'session_tag: {A_COUNT}'),
    (session_schemas.session, {'session_tag': 2**31}, f'session_tag: {A_COUNT}'),
    (session_schemas.session, {'session_tag': 1e300}, f'session_tag: {A_COUNT}'),
    (session_schemas.session, {'schedule': []}, 'schedule: must be an object.'),
    (
        session_schemas.session,
        {'schedule': {'hour': '5'}},
        'schedule.hour: unknown key.',
    ),
    (
        session_schemas.session,
        {'event': 'jump'},
        "event: must be one of '', 'start', 'stop', 'abort', 'remove'.",
    ),
    (
        session_schemas.session,
        {'schedule_internval': 'daily'},
        f'schedule_internval: {AN_INTERVAL}',
    ),
    (session_schemas.action, {}, 'body: must have exactly one key, start or end.'),
    (
        session_schemas.action,
        {'start': {}, 'end': {}},
        'body: must have exactly one key, start or end.',
    ),
    (session_schemas.action, {'start': None}, 'start: must be an object.'),
    (session_schemas.action, {'start': {'current_tag': 5}}, 'start.job_id: is required.'),
    (session_schemas.action, {'start': {'job_id': 'j'}}, 'start.current_tag: is required.'),
    (
        session_schemas.action,
        {'start': {'job_id': 'j', 'current_tag': None}},
        'start.current_tag: is required.',
    ),
    (
        session_schemas.action,
        {'start': {'job_id': 'j', 'current_tag': '5x'}},
        f'start.current_tag: {A_COUNT}',
    ),
    (
        session_schemas.action,
        {'start': {'job_id': 'j', 'current_tag': '-1'}},
        f'start.current_tag: {A_COUNT}',
    ),
    (
        session_schemas.action,
        {'start': {'job_id': 'j', 'current_tag': '2147483648'}},
        f'start.current_tag: {A_COUNT}',
    ),
    (
        session_schemas.action,
        {'start': {'job_id': 'j/k', 'current_tag': 0}},
        f'start.job_id: {A_JOB_ID}',
    ),
    (session_schemas.action, {'end': {'job_id': 'j'}}, 'end.result: is required.'),
    (
        session_schemas.action,
        {'end': {'job_id': 'j', 'result': ''}},
        "end.result: must be one of 'success', 'fail', 'aborted'.",
    ),
    (actions.action, {}, 'freezer_action: is required.'),
    (actions.action, {'freezer_action': {}}, 'freezer_action.action: is required.'),
    (actions.action, {'freezer_action': {'action': None}}, 'freezer_action.action: is required.'),
    (
        actions.action,
        {'freezer_action': {'action': 'exec', 'storage': 'tape'}},
        "freezer_action.storage: must be one of 'local', 'swift', 'ssh', 's3', 'ftp', 'ftps'.",
    ),
    (actions.action, {**DO, 'action_id': '.x'}, f'action_id: {AN_ID}'),
    (actions.action, {**DO, 'mandatory': 'perhaps'}, 'mandatory: must be true or false.'),
    (actions.patch, {'freezer_action': 'exec'}, 'freezer_action: must be an object.'),
    (
        actions.patch,
        {'freezer_action': {'mode': 5}},
        (
            "freezer_action.mode: must be one of 'fs', 'mongo', 'mysql', 'sqlserver', 'cinder',"
            " 'glance', 'cindernative', 'nova'."
        ),
    ),
    (clients.client, {}, 'client_id: is required.'),
    (clients.client, {'client': {}}, 'client.client_id: is required.'),
    (clients.client, {'client': 5, 'client_id': 'c'}, 'client: must be an object.'),
    (
        clients.client,
        {'client_id': 'c', 'hostname': 5},
        'hostname: must be a string of at most 255 characters.',
    ),
    (
        clients.client,
        {'client': {'client_id': 'c', 'is_central': 'yes'}},
        'client.is_central: must be true or false.',
    ),
    (
        clients.client,
        {'client_id': 'c', 'supported_modes': 'fs'},
        'supported_modes: must be a list of at most 64 different modes.',
    ),
    (
        clients.client,
        {'client_id': 'c', 'supported_engines': ['tar', 7]},
        'supported_engines[1]: must be a string of at most 255 characters.',
    ),
)

TAKEN = (
    (jobs.job, {'client_id': 'c', 'job_actions': []}, {'client_id': 'c', 'job_actions': []}),
    (jobs.job, {**JOB, 'job_id': '', 'description': None, 'job_schedule': None}, JOB),
    (
        jobs.job,
        {
            **JOB,
            'project_id': 5,
            'user_id': [],
            'session_id': {},
            'session_tag': 'x',
            'session_name': None,
            'user_credentials': {'trust_id': 'x'},
            '_version': 3,
        },
        JOB,
    ),
    (
        jobs.job,
        {**JOB, 'job_schedule': {'schedule_hour': None, 'event': None, 'time_ended': 5.0}},
        {**JOB, 'job_schedule': {'time_ended': 5}},
    ),
    (
        jobs.job,
        {
            **JOB,
            'job_actions': [
                {
                    **DO,
                    'max_retries': '5',
                    'max_retries_interval': None,
                    'mandatory': 'True',
                    'x': 1,
                }
            ],
        },
        {
            'client_id': 'c',
            'job_actions': [
                {**DO, 'max_retries': 5, 'max_retries_interval': None, 'mandatory': True}
            ],
        },
    ),
    (
        jobs.job,
        {
            'client_id': 'c',
            'action_defaults': {'action': 'exec', 'mode': None, 'no-incremental': True},
            'job_actions': [{}],
        },
        {
            'client_id': 'c',
            'action_defaults': {'action': 'exec', 'mode': None, 'no-incremental': True},
            'job_actions': [{'freezer_action': {'action': 'exec', 'no-incremental': True}}],
        },
    ),
    (jobs.patch, {'job_id': '../x', 'client_id': None}, {}),
    (jobs.command, {'abort': None}, 'abort'),
    (
        session_schemas.session,
        {
            'description': 'x' * 1024,
            'hold_off': 0,
            'session_tag': 2**31 - 1,
            'schedule': {'event': None},
        },
        {'description': 'x' * 1024, 'hold_off': 0, 'session_tag': 2**31 - 1, 'schedule': {}},
    ),
    (
        session_schemas.session,
        {'hold_off': 30.0, 'session_id': 5, 'jobs': [], 'status': 5, 'extra': 1, 'user_id': 'x'},
        {'hold_off': 30},
    ),
    (
        session_schemas.action,
        {'start': {'job_id': 'j', 'current_tag': '5', 'x': 1}},
        ('start', {'job_id': 'j', 'current_tag': 5}),
    ),
    (
        session_schemas.action,
        {'end': {'job_id': 'j', 'current_tag': None, 'result': 'fail'}},
        ('end', {'job_id': 'j', 'result': 'fail'}),
    ),
    (
        actions.action,
        {**DO, 'action_id': '', 'max_retries': None, 'mandatory': 'false', '_version': 3, 'x': 1},
        {**DO, 'mandatory': False},
    ),
    (
        actions.action,
        {'freezer_action': {'action': 'exec', 'max_retries': '3', 'mode': None}},
        {'freezer_action': {'action': 'exec', 'mode': None}, 'max_retries': 3},
    ),
    (
        actions.patch,
        {'action_id': 'a/b', 'freezer_action': {'action': None, 'mode': None, 'a-b': {}}},
        {'freezer_action': {'mode': None, 'a-b': {}}},
    ),
    (
        clients.client,
        {'client': {'client_id': 'c', 'hostname': None, 'x': 1}, 'user_id': 'u'},
        {'client_id': 'c'},
    ),
    # An agent may be able to do more than this release knows of.
    (
        clients.client,
        {'client_id': 'c', 'supported_engines': ['zip']},
        {'client_id': 'c', 'supported_engines': ['zip']},
    ),
    (
        clients.client,
        {'client_id': 'c', 'hostname': 'a b ü', 'supported_modes': [], 'supported_actions': None},
        {'client_id': 'c', 'hostname': 'a b ü', 'supported_modes': []},
    ),
)


class Bodies(unittest.TestCase):
    def test_defects_are_told_with_their_place(self):
        for schema, body, message in REFUSED:
            with self.subTest(body=body):
                with self.assertRaises(exceptions.InvalidInput) as caught:
                    schema(body)
                self.assertEqual(message, caught.exception.message)

    def test_valid_body_is_parsed_and_left_untouched(self):
        for schema, body, expected in TAKEN:
            with self.subTest(body=body):
                before = copy.deepcopy(body)
                self.assertEqual(expected, schema(body))
                self.assertEqual(before, body)

    def test_what_would_make_a_document_too_deep_is_refused(self):
        """A job has a definition three levels down, and whatever a GET answers may be sent back,
        within 64 levels.
        """
        deepest = functools.reduce(lambda inner, _level: {'deeper': inner}, range(59), {})
        for schema, place in (
            (lambda definition: actions.action({'freezer_action': definition}), 'freezer_action'),
            (lambda definition: actions.patch({'freezer_action': definition}), 'freezer_action'),
            (
                lambda definition: jobs.patch({'job_actions': [{'freezer_action': definition}]}),
                'job_actions',
            ),
            (
                lambda definition: jobs.patch({'job_actions': [{}], 'action_defaults': definition}),
                'job_actions',
            ),
        ):
            schema({'action': 'exec', 'key': deepest})
            with self.assertRaisesRegex(
                exceptions.InvalidInput, f'^{place}: must not be nested deeper than 61 levels'
            ):
                schema({'action': 'exec', 'key': {'deeper': deepest}})

    def test_an_unknown_action_of_a_session_is_an_error_of_its_own(self):
        with self.assertRaises(exceptions.UnknownAction) as caught:
            session_schemas.action({'pause': {}})
        self.assertEqual(
            'pause: unknown action; expected start or end.',
            caught.exception.message,
        )


WORDS = (
    'client_id',
    'job_id',
    'job_schedule',
    'job_actions',
    'freezer_action',
    'action_id',
    'action',
    'mode',
    'max_retries',
    'mandatory',
    'action_defaults',
    'schedule',
    'event',
    'schedule_interval',
    'schedule_date',
    'schedule_hour',
    'status',
    'time_ended',
    'hold_off',
    'session_id',
    'session_tag',
    'start',
    'end',
    'current_tag',
    'result',
    'client',
    'is_central',
    'supported_modes',
    'description',
)
VALUES = ('', 'exec', 'fs', 'a', 'stop', 'fail', '1 days', '2030-01-01', '5', 'true', '../x')
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(VALUES)
    | st.text(max_size=5),
    lambda values: (
        st.lists(values, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), values, max_size=6)
    ),
    max_leaves=20,
)
BODIES = st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=5), JSON, max_size=8)
NOW = 1_700_000_000 * documents.SECOND


def made_of_job(body):
    given = jobs.job(body)
    wanted = rules.parse_entries(given['job_actions'], lambda: 'new')
    job = work.created('j', 'p', 'u', given, rules.resolve(wanted, {}), NOW)
    return work.shown(work.replaced(job, given, [], NOW), 'p')


def made_of_patch(body):
    stored = work.created('j', 'p', 'u', {'client_id': 'c'}, [], NOW)
    return work.shown(work.patched(stored, jobs.patch(body), None, reports.session_of(body)), 'p')


def made_of_session(body):
    session = sessions.create('p', 's', 'u', session_schemas.session(body), NOW)
    return sessions.patch(session, session_schemas.session(body)).body()


def made_of_action(body):
    action = rules.created('a', 'p', 'u', actions.action(body))
    return rules.patched(action, actions.patch(body))


def made_of_client(body):
    return machines.registered(None, 'p', 'u', clients.client(body), 'x')


class Schedules(unittest.TestCase):
    """Of jobs, and of sessions likewise, whose members get them."""

    def takers(self):
        yield 'job_schedule', lambda schedule: jobs.job({**JOB, 'job_schedule': schedule})
        yield 'job_schedule', lambda schedule: jobs.patch({'job_schedule': schedule})
        yield 'schedule', lambda schedule: session_schemas.session({'schedule': schedule})

    def test_contradictions_are_told_with_the_field(self):
        for key, taken in self.takers():
            for schedule, field, fault in SCHEDULES:
                with self.subTest(schedule), self.assertRaises(exceptions.InvalidInput) as caught:
                    taken(schedule)
                self.assertEqual(f'{key}.{field}: {fault}', caught.exception.message)

    def test_contradictions_have_their_error_codes(self):
        for schedule, _, fault in SCHEDULES:
            with self.assertRaises(exceptions.InvalidInput) as caught:
                jobs.patch({'job_schedule': schedule})
            code = 'schedule.contradictory'
            if fault.startswith('must be'):
                code = 'request.invalid'
            elif fault.startswith('the schedule never fires'):
                code = 'schedule.never-due'
            self.assertEqual(code, caught.exception.code)

    def test_schedule_that_agents_can_read_is_accepted(self):
        for key, taken in self.takers():
            for schedule, expected in WORKABLE:
                with self.subTest(schedule):
                    self.assertEqual(expected, taken(schedule)[key])

    def test_an_interval_beside_the_schedule_of_a_session_makes_it_whole(self):
        start = {'schedule_start_date': '2030-01-01T00:00:00'}
        body = {'schedule': start, 'schedule_internval': '1 days'}
        self.assertEqual(body, session_schemas.session(body))

    def test_nulls_alone_say_nothing_in_a_patch(self):
        self.assertEqual({}, jobs.patch({'job_schedule': {'event': None, 'schedule_hour': None}}))
        self.assertEqual({'job_schedule': {}}, jobs.patch({'job_schedule': {}}))

    def test_the_schedule_in_a_report_is_not_looked_at(self):
        report = {
            'job_schedule': {'schedule_day': 5, 'schedule_x': [], 'status': 'running'},
            'session_id': '',
            'session_tag': 0,
        }
        self.assertEqual({'job_schedule': {'status': 'running'}}, jobs.patch(report))
        with self.assertRaisesRegex(exceptions.InvalidInput, '^job_schedule: must be an object'):
            jobs.patch({**report, 'job_schedule': 'now'})


class AnyBody(unittest.TestCase):
    @hypothesis.settings(max_examples=300)
    @hypothesis.given(BODIES)
    def test_any_body_is_accepted_or_refused(self, body):
        before = copy.deepcopy(body)
        for make in (
            made_of_job,
            made_of_patch,
            made_of_session,
            made_of_action,
            made_of_client,
            session_schemas.action,
            jobs.command,
        ):
            try:
                make(body)
            except exceptions.FreezerError as error:
                self.assertLess(len(error.message), 400)
            self.assertEqual(before, body)

    @hypothesis.given(st.lists(JSON, max_size=3), JSON, JSON)
    def test_any_value_for_an_object_is_accepted_or_refused(self, entries, schedule, defaults):
        made = [
            {
                'job_actions': [
                    {'freezer_action': entry, 'action_id': schedule, 'max_retries': defaults}
                    for entry in entries
                ]
            },
            {'job_actions': entries},
            {'job_schedule': schedule},
            {'action_defaults': defaults, 'job_actions': [DO]},
        ]
        for body in made:
            try:
                made_of_job({**JOB, **body})
            except exceptions.FreezerError as error:
                self.assertLess(len(error.message), 400)

    @hypothesis.given(BODIES)
    def test_accepted_body_is_accepted_again_unchanged(self, body):
        for schema in (jobs.patch, session_schemas.session, actions.patch, clients.client):
            try:
                taken = schema(body)
            except exceptions.FreezerError:
                continue
            self.assertEqual(taken, schema(taken))

    @hypothesis.given(
        st.dictionaries(
            st.sampled_from((*sorted(schedules.RUNTIME), 'schedule_hour')), JSON, max_size=4
        )
    )
    def test_accepted_schedule_has_no_null_and_no_boolean(self, schedule):
        try:
            taken = jobs.patch({'job_schedule': schedule}).get('job_schedule', {})
        except exceptions.FreezerError:
            return
        self.assertTrue(all(type(value) in (str, int) for value in taken.values()))
