"""Examining a whole store, and repairing what is wrong in it, while others use
it.

All that is found :mod:`.verifying` tells as well. What is derived is derived
again by the driver; documents that contradict each other are made to agree by
an operation of their own.
"""

import collections
import collections.abc
import dataclasses

from freezer_api.db import copying, verifying
from freezer_api.db.base import Place, Storage
from freezer_api.db.copying import Progress
from freezer_api.db.walks import Drift, WalkStep


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong. ``is_repairable``: :meth:`Doctor.examine` can repair it;
    ``is_repaired``: it has.
    """

    drift: Drift
    is_repairable: bool
    is_repaired: bool = False


class Doctor:
    """Examines a store once; of one project alone, if that is given.

    ``outdated``: how many documents are indexed by an earlier version, by
    kind, which isn't told of single projects.
    """

    def __init__(
        self,
        storage: Storage,
        progress: Progress,
        fix: bool = False,
        project_id: str | None = None,
    ):
        self.outdated: collections.Counter[str] = collections.Counter()
        self._storage = storage
        self._progress = progress
        self._fix = fix
        self._project_id = project_id

    def examine(self) -> collections.abc.Iterator[Finding]:
        """Yield all that is wrong, and repair it if asked for."""
        for kind in verifying.KINDS:
            total = verifying.count(self._storage, kind)
            with self._progress(f'examining {kind}', total) as advance:
                for place, step in self._steps(kind):
                    advance(step.looked)
                    yield from self._derived(kind, place, step)
        # What derives the links between documents is right by now.
        for kind in verifying.LINKED:
            total = verifying.count(self._storage, kind)
            step_name = f'examining what {kind} have'
            with self._progress(step_name, total) as advance:
                for page in copying.pages(self._storage, kind):
                    for drift in verifying.check_links(self._storage, page):
                        yield from self._contradiction(drift)
                    advance(len(page))

    def _steps(
        self, kind: str
    ) -> collections.abc.Iterator[tuple[Place, WalkStep]]:
        """Yield the steps of a walk, each with the place behind which it
        began.
        """
        limit = verifying.page_size(kind)
        place: Place | None = ()
        while place is not None:
            step = self._storage.verify(kind, place, limit)
            yield place, step
            place = step.place

    def _derived(
        self, kind: str, place: Place, step: WalkStep
    ) -> collections.abc.Iterator[Finding]:
        """Yield what a step has found, repaired if asked for."""
        if self._project_id is None:
            self.outdated[kind] += step.outdated
        drifts = [drift for drift in step.drifts if self._is_asked(drift)]
        if not self._fix:
            for drift in drifts:
                yield Finding(drift, drift.mendable)
            return
        if self._project_id is None:
            if drifts or step.outdated:
                limit = verifying.page_size(kind)
                yield from self._reindex(kind, place, limit)
        elif drifts:
            yield from self._reindex_singly(kind, place, step)

    def _reindex(
        self, kind: str, place: Place, limit: int
    ) -> collections.abc.Iterator[Finding]:
        """Derive anew what is wrong of the entries behind a place."""
        step = self._storage.reindex(kind, place, limit, thorough=True)
        for drift in step.drifts:
            if self._is_asked(drift):
                yield Finding(drift, drift.mendable, drift.mendable)

    def _reindex_singly(
        self, kind: str, place: Place, whole: WalkStep
    ) -> collections.abc.Iterator[Finding]:
        """Derive anew what is wrong of the project's entries in a step, and
        leave those of other projects alone.
        """
        for _ in range(verifying.page_size(kind)):
            step = self._storage.verify(kind, place, 1)
            if any(self._is_asked(drift) for drift in step.drifts):
                yield from self._reindex(kind, place, 1)
            if step.place is None or step.place == whole.place:
                return
            place = step.place

    def _contradiction(
        self, drift: Drift
    ) -> collections.abc.Iterator[Finding]:
        """Yield what two documents say differently, repaired if asked for."""
        if not self._is_asked(drift):
            return
        is_repaired = self._fix and self._storage.repair(drift)
        yield Finding(drift, True, is_repaired)

    def _is_asked(self, drift: Drift) -> bool:
        return self._project_id in (None, drift.project_id)
