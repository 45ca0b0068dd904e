"""Whole GET documents sent back, as dashboards do: with nulls, with read-only keys, and with what
their forms add.
"""

import copy
import typing

from tests.functional import base

DAILY = {
    'schedule_interval': '1 days',
    'schedule_start_date': '2030-01-01T00:00:00',
    'schedule_hour': '3',
}
BACKUP = {
    'action': 'backup',
    'mode': 'fs',
    'storage': 'local',
    'engine': None,
    'nova-restore-network': None,
    'ssh_host': None,
    'path_to_backup': '/etc',
    'max_level': 6,
    'no_incremental': False,
    'nested': {'a': [1, None]},
}
#: What a dashboard's forms add to a job's document.
FORM = {
    'session_name': 'nightly',
    'interval_uint': 'days',
    'interval_unit': 'days',
    'interval_value': 1,
}
#: Who set these, or when, is nobody's to say.
CLAIMED = {'project_id': 'beta', 'user_id': 'somebody', '_version': 99}

Body = dict[str, typing.Any]


class EchoTest(base.FunctionalTest):
    """Has documents of every kind with all that they can have."""

    def setUp(self):
        super().setUp()
        self.make_client(description='a machine', hostname='host')
        self.do(
            201,
            'POST',
            '/actions/action',
            {'freezer_action': BACKUP, 'max_retries': 1, 'mandatory': True},
        )
        entries = [
            {'action_id': 'action', 'max_retries': 3},
            {'freezer_action': {'action': 'exec', 'command': 'true'}},
        ]
        for job_id in ('free', 'member', 'idle'):
            self.do(
                201,
                'POST',
                '/jobs',
                {
                    'job_id': job_id,
                    'client_id': 'client',
                    'description': 'all of it',
                    'job_schedule': {**DAILY, 'event': 'start'},
                    'job_actions': entries,
                },
            )
        self.make_session(
            'session',
            schedule={**DAILY, 'schedule_interval': '2 days'},
            description='nightly',
            hold_off=60,
        )
        self.make_session('fresh')
        for job_id in ('member', 'idle'):
            self.do(204, 'PUT', f'/sessions/session/jobs/{job_id}')
        self.do(
            202,
            'POST',
            '/sessions/session/action',
            {'start': {'job_id': 'member', 'current_tag': 0}},
        )
        for job_id, pid in (('member', 42), ('free', 43)):
            told = {
                'status': 'running',
                'event': '',
                'current_pid': pid,
                'time_started': 1_700_000_000,
            }
            self.do(200, 'PATCH', f'/jobs/{job_id}', {'job_schedule': told})

    def document(self, path: str) -> Body:
        """What there is at a path."""
        return self.do(200, 'GET', path)

    def unmoved(
        self, path: str, body: Body, method: str = 'PATCH', code: int = 200, to: str = ''
    ) -> None:
        """A request leaves a document, its version and its entity tag as they are."""
        before = self.call('GET', f'/v2/alpha{path}')
        answer = self.call(method, f'/v2/alpha{to or path}', body)
        self.assertEqual(code, answer.code, (path, body, answer.raw))
        after = self.call('GET', f'/v2/alpha{path}')
        self.assertEqual(before.json, after.json, body)
        self.assertEqual(before.headers['ETag'], after.headers['ETag'], body)
        if '_version' in before.json:
            self.assertEqual(before.json['_version'], answer.json.get('version'))


VERSIONED = (
    '/sessions/session',
    '/sessions/fresh',
    '/jobs/free',
    '/jobs/member',
    '/jobs/idle',
    '/actions/action',
)


