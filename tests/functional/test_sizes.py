"""What one document may be, on every path that stores something; and that it can be sent back."""

import subprocess
import sys

import sqlalchemy

from freezer_api.db.base import Scope, Store
from freezer_api.domain import actions, capabilities, search_pairs
from freezer_api.domain.documents import BACKUPS
from tests.functional import base

LIMIT = 20_000
LARGE = {'action': 'exec', 'command': 'x' * 7_500}
METADATA = {'backup_name': 'b', 'container': 'c', 'hostname': 'h'}
KINDS = ('jobs', 'actions', 'clients', 'backups', 'sessions')
CRON = '\u3000' * 250 + '1'
TOO_LARGE = f'makes a document of more than {LIMIT} bytes.'
TOO_MANY = 'makes a document of more than 4096 searchable values.'
MANY = list(range(search_pairs.MAX_VALUES))


class Bounded(base.FunctionalTest):
    """A service with a client, and documents bounded."""

    limits = {'api__max_document_size': LIMIT}

    def setUp(self):
        super().setUp()
        self.use(**self.limits)
        self.make_client('c')

    def refused(self, method, path, body, text):
        """A request is answered 400, and changes nothing."""
        before = [self.do(200, 'GET', f'/{kind}') for kind in KINDS]
        answer = self.call(method, f'/v2/alpha{path}', body)
        self.assert_error(answer, '400', text)
        self.assertEqual(before, [self.do(200, 'GET', f'/{kind}') for kind in KINDS])
        return answer.json

    def entries(self, *references):
        """A job of references."""
        return {'client_id': 'c', 'job_actions': [{'action_id': id} for id in references]}


