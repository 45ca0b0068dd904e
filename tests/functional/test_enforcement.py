"""No request reaches a handler that policy wasn't asked about: every route and verb is walked."""

import collections.abc
import pathlib
import typing

import fixtures
import testtools
import webob
import wsme
import yaml

from freezer_api import conf, middleware, policies, policy
from freezer_api.controllers import base as controllers
from freezer_api.controllers import routes, routing, types
from tests.functional import base

PUBLIC = {'/', '/v2', '/v2/openapi.json'}


class Touched(Exception):
    """A handler asked the store for something."""


class Untouchable:
    """A store that tells when a handler is reached."""

    def __getattr__(self, name: str) -> typing.Any:
        raise Touched(name)


class Unenforced:
    """Controllers as they mustn't be."""

    def bare(self, call, session_id):
        """Never declared."""
        raise Touched('bare')

    @wsme.signature(None, wsme.types.HostRequest, types.ID)
    def declared(self, call, session_id):
        """Declared, but by no rule."""
        raise Touched('declared')


def walk(
    api: middleware.Application, table: routes.Table
) -> collections.abc.Iterator[tuple[str, str, base.Answer]]:
    """What each route and verb answers to somebody whose token is valid."""
    for pattern, verbs in table.items():
        path = pattern.replace('{session_tag}', '1').replace('{', '').replace('}', '') or '/'
        for verb in (*verbs, *(['HEAD'] if 'GET' in verbs else [])):
            request = webob.Request.blank(
                path, method=verb, body=b'{"schedule": {}, "session_id": "x"}'
            )
            request.environ.update(
                HTTP_X_IDENTITY_STATUS='Confirmed',
                HTTP_X_ROLES='admin',
                HTTP_X_USER_ID='u',
                HTTP_X_PROJECT_ID='project_id',
            )
            yield path, verb, base.send(api, request.environ)


class TestWalk(testtools.TestCase):
    """Routes over a store that mustn't be touched."""

    def setUp(self):
        super().setUp()
        self.log = self.useFixture(fixtures.FakeLogger())
        self.table = routes.table(Untouchable(), 1000)

    def api(self, table: routes.Table, denied: bool) -> middleware.Application:
        """The application; ``denied``: by a policy file that lets nobody do anything."""
        folder = pathlib.Path(self.useFixture(fixtures.TempDir()).path)
        rules = {rule.name: '!' for rule in policies.list_rules()} if denied else {}
        (folder / 'policy.yaml').write_text(yaml.safe_dump(rules))
        (folder / 'freezer-api.conf').write_text('')
        options = conf.new()
        options([], default_config_files=[str(folder / 'freezer-api.conf')], default_config_dirs=[])
        return routing.Api(routing.Router(table), policy.Policy(options), 1000)

    def unenforced(self, table: routes.Table) -> list[tuple[str, str, str]]:
        """Routes and verbs that answer otherwise than 403 where nobody may do anything; those for
        everybody aside.
        """
        answers = walk(self.api(table, denied=True), table)
        return [
            (path, verb, answer.status)
            for path, verb, answer in answers
            if path not in PUBLIC and answer.code != 403
        ]

    def test_every_route_is_guarded(self):
        self.assertEqual([], self.unenforced(self.table))
        self.assertNotIn('Touched', self.log.output)

    def test_a_handler_is_reached_where_policy_lets_it_be(self):
        reached = [
            (path, verb)
            for path, verb, answer in walk(self.api(self.table, denied=False), self.table)
            if path not in PUBLIC and answer.code not in (400, 500)
        ]
        self.assertEqual([], reached, 'the walk would see a handler that is reached')
        self.assertIn('Touched', self.log.output)

    def test_an_unenforced_handler_is_seen_and_not_reached(self):
        table = {
            **self.table,
            f'{routes.PROJECT}/more/{{session_id}}': {'GET': Unenforced().declared},
        }
        failed = {
            ('/v2/project_id/more/session_id', verb, '500 Internal Server Error')
            for verb in ('GET', 'HEAD')
        }
        self.assertEqual(failed, {*self.unenforced(table)})
        self.assertIn('would have been reached unenforced', self.log.output)
        self.assertNotIn('Touched', self.log.output)

    def test_what_is_not_declared_cannot_be_routed(self):
        self.assertRaises(
            AttributeError,
            routing.Router,
            {'/v2/{project_id}/more/{session_id}': {'GET': Unenforced().bare}},
        )

    def test_every_endpoint_names_a_registered_rule(self):
        known = {rule.name for rule in policies.list_rules()}
        for route in routing.Router(self.table).routes:
            for endpoint in route.endpoints.values():
                self.assertIn(
                    endpoint.rule,
                    {controllers.PUBLIC} if (route.pattern or '/') in PUBLIC else known,
                )

    def test_rules_are_documented_for_the_routes_that_they_guard(self):
        guarded = {
            (endpoint.rule, verb, route.pattern)
            for route in routing.Router(self.table).routes
            for verb, endpoint in route.endpoints.items()
            if verb != 'HEAD' and endpoint.rule != controllers.PUBLIC
        }
        documented = {
            (rule.name, operation['method'], operation['path'])
            for rule in policies.list_rules()
            if ':' in rule.name
            for operation in rule.operations
        }
        self.assertEqual(set(), guarded - documented)
        self.assertEqual(
            {'jobs:get_all_projects', 'clients:create_central'},
            {rule for rule, _verb, _path in documented - guarded},
        )

    def test_endpoints_are_declared_to_wsme(self):
        """By their path, a query and a body, in this order."""
        for route in routing.Router(self.table).routes:
            segments = route.pattern.split('/')
            names = [segment[1:-1] for segment in segments if segment.startswith('{')][1:]
            for endpoint in route.endpoints.values():
                definition = wsme.api.FunctionDefinition.get(endpoint.method)
                arguments = [argument.name for argument in definition.arguments]
                others = ['query'] if endpoint.parameters else []
                if definition.body_type:
                    others.append('body')
                self.assertEqual(names + others, arguments, route.pattern)
                self.assertEqual('call', definition.pass_request)
                self.assertEqual(
                    definition.status_code == 204, not endpoint.has_content, route.pattern
                )

    def test_every_relation_is_a_route(self):
        self.assertEqual(set(), set(routes.RELATIONS.values()) - set(routes.ROUTES))
