"""``freezer-manage session``: looking at the sessions of the store, as tables
on a terminal and as JSON elsewhere.
"""

import argparse
import collections.abc
import datetime
import itertools
import json
import sys
import typing

from oslo_config import cfg

from freezer_api import exceptions
from freezer_api.cmd import common, stores
from freezer_api.db import copying
from freezer_api.db.base import Scope, Storage
from freezer_api.domain import run_state, search_query, texts
from freezer_api.domain.documents import SESSIONS, Body
from freezer_api.domain.session_state import Session

#: Sessions that are read at once.
PAGE_SIZE = 100
#: Runs that ``show`` lists.
RUNS_SHOWN = 20
#: The columns of ``list``, by what they show of a session.
COLUMNS = {
    'Project': 'project_id',
    'Session': 'session_id',
    'Status': 'status',
    'Result': 'result',
    'Tag': 'session_tag',
    'Started': 'time_start',
    'Jobs': 'jobs',
    'Description': 'description',
}
MEMBER_COLUMNS = {
    'Job': 'job_id',
    'Client': 'client_id',
    'Status': 'status',
    'Result': 'result',
    'Started': 'time_started',
    'Ended': 'time_ended',
}
RUN_COLUMNS = {
    'Tag': 'session_tag',
    'Status': 'status',
    'Result': 'result',
    'Started': 'time_start',
    'Ended': 'time_end',
    'Jobs': 'jobs',
}
_TIMES = ('time_start', 'time_end', 'time_started', 'time_ended')
#: Characters of a cell.
_WIDEST = 60


def add_parsers(
    subparsers: 'argparse._SubParsersAction[argparse.ArgumentParser]',
) -> None:
    """Add the commands about sessions."""
    parser = subparsers.add_parser(
        'list',
        help='list sessions: a table on a terminal, else a JSON object a line',
    )
    parser.add_argument(
        '--project-id', metavar='ID', help='those of one project alone'
    )
    parser.add_argument(
        '--status',
        choices=('active', 'running', 'completed'),
        help='those of one status alone',
    )
    parser.add_argument(
        '--limit', type=_positive, metavar='N', help='at most so many'
    )
    parser.set_defaults(run=list_sessions)
    parser = subparsers.add_parser(
        'show',
        help='show a session with its members and its latest runs: tables on'
        ' a terminal, else JSON',
    )
    parser.add_argument('session_id', metavar='SESSION', help='its id')
    parser.add_argument(
        '--project-id', metavar='ID', required=True, help='its project'
    )
    parser.set_defaults(run=show)


def list_sessions(conf: cfg.ConfigOpts) -> int:
    """List sessions, in the order of their creation."""
    arguments = conf.command
    with stores.open_store(conf) as storage:
        storage.check()
        if arguments.project_id is None:
            bodies = _all_sessions(storage)
        else:
            bodies = _sessions_of(storage, arguments.project_id)
        if arguments.status:
            status = arguments.status
            bodies = (body for body in bodies if body['status'] == status)
        bodies = itertools.islice(bodies, arguments.limit)
        if sys.stdout.isatty():
            _print_table(COLUMNS, list(bodies))
        else:
            for body in bodies:
                print(json.dumps(body))
    return common.DONE


def show(conf: cfg.ConfigOpts) -> int:
    """Show a session with its members and its latest runs."""
    arguments = conf.command
    scope = Scope(arguments.project_id)
    with stores.open_store(conf) as storage:
        storage.check()
        body = storage.get(scope, SESSIONS, arguments.session_id).body
        records, _more = storage.runs(scope, arguments.session_id, RUNS_SHOWN)
    runs = [record.shown(arguments.session_id) for record in records]
    if not sys.stdout.isatty():
        print(json.dumps({**body, 'runs': runs}))
        return common.DONE
    fields = []
    for key, value in body.items():
        if key != 'jobs':
            fields.append({'field': key, 'value': _cell(key, value)})
    _print_table({'Field': 'field', 'Value': 'value'}, fields)
    members = [{'job_id': id, **job} for id, job in body['jobs'].items()]
    for columns, rows in ((MEMBER_COLUMNS, members), (RUN_COLUMNS, runs)):
        print()
        _print_table(columns, rows)
    return common.DONE


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _all_sessions(storage: Storage) -> collections.abc.Iterator[Body]:
    """Yield the sessions of all projects, as the API would show them now."""
    for page in copying.pages(storage, SESSIONS):
        for entry in page:
            session = typing.cast(Session, entry.content)
            yield run_state.lapse(session, storage.clock()).body()


def _sessions_of(
    storage: Storage, project_id: str
) -> collections.abc.Iterator[Body]:
    """Yield the sessions of a project."""
    marker, limit = None, PAGE_SIZE
    while True:
        query = search_query.Query(limit=limit, marker=marker)
        try:
            page = storage.find(Scope(project_id), SESSIONS, query)
        except exceptions.InvalidInput:
            # The page has too many bytes. One session never has.
            if limit == 1:
                raise
            limit //= 2
            continue
        for document in page.documents:
            yield document.body
        if not page.more:
            return
        marker = page.documents[-1].id


def _print_table(
    columns: collections.abc.Mapping[str, str],
    rows: collections.abc.Sequence[collections.abc.Mapping[str, typing.Any]],
) -> None:
    """Print rows under headings."""
    cells = [list(columns)]
    for row in rows:
        cells.append([_cell(key, row[key]) for key in columns.values()])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        padded = [
            cell.ljust(width) for cell, width in zip(line, widths, strict=True)
        ]
        print('  '.join(padded).rstrip())


def _cell(key: str, value: typing.Any) -> str:
    """Return what a cell shows: of times the time in UTC, of jobs how many
    there are.
    """
    if key in _TIMES:
        return _time(value)
    if key == 'jobs':
        return str(len(value))
    text = json.dumps(value) if isinstance(value, dict) else str(value)
    text = texts.printable(text)
    if len(text) > _WIDEST:
        return f'{text[: _WIDEST - 1]}…'
    return text


def _time(seconds: int) -> str:
    """Return a time in UTC; '' for none."""
    if seconds < 0:
        return ''
    time = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return f'{time:%Y-%m-%d %H:%M:%S}Z'
