"""Documents as the service stores them, with what a test does not care about filled in."""

import typing
import uuid

from freezer_api.domain.documents import Body


def new_id() -> str:
    """An id that nothing has yet."""
    return uuid.uuid4().hex


def job_body(id: str, project_id: str, client_id: str = 'client', **changes: typing.Any) -> Body:
    """A job as the service stores it; ``schedule`` goes into its ``job_schedule``."""
    schedule = {
        'event': '',
        'status': '',
        'result': '',
        'time_created': 1,
        'time_started': -1,
        'time_ended': -1,
    }
    return {
        'job_id': id,
        'project_id': project_id,
        'user_id': 'user',
        'client_id': client_id,
        'description': '',
        'job_schedule': {**schedule, **changes.pop('schedule', {})},
        'job_actions': [],
        'session_id': '',
        'session_tag': 0,
        **changes,
    }


def client_body(id: str, project_id: str, central: bool = False, **changes: typing.Any) -> Body:
    """A client as the service stores it."""
    return {
        'project_id': project_id,
        'user_id': 'user',
        'client': {
            'client_id': id,
            'hostname': 'host',
            'description': '',
            'uuid': 'u',
            'is_central': central,
            **changes,
        },
    }


def backup_body(id: str, project_id: str, **metadata: typing.Any) -> Body:
    """A backup as the service stores it."""
    return {
        'backup_id': id,
        'project_id': project_id,
        'user_id': 'user',
        'status': 'available',
        'backup_metadata': metadata,
    }


def trust_body(id: str, project_id: str, **changes: typing.Any) -> Body:
    """What is kept of a trust."""
    return {'trust_id': id, 'project_id': project_id, 'trustor_user_id': 'user', **changes}


def entry(action_id: str, action: Body) -> Body:
    """The entry of a job that has an action."""
    return {
        'action_id': action_id,
        'freezer_action': action,
        'max_retries': 5,
        'max_retries_interval': 6,
        'mandatory': False,
    }