class TestSizes(Bounded):
    def test_too_many_entries_of_a_large_action_are_refused(self):
        self.do(201, 'POST', '/actions/large', {'freezer_action': LARGE})
        two, three = self.entries('large', 'large'), self.entries('large', 'large', 'large')
        self.do(201, 'POST', '/jobs/two', two)
        self.do(200, 'PATCH', '/jobs/two', self.do(200, 'GET', '/jobs/two'))
        for method, path in (
            ('POST', '/jobs'),
            ('POST', '/jobs/two'),
            ('POST', '/jobs/new'),
            ('PATCH', '/jobs/two'),
        ):
            error = self.refused(method, path, three, f'job_actions: {TOO_LARGE}')
            self.assertEqual('document.too-large', error['code'])

    def test_defaults_count_before_they_are_filled_in(self):
        defaults = {'action_defaults': LARGE}
        for count, fits in ((2, True), (3, False)):
            for method, path in (('POST', '/jobs'), ('POST', '/jobs/j'), ('PATCH', '/jobs/j')):
                body = {**self.entries(), **defaults, 'job_actions': [{}] * count}
                if fits:
                    self.do(200 if method == 'PATCH' else 201, method, path, body)
                else:
                    self.refused(method, path, body, 'job_actions: with action_defaults')
        # What an entry has itself, and a reference, take none.
        own = [{'freezer_action': {'action': 'exec', 'command': 'x'}}] * 20
        self.do(201, 'POST', '/jobs', {**self.entries(), **defaults, 'job_actions': own})
        one = self.do(200, 'GET', '/jobs/j')['job_actions'][0]['action_id']
        self.do(201, 'POST', '/jobs', {**self.entries(one, one), **defaults})

    def test_a_job_has_a_limited_number_of_entries(self):
        entry = {'freezer_action': {'action': 'exec'}}
        self.use()
        self.make_client('c')
        most = {'client_id': 'c', 'job_actions': [entry] * actions.MAX_ENTRIES}
        self.do(201, 'POST', '/jobs/j', most)
        more = {'client_id': 'c', 'job_actions': [entry] * (actions.MAX_ENTRIES + 1)}
        text = 'job_actions: must be a list of at most 256 objects'
        for method, path in (('POST', '/jobs'), ('POST', '/jobs/j'), ('PATCH', '/jobs/j')):
            self.refused(method, path, more, text)
            self.refused(method, path, {**more, 'job_actions': [{}] * 9_000}, text)

    def test_description_counts_towards_the_size(self):
        self.do(201, 'POST', '/actions/a', {'freezer_action': {**LARGE, 'more': 'x' * 7_300}})
        self.do(201, 'POST', '/jobs/j', self.entries('a'))
        self.refused('PATCH', '/jobs/j', {'description': 'x' * 1024}, TOO_LARGE)

    def test_action_that_makes_a_job_too_large_is_refused(self):
        self.do(201, 'POST', '/actions/large', {'freezer_action': LARGE})
        self.do(200, 'PATCH', '/actions/large', {'freezer_action': {'more': 'x' * 7_000}})
        self.do(201, 'POST', '/jobs/one', self.entries('large'))
        self.refused(
            'PATCH',
            '/actions/large',
            {'freezer_action': {'even_more': 'x' * 2_000}},
            f'freezer_action: in job one: {TOO_LARGE}',
        )
        self.do(201, 'POST', '/actions/small', {'freezer_action': {'action': 'exec'}})
        self.do(201, 'POST', '/jobs/three', self.entries('small', 'small', 'small'))
        grown = {'freezer_action': {'action': 'exec', 'more': 'x' * 6_000}}
        for method in ('PATCH', 'POST'):
            self.refused(
                method, '/actions/small', grown, f'freezer_action: in job three: {TOO_LARGE}'
            )
        grown = {'freezer_action': {**LARGE, 'more': 'x' * 13_000}}
        for method, path in (
            ('POST', '/actions'),
            ('POST', '/actions/new'),
            ('POST', '/actions/small'),
            ('PATCH', '/actions/small'),
        ):
            self.refused(method, path, grown, f'freezer_action: {TOO_LARGE}')

    def test_backup_that_grows_too_large_is_refused(self):
        path = f'/backups/{self.do(201, "POST", "/backups", METADATA)["backup_id"]}'
        self.do(200, 'PATCH', path, {'one': 'x' * 9_000})
        self.do(200, 'PATCH', path, self.do(200, 'GET', path))
        self.refused('PATCH', path, {'two': 'x' * 11_000}, f'backup_metadata: {TOO_LARGE}')
        self.refused('POST', '/backups', {**METADATA, 'one': 'x' * 19_900}, TOO_LARGE)

    def test_client_that_grows_too_large_is_refused(self):
        values = [f'{number:03}{"x" * 252}' for number in range(capabilities.MAX_VALUES)]
        self.do(201, 'POST', '/clients', {'client_id': 'c', 'supported_modes': values})
        self.refused(
            'POST',
            '/clients',
            {'client_id': 'c', 'supported_engines': values},
            f'client: {TOO_LARGE}',
        )

    def test_a_session_makes_no_job_too_large(self):
        self.do(201, 'POST', '/actions/a', {'freezer_action': {**LARGE, 'more': 'x' * 7_800}})
        self.do(201, 'POST', '/jobs/j', self.entries('a'))
        cron = ','.join(['1'] * 128)[:255]
        schedule = {f'schedule_{field}': cron for field in ('month', 'day', 'hour', 'minute')}
        self.make_session('s', schedule=schedule)
        self.do(204, 'PUT', '/sessions/s/jobs/j')
        whole = self.do(200, 'GET', '/jobs/j')
        self.assertEqual(cron, whole['job_schedule']['schedule_minute'])
        self.do(200, 'PATCH', '/jobs/j', whole)

    def test_a_schedule_has_its_own_bound(self):
        fields = ('month', 'week', 'day', 'hour', 'minute')
        schedule = {f'schedule_{field}': CRON for field in fields}
        self.refused(
            'POST',
            '/sessions',
            {'schedule': schedule},
            'schedule: must not have more than 3584 bytes.',
        )
        self.refused(
            'POST',
            '/jobs',
            {**self.entries(), 'job_schedule': schedule},
            'job_schedule: must not have more than 3584 bytes.',
        )


