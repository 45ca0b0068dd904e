"""Changes of several documents as one step, on a store that can compare and
set one.

A transaction has one *primary* document; the others are its *parts*.

1. Each part gets a lock: the transaction's name, the primary and the point at
   which it was read, and what the part becomes.
2. The primary is written where it was read, and lists the transaction under
   ``done``. **That write is the moment of effect.**
3. The parts become what their locks say, and lose them.

Whoever meets a lock looks at the primary. Where it lists the transaction, the
part already is what the lock says. Where the primary has moved from the point
that the lock names, the transaction can never take effect. Else it may yet: a
reader sees the part as it was; a writer waits a moment, and then moves the
primary on without changing it.

So nothing is to be undone after a crash, wherever it comes: a lock is done or
void by the one document that decides. A primary keeps a transaction under
``done`` until its parts are known to be through; its next writer sees to that,
if nobody else has. A primary that is deleted stays as a tombstone until then,
one that is created begins as an empty document.

Every write carries the name of its transaction, by which it knows itself when
its answer was lost; so a lone document that is deleted becomes a tombstone
first, too.
"""

import collections
import collections.abc
import dataclasses
import logging
import random
import threading
import time
import typing
import uuid

from freezer_api import exceptions
from freezer_api.db.elasticsearch import store
from freezer_api.db.elasticsearch.codec import Key, Value
from freezer_api.db.elasticsearch.store import Found, Store, Write

LOG = logging.getLogger(__name__)
#: Seconds that a writer waits for the owner of a lock, who may be in the
#: middle of it.
PATIENCE = 2.0
#: Seconds between two looks, at first and at most.
SHORTEST, LONGEST = 0.002, 0.064
#: Transactions that are remembered as carried out.
_REMEMBERED = 10_000
_RANDOM = random.SystemRandom()

Change = tuple[Found, Value | None]


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """A transaction: its primary and what becomes of it, the parts, and what
    is to be removed afterwards.
    """

    name: str
    primary: Change
    parts: tuple[Change, ...] = ()
    trash: tuple[typing.Any, ...] = ()


class Moved(Exception):
    """What was read stands there no longer: begin again."""


def new_name() -> str:
    """A name that no transaction has yet."""
    return uuid.uuid4().hex


def pause(attempt: int) -> None:
    """Wait a moment, longer from attempt to attempt, and never as long as
    others do.
    """
    time.sleep(
        _RANDOM.uniform(
            SHORTEST, min(LONGEST, SHORTEST * 2 ** min(attempt, 10))
        )
    )


