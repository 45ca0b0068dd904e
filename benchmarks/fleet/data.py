"""Agents, their jobs, and the sessions that these are in."""

import collections.abc
import dataclasses
import itertools

from benchmarks import seed
from benchmarks.comparison import data
from freezer_api.db.base import Entry, Storage
from freezer_api.domain import documents, membership
from freezer_api.domain.documents import CLIENTS, JOBS, SESSIONS, Document
from freezer_api.domain.session_state import Session
from freezer_api.services import clients, common, jobs

PROJECT = 'fleet'
CALLER = common.Caller(PROJECT, seed.USER)
#: Jobs of each agent, of which the first is in a session.
JOBS_EACH = 3
#: Members of a session.
MEMBERS = 64
SCHEDULE = {'schedule_interval': '1 days'}
HOLD_OFF = 60
#: A client and a job that the service itself makes; the others are copies.
_TEMPLATE = 'template'


@dataclasses.dataclass(frozen=True, slots=True)
class Agent:
    """A client, and its job in a session."""

    client_id: str
    job_id: str


@dataclasses.dataclass(frozen=True, slots=True)
class Team:
    """A session and the agents whose jobs are its members."""

    session_id: str
    agents: list[Agent]


@dataclasses.dataclass(frozen=True, slots=True)
class Fleet:
    """All agents, and the sessions that they are in."""

    agents: list[Agent]
    teams: list[Team]


def client_id(number: int) -> str:
    """Return the id of an agent's client."""
    return f'{PROJECT}_{number}'


def fill(storage: Storage, number: int, size: int = MEMBERS) -> Fleet:
    """Store so many agents, with their jobs and with sessions of so many
    members.
    """
    agents = []
    for each in range(number):
        agent = Agent(client_id(each), _job_id(each, 0))
        agents.append(agent)
    clients.register(storage, CALLER, {'client_id': _TEMPLATE})
    _restore(storage, _clients(storage, agents))

    template = _template(storage)
    teams, attached, sessions = [], [], []
    for first in range(0, number - size + 1, size):
        id = seed.session_id(first)
        team = Team(id, agents[first : first + size])
        teams.append(team)
        *members, session = _attached(team, template)
        attached += members
        sessions.append(session)

    others = _other_jobs(template, number, len(attached))
    _restore(storage, attached)
    _restore(storage, others)
    # What they name has to be there.
    _restore(storage, sessions)
    return Fleet(agents, teams)


def _template(storage: Storage) -> documents.Body:
    """Return a job as the service makes it, with an action of its own."""
    body = {
        'client_id': _TEMPLATE,
        'job_id': _TEMPLATE,
        'job_actions': [{'freezer_action': data.ACTION}],
        'job_schedule': {**SCHEDULE, 'status': 'scheduled'},
    }
    jobs.create(storage, CALLER, body)
    return jobs.show(storage, CALLER, _TEMPLATE).body


def _clients(
    storage: Storage, agents: collections.abc.Iterable[Agent]
) -> collections.abc.Iterator[Entry]:
    template = clients.show(storage, CALLER, _TEMPLATE).body
    for agent in agents:
        client = {
            **template['client'],
            'client_id': agent.client_id,
            'hostname': agent.client_id,
            'uuid': agent.client_id,
        }
        body = {**template, 'client': client}
        yield _entry(CLIENTS, agent.client_id, body)


def _attached(team: Team, template: documents.Body) -> list[Entry]:
    """Return the jobs of a session's members, and the session."""
    session = Session(
        PROJECT,
        team.session_id,
        seed.USER,
        description='all of a rack',
        hold_off=HOLD_OFF,
        schedule=SCHEDULE,
        created=documents.now(),
    )
    entries = []
    for agent in team.agents:
        job = _job(template, agent.client_id, agent.job_id)
        # As the service does it, without a transaction for each.
        attached = membership.attach(session, job)
        session = attached.session
        entries.append(_entry(JOBS, agent.job_id, attached.job))
    entries.append(Entry(SESSIONS, PROJECT, team.session_id, session))
    return entries


def _other_jobs(
    template: documents.Body, number: int, attached: int
) -> collections.abc.Iterator[Entry]:
    """Yield the jobs that are in no session."""
    for agent in range(number):
        first = 1 if agent < attached else 0
        for each in range(first, JOBS_EACH):
            id = _job_id(agent, each)
            job = _job(template, client_id(agent), id)
            yield _entry(JOBS, id, job)


def _job(template: documents.Body, client: str, job_id: str) -> documents.Body:
    job = {
        **template,
        'client_id': client,
        'job_id': job_id,
    }
    # It is shown, and no part of what is stored.
    job.pop('_version')
    return job


def _job_id(agent: int, number: int) -> str:
    return seed.job_id(agent, number)


def _entry(kind: str, id: str, body: documents.Body) -> Entry:
    document = Document(
        kind,
        PROJECT,
        id,
        version=1,
        created=documents.now(),
        body=body,
    )
    return Entry(kind, PROJECT, id, document)


def _restore(
    storage: Storage, entries: collections.abc.Iterable[Entry]
) -> None:
    remaining = iter(entries)
    while some := list(itertools.islice(remaining, seed.AT_ONCE)):
        storage.restore(some)
