"""All deployments of a subject by turns, each with a store of its own that
holds the same.
"""

import argparse
import collections.abc
import contextlib
import importlib.metadata
import pathlib

from benchmarks.comparison import (
    bursts,
    cases,
    contestants,
    data,
    loads,
    served_here,
)
from benchmarks.comparison.measuring import Measuring, Run, load, machine
from benchmarks.deployments import counting, databases
from benchmarks.deployments.subjects import Deployment, Subject, chosen
from freezer_api.db.base import Storage

Keep = collections.abc.Callable[[Run], None]


def run(subject: Subject, asked: argparse.Namespace, keep: Keep) -> Run:
    """Measure a subject; what there is so far is kept after each case."""
    loads.require_programs()
    found = Run(notes=machine())
    with contextlib.ExitStack() as stack:
        served = _Served(stack, asked.size)
        for deployment in subject.deployments:
            _add(deployment, served, found.notes)
        found.notes |= _versions(subject.packages)
        for name, each in served.contestants.items():
            found.started[name] = each.started

        _measure(subject, asked, served, found, keep)
        if subject.counts:
            _count(subject, asked, served, found)
    found.notes['load at the end'] = load()
    return found


def _add(
    deployment: Deployment,
    served: '_Served',
    notes: dict[str, str],
) -> None:
    """Serve a deployment, and note of which version its store is; or note
    what it lacks.
    """
    missing = deployment.missing()
    if missing:
        wanted = ', '.join(missing)
        notes[deployment.name] = f'not measured, for want of {wanted}'
        return
    notes[deployment.store] = served.add(deployment)
    if deployment.driver:
        name = f'driver of {deployment.name}, as its processes tell'
        notes[name] = deployment.driver


def _versions(packages: collections.abc.Iterable[str]) -> dict[str, str]:
    """Return the versions of those packages that are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


class _Served:
    """The deployments that are measured."""

    def __init__(self, stack: contextlib.ExitStack, size: int):
        self._stack = stack
        self._size = size
        self._databases = databases.Databases()
        stack.callback(self._databases.stop)
        self.contestants: dict[str, contestants.Contestant] = {}
        self.storages: dict[str, Storage] = {}
        self.jobs: dict[str, data.Jobs] = {}

    def add(self, deployment: Deployment) -> str:
        """Serve a deployment, with all documents; return the version of its
        store.
        """
        name = deployment.name
        store = self._databases.make(deployment.store, deployment.scheme)
        # By this process: what is served has nothing to do with it.
        self.storages[name] = self._fill(store.configuration)

        environment = {
            'PYTHONPATH': str(contestants.ROOT),
            'CONFIGURATION': str(store.configuration),
            **dict(deployment.environment),
        }
        drivers = store.configuration.with_suffix('.drivers')
        if deployment.driver:
            environment['DRIVER_FILE'] = str(drivers)
        running, contestant = contestants.serve(
            # The name of a folder is short, and has no blanks.
            deployment.server,
            deployment.command,
            store.process,
            **environment,
        )
        # Backwards: it is halted before its folder goes.
        self._stack.callback(running.stop)
        self._stack.callback(running.halt)
        if deployment.driver:
            _require_driver(deployment, drivers)

        self.contestants[name] = contestant
        self.jobs[name] = data.Jobs(contestant)
        return store.version

    def _fill(self, configuration: pathlib.Path) -> Storage:
        file = str(configuration)
        storage = served_here.open_configured(file)
        self._stack.callback(storage.close)
        storage.sync()
        numbers = range(self._size)
        data.fill(storage, numbers)
        return storage


def _require_driver(deployment: Deployment, file: pathlib.Path) -> None:
    """Raise ``Failed`` unless all processes that have told by which driver
    they are connected have told of the one that is meant.
    """
    # A line of each worker.
    text = file.read_text()
    told = set(text.splitlines())
    if told != {deployment.driver}:
        names = ', '.join(sorted(told))
        raise loads.Failed(
            f'{deployment.name}: connected by {names},'
            f' not by {deployment.driver}'
        )


def _measure(
    subject: Subject,
    asked: argparse.Namespace,
    served: _Served,
    found: Run,
    keep: Keep,
) -> None:
    """Add the figures of each case to those that were found."""
    measuring = Measuring(
        served.contestants,
        served.jobs,
        asked.size,
        asked,
    )
    for case in chosen(subject):
        if asked.selects(case.name):
            measured = measuring.case(case, served.contestants)
            found.cases.append(measured)
            keep(found)

    # All of them are measured together, or none is.
    names = [name for name in bursts.BURSTS if name in subject.cases]
    if any(map(asked.selects, names)):
        found.cases += measuring.bursts()

    memory = {}
    for name, each in served.contestants.items():
        memory[name] = each.memory()
    found.memory[asked.size] = memory


def _count(
    subject: Subject,
    asked: argparse.Namespace,
    served: _Served,
    found: Run,
) -> None:
    """Add to the figures how often each operation asks its store."""
    wanted = [case for case in chosen(subject) if asked.selects(case.name)]
    for name, storage in served.storages.items():
        jobs = served.jobs[name]
        place = cases.Place(name, asked.size, jobs)
        counts = counting.count(storage, wanted, place)
        for measured in found.cases:
            number = counts[measured.case]
            measured.statements[name] = (number,)
