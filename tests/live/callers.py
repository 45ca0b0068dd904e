"""The published python-freezerclient, unchanged in an environment of its own, and the clouds that
its callers meet.
"""

import collections.abc
import functools
import json
import os
import pathlib
import typing
import uuid

import fixtures

from tests import servers
from tests.live import dialogues, programs
from tests.servers import identity, keystone


def program(name: str) -> str:
    """A program of the environment that has python-freezerclient."""
    return programs.environment('FREEZER_TEST_CALLERS', name)


def clean(**variables: str) -> dict[str, str]:
    """The environment of a caller's process: ours, without what tells of a cloud, and
    ``variables``.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith('OS_')}
    return {**kept, 'PYTHONUNBUFFERED': '1', 'PYTHONWARNINGS': 'ignore', **variables}


class Home(programs.Project):
    """One project of a server, empty at first, and who works there: by a token, or (``user``) by
    name and password.
    """

    def __init__(
        self,
        url: str,
        project_id: str,
        user_id: str,
        token: str = '',
        user: str = '',
        name: str = '',
    ):
        super().__init__(url, project_id, token)
        self.url, self.project_id, self.user_id, self.token, self.user, self.name = (
            url,
            project_id,
            user_id,
            token,
            user,
            name,
        )

    @property
    def credentials(self) -> dict[str, str]:
        """What the library and the commands log in with, by the names of the library's parameters;
        {} without Keystone.
        """
        if not self.user:
            return {}
        return {
            'auth_url': servers.address(servers.KEYSTONE),
            'username': self.user,
            'password': keystone.PASSWORD,
            'user_domain_id': 'default',
            'project_name': self.name,
            'project_domain_id': 'default',
        }


class Standalone(fixtures.Fixture):
    """``freezer-api --standalone``, whose data are on SQLite, and in which everybody may do
    everything.
    """

    url = region = ''

    def _setUp(self) -> None:
        self.url = self.useFixture(
            programs.standalone(self.useFixture(fixtures.TempDir()).path)
        ).url

    def home(self, role: str = 'member') -> Home:
        """A project of one's own."""
        return Home(self.url, uuid.uuid4().hex, 'standalone')


class Cloud(programs.Cloud):
    """The service in a cloud, where projects are new ones of Keystone."""

    def _setUp(self) -> None:
        super()._setUp()
        self._administrator = identity.Administrator()

    def home(self, role: str = 'member') -> Home:
        """A project of one's own for the user who has a role of :data:`keystone.ROLES`."""
        name, user = uuid.uuid4().hex, f'alpha-{role}'
        project_id = self._administrator.add('project', name=name, domain_id='default')
        (found,) = self._administrator.find('user', name=user)
        self._administrator.grant(role, found['id'], project_id)
        return Home(self.url, project_id, found['id'], identity.token_of(user, name).id, user, name)


class Raised(Exception):
    """The library raised an exception of a class, with a text, and perhaps the status of an
    answer.
    """

    def __init__(self, kind: str, said: str, status: int | None):
        super().__init__(f'{kind}: {said}')
        self.kind, self.said, self.status = kind, said, status


class Manager:
    """A manager of a client: its methods, in the library's process. It remembers what has been
    called, and how.
    """

    def __init__(self, client: 'Client', name: str):
        self._client, self._name = client, name
        self._methods = client.managers[name]
        self._called: set[str] = set()
        self.args: list[typing.Any] = []

    def __getattr__(self, method: str) -> collections.abc.Callable[..., typing.Any]:
        return functools.partial(self._call, method)

    def _call(self, method: str, *args: object, **named: object) -> typing.Any:
        """What the method returns, or :class:`Raised`; ``args`` has the arguments as it left
        them.
        """
        self._called |= {
            method,
            *(f'{method}({name})' for name in (*self._methods[method][: len(args)], *named)),
        }
        answer = self._client.ask(on=self._name, call=method, args=args, named=named)
        self.args = answer['args']
        return answer['returned']

    def unexercised(self) -> set[str]:
        """The public methods that haven't been called, and those parameters of them that have never
        been given.
        """
        wanted = {
            word
            for method, names in self._methods.items()
            for word in (method, *(f'{method}({name})' for name in names))
        }
        return wanted - self._called


class Client:
    """A client of the library, in its process; ``managers`` has their methods' parameters by
    name.
    """

    def __init__(self, library: 'Library', number: int, managers: dict[str, dict[str, list[str]]]):
        self.managers = managers
        self.ask = functools.partial(library.ask, client=number)

    def manager(self, name: str) -> Manager:
        """One of its managers, of which nothing has been called yet."""
        return Manager(self, name)

    def read(self, attribute: str) -> typing.Any:
        """One of its attributes."""
        return self.ask(read=attribute)['returned']


class Library(fixtures.Fixture):
    """The library in a process of its own, whose environment has ``variables``."""

    def __init__(self, **variables: str):
        super().__init__()
        self._variables = variables
        self._made = 0

    def _setUp(self) -> None:
        script = str(pathlib.Path(__file__).with_name('library.py'))
        self._process = self.useFixture(
            dialogues.Child(program('python'), script, env=clean(**self._variables))
        )

    def ask(self, **line: object) -> dict[str, typing.Any]:
        """The answer to a line of ``library.py``, or :class:`Raised`."""
        (said,) = self._process.ask(f'{json.dumps(line)}\n')
        answer = json.loads(said)
        if 'raised' in answer:
            raise Raised(answer['raised'], answer['said'], answer['status'])
        return answer

    def client(self, how: str, *args: str, **named: object) -> Client:
        """A client that is made in one of the ways of the library's callers."""
        managers = self.ask(make=how, args=args, named=named)['returned']
        self._made += 1
        return Client(self, self._made - 1, managers)

    def working_in(self, home: Home) -> Client:
        """The client of who works in a project and has a token already, or needs none."""
        return self.client('session', home.url, home.project_id, home.token)
