"""The description of the API: where it is, that it is valid, and that it has all that the routes
have. That answers are as it says is checked by every test that sends a request.
"""

import copy
import dataclasses
import inspect
import json
import re

import openapi_spec_validator
import testtools

from freezer_api import version
from freezer_api.controllers import openapi, routes, routing, types
from freezer_api.schemas import base as schemas
from tests.functional import base, described

PATH = '/v2/openapi.json'
OPERATIONS = [
    (path or '/', method, routing.base.Endpoint(handler))
    for path, handlers in routes.ROUTES.items()
    for method, handler in handlers.items()
]


def operation(path: str, method: str) -> described.Node:
    """An operation of the description."""
    found: described.Node = described.document()['paths'][path][method.lower()]
    return found


class TestDocument(base.FunctionalTest):
    def test_document_is_public_json(self):
        answer = self.call('GET', PATH, token=None)
        self.assertEqual('200 OK', answer.status)
        self.assertEqual('application/json', answer.headers['Content-Type'])
        self.assertEqual('3.1.0', answer.json['openapi'])
        self.assertEqual(version.release(), answer.json['info']['version'])
        self.assertEqual(described.document(), answer.json)

    def test_document_that_is_known_is_not_sent(self):
        etag = self.call('GET', PATH, token=None).headers['ETag']
        answer = self.call('GET', PATH, token=None, If_None_Match=etag)
        self.assertEqual('304 Not Modified', answer.status)
        self.assertEqual(b'', answer.raw)
        self.assertEqual(etag, answer.headers['ETag'])
        other = self.call('GET', PATH, token=None, If_None_Match='"other"')
        self.assertEqual('200 OK', other.status)

    def test_server_is_where_the_service_was_asked(self):
        for prefix, url in (('', '/'), ('/backup', '/backup'), ('/back up', '/back%20up')):
            answer = self.call('GET', PATH, token=None, environ={'SCRIPT_NAME': prefix})
            self.assertEqual([{'url': url}], answer.json['servers'])

    def test_document_is_made_once(self):
        made = openapi.Description(routes.ROUTES)
        self.assertIs(made.below(''), made.below(''))

    def test_documents_of_many_prefixes_are_not_all_kept(self):
        made = openapi.Description(routes.ROUTES)
        for number in range(openapi.MAX_PREFIXES + 1):
            made.below(f'/{number}')
        self.assertEqual(openapi.MAX_PREFIXES, made.below.cache_info().currsize)

    def test_project_of_the_same_name_keeps_its_resources(self):
        project = 'openapi.json'
        token = f'member@{project}'
        body = {'schedule': {}}
        made = self.call('POST', f'/v2/{project}/sessions', body, token=token)
        self.assertEqual(201, made.code, made.raw)
        session_id = made.json['session_id']
        shown = self.call('GET', f'/v2/{project}/sessions/{session_id}', token=token)
        self.assertEqual(project, shown.json['project_id'])
        self.assertEqual(405, self.call('DELETE', PATH, token=token).code)
        self.assertEqual(404, self.call('GET', f'{PATH}/nothing', token=token).code)


class TestDerivation(testtools.TestCase):
    def test_document_is_valid(self):
        validator = openapi_spec_validator.OpenAPIV31SpecValidator(described.document())
        self.assertEqual([], [str(error) for error in validator.iter_errors()])

    def test_document_has_every_route_and_no_other(self):
        found = {
            (path, method.upper())
            for path, item in described.document()['paths'].items()
            for method in item
            if method != 'parameters'
        }
        self.assertEqual({(path, method) for path, method, _endpoint in OPERATIONS}, found)

    def test_every_body_and_answer_has_a_schema_of_its_own(self):
        known = described.document()['components']['schemas']
        for path, method, endpoint in OPERATIONS:
            for kind in (endpoint.body, endpoint.result, *endpoint.also.values()):
                if kind is not None:
                    self.assertIsInstance(kind, types.Object, f'{method} {path}')
                    self.assertIn(kind.schema['title'], known, f'{method} {path}')

    def test_type_without_a_named_schema_cannot_be_declared(self):
        self.assertRaises(TypeError, types.Object)
        self.assertRaises(KeyError, types.Object, schemas.record({}))

    def test_parameter_without_a_schema_cannot_be_declared(self):
        query = dataclasses.make_dataclass('Query', [('limit', str, None)])
        self.assertRaises(KeyError, types.Parameters, query)

    def test_operation_has_the_rule_that_guards_it(self):
        for path, method, endpoint in OPERATIONS:
            found = operation(path, method)
            if endpoint.rule == routing.base.PUBLIC:
                self.assertEqual([], found['security'])
                self.assertNotIn('x-policy-rule', found)
            else:
                self.assertEqual(endpoint.rule, found['x-policy-rule'])
                self.assertNotIn('security', found)

    def test_operation_has_the_statuses_of_its_endpoint(self):
        for path, method, endpoint in OPERATIONS:
            codes = {code for code in operation(path, method)['responses'] if code[0] in '23'}
            declared = {str(code) for code in endpoint.codes}
            self.assertEqual(declared, codes - {'304'}, f'{method} {path}')

    def test_operation_has_the_parameters_of_its_endpoint(self):
        for path, method, endpoint in OPERATIONS:
            found = {'path': set(), 'query': set()}
            for parameter in operation(path, method)['parameters']:
                if 'in' in parameter:
                    found[parameter['in']].add(parameter['name'])
            self.assertEqual(set(re.findall(r'{(\w+)}', path)), found['path'], path)
            self.assertEqual(set(endpoint.parameters), found['query'], path)

    def test_operation_begins_with_the_docstring_of_its_handler(self):
        for path, method, endpoint in OPERATIONS:
            text = ' '.join(inspect.getdoc(endpoint.method).split()).replace('``', '`')
            self.assertTrue(text.startswith(operation(path, method)['summary']), text)

    def test_ids_of_operations_are_unique(self):
        ids = [operation(path, method)['operationId'] for path, method, _endpoint in OPERATIONS]
        self.assertEqual(len(set(ids)), len(ids), sorted(ids))

    def test_two_schemas_of_one_title_are_refused(self):
        found = openapi.Schemas()
        found.within({'title': 'A', 'type': 'object'})
        found.within({'title': 'A', 'type': 'object'})
        self.assertRaises(ValueError, found.within, {'title': 'A', 'type': 'string'})


class TestCheck(base.FunctionalTest):
    """The check of answers sees what isn't described."""

    def setUp(self):
        super().setUp()
        self.make_session()
        self.environ = {'REQUEST_METHOD': 'GET', 'PATH_INFO': '/v2/alpha/sessions/session'}
        self.answer = self.call('GET', '/v2/alpha/sessions/session')

    def check(self, line: str = '200 OK', without: str = '', **changes: object) -> None:
        """Check the answer with changes."""
        body = {**self.answer.json, **changes}
        headers = copy.copy(self.answer.headers)
        if without in body:
            del body[without]
        if without in headers:
            del headers[without]
        raw = json.dumps(body).encode()
        described.check(self.environ, line, headers, raw)

    def test_answer_as_it_is_passes(self):
        self.check()

    def test_answer_that_is_not_described_is_seen(self):
        for change in (
            {'unknown': 1},
            {'hold_off': '30'},
            {'status': 'sleeping'},
            {'without': 'jobs'},
            {'without': 'ETag'},
            {'line': '201 Created'},
            {'line': '400 Bad Request'},
            {'jobs': {'j': {}}},
        ):
            self.assertRaises(described.Undescribed, self.check, **change)
