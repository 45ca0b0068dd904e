"""What an operator finds in the log of a process that serves: oslo.log as configured, and requests
over HTTP.
"""

import concurrent.futures
import contextlib
import http.client
import pathlib
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import typing
import uuid

import testtools

from freezer_api import conf, db
from tests.functional import base, served
from tests.servers import process as processes

ALPHA = '/v2/alpha/sessions'
TOKEN = 'member@alpha'
#: For an answer, and for the process to start on a machine that is busy.
SECONDS = 30
START_SECONDS = 180
CONFIGURATION = """
[DEFAULT]
bind_host = 127.0.0.1
bind_port = {port}
debug = true
log_file = {folder}/freezer-api.log
logging_context_format_string = %(levelname)s %(name)s [%(request_id)s] %(message)s
logging_default_format_string = %(levelname)s %(name)s [-] %(message)s
logging_debug_format_suffix =
logging_exception_prefix = TRACE [%(request_id)s]
[database]
connection = sqlite:///{folder}/freezer.sqlite
[centralized_scheduler]
enabled = false
[oslo_middleware]
max_request_body_size = 1000
"""


class Record(typing.NamedTuple):
    """A record of the log; the id is the one that oslo.log gives it."""

    level: str
    module: str
    request_id: str
    message: str


RECORD = re.compile(r'([A-Z]+) (\S+) \[(.*?)\] (.*)')
#: The line of a request.
LINE = re.compile(
    r'(?P<method>\S+) (?P<url>\S+) status=(?P<status>\d+) bytes=(?P<bytes>\d+)'
    r' seconds=(?P<seconds>\d+\.\d{4}) project_id=(?P<project>\S+) user_id=(?P<user>\S+)'
    r' request_id=(?P<id>req-\S+)'
)


