"""Trusts as an operator may configure them, rightly or not; in this process, and with a real
Keystone.
"""

import http.server
import threading
import uuid

import fixtures
import testtools

from freezer_api import app, exceptions
from freezer_api.db import base as storages
from freezer_api.identity import Identity
from freezer_api.services import common
from tests.functional import base
from tests.live import delegation, programs
from tests.servers import identity, keystone, process

NOBODY = (
    'client_id: jobs on this client need a trust, and no trustee is configured'
    ' ([centralized_scheduler] auth_section).'
)


class ServiceTest(base.FunctionalTest):
    """An application behind Keystone, and people of a project there."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.people = programs.shared(cls, delegation.People())
        cls.tokens = {
            name: cls.people.token(name) for name in (*delegation.MEMBERS, delegation.TRUSTEE)
        }

    def setUp(self):
        testtools.TestCase.setUp(self)
        self.log = self.useFixture(fixtures.FakeLogger())

    def serve(self, trustees=None, **options):
        """An application in which all jobs get trusts; ``trustees``: options of further sections
        that may name the trustee.
        """
        sections = {
            'keystone_authtoken': identity.service_options(),
            'trustee': self.people.credentials(),
            **{
                name: self.people.credentials(**differing)
                for name, differing in (trustees or {}).items()
            },
        }
        given = {
            f'{section}__{name}': value
            for section, values in sections.items()
            for name, value in values.items()
        }
        ours = {'enabled': True, 'enforce_trusts': True, 'auth_section': 'trustee', **options}
        self.use(
            authenticate=None,
            **given,
            **{f'centralized_scheduler__{name}': value for name, value in ours.items()},
        )
        self.ask(201, 'POST', 'clients', {'client_id': 'plain'})

    def configure(self, **options):
        """The application anew, with other options."""
        for name, value in options.items():
            self.service.conf.set_override(name, value, 'centralized_scheduler')
        self.service.app = app.build(self.service.conf, self.service.storage)

    def ask(self, code, method, path, body=None, who='ann'):
        """Somebody's request in the project, which must be answered with a status; the answer."""
        answer = self.call(
            method, f'/v2/{self.people.project_id}/{path}', body, token=self.tokens[who]
        )
        self.assertEqual(code, answer.code, answer.raw)
        return answer

    def job(self, code=201, who='ann', **keys):
        """Somebody makes a job; its id, or the error's description."""
        body = {
            'job_id': uuid.uuid4().hex,
            'client_id': 'plain',
            'job_actions': [{'freezer_action': {'action': 'exec'}}],
            **keys,
        }
        answer = self.ask(code, 'POST', 'jobs', body, who).json
        return answer['job_id'] if code == 201 else answer['description']

    def trust_of(self, job_id):
        """The id of a job's trust; None without."""
        return (
            self.ask(200, 'GET', f'jobs/{job_id}').json.get('user_credentials', {}).get('trust_id')
        )

    def assert_nothing(self):
        """There is no job, no action and no trust, and never was."""
        self.assertEqual([], self.ask(200, 'GET', 'jobs').json['jobs'])
        self.assertEqual([], self.ask(200, 'GET', 'actions').json['actions'])
        self.assertEqual([], self.people.trusts())


