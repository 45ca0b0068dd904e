"""Whether what searches find a session by has changed."""

import collections.abc
import dataclasses

from freezer_api.domain.session_state import Member, Session

# Fields of a session that searches don't look at, or not as they are stored.
_NOT_SEARCHED = frozenset(('members', 'version', 'created', 'succeeded'))
# Fields of a member in which progress is recorded.
_PROGRESS = frozenset(
    ('status', 'result', 'time_started', 'time_ended', 'counted')
)


def has_same_index(old: Session, new: Session) -> bool:
    """Tell whether two states of a session are surely found by the same
    searches, so that a driver may leave its index alone.

    They are if only the progress of members differs, and no status or result
    of a member came up or disappeared. Of an entry of ``jobs``, each key but
    the client's is a key of the session too, and a search looks at that one.
    Most starts and ends are such a change.
    """
    if not _has_equal_fields(old, new, _NOT_SEARCHED):
        return False
    if old.members.keys() != new.members.keys():
        return False
    for job_id, member in new.members.items():
        before = old.members[job_id]
        # Of many members a report changes one.
        if before is member:
            continue
        if not _has_equal_fields(before, member, _PROGRESS):
            return False
    return _progress_words(old) == _progress_words(new)


def _has_equal_fields(
    old: Session | Member, new: Session | Member, ignored: frozenset[str]
) -> bool:
    """Tell whether all fields are equal but the ignored ones.

    A mapping has to be the same object: in equal ones, True may stand where
    the other has 1.
    """
    for field in dataclasses.fields(old):
        if field.name in ignored:
            continue
        before = getattr(old, field.name)
        after = getattr(new, field.name)
        if before is after:
            continue
        if before != after or isinstance(before, collections.abc.Mapping):
            return False
    return True


def _progress_words(session: Session) -> set[str]:
    """Return each status and result that some member has."""
    words: set[str] = set()
    for member in session.members.values():
        words.add(member.status)
        words.add(member.result)
    return words
