"""The same documents on every side.

Project ``p1`` has as many sessions as a round is about, each with three
members; ``p0`` and ``p64`` have a hundred with none and with 64 members;
``p2`` has jobs and what is done with them; in ``p3`` sessions are created,
and deleted again when all have done so.
"""

import collections.abc
import functools
import json
import multiprocessing
import time
import typing
import urllib.request

import pymysql

from benchmarks import seed
from benchmarks.comparison import contestants, served_here
from freezer_api.db.base import Storage

MASS, EMPTY, LARGE, JOBS, CREATED = 'p1', 'p0', 'p64', 'p2', 'p3'
#: Sessions of the projects whose number doesn't grow.
FEW = 100
#: Sessions of the mass that the limit can answer.
ANSWERS = 1000
#: Sessions that one process stores one after the other.
TOGETHER = 10_000
#: From so many sessions on, MariaDB needs more memory than tests give it, as
#: whoever has so many would give it.
MANY, MEMORY = 200_000, 4 << 30
POLLED_JOBS = 120
CLIENT = 'p2_polled'
ACTION = {
    'action': 'backup',
    'mode': 'fs',
    'storage': 'local',
    'backup_name': 'b',
    'path_to_backup': '/etc',
}
_COLUMNS = (
    'id',
    'session_tag',
    'description',
    'hold_off',
    'schedule',
    'job',
    'project_id',
    'user_id',
    'time_start',
    'time_end',
    'time_started',
    'time_ended',
    'status',
    'result',
    'deleted',
)
_INSERT = (
    f'INSERT INTO sessions ({", ".join(_COLUMNS)}) VALUES'
    f' ({", ".join(["%s"] * len(_COLUMNS))})'
)


def fill(storage: Storage, numbers: collections.abc.Iterable[int]) -> None:
    """Store the sessions of some numbers in the mass, and those of the
    projects whose number doesn't grow.
    """
    few = range(FEW)
    seed.fill(storage, EMPTY, few, members=0)
    seed.fill(storage, LARGE, few, members=64)
    seed.fill(storage, MASS, numbers, members=3)


class Data:
    """What the databases of a contest hold."""

    def __init__(self, contest: contestants.Contest, largest: int):
        self._contest = contest
        self._connection = pymysql.connect(
            unix_socket=contest.server.socket,
            user='root',
            charset='utf8mb4',
            autocommit=True,
        )
        self._cursor = self._connection.cursor()
        if largest >= MANY:
            # Before anything is in it: to grow it later takes long.
            self._cursor.execute(
                'SET GLOBAL innodb_buffer_pool_size = %s', (MEMORY,)
            )
        for name in contest.names:
            self._cursor.execute(
                f'CREATE DATABASE `{name}` CHARACTER SET utf8mb4'
            )
        self._storage = served_here.open_storage(contest.url(contestants.OURS))
        self._storage.sync()
        if contestants.PUBLISHED in contest.names:
            contest.run_published('served_published.py')
        if contestants.LIMIT in contest.names:
            self._cursor.execute(
                f'CREATE TABLE `{contestants.LIMIT}`.answers'
                ' (id VARCHAR(64) CHARACTER SET ascii PRIMARY KEY,'
                ' body LONGBLOB NOT NULL)'
            )
        self._size = 0
        few = range(FEW)
        self._fill(EMPTY, few, members=0)
        self._fill(LARGE, few, members=64)

    def grow(self, size: int) -> None:
        """Have so many sessions in the mass; it never shrinks."""
        numbers = range(self._size, size)
        self._fill(MASS, numbers, members=3)
        self._size = max(size, self._size)
        if contestants.PUBLISHED in self._contest.names:
            # Else it might be searched by statistics of an empty table.
            table = f'`{contestants.PUBLISHED}`.sessions'
            self._cursor.execute(f'ANALYZE TABLE {table}')

    def copy_answers(self, here: contestants.Contestant) -> None:
        """Give the limit, if it is there, what this service answers."""
        if contestants.LIMIT not in self._contest.names:
            return
        self._cursor.execute(f'USE `{contestants.LIMIT}`')
        replace = 'REPLACE INTO answers VALUES (%s, %s)'
        for number in range(ANSWERS):
            id = seed.session_id(number)
            path = f'/v2/{MASS}/sessions/{id}'
            body = ask(here.address, 'GET', path)
            self._cursor.execute(replace, (id, body))

    def forget_created(self) -> None:
        """Delete the sessions that the round has created."""
        # Each size begins with none of them.
        self._storage.purge(CREATED)
        if contestants.PUBLISHED in self._contest.names:
            self._cursor.execute(
                f'DELETE FROM `{contestants.PUBLISHED}`.sessions'
                ' WHERE project_id = %s',
                (CREATED,),
            )

    def counters(self) -> tuple[int, int]:
        """Return how many statements the server has got so far, and how many
        rows it has read.
        """
        self._cursor.execute(
            'SHOW GLOBAL STATUS WHERE Variable_name IN'
            " ('Questions', 'Rows_read')"
        )
        told = dict(self._cursor.fetchall())
        statements = int(told['Questions'])
        rows = int(told['Rows_read'])
        return statements, rows

    def _fill(
        self,
        project: str,
        numbers: collections.abc.Iterable[int],
        members: int,
    ) -> None:
        """Store the sessions of some numbers in a project, on all sides."""
        wanted = list(numbers)
        if len(wanted) > TOGETHER:
            url = self._contest.url(contestants.OURS)
            _fill_by_processes(url, project, wanted, members)
        else:
            seed.fill(self._storage, project, wanted, members)
        if contestants.PUBLISHED in self._contest.names:
            self._fill_published(project, wanted, members)

    def _fill_published(
        self,
        project: str,
        numbers: list[int],
        members: int,
    ) -> None:
        self._cursor.execute(f'USE `{contestants.PUBLISHED}`')
        for first in range(0, len(numbers), seed.AT_ONCE):
            some = numbers[first : first + seed.AT_ONCE]
            rows = [_row(project, number, members) for number in some]
            self._cursor.executemany(_INSERT, rows)


