"""The real application on a real SQLite store; Keystone's part is played by a filter, and tested
elsewhere with Keystone.
"""

import functools
import json
import pathlib
import tempfile
import typing
import wsgiref.validate

import fixtures
import testtools
import webob

from freezer_api import app, conf, db, error_codes
from freezer_api.db.base import Storage
from tests.functional import described

PROJECT = 'alpha'
MEMBER = 'member@alpha'


class Identity:
    """Stands where keystonemiddleware does. A token says all: ``role,role@project``; the user is
    named as the token is.

    ``role!system`` and ``role!domain`` are tokens of the system and of a domain. Without a token:
    401, as keystonemiddleware.
    """

    BODY = (
        b'{"error": {"code": 401, "title": "Unauthorized", "message": "The request you have made'
        b' requires authentication."}}'
    )

    def __init__(self, application: app.Application):
        self._application = application

    def __call__(
        self, environ: dict[str, typing.Any], start_response: typing.Any
    ) -> typing.Iterable[bytes]:
        token = environ.get('HTTP_X_AUTH_TOKEN')
        if not token:
            start_response(
                '401 Unauthorized',
                [('Content-Type', 'application/json'), ('Content-Length', str(len(self.BODY)))],
            )
            return [self.BODY]
        roles, _at, project_id = token.partition('@')
        roles, _mark, scope = roles.partition('!')
        environ.update(
            HTTP_X_IDENTITY_STATUS='Confirmed',
            HTTP_X_USER_ID=f'user-{token}'[:64],
            HTTP_X_ROLES=roles,
        )
        if project_id:
            environ['HTTP_X_PROJECT_ID'] = project_id
        if scope:
            environ[
                {'system': 'HTTP_OPENSTACK_SYSTEM_SCOPE', 'domain': 'HTTP_X_DOMAIN_ID'}[scope]
            ] = 'all'
        return self._application(environ, start_response)


class Service(fixtures.Fixture):
    """An application of one's own, with its store in a folder of its own. ``options`` are set over
    the defaults.
    """

    def __init__(
        self,
        standalone: bool = False,
        authenticate: app.Filter | None = Identity,
        storage: typing.Callable[[Storage], Storage] = lambda storage: storage,
        **options: typing.Any,
    ):
        super().__init__()
        self._standalone = standalone
        self._authenticate = authenticate
        self._wrap = storage
        self._options = options

    def _setUp(self) -> None:
        self.folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        self.conf = conf.new()
        self.conf([], default_config_files=[str(self.configure())], default_config_dirs=[])
        if self.conf.database.connection == self._connection:
            (self.folder / 'freezer.sqlite').write_bytes(_empty_store())
        self.storage = self._wrap(db.load(self.conf))
        self.addCleanup(self.storage.close)
        if self.conf.database.connection != self._connection:
            self.storage.sync()
        authenticate = None if self._standalone else self._authenticate
        #: As servers call it, which don't always keep to the rules.
        self.bare = app.build(
            self.conf, self.storage, standalone=self._standalone, authenticate=authenticate
        )
        self.app = wsgiref.validate.validator(self.bare)

    @property
    def _connection(self) -> str:
        """The store, unless the options name another one."""
        return f'sqlite:///{self.folder}/freezer.sqlite'

    def configure(self) -> pathlib.Path:
        """Write the configuration file with the options, given as ``group__option``."""
        # Nobody here can give a trust to anybody: those are tested with Keystone.
        options = {
            'database__connection': self._connection,
            # It need not outlive the machine, so nothing waits for the disk.
            'database__sqlite_synchronous': False,
            'centralized_scheduler__enabled': False,
            **self._options,
        }
        lines = []
        for name, value in options.items():
            group, _underscores, option = name.rpartition('__')
            lines += [
                f'[{group}]',
                f'{option} = {",".join(value) if isinstance(value, list) else value}',
            ]
        file = self.folder / 'freezer-api.conf'
        file.write_text('\n'.join(lines))
        return file