class TestOptions(ServiceTest):
    def tearDown(self):
        for trust in self.people.trusts():
            self.people.ask('DELETE', f'OS-TRUST/trusts/{trust}')
        super().tearDown()

    def test_job_has_a_trust_only_where_enforced(self):
        self.serve()
        for options in ({'enabled': False}, {'enabled': True, 'enforce_trusts': False}):
            self.configure(**options)
            self.assertIsNone(self.trust_of(self.job()))
        self.configure(enforce_trusts=True)
        trust = self.people.trust(self.trust_of(self.job()))
        self.assertEqual({'member'}, {role['name'] for role in trust['roles']})
        self.configure(trusts_delegated_roles=[])
        trust = self.people.trust(self.trust_of(self.job()))
        self.assertEqual(
            {'member', 'reader'}, {role['name'] for role in trust['roles']}, 'those of the token'
        )

    def test_old_job_gets_a_trust_when_its_client_is_named(self):
        self.serve(enabled=False)
        job_id = self.job()
        self.configure(enabled=True)
        self.ask(200, 'PATCH', f'jobs/{job_id}', {'description': 'x'})
        self.assertIsNone(self.trust_of(job_id))
        self.ask(200, 'PATCH', f'jobs/{job_id}', {'client_id': 'plain'})
        self.assertEqual([self.trust_of(job_id)], self.people.trusts())
        # Trusts also end where no new ones are made any more.
        self.configure(enabled=False)
        self.ask(204, 'DELETE', f'jobs/{job_id}')
        self.assertEqual([], self.people.trusts())

    def test_member_who_edits_an_admin_s_job_becomes_its_trustor(self):
        """The scheduler may do for the job what the member may, not what the administrator may."""
        self.serve(trusts_delegated_roles='')
        job_id = self.job(who=delegation.TRUSTEE)
        first = self.people.trust(self.trust_of(job_id))
        self.assertIn('admin', {role['name'] for role in first['roles']})
        self.ask(200, 'PATCH', f'jobs/{job_id}', {'description': 'x'})
        self.assertEqual(first['id'], self.trust_of(job_id))
        self.ask(
            200,
            'PATCH',
            f'jobs/{job_id}',
            {'job_actions': [{'freezer_action': {'action': 'exec', 'command': 'id'}}]},
        )
        second = self.people.trust(self.trust_of(job_id))
        self.assertEqual(self.people.ids['ann'], second['trustor_user_id'])
        self.assertEqual({'member', 'reader'}, {role['name'] for role in second['roles']})
        self.assertEqual([second['id']], self.people.trusts())

    def test_missing_trustee_gets_422_and_a_log_line(self):
        wrong = {
            'wrong': {'password': 'wrong'},
            'bare': {'auth_type': ''},
            'odd': {'auth_type': 'unheard-of'},
            'anonymous': {'username': ''},
            'nowhere': {'auth_url': ''},
        }
        self.serve(wrong)
        for section in (*wrong, 'not-there', ''):
            self.configure(auth_section=section)
            self.assertIn(NOBODY, self.job(422))
            self.assertIn(
                f'[{section}] has no valid credentials of the user to whom trusts are given: ',
                self.log.output,
            )
        self.assertNotIn(keystone.PASSWORD, self.log.output)
        self.assert_nothing()

    def test_unknown_roles_get_422(self):
        self.serve(trusts_delegated_roles='member,unheard-of')
        self.assertIn(
            'with the roles member, unheard-of, which Keystone refuses to this token: ',
            self.job(422),
        )
        self.assert_nothing()

    def test_trust_that_the_service_may_not_end_is_logged(self):
        self.serve(auth_section='keystone_authtoken')
        job_id = self.job()
        trust = self.trust_of(job_id)
        self.ask(204, 'DELETE', f'jobs/{job_id}', who='bob')
        self.assertIn(
            f'Unused trust {trust!r} could not be deleted in Keystone: ',
            self.log.output,
        )
        job_id = self.job()
        trust = self.trust_of(job_id)
        self.ask(204, 'DELETE', f'jobs/{job_id}', who=delegation.TRUSTEE)
        self.assertNotIn(f'Unused trust {trust!r}', self.log.output, 'an administrator may')

    def test_trust_that_no_longer_fits_is_made_anew(self):
        self.serve()
        first = self.trust_of(self.job())
        self.people.ask('DELETE', f'OS-TRUST/trusts/{first}')
        second = self.trust_of(self.job())
        self.assertEqual([second], self.people.trusts())
        self.configure(trusts_delegated_roles=['reader'])
        third, fourth = self.trust_of(self.job()), self.trust_of(self.job())
        self.assertEqual(third, fourth)
        self.assertEqual({second, third}, {*self.people.trusts()})
        self.assertNotEqual(second, third)
        self.configure(auth_section='keystone_authtoken')
        self.assertNotIn(self.trust_of(self.job()), (second, third))

    def test_standalone_job_has_no_trust(self):
        self.use(
            standalone=True,
            centralized_scheduler__enabled=True,
            centralized_scheduler__enforce_trusts=True,
        )
        self.assertIn('[centralized_scheduler] has no effect', self.log.output)
        self.assertEqual(
            201, self.call('POST', '/v2/p/clients', {'client_id': 'c'}, Host='localhost').code
        )
        self.assertEqual(
            201,
            self.call(
                'POST', '/v2/p/jobs/j', {'client_id': 'c', 'job_actions': []}, Host='localhost'
            ).code,
        )
        self.assertNotIn(
            'user_credentials', self.call('GET', '/v2/p/jobs/j', Host='localhost').json
        )


class Overloaded(http.server.BaseHTTPRequestHandler):
    """What a proxy says in the place of a Keystone that doesn't keep up."""

    def do_GET(self):
        """Refuse."""
        self.send_response(503)
        self.end_headers()

    do_POST = do_GET

    def log_message(self, *args):
        """Nothing."""


class TestUnreachable(ServiceTest):
    """Trusts can't be made now, which is no fault of the caller's."""

    def test_unreachable_keystone_gets_503(self):
        """Each within its time-out, whichever way Keystone is away."""
        way = self.useFixture(delegation.Way())
        way.jam()
        proxy = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Overloaded)
        self.addCleanup(proxy.server_close)
        threading.Thread(target=proxy.serve_forever, args=(0.05,), daemon=True).start()
        self.addCleanup(proxy.shutdown)
        closed = f'http://127.0.0.1:{process.free_port()}'
        urls = (
            way.url,
            f'{closed}/v3',
            closed,
            f'http://127.0.0.1:{proxy.server_port}/v3',
            f'https://127.0.0.1:{proxy.server_port}',
        )
        self.serve(
            {f'away-{number}': {'auth_url': url, 'timeout': '1'} for number, url in enumerate(urls)}
        )
        for number in range(len(urls)):
            self.configure(auth_section=f'away-{number}')
            self.assertIn('Keystone does not respond as expected', self.job(503))
        self.assert_nothing()

    def test_keystone_that_stops_answering_gets_503(self):
        way = self.useFixture(delegation.Way())
        # The call that it doesn't answer takes so long; the others may.
        self.serve({'way': {'auth_url': way.url, 'timeout': '20'}}, auth_section='way')
        job_id = self.job()
        way.jam()
        self.assertIn('Keystone does not respond as expected', self.job(503))
        way.mend()
        self.assertEqual([self.trust_of(job_id)], self.people.trusts())
        self.ask(204, 'DELETE', f'jobs/{job_id}')
        self.assertEqual([], self.people.trusts())


