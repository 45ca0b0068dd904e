"""Decisions: the same as oslo.policy's own, quicker, and by the files as they are now."""

import http.server
import os
import pathlib
import threading
import time
import typing

import fixtures
import hypothesis
import testtools
from hypothesis import strategies
from oslo_config import cfg
from oslo_policy import policy as oslo

import tests.base  # noqa: F401
from freezer_api import conf, policies, policy

MEMBER = {
    'user_id': 'u',
    'project_id': 'p',
    'roles': ['Member'],
    'domain_id': None,
    'system': None,
    'nested': {'a': [1, 2]},
}
HERE, ELSEWHERE = {'project_id': 'p'}, {'project_id': 'q'}


class PolicyTest(testtools.TestCase):
    """A policy file in a folder of its own."""

    def setUp(self):
        super().setUp()
        self.file = pathlib.Path(self.useFixture(fixtures.TempDir()).path, 'policy.yaml')

    def options(self) -> cfg.ConfigOpts:
        """A configuration that names the file."""
        made = conf.new()
        made([], default_config_files=[], default_config_dirs=[])
        oslo.Enforcer(made)
        made.set_override('policy_file', str(self.file), group='oslo_policy')
        made.set_override('policy_dirs', [], group='oslo_policy')
        return made

    def write(self, text: str) -> None:
        """Change the file, so that its time tells."""
        before = self.file.stat().st_mtime if self.file.exists() else time.time()
        self.file.write_text(text)
        os.utime(self.file, (before + 2, before + 2))


class TestDefaults(PolicyTest):
    def test_default_rules_allow_each_role_its_part(self):
        rules = policy.Policy(self.options())

        def may(rule, roles, target=HERE, **other):
            return rules.allows(rule, target, {**MEMBER, 'roles': roles, **other})

        self.assertTrue(may('sessions:create', ['member']))
        self.assertTrue(may('sessions:create', ['MEMBER', 'reader']))
        self.assertFalse(may('sessions:create', ['member'], ELSEWHERE))
        self.assertFalse(may('sessions:create', ['reader']))
        self.assertFalse(may('sessions:create', ['service']))
        self.assertTrue(may('sessions:create', ['admin'], ELSEWHERE))
        self.assertTrue(may('sessions:get', ['reader']))
        self.assertTrue(may('sessions:get', ['service'], ELSEWHERE))
        self.assertTrue(may('sessions:action:create', ['service'], ELSEWHERE))
        self.assertFalse(may('clients:create_central', ['member']))
        self.assertFalse(may('sessions:get', []))

    def test_tokens_of_the_system_and_of_domains_are_for_no_project(self):
        rules = policy.Policy(self.options())
        self.assertFalse(
            rules.allows('jobs:get', HERE, {**MEMBER, 'roles': ['admin'], 'system': 'all'})
        )
        self.assertFalse(
            rules.allows('jobs:get', HERE, {**MEMBER, 'roles': ['admin'], 'domain_id': 'd'})
        )

    def test_a_rule_that_is_not_registered_is_a_mistake(self):
        rules = policy.Policy(self.options())
        self.assertRaises(oslo.PolicyNotRegistered, rules.allows, 'sessions:nothing', HERE, MEMBER)

    def test_every_rule_is_told_and_operations_are_documented(self):
        names = [rule.name for rule in policies.list_rules()]
        self.assertEqual(len(names), len(set(names)))
        for rule in policies.list_rules():
            self.assertTrue(rule.description)
            self.assertEqual(':' in rule.name, isinstance(rule, oslo.DocumentedRuleDefault))


