"""Measuring what the SQL driver asks of its databases: how many statements, and how many rows these
read.
"""

import collections.abc
import typing

import sqlalchemy

from freezer_api.db.sqlalchemy import driver
from freezer_api.tests.contract import base, project_operations

Call = collections.abc.Callable[[], typing.Any]


class Recorder:
    """The statements that a driver executes; beginning a transaction isn't one."""

    def __init__(self, storage: driver.Driver):
        self.statements: list[tuple[str, typing.Any]] = []
        for engine in (storage.database.engines.reader, storage.database.engines.writer):
            sqlalchemy.event.listen(engine, 'before_cursor_execute', self._record)

    def of(self, call: Call) -> list[tuple[str, typing.Any]]:
        """Those that a call executes."""
        self.statements.clear()
        call()
        return list(self.statements)

    def _record(self, connection, cursor, statement, parameters, context, many):
        if not statement.startswith('BEGIN'):
            self.statements.append((statement, parameters))


class Cost:
    """A store with one connection each for reading and writing, and a recorder on them."""

    storage: typing.Any
    options: typing.Any
    project: project_operations.Project
    clock: base.Clock
    addCleanup: typing.Any

    def setUp(self):
        super().setUp()
        storage = driver.Driver(
            base.configured(
                {
                    **self.options,
                    'database': {**self.options['database'], 'max_pool_size': 1, 'max_overflow': 0},
                }
            ),
            self.clock,
        )
        self.addCleanup(storage.close)
        storage.check()
        self.one: driver.Driver = storage
        self.recorder = Recorder(storage)

    def count(self, call: Call) -> int:
        """The statements that a call executes."""
        return len(self.recorder.of(call))

    def cost(self, call: Call) -> int:
        """The rows that a call reads, in the unit of :meth:`least`."""
        return COSTS[self.one.database.dialect](self.one, self.recorder, call)

    def least(self, number: int) -> int:
        """A bound of so many rows; SQLite tells steps of its machine instead, some twenty for each
        row.
        """
        return 20 * number if self.one.database.dialect == 'sqlite' else number


class Settling:
    """What a lapsed session costs those who read it, on every store: the first one settles it. Its
    ``hold_off`` is 60 seconds.
    """

    #: Statements or requests of the read that settles.
    settling = 4

    project: project_operations.Project
    clock: base.Clock
    session: str
    jobs: list[str]
    count: typing.Any
    assertEqual: typing.Any

    def test_only_the_first_read_settles_a_lapsed_session(self):
        self.project.start(self.session, self.jobs[0], 0)
        self.project.end(self.session, self.jobs[0], 1)
        self.clock.advance(61)
        self.assertEqual(
            self.settling,
            self.count(
                lambda: self.assertEqual('completed', self.project.session(self.session)['status'])
            ),
        )
        self.assertEqual(1, self.count(lambda: self.project.session(self.session)))


def analyze(storage: driver.Driver) -> None:
    """Let the planner know what there is, and which pages are the same for all, as it does after a
    while.
    """
    if storage.database.dialect == 'postgresql':
        with storage.database.readers.lend() as connection:
            connection.exec_driver_sql('VACUUM ANALYZE')


def handler_reads(storage: driver.Driver, recorder: Recorder, call: Call) -> int:
    """The rows that MariaDB reads for a call, by the counters of the connection."""

    def counters() -> int:
        with storage.database.readers.lend() as connection:
            found = connection.exec_driver_sql(
                "SHOW SESSION STATUS LIKE 'Handler\\_read\\_%%'"
            ).all()
        return sum(int(count) for name, count in found if name not in ('Handler_read_retry',))

    before = counters()
    nothing = counters() - before
    before = counters()
    call()
    return counters() - before - nothing


def explained_reads(storage: driver.Driver, recorder: Recorder, call: Call) -> int:
    """The rows that PostgreSQL reads for the statements of a call, by explaining them."""
    total = 0
    with storage.database.writers.lend() as connection:
        for statement, parameters in recorder.of(call):
            plan = connection.exec_driver_sql(
                f'EXPLAIN (ANALYZE, FORMAT JSON) {statement}', parameters
            ).scalar()
            total += sum(
                node['Actual Loops']
                * sum(
                    node.get(count, 0)
                    for count in (
                        'Actual Rows',
                        'Rows Removed by Filter',
                        'Rows Removed by Index Recheck',
                    )
                )
                for node in nodes(plan[0]['Plan'])
                if 'Relation Name' in node
            )
        connection.rollback()
    return int(total)


def machine_steps(storage: driver.Driver, recorder: Recorder, call: Call) -> int:
    """The steps of SQLite's machine for a call."""
    steps = [0]

    def step() -> int:
        steps[0] += 1
        return 0

    def watch(handler: typing.Any) -> None:
        with storage.database.readers.lend() as connection:
            connection.connection.driver_connection.set_progress_handler(handler, 1)

    watch(step)
    call()
    watch(None)
    return steps[0]


def nodes(plan: typing.Any) -> collections.abc.Iterator[typing.Any]:
    """The nodes of a plan of PostgreSQL."""
    yield plan
    for child in plan.get('Plans', ()):
        yield from nodes(child)


def scans(storage: driver.Driver, statement: str, parameters: typing.Any) -> list[str]:
    """The tables that a statement would read from one end to the other, for want of an index."""
    parameters = parameters[0] if isinstance(parameters, list) else parameters
    with storage.database.writers.lend() as connection, connection.begin():
        if storage.database.dialect == 'sqlite':
            plan = connection.exec_driver_sql(f'EXPLAIN QUERY PLAN {statement}', parameters)
            return [row[3] for row in plan if row[3].startswith('SCAN freezer_')]
        if storage.database.dialect == 'postgresql':
            connection.exec_driver_sql('SET LOCAL enable_seqscan = off')
            plan = connection.exec_driver_sql(
                f'EXPLAIN (FORMAT JSON) {statement}', parameters
            ).scalar()
            return [
                node['Relation Name']
                for node in nodes(plan[0]['Plan'])
                if node['Node Type'] == 'Seq Scan'
            ]
        plan = connection.exec_driver_sql(f'EXPLAIN {statement}', parameters).mappings()
        return [
            row['table']
            for row in plan
            if row['type'] in ('ALL', 'index') and str(row['table']).startswith('freezer_')
        ]


COSTS = {'mysql': handler_reads, 'postgresql': explained_reads, 'sqlite': machine_steps}
