"""What the jobs of a session's members get to know where a caller changes the
session: its schedule, its tag, an event.
"""

from freezer_api.domain import jobs, membership, schedules
from freezer_api.domain.documents import Body
from freezer_api.domain.session_state import Session, Store


class Follow:
    """How the job of each member follows a change of its session.

    ``event`` is the one that the request names, None without any. ``told``
    are the jobs to which it was new: the storage makes a new object for each
    call of a decision, so it has the jobs of one call alone.
    """

    def __init__(self, old: Session, new: Session, event: str | None):
        self.session = new
        self.event = event if event in schedules.COMMANDS else None
        self.told: set[str] = set()
        self._is_rescheduled = new.schedule != old.schedule
        # Who starts a session as a whole starts all of its jobs in one run:
        # none may know an older tag.
        is_started = event == schedules.START
        self._is_tagged = new.tag > old.tag or is_started

    @property
    def is_needed(self) -> bool:
        """Tell whether the jobs have to be read and written at all."""
        return (
            self._is_rescheduled or self._is_tagged or self.event is not None
        )

    def __call__(self, job: Body) -> Body:
        if self._is_rescheduled:
            job = membership.scheduled_by(job, self.session.schedule)
        if self._is_tagged:
            job = {**job, 'session_tag': self.session.tag}
        if self.event is not None:
            job, is_news = jobs.apply_command(job, self.event)
            if is_news:
                self.told.add(job['job_id'])
        return job


def push(old: Session, new: Session, event: str | None) -> Store:
    """Return what becomes of a changed session and of its members' jobs. The
    answer is the :class:`Follow`, None if no job has to follow.
    """
    follow = Follow(old, new, event)
    if not follow.is_needed:
        return Store(new)
    return Store(
        new,
        answer=follow,
        follow=follow,
        followers=frozenset(new.members),
    )
