"""The operations of ``rbac.yaml``, and what they work on, in whichever project is asked for."""

import dataclasses
import pathlib
import re
import typing

import yaml

from freezer_api.controllers import routes, routing
from tests.functional import base

MATRIX = yaml.safe_load(pathlib.Path(__file__).with_name('rbac.yaml').read_text())
TOKENS: dict[str, list[str | None]] = MATRIX['tokens']
KINDS = ('sessions', 'jobs', 'actions', 'clients', 'backups')
READS = ('GET', 'HEAD')


@dataclasses.dataclass(frozen=True)
class Operation:
    """A line: a request below a project, and the status that each group of callers gets."""

    method: str
    path: str
    body: typing.Any
    codes: dict[str, int]

    @property
    def writes(self) -> bool:
        """Whether it may change something."""
        return self.method not in READS

    def matches(self, pattern: str, verb: str) -> bool:
        """Whether it is an operation of a route."""
        path = f'{routes.PROJECT}{self.path}'.partition('?')[0]
        return (
            verb == self.method
            and re.fullmatch(re.sub(r'{\w+}', '[^/]+', pattern), path) is not None
        )


OPERATIONS = [
    Operation(method, path, body, dict(zip(MATRIX['callers'], codes, strict=True)))
    for method, path, body, *codes in MATRIX['operations']
]


def project_routes() -> list[routing.Route]:
    """Every route below a project."""
    return [
        route
        for route in routing.Router(routes.table(typing.cast(typing.Any, None), 1000)).routes
        if route.pattern.startswith(routes.PROJECT)
    ]


class MatrixTest(base.FunctionalTest):
    """Has what the operations work on, in one project or more."""

    def setUp(self) -> None:
        super().setUp()
        self.ids: dict[str, dict[str, str]] = {}

    def prepare(self, project: str = base.PROJECT) -> None:
        """Make what the operations work on, as if nothing had happened in the project."""
        token = f'member@{project}'
        for kind in KINDS:
            for document in self.call('GET', f'/v2/{project}/{kind}?limit=1000', token=token).json[
                kind
            ]:
                path = f'/v2/{project}/{kind}/{document.get("client", document)[f"{kind[:-1]}_id"]}'
                self.assertEqual(204, self.call('DELETE', path, token=token).code)
        self.ids[project] = {}
        for method, path, *body in MATRIX['prepared']:
            answer = self.call(method, f'/v2/{project}{path}', *body, token=token)
            self.assertLess(answer.code, 300, path)
            if path == '/backups':
                self.ids[project]['backup'] = answer.json['backup_id']

    def perform(
        self, operation: Operation, token: str | None, project: str = base.PROJECT
    ) -> base.Answer:
        """What an operation of the matrix is answered in a project."""
        path = operation.path.format(**self.ids[project])
        return self.call(operation.method, f'/v2/{project}{path}', operation.body, token=token)

    def seen(self, project: str = base.PROJECT) -> dict[str, tuple[str, str | None, bytes]]:
        """All that a project has: status, entity tag and bytes, by path. As an administrator sees
        it, which is most.

        Central clients of other projects are in the lists, but aren't the project's.
        """
        found = {}

        def look(path: str) -> typing.Any:
            answer = self.call('GET', f'/v2/{project}/{path}', token='admin@ops')
            found[path] = answer.status, answer.headers.get('ETag'), answer.raw
            return answer.json

        for kind in KINDS:
            listed = self.call('GET', f'/v2/{project}/{kind}?limit=1000', token='admin@ops').json[
                kind
            ]
            for document in [document for document in listed if document['project_id'] == project]:
                id = document.get('client', document)[f'{kind[:-1]}_id']
                if look(f'{kind}/{id}') != document:
                    raise AssertionError(f'{kind}/{id} is listed otherwise than it is shown')
                for run in look(f'sessions/{id}/runs')['runs'] if kind == 'sessions' else ():
                    look(f'sessions/{id}/runs/{run["session_tag"]}')
        return found
