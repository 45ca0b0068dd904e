"""What the framework costs: microseconds of a GET of one session, the storage
and the token's validation aside.

Run ``python -m benchmarks.framework``. The application is called in the
process, as a WSGI server calls it. A filter in keystonemiddleware's place
writes the headers that a valid token leads to. The document is written to a
real SQLite store and read from it once; from then on a store around that one
answers from memory, so that what is timed is routing, policy, context, the
service's rendering, JSON and the outer layers. (Taking a measured time of the
real store off a measured time of the whole gives the same, but adds the moods
of two measurements.) The time is that of the processor in this process; the
figure is the median over rounds, and the lowest is what an idle machine would
show.
"""

import argparse
import collections.abc
import io
import statistics
import tempfile
import time
import typing

from freezer_api import app, conf, db
from freezer_api.db.base import Scope, Storage
from freezer_api.domain import documents
from freezer_api.services import common, sessions

#: Whose session is asked for.
PROJECT, SESSION = 'project', 'session.one'
#: What keystonemiddleware adds to a request with a valid token.
IDENTITY = {
    'HTTP_X_IDENTITY_STATUS': 'Confirmed',
    'HTTP_X_USER_ID': 'user',
    'HTTP_X_USER_NAME': 'name',
    'HTTP_X_PROJECT_ID': PROJECT,
    'HTTP_X_PROJECT_NAME': 'name',
    'HTTP_X_USER_DOMAIN_ID': 'default',
    'HTTP_X_PROJECT_DOMAIN_ID': 'default',
    'HTTP_X_ROLES': 'member,reader',
}


def environ() -> dict[str, typing.Any]:
    """What a server makes of a GET, new for each one."""
    return {
        'REQUEST_METHOD': 'GET',
        'SCRIPT_NAME': '',
        'PATH_INFO': f'/v2/{PROJECT}/sessions/{SESSION}',
        'QUERY_STRING': '',
        'SERVER_NAME': 'localhost',
        'SERVER_PORT': '9090',
        'SERVER_PROTOCOL': 'HTTP/1.1',
        'HTTP_HOST': 'localhost:9090',
        'HTTP_ACCEPT': '*/*',
        # As long as a Fernet token.
        'HTTP_X_AUTH_TOKEN': 'x' * 180,
        'HTTP_USER_AGENT': 'benchmark',
        'wsgi.version': (1, 0),
        'wsgi.url_scheme': 'http',
        'wsgi.input': io.BytesIO(),
        'wsgi.errors': io.StringIO(),
        'wsgi.multithread': True,
        'wsgi.multiprocess': False,
        'wsgi.run_once': False,
    }


def identified(application: app.Application) -> app.Application:
    """An application to whose callers Keystone has said who they are."""

    def call(
        request: dict[str, typing.Any], start_response: typing.Any
    ) -> collections.abc.Iterable[bytes]:
        request.update(IDENTITY)
        return application(request, start_response)

    return call


class Remembering:
    """A store that reads each document once."""

    def __init__(self, storage: Storage):
        self._storage = storage
        self._known: dict[tuple[Scope, str, str], documents.Document] = {}

    def __getattr__(self, name: str) -> typing.Any:
        # All else is the store's own.
        return getattr(self._storage, name)

    def get(self, scope: Scope, kind: str, id: str) -> documents.Document:
        """The document as it was when it was read first."""
        key = (scope, kind, id)
        if key not in self._known:
            self._known[key] = self._storage.get(scope, kind, id)
        return self._known[key]


def prepare(folder: str) -> app.Application:
    """The application, on a store with one session."""
    options = conf.new()
    options([], default_config_files=[], default_config_dirs=[])
    options.set_override(
        'connection', f'sqlite:///{folder}/benchmark.sqlite', group='database'
    )
    storage = db.load(options)
    storage.sync()
    body = {
        'description': 'nightly',
        'schedule': {
            'schedule_interval': '1 days',
            'schedule_start_date': '2026-01-01T00:00:00',
        },
    }
    sessions.replace(storage, common.Caller(PROJECT, 'user'), SESSION, body)
    return app.build(
        options,
        typing.cast(Storage, Remembering(storage)),
        authenticate=identified,
    )


def measured(
    function: collections.abc.Callable[[], typing.Any], calls: int
) -> float:
    """Microseconds of one call, by the processor's time of this process."""
    begun = time.process_time()
    for _call in range(calls):
        function()
    return (time.process_time() - begun) / calls * 1e6


def main() -> None:
    """Measure, and print the median and the lowest round."""
    parser = argparse.ArgumentParser(
        description='Measure the share of the framework in a GET.'
    )
    parser.add_argument('--rounds', type=int, default=100)
    parser.add_argument(
        '--calls', type=int, default=200, help='calls in each round'
    )
    arguments = parser.parse_args()
    statuses: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        application = prepare(folder)

        def request() -> None:
            b''.join(
                application(
                    environ(),
                    lambda status, headers, exc_info=None: statuses.add(
                        status
                    ),
                )
            )

        # The first calls fill caches and compile what is compiled once.
        measured(request, arguments.calls)
        rounds = [
            measured(request, arguments.calls)
            for _round in range(arguments.rounds)
        ]
    # What is refused early costs less.
    if statuses != {'200 OK'}:
        raise SystemExit(
            f'the application answered {", ".join(sorted(statuses))}'
        )
    print(
        f'framework share of a GET: median {statistics.median(rounds):.1f} us,'
        f' lowest {min(rounds):.1f} us'
    )


if __name__ == '__main__':
    main()
