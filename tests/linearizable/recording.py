"""Callers that record what they ask and are answered, while faults happen."""

import collections.abc
import dataclasses
import math
import random
import threading
import time
import uuid

import requests
import urllib3

from tests.linearizable import calls, model, windows, workload
from tests.linearizable.deployments import Deployment
from tests.linearizable.faults import Fault
from tests.linearizable.history import Answer, Asked, Operation

#: Seconds that a caller waits for an answer.
TIMEOUT = 90
#: The store can't be reached; what was asked may have happened all the same.
UNAVAILABLE = 503


class Unexpected(Exception):
    """An answer that no operation may have, whatever happens."""


@dataclasses.dataclass(frozen=True, slots=True)
class Size:
    """How much one wave has: projects at once, callers of each, and what each caller asks."""

    projects: int = 2
    callers: int = 6
    operations: int = 30

    @property
    def total(self) -> int:
        """All that is asked in a wave."""
        return self.projects * self.callers * self.operations


class _Progress:
    """What all callers have asked so far, and whether a fault is going on."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._asked = 0
        self._is_calm = True
        self._is_over = False

    def add(self) -> None:
        """Count a call."""
        with self._changed:
            self._asked += 1
            self._changed.notify_all()

    def end(self) -> None:
        """Let nobody wait any more."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def wait_for(self, number: int) -> bool:
        """Wait until so much was asked; False if it is over before."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or self._asked >= number)
            return self._asked >= number

    def strike(self, fault: collections.abc.Callable[[], None]) -> None:
        """Let a fault happen; who meets it waits until it has passed."""
        with self._changed:
            self._is_calm = False
        try:
            fault()
        finally:
            with self._changed:
                self._is_calm = True
                self._changed.notify_all()

    def wait_for_calm(self) -> None:
        """Wait until no fault is going on: who asks on would only fail."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_calm)


class _Recorder:
    """The calls of one project; several threads may call."""

    def __init__(self, deployment: Deployment, progress: _Progress):
        self._apis, self._progress = deployment.apis, progress
        self._project_id = uuid.uuid4().hex
        self._lock = threading.Lock()
        self.history: list[Operation] = []

    def begin(self) -> None:
        """Make the client that all jobs are of."""
        body = {'client_id': calls.CLIENT, 'hostname': calls.CLIENT}
        url = f'{self._apis[0].url}/v2/{self._project_id}/clients'
        deadline = time.monotonic() + TIMEOUT
        answer = requests.post(url, json=body, timeout=TIMEOUT)
        while answer.status_code == UNAVAILABLE and time.monotonic() < deadline:
            # Of an earlier wave's fault: a node that was started again may still be busy.
            answer = requests.post(url, json=body, timeout=TIMEOUT)
        answer.raise_for_status()
        with requests.Session() as session:
            for asked in workload.FIRST:
                self.call(session, windows.READER, self._apis[0].url, asked)

    def run(self, caller: workload.Caller, chosen: random.Random, operations: int) -> None:
        """Ask as one caller does, each time any of the processes."""
        with requests.Session() as session:
            for _ in range(operations):
                asked = caller.next()
                answer = self.call(session, caller.number, chosen.choice(self._apis).url, asked)
                self._progress.add()
                if answer is not None:
                    caller.learn(asked, answer)
                else:
                    self._progress.wait_for_calm()

    def finish(self) -> None:
        """Read all that there is through each process, so that nothing is lost unnoticed: no fault
        is going on any more, so each read has to be answered.
        """
        with requests.Session() as session:
            for api in self._apis:
                for asked in workload.LAST:
                    self._require(session, api.url, asked)

    def _require(self, session: requests.Session, url: str, asked: Asked) -> None:
        deadline = time.monotonic() + TIMEOUT
        while self.call(session, windows.READER, url, asked) is None:
            # Connections that the fault has broken may still be noticed.
            if time.monotonic() > deadline:
                raise Unexpected(f'{asked}: no answer, though no fault is going on')

    def call(self, session: requests.Session, caller: int, url: str, asked: Asked) -> Answer | None:
        """Send one request and record it; the answer, None if nobody knows it."""
        request = calls.request(asked)
        called = time.monotonic()
        try:
            response = session.request(
                request.method,
                f'{url}/v2/{self._project_id}/{request.path}',
                json=request.body,
                headers=calls.headers(asked),
                timeout=TIMEOUT,
            )
        except requests.RequestException as error:
            if not _was_not_sent(error):
                self._note(caller, called, math.inf, asked, None)
            return None
        ended = time.monotonic()
        if response.status_code == UNAVAILABLE:
            self._note(caller, called, math.inf, asked, None)
            return None
        if response.status_code >= requests.codes.server_error and response.status_code != 753:
            said = ''.join(api.said() for api in self._apis)
            raise Unexpected(f'{asked}: {response.status_code} {response.text}\n{said}')
        answer = calls.answer(asked, response)
        self._note(caller, called, ended, asked, answer)
        return answer

    def _note(
        self, caller: int, called: float, ended: float, asked: Asked, answer: Answer | None
    ) -> None:
        if answer is None and asked['name'] in model.READS:
            return
        with self._lock:
            self.history.append(Operation(caller, called, ended, asked, answer))


def _was_not_sent(error: requests.RequestException) -> bool:
    """Whether there was no connection to send it on."""
    cause = error.args[0] if error.args else None
    return isinstance(cause, urllib3.exceptions.MaxRetryError) and isinstance(
        cause.reason, urllib3.exceptions.NewConnectionError
    )


def record(
    deployment: Deployment,
    chosen: random.Random,
    size: Size,
    faults: collections.abc.Sequence[Fault] = (),
) -> list[list[Operation]]:
    """Let callers of several projects ask at the same time, while faults happen one after the
    other; the history of each project.
    """
    progress = _Progress()
    recorders = [_Recorder(deployment, progress) for _ in range(size.projects)]
    for recorder in recorders:
        recorder.begin()
    failures: list[BaseException] = []
    threads = [
        _thread(failures, recorder.run, caller, random.Random(chosen.random()), size.operations)
        for recorder in recorders
        for caller in _callers(size, chosen)
    ]
    striking = _thread(
        failures, _strike, deployment, random.Random(chosen.random()), size, faults, progress
    )
    for thread in (*threads, striking):
        thread.start()
    for thread in threads:
        thread.join()
    progress.end()
    striking.join()
    if failures:
        raise failures[0]
    for recorder in recorders:
        recorder.finish()
    return [windows.with_windows(recorder.history) for recorder in recorders]


def _callers(size: Size, chosen: random.Random) -> list[workload.Caller]:
    return [
        workload.Caller(number, random.Random(chosen.random()))
        for number in range(1, size.callers + 1)
    ]


def _thread(
    failures: list[BaseException],
    work: collections.abc.Callable[..., None],
    *arguments: object,
) -> threading.Thread:
    def run() -> None:
        try:
            work(*arguments)
        except BaseException as failure:
            failures.append(failure)

    return threading.Thread(target=run)


def _strike(
    deployment: Deployment,
    chosen: random.Random,
    size: Size,
    faults: collections.abc.Sequence[Fault],
    progress: _Progress,
) -> None:
    """Let each fault happen once its share of the wave was asked."""
    for number, fault in enumerate(faults):
        share = (number + chosen.uniform(0.2, 0.9)) / len(faults)
        if progress.wait_for(int(share * size.total)):
            progress.strike(lambda fault=fault: fault(deployment, chosen))
