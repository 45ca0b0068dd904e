"""What the SQL driver's lists and searches read: no more where there is more that they don't
return.
"""

import collections.abc
import typing
import uuid

import sqlalchemy

from freezer_api.db.base import Scope
from freezer_api.db.sqlalchemy.documents import rows
from freezer_api.db.sqlalchemy.search import indexing, probes
from freezer_api.db.sqlalchemy.sessions import session_rows
from freezer_api.domain import search, search_query, session_state, sessions
from freezer_api.domain.documents import BACKUPS, CLIENTS, JOBS, SESSIONS, Document
from freezer_api.tests.contract import bodies
from tests.contract import costs, stores

#: Documents of a kind in the two projects whose cost is compared.
SMALL, LARGE = 300, 3000
#: Of them, those that a rare value finds.
RARE = 20
#: Searches whose cost may not depend on how many documents don't match. Every document has the
#: user, the rare ones the description, half of them the hold-off, or the client, who has all but
#: the rare ones completed.
SEARCHES: dict[str, typing.Any] = {
    'a list': None,
    'a rare value': {'match': [{'description': 'rare'}]},
    'a common and a rare value': {'match': [{'user_id': 'user'}, {'description': 'rare'}]},
    'many common values and a rare one': {
        'match': [
            {'user_id': 'user'},
            {'result': ''},
            {'session_tag': 0},
            {'event': ''},
            {'description': 'rare'},
        ]
    },
    'all but a common value': {
        'match': [{'user_id': 'user'}],
        'match_not': [{'description': 'rare'}],
    },
    'no value but an excluded one': {'match_not': [{'description': 'rare'}]},
}
POLL: typing.Any = {'match': [{'client_id': 'busy'}], 'match_not': [{'status': 'completed'}]}


@stores.on_stores(*stores.SQL_STORES)
class Reading(costs.Cost):
    """No list, search, marker or poll reads more where there is more that it doesn't return."""

    alone = True

    projects: dict[int, str]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.projects = {size: uuid.uuid4().hex for size in (SMALL, LARGE)}
        for size, project in cls.projects.items():
            cls.storage.database.write(
                lambda connection, size=size, project=project: fill(connection, project, size)
            )
        costs.analyze(cls.storage)

    def test_lists_and_searches_cost_the_same_among_many(self):
        for kind in (JOBS, SESSIONS):
            for name, asked in SEARCHES.items():
                for descending in (False, True):
                    with self.subTest(kind=kind, search=name, descending=descending):
                        self._same_cost(
                            kind,
                            lambda size, asked=asked, kind=kind, descending=descending: (
                                search.parse(asked, kind, limit=10, descending=descending)
                            ),
                        )

    def test_search_behind_a_marker_costs_the_same_among_many(self):
        for kind in (JOBS, SESSIONS):
            for name, asked in SEARCHES.items():
                with self.subTest(kind=kind, search=name):
                    self._same_cost(
                        kind,
                        lambda size, asked=asked, kind=kind: search.parse(
                            asked, kind, limit=10, marker=f'{size // 4}'
                        ),
                    )

    def test_poll_costs_the_same_among_many_completed_jobs(self):
        self._same_cost(JOBS, lambda size: search.parse(POLL, JOBS, limit=10))

    def test_list_of_clients_costs_the_same_among_many(self):
        for asked in (None, {'match': [{'hostname': 'rare'}]}):
            self._same_cost(
                CLIENTS, lambda size, asked=asked: search.parse(asked, CLIENTS, limit=10)
            )

    def test_an_offset_reads_what_it_skips(self):
        query, scope = search.parse(None, JOBS, limit=10, offset=SMALL), Scope(self.projects[LARGE])
        self.assertLessEqual(
            self.cost(lambda: self.one.find(scope, JOBS, query)), self.least(2 * SMALL)
        )

    def test_a_text_is_looked_for_in_its_project_alone(self):
        query, scope = (
            search.parse({'match': [{'_all': 'nowhere'}]}, JOBS),
            Scope(self.projects[SMALL]),
        )
        self.assertLessEqual(
            self.cost(lambda: self.one.find(scope, JOBS, query)), self.least(2 * SMALL)
        )

    def test_lists_of_all_projects_read_a_bounded_part(self):
        """Of which there are as many as in both projects."""
        scope = Scope(self.projects[SMALL], everywhere=True)
        polls = {
            'the poll': POLL,
            'the poll for a text': {**POLL, 'match': [*POLL['match'], {'_all': 'rare'}]},
        }
        for name, asked in {**SEARCHES, **polls}.items():
            for page in ({}, {'descending': True}, {'marker': f'{SMALL // 4}'}):
                query = search.parse(asked, JOBS, limit=10, **page)
                with self.subTest(search=name, page=page):
                    self.assertEqual(10, len(self.one.find(scope, JOBS, query).documents))
                    read = self.cost(lambda query=query: self.one.find(scope, JOBS, query))
                    self.assertLessEqual(
                        read, self.least(250 + probes.PROBE_ROWS * len(query.pairs))
                    )

    def test_text_in_all_projects_reads_their_jobs_at_most(self):
        for needle in ('busy', 'nowhere'):
            query = search.parse({'match': [{'_all': needle}]}, JOBS)
            read = self.cost(
                lambda query=query: self.one.find(Scope('p', everywhere=True), JOBS, query)
            )
            self.assertLessEqual(
                read, self.least(4 * (SMALL + LARGE) if needle == 'nowhere' else 250)
            )

    def test_one_document_costs_the_same_among_many(self):
        for kind in (JOBS, SESSIONS):
            for size, project in self.projects.items():
                self.assertLessEqual(
                    self.cost(
                        lambda kind=kind, size=size, project=project: self.one.get(
                            Scope(project), kind, f'{size // 2}'
                        )
                    ),
                    self.least(60),
                    (kind, size),
                )

    def test_no_table_is_scanned_by_a_write(self):
        project = self.in_project(self.projects[LARGE], self.one)
        session, job = project.new_session(), project.new_job(job_actions=[bodies.entry('a', {})])
        project.put_action('a')

        def everything():
            project.attach(session, job)
            for tag in range(3):
                project.start(session, job, tag)
                project.end(session, job, tag + 1)
                self.clock.advance(31)
            project.put_action('a', mode='fs')
            project.detach(session, job)
            project.put_trust('t')
            project.put_job(
                'with-trust',
                bodies.job_body(
                    'with-trust', project.project_id, user_credentials={'trust_id': 't'}
                ),
            )
            project.end_trust('t')
            project.delete_job('with-trust')
            project.end_trust('t')
            project.delete_job(job)
            project.delete_session(session)
            self.one.claimed(JOBS, 'none')

        for statement, parameters in self.recorder.of(everything):
            if not statement.startswith('INSERT'):
                self.assertEqual([], costs.scans(self.one, statement, parameters), statement)

    def _same_cost(
        self, kind: str, query: collections.abc.Callable[[int], search_query.Query]
    ) -> None:
        """The large project's page costs what the small one's does, and not much."""
        read = {}
        for size, project in self.projects.items():
            scope = Scope(project, central=kind == CLIENTS)
            page = self.one.find(scope, kind, query(size))
            self.assertEqual(10, len(page.documents))
            read[size] = self.cost(
                lambda scope=scope, size=size: self.one.find(scope, kind, query(size))
            )
        self.assertLessEqual(read[LARGE], 1.3 * read[SMALL] + self.least(10), read)
        probed = probes.PROBE_ROWS * len(query(LARGE).pairs)
        self.assertLessEqual(read[LARGE], self.least(250 + probed), read)


