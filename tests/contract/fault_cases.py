"""Cases of what becomes of two who meet, where one breaks off or stands still; each raises where it
isn't as promised.

What has to come of operations is what comes of them one after the other. That is found out once,
and kept for the class.
"""

import collections.abc
import contextlib
import functools
import typing

from freezer_api import exceptions
from freezer_api.db.elasticsearch.commits import outcomes, retries
from freezer_api.domain.documents import ACTIONS, JOBS, KINDS, SESSIONS
from freezer_api.tests.contract import base, project_operations
from tests.contract import faults, interception

#: Makes a process whose write of a number goes wrong.
Fault = collections.abc.Callable[[base.ContractCase, int], faults.Faulty]
Seen = tuple[typing.Any, ...]
#: More writes than any operation does.
ALL = 99


class FaultCases:
    """The cases, beside a :class:`base.ContractCase`; waiting for others is short."""

    #: Whether all that is possible is found out beforehand, as it has to be before the driver is
    #: changed.
    eager = False
    known: typing.ClassVar[dict[tuple[typing.Any, ...], typing.Any]]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.known = {}

    def setUp(self) -> None:
        super().setUp()
        patience, outcomes.LOCK_TIMEOUT = outcomes.LOCK_TIMEOUT, 0.03
        self.addCleanup(setattr, outcomes, 'LOCK_TIMEOUT', patience)

    # What is known

    def names(self) -> list[str]:
        """All operations."""
        return self._once(lambda: list(faults.Scenario(self).operations()), 'names')

    def alone(self, *names: str) -> Seen:
        """What comes of operations one after the other: what is seen then, and what they told."""

        def walk() -> Seen:
            scenario = faults.Scenario(self)
            told = [faults.outcome(scenario.operations()[name]) for name in names]
            return faults.snapshot(self, scenario), *told

        return self._once(walk, 'alone', *names)

    def requests(self, name: str, every: bool = False) -> int:
        """How many writes an operation does, or how many requests."""

        def count() -> int:
            scenario, faulty = (
                faults.Scenario(self),
                faults.Faulty(self, 0, lambda send: None, every),
            )
            faults.outcome(scenario.operations(faulty.storage)[name])
            return faulty.requests

        return self._once(count, 'requests', name, every)

    def _once(
        self, find_out: collections.abc.Callable[[], typing.Any], *key: typing.Any
    ) -> typing.Any:
        if key not in self.known:
            self.known[key] = find_out()
        return self.known[key]

    def _assert_one_of(
        self, seen: typing.Any, *possible: collections.abc.Callable[[], typing.Any]
    ) -> None:
        """It is what one of the functions returns; none is called that needn't be."""
        if self.eager:
            for function in possible:
                function()
        if not any(seen == function() for function in possible):
            self.assertIn(seen, [function() for function in possible])

    # Cases

    def broken_off(self, fault: Fault, name: str, number: int) -> None:
        """An operation whose write goes wrong has happened or not, for all who read; it has, if it
        told so.
        """
        scenario = faults.Scenario(self)
        told = faults.outcome(scenario.operations(fault(self, number).storage)[name])
        seen = faults.snapshot(self, scenario)
        happened = functools.partial(self.alone, name)
        if isinstance(told, (faults.Killed, exceptions.StorageUnavailable)):
            self._assert_one_of(seen, lambda: self.alone()[0], lambda: happened()[0])
        else:
            self._assert_one_of((seen, told), happened)
        if fault is faults.killing:
            # Whoever reads completes what is left to do.
            self.assertEqual(seen, faults.snapshot(self, scenario))

    def followed(
        self, fault: Fault, name: str, number: int, other: str, same: bool = False
    ) -> None:
        """Somebody writes where an operation's write has gone wrong: the same process, or another
        one.
        """
        scenario, faulty = faults.Scenario(self), fault(self, number)
        faults.outcome(scenario.operations(faulty.storage)[name])
        told = faults.outcome(scenario.operations(faulty.storage if same else None)[other])
        self._assert_one_of(
            (faults.snapshot(self, scenario), told),
            lambda: self.alone(name, other)[::2],
            lambda: self.alone(other),
        )

    def broken_off_twice(self, name: str, number: int, fault: Fault, other: str, at: int) -> None:
        """An operation is killed at a write, and a write of who comes next goes wrong."""
        scenario = faults.Scenario(self)
        faults.outcome(scenario.operations(faults.killing(self, number).storage)[name])
        faults.outcome(scenario.operations(fault(self, at).storage)[other])
        self._assert_one_of(
            faults.snapshot(self, scenario),
            *(
                lambda names=names: self.alone(*names)[0]
                for names in ((), (name,), (other,), (name, other))
            ),
        )

    def overtaken(
        self, name: str, number: int, killed: str, at: int, other: str, last: str
    ) -> None:
        """An operation stands still at a write, while another is killed at one of its own and
        somebody writes; then its process goes on, and does one more.
        """
        scenario, paused = faults.Scenario(self), faults.Paused(self, number)
        operations = scenario.operations(paused.faulty.storage)
        with paused.doing(functools.partial(faults.outcome, operations[name])):
            faults.outcome(scenario.operations(faults.killing(self, at).storage)[killed])
            faults.outcome(scenario.operations()[other])
        faults.outcome(operations[last])
        self._assert_one_of(
            faults.snapshot(self, scenario), lambda: self.alone(name, other, last)[0]
        )

    def queued(self, name: str, *others: str) -> None:
        """Operations of one process wait for one that stands still before its first write, and are
        done together then.
        """
        scenario, paused = faults.Scenario(self), faults.Paused(self, 1)
        operations = {
            one: functools.partial(faults.outcome, operation)
            for one, operation in scenario.operations(paused.faulty.storage).items()
        }
        with contextlib.ExitStack() as stack:
            told = [stack.enter_context(paused.doing(operations[name]))]
            told += [stack.enter_context(faults.queueing(operations[other])) for other in others]
            paused.resumed.set()
        self.assertEqual(
            self.alone(name, *others), (faults.snapshot(self, scenario), *(one for (one,) in told))
        )

    def met(self, name: str, number: int, other: str, every: bool = False) -> None:
        """Somebody writes, and all read, while an operation stands still before a write, or before
        any request.
        """
        scenario, paused = faults.Scenario(self), faults.Paused(self, number, every)
        with paused.doing(
            functools.partial(faults.outcome, scenario.operations(paused.faulty.storage)[name])
        ) as told:
            other_told = faults.outcome(scenario.operations()[other])
            faults.snapshot(self, scenario)
        seen = faults.snapshot(self, scenario), told[0], other_told
        if _is_undecided(told[0]):
            # What it wrote, or would have, has been written and deleted meanwhile: it can't tell.
            self._assert_one_of(
                seen[::2], lambda: self.alone(other), lambda: self.alone(name, other)[::2]
            )
            return
        self._assert_one_of(
            seen, lambda: self.alone(name, other), lambda: self._swapped(self.alone(other, name))
        )

    @staticmethod
    def _swapped(seen: Seen) -> Seen:
        return seen[0], seen[2], seen[1]

    def late(self, name: str, deleted: bool) -> None:
        """Each request that writes for an operation comes once more, when it is done, or when all
        is ``deleted`` again: nothing changes.
        """
        scenario, storage = faults.Scenario(self), self.make_storage()
        storage.clock = self.clock
        writes: list[collections.abc.Callable[[], typing.Any]] = []

        def record(request: interception.Request) -> typing.Any:
            if request.writes:
                writes.append(request)
            return request()

        interception.intercept(storage, record)
        faults.outcome(scenario.operations(storage)[name])
        if deleted:
            self._delete_all(scenario.project)
        before = faults.snapshot(self, scenario)
        for number, write in enumerate(list(writes), 1):
            write()
            self.assertEqual(before, faults.snapshot(self, scenario), f'write {number}')

    @staticmethod
    def _delete_all(project: project_operations.Project) -> None:
        delete = {
            SESSIONS: project.delete_session,
            JOBS: project.delete_job,
            ACTIONS: project.delete_action,
        }
        for kind in KINDS:
            for id in project.ids(kind):
                delete.get(kind, lambda id, kind=kind: project.write(kind, id, None))(id)

    # Readers

    def reads(self) -> list[str]:
        """All that readers ask for."""
        return self._once(lambda: list(faults.Scenario(self).reads()), 'reads')

    def read_requests(self, name: str, number: int, read: str) -> int:
        """How many requests a reader sends after an operation was killed at a write."""

        def count() -> int:
            faulty = faults.Faulty(self, 0, lambda send: None, True)
            self._killed(name, number).reads(faulty.storage)[read]()
            return faulty.requests

        return self._once(count, 'read requests', name, number, read)

    def read_meanwhile(self, name: str, number: int, read: str, request: int, other: str) -> None:
        """A reader stands still before a request where an operation was killed at a write, and
        somebody writes meanwhile.
        """

        def then(*others: str) -> typing.Any:
            def walk() -> typing.Any:
                scenario = self._killed(name, number)
                for one in others:
                    faults.outcome(scenario.operations()[one])
                return scenario.reads()[read]()

            return self._once(walk, 'read', name, number, read, *others)

        scenario, paused = self._killed(name, number), faults.Paused(self, request, True)
        with paused.doing(scenario.reads(paused.faulty.storage)[read]) as told:
            faults.outcome(scenario.operations()[other])
        self._assert_one_of(told[0], then, lambda: then(other))

    def _killed(self, name: str, number: int) -> faults.Scenario:
        scenario = faults.Scenario(self)
        faults.outcome(scenario.operations(faults.killing(self, number).storage)[name])
        return scenario


def _is_undecided(told: typing.Any) -> bool:
    """Whether an operation has told that it may have happened or not, for it can't find out."""
    reason = getattr(told, '__cause__', None)
    return isinstance(reason, retries.GaveUp) and 'to tell whether' in str(reason)
