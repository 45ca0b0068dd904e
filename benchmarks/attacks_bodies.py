"""What hostile bodies cost: the answer, seconds and peak memory of each
request.

usage: python -m benchmarks.attacks_bodies [CASE …]

On SQLite; ``DB_URL`` names another database, which may have documents already,
and ``ES_URL`` a host of Elasticsearch instead. Each case has a process of its
own. The peak is that of the process until the end of the request, the bodies
that it sends among it.
"""

import collections.abc
import multiprocessing
import os
import resource
import sys
import tempfile
import time
import typing
import uuid

import orjson
import webob

from freezer_api import app, conf, db, middleware

#: Method, path and body of a request, and how often it is sent.
Step = tuple[str, str, typing.Any, int]
BACKUP = {'backup_name': 'b', 'container': 'c', 'hostname': 'h'}
#: Each number is a pair that a search can find the document by.
NUMBERS = {**BACKUP, 'numbers': list(range(500_000))}
#: They are added to each action of a job that lacks them.
DEFAULTS = {f'k{number}': 1 for number in range(70_000)} | {'action': 'exec'}
#: What a client can do, of which each action of its jobs needs one.
MODES = [f'{number:x}' for number in range(500_000)] + ['nova']
#: Small as JSON, and large as objects of Python.
NESTED = {'action': 'exec', 'nested': [[] for _ in range(1_300_000)]}
PLAIN = {'client_id': 'c'}
#: A job with the action that all of them share.
SHARED = {'client_id': 'c', 'job_actions': [{'action_id': 'large'}]}


def _entries(
    count: int, entry: dict[str, typing.Any]
) -> list[dict[str, typing.Any]]:
    return [entry] * count


CASES: dict[str, list[Step]] = {
    # Many defaults in each of many entries.
    'defaults': [
        ('POST', '/clients', PLAIN, 1),
        (
            'POST',
            '/jobs',
            {
                'client_id': 'c',
                'action_defaults': DEFAULTS,
                'job_actions': _entries(3_000, {}),
            },
            1,
        ),
    ],
    # Many actions, each held against many modes; then a client without.
    'capabilities': [
        ('POST', '/clients', {'client_id': 'c', 'supported_modes': MODES}, 1),
        ('POST', '/clients', PLAIN, 1),
        (
            'POST',
            '/jobs',
            {
                'client_id': 'c',
                'job_actions': _entries(
                    250, {'freezer_action': {'action': 'exec', 'mode': 'nova'}}
                ),
            },
            1,
        ),
    ],
    # An action that many jobs show, and its change in all of them.
    'shared action': [
        ('POST', '/clients', PLAIN, 1),
        ('POST', '/actions/large', {'freezer_action': NESTED}, 1),
        (
            'POST',
            '/actions/large',
            {'freezer_action': {**NESTED, 'nested': [[]] * 80_000}},
            1,
        ),
        ('POST', '/jobs', SHARED, 30),
        ('GET', '/jobs?limit=30', None, 1),
        ('PATCH', '/actions/large', {'freezer_action': {'more': 1}}, 1),
        ('POST', '/jobs', SHARED, 170),
        ('GET', '/jobs?limit=200', None, 1),
        ('PATCH', '/actions/large', {'freezer_action': {'more': 2}}, 1),
        ('DELETE', '/actions/large', None, 1),
    ],
    # A document of many search terms; a change of all of them.
    'numbers': [
        ('POST', '/backups', NUMBERS, 1),
        ('POST', '/backups', {**NUMBERS, 'numbers': list(range(4_000))}, 1),
        (
            'PATCH',
            '/backups/{id}',
            {'numbers': [-n for n in range(500_000)]},
            1,
        ),
        ('PATCH', '/backups/{id}', {'numbers': [-n for n in range(4_000)]}, 1),
    ],
    # A job of many actions.
    'entries': [
        ('POST', '/clients', PLAIN, 1),
        (
            'POST',
            '/jobs',
            {
                'client_id': 'c',
                'action_defaults': {'action': 'exec'},
                'job_actions': _entries(20_000, {}),
            },
            1,
        ),
        ('GET', '/actions?limit=1000', None, 1),
    ],
    # Pages of large documents.
    'pages': [
        ('POST', '/backups', {**BACKUP, 'text': 'x' * 250_000}, 200),
        ('GET', '/backups?limit=100', None, 1),
        ('GET', '/backups?limit=1000', None, 1),
    ],
}


def _application(folder: str) -> app.Application:
    """The application on an empty store."""
    configuration = conf.new()
    configuration(
        [],
        project='freezer-api',
        default_config_files=[],
        default_config_dirs=[],
    )
    if 'ES_URL' in os.environ:
        configuration.set_override('driver', 'elasticsearch', group='storage')
        configuration.set_override(
            'hosts', [os.environ['ES_URL']], group='elasticsearch'
        )
        configuration.set_override(
            'index', f'attacks-{uuid.uuid4().hex}', group='elasticsearch'
        )
    else:
        url = os.environ.get('DB_URL') or f'sqlite:///{folder}/db'
        configuration.set_override('connection', url, group='database')
    storage = db.load(configuration)
    storage.sync()
    return app.build(configuration, storage, authenticate=middleware.EveryRole)


def _send(
    application: app.Application, project: str, step: Step, id: str
) -> tuple[str, bytes]:
    method, path, body, _times = step
    raw = b''
    if body is not None:
        raw = orjson.dumps(body)
    headers = {
        'X-Project-Id': project,
        'X-User-Id': 'user',
        'X-Roles': 'member',
    }
    below = path.replace('{id}', id)
    request = webob.Request.blank(
        f'/v2/{project}{below}',
        method=method,
        body=raw,
        headers=headers,
    )
    answer = request.get_response(application)
    return answer.status, answer.body


def _run(name: str) -> None:
    """Send the requests of a case, and print what became of each."""
    project = uuid.uuid4().hex
    id = 'none'
    with tempfile.TemporaryDirectory() as folder:
        application = _application(folder)
        for step in CASES[name]:
            method, path, _body, times = step
            begun = time.perf_counter()
            for _ in range(times):
                status, body = _send(application, project, step, id)
            seconds = time.perf_counter() - begun

            usage = resource.getrusage(resource.RUSAGE_SELF)
            peak = usage.ru_maxrss / 1024
            answered = {}
            if body:
                answered = orjson.loads(body)
            # Later steps change the last backup.
            id = answered.get('backup_id', id)

            what = f'{method} {path}'
            if times > 1:
                what += f' ×{times}'
            code, _, _reason = status.partition(' ')
            why = answered.get('description', '')
            print(
                f'{name:14} {what:30} {seconds:8.2f} s {peak:7.0f} MB '
                f' {code} {why:.70}',
                flush=True,
            )


def main(names: collections.abc.Sequence[str]) -> None:
    """Run cases, each in a new process."""
    for name in names or CASES:
        child = multiprocessing.get_context('spawn').Process(
            target=_run, args=(name,)
        )
        child.start()
        child.join()


if __name__ == '__main__':
    main(sys.argv[1:])
