"""schemathesis makes requests of the description of the API, valid and invalid ones. No answer may
be a fault of the service or other than described, and what is invalid must be refused.
"""

import collections
import typing

import hypothesis
import schemathesis
from hypothesis import strategies as st
from schemathesis import GenerationMode, checks

from freezer_api.domain import triggers
from tests import base as extent
from tests import cron_strategies
from tests.functional import base, described

TOKEN = {'X-Auth-Token': 'admin,member@alpha'}
MALFORMED = 753
METHODS = ('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE')
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
#: The documents that are there: parameters of paths, and keys of bodies.
KNOWN = {
    'project_id': base.PROJECT,
    'session_id': 'session',
    'session_tag': 1,
    'job_id': 'job',
    'action_id': 'action',
    'client_id': 'client',
}
#: Of how many operations a run makes requests, unless it is a long one.
SHARE = 0.2
#: Keys of bodies that refer to documents.
REFERENCES = ('client_id', 'job_id', 'session_id')
QUICK = hypothesis.settings(
    max_examples=2000 if extent.EXPLORING else 15,
    deadline=None,
    derandomize=not extent.EXPLORING,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)


def register_formats() -> None:
    """Tell schemathesis what our formats mean."""
    dates = st.datetimes().map(lambda value: value.replace(microsecond=0).isoformat())
    units = st.sampled_from(('weeks', 'days', 'hours', 'minutes', 'seconds'))
    intervals = st.builds('{} {}'.format, st.integers(1, 99), units)
    schemathesis.openapi.format('interval', intervals)
    schemathesis.openapi.format('date', dates)
    schemathesis.openapi.format('run-date', dates)
    for field in triggers.CRON:
        schemathesis.openapi.format(f'cron-{field}', cron_strategies.accepted(field))


register_formats()


class ExplorationTest(base.FunctionalTest):
    """Requests that are made of the description."""

    def setUp(self) -> None:
        super().setUp()
        self.config = schemathesis.Config.from_dict(
            # 412 and 413 among them.
            {'checks': {'negative_data_rejection': {'expected-statuses': ['4xx']}}}
        )
        self.schema = schemathesis.openapi.from_wsgi(
            '/v2/openapi.json', self.answer, config=self.config
        )
        self.known = dict(KNOWN)
        self.prepare()

    def answer(self, environ: described.Node, start_response: typing.Any) -> list[bytes]:
        """Answer a request, as it must be described."""
        answer = base.send(self.service.app, environ)
        start_response(answer.status, [*answer.headers.items()])
        return [answer.raw]

    def prepare(self) -> None:
        """Make what is missing of the documents that the requests are about."""
        self.make_client()
        self.do(201, 'POST', '/actions/action', {'freezer_action': {'action': 'backup'}})
        if self.call('GET', '/v2/alpha/jobs/job').code == 404:
            self.make_job()
        # Made anew, for what the requests have made of it.
        self.do(204, 'DELETE', '/sessions/session')
        self.make_session(hold_off=0)
        self.do(204, 'PUT', '/sessions/session/jobs/job')
        self.report({'start': {'job_id': 'job', 'current_tag': 0}})
        backup = {'backup_name': 'b', 'container': 'c', 'hostname': 'h', 'job_id': 'job'}
        self.known['backup_id'] = self.do(201, 'POST', '/backups', backup)['backup_id']
        self.report({'end': {'job_id': 'job', 'result': 'success'}})

    def report(self, body: described.Node) -> None:
        """Report that the job starts or has ended."""
        answer = self.do(202, 'POST', '/sessions/session/action', body)
        self.assertEqual('success', answer['result'])

    def explore(self, mode: GenerationMode) -> dict[str, collections.Counter[int]]:
        """Make requests for each operation; how often each status was answered, by operation."""
        found = {}
        operations = [result.ok() for result in self.schema.get_all_operations()]
        if mode.is_negative:
            # In the others nothing can be invalid but the path.
            operations = [each for each in operations if each.body or each.query]
        for operation in extent.sample(SHARE, operations, mode.value):
            self.prepare()
            found[operation.label] = self.explore_operation(operation, mode)
        return found

    def explore_operation(
        self, operation: typing.Any, mode: GenerationMode
    ) -> collections.Counter[int]:
        """Make requests for one operation."""
        seen: collections.Counter[int] = collections.Counter()
        names = [parameter.name for parameter in operation.path_parameters]
        cases = operation.as_strategy(
            generation_mode=mode,
            path_parameters={name: self.known[name] for name in names},
            headers=TOKEN,
        )

        @QUICK
        @hypothesis.given(cases, st.sampled_from((False, False, False, True)), st.booleans())
        def send(case: typing.Any, is_conditional: bool, refers: bool) -> None:
            if not is_conditional:
                case.headers.pop('If-Match', None)
                case.headers.pop('If-None-Match', None)
            if refers and not mode.is_negative:
                refer_to_known(case.body)
            response = case.call()
            seen[response.status_code] += 1
            # What isn't JSON; its answer has been held against the description.
            if response.status_code != MALFORMED:
                self.assertLess(response.status_code, 500)
                case.validate_response(response, checks=CHECKS)

        send()
        return seen


def refer_to_known(body: typing.Any) -> None:
    """Let a body be about documents that are there."""
    if not isinstance(body, dict):
        return
    for key, value in body.items():
        if key in REFERENCES and isinstance(value, str):
            body[key] = KNOWN[key]
        else:
            refer_to_known(value)


class TestExploration(ExplorationTest):
    def test_valid_requests_are_answered_as_described(self):
        found = self.explore(GenerationMode.POSITIVE)
        successful = {label for label, seen in found.items() if min(seen) < 400}
        self.assertGreater(len(successful), len(found) / 2, found)

    def test_invalid_requests_are_refused(self):
        found = self.explore(GenerationMode.NEGATIVE)
        for label, seen in found.items():
            # Parameters that aren't known are ignored, and schemathesis sends such ones too.
            self.assertIn(400, seen, label)

    def test_methods_that_are_not_described_are_405(self):
        for path, item in described.document()['paths'].items():
            allowed = {method.upper() for method in item} - {'PARAMETERS'}
            allowed |= {'OPTIONS'} | ({'HEAD'} if 'GET' in allowed else set())
            for method in METHODS:
                if method not in allowed:
                    answer = self.call(method, path.format(**self.known), **TOKEN)
                    self.assertEqual(405, answer.code, f'{method} {path}')
                    self.assertEqual(allowed, {*answer.headers['Allow'].split(', ')})
