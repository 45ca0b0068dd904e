"""The Elasticsearch driver without one of its safeguards: :mod:`.fault_cases` must notice."""

import ast
import collections.abc
import contextlib
import dataclasses
import inspect
import itertools
import textwrap
import typing

from freezer_api.db.elasticsearch import attempt, transactions
from freezer_api.db.elasticsearch.commits import (
    committing,
    lines,
    locks,
    marks,
    outcomes,
    store,
)
from freezer_api.db.elasticsearch.search import finding, pending, queries, reading
from freezer_api.db.elasticsearch.sessions import settling
from tests.contract import interception

Owner = typing.Any
#: Requests that a mutant may send.
MOST = 1000


@dataclasses.dataclass(frozen=True, slots=True)
class Mutant:
    """A function of the driver in whose text ``instead`` stands in place of ``text``, which has to
    be there once. The text is as :func:`ast.unparse` writes it, however the source is laid out.
    """

    owner: Owner
    function: str
    text: str
    instead: str

    @contextlib.contextmanager
    def applied(self) -> collections.abc.Iterator[None]:
        """Let it be the driver of this process."""
        original = inspect.getattr_static(self.owner, self.function)
        actual = getattr(self.owner, self.function)
        source = ast.unparse(ast.parse(textwrap.dedent(inspect.getsource(actual))))
        if source.count(self.text) != 1:
            raise LookupError(f'{self.function} has changed: {self.text!r} is to be there once')
        made: dict[str, typing.Any] = {}
        exec(
            compile(source.replace(self.text, self.instead), f'<{self.function}, mutated>', 'exec'),
            actual.__globals__,
            made,
        )
        setattr(self.owner, self.function, made[self.function])
        try:
            with _bounded():
                yield
        finally:
            setattr(self.owner, self.function, original)


@contextlib.contextmanager
def _bounded() -> collections.abc.Iterator[None]:
    """No more requests than a few cases need: a mutant may ask for ever."""
    numbers = itertools.count(1)

    def count(request: interception.Request) -> typing.Any:
        assert next(numbers) <= MOST, 'it asks for ever'
        return request()

    with interception.intercepting_all(count):
        yield


COMMITTER = committing.Committer
LOCKS = locks.Locks
OUTCOMES = outcomes.Outcomes

PARTS_WRITTEN_FIRST = Mutant(
    COMMITTER,
    '_lock_parts',
    'writes.append(self.store.put(found, found.value, mark))',
    'writes.append(self.without_lock(found, after))',
)
PARTS_WRITTEN_LAST = Mutant(
    COMMITTER,
    'commit',
    'locked = self._lock_parts(plan, found)',
    'write = self.store.put(found, after, {})\n'
    '    return self._decide(plan.name, write, attempts) and self.store.write(\n'
    '        [self.without_lock(*part) for part in plan.parts]) and None',
)
PRIMARY_READ_AGAIN = Mutant(
    COMMITTER,
    'commit',
    'locked = self._lock_parts(plan, found)',
    'locked, found = self._lock_parts(plan, found), self.store.get(found.key)',
)
NO_PLACEHOLDER = Mutant(
    COMMITTER, 'commit', 'found = self._create_placeholder(plan, found, attempts)', 'pass'
)
LONE_CREATION = Mutant(
    COMMITTER, 'commit', 'if found.seq_no is None:', 'if found.seq_no is None and plan.parts:'
)
NO_TOMBSTONE = Mutant(
    COMMITTER,
    'commit',
    'write = self.store.put(found, after, mark)',
    'write = Write(found, None) if after is None else self.store.put(found, after, mark)',
)
TOMBSTONE_REMOVED_EARLY = Mutant(
    COMMITTER,
    '_remove_own_tombstone',
    'not is_own or not self.is_applied(plan.name)',
    'not is_own or self.remember_applied(plan.name)',
)
LONE_DELETION = Mutant(
    COMMITTER,
    'commit',
    'if after is not None and (not plan.parts) and (not plan.delete_after):',
    'if not plan.parts and not plan.delete_after and after is None:\n'
    '        return self._decide(plan.name, Write(found, None), attempts) and None\n'
    '    if after is not None and not plan.parts and not plan.delete_after:',
)
OWN_WRITE_UNKNOWN = Mutant(COMMITTER, '_decide', 'if name in marks.names(now.mark):', 'if False:')

PLACEHOLDER_TAKEN_FOR_COMMIT = Mutant(
    COMMITTER, '_create_placeholder', 'name = placeholder_name(plan.name)', 'name = plan.name'
)

