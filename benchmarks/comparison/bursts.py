"""How the members of one session act at once: each by a connection of its
own, as agents do.

One thread makes all requests, and has them ready before the first is sent:
who makes them shares the processors with the servers.
"""

import collections
import collections.abc
import dataclasses
import selectors
import socket
import time
import typing

from benchmarks import http
from benchmarks.comparison import data, loads
from benchmarks.comparison.contestants import Used
from benchmarks.comparison.loads import Figures

#: Members of a session that act at once.
MEMBERS = 64
#: Sessions in each turn: what one of them takes says little.
SESSIONS = 4
#: What many do at once, in this order.
BURSTS = (
    'attach of 64',
    'start of 64 at once',
    'end of 64 at once',
    'detach of 64',
)
#: Bytes that are received at once.
RECEIVED = 64 * 1024

#: Method, path and body.
Request = tuple[str, str, typing.Any]


def burst(contestant: loads.Served, jobs: data.Jobs) -> dict[str, Figures]:
    """Let 64 jobs join a session, start and end in it at once, and leave it,
    in several sessions one after the other; ``lost`` counts those of which the
    session doesn't know it.
    """
    found: dict[str, list[_Burst]] = {name: [] for name in BURSTS}
    for _ in range(SESSIONS):
        in_session = _in_session(contestant, jobs)
        for name, one in zip(BURSTS, in_session, strict=True):
            found[name].append(one)
    return {name: _figures(all_bursts) for name, all_bursts in found.items()}


def _in_session(
    contestant: loads.Served, jobs: data.Jobs
) -> tuple['_Burst', ...]:
    """Return what the bursts of one session took."""
    session = jobs.new_session()
    members = [jobs.job() for _ in range(MEMBERS)]
    path = f'{jobs.base}/sessions/{session}'
    joins: list[Request] = []
    starts: list[Request] = []
    ends: list[Request] = []
    leaves: list[Request] = []
    for job in members:
        start = {'job_id': job, 'current_tag': 0}
        # The run that the start has begun.
        end = {'job_id': job, 'current_tag': 1, 'result': 'success'}
        joins.append(('PUT', f'{path}/jobs/{job}', None))
        starts.append(('POST', f'{path}/action', {'start': start}))
        ends.append(('POST', f'{path}/action', {'end': end}))
        leaves.append(('DELETE', f'{path}/jobs/{job}', None))

    attached = _at_once(contestant, joins, loads.CONNECTIONS)
    started = _at_once(contestant, starts, MEMBERS)
    ended = _at_once(contestant, ends, MEMBERS)
    lost = _count_lost(members, jobs.members(session))
    ended = ended._replace(lost=lost)
    detached = _at_once(contestant, leaves, loads.CONNECTIONS)
    return attached, started, ended, detached


def _count_lost(
    members: collections.abc.Iterable[str],
    shown: dict[str, typing.Any],
) -> int:
    """Return how many members haven't ended, as the session shows it."""
    lost = 0
    for job in members:
        member = shown.get(job, {})
        if member.get('status') != 'completed':
            lost += 1
    return lost


def _at_once(
    contestant: loads.Served,
    requests: collections.abc.Sequence[Request],
    callers: int,
) -> '_Burst':
    """Have so many callers make some requests."""
    texts = []
    for request in requests:
        texts.append(http.compose(contestant.address, *request))
    sender = _Sender(contestant.address, texts)

    before = contestant.used()
    begun = time.perf_counter()
    sender.send_all(callers)
    took = time.perf_counter() - begun
    used = contestant.used().since(before)

    sender.require_answers()
    return _Burst(
        took,
        used,
        sender.taken,
        lost=0,
    )


class _Burst(typing.NamedTuple):
    """What requests at once took: seconds, processors, and the seconds of
    each; and how many were acknowledged and are lost.
    """

    took: float
    used: Used
    taken: list[float]
    lost: int


def _figures(all_bursts: collections.abc.Sequence[_Burst]) -> Figures:
    """Return the figures of several bursts."""
    taken: list[float] = []
    seconds = service = database = 0.0
    lost = 0
    for one in all_bursts:
        taken += one.taken
        seconds += one.took
        service += one.used.service
        database += one.used.database
        lost += one.lost
    taken.sort()
    number = len(taken)
    figures = loads.make_figures(
        number,
        number / seconds,
        Used(service, database),
        p50=taken[number // 2],
        p99=taken[number * 99 // 100],
    )
    return dataclasses.replace(figures, lost=lost)


class _Sender:
    """Sends some requests, each by a connection that isn't kept."""

    def __init__(
        self, address: str, requests: collections.abc.Iterable[bytes]
    ):
        host, _, port = address.partition(':')
        self._place = host, int(port)
        self._left = collections.deque(requests)
        self._selector = selectors.DefaultSelector()
        self._answers: list[bytes] = []
        #: The seconds that each request has taken.
        self.taken: list[float] = []

    def send_all(self, at_once: int) -> None:
        """Send all requests, and wait for the answers; so many at once."""
        with self._selector:
            for _ in range(at_once):
                self._send_next()
            while self._selector.get_map():
                ready = self._selector.select(loads.PATIENCE)
                if not ready:
                    raise loads.Failed(f'{self._place} has stopped answering')
                for key, _events in ready:
                    self._receive(key)

    def require_answers(self) -> None:
        """Raise ``Failed`` if a request failed. Others than the first may be
        told that somebody was faster, which is an answer as well.
        """
        for answer in self._answers:
            status = http.parse(answer).status
            if not 200 <= status < 500:
                raise loads.Failed(f'{self._place} answered {answer!r:.300}')

    def _send_next(self) -> None:
        """Send the next request, if one is left."""
        if not self._left:
            return
        begun = time.perf_counter()
        connection = socket.create_connection(self._place)
        connection.sendall(self._left.popleft())
        parts: list[bytes] = []
        self._selector.register(
            connection, selectors.EVENT_READ, (begun, parts)
        )

    def _receive(self, key: selectors.SelectorKey) -> None:
        """Take a part of an answer; at its end send the next request."""
        connection = typing.cast(socket.socket, key.fileobj)
        begun, parts = key.data
        part = connection.recv(RECEIVED)
        if part:
            parts.append(part)
            return
        self.taken.append(time.perf_counter() - begun)
        self._selector.unregister(connection)
        connection.close()
        self._answers.append(b''.join(parts))
        self._send_next()