class TestPatch(EchoTest):
    """A PATCH with what was got changes nothing."""

    def test_document_sent_back_changes_nothing(self):
        for path in VERSIONED:
            document = self.document(path)
            self.unmoved(path, document)
            self.unmoved(path, {**document, **CLAIMED})
            answer = self.call(
                'PATCH',
                f'/v2/alpha{path}',
                document,
                If_Match=self.call('GET', f'/v2/alpha{path}').headers['ETag'],
            )
            self.assertEqual(200, answer.code)
            self.assertEqual(document['_version'], answer.json['version'])

    def test_session_named_by_the_body_stays_unchanged(self):
        self.unmoved('/sessions/session', self.document('/sessions/session'), to='/sessions')

    def test_null_for_any_key_changes_nothing(self):
        for path in VERSIONED:
            document = self.document(path)
            for key in document:
                self.unmoved(path, {**document, key: None})
            self.unmoved(path, dict.fromkeys(document))

    def test_absent_keys_change_nothing(self):
        for path in VERSIONED:
            document = self.document(path)
            for key in document:
                self.unmoved(path, {name: value for name, value in document.items() if name != key})

    def test_nulls_in_runtime_keys_change_nothing(self):
        for path in ('/jobs/free', '/jobs/member'):
            document = self.document(path)
            for key in (
                'event',
                'status',
                'result',
                'time_created',
                'time_started',
                'time_ended',
                'current_pid',
            ):
                self.unmoved(
                    path, {**document, 'job_schedule': {**document['job_schedule'], key: None}}
                )
                self.unmoved(path, {'job_schedule': {**document['job_schedule'], key: None}})

    def test_null_in_a_schedule_removes_its_key(self):
        """A schedule is replaced as a group, and null is absent; a member's is the session's."""
        for key in DAILY:
            document = self.document('/jobs/member')
            self.unmoved(
                '/jobs/member',
                {**document, 'job_schedule': {**document['job_schedule'], key: None}},
            )
            for path, place in (('/jobs/free', 'job_schedule'), ('/sessions/session', 'schedule')):
                before = self.document(path)
                self.do(200, 'PATCH', path, {**before, place: {**before[place], key: None}})
                expected = {
                    **before,
                    '_version': before['_version'] + 1,
                    place: {name: value for name, value in before[place].items() if name != key},
                }
                self.assertEqual(expected, self.document(path))
                self.do(200, 'PATCH', path, before)
                self.assertEqual(
                    {**before, '_version': before['_version'] + 2}, self.document(path)
                )

    def test_nulls_in_entries_take_defaults(self):
        """Rules of an entry go to their defaults; a definition that is left away is the
        action's.
        """
        document = self.document('/jobs/free')
        first, second = document['job_actions']
        definition = first['freezer_action']
        for entry in (
            {**first, 'freezer_action': None},
            {'action_id': 'action', 'max_retries': 3},
            {
                **first,
                'freezer_action': {
                    key: value for key, value in definition.items() if value is not None
                },
            },
            {**first, 'freezer_action': {**definition, 'backup_name': None, 'engine_name': None}},
        ):
            self.unmoved('/jobs/free', {**document, 'job_actions': [entry, second]})
        rules = ('max_retries', 'max_retries_interval', 'mandatory')
        self.do(
            200,
            'PATCH',
            '/jobs/free',
            {**document, 'job_actions': [{**first, **dict.fromkeys(rules)}, second]},
        )
        entry = self.document('/jobs/free')['job_actions'][0]
        self.assertEqual([5, 6, False], [entry[rule] for rule in rules])
        different = {**first, 'freezer_action': {**definition, 'mode': None}}
        self.do(200, 'PATCH', '/jobs/free', {**document, 'job_actions': [different, second]})
        entries = self.document('/jobs/free')['job_actions']
        self.assertEqual(different['freezer_action'], entries[0]['freezer_action'])
        self.assertNotIn(entries[0]['action_id'], ('action', second['action_id']))
        self.assertEqual(second, entries[1])
        self.assertEqual(definition, self.document('/actions/action')['freezer_action'])

    def test_null_in_a_definition_is_stored(self):
        """There a null is a value, except that an action is one."""
        document = self.document('/actions/action')
        self.unmoved(
            '/actions/action',
            {**document, 'freezer_action': {**document['freezer_action'], 'action': None}},
        )
        for key in BACKUP:
            self.unmoved(
                '/actions/action',
                {**document, 'freezer_action': {key: document['freezer_action'][key]}},
            )
            if key != 'action' and BACKUP[key] is not None:
                self.do(
                    200,
                    'PATCH',
                    '/actions/action',
                    {**document, 'freezer_action': {**document['freezer_action'], key: None}},
                )
                changed = self.document('/actions/action')
                self.assertEqual(
                    {**document['freezer_action'], key: None}, changed['freezer_action']
                )
                self.assertEqual(
                    changed['freezer_action'],
                    self.document('/jobs/free')['job_actions'][0]['freezer_action'],
                )
                self.do(200, 'PATCH', '/actions/action', document)

    def test_keys_that_forms_add_change_nothing(self):
        """To a job's document: names, intervals, and whole documents of its actions with the same
        nulls again.
        """
        for path in ('/jobs/free', '/jobs/member'):
            document = self.document(path)
            self.unmoved(path, {**document, **FORM})
            self.unmoved(path, {**document, **dict.fromkeys(FORM)})
            entries = copy.deepcopy(document['job_actions'])
            for entry in entries:
                whole = self.document(f'/actions/{entry["action_id"]}')
                given = {
                    key: whole['freezer_action'].get(key)
                    for key in ('action', 'mode', 'storage', 'engine', 'engine_name', 'backup_name')
                }
                entry.update(
                    {
                        **whole,
                        'freezer_action': {**whole['freezer_action'], **given},
                        'max_retries': entry['max_retries'],
                    }
                )
                self.assertLess({'project_id', 'user_id', '_version'}, set(entry))
            self.unmoved(path, {**document, 'job_actions': entries})
        self.unmoved(
            '/sessions/session',
            {**self.document('/sessions/session'), 'interval_unit': 'days', 'interval_value': 1},
        )

    def test_rules_inside_a_definition_change_nothing(self):
        document = self.document('/actions/action')
        rules = {key: document[key] for key in ('max_retries', 'max_retries_interval', 'mandatory')}
        for inside in (rules, {key: str(value).lower() for key, value in rules.items()}):
            self.unmoved(
                '/actions/action',
                {
                    **document,
                    'freezer_action': {
                        **document['freezer_action'],
                        **inside,
                        'action_id': 'action',
                    },
                },
            )

    def test_copy_of_an_agent_changes_nothing(self):
        """What a poll found, sent back whole or as a report."""
        for path in ('/jobs/free', '/jobs/member', '/jobs/idle'):
            (polled,) = [
                job
                for job in self.document('/jobs')['jobs']
                if job['job_id'] == path.rpartition('/')[2]
            ]
            self.unmoved(
                path, {key: polled[key] for key in ('job_schedule', 'session_id', 'session_tag')}
            )
            self.unmoved(path, polled)

    def test_pid_shown_for_an_abort_is_not_stored(self):
        """The pid that makes agents find one is no pid of the job's."""
        self.do(202, 'POST', '/jobs/idle/event', {'abort': None})
        document = self.document('/jobs/idle')
        self.assertEqual(-1, document['job_schedule']['current_pid'])
        self.unmoved('/jobs/idle', document)
        self.do(202, 'POST', '/jobs/idle/event', {'start': None})
        self.assertNotIn('current_pid', self.document('/jobs/idle')['job_schedule'])


