"""What a document can be found by: its (key, value) pairs, and the text that
``_all`` looks into.

This is the one definition. Drivers index exactly :func:`index_pairs` and
:func:`folded_text`.
"""

import collections.abc
import sys
import typing

from freezer_api.domain import backups, documents
from freezer_api.domain.documents import Body

#: The version of all that documents are found by: of :func:`index_pairs` and
#: :func:`folded_text`, and of what drivers derive from these or keep beside
#: them. Raise it when any of it changes: ``freezer-manage db reindex`` then
#: updates what an earlier version indexed.
INDEX_VERSION = 1
#: How many pairs a document may have.
MAX_VALUES = 4096
#: How many characters of each string ``_all`` looks into.
MAX_TEXT = 1000
#: The key of a document under which its schedule is.
SCHEDULES = {documents.JOBS: 'job_schedule', documents.SESSIONS: 'schedule'}
#: A key and the canonical form of a value: a letter for its JSON type, then
#: its text.
Pair = tuple[str, str]
Scalar = str | int | float | bool | None

# Letters of composite pairs, which answer two conditions in one look-up. No
# canonical value begins with one of them, so no caller's condition can be a
# composite pair.
#: A job of a client that isn't completed: the agents' poll.
OPEN = 'o'
#: A job of a client that is completed. Each job has either this pair or the
#: open one, so its index doesn't grow when it completes.
CLOSED = 'c'
#: The trust of a job.
TRUST = 't'
#: The session and tag of a backup, or the run that a session restores.
RUN = 'r'
#: The pair that completed jobs have.
COMPLETED: Pair = ('status', 'scompleted')


def canonical(value: Scalar) -> str:
    """Return a text that is equal for two scalars exactly when their JSON
    values are equal: 1 is 1.0, but neither is true.
    """
    # Most are strings.
    if isinstance(value, str):
        return f's{value}'
    if value is None:
        return 'z'
    # Before numbers, for a bool is an int in Python.
    if isinstance(value, bool):
        return f'b{value}'
    if isinstance(value, float) and not value.is_integer():
        return f'n{value!r}'
    return f'n{int(value)}'


def searchable(kind: str, body: Body) -> Body:
    """Return the document as shown, without what isn't searched."""
    shown = {
        key: value
        for key, value in body.items()
        if key not in documents.INTERNAL and key != documents.CREDENTIALS
    }
    schedule_key = SCHEDULES.get(kind, '')
    schedule = shown.get(schedule_key, {})
    # Not every caller who sees a job is shown its pid.
    if 'current_pid' in schedule:
        visible = dict(schedule)
        del visible['current_pid']
        shown[schedule_key] = visible
    return shown


def offers(kind: str, body: Body) -> frozenset[Pair]:
    """Return the pairs of a document: every scalar with its key.

    A key that stands at several depths counts where it is least deep.
    Objects count for the depth, arrays don't; an array offers each scalar in
    it.
    """
    return frozenset(_find_pairs(kind, body))


def count(kind: str, body: Body, most: int = sys.maxsize) -> int:
    """Return how many pairs a document has; counting stops beyond ``most``."""
    found: set[Pair] = set()
    for pair in _find_pairs(kind, body):
        found.add(pair)
        if len(found) > most:
            break
    return len(found)


def _find_pairs(kind: str, body: Body) -> collections.abc.Iterator[Pair]:
    """Yield the pairs of a document, some of them several times."""
    keys_above: set[str] = set()
    level = [searchable(kind, body)]
    while level:
        next_level: list[Body] = []
        for mapping in level:
            for key, value in mapping.items():
                if isinstance(value, dict):
                    next_level.append(value)
                elif isinstance(value, list):
                    for leaf in _leaves(value):
                        if isinstance(leaf, dict):
                            next_level.append(leaf)
                        elif key not in keys_above:
                            yield key, canonical(leaf)
                elif key not in keys_above:
                    yield key, canonical(value)
        # Not earlier: a key may stand in several objects of one level.
        for mapping in level:
            keys_above.update(mapping)
        level = next_level


def index_pairs(kind: str, body: Body) -> frozenset[Pair]:
    """Return what a driver indexes: the document's own pairs and the composite
    ones.
    """
    own = offers(kind, body)
    if kind == documents.JOBS:
        return own | _job_pairs(own, documents.trust(body))
    if kind == documents.SESSIONS:
        restored = body.get('restore')
        if restored is None:
            return own
        return own | {
            restore_pair(restored['session_id'], restored['session_tag'])
        }
    if kind == documents.BACKUPS:
        run = backups.run_of(body)
        if run is not None:
            return own | {run_pair(run.session_id, run.tag)}
    return own


def trust_pair(id: str) -> Pair:
    """Return the composite pair of the jobs that have a trust."""
    return documents.CREDENTIALS, f'{TRUST}{id}'


def run_pair(session_id: str, tag: int) -> Pair:
    """Return the composite pair of the backups that name a session and a tag,
    as :func:`.backups.run_of` reads them.
    """
    return 'session_id', f'{RUN}{tag} {session_id}'


def restore_pair(session_id: str, tag: int) -> Pair:
    """Return the composite pair of the sessions that restore or verify a
    run.
    """
    return 'restore', f'{RUN}{tag} {session_id}'


def _job_pairs(own: frozenset[Pair], trust: str | None) -> set[Pair]:
    """Return the composite pairs of a job that has these pairs of its own."""
    letter = CLOSED if COMPLETED in own else OPEN
    found: set[Pair] = set()
    for key, value in own:
        if key == 'client_id':
            found.add((key, letter + value))
    if trust is not None:
        found.add(trust_pair(trust))
    return found


def folded_text(kind: str, body: Body) -> str:
    """Return the text that ``_all`` looks into: the different strings of the
    document, case-folded, sorted and joined by NUL, which no document has.
    """
    # The members of a session have most of their strings in common.
    different = set(_strings(searchable(kind, body)))
    folded = {text[:MAX_TEXT].casefold() for text in different}
    return '\0'.join(sorted(folded))


# The walks below use a list of what is left instead of recursion: a document
# may be nested deeper than Python's stack, and nested generators would pass
# each value on through every level.


def _leaves(value: typing.Any) -> collections.abc.Iterator[typing.Any]:
    """Yield a value, or what is in it and isn't a list if it is a list."""
    left = [value]
    while left:
        here = left.pop()
        if isinstance(here, list):
            left.extend(here)
        else:
            yield here


def _strings(value: typing.Any) -> collections.abc.Iterator[str]:
    """Yield every string in a value, without the keys of objects."""
    left = [value]
    while left:
        here = left.pop()
        if isinstance(here, str):
            yield here
        elif isinstance(here, dict):
            left.extend(here.values())
        elif isinstance(here, list):
            left.extend(here)