class TestInBetween(ServiceTest):
    """What happens between the steps of one request, by others or to the store."""

    def setUp(self):
        super().setUp()
        self.serve(trusts_delegated_roles='member')
        self.storage = self.service.storage

    def before(self, method, *actions):
        """Have each of some actions happen before one of the next calls of a method of the store,
        which goes on afterwards.
        """
        original, waiting = getattr(self.storage, method), [*actions]

        def called(*args, **named):
            if waiting:
                waiting.pop(0)(*args)
            return original(*args, **named)

        self.patch(self.storage, method, called)

    def fail(self, *args):
        """The store goes away."""
        raise exceptions.StorageUnavailable()

    def end_all(self, *args):
        """Others end every trust that has no job."""
        caller = common.Caller(self.people.project_id, self.people.ids['ann'])
        for trust in self.people.trusts():
            if self.storage.end_trust(caller.scope, trust):
                self.people.ask('DELETE', f'OS-TRUST/trusts/{trust}')

    def test_store_that_goes_away_leaves_no_trust(self):
        for method in ('find', 'write', 'write_job'):
            self.before(method, self.fail)
            self.job(503)
            self.assert_nothing()

    def test_lost_answer_of_the_store_leaves_needed_trusts_only(self):
        def done(write):
            def called(*args):
                write(*args)
                self.fail()

            return called

        job_id = self.job()
        for method, call, left in (
            (
                'write_job',
                ('POST', f'jobs/{job_id}', {'client_id': 'plain', 'job_actions': []}, 'bob'),
                1,
            ),
            ('delete_job', ('DELETE', f'jobs/{job_id}'), 0),
        ):
            self.patch(self.storage, method, done(getattr(self.storage, method)))
            self.ask(503, *call)
            self.assertEqual(left, len(self.people.trusts()))

    def test_trust_of_unknown_use_is_kept_and_reused(self):
        self.before('write_job', self.fail)
        self.before('end_trust', self.fail)
        self.job(503)
        (trust,) = self.people.trusts()
        self.assertIn(f'Could not check whether trust {trust!r} is still used', self.log.output)
        job_id = self.job()
        self.assertEqual(trust, self.trust_of(job_id))
        self.ask(204, 'DELETE', f'jobs/{job_id}')
        self.assertEqual([], self.people.trusts())

    def test_trust_that_ends_before_it_is_given_is_made_anew(self):
        self.before('write_job', self.end_all, self.end_all)
        job_id = self.job()
        self.assertEqual([self.trust_of(job_id)], self.people.trusts())
        self.ask(204, 'DELETE', f'jobs/{job_id}')
        self.before('write_job', *[self.end_all] * 9)
        self.assertIn('Too many requests change the job or its trust', self.job(503))
        self.assertEqual([], self.people.trusts())

    def test_id_taken_meanwhile_leaves_no_unused_trust(self):
        def take(*args):
            self.ask(
                201,
                'POST',
                'jobs',
                {'job_id': 'taken', 'client_id': 'plain', 'job_actions': []},
                who='bob',
            )

        self.before('write_job', take)
        self.assertIn('job taken exists already', self.job(409, job_id='taken'))
        self.assertEqual([self.trust_of('taken')], self.people.trusts())
        self.ask(204, 'DELETE', 'jobs/taken')
        self.assertEqual([], self.people.trusts())

    def test_job_that_loses_its_trust_meanwhile_gets_another(self):
        job_id = self.job()

        def bare(scope, id, *args):
            write_job(
                scope,
                id,
                lambda job, stored, now: storages.Store(
                    {key: value for key, value in job.body.items() if key != 'user_credentials'}
                ),
            )
            self.end_all()

        write_job = self.storage.write_job
        self.before('write_job', bare)
        self.ask(200, 'PATCH', f'jobs/{job_id}', {'client_id': 'plain', 'description': 'x'})
        self.assertEqual([self.trust_of(job_id)], self.people.trusts())

        def replace(*args):
            self.ask(
                201, 'POST', f'jobs/{job_id}', {'client_id': 'plain', 'job_actions': []}, who='bob'
            )

        self.before('delete_job', replace)
        self.ask(204, 'DELETE', f'jobs/{job_id}')
        self.assertEqual([], self.people.trusts())

    def test_token_that_ends_meanwhile_is_unauthorized(self):
        ask = Identity(self.service.conf).make_trust
        self.assertRaises(
            exceptions.Unauthorized,
            ask,
            'ended',
            self.people.ids['ann'],
            self.people.project_id,
            ['member'],
        )
