"""What a storage logs: runs that are over although no job reported an end.

Whatever else was changed is logged by the services, who know what was asked.
"""

import logging

from freezer_api.domain.session_state import Session

LOG = logging.getLogger(__name__)


def run_lapsed(session: Session) -> None:
    """Log that the run of a session is over because a job that it counts
    hasn't joined in time.
    """
    run = session.run
    if run is not None:
        LOG.info(
            'Run %d of session %r of project %r is over, because its hold-off'
            ' window has passed: %s.',
            run.tag,
            session.session_id,
            session.project_id,
            run.result,
        )


def run_left(session: Session) -> None:
    """Log that the run of a session is over because the last job that it
    awaited left.
    """
    run = session.run
    if run is not None:
        LOG.info(
            'Run %d of session %r of project %r is over, because the last job'
            ' that it waited for left: %s.',
            run.tag,
            session.session_id,
            session.project_id,
            run.result,
        )
