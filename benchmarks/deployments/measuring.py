"""All deployments of a subject by turns, each with a store of its own that
holds the same.
"""

import argparse
import collections.abc
import contextlib
import importlib.metadata
import pathlib

from benchmarks.comparison import cases, contestants, data, loads, served_here
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
            if missing := deployment.missing():
                told = f'not measured, for want of {", ".join(missing)}'
                found.notes[deployment.name] = told
                continue
            found.notes[deployment.store] = served.add(deployment)
        for package in subject.packages:
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                version = importlib.metadata.version(package)
                found.notes[package] = version
        for name, each in served.contestants.items():
            found.started[name] = each.started
        _measure(subject, asked, served, found, keep)
        if subject.counts:
            _count(subject, asked, served, found)
    found.notes['load at the end'] = load()
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
        store = self._databases.make(deployment.store)
        self.storages[name] = self._fill(store.configuration)
        running, contestant = contestants.serve(
            # The name of a folder is short, and has no blanks.
            deployment.server,
            deployment.command,
            store.process,
            PYTHONPATH=str(contestants.ROOT),
            CONFIGURATION=str(store.configuration),
            **dict(deployment.environment),
        )
        self._stack.callback(running.stop)
        self._stack.callback(running.halt)
        self.contestants[name] = contestant
        self.jobs[name] = data.Jobs(contestant)
        return store.version

    def _fill(self, configuration: pathlib.Path) -> Storage:
        storage = served_here.open_configured(str(configuration))
        self._stack.callback(storage.close)
        storage.sync()
        data.fill(storage, range(self._size))
        return storage


def _measure(
    subject: Subject,
    asked: argparse.Namespace,
    served: _Served,
    found: Run,
    keep: Keep,
) -> None:
    measuring = Measuring(served.contestants, served.jobs, asked.size, asked)
    for case in chosen(subject):
        if asked.selects(case.name):
            found.cases.append(measuring.case(case, served.contestants))
            keep(found)
    bursts = [name for name in loads.BURSTS if name in subject.cases]
    if any(map(asked.selects, bursts)):
        found.cases += measuring.bursts()
    found.memory[asked.size] = {
        name: each.memory() for name, each in served.contestants.items()
    }


def _count(
    subject: Subject, asked: argparse.Namespace, served: _Served, found: Run
) -> None:
    """Add to the figures how often each operation asks its store."""
    wanted = [case for case in chosen(subject) if asked.selects(case.name)]
    for name, storage in served.storages.items():
        place = cases.Place(name, asked.size, served.jobs[name])
        counts = counting.count(storage, wanted, place)
        for measured in found.cases:
            measured.statements[name] = (counts[measured.case],)
