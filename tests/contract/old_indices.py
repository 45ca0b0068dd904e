"""Stores in a cluster whose indices an earlier release has made; and what of the cluster tests
have to see.
"""

import collections.abc
import subprocess
import sys
import tempfile
import typing

from freezer_api import db
from freezer_api.db.base import Scope
from freezer_api.db.elasticsearch import driver
from freezer_api.db.elasticsearch.indices import mappings
from freezer_api.domain import documents
from freezer_api.tests.contract import base, bodies, project_operations
from tests import servers
from tests.contract import interception

Call = collections.abc.Callable[..., typing.Any]


class OwnIndices:
    """A store of each test's own; and the requests of several processes on it."""

    alone = True

    def setUp(self) -> None:
        super().setUp()
        self.server = self.options[self.driver]['hosts'][0]
        self.prefix = servers.new_indices()
        self.addCleanup(servers.drop_indices, self.server, self.prefix)
        self.own = self.process()

    def process(self, prefix: str = '', **options: typing.Any) -> driver.Driver:
        """The driver as another process has it, on this test's indices or others."""
        changed = self.with_options(index=prefix or self.prefix, **options)
        storage = typing.cast(driver.Driver, db.load(base.configured(changed)))
        self.addCleanup(storage.close)
        return storage

    def command(self) -> subprocess.Popen[str]:
        """``freezer-manage db sync`` as a process of its own."""
        file = self.enterContext(tempfile.NamedTemporaryFile('w', suffix='.conf'))
        file.write(
            f'[storage]\ndriver = {self.driver}\n[{self.driver}]\nhosts = {self.server}\nindex ='
            f' {self.prefix}\n'
        )
        file.flush()
        return subprocess.Popen(
            [
                sys.executable,
                '-m',
                'freezer_api.cmd.manage',
                '--config-file',
                file.name,
                'db',
                'sync',
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def ask(self, method: str, path: str, body: typing.Any = None, **params: str) -> typing.Any:
        """What the cluster answers."""
        status, answer = self.own.client.call(method, path, body, params)
        self.assertEqual(200, status, answer)
        return answer

    def indices(self) -> dict[str, list[str]]:
        """The indices of this test and their aliases, but for those that each index has by itself
        alone.
        """
        aliases = self.own.client.product.aliases
        return {
            index: sorted(told['aliases'].keys() - aliases(index).keys())
            for index, told in self.ask('GET', f'/{self.prefix}_*').items()
        }

    def age(self, version: int = 0, kinds: collections.abc.Iterable[str] = mappings.KINDS) -> None:
        """Make the indices those of another version."""
        for kind in kinds:
            self.ask(
                'PUT', f'/{self.own.client.alias(kind)}/_mapping', {'_meta': {'version': version}}
            )

    def assert_current(self) -> None:
        """There is one index for each kind, of this release, that takes writes, and nothing
        else.
        """
        self.own.check()
        self.assertEqual(
            sorted([self.own.client.alias(kind)] for kind in mappings.KINDS),
            sorted(self.indices().values()),
        )
        for told in self.ask('GET', f'/{self.prefix}_*/_settings').values():
            self.assertNotIn('blocks', told['settings']['index'])


class Writer:
    """A process that creates jobs, and changes each of them some time later."""

    def __init__(self, storage: driver.Driver, project: str = 'p'):
        self.project = project_operations.Project(storage, Scope(project))
        self.written: dict[str, str] = {}

    def write(self) -> None:
        """Create a job and change an earlier one. What isn't told to have been done, isn't
        expected.
        """
        first = next(iter(self.written), None)
        self._put(bodies.new_id(), 'new')
        if first is not None:
            del self.written[first]
            self._put(first, f'changed {bodies.new_id()}')

    def check(self, case: base.ContractCase, storage: driver.Driver) -> None:
        """All that was acknowledged is there, in documents, lists and searches, and nothing
        else.
        """
        project = project_operations.Project(storage, self.project.scope)
        case.assertEqual(
            self.written,
            {job.id: job.body['description'] for job in project.page(documents.JOBS).documents},
        )
        for id, description in (*list(self.written.items())[:2], *list(self.written.items())[-2:]):
            case.assertEqual(description, project.job(id)['description'])
            case.assertIn(
                id,
                project.ids(documents.JOBS, [{'description': description}, {'_all': description}]),
            )

    def _put(self, id: str, description: str) -> None:
        self.project.put_job(
            id, bodies.job_body(id, self.project.project_id, description=description)
        )
        self.written[id] = description
        assert id in self.project.ids(documents.JOBS, [{'description': description}]), (
            'a search misses it'
        )


class Faulty:
    """Stands between a process and its cluster from a request on that counts as the first; ``at``
    is called in place of one.

    ``at`` is given what sends the request.
    """

    def __init__(
        self, storage: driver.Driver, number: int, at: collections.abc.Callable[[Call], typing.Any]
    ):
        self.requests = 0
        self._number, self._at = number, at
        interception.intercept(storage, self._answer)

    def _answer(self, request: interception.Request) -> typing.Any:
        self.requests += 1
        if self.requests == self._number:
            return self._at(request)
        return request()
