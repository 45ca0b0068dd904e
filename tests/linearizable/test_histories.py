"""Histories of each store, through kills of the server processes and of the store: a sample of
what ``python -m tests.linearizable`` records.
"""

import collections.abc
import random
import sys
import typing

import testtools

from tests import base, servers
from tests.linearizable import (
    acknowledged,
    campaign,
    deployments,
    findings,
    judge,
    recording,
    spoiling,
)
from tests.linearizable.faults import FAULTS

SIZE = recording.Size(projects=2, callers=6, operations=20)
#: A history so short, and without faults, that all of its orders can be tried.
CALM = recording.Size(projects=1, callers=3, operations=12)
PROCESSES = 2
#: Calls that the judge tries of histories that were spoilt: all orders of one may be too many.
MAX_TRIED = 20_000


class Histories(testtools.TestCase):
    """What callers of one store were answered."""

    store: deployments.Store

    def histories(self, own: bool, *faults: str) -> list:
        """Histories of some projects, recorded while faults happened, and as the last one that of
        a project of calm times; right ones.
        """
        seed = f'{self.id()}-{base.SEED}'
        self.addDetail('seed', testtools.content.text_content(seed))
        struck = [FAULTS[name] for name in faults]
        chosen = random.Random(seed)
        with deployments.deployed(self.store, PROCESSES, own) as deployment:
            calm = recording.record(deployment, chosen, CALM, [])
            found = recording.record(deployment, chosen, SIZE, struck) + calm
        for number, history in enumerate(found):
            verdict = campaign.judged(history)
            if not verdict.linearizable:
                file = findings.keep(history, findings.FOLDER, f'{seed}-{number}', faults=faults)
                self.fail(f'{file}\n{findings.explain(verdict)}')
        return found


class ThroughKilledProcesses:
    """Server processes are killed and stand still. A class is made of it for each store."""

    def test_answers_through_killed_processes_fit_one_order(self):
        """So they do, those of what was acknowledged too; and no order fits what was spoilt of
        them, so the judge can tell.
        """
        *struck, calm = self.histories(False, 'kill-process', 'pause-process')
        chosen = random.Random(base.SEED)
        for history in (*struck, calm):
            self.assertTrue(acknowledged.judged(history).linearizable)
        for question, spoilings in (
            (campaign.judged, spoiling.SPOILINGS),
            (acknowledged.judged, spoiling.OF_WRITES),
        ):
            for history in struck:
                self.rejected(question, history, spoilings, chosen)
            self.assertGreater(self.rejected(question, calm, spoilings, chosen), 0)

    def rejected(
        self,
        question: typing.Callable,
        history: list,
        spoilings: collections.abc.Mapping[str, spoiling.Spoiling],
        chosen: random.Random,
    ) -> int:
        """In how many ways a history was spoilt and rejected. It is rejected in all, unless there
        are too many orders to try, as there may be if many calls got no answer.
        """
        rejected = 0
        for name, spoil in spoilings.items():
            spoilt = spoil(history, chosen)
            if spoilt is None:
                continue
            try:
                verdict = question(spoilt, MAX_TRIED)
            except judge.GaveUp:
                continue
            self.assertFalse(verdict.linearizable, name)
            rejected += 1
        return rejected


class ThroughKilledStore:
    """The server of the store is killed and started again."""

    def test_answers_through_killed_store_fit_one_order(self):
        histories = self.histories(True, 'kill-store', 'kill-process')
        self.assertEqual(SIZE.projects + CALM.projects, len(histories))


def _put_on_stores() -> None:
    module = sys.modules[__name__]
    for store in (*deployments.STORES, deployments.GALERA):
        themes = [ThroughKilledProcesses, ThroughKilledStore]
        if store.make is None or store is deployments.GALERA:
            themes.remove(ThroughKilledStore)
        for theme in themes:
            name = f'{theme.__name__}On{store.name}'
            made = type(name, (theme, Histories), {'store': store, '__module__': __name__})
            setattr(module, name, servers.needs(*filter(None, (store.server,)))(made))


_put_on_stores()
