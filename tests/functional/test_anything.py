"""Whatever is sent to whatever writes: never an error of the server's."""

import json
import urllib.parse

import hypothesis
from hypothesis import strategies

import tests.base  # noqa: F401
from freezer_api.controllers import routes
from freezer_api.db.base import Scope, Store
from freezer_api.domain import backups
from freezer_api.domain.documents import BACKUPS, RESOURCES
from tests.functional import base

WRITES = [
    (
        verb,
        pattern.replace('{project_id}', 'alpha')
        .replace('{session_id}', 'session')
        .replace('{job_id}', 'job')
        .replace('{action_id}', 'action')
        .replace('{client_id}', 'client')
        .replace('{backup_id}', 'backup'),
    )
    for pattern, verbs in routes.table(None, 1000).items()
    for verb in verbs
    if verb not in ('GET', 'DELETE')
]
#: There are many things to send.
MANY = 4 * hypothesis.settings.default.max_examples
#: Keys that mean something somewhere.
KNOWN = """
    action action_defaults action_id backup_id backup_metadata backup_name client_id config_id
    container current_pid current_tag description end event freezer_action hold_off hostname
    is_central job_actions job_id job_schedule mandatory max_retries max_retries_interval mode
    project_id result schedule schedule_date schedule_interval schedule_internval session_id
    session_tag start status stop abort storage supported_actions time_created time_ended time_stamp
    time_started user_credentials user_id uuid _version match match_not time_after time_before _all
"""
KEYS = strategies.sampled_from(KNOWN.split()) | strategies.text(max_size=5)
TEXTS = [
    'job',
    'session',
    'client',
    'action',
    'backup',
    'start',
    'stop',
    '1 days',
    'continuous',
    '5',
    'x' * 1100,
]
SCALARS = strategies.one_of(
    strategies.none(),
    strategies.booleans(),
    strategies.integers(),
    strategies.floats(),
    strategies.text(max_size=10),
    strategies.sampled_from(TEXTS),
)
VALUES = strategies.recursive(
    SCALARS,
    lambda inner: (
        strategies.lists(inner, max_size=3) | strategies.dictionaries(KEYS, inner, max_size=5)
    ),
)
#: Bodies that have what is needed, and more that may not fit.
WHOLE = strategies.builds(
    lambda known, unknown: {**known, **unknown},
    strategies.sampled_from(
        [
            {'schedule': {}},
            {'client_id': 'client', 'job_actions': [{'freezer_action': {'action': 'backup'}}]},
            {'client_id': 'client'},
            {'freezer_action': {'action': 'backup'}},
            {'session_id': 'session'},
            {'start': {'job_id': 'job', 'current_tag': 0}},
            {'end': {'job_id': 'job', 'current_tag': 1, 'result': 'success'}},
            {'job_schedule': {}, 'session_id': 'session', 'session_tag': 1},
            {'backup_name': 'name', 'container': 'c', 'hostname': 'h'},
            {
                'backup_metadata': {'backup_name': 'name', 'container': 'c', 'hostname': 'h'},
                'status': 'error',
            },
        ]
    ),
    strategies.dictionaries(KEYS, VALUES, max_size=4),
)
BODIES = strategies.one_of(
    WHOLE.map(json.dumps).map(str.encode),
    strategies.dictionaries(KEYS, VALUES, max_size=5).map(json.dumps).map(str.encode),
    VALUES.map(json.dumps).map(str.encode),
    strategies.binary(max_size=100),
)


class TestAnything(base.FunctionalTest):
    def setUp(self):
        super().setUp()
        self.make_job()
        self.make_session(hold_off=0)
        self.do(201, 'POST', '/actions/action', {'freezer_action': {'action': 'backup'}})
        self.do(204, 'PUT', '/sessions/session/jobs/job')
        self.service.storage.write(
            Scope('alpha'),
            BACKUPS,
            'backup',
            lambda current, now: Store(
                backups.created(
                    'backup',
                    'alpha',
                    'user',
                    {'status': 'available', 'backup_metadata': {'backup_name': 'name'}},
                    now,
                )
            ),
        )

    def check(self, answer: base.Answer) -> None:
        """It is an answer by the book."""
        self.assertIn(
            answer.code, (200, 201, 202, 204, 400, 403, 404, 405, 409, 412, 422, 753), answer.raw
        )
        if answer.code >= 400:
            self.assert_error(answer, str(answer.code))
            self.assertNotEqual('', answer.json['description'])

    @hypothesis.given(strategies.sampled_from(WRITES), BODIES)
    @hypothesis.settings(max_examples=MANY)
    def test_any_write_gets_an_expected_answer(self, write, body):
        self.check(self.call(*write, body))

    @hypothesis.given(
        strategies.sampled_from(RESOURCES),
        BODIES
        | strategies.fixed_dictionaries(
            {},
            optional={
                'match': strategies.lists(
                    strategies.dictionaries(KEYS, SCALARS, min_size=1, max_size=1), max_size=3
                ),
                'match_not': strategies.lists(
                    strategies.dictionaries(KEYS, SCALARS, min_size=1, max_size=1), max_size=3
                ),
                'time_before': SCALARS,
                'time_after': SCALARS,
            },
        )
        .map(json.dumps)
        .map(str.encode),
    )
    @hypothesis.settings(max_examples=MANY)
    def test_any_search_gets_an_expected_answer(self, kind, body):
        self.check(self.call('GET', f'/v2/alpha/{kind}', body))

    @hypothesis.given(
        strategies.text(strategies.characters(max_codepoint=255), max_size=40),
        strategies.binary(max_size=40),
    )
    def test_any_path_and_query_get_an_expected_answer(self, path, query):
        environ = {
            'PATH_INFO': f'/v2/alpha/sessions/{path}',
            'QUERY_STRING': query.decode('latin-1'),
        }
        for verb in ('GET', 'DELETE', 'HEAD', 'OPTIONS'):
            self.assertIn(self.call(verb, '/', environ=environ).code, (200, 204, 400, 404, 405))

    @hypothesis.given(
        strategies.sampled_from(['limit', 'offset', 'marker', 'sort', 'search']),
        strategies.text(max_size=30),
    )
    def test_any_parameter_gets_an_expected_answer(self, name, value):
        query = urllib.parse.urlencode({name: value}, errors='surrogatepass')
        for kind in ('sessions', 'jobs', 'backups', 'sessions/session/runs'):
            self.check(
                self.call(
                    'GET',
                    f'/v2/alpha/{kind}?{query}',
                )
            )

    @hypothesis.given(
        strategies.sampled_from(
            ['Accept', 'If-Match', 'If-None-Match', 'X-OpenStack-Request-ID', 'Origin']
        ),
        strategies.text(strategies.characters(min_codepoint=32, max_codepoint=255), max_size=30),
    )
    def test_any_header_gets_an_expected_answer(self, name, value):
        environ = {f'HTTP_{name.upper().replace("-", "_")}': value}
        self.assertIn(
            self.call('GET', '/v2/alpha/sessions/session', environ=environ).code, (200, 304, 406)
        )
        self.assertIn(
            self.call('PATCH', '/v2/alpha/sessions/session', {'hold_off': 0}, environ=environ).code,
            (200, 406, 412),
        )