class Committer:
    """Commits transactions, and finds out about those of others."""

    def __init__(self, documents: Store):
        self.store = documents
        self._lock = threading.Lock()
        self._through: collections.OrderedDict[str, None] = (
            collections.OrderedDict()
        )

    # One's own

    def commit(self, plan: Plan) -> None:
        """Let a transaction take effect, or raise ``Moved``.
        ``StorageUnavailable``: it may have, or will have, or not.
        """
        found, after = plan.primary
        if found.seq_no is None:
            found = self._placed(plan, found)
        if after is not None and not plan.parts and not plan.trash:
            self._write([store.put(found, after, {'write': plan.name})])
            return
        held = self._hold(plan, found)
        entry = {
            'name': plan.name,
            'parts': [list(part.key) for part in held],
            'trash': list(plan.trash),
        }
        mark: dict[str, typing.Any] = {'write': plan.name, 'done': [entry]}
        if after is None:
            mark['gone'] = True
        try:
            decided = self._write([store.put(found, after, mark)])[0]
        except Moved:
            decided = self.store.get(found.key)
            # The answer of the write may have been lost, and the write been
            # sent again.
            if not _has(decided, entry):
                self._let_go(held)
                raise
        self._carry_out(entry, held)
        if after is None and self.is_through(plan.name):
            self._quietly(lambda: self.store.write([Write(decided, None)]))

    def _placed(self, plan: Plan, found: Found) -> Found:
        """A primary that isn't there, as an empty document: so it has a point
        from which it can be moved on.

        And so nothing is created by a request that comes late, when another
        one like it had its effect long since and what it created is deleted
        again: all that matters is written to a point that never comes back.
        """
        return self._write(
            [store.put(found, None, {'write': plan.name})], shown=False
        )[0]

    def _hold(self, plan: Plan, primary: Found) -> list[Found]:
        """The parts, locked."""
        writes = []
        for found, after in plan.parts:
            lock = {
                'name': plan.name,
                'primary': list(primary.key),
                'at': primary.at,
                'after': after.dump() if after else None,
            }
            writes.append(
                store.put(
                    found, found.value, {'write': plan.name, 'lock': lock}
                )
            )
        results = self.store.write(writes)
        held = [
            _now(write, result)
            for write, result in zip(writes, results, strict=True)
            if result
        ]
        if len(held) < len(writes):
            self._let_go(held)
            raise Moved
        return held

    def _write(self, writes: list[Write], shown: bool = True) -> list[Found]:
        results = self.store.write(writes, shown)
        if not all(results):
            raise Moved
        return [
            _now(write, typing.cast(tuple[int, int], result))
            for write, result in zip(writes, results, strict=True)
        ]

    def _let_go(self, held: list[Found]) -> None:
        """Take locks away whose transaction didn't take effect; whoever meets
        one left can tell.
        """
        self._quietly(
            lambda: self.store.write(
                [_without_lock(part, part.value) for part in held]
            )
        )

    # Anybody's

    def is_through(self, name: str) -> bool:
        """Whether a transaction is known to have been carried out
        everywhere.
        """
        return name in self._through

    def finish(self, found: Found) -> None:
        """Carry out what a document has committed."""
        for entry in found.done:
            if not self.is_through(entry['name']):
                parts = self.store.get_all(
                    [(kind, id) for kind, id in entry['parts']]
                )
                self._carry_out(entry, list(parts.values()), True)

    def carry(self, found: Found) -> None:
        """Carry out the transaction whose lock lies on a document, if it has
        taken effect.
        """
        if found.lock:
            self.finish(self.store.get(_primary(found.lock)))

    def bury(self, found: Found) -> None:
        """Remove a tombstone, once what it committed is carried out."""
        self.finish(found)
        self.store.write([Write(found, None)])

    def _carry_out(
        self,
        entry: dict[str, typing.Any],
        parts: list[Found],
        surely: bool = False,
    ) -> None:
        """Make the parts of a transaction that took effect what they become,
        and remember it if that is certain.

        Unless it has to be ``surely`` done, failures are left to who comes
        next: the transaction has had its effect.
        """
        try:
            while parts := [
                part
                for part in parts
                if part.lock and part.lock['name'] == entry['name']
            ]:
                results = self.store.write(
                    [_without_lock(part, _after(part)) for part in parts]
                )
                left = [
                    part.key
                    for part, result in zip(parts, results, strict=True)
                    if not result
                ]
                parts = list(self.store.get_all(left).values()) if left else []
            self.store.remove([(kind, id) for kind, id in entry['trash']])
        except exceptions.StorageUnavailable:
            if surely:
                raise
            LOG.warning(
                'A change has taken effect, and is to be carried out to all of'
                ' its documents by who reads them next.'
            )
            return
        with self._lock:
            self._through[entry['name']] = None
            while len(self._through) > _REMEMBERED:
                self._through.popitem(last=False)

    def seen(self, founds: dict[Key, Found]) -> dict[Key, Found | None]:
        """Each document as a reader sees it now: without a lock, as it is or
        as the lock says; None if it must be read again.
        """
        locks = {
            key: found.lock for key, found in founds.items() if found.lock
        }
        if not locks:
            return dict(founds)
        primaries = self.store.get_all(
            [_primary(lock) for lock in locks.values()]
        )
        undone = {
            key
            for key, lock in locks.items()
            if not _has(primaries[_primary(lock)], lock)
        }
        # Between the two reads the primary may have forgotten the transaction,
        # for it was carried out: then the part has moved.
        again = self.store.get_all(undone) if undone else {}
        result: dict[Key, Found | None] = {}
        for key, found in founds.items():
            if key not in locks:
                result[key] = found
            elif key in undone:
                result[key] = (
                    dataclasses.replace(found, mark={})
                    if again[key].at == found.at
                    else None
                )
            else:
                result[key] = dataclasses.replace(
                    found, value=_after(found), mark={}
                )
        return result

    def read(self, keys: collections.abc.Collection[Key]) -> dict[Key, Found]:
        """Documents as a reader sees them, each at a moment since the call."""
        result: dict[Key, Found] = {}
        left = list(keys)
        attempt = 0
        while left:
            seen = self.seen(self.store.get_all(left))
            result |= {
                key: found for key, found in seen.items() if found is not None
            }
            left = [key for key, found in seen.items() if found is None]
            if left:
                pause(attempt)
                attempt += 1
        return result

    def hold(
        self, keys: collections.abc.Collection[Key], deadline: float
    ) -> dict[Key, Found]:
        """Documents as a writer may build on them: none is locked by a
        transaction that may yet take effect.

        What they have committed is carried out. ``StorageUnavailable`` at the
        deadline, by the monotonic clock.
        """
        result: dict[Key, Found] = {}
        left, since = list(keys), dict[str, float]()
        attempt = 0
        while left:
            founds = self.store.get_all(left)
            open_ones = self._open(founds, since)
            seen = self.seen(
                {
                    key: found
                    for key, found in founds.items()
                    if key not in open_ones
                }
            )
            for key, found in seen.items():
                if found is not None:
                    self.finish(founds[key])
                    result[key] = found
            left = [key for key in left if key not in result]
            if left:
                if time.monotonic() > deadline:
                    raise exceptions.StorageUnavailable()
                pause(attempt)
                attempt += 1
        return result

    def _open(
        self, founds: dict[Key, Found], since: dict[str, float]
    ) -> set[Key]:
        """Those with a lock of a transaction that may yet take effect; one
        that has been waited for long enough is made void.
        """
        locks = {
            key: found.lock for key, found in founds.items() if found.lock
        }
        if not locks:
            return set()
        primaries = self.store.get_all(
            [_primary(lock) for lock in locks.values()]
        )
        waiting = set()
        for key, lock in locks.items():
            primary = primaries[_primary(lock)]
            if _has(primary, lock) or primary.at != lock['at']:
                continue
            waiting.add(key)
            if (
                time.monotonic()
                - since.setdefault(lock['name'], time.monotonic())
                > PATIENCE
            ):
                self._move_on(primary)
        return waiting

    def abandon(self, found: Found) -> None:
        """Remove an empty document that began as a primary."""
        self._quietly(lambda: self.store.write([Write(found, None)]))

    def _move_on(self, primary: Found) -> None:
        """Make it impossible that something is written where a document was
        read.
        """
        if primary.value is None and not primary.mark.keys() & {
            'done',
            'gone',
            'lock',
        }:
            self.store.write([Write(primary, None)])
        else:
            self.store.write(
                [
                    store.put(
                        primary,
                        primary.value,
                        {**primary.mark, 'moved': new_name()},
                    )
                ]
            )

    @staticmethod
    def _quietly(act: collections.abc.Callable[[], typing.Any]) -> None:
        """Do what others do as well if it fails."""
        try:
            act()
        except exceptions.StorageUnavailable:
            LOG.debug('Left to others.')


def _primary(lock: dict[str, typing.Any]) -> Key:
    kind, id = lock['primary']
    return kind, id


def _has(primary: Found, named: dict[str, typing.Any]) -> bool:
    """Whether the transaction that a lock, or an entry of its own, names has
    taken effect.
    """
    return any(entry['name'] == named['name'] for entry in primary.done)


def _after(part: Found) -> Value | None:
    """What the lock on a part says that it becomes."""
    after = (part.lock or {})['after']
    return Value.load(part.key[0], after) if after else None


def _without_lock(part: Found, value: Value | None) -> Write:
    mark = {
        key: content for key, content in part.mark.items() if key != 'lock'
    }
    return Write(part, None) if value is None else store.put(part, value, mark)


def _now(write: Write, written: tuple[int, int]) -> Found:
    """What was written, as it would be read."""
    found = write.found
    doc = (write.body or {'doc': {'mark': {}}})['doc']
    value = None
    if write.body and 'state' in doc:
        value = Value(
            found.key[0],
            write.body['project'],
            write.body['id'],
            write.body['seq'],
            doc['state'],
        )
    return dataclasses.replace(
        found,
        seq_no=written[0],
        primary_term=written[1],
        value=value,
        mark=doc['mark'],
    )
