"""How a job follows an action that it has."""

from freezer_api.domain.documents import Body


def action_ids(job: Body) -> frozenset[str]:
    """The actions that a job has."""
    return frozenset(entry['action_id'] for entry in job['job_actions'])


def relinked(job: Body, action_id: str, action: Body | None) -> Body:
    """The job with the action's present definition; without the entry if the
    action is gone (None).
    """
    entries = []
    for entry in job['job_actions']:
        if entry['action_id'] != action_id:
            entries.append(entry)
        elif action is not None:
            entries.append(
                {**entry, 'freezer_action': action['freezer_action']}
            )
    return {**job, 'job_actions': entries}