def fill(connection: sqlalchemy.Connection, project: str, size: int) -> None:
    """A project with jobs, sessions and clients whose ids are the numbers below ``size``."""
    step = size // RARE
    for number in range(size):
        id, rare = str(number), 'rare' if number % step == 0 else ''
        status = '' if rare else 'completed'
        job = bodies.job_body(id, project, 'busy', description=rare, schedule={'status': status})
        _store(connection, Document(JOBS, project, id, 1, number, job))
        session = sessions.create(
            project, id, 'user', {'schedule': {'event': ''}, 'description': rare}, number
        )
        session_rows.create(connection, session)
        central = number % 2 == 0
        id = f'{project}-{id}' if central else id
        client = bodies.client_body(id, project, central, hostname=rare)
        _store(connection, Document(CLIENTS, project, id, 1, number, client))


def _store(connection, document):
    added = rows.create(connection, document)
    indexing.add_all(connection, document.kind, [added])


#: When the backups begin, and how many of them a project has; one each second.
NOW, BACKUPS_MADE = 1_700_000_000, 2000
#: A time in which there are few of them: in the midst, at the begin and at the end.
SHORT = (
    {'time_after': NOW + 500, 'time_before': NOW + 510},
    {'time_before': NOW + 10},
    {'time_after': NOW + BACKUPS_MADE - 11},
)
LONG = (
    {'time_after': NOW},
    {'time_before': NOW + BACKUPS_MADE},
    {'time_after': NOW + 10, 'time_before': NOW + BACKUPS_MADE - 10},
)


