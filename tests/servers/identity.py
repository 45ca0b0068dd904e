"""Tokens of the tests' Keystone: valid ones, and ones that expire."""

import dataclasses
import datetime
import time

import requests

from tests import servers
from tests.servers import keystone


@dataclasses.dataclass(frozen=True, slots=True)
class Token:
    """A token, whose it is, and the project it is for ('' if it is for none)."""

    id: str
    user_id: str
    project_id: str
    expires: datetime.datetime


def token(role: str, project: str = 'alpha') -> Token:
    """A token of the user who has a role of :data:`keystone.ROLES` in one of :data:`keystone.PROJECTS`."""
    return token_of(f'{project}-{role}', project)


def token_of(user: str, project: str) -> Token:
    """A new token of any user, in a project."""
    return _issue(keystone.authentication(user, project))


def unscoped_token() -> Token:
    """A token of a user who has no role anywhere."""
    return _issue(keystone.authentication(keystone.NOBODY, None))


def service_options() -> dict[str, str]:
    """What an operator writes into ``[keystone_authtoken]``: the service user's credentials."""
    return {'auth_type': 'password', 'auth_url': servers.address(servers.KEYSTONE), 'www_authenticate_uri':
            servers.address(servers.KEYSTONE), 'username': keystone.SERVICE_USER, 'password': keystone.PASSWORD,
            'project_name': keystone.SERVICE_PROJECT, 'user_domain_id': 'default', 'project_domain_id': 'default'}


def expired_token(role: str, project: str = 'alpha') -> Token:
    """A token that was valid and is no longer: it was issued for an application credential that has ended since."""
    owner = token(role, project)
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
    made = requests.post(f'{servers.address(servers.KEYSTONE)}/users/{owner.user_id}/application_credentials',
                         headers={'X-Auth-Token': owner.id},
                         json={'application_credential': {'name': owner.id[-40:],
                                                          'expires_at': ends.strftime('%Y-%m-%dT%H:%M:%S.%f')}})
    made.raise_for_status()
    credential = {'id': made.json()['application_credential']['id'], 'secret': made.json()['application_credential']['secret']}
    found = _issue({'auth': {'identity': {'methods': ['application_credential'], 'application_credential': credential}}})
    time.sleep(max(0.0, (found.expires - datetime.datetime.now(datetime.timezone.utc)).total_seconds()) + 0.1)
    return found


def _issue(body: dict) -> Token:
    answer = requests.post(f'{servers.address(servers.KEYSTONE)}/auth/tokens', json=body)
    answer.raise_for_status()
    said = answer.json()['token']
    expires = datetime.datetime.fromisoformat(said['expires_at'].replace('Z', '+00:00'))
    return Token(answer.headers['X-Subject-Token'], said['user']['id'], said.get('project', {}).get('id', ''), expires)