class TestLog(testtools.TestCase):
    """One process for all tests: each finds its records by its requests' ids."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.port = processes.free_port()
        file = cls.folder / 'freezer-api.conf'
        file.write_text(CONFIGURATION.format(port=cls.port, folder=cls.folder))
        options = conf.new()
        options([], default_config_files=[str(file)], default_config_dirs=[])
        with contextlib.closing(db.load(options)) as storage:
            storage.sync()
        command = [sys.executable, '-m', 'tests.functional.served', f'--config-file={file}']
        process = subprocess.Popen(command, stderr=subprocess.PIPE)
        cls.addClassCleanup(process.communicate)
        cls.addClassCleanup(process.terminate)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                return socket.create_connection(('127.0.0.1', cls.port)).close()
            except OSError:
                if process.poll() is not None:
                    raise AssertionError(process.communicate()[1]) from None
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def request(
        self,
        method: str,
        path: str,
        body: typing.Any = None,
        token: str | None = TOKEN,
        **headers: str,
    ) -> tuple[int, bytes, str]:
        """Send a request with an id of its own: the status, the body and that id."""
        request_id = f'req-{uuid.uuid4()}'
        sent = {'X-OpenStack-Request-ID': request_id}
        sent |= {name.replace('_', '-'): value for name, value in headers.items()}
        if token:
            sent['X-Auth-Token'] = token
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=SECONDS)
        with contextlib.closing(connection):
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            self.assertEqual(request_id, answer.headers['x-openstack-request-id'])
            return answer.status, answer.read(), request_id

    def text(self) -> str:
        """The whole log."""
        return (self.folder / 'freezer-api.log').read_text()

    def records(self, request_id: str) -> list[Record]:
        """The records that bear a request's id."""
        matches = [RECORD.fullmatch(line) for line in self.text().splitlines()]
        records = [Record(*match.groups()) for match in matches if match]
        return [record for record in records if record.request_id == request_id]

    def line(self, request_id: str) -> dict[str, str]:
        """The fields of the line that a request must have exactly once."""
        deadline = time.monotonic() + SECONDS
        # The answer is sent before the line is written.
        while not (found := self._lines(request_id)) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual([request_id], [fields['id'] for fields in found])
        return found[0]

    def _lines(self, request_id: str) -> list[dict[str, str]]:
        records = self.records(request_id)
        lines = [LINE.fullmatch(record.message) for record in records if record.level == 'INFO']
        return [match.groupdict() for match in lines if match]

    def messages(self, level: str, request_id: str) -> list[str]:
        """The messages of a request's records of one level."""
        return [record.message for record in self.records(request_id) if record.level == level]

    def test_every_answer_has_a_line(self):
        self.request('POST', f'{ALPHA}/session', b'{"schedule": {}}')
        etag = 'If_None_Match'
        for status, method, path, others in (
            (300, 'GET', '/', {'token': None}),
            (200, 'GET', '/healthcheck', {'token': None}),
            (200, 'GET', ALPHA, {}),
            (200, 'OPTIONS', ALPHA, {'token': None}),
            (201, 'POST', ALPHA, {'body': b'{"schedule": {}}'}),
            (204, 'DELETE', f'{ALPHA}/none', {}),
            (304, 'GET', f'{ALPHA}/session', {etag: '*'}),
            (400, 'GET', f'{ALPHA}?limit=x', {}),
            (401, 'GET', ALPHA, {'token': None}),
            (403, 'GET', '/v2/beta/sessions', {}),
            (404, 'GET', f'{ALPHA}/none', {}),
            (404, 'GET', '/nothing', {}),
            (405, 'PUT', ALPHA, {}),
            (406, 'GET', ALPHA, {'Accept': 'text/html'}),
            (412, 'DELETE', f'{ALPHA}/none', {'If_Match': '"x"'}),
            (753, 'POST', ALPHA, {'body': b'{'}),
            (500, 'GET', f'{ALPHA}/unforeseen', {}),
        ):
            answered, body, request_id = self.request(method, path, **others)
            line = self.line(request_id)
            self.assertEqual(status, answered)
            self.assertEqual(str(status), line['status'])
            self.assertEqual(method, line['method'])
            self.assertEqual(path, line['url'])
            self.assertEqual(str(len(body)), line['bytes'])

    def test_requests_that_the_server_refuses_have_a_line(self):
        """They don't reach the application."""
        path = f'{ALPHA}?limit=5'
        status, body, request_id = self.request('POST', path, b'x' * 1001)
        line = self.line(request_id)
        self.assertEqual(413, status)
        self.assertEqual('413', line['status'])
        self.assertEqual('POST', line['method'])
        self.assertEqual(path, line['url'])
        self.assertEqual(str(len(body)), line['bytes'])
        (reason,) = self.messages('DEBUG', request_id)
        self.assertIn('Refused a request from 127.0.0.1 with 413: ', reason)
        with contextlib.closing(socket.create_connection(('127.0.0.1', self.port))) as connection:
            connection.sendall(b'nonsense\r\n\r\n')
            answer = connection.makefile('rb').read()
        request_id = re.search(rb'(?i)x-openstack-request-id: (\S+)', answer)[1].decode()
        self.assertEqual('400', self.line(request_id)['status'])

    def test_head_has_no_bytes(self):
        _status, _body, request_id = self.request('HEAD', ALPHA)
        self.assertEqual('200', self.line(request_id)['status'])
        self.assertEqual('0', self.line(request_id)['bytes'])

    def test_caller_is_named_by_a_valid_token_alone(self):
        expected = {
            ('GET', ALPHA, TOKEN): ('alpha', served.USER),
            ('GET', '/nothing', TOKEN): ('alpha', served.USER),
            ('PUT', ALPHA, TOKEN): ('alpha', served.USER),
            ('GET', '/v2/beta/sessions', TOKEN): ('alpha', served.USER),
            ('GET', ALPHA, None): ('-', '-'),
            ('GET', '/', None): ('-', '-'),
            ('OPTIONS', ALPHA, None): ('-', '-'),
        }
        for (method, path, token), caller in expected.items():
            invented = {
                'X_Identity_Status': 'Confirmed',
                'X_User_Id': 'somebody-else',
                'X_Project_Id': 'elsewhere',
            }
            *_answer, request_id = self.request(method, path, token=token, **invented)
            line = self.line(request_id)
            self.assertEqual(caller, (line['project'], line['user']), (method, path))

    def test_refusal_is_explained_at_debug(self):
        _status, _body, request_id = self.request('GET', f'{ALPHA}?limit=x')
        self.assertIn(
            f'GET {ALPHA}?limit=x is refused with 400 (list.invalid): limit: must be an integer of'
            ' at least 0.',
            self.messages('DEBUG', request_id),
        )

    def test_denial_names_the_rule_and_what_the_caller_has(self):
        _status, _body, request_id = self.request('GET', '/v2/beta/sessions', token='reader@alpha')
        (denial,) = [
            record for record in self.records(request_id) if record.module == 'freezer_api.context'
        ]
        self.assertEqual('DEBUG', denial.level)
        for text in ('sessions:get_all', "roles ['reader']", "project 'alpha'", "project 'beta'"):
            self.assertIn(text, denial.message)

    def test_unexpected_error_names_the_request(self):
        status, body, request_id = self.request('GET', f'{ALPHA}/unforeseen')
        (record,) = [one for one in self.records(request_id) if one.level == 'ERROR']
        self.assertIn(f'Unexpected error in GET {ALPHA}/unforeseen', record.message)
        self.assertIn(f'TRACE [{request_id}]RuntimeError: a defect of the program', self.text())
        self.assertNotIn(b'defect', body)

    def alter(self, *statements: str) -> None:
        """Change the store behind the back of the process."""
        with contextlib.closing(sqlite3.connect(self.folder / 'freezer.sqlite')) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    def test_unavailable_storage_is_explained_once(self):
        self.alter('ALTER TABLE freezer_sessions RENAME TO freezer_away')
        status, body, request_id = self.request('GET', f'{ALPHA}/session')
        self.alter('ALTER TABLE freezer_away RENAME TO freezer_sessions')
        self.assertEqual(503, status)
        self.assertEqual('503', self.line(request_id)['status'])
        (warning,) = self.messages('WARNING', request_id)
        self.assertIn(f'GET {ALPHA}/session is answered 503 (storage.schema-', warning)
        self.assertIn('freezer_sessions', warning)
        self.assertNotIn(b'freezer_sessions', body)

    def test_failed_readiness_is_explained(self):
        """The probe has a thread of its own."""
        self.alter('UPDATE freezer_schema SET version_num = "gone-" || version_num')
        status, body, request_id = self.request('GET', '/healthcheck/ready', token=None)
        self.alter('UPDATE freezer_schema SET version_num = substr(version_num, 6)')
        self.assertEqual(503, status)
        self.assertEqual(b'storage unavailable', body)
        (warning,) = self.messages('WARNING', request_id)
        self.assertIn('The storage is not ready: ', warning)
        self.assertIn('gone-', warning)

    def test_no_caller_writes_a_record_of_their_own(self):
        forged = '%0AERROR%20freezer_api%20[-]%20forged%1B[31m%E2%80%AE'
        for path in (f'{ALPHA}/{forged}', f'/v2/{forged}/sessions', f'{ALPHA}?{forged}={forged}'):
            *_answer, request_id = self.request('GET', path)
            self.line(request_id)
        body = b'{"schedule": {"a\\nERROR freezer_api [-] forged": 1}}'
        status, _body, request_id = self.request('POST', ALPHA, body)
        self.assertEqual(400, status)
        self.assertTrue(any('forged' in text for text in self.messages('DEBUG', request_id)))
        self.assertNotRegex(self.text(), r'(?m)^ERROR freezer_api \[-\] forged')
        self.assertNotIn('\x1b', self.text())

    def test_no_secret_is_logged(self):
        secret = 'member@alpha,much-hidden'
        for path in (
            ALPHA,
            '/v2/beta/sessions',
            f'{ALPHA}?token=much-hidden',
            f'{ALPHA}?much-hidden',
            f'{ALPHA}?search={{"match":[{{"password":"much-hidden"}}]}}',
        ):
            self.request('GET', path, token='member,much-hidden@alpha')
        self.assertNotIn(secret, self.text())
        lines = [line for line in self.text().splitlines() if 'status=' in line]
        self.assertNotIn('much-hidden', '\n'.join(lines))

    def test_long_search_is_cut(self):
        search = '{"match":[{"description":"' + 'x' * 5000 + '"}]}'
        status, _body, request_id = self.request('GET', f'{ALPHA}?limit=5&search={search}')
        self.assertEqual(200, status)
        url = self.line(request_id)['url']
        self.assertTrue(url.startswith(f'{ALPHA}?limit=5&search='), url)
        self.assertLess(len(url), 400)
        self.assertTrue(url.endswith('...'), url)

    def test_records_bear_the_id_of_their_own_request(self):
        """Threads of the server take requests in turn."""

        def ask(number: int) -> tuple[int, str]:
            return number, self.request('GET', f'{ALPHA}/none-{number}')[2]

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            asked = dict(pool.map(ask, range(64)))
        for number, request_id in asked.items():
            about = [record for record in self.records(request_id) if 'none-' in record.message]
            self.assertEqual(2, len(about), 'the refusal and the line')
            for record in about:
                self.assertRegex(record.message, rf'none-{number}\b')


class TestSwitch(base.FunctionalTest):
    def test_lines_can_be_switched_off(self):
        for is_on in (True, False):
            self.use(api__log_requests=is_on)
            with self.assertLogs('freezer_api', 'DEBUG') as log:
                self.call('GET', f'{ALPHA}/none')
            lines = [text for text in log.output if 'request_id=' in text]
            self.assertEqual(is_on, bool(lines))
            self.assertTrue(any('session.not-found' in text for text in log.output))
