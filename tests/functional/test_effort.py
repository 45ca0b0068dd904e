"""How much Python a request takes: calls of functions, which are as many each time and on each
machine. A bound is about a fifth more than what there was when it was written: what exceeds it
costs something in each request, and should be worth it.
"""

import collections.abc
import json
import logging
import sys
import types
import typing

import webob

from tests.functional import base

MEMBERS = 4
FEW, MANY = 5, 25


class Calls:
    """How many functions are called while it is entered, with those that are written in C."""

    def __init__(self) -> None:
        self.all = 0

    def __enter__(self) -> 'Calls':
        sys.setprofile(self._count)
        return self

    def __exit__(self, *error: object) -> None:
        sys.setprofile(None)

    def _count(self, frame: types.FrameType, event: str, argument: object) -> None:
        if event in ('call', 'c_call'):
            self.all += 1


class TestEffort(base.FunctionalTest):
    """The calls of requests that agents and people make the most."""

    def setUp(self):
        super().setUp()
        # What a line of the log takes depends on how tests before have set logging up.
        logging.disable()
        self.addCleanup(logging.disable, logging.NOTSET)
        for number in range(MANY):
            session = self.make_session(f's{number}', hold_off=600)
            for member in range(MEMBERS):
                job = self.make_job(f'{session}-{member}')
                self.do(204, 'PUT', f'/sessions/{session}/jobs/{job}')

    def calls(self, code: int, method: str, path: str, body: typing.Any = None) -> Calls:
        """The calls of a request."""
        request = webob.Request.blank(
            f'/v2/{base.PROJECT}{path}',
            method=method,
            headers={'X-Auth-Token': base.MEMBER},
            body=b'' if body is None else json.dumps(body).encode(),
        )
        told: list[str] = []

        def start_response(status: str, *others: typing.Any) -> None:
            told.append(status)

        application: collections.abc.Callable[..., typing.Any] = self.service.bare
        with Calls() as calls:
            application(request.environ, start_response)
        self.assertEqual([str(code)], [status[:3] for status in told])
        return calls

    def least(self, *requests: tuple[typing.Any, ...]) -> Calls:
        """The fewest calls of like requests, without the first one, which compiles statements. Some
        request in each second also looks for changed policy files.
        """
        counted = [self.calls(*request) for request in requests]
        return min(counted[1:], key=lambda calls: calls.all)

    def least_of(self, *request: typing.Any) -> Calls:
        """The fewest calls of one request."""
        return self.least(*[request] * 4)

    def test_reading_a_session_takes_few_calls(self):
        self.assertLessEqual(self.least_of(200, 'GET', '/sessions/s0').all, 285)

    def test_further_session_of_a_page_takes_few_calls(self):
        few = self.least_of(200, 'GET', f'/sessions?limit={FEW}')
        many = self.least_of(200, 'GET', f'/sessions?limit={MANY}')
        self.assertLessEqual(many.all - few.all, 13 * (MANY - FEW))

    def test_polling_a_further_job_takes_few_calls(self):
        few = self.least_of(200, 'GET', f'/jobs?limit={FEW}')
        many = self.least_of(200, 'GET', f'/jobs?limit={MANY}')
        self.assertLessEqual(many.all - few.all, 20 * (MANY - FEW))

    def test_report_takes_few_calls(self):
        reports = []
        for number in range(4):
            told = {'status': 'running', 'time_started': number}
            body = {'job_schedule': told, 'session_id': 's0', 'session_tag': 0}
            reports.append((200, 'PATCH', '/jobs/s0-0', body))
        self.assertLessEqual(self.least(*reports).all, 1420)

    def test_start_takes_few_calls(self):
        starts = []
        for member in range(MEMBERS):
            body = {'start': {'job_id': f's0-{member}', 'current_tag': 0}}
            starts.append((202, 'POST', '/sessions/s0/action', body))
        self.assertLessEqual(self.least(*starts).all, 1950)
