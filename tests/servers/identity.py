"""Tokens of the tests' Keystone: valid ones, and ones that expire."""

import dataclasses
import datetime
import time
import typing

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
    """A token of the user who has a role of :data:`keystone.ROLES` in one of
    :data:`keystone.PROJECTS`.
    """
    return token_of(f'{project}-{role}', project)


def token_of(user: str, project: str) -> Token:
    """A new token of any user, in a project."""
    return issue(keystone.authentication(user, project))


def unscoped_token() -> Token:
    """A token of a user who has no role anywhere."""
    return issue(keystone.authentication(keystone.NOBODY, None))


def service_options() -> dict[str, str]:
    """What an operator writes into ``[keystone_authtoken]``: the service user's credentials."""
    return {
        'auth_type': 'password',
        'auth_url': servers.address(servers.KEYSTONE),
        'www_authenticate_uri': servers.address(servers.KEYSTONE),
        'username': keystone.SERVICE_USER,
        'password': keystone.PASSWORD,
        'project_name': keystone.SERVICE_PROJECT,
        'user_domain_id': 'default',
        'project_domain_id': 'default',
    }


def expired_token(role: str, project: str = 'alpha') -> Token:
    """A token that was valid and is no longer: it was issued for an application credential that has
    ended since.
    """
    owner = token(role, project)
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
    found = application_token(owner, expires_at=ends.strftime('%Y-%m-%dT%H:%M:%S.%f'))
    time.sleep(
        max(0.0, (found.expires - datetime.datetime.now(datetime.timezone.utc)).total_seconds())
        + 0.1
    )
    return found


def application_token(owner: Token, **keys: str) -> Token:
    """A token of somebody by a new application credential, which has the ``keys``."""
    credentials = (
        f'{servers.address(servers.KEYSTONE)}/users/{owner.user_id}/application_credentials'
    )
    body = {'application_credential': {'name': owner.id[-40:], **keys}}
    made = keystone.request('POST', credentials, body, owner.id).json()['application_credential']
    credential = {'id': made['id'], 'secret': made['secret']}
    return issue(
        {
            'auth': {
                'identity': {
                    'methods': ['application_credential'],
                    'application_credential': credential,
                }
            }
        }
    )


def issue(body: dict) -> Token:
    """The token that is asked for by a body."""
    answer = keystone.request('POST', f'{servers.address(servers.KEYSTONE)}/auth/tokens', body)
    said = answer.json()['token']
    expires = datetime.datetime.fromisoformat(said['expires_at'].replace('Z', '+00:00'))
    return Token(
        answer.headers['X-Subject-Token'],
        said['user']['id'],
        said.get('project', {}).get('id', ''),
        expires,
    )


class Administrator:
    """Asks Keystone as its administrator does. What isn't answered with success is an exception of
    ``requests``.
    """

    def __init__(self) -> None:
        self.address = servers.address(servers.KEYSTONE)
        self._token = token('admin').id

    def ask(self, method: str, path: str, body: typing.Any = None) -> typing.Any:
        """The answer's document; None without one."""
        answer = keystone.request(method, f'{self.address}/{path}', body, self._token)
        return answer.json() if answer.content else None

    def find(self, kind: str, **keys: str) -> list[dict[str, typing.Any]]:
        """All of a kind (``user``) that have these keys."""
        query = '&'.join(f'{name}={value}' for name, value in keys.items())
        return self.ask('GET', f'{kind}s?{query}')[f'{kind}s']

    def add(self, kind: str, **keys: str) -> str:
        """Make one of a kind; its id."""
        return self.ask('POST', f'{kind}s', {kind: keys})[kind]['id']

    def remove(self, kind: str, id: str) -> None:
        """Remove one of a kind."""
        self.ask('DELETE', f'{kind}s/{id}')

    def grant(self, role: str, user_id: str, project_id: str) -> None:
        """Give a user a role, which is named, in a project."""
        (found,) = self.find('role', name=role)
        self.ask('PUT', f'projects/{project_id}/users/{user_id}/roles/{found["id"]}')
