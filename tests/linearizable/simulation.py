"""Histories as a right service would make them: the model answers, each call at one moment."""

import heapq
import math
import random
import typing

from tests.linearizable import model, windows, workload
from tests.linearizable.history import Answer, Asked, Operation
from tests.linearizable.states import SHORT_WINDOW, State


class Simulation:
    """Some callers of a service that is right. Some answers are lost, with or without effect."""

    def __init__(self, chosen: random.Random, callers: int = 4, lost: float = 0.03):
        self._random, self._lost = chosen, lost
        self._callers = [workload.Caller(number, chosen) for number in range(1, callers + 1)]
        self._state = State()
        #: What distinguishes a document from an earlier one of its id.
        self._births: dict[str, int] = {}
        self._time = 0.0
        #: When windows end, and of what.
        self._windows: list[tuple[float, str]] = []
        self.history: list[Operation] = []

    def run(self, operations: int) -> list[Operation]:
        """Make a history of about so many calls."""
        for asked in workload.FIRST:
            self._time += 1
            self._note(windows.READER, self._time, self._time + 0.5, asked, self._act(asked))
        waiting = [
            self._begin(number, self._time + 1) for number in range(1, len(self._callers) + 1)
        ]
        heapq.heapify(waiting)
        for _ in range(operations):
            self._time, number, called, asked = heapq.heappop(waiting)
            self._pass_windows()
            heapq.heappush(waiting, self._end(number, called, asked))
        for asked in workload.LAST:
            self._time += 10
            self._pass_windows()
            self._note(windows.READER, self._time, self._time + 1, asked, self._act(asked))
        return windows.with_windows(self.history)

    def _pass_windows(self) -> None:
        while self._windows and self._windows[0][0] <= self._time:
            _, begun_by = heapq.heappop(self._windows)
            self._act({'name': 'pass_window', 'begun_by': begun_by})

    def _begin(self, number: int, after: float) -> tuple[float, int, float, Asked]:
        """A call: when it will take effect, by whom, when it was called, and what it asks."""
        called = after + self._random.random()
        asked = self._callers[number - 1].next()
        return called + self._random.random(), number, called, asked

    def _end(self, number: int, called: float, asked: Asked) -> tuple[float, int, float, Asked]:
        ended = self._time + self._random.random()
        if self._random.random() < self._lost:
            if self._random.random() < 0.5:
                self._act(asked)
            if asked['name'] not in model.READS:
                self._note(number, called, math.inf, asked, None)
        else:
            answer = self._act(asked)
            self._note(number, called, ended, asked, answer)
            self._callers[number - 1].learn(asked, answer)
        return self._begin(number, ended)

    def _act(self, asked: Asked) -> Answer:
        answer = model.expected(self._state, asked)
        state = model.step(self._state, asked, None)
        assert state is not None
        self._name_births(state)
        self._state = state
        if asked['name'] == 'start':
            heapq.heappush(self._windows, (self._time + SHORT_WINDOW, asked['id']))
        shown = self._versions(asked, answer)
        if shown:
            answer = {**answer, 'versions': shown}
            state = model.step(self._state, asked, answer)
            assert state is None or asked['name'] in model.READS
            self._state = state or self._state
        return answer

    def _name_births(self, state: State) -> None:
        before, now = _documents(self._state), _documents(state)
        for name in now:
            if name not in before:
                self._births[name] = len(self._births) + len(self.history)

    def _versions(self, asked: Asked, answer: Answer) -> dict[str, list]:
        """What is told of versions: by those that read alone, which is enough here."""
        if asked['name'] not in model.READS or answer['status'] != 200:
            return {}
        documents = _documents(self._state)
        if asked['name'] in ('get_job', 'get_session'):
            kind = asked['name'].partition('_')[2]
            name = f'{kind}s/{asked[kind]}'
            version = documents[name].seen.version
            return {name: [version, f'"{self._births[name]}-{version}"']}
        if asked['name'] in ('list_runs', 'get_run'):
            return {}
        kind = asked['name'].partition('_')[2]
        names = [f'{kind}/{id}' for id in answer['body']]
        return {name: [documents[name].seen.version, None] for name in names}

    def _note(
        self, caller: int, called: float, ended: float, asked: Asked, answer: Answer | None
    ) -> None:
        self.history.append(Operation(caller, called, ended, asked, answer))


def _documents(state: State) -> dict[str, typing.Any]:
    return {
        **{f'sessions/{id}': session for id, session in state.sessions},
        **{f'jobs/{id}': job for id, job in state.jobs},
    }
