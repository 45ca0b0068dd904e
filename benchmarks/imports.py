"""How long ``freezer-manage db import`` takes, and how much memory: seconds of
each step and of the processor, documents a second, and MiB at most.

Run ``python -m tests.servers run -- python -m benchmarks.imports``. The source
has so many jobs and sessions (``--documents`` of each), each job with an
action of its own, two jobs in each of the first sessions, with the run that
these have had. It is in SQLite, or in MariaDB (``--source mysql``); the target
is SQLite, MariaDB and PostgreSQL by turns, or those that ``--targets`` names.
``import`` is the whole command, in a process of its own: it reads the source,
writes the store, reads both again and compares; ``again`` is the command once
more, which finds everything there. Memory and processor are the command's;
what the servers take of theirs is in the seconds.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
import typing

import sqlalchemy

from tests import servers
from tests.importing import published
from tests.live import programs

TARGETS = {
    'sqlite': programs.SQLITE,
    'mysql': servers.MYSQL,
    'postgresql': servers.POSTGRESQL,
}
#: Rows that are made by one statement.
PAGE = 5000
SCHEDULE = '{"schedule_interval": "1 days"}'
DEFINITION = json.dumps(published.DEFINITION)
OWNED = {'project_id': published.PROJECT, 'user_id': published.USER}
#: When a run began, and when it ended.
STARTED, ENDED = published.BEGIN_SECONDS, published.BEGIN_SECONDS + 9
MEMBER = published.member(
    'completed', result='success', time_started=STARTED, time_ended=ENDED
)

Row = dict[str, typing.Any]


def rows(number: int, count: int) -> dict[str, Row]:
    """The rows of one job, its action and a session."""
    # The later ones were made later, a hundred in each second.
    created = published.BEGIN + datetime.timedelta(seconds=number // 100)
    common: Row = {'created_at': f'{created}.000000', 'deleted': 0}
    link = {
        'id': f'l{number}',
        'job_id': f'j{number}',
        'action_id': f'a{number}',
        'position': 0,
    }
    return {
        'actions': common | OWNED | _action(number),
        'jobs': common | OWNED | _job(number),
        'job_actions': common | link,
        'sessions': common | OWNED | _session(number, count),
    }


def _action(number: int) -> Row:
    return {
        'id': f'a{number}',
        'action': 'backup',
        'actionmode': 'fs',
        'backup_metadata': DEFINITION,
    }


def _job(number: int) -> Row:
    return {
        'id': f'j{number}',
        'client_id': 'web1',
        'description': f'job {number}',
        'schedule': SCHEDULE,
        'session_id': f's{number // 2}',
        'session_tag': 1,
    }


def _session(number: int, count: int) -> Row:
    """Return a session, with two members and their run if there are jobs for
    it: there are half as many pairs of jobs as sessions.
    """
    session = {
        'id': f's{number}',
        'description': f'session {number}',
        'hold_off': 60,
        'schedule': SCHEDULE,
        'time_end': ENDED,
    }
    first, second = 2 * number, 2 * number + 1
    if second >= count:
        return session | {
            'session_tag': 0,
            'status': 'active',
            'time_start': -1,
            'job': None,
            'result': '',
        }
    names = (f'j{first}', f'j{second}')
    members = dict.fromkeys(names, MEMBER)
    return session | {
        'session_tag': 1,
        'status': 'completed',
        'time_start': STARTED,
        'job': json.dumps(members),
        'result': 'success',
    }


def fill(origin: published.Published, count: int) -> None:
    """Make so many jobs and sessions."""
    origin.add('clients', 'c1')
    engine = sqlalchemy.create_engine(origin.url)
    for first in range(0, count, PAGE):
        beyond = min(first + PAGE, count)
        made = [rows(number, count) for number in range(first, beyond)]
        with engine.begin() as connection:
            for table in made[0]:
                page = [one[table] for one in made]
                statement = _insertion(table, page[0])
                connection.execute(statement, page)
    with engine.begin() as connection:
        # The published schema has it by a foreign key.
        index = 'CREATE INDEX by_job ON job_actions (job_id)'
        connection.exec_driver_sql(index)
    engine.dispose()


def _insertion(table: str, row: Row) -> sqlalchemy.TextClause:
    """Return the statement that inserts rows with the columns of one."""
    columns = ', '.join(row)
    marks = ', '.join(f':{column}' for column in row)
    text = f'INSERT INTO {table} ({columns}) VALUES ({marks})'
    return sqlalchemy.text(text)


def manage(config_file: str, *arguments: str) -> tuple[float, float, float]:
    """Run freezer-manage; its seconds, those of the processor, and its MiB."""
    began = time.monotonic()
    # Not run(): the usage of a single child is told by wait4 alone.
    process = subprocess.Popen(
        [
            str(programs.FOLDER / 'freezer-manage'),
            '--config-file',
            config_file,
            *arguments,
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    # What it tells of its steps, with the time of each.
    for line in process.stdout:
        took = time.monotonic() - began
        print(f'    {took:8.1f} s  {line}', end='', flush=True)
    _id, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f'{arguments}: {status}')
    took = time.monotonic() - began
    worked = usage.ru_utime + usage.ru_stime
    # Linux tells it in KiB.
    memory = usage.ru_maxrss / 1024
    return took, worked, memory


def measure(name: str, url: str, count: int) -> None:
    """Import into a new store, and again."""
    with (
        programs.Database(TARGETS[name]) as place,
        tempfile.TemporaryDirectory() as folder,
    ):
        file = programs.configuration(folder, place.url)
        manage(file, 'db', 'sync')
        print(f'into {name}', flush=True)
        for what in ('import', 'again'):
            took, worked, memory = manage(file, 'db', 'import', '--from', url)
            # Jobs, sessions and actions.
            rate = 3 * count / took
            print(
                f'{name:10} {what:7} {took:8.1f} s, {worked:.1f} s of the'
                f' processor, {rate:.0f} documents/s, {memory:.0f} MiB',
                flush=True,
            )


def main() -> None:
    """Import into each target."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--documents', type=int, default=100_000)
    parser.add_argument(
        '--source', choices=('sqlite', 'mysql'), default='sqlite'
    )
    parser.add_argument('--targets', nargs='+', default=[*TARGETS])
    arguments = parser.parse_args()
    with (
        programs.Database(TARGETS[arguments.source]) as place,
        published.Published(published.RELEASE_19, place.url) as origin,
    ):
        fill(origin, arguments.documents)
        for name in arguments.targets:
            measure(name, origin.url, arguments.documents)


if __name__ == '__main__':
    main()