class TestBodies(Bounded):
    """Bodies that are less than documents: what was read can be sent back."""

    limits = {'oslo_middleware__max_request_body_size': LIMIT}

    def test_largest_action_can_be_sent_back(self):
        text = 'freezer_action: makes a document of more than 18976 bytes.'
        for size, fits in ((18_900, False), (18_500, True)):
            body = {'freezer_action': {'action': 'exec', 'x': 'x' * size}}
            if fits:
                self.do(201, 'POST', '/actions/a', body)
            else:
                self.refused('POST', '/actions', body, text)
        self.do(200, 'PATCH', '/actions/a', self.do(200, 'GET', '/actions/a'))


class TestValues(Bounded):
    """At most so many different values of a key can be searched."""

    limits = {}

    def test_too_many_values_are_refused(self):
        text = TOO_MANY
        more = {'values': [*MANY, 'one more']}
        error = self.refused('POST', '/backups', {**METADATA, **more}, f'backup_metadata: {text}')
        self.assertEqual('document.too-many-values', error['code'])
        definition = {'action': 'exec', **more}
        self.refused('POST', '/actions', {'freezer_action': definition}, f'freezer_action: {text}')
        job = {'client_id': 'c', 'job_actions': [{'freezer_action': definition}]}
        self.refused('POST', '/jobs', job, f'job_actions: {text}')
        # A key that stands less deep in the job is not searched there, but in the action.
        hidden = {'freezer_action': {'action': 'exec', 'job_id': [*MANY, 'one more']}}
        self.refused('POST', '/jobs', {**job, 'job_actions': [hidden]}, f'job_actions: {text}')

    def test_document_that_grows_too_many_values_is_refused(self):
        backup = self.do(201, 'POST', '/backups', {**METADATA, 'values': MANY[:-10]})['backup_id']
        self.refused('PATCH', f'/backups/{backup}', {'more': MANY[:10]}, 'searchable values')
        self.do(201, 'POST', '/actions/a', {'freezer_action': {'action': 'exec', 'v': MANY[:-50]}})
        self.do(201, 'POST', '/jobs/j', self.entries('a'))
        for method in ('PATCH', 'POST'):
            grown = {'freezer_action': {'action': 'exec', 'v': [*MANY, 'one more']}}
            self.refused(method, '/actions/a', grown, 'searchable values')
        self.do(201, 'POST', '/actions/b', {'freezer_action': {'action': 'exec', 'w': MANY[:-50]}})
        for method, path in (('POST', '/jobs'), ('PATCH', '/jobs/j')):
            self.refused(method, path, self.entries('a', 'b'), f'job_actions: {TOO_MANY}')

    def test_equal_values_count_once(self):
        self.do(201, 'POST', '/backups', {**METADATA, 'values': [1, 1.0, 'a'] * 10_000})
        self.do(201, 'POST', '/backups', {**METADATA, 'empty': [[]] * 50_000})

    def test_too_many_capabilities_are_refused(self):
        values = [f'{number}' for number in range(capabilities.MAX_VALUES)]
        self.do(201, 'POST', '/clients', {'client_id': 'd', 'supported_modes': values * 100})
        self.assertEqual(values, self.do(200, 'GET', '/clients/d')['client']['supported_modes'])
        for key in capabilities.SUPPORTED.values():
            for more in ([*values, 'x'], ['x' * 256]):
                self.refused('POST', '/clients', {'client_id': 'd', key: more}, f'{key}')