class TestReplace(EchoTest):
    """A POST to its id with what was got changes nothing but what a replaced document starts
    with.
    """

    def replaced(self, path: str, body: Body, **expected: typing.Any) -> None:
        """Replace a document by what was got, or much the same; it must be as before afterwards but
        for what is expected.
        """
        before = self.document(path)
        written = self.do(201, 'POST', path, body)
        after = self.document(path)
        version = before['_version'] + (before != {**before, **expected})
        self.assertEqual({**before, **expected, '_version': version}, after)
        self.assertEqual(version, written['version'])

    def test_replaced_session_stays_unchanged(self):
        for path in ('/sessions/session', '/sessions/fresh'):
            document = self.document(path)
            for key in (
                'session_id',
                'project_id',
                'user_id',
                'session_tag',
                'status',
                'result',
                'time_start',
                'time_end',
                'time_started',
                'time_ended',
                'jobs',
                '_version',
            ):
                self.replaced(path, {**document, key: None})
            self.replaced(path, {**document, **CLAIMED})
            runs = self.document(f'{path}/runs')
            self.replaced(path, document)
            self.assertEqual(runs, self.document(f'{path}/runs'))

    def test_replaced_action_stays_unchanged(self):
        document = self.document('/actions/action')
        self.replaced('/actions/action', document)
        self.replaced('/actions/action', {**document, **CLAIMED, 'action_id': None})
        self.replaced('/actions/action', {**document, 'mandatory': None}, mandatory=False)

    def test_replaced_job_loses_its_run_only(self):
        """A job that is replaced hasn't run; as a member it keeps its session and that one's
        schedule.
        """
        for path in ('/jobs/free', '/jobs/member', '/jobs/idle'):
            document = self.document(path)
            schedule = {**document['job_schedule'], 'time_started': -1}
            schedule.pop('current_pid', None)
            self.replaced(path, {**document, **CLAIMED, **FORM}, job_schedule=schedule)
            self.replaced(path, document)
            nulls = (
                'job_id',
                'project_id',
                'user_id',
                'session_id',
                'session_tag',
                'session_name',
                'user_credentials',
                '_version',
            )
            self.replaced(path, {**document, **dict.fromkeys(nulls)})
        self.assertEqual('running', self.document('/sessions/session')['jobs']['member']['status'])

    def test_registered_client_stays_unchanged(self):
        """A registration with the whole document, or with what it has of the client."""
        document = self.document('/clients/client')
        for body in (
            document,
            document['client'],
            {**document, **CLAIMED},
            {**document['client'], **CLAIMED},
        ):
            self.unmoved('/clients/client', body, 'POST', 201, '/clients')
        for key in document['client']:
            if key != 'client_id':
                self.unmoved(
                    '/clients/client',
                    {**document, 'client': {**document['client'], key: None}},
                    'POST',
                    201,
                    '/clients',
                )
                self.unmoved(
                    '/clients/client', {**document['client'], key: None}, 'POST', 201, '/clients'
                )


