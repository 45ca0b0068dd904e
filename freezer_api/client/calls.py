"""Requests to the API, by the session that the ``openstack`` program has."""

import json
import re
import typing
import urllib.parse

from keystoneauth1 import adapter
from keystoneauth1 import exceptions as identity_errors
from osc_lib import exceptions

from freezer_api.client import cells

SERVICE = 'backup'
#: How often a read that can wait is sent again where the service is away; for
#: two minutes together.
RETRIES = 8
_VERSIONED = re.compile(r'/v2(/.*)?\Z')


class Api:
    """The API in the caller's project, as the program's options and
    environment name it.

    Every error is a ``CommandError``, whose text is one line that people can
    read.
    """

    def __init__(self, manager: typing.Any):
        self._adapter = adapter.Adapter(
            session=manager.session,
            service_type=SERVICE,
            interface=manager.interface,
            region_name=manager.region_name,
            endpoint_override=_project_url(manager),
            user_agent='freezer-api-commands',
        )

    def get(
        self, *path: str, patient: bool = False, **query: typing.Any
    ) -> typing.Any:
        """What is below a path. A ``patient`` one is asked for again where the
        service is away.
        """
        retries = RETRIES if patient else 0
        given = {
            key: value for key, value in query.items() if value is not None
        }
        return self._answer(
            'GET',
            path,
            params=given,
            connect_retries=retries,
            status_code_retries=retries,
            retriable_status_codes=[503],
        )

    def post(
        self, *path: str, body: typing.Any, **query: typing.Any
    ) -> typing.Any:
        """Send a body; the answer. It is sent once: what did not come back may
        have happened.
        """
        return self._answer('POST', path, json=body, params=query)

    def _answer(
        self, method: str, path: tuple[str, ...], **options: typing.Any
    ) -> typing.Any:
        where = '/' + '/'.join(
            urllib.parse.quote(part, safe='') for part in path
        )
        try:
            answer = self._adapter.request(
                where,
                method,
                raise_exc=False,
                redirect=False,
                headers={'Accept': 'application/json'},
                **options,
            )
        except identity_errors.ClientException as error:
            raise _unreachable(error) from None
        body = _document(answer.text)
        if not 200 <= answer.status_code < 300 or not isinstance(body, dict):
            raise exceptions.CommandError(
                told(answer.status_code, body, answer.headers)
            )
        return body


def told(
    status: int, body: typing.Any, headers: typing.Mapping[str, str]
) -> str:
    """What an answer that isn't the expected one says, in one line: with the
    error's code, and the id by which operators find the request in their logs.
    """
    error = body if isinstance(body, dict) else {}
    # What stands before the service, or checks its tokens, has other words for
    # it.
    inner = error.get('error')
    error = inner if isinstance(inner, dict) else error
    text = (
        error.get('description')
        or error.get('message')
        or 'The answer is not one of the API.'
    )
    code = error.get('code')
    facts = [f'HTTP {status}', *([code] if isinstance(code, str) else [])]
    if headers.get('x-openstack-request-id'):
        facts.append(headers['x-openstack-request-id'])
    return _line(f'{text} ({", ".join(facts)})')


def _project_url(manager: typing.Any) -> str:
    """The address of the project; the endpoint may also be that of the service
    or its version.
    """
    try:
        endpoint = manager.get_endpoint_for_service_type(
            SERVICE,
            region_name=manager.region_name,
            interface=manager.interface,
        )
    except identity_errors.ClientException as error:
        raise _unreachable(error) from None
    if not endpoint:
        raise exceptions.CommandError(
            'The catalogue has no service of type backup; --os-endpoint can'
            ' name its address.'
        )
    endpoint = endpoint.rstrip('/')
    version = _VERSIONED.search(endpoint)
    if version and version[1]:
        return endpoint
    project_id = manager.session.get_project_id()
    if not project_id:
        raise exceptions.CommandError(
            'No project is known: --os-endpoint must end with /v2/PROJECT.'
        )
    return (
        f'{endpoint}/{project_id}'
        if version
        else f'{endpoint}/v2/{project_id}'
    )


def _unreachable(error: Exception) -> exceptions.CommandError:
    # What libraries below have to say comes behind the address.
    return exceptions.CommandError(
        _line(f'The backup service: {error}').partition(': HTTP')[0]
    )


def _document(text: str) -> typing.Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _line(text: str) -> str:
    return cells.safe(' '.join(str(text).split()))