def _fill_by_processes(
    url: str, project: str, numbers: list[int], members: int
) -> None:
    """Store many sessions by as many processes as there are processors."""
    parts = []
    for first in range(0, len(numbers), TOGETHER):
        parts.append(numbers[first : first + TOGETHER])
    fill_part = functools.partial(_fill_part, url, project, members)
    # Not forked: the parent has connections.
    context = multiprocessing.get_context('spawn')
    with context.Pool() as pool:
        for _done in pool.imap(fill_part, parts):
            pass


def _fill_part(
    url: str, project: str, members: int, numbers: list[int]
) -> None:
    storage = served_here.open_storage(url)
    try:
        seed.fill(storage, project, numbers, members)
    finally:
        storage.close()


def _row(project: str, number: int, members: int) -> tuple[typing.Any, ...]:
    """Return the published service's row of a session."""
    member = {
        'client_id': seed.host(project, number),
        'status': 'completed',
        'result': 'success',
        'time_started': 1,
        'time_ended': 2,
    }
    jobs = {seed.job_id(number, each): member for each in range(members)}
    fields = seed.fields(number)
    # Its ids are unique over all projects.
    id = _published_id(project, number)
    return (
        id,
        1,
        fields['description'],
        fields['hold_off'],
        json.dumps(fields['schedule']),
        json.dumps(jobs),
        project,
        seed.USER,
        1,
        2,
        1,
        2,
        'completed',
        'success',
        0,
    )


def _published_id(project: str, number: int) -> str:
    id = seed.session_id(number)
    if project == MASS:
        return id
    rest = id[len(project) :]
    return f'{project}{rest}'


def session_path(name: str, project: str, number: int | str) -> str:
    """Return the path of a session at a contestant."""
    if isinstance(number, str):
        return f'/v2/{project}/sessions/{number}'
    id = seed.session_id(number)
    if name == contestants.PUBLISHED:
        id = _published_id(project, number)
    return f'/v2/{project}/sessions/{id}'


def ask(
    address: str, method: str, path: str, body: typing.Any = None
) -> bytes:
    """Return the answer to one request, which has to be a success."""
    content = None
    if body is not None:
        content = json.dumps(body).encode()
    headers = {
        'Content-Type': 'application/json',
        'Accept': 'application/json',
    }
    request = urllib.request.Request(
        f'http://{address}{path}',
        content,
        headers,
        method=method,
    )
    with urllib.request.urlopen(request, timeout=600) as answer:
        return answer.read()


class Jobs:
    """What one contestant has in the project of jobs: a client with the jobs
    that are polled, and sessions with 64 members.
    """

    def __init__(self, contestant: contestants.Contestant):
        self.address = contestant.address
        self.base = f'/v2/{JOBS}'
        client = {'client_id': CLIENT, 'hostname': 'host'}
        self._post('/clients', client)
        # All of them are pending, so each poll finds them.
        self.polled = [self.job() for _ in range(POLLED_JOBS)]
        self.session = self.new_session()

    def job(self) -> str:
        """Create a job; return its id."""
        body = {
            'client_id': CLIENT,
            'description': '',
            'job_actions': [{'freezer_action': ACTION}],
            'job_schedule': {'schedule_interval': '1 days'},
        }
        return self._post('/jobs', body)['job_id']

    def new_session(self) -> str:
        """Create a session; return its id."""
        body = {
            'description': 'burst',
            'hold_off': 60,
            'schedule': {'schedule_interval': '1 days'},
        }
        return self._post('/sessions', body)['session_id']

    def attach(
        self, session: str, jobs: collections.abc.Iterable[str]
    ) -> None:
        """Attach jobs to a session."""
        for job in jobs:
            path = f'{self.base}/sessions/{session}/jobs/{job}'
            ask(self.address, 'PUT', path)

    def members(self, session: str) -> dict[str, typing.Any]:
        """Return what the session shows of its members."""
        path = f'{self.base}/sessions/{session}'
        answer = ask(self.address, 'GET', path)
        shown = json.loads(answer)
        return shown['jobs']

    def _post(self, path: str, body: typing.Any) -> dict[str, typing.Any]:
        answer = ask(self.address, 'POST', self.base + path, body)
        return json.loads(answer)


def now() -> int:
    """Return the seconds since the epoch."""
    return int(time.time())
