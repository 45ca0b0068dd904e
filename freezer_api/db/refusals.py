"""Errors by which every driver refuses what would cost too much."""

from freezer_api import exceptions


def shared_too_much(action_id: str, most: int) -> exceptions.Conflict:
    """What is to be raised where the jobs that have an action are more than
    ``most`` bytes.
    """
    return exceptions.Conflict(
        f'action {action_id}: a change to it changes all jobs that have it,'
        f' and these are more than {most} bytes together. Please take it out'
        ' of some jobs first, or delete them.',
        'action.shared-too-much',
    )


def actions_too_large(most: int) -> exceptions.InvalidInput:
    """What is to be raised where a job refers to actions of more than ``most``
    bytes.
    """
    return exceptions.InvalidInput(
        f'job_actions: the actions of a job may have {most} bytes together at'
        ' most.',
        'document.too-large',
    )


def members_too_much(session_id: str, most: int) -> exceptions.Conflict:
    """What is to be raised where the jobs that follow a session are more than
    ``most`` bytes.
    """
    return exceptions.Conflict(
        f'session {session_id}: a change to it changes the jobs of its'
        f' members, and these are more than {most} bytes together. Please take'
        ' some jobs out of it first.',
        'session.members-too-much',
    )


def no_such_marker(given: str) -> exceptions.InvalidInput:
    """What is to be raised where a list can't begin behind a marker; ``given``
    is the parameter that it came in.
    """
    return exceptions.InvalidInput(
        f'{given}: there is no document with this id.',
        'list.marker-not-found',
    )


def too_large(what: str, most: int, remedy: str) -> exceptions.InvalidInput:
    """What is to be raised where something is more than the ``most`` bytes of
    JSON that one request may read, or answer; ``remedy`` is what to do instead.
    """
    return exceptions.InvalidInput(
        f'{what} more than {most} bytes; {remedy}.', 'list.too-large'
    )


def no_such_run(tag: int) -> exceptions.NotFound:
    """What is to be raised where a session has no run with a tag."""
    return exceptions.NotFound('runs', str(tag)[:64])


def no_such_run_marker() -> exceptions.InvalidInput:
    """What is to be raised where a list of runs can't begin behind a tag."""
    return exceptions.InvalidInput(
        'marker: there is no run with this tag.',
        'list.marker-not-found',
    )


def action_exists(action_id: str) -> exceptions.Conflict:
    """What is to be raised where there is an action with the id of a new
    one.
    """
    return exceptions.Conflict(
        f'action_id: there is an action {action_id} already.',
        'action.exists',
    )


def id_taken(kind: str, id: str) -> exceptions.Conflict:
    """What is to be raised where another project's document has the claim on
    an id.
    """
    resource = kind.removesuffix('s')
    return exceptions.Conflict(
        f"{resource}_id: {id} is the id of another project's {resource}.",
        f'{resource}.id-taken',
    )