class TestWithoutATurnToWrite(Bounded):
    """What no document can hold is refused while others write."""

    def test_too_large_document_is_refused_without_a_write(self):
        self.do(201, 'POST', '/actions/a', {'freezer_action': {'action': 'exec'}})
        self.do(201, 'POST', '/jobs/j', self.entries('a'))
        backup = self.do(201, 'POST', '/backups', METADATA)['backup_id']
        action = {'freezer_action': {'action': 'exec', 'more': 'x' * LIMIT}}
        job = {'client_id': 'c', 'job_actions': [action]}
        metadata = {**METADATA, 'more': 'x' * LIMIT}
        written = []
        writer = self.service.storage.database.engines.writer
        sqlalchemy.event.listen(
            writer, 'before_cursor_execute', lambda *arguments: written.append(arguments[2])
        )
        for method, path, body, place in (
            ('POST', '/actions', action, 'freezer_action'),
            ('POST', '/actions/a', action, 'freezer_action'),
            ('PATCH', '/actions/a', action, 'freezer_action'),
            ('POST', '/jobs', job, 'job_actions'),
            ('POST', '/jobs/j', job, 'job_actions'),
            ('PATCH', '/jobs/j', job, 'job_actions'),
            ('POST', '/backups', metadata, 'backup_metadata'),
            ('PATCH', f'/backups/{backup}', metadata, 'backup_metadata'),
        ):
            with self.subTest(f'{method} {path}'):
                self.refused(method, path, body, f'{place}: {TOO_LARGE}')
        self.assertEqual([], written)
        self.do(200, 'PATCH', '/jobs/j', {'description': 'x'})
        self.assertNotEqual([], written)


class TestLargeOnes(Bounded):
    """What was stored when documents weren't bounded: it stays usable, and doesn't grow."""

    limits = {}

    def setUp(self):
        super().setUp()
        definition = {'action': 'exec', 'text': 'x' * 15_000, 'values': [*range(5_000)]}
        self.do(201, 'POST', '/actions/a', {'freezer_action': {'action': 'exec'}})
        self.do(201, 'POST', '/jobs/j', self.entries('a'))
        self.make_session('s')
        self.backup = self.do(201, 'POST', '/backups', METADATA)['backup_id']
        scope, storage = Scope('alpha'), self.service.storage
        storage.write_action(
            scope,
            'a',
            lambda current, linked, now: Store({**current.body, 'freezer_action': definition}),
        )
        storage.write(
            scope,
            BACKUPS,
            self.backup,
            lambda current, now: Store(
                {
                    **current.body,
                    'backup_metadata': {**METADATA, 'values': [*range(5_000)]},
                }
            ),
        )
        self.service.storage.max_document_size = 16_384
        self.assertLess(30_000, len(self.call('GET', '/v2/alpha/jobs/j').raw))

    def test_large_documents_take_reports_events_and_sessions(self):
        self.do(
            200,
            'PATCH',
            '/jobs/j',
            {'job_schedule': {'status': 'running'}, 'session_id': '', 'session_tag': 0},
        )
        self.do(202, 'POST', '/jobs/j/event', {'stop': None})
        self.do(204, 'PUT', '/sessions/s/jobs/j')
        self.do(200, 'PATCH', '/sessions/s', {'schedule': {'schedule_interval': '5 days'}})
        schedule = self.do(200, 'GET', '/jobs/j')['job_schedule']
        self.assertEqual('5 days', schedule['schedule_interval'])
        self.do(204, 'DELETE', '/sessions/s')
        for path in ('/jobs/j', '/actions/a', f'/backups/{self.backup}'):
            self.do(204, 'DELETE', path)

    def test_large_documents_can_be_sent_back(self):
        for path in ('/jobs/j', '/actions/a', f'/backups/{self.backup}'):
            whole = self.do(200, 'GET', path)
            self.do(200, 'PATCH', path, whole)

    def test_large_documents_cannot_grow(self):
        text = 'makes a document of more than 16384 bytes'
        self.refused('PATCH', '/jobs/j', {'description': 'x'}, text)
        for body in ({'freezer_action': {'more': 1}}, {'freezer_action': {'text': 'x' * 15_001}}):
            self.refused('PATCH', '/actions/a', body, text)
        path = f'/backups/{self.backup}'
        self.refused('PATCH', path, {'more': 1}, text)
        self.service.storage.max_document_size = 100_000
        self.refused('PATCH', path, {'more': 1}, TOO_MANY)

    def test_large_documents_can_be_made_smaller(self):
        self.do(200, 'PATCH', '/actions/a', {'freezer_action': {'text': ''}})
        self.do(200, 'PATCH', '/actions/a', {'freezer_action': {'values': []}})
        self.do(200, 'PATCH', '/jobs/j', {'description': 'x'})
        self.do(200, 'PATCH', f'/backups/{self.backup}', {'values': [*range(4_900)]})
        self.do(200, 'PATCH', f'/backups/{self.backup}', {'values': []})