@stores.on_stores(*stores.SQL_STORES)
class ReadingBackups(costs.Cost):
    """Backups of one busy job, which name runs of ten, and a few rare ones that name a mode."""

    alone = True

    project: str

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.project_id = uuid.uuid4().hex
        cls.storage.database.write(lambda connection: fill_backups(connection, cls.project_id))
        costs.analyze(cls.storage)
        cls.rare = range(0, BACKUPS_MADE, BACKUPS_MADE // RARE)

    def _read(self, asked, found, **page):
        """The rows that a page costs beside those that are probed, as many for each term and for
        the bounds.
        """
        query, scope = search.parse(asked, BACKUPS, **{'limit': 10, **page}), Scope(self.project_id)
        self.assertEqual(
            found, [int(document.id) for document in self.one.find(scope, BACKUPS, query).documents]
        )
        probed = probes.PROBE_ROWS * (1 + max(1, len(query.pairs)))
        return self.cost(lambda: self.one.find(scope, BACKUPS, query)) - self.least(probed)

    def test_short_time_reads_only_what_lies_in_it(self):
        """Reads what lies in it, wherever that is in the order of the list."""
        for bounds in SHORT:
            first = bounds.get('time_after', NOW) - NOW
            inside = list(range(first, bounds.get('time_before', NOW + BACKUPS_MADE - 1) - NOW + 1))
            for asked in (bounds, {**bounds, 'match': [{'job_id': 'busy'}]}):
                for descending in (False, True):
                    with self.subTest(search=asked, descending=descending):
                        expected = (inside[::-1] if descending else inside)[:10]
                        self.assertLessEqual(
                            self._read(asked, expected, descending=descending), self.least(150)
                        )

    def test_rare_value_reads_only_what_has_it(self):
        """Reads what has it, however long the time is."""
        for bounds in LONG:
            inside = [
                number
                for number in self.rare
                if not ('time_after' in bounds and number < bounds['time_after'] - NOW)
            ]
            asked = {**bounds, 'match': [{'job_id': 'busy'}, {'mode': 'rare'}]}
            for page, expected in (
                ({}, inside[:10]),
                ({'descending': True}, inside[::-1][:10]),
                ({'marker': '700'}, list(self.rare[8:18])),
            ):
                with self.subTest(search=asked, page=page):
                    self.assertLessEqual(self._read(asked, expected, **page), self.least(150))

    def test_long_time_reads_only_the_page(self):
        """Reads no more than the page where nearly all lie in it."""
        for bounds in LONG:
            first = max(bounds.get('time_after', NOW) - NOW, 0)
            with self.subTest(search=bounds):
                self.assertLessEqual(
                    self._read(bounds, list(range(first, first + 10))), self.least(150)
                )

    def test_backups_of_a_run_take_one_statement(self):
        for number in (0, 500, BACKUPS_MADE - 10):
            for time_ended in (NOW + number + 9, -1):
                entry = {'time_started': NOW + number, 'time_ended': time_ended}
                if time_ended < 0 and number < 500:
                    continue
                members = {'busy': entry, 'idle': entry, 'never': {'time_started': -1}}
                record = session_state.Record(number // 10 + 1, 'running', '', NOW, -1, members)
                expected = self.one.run_backups(Scope(self.project_id), 's', record)
                self.assertLessEqual(10, len(expected))
                with self.subTest(number=number, time_ended=time_ended):
                    self.assertEqual(
                        1,
                        self.count(
                            lambda record=record: self.one.run_backups(
                                Scope(self.project_id), 's', record
                            )
                        ),
                    )
                    read = self.cost(
                        lambda record=record: self.one.run_backups(
                            Scope(self.project_id), 's', record
                        )
                    )
                    self.assertLessEqual(read, self.least(4 * len(expected) + 60))

    def test_no_table_is_scanned_by_a_run_or_a_write(self):
        project = self.in_project(self.project_id, self.one)
        entry = {'time_started': NOW, 'time_ended': NOW + 5}
        record = session_state.Record(
            3, 'running', '', NOW, -1, {f'j{number}': entry for number in range(300)}
        )

        def everything():
            self.one.run_backups(project.scope, 's', record)
            project.put_backup('new', time_stamp=NOW)
            project.put_backup('new', time_stamp=NOW + 1)
            project.write(BACKUPS, 'new', None)
            for bounds in SHORT[0], LONG[0]:
                project.ids(BACKUPS, [{'job_id': 'busy'}], bounds=bounds, limit=10)

        for statement, parameters in self.recorder.of(everything):
            if not statement.startswith('INSERT'):
                self.assertEqual([], costs.scans(self.one, statement, parameters), statement)


def fill_backups(connection: sqlalchemy.Connection, project: str) -> None:
    """A project with many backups, in the order of their times."""
    for number in range(BACKUPS_MADE):
        mode = {'mode': 'rare'} if number % (BACKUPS_MADE // RARE) == 0 else {}
        body = bodies.backup_body(
            str(number),
            project,
            job_id='busy',
            time_stamp=NOW + number,
            session_id='s',
            session_tag=number // 10 + 1,
            **mode,
        )
        _store(connection, Document(BACKUPS, project, str(number), 1, number, body))
