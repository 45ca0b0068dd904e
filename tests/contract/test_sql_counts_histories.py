"""Pages far within a list, while others create, delete and count its documents: each shows the list
as it was at one moment of the call, in an order that fits all calls.
"""

import functools
import random
import time

import sqlalchemy

from freezer_api.db.sqlalchemy import models
from freezer_api.domain import search_query
from freezer_api.domain.documents import CLIENTS
from freezer_api.tests.contract import parallel, project_operations
from tests.base import SEED
from tests.contract import stores
from tests.contract.counted import Counted
from tests.linearizable import judge
from tests.linearizable.history import Operation

ROUNDS = 6
WRITERS, READERS = 2, 3
CALLS = 14
#: Documents of a page.
LIMIT = 4


@stores.on_stores(*stores.SQL_STORES)
class Histories(Counted):
    """Calls of some threads on two storages."""

    alone = True

    def setUp(self):
        super().setUp()
        scope = self.project.scope
        self.projects = [
            project_operations.Project(storage, scope)
            for storage in (self.storage, self.make_storage())
        ]
        #: The numbers of documents, by which lists are ordered.
        self.numbers = {}

    def test_pages_fit_in_one_order(self):
        initial = [self._create(self.project, f'first-{number:02}') for number in range(12)]
        state = frozenset(initial)
        for number in range(ROUNDS):
            with self.subTest(round=number, seed=SEED):
                history = self._record(number, sorted(state, key=self.numbers.get))
                verdict = judge.judge(history, state, self._step, self._is_free)
                self.assertTrue(verdict.linearizable, f'{verdict.stuck}\n{verdict.others}')
                state = frozenset(self.project.ids(CLIENTS, limit=1000))

    def _record(self, number, present):
        """Let all make their calls at once, and return these."""
        chosen = random.Random(f'{SEED} {number}')
        actors = []
        for at in range(WRITERS):
            actors.append((self._write, at, present[at::WRITERS], chosen.random()))
        for at in range(READERS):
            actors.append((self._read, WRITERS + at, present, chosen.random()))

        def act(who):
            call, at, ids, seed = actors[who]
            return call(at, list(ids), random.Random(seed), number)

        return [operation for made in parallel.threads(len(actors), act) for operation in made]

    def _write(self, caller, own, chosen, number):
        project = self.projects[caller % 2]
        made = []
        for call in range(CALLS):
            if own and chosen.random() < 0.6:
                asked = {'name': 'delete', 'id': own.pop(chosen.randrange(len(own)))}
                delete = functools.partial(project.write, CLIENTS, asked['id'], None)
                made.append(self._timed(caller, asked, delete))
                continue
            asked = {'name': 'create', 'id': f'{number}-{caller}-{call:02}'}
            create = functools.partial(project.put_client, asked['id'])
            made.append(self._timed(caller, asked, create))
            own.append(self._numbered(project, asked['id']))
        return made

    def _read(self, caller, ids, chosen, _number):
        project = self.projects[caller % 2]
        made = []
        for _ in range(2 * CALLS):
            asked = {
                'name': 'page',
                'offset': chosen.randrange(1, len(ids) + 2),
                'descending': chosen.random() < 0.5,
            }
            read = functools.partial(self._page, project, asked)
            made.append(self._timed(caller, asked, read))
        return made

    def _page(self, project, asked):
        query = search_query.Query(
            limit=LIMIT, offset=asked['offset'], descending=asked['descending']
        )
        page = project.storage.find(project.scope, CLIENTS, query)
        return [document.id for document in page.documents]

    def _timed(self, caller, asked, call):
        called = time.monotonic()
        answer = call()
        shown = {'ids': answer} if asked['name'] == 'page' else {}
        return Operation(caller, called, time.monotonic(), asked, shown)

    def _create(self, project, id):
        project.put_client(id)
        return self._numbered(project, id)

    def _numbered(self, project, id):
        """Note the number of a document."""
        columns = models.clients.c
        number = sqlalchemy.select(columns.seq).where(
            columns.project == project.project_id, columns.id == id
        )
        self.numbers[id] = project.storage.database.read(
            lambda connection: connection.execute(number).scalar_one()
        )
        return id

    def _step(self, state, asked, answer):
        """Return the documents after a call."""
        if asked['name'] == 'create':
            return state | {asked['id']}
        if asked['name'] == 'delete':
            return state - {asked['id']}
        listed = sorted(state, key=self.numbers.get, reverse=asked['descending'])
        following = asked['offset'] + LIMIT
        expected = listed[asked['offset'] : following]
        return state if answer['ids'] == expected else None

    def _is_free(self, state, asked, answer):
        """A page that fits shows no more than the state, which is known."""
        return asked['name'] == 'page'