FAILURE_REMEMBERED_AS_DONE = Mutant(LOCKS, 'apply_entry', '        return\n', '        pass\n')
CARRIED_OUT_ONCE = Mutant(
    LOCKS, '_apply', 'parts = list(self.store.get_all(left).values())', 'return'
)
DONE_OVERWRITTEN = Mutant(marks, 'written', "mark['done'] = done", 'pass')

LOCKS_UNSEEN = Mutant(LOCKS, 'look', 'if not locks:', 'if True:')
NO_SECOND_LOOK = Mutant(LOCKS, 'look', 'if again[key].point == founds[key].point:', 'if True:')
DONE_UNSEEN = Mutant(
    locks, 'has_committed', "any((entry['name'] == name for entry in primary.done))", 'False'
)
ALL_TAKEN_AS_DONE = Mutant(
    locks, 'has_committed', "any((entry['name'] == name for entry in primary.done))", 'True'
)
WAITING_FOR_EVER = Mutant(OUTCOMES, '_may_be_committed', 'if waited <= LOCK_TIMEOUT:', 'if True:')
NOT_MOVED_ON = Mutant(
    OUTCOMES,
    'resolve',
    'proved = self.prove([primaries[key] for key in asked])',
    'proved = {key: primaries[key] for key in asked}',
)

OUTCOME_NOT_PROVED = NOT_MOVED_ON
PARTS_NOT_PROVED = Mutant(
    LOCKS,
    '_apply',
    'proved = self.prove(others)',
    'proved = {part.key: part for part in others}',
)
NOTHING_TO_DO_NOT_PROVED = Mutant(
    transactions.Transactions,
    '_commit_in_turn',
    'if not _is_acknowledged(batch, results):',
    'if True:',
)
PARTS_THAT_STAY_NOT_GUARDED = Mutant(attempt.Attempt, 'get', 'self.guard((key,))', 'pass')
NOTHING_REMEMBERED = Mutant(OUTCOMES, 'state', 'return self._states.get(name)', 'return None')
UNDONE_NOT_PROVED = Mutant(
    COMMITTER,
    '_is_undone',
    'proved = self.prove([now]).get(now.key)',
    'proved = now',
)
LAST_WRITER_ONLY = Mutant(marks, 'names', "mark.get('earlier', [])", '[]')
FEW_NAMES_KEPT = Mutant(marks, '_still_needed', '_is_recent(name, now)', 'False')
UNNAMED_TAKEN_FOR_UNDONE = Mutant(
    COMMITTER,
    '_is_undone',
    'if not marks.may_lack_names(now.mark):',
    'return True\n    if not marks.may_lack_names(now.mark):',
)
WRITES_NOT_COUNTED = Mutant(
    COMMITTER, '_is_undone', 'if 0 < unnamed < _WRITE_AND_DELETION:', 'if is_sent_once:'
)

BLIND_WRITES = Mutant(
    lines,
    '_lines',
    "where['if_seq_no'] = found.seq_no\n        where['if_primary_term'] = found.primary_term\n",
    'pass\n',
)
BLIND_CREATION = Mutant(lines, '_lines', "operation = 'create'", "operation = 'index'")
NO_GUARDS = Mutant(attempt.Attempt, 'guard', 'self._guarded |= frozenset(keys)', 'pass')
CLAIMS_LEFT_OUT = Mutant(
    attempt.Attempt,
    'plan',
    '(changed | guarded)',
    "{key for key in changed | guarded if key[0] != 'claims'}",
)
STEPS_MIXED = Mutant(attempt.Attempt, 'do', 'self._restore(*before)', 'pass')

PENDING_NOT_SEARCHED = Mutant(queries, '_pending', '[named(PENDING, all_of(in_scope))]', '[]')
PLACEHOLDER_OUT_OF_PLACE = Mutant(store.Store, 'put', "if lock and lock['after']:", 'if False:')
LAPSED_NOT_SEARCHED = Mutant(
    queries.PageSearch, '_pending', 'if self.kind == documents.SESSIONS and now:', 'if False:'
)
PENDING_COUNTED_BY_OFFSETS = Mutant(
    queries.PageSearch, '_page_by_offset', '[wanted],', '[wanted, *self._pending(now)],'
)
NOTHING_BESIDE_PAGES = Mutant(finding.Finder, '_page', 'if is_shifted or is_short:', 'if is_short:')
PAGES_AS_INDEXED = Mutant(pending.PendingView, 'see', 'if value is _UNCHANGED:', 'if True:')
LEARNT_AT_ONCE = Mutant(
    pending.PendingView,
    '_changes_by_locks',
    'if state is None or name not in self._done:',
    'if state is None:',
)
RECORDS_MISSING = Mutant(settling, '_records', 'return None', 'continue')
CLAIM_TRUSTED = Mutant(reading.Reader, 'claimed', ' and _has_claim(value)', '')
