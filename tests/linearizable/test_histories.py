"""Histories of each store, through kills of the server processes and of the store: a sample of
what ``python -m tests.linearizable`` records.
"""

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
PROCESSES = 2
#: Calls that the judge tries of histories that were spoilt: all orders of one may be too many.
MAX_TRIED = 20_000


class Histories(testtools.TestCase):
    """What callers of one store were answered."""

    store: deployments.Store

    def histories(self, own: bool, *faults: str) -> list:
        """Histories of some projects, recorded while faults happened; right ones."""
        seed = f'{self.id()}-{base.SEED}'
        self.addDetail('seed', testtools.content.text_content(seed))
        struck = [FAULTS[name] for name in faults]
        with deployments.deployed(self.store, PROCESSES, own) as deployment:
            found = recording.record(deployment, random.Random(seed), SIZE, struck)
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
        histories = self.histories(False, 'kill-process', 'pause-process')
        chosen = random.Random(base.SEED)
        for history in histories:
            self.assertTrue(acknowledged.judged(history).linearizable)
        for question, spoilings in (
            (campaign.judged, spoiling.SPOILINGS),
            (acknowledged.judged, spoiling.OF_WRITES),
        ):
            rejected = 0
            for history in histories:
                for name, spoil in spoilings.items():
                    spoilt = spoil(history, chosen)
                    if spoilt is not None:
                        rejected += self.is_rejected(question, spoilt, name)
            self.assertGreater(rejected, 0)

    def is_rejected(self, question: typing.Callable, spoilt: list, name: str) -> bool:
        """Whether a wrong history is rejected; False if there are too many orders to try."""
        try:
            verdict = question(spoilt, MAX_TRIED)
        except judge.GaveUp:
            return False
        self.assertFalse(verdict.linearizable, name)
        return True


class ThroughKilledStore:
    """The server of the store is killed and started again."""

    def test_answers_through_killed_store_fit_one_order(self):
        histories = self.histories(True, 'kill-store', 'kill-process')
        self.assertEqual(SIZE.projects, len(histories))


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
