"""The Elasticsearch driver without one of its safeguards: :mod:`.fault_cases` must notice."""

import ast
import collections.abc
import contextlib
import dataclasses
import inspect
import itertools
import textwrap
import typing

from freezer_api.db.elasticsearch import commit, finding, history, queries, store, units
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


COMMITTER = commit.Committer

PARTS_WRITTEN_FIRST = Mutant(
    COMMITTER,
    '_hold',
    "store.put(found, found.value, {'write': plan.name, 'lock': lock})",
    '_without_lock(found, after)',
)
PARTS_WRITTEN_LAST = Mutant(
    COMMITTER,
    'commit',
    'held = self._hold(plan, found)',
    'return self._write([store.put(found, after, {})]) and self._write(\n'
    '        [_without_lock(*part) for part in plan.parts]) and None',
)
PRIMARY_READ_AGAIN = Mutant(
    COMMITTER,
    'commit',
    'held = self._hold(plan, found)',
    'held, found = self._hold(plan, found), self.store.get(found.key)',
)
NO_PLACEHOLDER = Mutant(COMMITTER, 'commit', 'found = self._placed(plan, found)', 'pass')
LONE_CREATION = Mutant(
    COMMITTER, 'commit', 'if found.seq_no is None:', 'if found.seq_no is None and plan.parts:'
)
NO_TOMBSTONE = Mutant(
    COMMITTER,
    'commit',
    '[store.put(found, after, mark)]',
    '[Write(found, None) if after is None else store.put(found, after, mark)]',
)
TOMBSTONE_REMOVED_EARLY = Mutant(
    COMMITTER, 'commit', 'after is None and self.is_through(plan.name)', 'after is None'
)
LONE_DELETION = Mutant(
    COMMITTER,
    'commit',
    'if after is not None and (not plan.parts) and (not plan.trash):\n'
    "        self._write([store.put(found, after, {'write': plan.name})])",
    'if not plan.parts and not plan.trash:\n        self._write([store.put(found, after,'
    " {'write': plan.name}) if after else Write(found, None)])",
)
OWN_COMMIT_UNKNOWN = Mutant(COMMITTER, 'commit', 'if not _has(decided, entry):', 'if True:')
OWN_WRITE_UNKNOWN = Mutant(
    units.Units, '_commit', 'if written in earlier and found.value is not None:', 'if False:'
)

FAILURE_REMEMBERED_AS_DONE = Mutant(COMMITTER, '_carry_out', '        return\n', '        pass\n')
FAILURE_OVERLOOKED = Mutant(
    COMMITTER, 'finish', 'list(parts.values()), True)', 'list(parts.values()))'
)
CARRIED_OUT_ONCE = Mutant(
    COMMITTER,
    '_carry_out',
    'parts = list(self.store.get_all(left).values()) if left else []',
    'break',
)
DONE_OVERWRITTEN = Mutant(COMMITTER, 'hold', 'self.finish(founds[key])', 'pass')

LOCKS_UNSEEN = Mutant(COMMITTER, 'seen', 'if not locks:', 'if True:')
NO_SECOND_LOOK = Mutant(COMMITTER, 'seen', ' if again[key].at == found.at else None', '')
DONE_UNSEEN = Mutant(
    commit, '_has', "any((entry['name'] == named['name'] for entry in primary.done))", 'False'
)
ALL_TAKEN_AS_DONE = Mutant(
    commit, '_has', "any((entry['name'] == named['name'] for entry in primary.done))", 'True'
)
POINT_NOT_COMPARED = Mutant(COMMITTER, '_open', " or primary.at != lock['at']", '')
WAITING_FOR_EVER = Mutant(COMMITTER, '_open', 'self._move_on(primary)', 'pass')
NOT_MOVED_ON = Mutant(COMMITTER, '_open', 'self._move_on(primary)', 'waiting.discard(key)')

BLIND_WRITES = Mutant(
    store.Store,
    '_write',
    "{'if_seq_no': found.seq_no, 'if_primary_term': found.primary_term}",
    '{}',
)
BLIND_CREATION = Mutant(store.Store, '_write', "{'create': where}", "{'index': where}")
NO_GUARDS = Mutant(units.Unit, 'guard', 'self._guarded |= frozenset(keys)', 'pass')
CLAIMS_LEFT_OUT = Mutant(
    units.Unit,
    'plan',
    '(changed | guarded)',
    "{key for key in changed | guarded if key[0] != 'claims'}",
)
STEPS_MIXED = Mutant(
    units.Unit,
    'attempt',
    'self._now = {key: before[0].get(key, self.found[key].value) for key in self._now}',
    'pass',
)

RESTLESS_NOT_SEARCHED = Mutant(
    queries, '_restless', "[_named(RESTLESS, _all([*whose, _term('restless', True)]))]", '[]'
)
RESTLESS_OUT_OF_PLACE = Mutant(store, 'put', "(mark.get('lock') or {}).get('after') or {", '{')
LAPSED_NOT_SEARCHED = Mutant(
    queries, '_restless', 'if kind == documents.SESSIONS and now:', 'if False:'
)
RESTLESS_COUNTED_BY_OFFSETS = Mutant(
    queries, 'page', '_sorted([wanted], ', '_sorted([wanted, *_restless(scope, kind, now)], '
)
NOTHING_BESIDE_PAGES = Mutant(finding.Finder, 'page', '[*hits, *queries.aside(answer)]', 'hits')
PAGES_AS_INDEXED = Mutant(finding.Finder, '_quiet', 'return quiet', 'return True')
RECORDS_MISSING = Mutant(history, '_records', 'return None', 'continue')
CLAIM_TRUSTED = Mutant(
    finding.Finder, 'claimed', " and documents.claim(kind, id, value.state['body']) is not None", ''
)