@functools.cache
def _empty_store() -> bytes:
    """The file of a store with the schema and nothing else: to make it takes longer than most
    tests.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, 'freezer.sqlite')
        options = conf.new()
        options([], default_config_files=[], default_config_dirs=[])
        options.set_override('connection', f'sqlite:///{file}', 'database')
        storage = db.load(options)
        storage.sync()
        # What stands in a log of its own goes into the file when it is closed.
        storage.close()
        return file.read_bytes()


class Answer(typing.NamedTuple):
    """What came back."""

    status: str
    headers: typing.Any
    raw: bytes

    @property
    def code(self) -> int:
        """The number of the status."""
        return int(self.status[:3])

    @property
    def json(self) -> typing.Any:
        """The body."""
        return json.loads(self.raw)


def send(
    application: app.Application, environ: dict[str, typing.Any], is_described: bool = True
) -> Answer:
    """What an application answers, as a server would receive it. It must be what the description of
    the API has for such a request, unless the application has other routes.
    """
    # Set by webob for bodies that it made itself; a server's can't be read twice.
    environ.pop('webob.is_body_seekable', None)
    told: list[typing.Any] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: typing.Any = None
    ) -> typing.Any:
        told[:] = [status, headers]
        return lambda data: None

    body = application(environ, start_response)
    raw = b''.join(body)
    if hasattr(body, 'close'):
        body.close()
    answer = Answer(told[0], webob.headers.ResponseHeaders(told[1]), raw)
    if is_described:
        described.check(environ, answer.status, answer.headers, raw)
    return answer


class FunctionalTest(testtools.TestCase):
    """Requests to an application, by default as a member of the project ``alpha``."""

    def setUp(self) -> None:
        super().setUp()
        self.service = self.use()

    def use(self, **options: typing.Any) -> Service:
        """The application that the requests go to from now on."""
        self.service = self.useFixture(Service(**options))
        return self.service

    def call(
        self,
        method: str,
        path: str,
        body: typing.Any = None,
        token: str | None = MEMBER,
        environ: dict[str, typing.Any] | None = None,
        **headers: str,
    ) -> Answer:
        """One request. ``body``: bytes as they are, else to be said in JSON. A header's ``_``
        stands for ``-``.
        """
        raw = (
            body if isinstance(body, bytes) else b'' if body is None else json.dumps(body).encode()
        )
        sent = {name.replace('_', '-'): value for name, value in headers.items()}
        if token:
            sent['X-Auth-Token'] = token
        request = webob.Request.blank(path, method=method, headers=sent, body=raw)
        return send(self.service.app, {**request.environ, **(environ or {})})

    def do(
        self, code: int, method: str, path: str, body: typing.Any = None, **others: typing.Any
    ) -> typing.Any:
        """A request below ``/v2/alpha`` that must be answered with a status; its JSON, None if it
        has none.
        """
        answer = self.call(method, f'/v2/{PROJECT}{path}', body, **others)
        self.assertEqual(code, answer.code, answer.raw)
        return answer.json if answer.raw else None

    def assert_error(self, answer: Answer, status: str, text: str = '') -> None:
        """An error in the one form that all have."""
        self.assertEqual(status, answer.status[: len(status)], answer.raw)
        self.assertEqual('application/json', answer.headers['Content-Type'])
        self.assertEqual({'title', 'description', 'code'}, set(answer.json))
        self.assertIn(answer.json['code'], error_codes.MEANINGS)
        self.assertIn(text, answer.json['description'])

    def make_client(self, client_id: str = 'client', **keys: typing.Any) -> str:
        """Register a client; its id."""
        return self.do(201, 'POST', '/clients', {'client_id': client_id, **keys})['client_id']

    def make_job(self, job_id: str = 'job', client_id: str = 'client', **keys: typing.Any) -> str:
        """Create a job, and its client; its id."""
        self.make_client(client_id)
        body = {
            'job_id': job_id,
            'client_id': client_id,
            'job_actions': [{'freezer_action': {'action': 'backup'}}],
            **keys,
        }
        return self.do(201, 'POST', '/jobs', body)['job_id']

    def make_session(self, session_id: str = 'session', **keys: typing.Any) -> str:
        """Create a session; its id."""
        return self.do(201, 'POST', f'/sessions/{session_id}', {'schedule': {}, **keys})[
            'session_id'
        ]
