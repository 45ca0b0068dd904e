"""Claims as they stand beside documents, held against these: who has one, and
who should.
"""

import collections.abc
import functools
import logging

from freezer_api.db.elasticsearch import codec, commit
from freezer_api.db.elasticsearch.codec import Key, Value
from freezer_api.db.elasticsearch.commit import Committer
from freezer_api.db.elasticsearch.units import Unit, Units
from freezer_api.domain import documents

LOG = logging.getLogger(__name__)
#: Looks at what somebody changes again and again, before it counts as
#: changing.
ATTEMPTS = 5


def wanted(value: Value) -> Value | None:
    """The claim that a document should have."""
    if value.kind not in documents.KINDS or value.kind == documents.SESSIONS:
        return None
    if documents.claim(value.kind, value.id, value.state['body']) is None:
        return None
    return codec.claim_value(value.kind, value.project, value.id)


def holder(claim: Value) -> Key:
    """The document that a claim says to have it."""
    kind, _, id = claim.id.partition('/')
    return codec.key(kind, claim.project, id)


def steadily(
    committer: Committer,
    key: Key,
    other: Key,
    judge: collections.abc.Callable[[Value | None, Value | None], bool],
) -> bool:
    """Whether two documents are as ``judge`` says, while the first stays as it
    is.
    """
    for attempt in range(ATTEMPTS):
        before = committer.read((key,))[key]
        beside = committer.read((other,))[other]
        if not judge(before.value, beside.value):
            return False
        after = committer.read((key,))[key]
        if (before.at, before.value) == (after.at, after.value):
            return True
        commit.pause(attempt)
    return False


def is_stale(committer: Committer, claim: Value) -> bool:
    """Whether a claim is there that its document doesn't have."""
    return steadily(committer, claim.key, holder(claim), _stale)


def is_missing(committer: Committer, value: Value) -> bool:
    """Whether a document should have a claim and hasn't."""
    claim = wanted(value)
    return claim is not None and steadily(
        committer, value.key, claim.key, _missing
    )


def remove(units: Units, claim: Value) -> bool:
    """Remove a claim that its document doesn't have."""

    def step(unit: Unit) -> bool:
        of = holder(claim)
        there = unit.get(claim.key)
        if (
            there is None
            or holder(there) != of
            or not _stale(there, unit.get(of))
        ):
            return False
        unit.guard((of,))
        unit.drop(claim.key)
        return True

    removed = units.run(claim.key, step)
    if removed:
        LOG.error(
            'Claim %s of project %s belonged to no document; removed.',
            claim.id,
            claim.project,
        )
    return removed


def add(units: Units, value: Value) -> bool:
    """Give a document the claim that it should have, unless another one has
    it.
    """
    return units.run(value.key, functools.partial(_add, key=value.key))


def _add(unit: Unit, key: Key) -> bool:
    stored = unit.get(key)
    claim = wanted(stored) if stored else None
    if claim is None or unit.get(claim.key) is not None:
        return False
    unit.put(claim)
    return True


def _stale(claim: Value | None, document: Value | None) -> bool:
    return claim is not None and (document is None or wanted(document) is None)


def _missing(document: Value | None, claim: Value | None) -> bool:
    should = wanted(document) if document else None
    return should is not None and (
        claim is None or claim.project != should.project
    )