class TestPages(Bounded):
    limits = {'api__max_response_size': 100_000, 'api__max_document_size': LIMIT}

    def test_a_page_is_whole_or_refused(self):
        for _ in range(6):
            self.do(201, 'POST', '/backups', {**METADATA, 'text': 'x' * 18_000})
        self.assertEqual(5, len(self.do(200, 'GET', '/backups?limit=5')['backups']))
        for limit in (6, 1000):
            answer = self.call('GET', f'/v2/alpha/backups?limit={limit}')
            text = 'limit: the documents of this page are more than 100000 bytes'
            self.assert_error(answer, '400', text)
            self.assertEqual('list.too-large', answer.json['code'])

    def test_action_shared_by_too_many_jobs_gets_409(self):
        self.do(201, 'POST', '/actions/a', {'freezer_action': {**LARGE, 'more': 'x' * 6_000}})
        for number in range(8):
            self.do(201, 'POST', f'/jobs/j{number}', self.entries('a'))
        for method, body in (
            ('PATCH', {'freezer_action': {'more': 1}}),
            ('DELETE', None),
            ('POST', {'freezer_action': LARGE}),
        ):
            answer = self.call(method, '/v2/alpha/actions/a', body)
            self.assert_error(answer, '409', 'action a: a change to it changes all jobs')
            self.assertEqual('action.shared-too-much', answer.json['code'])
        self.do(204, 'DELETE', '/jobs/j0')
        self.do(204, 'DELETE', '/jobs/j1')
        # Six jobs can change, but not to this.
        grown = {'freezer_action': {'even_more': 'x' * 2_000}}
        self.assert_error(self.call('PATCH', '/v2/alpha/actions/a', grown), '409', 'action a')
        self.do(204, 'DELETE', '/actions/a')
        self.assertEqual([], self.do(200, 'GET', '/jobs/j2')['job_actions'])


class TestMemory(base.FunctionalTest):
    """What bodies must not need, where they would need all there is: a process of 1.5 GB."""

    BODIES = {
        'defaults': (
            "{'client_id': 'c', 'job_actions': [{}] * 3_000,"
            " 'action_defaults': dict.fromkeys(map(str, range(70_000)), 1)}"
        ),
        'entries': (
            "{'client_id': 'c', 'action_defaults': {'action': 'exec', **dict.fromkeys("
            "map(str, range(70_000)), 1)}, 'job_actions': [{}] * 256}"
        ),
    }
    PROGRAM = (
        'import resource, sys\n'
        'resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000, 1_500_000_000))\n'
        'from freezer_api import exceptions\n'
        'from freezer_api.schemas import jobs\n'
        'try:\n'
        '    body = {body}\n'
        '    jobs.check_size(body, 262_144)\n'
        '    jobs.job(body)\n'
        'except exceptions.InvalidInput as error:\n'
        '    sys.exit(error.message)\n'
    )

    def test_defaults_are_not_filled_into_too_much(self):
        for name, body in self.BODIES.items():
            with self.subTest(name):
                program = self.PROGRAM.replace('{body}', body)
                command = [sys.executable, '-c', program]
                done = subprocess.run(command, capture_output=True, text=True)
                self.assertIn('job_actions: ', done.stderr)
                self.assertEqual(1, len(done.stderr.splitlines()), done.stderr)