class TestCreate(EchoTest):
    """A new document of what was got of another one."""

    def created(self, kind: str, body: Body, id: str = '') -> Body:
        """The document that a body makes, under an id or without."""
        answer = self.do(201, 'POST', f'/{kind}/{id}' if id else f'/{kind}', body)
        made = self.document(f'/{kind}/{answer[f"{kind[:-1]}_id"]}')
        self.assertEqual('alpha', made['project_id'])
        self.assertEqual('user-member@alpha', made['user_id'])
        self.assertEqual(1, made.get('_version', 1))
        return made

    def test_copied_session_starts_afresh(self):
        before = self.document('/sessions/session')
        new = {
            'session_tag': 1,
            'status': 'active',
            'result': '',
            'jobs': {},
            '_version': 1,
            **dict.fromkeys(('time_start', 'time_end', 'time_started', 'time_ended'), -1),
        }
        for body in (before, {**before, **CLAIMED}):
            made = self.created('sessions', body)
            self.assertNotEqual('session', made['session_id'])
            self.assertEqual({**before, **new, 'session_id': made['session_id']}, made)
        self.assertEqual(
            {**before, **new, 'session_id': 'copy'}, self.created('sessions', before, 'copy')
        )
        self.assertEqual(before, self.document('/sessions/session'))

    def test_copied_job_starts_afresh_with_the_same_actions(self):
        """A copy is in no session and hasn't run; its actions are the same ones."""
        for job_id in ('free', 'member'):
            before = self.document(f'/jobs/{job_id}')
            session, number = (
                self.document('/sessions/session'),
                len(self.document('/actions')['actions']),
            )
            body = {
                **before,
                **CLAIMED,
                **FORM,
                'user_credentials': {'trust_id': 'x', 'trustor_user_id': 'y'},
            }
            for id, told in (
                (f'{job_id}-1', {'job_id': f'{job_id}-1'}),
                (f'{job_id}-2', {}),
                ('', {'job_id': None}),
            ):
                made = self.created('jobs', {**body, **told}, id if not told else '')
                schedule = {
                    **before['job_schedule'],
                    'result': '',
                    'time_started': -1,
                    'time_ended': -1,
                    'time_created': made['job_schedule']['time_created'],
                }
                schedule.pop('current_pid')
                expected = {
                    **before,
                    'job_id': id or made['job_id'],
                    'session_id': '',
                    'session_tag': 0,
                    'job_schedule': schedule,
                }
                self.assertEqual({**expected, '_version': 1}, made)
            self.assertEqual(number, len(self.document('/actions')['actions']))
            self.assertEqual(before, self.document(f'/jobs/{job_id}'))
            self.assertEqual(session, self.document('/sessions/session'))
        self.do(409, 'POST', '/jobs', self.document('/jobs/free'))

    def test_copied_action_equals_the_first(self):
        before = self.document('/actions/action')
        made = self.created('actions', {**before, 'action_id': None})
        self.assertEqual({**before, 'action_id': made['action_id'], '_version': 1}, made)
        self.assertEqual(
            {**before, 'action_id': 'copy', '_version': 1}, self.created('actions', before, 'copy')
        )
        self.do(409, 'POST', '/actions', before)

    def test_copied_client_equals_the_first(self):
        before = self.document('/clients/client')
        for body in (
            {**before, 'client': {**before['client'], 'client_id': 'copy'}},
            {**before['client'], 'client_id': 'copy'},
        ):
            made = self.created('clients', body)
            self.assertEqual({**before, 'client': {**before['client'], 'client_id': 'copy'}}, made)
            self.do(204, 'DELETE', '/clients/copy')
