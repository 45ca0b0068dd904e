"""What agents do: each polls once a minute, and in a run starts, reports and
ends.

What was acknowledged is kept, so that it can be looked for afterwards. Times
count from when a request was due: what comes late for want of a processor is
late for an agent as well.
"""

import asyncio
import collections
import collections.abc
import dataclasses
import itertools
import random
import time
import typing

from benchmarks import http
from benchmarks.comparison import data
from benchmarks.fleet.data import PROJECT, SCHEDULE, Agent, Team

#: Seconds between two polls of an agent, and by how much each may be off.
INTERVAL, JITTER = 60, 2
#: Seconds for which a member of a run works.
WORK = 4
POLL, START, REPORT, BACKUP, END = (
    'poll',
    'start',
    'report',
    'backup',
    'end',
)
_BASE = f'/v2/{PROJECT}'
_POLL = f'{_BASE}/jobs/?limit=10&offset=0&all_projects=False'


class Unexpected(Exception):
    """A request has failed, so that its agent gives up its run."""


@dataclasses.dataclass(slots=True)
class Acknowledged:
    """What the service has acknowledged to the member of a run."""

    session_id: str
    agent: Agent
    #: The run that it has started in; -1 if it hasn't.
    tag: int = -1
    #: Whether it has ended.
    ended: bool = False
    #: The versions that its job got by its reports.
    versions: list[int] = dataclasses.field(default_factory=list)
    #: What the last report said.
    pid: int = -1
    #: The backup that it has recorded.
    backup_id: str = ''


@dataclasses.dataclass(slots=True)
class Seen:
    """What happened to the requests of one phase."""

    #: The seconds of each, by kind.
    taken: dict[str, list[float]] = dataclasses.field(
        default_factory=lambda: collections.defaultdict(list)
    )
    #: What went wrong, how often.
    failures: collections.Counter[str] = dataclasses.field(
        default_factory=collections.Counter
    )
    acknowledged: list[Acknowledged] = dataclasses.field(default_factory=list)


class Runs(typing.NamedTuple):
    """When runs begin; in seconds."""

    #: From one run to the next.
    every: float
    #: Within which the members of a run start.
    spread: float


