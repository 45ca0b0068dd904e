"""Requests to the API, with the session of the ``openstack`` program."""

import json
import re
import typing
import urllib.parse

from keystoneauth1 import adapter
from keystoneauth1 import exceptions as identity_errors
from osc_lib import exceptions

from freezer_api.client import cells

SERVICE = 'backup'
#: How often a patient request is repeated while the service is unavailable.
#: The pauses double: together they are two minutes.
RETRIES = 8
#: The end of an endpoint with a version and, perhaps, a project.
_VERSION_AND_PROJECT = re.compile(r'/v2(/.*)?\Z')


class Api:
    """The API in the caller's project, as the options and the environment of
    the program name it.

    Every error is a ``CommandError`` with one line that people can read.
    """

    def __init__(self, manager: typing.Any):
        self._adapter = adapter.Adapter(
            session=manager.session,
            service_type=SERVICE,
            interface=manager.interface,
            region_name=manager.region_name,
            endpoint_override=_get_project_url(manager),
            user_agent='freezer-api-commands',
        )

    def get(
        self, *path: str, patient: bool = False, **query: typing.Any
    ) -> cells.Body:
        """Get a resource. With ``patient`` the request is repeated while the
        service is unavailable. Query parameters that are None are left out.
        """
        retries = RETRIES if patient else 0
        given = {
            key: value for key, value in query.items() if value is not None
        }
        return self._request(
            'GET',
            path,
            params=given,
            connect_retries=retries,
            status_code_retries=retries,
            retriable_status_codes=[503],
        )

    def post(
        self, *path: str, body: cells.Body, **query: typing.Any
    ) -> cells.Body:
        """Post a body; return the answer.

        It is never sent twice: if no answer comes the request may have been
        executed.
        """
        return self._request('POST', path, json=body, params=query)

    def _request(
        self, method: str, path: tuple[str, ...], **options: typing.Any
    ) -> cells.Body:
        # An id may contain anything that a user typed, "/" too.
        quoted = [urllib.parse.quote(part, safe='') for part in path]
        try:
            answer = self._adapter.request(
                '/' + '/'.join(quoted),
                method,
                raise_exc=False,
                redirect=False,
                headers={'Accept': 'application/json'},
                **options,
            )
        except identity_errors.ClientException as error:
            raise _unreachable(error) from None
        body = _parse_or_none(answer.text)
        succeeded = 200 <= answer.status_code < 300
        # A proxy's page, say, is no answer of the API.
        if not succeeded or not isinstance(body, dict):
            raise exceptions.CommandError(
                describe_error(answer.status_code, body, answer.headers)
            )
        return body


def describe_error(
    status: int, body: typing.Any, headers: typing.Mapping[str, str]
) -> str:
    """Describe an unexpected answer in one line, with the error's code and the
    request id by which operators find the request in their logs.
    """
    error = body if isinstance(body, dict) else {}
    # Keystone's middleware and other software in front of the service put
    # the error into a key of its own.
    inner = error.get('error')
    if isinstance(inner, dict):
        error = inner
    text = error.get('description') or error.get('message')
    if not text:
        text = 'The answer is not one of the API.'
    facts = [f'HTTP {status}']
    # Others have the status as their code.
    if isinstance(error.get('code'), str):
        facts.append(error['code'])
    request_id = headers.get('x-openstack-request-id')
    if request_id:
        facts.append(request_id)
    return _to_one_line(f'{text} ({", ".join(facts)})')


def _get_project_url(manager: typing.Any) -> str:
    """Get the address of the project. The endpoint may end with the project,
    with the version, or with neither.
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
            'The catalogue has no service of type backup. Use --os-endpoint to'
            ' set its address.'
        )
    endpoint = endpoint.rstrip('/')
    version = _VERSION_AND_PROJECT.search(endpoint)
    if version and version[1]:
        return str(endpoint)
    project_id = manager.session.get_project_id()
    if not project_id:
        raise exceptions.CommandError(
            'The project is unknown: --os-endpoint must end with /v2/PROJECT.'
        )
    if version:
        return f'{endpoint}/{project_id}'
    return f'{endpoint}/v2/{project_id}'


def _unreachable(error: Exception) -> exceptions.CommandError:
    text = _to_one_line(f'The backup service: {error}')
    # What follows the address are the internals of HTTP libraries.
    text, _separator, _rest = text.partition(': HTTP')
    return exceptions.CommandError(text)


def _parse_or_none(text: str) -> typing.Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _to_one_line(text: str) -> str:
    return cells.escape(' '.join(text.split()))