class TestFiles(PolicyTest):
    def test_file_overrides_the_default_rule(self):
        self.write('sessions:get: "role:auditor"\njobs:create: "!"\n')
        rules = policy.Policy(self.options())
        self.assertFalse(rules.allows('sessions:get', HERE, MEMBER))
        self.assertTrue(rules.allows('sessions:get', ELSEWHERE, {**MEMBER, 'roles': ['auditor']}))
        self.assertFalse(rules.allows('jobs:replace', HERE, MEMBER), 'it follows jobs:create')

    def test_an_overridden_base_rule_reaches_what_is_made_of_it(self):
        self.write('context_is_admin: "role:root"\n')
        rules = policy.Policy(self.options())
        self.assertFalse(rules.allows('sessions:get', ELSEWHERE, {**MEMBER, 'roles': ['admin']}))
        self.assertTrue(rules.allows('sessions:create', ELSEWHERE, {**MEMBER, 'roles': ['root']}))

    def test_changed_file_takes_effect(self):
        rules = policy.Policy(self.options())
        self.assertTrue(rules.allows('sessions:get', HERE, MEMBER))
        self.write('sessions:get: "!"\n')
        self.wait_until(lambda: not rules.allows('sessions:get', HERE, MEMBER))
        self.write('sessions:get: "@"\n')
        self.wait_until(lambda: rules.allows('sessions:get', ELSEWHERE, MEMBER))

    def test_a_broken_change_leaves_the_rules_as_they_were(self):
        log = self.useFixture(fixtures.FakeLogger())
        self.write('sessions:get: "!"\n')
        rules = policy.Policy(self.options())
        self.write('sessions:get: [[\n')
        self.wait_until(
            lambda: rules.allows('jobs:get', HERE, MEMBER) and 'could not be read' in log.output
        )
        self.assertFalse(rules.allows('sessions:get', HERE, MEMBER))

    def test_a_broken_file_stops_the_start(self):
        self.write('sessions:get: [[\n')
        self.assertRaises(ValueError, policy.Policy, self.options())

    def wait_until(self, holds) -> None:
        """The files are looked at once a second."""
        deadline = time.monotonic() + 30
        while not holds():
            self.assertLess(time.monotonic(), deadline, 'nothing has changed')
            time.sleep(0.05)


class Decider(http.server.BaseHTTPRequestHandler):
    """Says True for one project."""

    def do_POST(self) -> None:
        """Answer, and keep what was asked."""
        self.server.asked.append(self.rfile.read(int(self.headers['Content-Length'])).decode())
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'True' if self.path == '/p' else b'False')

    def log_message(self, *arguments) -> None:
        """Say nothing."""


class TestRemote(PolicyTest):
    def test_http_checks_are_asked(self):
        server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Decider)
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.write(f'sessions:get: "http://127.0.0.1:{server.server_port}/%(project_id)s"\n')
        rules = policy.Policy(self.options())
        self.assertTrue(rules.allows('sessions:get', HERE, MEMBER))
        self.assertFalse(rules.allows('sessions:get', ELSEWHERE, MEMBER))
        self.assertEqual(2, len(server.asked))
        self.assertIn('sessions%3Aget', server.asked[0])


ATOMS = [
    '@',
    '!',
    'role:member',
    'role:admin',
    'role:%(project_id)s',
    'project_id:%(project_id)s',
    'project_id:%(nothing)s',
    'user_id:u',
    "'p':%(project_id)s",
    "'u':%(project_id)s",
    'True:%(flag)s',
    'is_admin:True',
    'rule:one',
    'rule:two',
    'rule:none',
    'domain_id:%(project_id)s',
    'domain_id:None',
    'project_id:None',
    'nested.a:1',
    'nested.a:3',
    'nested.b:1',
]
CHECKS = strategies.recursive(
    strategies.sampled_from(ATOMS),
    lambda inner: strategies.one_of(
        strategies.tuples(inner, inner).map(lambda pair: f'({pair[0]} or {pair[1]})'),
        strategies.tuples(inner, inner).map(lambda pair: f'({pair[0]} and {pair[1]})'),
        inner.map(lambda check: f'not {check}' if ' ' not in check else check),
    ),
)


def said(decide: typing.Callable[[], typing.Any]) -> bool | None:
    """A decision; None where rules refer to each other without end."""
    try:
        return bool(decide())
    except (
        RecursionError,
        TypeError,
    ):  # oslo.policy's comes to light in inspect, which makes a TypeError of it
        return None