class Agents:
    """All agents of a fleet, at one service."""

    def __init__(self, port: int, agents: list[Agent], work: float = WORK):
        self._work = work
        self._host, self._port = '127.0.0.1', port
        self._agents = agents
        self._polls = [self._compose_poll(agent) for agent in agents]
        self._pids = itertools.count(1000)
        self._tasks: set[asyncio.Task] = set()
        self.seen = Seen()

    async def live(
        self,
        seconds: float,
        teams: collections.abc.Iterable[Team] = (),
        runs: Runs | None = None,
    ) -> Seen:
        """Poll for some seconds, and have the runs of some sessions in them;
        return what was seen.
        """
        self.seen = Seen()
        # With thousands of agents that takes a while, by which the first run
        # would be late.
        due_polls = self._due_polls(seconds)
        begun = time.monotonic()
        if runs is not None:
            for number, team in enumerate(teams):
                its_begin = begun + number * runs.every
                self._run(team, its_begin, runs.spread)
        for after, agent in due_polls:
            due = begun + after
            await _until(due)
            self._spawn(self.poll(agent, due))
        await asyncio.gather(*self._tasks)
        return self.seen

    def _due_polls(self, seconds: float) -> list[tuple[float, int]]:
        """Return when who polls."""
        found = []
        for agent in range(len(self._agents)):
            # Agents have polled before, so that no more do at the begin than
            # at any other moment.
            due = random.uniform(-INTERVAL, 0)
            while due < seconds + JITTER:
                jitter = random.uniform(-JITTER, JITTER)
                its_due = due + jitter
                if 0 <= its_due < seconds:
                    found.append((its_due, agent))
                due += INTERVAL
        return sorted(found)

    def _run(self, team: Team, due: float, spread: float) -> None:
        for agent in team.agents:
            member = Acknowledged(team.session_id, agent)
            self.seen.acknowledged.append(member)
            its_due = due + random.uniform(0, spread)
            part = self._take_part(member, its_due)
            self._spawn(part)

    def _spawn(self, work: collections.abc.Coroutine) -> None:
        # The loop itself keeps no task from being forgotten.
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # What one agent does

    async def poll(self, agent: int, due: float | None = None) -> http.Answer:
        """Ask once for the jobs of an agent."""
        request = self._polls[agent]
        if due is None:
            due = time.monotonic()
        answer = await self._ask(POLL, request, due)
        # Each agent has jobs that aren't completed.
        if answer.status == 200 and not answer.body['jobs']:
            self.seen.failures['poll: no jobs'] += 1
        return answer

    async def _take_part(self, member: Acknowledged, due: float) -> None:
        """Take part in a run; who fails leaves the rest of it away."""
        await _until(due)
        try:
            # The published agent's order: it says that the job runs before it
            # starts the session, and with which process when it has one.
            await self._report(member, 'running', '', due)
            member.tag = await self._start(member)
            await self._report(member, 'running', '')
            # What an agent does between its requests.
            await asyncio.sleep(self._work)
            member.backup_id = await self._back_up(member)
            member.ended = await self._end(member)
            await self._report(member, 'scheduled', 'success')
        except Unexpected as error:
            self.seen.failures[str(error)] += 1

    async def _start(self, member: Acknowledged) -> int:
        told = {
            'job_id': member.agent.job_id,
            'current_tag': 0,
        }
        answer = await self._write(
            START,
            'POST',
            f'{_BASE}/sessions/{member.session_id}/action',
            {'start': told},
        )
        result = answer['result']
        if result != 'success':
            raise Unexpected(f'start: {result}')
        return answer['session_tag']

    async def _report(
        self,
        member: Acknowledged,
        status: str,
        result: str,
        due: float | None = None,
    ) -> None:
        pid = next(self._pids)
        now = int(time.time())
        told = {
            **SCHEDULE,
            'status': status,
            'event': '',
            'result': result,
            'current_pid': pid,
            'time_started': now,
            'time_ended': now if result else -1,
        }
        body = {
            'session_id': member.session_id,
            'session_tag': max(member.tag, 0),
            'job_schedule': told,
        }
        path = f'{_BASE}/jobs/{member.agent.job_id}'
        answer = await self._write(REPORT, 'PATCH', path, body, due)
        member.pid = pid
        member.versions.append(answer['version'])

    async def _back_up(self, member: Acknowledged) -> str:
        metadata = {
            'job_id': member.agent.job_id,
            'client_id': member.agent.client_id,
            'container': '/backups',
            'hostname': member.agent.client_id,
            'backup_name': 'b',
            'time_stamp': int(time.time()),
            'level': 0,
            'action': data.ACTION['action'],
        }
        path = f'{_BASE}/backups'
        body = {'backup_metadata': metadata}
        answer = await self._write(BACKUP, 'POST', path, body)
        return answer['backup_id']

    async def _end(self, member: Acknowledged) -> bool:
        told = {
            'job_id': member.agent.job_id,
            'current_tag': member.tag,
            'result': 'success',
        }
        path = f'{_BASE}/sessions/{member.session_id}/action'
        answer = await self._write(END, 'POST', path, {'end': told})
        return answer['result'] == 'success'

    # Requests

    def _compose_poll(self, agent: Agent) -> bytes:
        body = {
            'match_not': [{'status': 'completed'}],
            'match': [{'client_id': agent.client_id}],
        }
        return http.compose(self._host, 'GET', _POLL, body)

    async def _write(
        self,
        kind: str,
        method: str,
        path: str,
        body: typing.Any,
        due: float | None = None,
    ) -> typing.Any:
        """Return what a write is answered, or raise ``Unexpected``."""
        request = http.compose(
            self._host,
            method,
            path,
            body,
        )
        if due is None:
            due = time.monotonic()
        answer = await self._ask(kind, request, due)
        if not answer.is_success:
            # What it was is counted already.
            raise Unexpected(f'{kind}: given up')
        return answer.body

    async def _ask(self, kind: str, request: bytes, due: float) -> http.Answer:
        """Return what a request is answered, and keep how long that took
        after it was due; status 0 if there is no answer.
        """
        try:
            got = await http.send(self._host, self._port, request)
        except OSError as error:
            reason = type(error).__name__
            self.seen.failures[f'{kind}: {reason}'] += 1
            return http.Answer(0, None)
        elapsed = time.monotonic() - due
        self.seen.taken[kind].append(elapsed)
        answer = http.parse(got)
        if not answer.is_success:
            self.seen.failures[f'{kind}: {answer.status}'] += 1
        return answer


async def _until(due: float) -> None:
    remaining = due - time.monotonic()
    if remaining > 0:
        await asyncio.sleep(remaining)
