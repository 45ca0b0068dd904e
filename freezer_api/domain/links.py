"""How a job follows an action that it has."""

from freezer_api.domain.documents import Body


def action_ids(job: Body) -> frozenset[str]:
    """Return the ids of the actions that a job has."""
    return frozenset(entry['action_id'] for entry in job['job_actions'])


def relinked(job: Body, action_id: str, action: Body | None) -> Body:
    """Return the job with the present definition of an action; without its
    entry if the action was deleted (None).
    """
    entries: list[Body] = []
    for entry in job['job_actions']:
        if entry['action_id'] != action_id:
            entries.append(entry)
        elif action is not None:
            # Its rules are the entry's, not the action's.
            definition = action['freezer_action']
            entries.append({**entry, 'freezer_action': definition})
    return {**job, 'job_actions': entries}
