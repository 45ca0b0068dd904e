"""How often an operation asks its store: statements of a database, requests
to a cluster.

The application is served from this process, by one thread, so that nobody is
in anybody's way and all that the storage does can be counted.
"""

import collections.abc
import threading
import typing
import wsgiref.simple_server

from benchmarks.comparison import bursts, cases, loads, served_here
from benchmarks.comparison.contestants import Used
from freezer_api.db.base import Storage
from freezer_api.db.elasticsearch import driver as elasticsearch
from freezer_api.db.sqlalchemy import driver as sqlalchemy
from tests.contract import costs, interception


class Counter:
    """How often a storage has asked its store so far."""

    def __init__(self, storage: Storage):
        self._requests = 0
        self._recorder = None
        if isinstance(storage, sqlalchemy.Driver):
            self._recorder = costs.Recorder(storage)
        elif isinstance(storage, elasticsearch.Driver):
            interception.intercept(storage, self._answer)

    @property
    def asked(self) -> int:
        """Return the number of statements or requests."""
        if self._recorder is not None:
            # Of a database, else of a cluster.
            return len(self._recorder.statements)
        return self._requests

    def _answer(self, request: interception.Request) -> interception.Answer:
        self._requests += 1
        return request()


class _Server(wsgiref.simple_server.WSGIServer):
    # All of a burst may wait for the one thread.
    request_queue_size = 2 * bursts.MEMBERS


class _Quiet(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """Log nothing."""


class Counted:
    """The application on a storage, of which what it asks its store is
    counted, in the place of the database's seconds.
    """

    def __init__(self, storage: Storage):
        self._counter = Counter(storage)
        self._application = served_here.build(storage)
        #: How many requests have been answered.
        self.requests = 0
        self._server = wsgiref.simple_server.make_server(
            '127.0.0.1',
            0,
            self._answer,
            _Server,
            _Quiet,
        )
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    @property
    def address(self) -> str:
        """Return where it listens."""
        return f'127.0.0.1:{self._server.server_port}'

    def used(self) -> Used:
        """Return how often it has asked its store."""
        return Used(0.0, self._counter.asked)

    def _answer(
        self, environ: dict[str, typing.Any], start_response: typing.Any
    ) -> collections.abc.Iterable[bytes]:
        # One thread answers, so nobody counts at the same time.
        self.requests += 1
        return self._application(environ, start_response)

    def stop(self) -> None:
        """Serve nobody any more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def count(
    storage: Storage,
    wanted: collections.abc.Iterable[cases.Case],
    place: cases.Place,
) -> dict[str, float]:
    """Return how often a request of each case, and of each of
    :data:`.bursts.BURSTS`, asks the store.
    """
    found: dict[str, float] = {}
    counted = Counted(storage)
    try:
        for case in wanted:
            # What only the first request asks for isn't counted.
            loads.check(case, place, counted)
            found[case.name] = _each(case, place, counted)
        if place.jobs is not None:
            done = bursts.burst(counted, place.jobs)
            for name, figures in done.items():
                # The figures are for a thousand requests.
                found[name] = figures.database / 1000
    finally:
        counted.stop()
    return found


def _each(case: cases.Case, place: cases.Place, counted: Counted) -> float:
    """Return how often a request of a case asks the store."""
    asked = counted.used().database
    requests = counted.requests
    loads.hammer(
        case,
        place,
        counted,
        seconds=1,
        connections=1,
    )

    # Those too that nobody waited for any more when time was up.
    asked = counted.used().database - asked
    requests = counted.requests - requests
    return asked / requests
