"""What the contributor guide names in the life of a request is what a request calls."""

import functools
import importlib
import inspect
import pathlib
import re
import sys
import types
import typing

from tests.functional import base

PAGE = pathlib.Path(__file__).parents[2] / 'doc/source/contributor/request.rst'
NAME = re.compile(r'``(freezer_api(?:\.\w+)+)``')
#: Named for other cases than the requests that are sent here.
OTHER_CASES = {
    'freezer_api.db.sqlalchemy.sessions.session_rows.get',
    'freezer_api.db.sqlalchemy.sessions.lapsed_rows.settle',
    'freezer_api.domain.runs.end',
}


def section(title: str) -> str:
    """Return the text below a title."""
    _before, _title, text = PAGE.read_text().partition(f'\n{title}\n=')
    assert text, title
    return re.split(r'\n===', text.lstrip('='))[0]


def resolved(name: str) -> typing.Any:
    """Return what a dotted name stands for."""
    parts = name.split('.')
    for last in range(len(parts), 0, -1):
        try:
            module = importlib.import_module('.'.join(parts[:last]))
        except ModuleNotFoundError:
            continue
        return functools.reduce(inspect.getattr_static, parts[last:], module)
    raise LookupError(name)


def code_of(name: str) -> types.CodeType | None:
    """Return the code that is run by what is named; None for a class or a promise."""
    found = resolved(name)
    if isinstance(found, property):
        found = found.fget
    found = inspect.unwrap(getattr(found, '__func__', found))
    if not inspect.isfunction(found) or getattr(found, '__isabstractmethod__', False):
        return None
    return found.__code__


class TestRequestPath(base.FunctionalTest):
    """On SQLite; what is named of Elasticsearch is left out."""

    def setUp(self):
        super().setUp()
        self.make_job()
        self.make_session()
        self.do(204, 'PUT', '/sessions/session/jobs/job')

    def check(self, title: str, *request: typing.Any) -> None:
        """Send a request, and compare what it calls with what a section names."""
        names = {
            name: code_of(name)
            for name in NAME.findall(section(title))
            if '.elasticsearch.' not in name and name not in OTHER_CASES
        }
        wanted = {code: name for name, code in names.items() if code is not None}
        self.assertGreater(len(wanted), 5)
        called: list[str] = []

        def profile(frame: types.FrameType, event: str, argument: typing.Any) -> None:
            name = wanted.get(frame.f_code)
            if event == 'call' and name is not None and name not in called:
                called.append(name)

        sys.setprofile(profile)
        try:
            self.do(*request)
        finally:
            sys.setprofile(None)
        self.assertEqual(sorted(wanted.values()), sorted(called))

    def test_page_names_what_a_get_calls(self):
        self.check('GET /v2/demo/sessions/nightly', 200, 'GET', '/sessions/session')

    def test_page_names_what_a_start_calls(self):
        body = {'start': {'job_id': 'job', 'current_tag': 0}}
        title = 'POST /v2/demo/sessions/nightly/action'
        self.check(title, 202, 'POST', '/sessions/session/action', body)
