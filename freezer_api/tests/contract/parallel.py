"""Many who act at once on one session: each job in a thread of its own, in one process or in
several.
"""

import collections.abc
import concurrent.futures
import dataclasses
import functools
import multiprocessing
import multiprocessing.context
import threading
import typing

from freezer_api import db
from freezer_api.db.base import Scope
from freezer_api.tests.contract import base, bodies
from freezer_api.tests.contract.project_operations import Project


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """What a job was answered: that it has started, or has ended with a result, in the run
    ``tag``.
    """

    job: str
    tag: int
    result: str = ''


#: What one job does; it tells what it was answered.
Life = collections.abc.Callable[[Project, str, str], list[Told]]


def one_run(project: Project, session: str, job: str) -> list[Told]:
    """Attach, start and end."""
    project.attach(session, job)
    return start_and_end(project, session, job)


def start_and_end(project: Project, session: str, job: str) -> list[Told]:
    """Take part in the first run."""
    result, tag = project.start(session, job, 0)
    assert result == 'success', result
    project.end(session, job, tag)
    return [Told(job, tag), Told(job, tag, 'success')]


def in_and_out(project: Project, session: str, job: str) -> list[Told]:
    """Attach, start, end, and leave; every other job comes back."""
    told = one_run(project, session, job)
    project.detach(session, job)
    if int(job[-1], 16) % 2:
        told = one_run(project, session, job)
    return told


def many_runs(project: Project, session: str, job: str) -> list[Told]:
    """Start six times, following the answered tag, and end with every result; the last but one
    start is never ended.
    """
    told: list[Told] = []
    tag = 0
    while len({one.tag for one in told}) < 6:
        result, tag = project.start(session, job, tag)
        if result != 'success':
            continue
        told.append(Told(job, tag))
        if len(told) != 9:
            project.end(session, job, tag, outcome := ('success', 'fail', 'aborted')[tag % 3])
            told.append(Told(job, tag, outcome))
    return told


def threads(count: int, act: collections.abc.Callable[[int], typing.Any]) -> list[typing.Any]:
    """Call ``act`` with each number below ``count``, all at the same moment; what each returned. An
    exception of any is raised.
    """
    barrier = threading.Barrier(count)

    def one(number: int) -> typing.Any:
        barrier.wait()
        return act(number)

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def live(project: Project, session: str, jobs: list[str], life: Life) -> list[Told]:
    """Let the jobs live at once, each in a thread; all that they were told."""
    return [
        told
        for lived in threads(len(jobs), lambda number: life(project, session, jobs[number]))
        for told in lived
    ]


def live_elsewhere(
    options: base.Options, project_id: str, session: str, jobs: list[str], life: Life
) -> list[Told]:
    """The same, on a storage that this process makes for itself."""
    storage = db.load(base.configured(options))
    try:
        return live(Project(storage, Scope(project_id)), session, jobs, life)
    finally:
        storage.close()


def live_in_processes(
    count: int, options: base.Options, project_id: str, session: str, jobs: list[str], life: Life
) -> list[Told]:
    """The same, in several new processes that share the jobs."""
    parts = processes(
        live_elsewhere,
        [(options, project_id, session, jobs[number::count], life) for number in range(count)],
    )
    return [told for part in parts for told in part]


@functools.cache
def new_processes() -> multiprocessing.context.ForkServerContext:
    """How processes are started: by one that has imported the drivers, and does nothing else.

    They share nothing with the process of the tests, as those of a server that was started by
    itself, but needn't import all that again.
    """
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(
        [
            __name__,
            'freezer_api.db.elasticsearch.driver',
            'freezer_api.db.sqlalchemy.driver',
            'psycopg',
            'pymysql',
        ]
    )
    return context


def processes(
    act: collections.abc.Callable[..., typing.Any], arguments: list[tuple]
) -> list[typing.Any]:
    """Call a module's function with each of the arguments, each in a new process; what each
    returned.
    """
    with concurrent.futures.ProcessPoolExecutor(len(arguments), new_processes()) as pool:
        return [one.result() for one in [pool.submit(act, *those) for those in arguments]]


def sync(options: base.Options) -> None:
    """Make the schema of a store."""
    db.load(base.configured(options)).sync()


def members(project: Project, session: str | None, count: int) -> list[str]:
    """Jobs, in a session if one is named; their ids end in a hexadecimal digit."""
    return [
        project.new_job(f'{bodies.new_id()}{number % 16:x}', session_id=session)
        for number in range(count)
    ]