class TestWhatIsAbsent(testtools.TestCase):
    """Here oslo.policy itself says otherwise: by its ``str`` a token without a project is one for
    the project ``None``.
    """

    def decide(
        self, check: str, target: dict[str, typing.Any], **credentials: typing.Any
    ) -> tuple[bool, bool]:
        """The decision about a check here, and the library's."""
        options = cfg.ConfigOpts()
        options([])
        enforcer = oslo.Enforcer(
            options, rules=oslo.Rules.from_dict({'asked': check}), use_conf=False
        )
        given = {**MEMBER, **credentials}
        return policy.compiled(enforcer)['asked'](target, given, 'asked'), bool(
            enforcer.enforce('asked', target, given)
        )

    def test_absent_value_equals_no_text(self):
        for check, target, credentials in (
            ('project_id:%(project_id)s', {'project_id': 'None'}, {'project_id': None}),
            ('project_id:%(project_id)s', {'project_id': None}, {'project_id': 'None'}),
            ('project_id:%(project_id)s', {'project_id': None}, {'project_id': None}),
            ('project_id:None', HERE, {'project_id': None}),
            ('None:%(project_id)s', {'project_id': 'None'}, {}),
            ('user_id:%(project_id)s', {'project_id': 'None'}, {'user_id': None}),
            ('nested.a:%(project_id)s', {'project_id': 'None'}, {'nested': {'a': [None, 1]}}),
        ):
            with self.subTest(check):
                self.assertEqual((False, True), self.decide(check, target, **credentials))

    def test_boolean_equals_no_text_of_a_request(self):
        for check, project in (
            ('is_admin_project:%(project_id)s', 'True'),
            ('True:%(project_id)s', 'True'),
            ('False:%(project_id)s', 'False'),
        ):
            self.assertEqual(
                (False, True), self.decide(check, {'project_id': project}, is_admin_project=True)
            )

    def test_literal_of_a_rule_is_compared(self):
        for check in (
            'is_admin_project:True',
            'True:%(flag)s',
            'is_admin_project:%(flag)s',
            "'None':%(name)s",
        ):
            self.assertEqual(
                (True, True),
                self.decide(check, {'flag': True, 'name': 'None'}, is_admin_project=True),
            )

    def test_token_without_project_owns_no_project(self):
        for rule in policies.list_rules():
            for roles in (['member'], ['reader'], ['member', 'reader']):
                options = cfg.ConfigOpts()
                options([])
                enforcer = oslo.Enforcer(
                    options,
                    rules=oslo.Rules.from_dict(
                        {one.name: one.check_str for one in policies.list_rules()}
                    ),
                    use_conf=False,
                )
                credentials = {**MEMBER, 'roles': roles, 'project_id': None}
                self.assertFalse(
                    policy.compiled(enforcer)[rule.name](
                        {'project_id': 'None'}, credentials, rule.name
                    ),
                    rule.name,
                )


class TestSameMeaning(testtools.TestCase):
    """Every tree of checks says what oslo.policy itself makes of it, if that isn't told what is
    absent.
    """

    @hypothesis.given(
        CHECKS,
        CHECKS,
        CHECKS,
        strategies.sampled_from(['default', None]),
        strategies.lists(strategies.sampled_from(['member', 'ADMIN', 'p']), max_size=3),
        strategies.sampled_from(['p', 'q', 'None', None]),
        strategies.sampled_from(['p', 'None']),
    )
    def test_compiled_rules_decide_as_oslo_policy_does(
        self, asked, one, two, default, roles, project, path
    ):
        rules = {'asked': asked, 'one': one, 'two': two, 'default': 'role:p'}
        options = cfg.ConfigOpts()
        options([])
        enforcer = oslo.Enforcer(
            options, rules=oslo.Rules.from_dict(rules), default_rule=default, use_conf=False
        )
        credentials = {**MEMBER, 'roles': roles, 'project_id': project}
        target = {'project_id': path, 'flag': True}
        ours = policy.compiled(enforcer)['asked']
        told = {name: value for name, value in credentials.items() if value is not None}
        theirs = said(lambda: enforcer.enforce('asked', target, told))
        self.assertEqual(theirs, said(lambda: ours(target, credentials, 'asked')))
