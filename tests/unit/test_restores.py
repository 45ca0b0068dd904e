"""Plans of restores and verifications, case by case. What holds for all of them is in
test_restores_random.
"""

import unittest

from freezer_api.domain import (
    clients,
    documents,
    restore_checks,
    restore_sources,
    restores,
)
from freezer_api.domain.documents import Document
from freezer_api.domain.restore_plans import Member, Order, Wish

AT = 1_700_000_000
METADATA = {
    'mode': 'fs',
    'storage': 'local',
    'container': '/backups',
    'engine_name': 'tar',
    'hostname': 'web',
    'backup_name': 'etc',
    'path_to_backup': '/etc',
    'time_stamp': AT,
    'client_version': '19.0.0',
    'job_id': 'j',
    'curr_backup_level': 0,
    'encrypt': {'not': 'scalar'},
}
ACTION = {
    'action': 'backup',
    'mode': 'fs',
    'storage': 'local',
    'container': '/backups',
    'engine_name': 'tar',
    'backup_name': 'etc',
    'path_to_backup': '/etc',
    'encrypt_pass_file': '/key',
    'exclude': '*.log',
    'max_level': 5,
    'incremental': True,
    'remove_older_than': 7,
    'snapshot': True,
    'lvm_srcvol': '/dev/a',
    'consistency_check': True,
    'upload_limit': 5,
    'overwrite': True,
    'restore_from_host': 'x',
    'proxy': None,
}
RESTORED = {
    'action': 'restore',
    'mode': 'fs',
    'storage': 'local',
    'container': '/backups',
    'engine_name': 'tar',
    'backup_name': 'etc',
    'hostname': 'web',
    'encrypt_pass_file': '/key',
    'restore_abs_path': '/etc',
    'restore_from_date': '2023-11-14T22:14:30',
}
CLIENT = clients.registered(None, 'p', 'u', {'client_id': 'c'}, 'uuid')['client']


def backup(status='available', created=AT + 10, id='b', **metadata):
    """A backup's document; a key that is None isn't there."""
    told = {key: value for key, value in {**METADATA, **metadata}.items() if value is not None}
    body = {
        'backup_id': id,
        'project_id': 'p',
        'user_id': 'u',
        'status': status,
        'backup_metadata': told,
    }
    return Document(documents.BACKUPS, 'p', id, 1, created * documents.SECOND, body)


def member(*sources, job_id='j', **keys):
    """A member of the run, on client ``c``."""
    return Member(job_id, 'c', sources=sources, **keys)


def planned(*members, status='completed', client=CLIENT, **order):
    """The plan for a run of these members, of which every target is one client."""
    order = Order(**order)
    return restores.plan('s', 3, status, members, order, {m.target(order): client for m in members})


def codes(plan):
    """What stands against a plan."""
    return [problem['code'] for problem in plan.problems]


def changed(definition=None, metadata=None, created=AT + 10, **order):
    """The only step of a plan for an action and metadata that differ from the usual ones so, and
    the problems.
    """
    action = {
        key: value for key, value in {**ACTION, **(definition or {})}.items() if value is not None
    }
    plan = planned(
        member(restore_sources.source(backup(created=created, **(metadata or {})), [action])),
        **order,
    )
    return plan.steps[0], codes(plan)


class TestActions(unittest.TestCase):
    def test_file_backup_makes_the_action_that_restores_it(self):
        step, problems = changed()
        self.assertEqual(RESTORED, step.action)
        self.assertEqual([], problems)
        self.assertEqual('exact', step.source.sure)
        self.assertEqual(['in-place'], [warning['code'] for warning in step.warnings])

    def test_restore_over_the_origin_is_told_however_it_is_asked_for(self):
        """And no other restore is."""
        for order, is_in_place in (
            ({}, True),
            ({'path_prefix': '/'}, True),
            ({'path_prefix': '/r/..'}, True),
            ({'wishes': {'j': Wish(path='/etc')}}, True),
            ({'wishes': {'j': Wish(path='/x/../etc/')}}, True),
            ({'wishes': {'j': Wish(freezer_action={'restore_abs_path': '/etc'})}}, True),
            ({'wishes': {'j': Wish(freezer_action={'restore_abs_path': '/q'})}}, False),
            ({'path_prefix': '/r'}, False),
            ({'wishes': {'j': Wish(path='/q')}}, False),
            ({'wishes': {'j': Wish(client_id='d')}}, False),
            ({'client_id': 'd'}, False),
        ):
            step, _problems = changed(**order)
            codes = [warning['code'] for warning in step.warnings]
            self.assertEqual(is_in_place, 'in-place' in codes, order)

    def test_shown_plan_has_steps_with_warnings(self):
        plan = planned(member(restore_sources.source(backup(), [ACTION])))
        shown = plan.shown()
        self.assertEqual(
            ('s', 3, True, []),
            tuple(shown[key] for key in ('session_id', 'session_tag', 'complete', 'problems')),
        )
        self.assertEqual(
            {
                'job_id': 'j',
                'client_id': 'c',
                'backup_id': 'b',
                'time_stamp': AT,
                'sure': 'exact',
                'freezer_action': RESTORED,
                'warnings': [restore_checks.warning('in-place')],
            },
            shown['steps'][0],
        )

    def test_spellings_of_forms_are_understood(self):
        action = {
            'action': 'backup',
            'engine': 'tar',
            'Path-To-Backup': '/etc',
            'backup-name': 'etc',
            'storage': 'local',
            'container': '/backups',
            'encrypt-pass-file': '/key',
        }
        plan = planned(member(restore_sources.source(backup(), [action])))
        self.assertEqual(RESTORED, plan.steps[0].action)
        self.assertEqual([], codes(plan))

    def test_absent_keys_are_what_agents_assume(self):
        metadata = {
            'storage': 'swift',
            'container': 'freezer_backups',
            'backup_name': 'freezer_fs_web',
        }
        plan = planned(
            member(
                restore_sources.source(
                    backup(**metadata), [{'action': 'backup', 'path_to_backup': '/etc'}]
                )
            )
        )
        action = plan.steps[0].action
        self.assertEqual('exact', plan.steps[0].source.sure)
        self.assertEqual([], codes(plan))
        self.assertEqual(
            ('fs', 'swift', 'freezer_backups', 'tar', 'freezer_{mode}_{resource_id}'),
            tuple(
                action[key]
                for key in ('mode', 'storage', 'container', 'engine_name', 'backup_name')
            ),
        )

    def test_numbers_in_place_of_names_become_text(self):
        step, problems = changed(
            {'backup_name': 5, 'container': 7}, {'backup_name': '5', 'container': '7'}
        )
        self.assertEqual('5', step.action['backup_name'])
        self.assertEqual('7', step.action['container'])
        self.assertEqual([], problems)

    def test_impossible_metadata_is_ignored(self):
        for value in ([], {'a': 1}, True):
            step, problems = changed(
                metadata={'mode': value, 'storage': value, 'engine_name': value}
            )
            self.assertEqual(RESTORED, step.action)
            self.assertEqual([], problems)

    def test_name_template_stays_a_template(self):
        step, problems = changed({'backup_name': '{mode}-{resource_id}'}, {'backup_name': 'fs-web'})
        self.assertEqual('{mode}-{resource_id}', step.action['backup_name'])
        self.assertEqual('exact', step.source.sure)
        self.assertEqual([], problems)

    def test_an_older_agent_fills_no_template(self):
        step, problems = changed(
            {'backup_name': '{mode}'},
            {'backup_name': '{mode}', 'engine_name': None, 'client_version': '18.0.0'},
        )
        self.assertEqual('{mode}', step.action['backup_name'])
        self.assertEqual([], problems)
        self.assertEqual(['zone', 'in-place'], [warning['code'] for warning in step.warnings])

    def test_the_zone_is_that_of_the_agent_that_restores(self):
        older = member(restore_sources.source(backup(client_version='18.0.0'), [ACTION]))
        latest = Member(
            'k', 'd', sources=(restore_sources.source(backup(path_to_backup='/x'), None),)
        )
        crosswise = {'j': Wish(client_id='d'), 'k': Wish(client_id='c')}
        for wishes, warned in (
            ({}, ['c']),
            (crosswise, ['c']),
            ({'j': Wish(client_id='e')}, ['e']),
        ):
            plan = planned(older, latest, path_prefix='/r', wishes=wishes)
            zone = restore_checks.warning('zone')
            found = [step.client_id for step in plan.steps if zone in step.warnings]
            self.assertEqual(warned, found)
        silent = restore_sources.source(backup(client_version=None, path_to_backup='/y'), None)
        plan = planned(latest, Member('l', 'd', sources=(silent,)))
        self.assertNotIn(
            restore_checks.warning('zone'), [*plan.steps[0].warnings, *plan.steps[1].warnings]
        )

    def test_credentials_of_other_storages_are_left_out(self):
        secrets = {
            'ssh_host': 'h',
            'ssh_password': 'p',
            'ftp_host': 'h',
            'access_key': 'a',
            'secret_key': 's',
            'endpoint': 'e',
        }
        for storage, kept in (
            ('local', set()),
            ('s3', {'access_key', 'secret_key', 'endpoint'}),
            ('ssh', {'ssh_host', 'ssh_password'}),
            ('ftp', {'ftp_host'}),
            ('ftps', {'ftp_host'}),
        ):
            step, problems = changed({'storage': storage, **secrets}, {'storage': storage})
            self.assertEqual(kept, set(secrets) & set(step.action), storage)
            self.assertEqual([], problems, storage)

    def test_database_is_restored_in_its_mode_with_a_warning(self):
        for mode in ('mysql', 'mongo', 'sqlserver'):
            step, problems = changed(
                {'mode': mode, 'mysql_conf': '/m', 'sql_server_conf': '/s', 'path_to_backup': None},
                {'mode': mode},
            )
            self.assertEqual({**RESTORED, 'mode': mode}, step.action)
            self.assertEqual([], problems)
            self.assertIn('database', [warning['code'] for warning in step.warnings])

    def test_resource_is_restored_by_its_id_with_a_warning(self):
        for mode, engine, key in (
            ('nova', 'nova', 'nova_inst_id'),
            ('glance', 'glance', 'glance_image_id'),
            ('cinder', 'tar', 'cinder_vol_id'),
            ('cinder', 'osbrick', 'cinderbrick_vol_id'),
        ):
            told = {'mode': mode, 'engine_name': engine, key: 'x'}
            step, problems = changed(
                {**told, 'path_to_backup': None}, {**told, 'path_to_backup': None}
            )
            expected = {
                name: value for name, value in RESTORED.items() if name != 'restore_abs_path'
            }
            self.assertEqual({**expected, **told}, step.action)
            self.assertEqual([], problems)
            self.assertIn('new-resource', [warning['code'] for warning in step.warnings])
            self.assertEqual(
                mode == 'cinder', 'last-listed' in [warning['code'] for warning in step.warnings]
            )

    def test_native_cinder_backup_is_restored_by_its_ids(self):
        told = {'mode': 'cindernative', 'cindernative_vol_id': 'v'}
        step, problems = changed(told, {**told, 'cinder_backup_id': 'n'})
        self.assertEqual(
            {
                'action': 'restore',
                'mode': 'cindernative',
                'cindernative_vol_id': 'v',
                'cindernative_backup_id': 'n',
            },
            step.action,
        )
        self.assertEqual([], problems)
        self.assertEqual(['unidentified'], changed(told, told)[1])

    def test_backup_of_a_deleted_job_is_restored_by_metadata(self):
        plan = planned(member(restore_sources.source(backup(storage='ssh', ssh_host='h'), None)))
        step = plan.steps[0]
        expected = {name: value for name, value in RESTORED.items() if name != 'encrypt_pass_file'}
        self.assertEqual({**expected, 'storage': 'ssh', 'ssh_host': 'h'}, step.action)
        self.assertEqual('assumed', step.source.sure)
        self.assertEqual([], codes(plan))
        self.assertEqual(
            ['name', 'encryption', 'credentials', 'in-place'],
            [warning['code'] for warning in step.warnings],
        )

    def test_matching_action_of_several_is_used(self):
        others = [
            {'action': 'exec', 'command': 'x'},
            {**ACTION, 'container': '/elsewhere'},
            {**ACTION, 'encrypt_pass_file': '/2'},
        ]
        plan = planned(member(restore_sources.source(backup(), others)))
        self.assertEqual('/2', plan.steps[0].action['encrypt_pass_file'])
        self.assertEqual([], codes(plan))

    def test_last_backup_of_each_place_is_chosen(self):
        first, second = (
            restore_sources.source(backup(id=id, time_stamp=at), [ACTION])
            for id, at in (('1', AT), ('2', AT + 5))
        )
        other = restore_sources.source(
            backup(id='3', path_to_backup='/srv', backup_name='srv', time_stamp=AT + 1), None
        )
        self.assertEqual([other, second], [*restores.latest([second, first, other])])


class TestDates(unittest.TestCase):
    def date(self, created, following=None, **metadata):
        return restore_sources.date(
            restore_sources.Source(
                backup(created=created, **metadata), ACTION, fits=True, following=following
            )
        )

    def test_date_is_a_minute_after_the_record(self):
        self.assertEqual('2023-11-14T22:14:20', self.date(AT))
        self.assertEqual('2023-11-14T22:24:20', self.date(AT + 600))
        self.assertEqual('2023-11-14T22:14:20', self.date(AT - 600))

    def test_date_is_before_the_next_backup(self):
        self.assertEqual('2023-11-14T22:13:29', self.date(AT + 600, following=AT + 10))
        self.assertEqual('2023-11-14T22:14:20', self.date(AT, following=AT + 600))

    def test_impossible_time_has_no_date_and_is_a_problem(self):
        for time_stamp in (-5, 10**12, 'x', True, None):
            self.assertIsNone(self.date(AT, time_stamp=time_stamp))
            self.assertEqual(['no-time'], changed(metadata={'time_stamp': time_stamp})[1])

    def test_followers_are_backups_of_the_same_place(self):
        source = restore_sources.source(backup(), [ACTION])
        for metadata, follows in (
            ({}, True),
            ({'job_id': 'other'}, True),
            ({'backup_name': 'other'}, False),
            ({'hostname': 'db'}, False),
            ({'container': '/2'}, False),
            ({'storage': 'swift'}, False),
            ({'engine_name': 'rsync'}, False),
        ):
            self.assertEqual(
                follows,
                restore_sources.is_follower(source, backup(time_stamp=AT + 5, **metadata)),
                metadata,
            )
        template = restore_sources.source(
            backup(backup_name='fs-web'), [{**ACTION, 'backup_name': '{mode}-{resource_id}'}]
        )
        self.assertTrue(
            restore_sources.is_follower(template, backup(mode='mysql', backup_name='mysql-web'))
        )
        self.assertFalse(
            restore_sources.is_follower(template, backup(mode='mysql', backup_name='fs-web'))
        )


class TestWishes(unittest.TestCase):
    def test_wished_path_or_prefix_sets_the_target(self):
        path_of = lambda **order: changed(**order)[0].action['restore_abs_path']  # noqa: E731
        self.assertEqual('/restore/etc', path_of(path_prefix='/restore'))
        self.assertEqual('/own', path_of(path_prefix='/restore', wishes={'j': Wish(path='/own')}))
        for original, below in (
            ('C:\\data', '/r/C/data'),
            ('/../../x', '/r/x'),
            ('a/../..', '/r'),
            (None, '/r/etc'),
        ):
            self.assertEqual(
                below,
                path_of(
                    path_prefix='/r',
                    metadata={'path_to_backup': original},
                    definition={'path_to_backup': original or '/etc'},
                ).rstrip('/'),
                original,
            )

    def test_wished_client_restores_in_place_of_the_member_s(self):
        source = restore_sources.source(backup(), [ACTION])
        for order, target in (
            ({}, 'c'),
            ({'client_id': 'd'}, 'd'),
            ({'client_id': 'd', 'wishes': {'j': Wish(client_id='e')}}, 'e'),
        ):
            self.assertEqual(target, planned(member(source), **order).steps[0].client_id)

    def test_overwrite_is_set_only_where_asked_for(self):
        self.assertNotIn('overwrite', changed()[0].action)
        self.assertIs(True, changed(wishes={'j': Wish(overwrite=True)})[0].action['overwrite'])

    def test_wished_keys_override_the_plan(self):
        wish = Wish(freezer_action={'encrypt_pass_file': None, 'container': '/copy'})
        step, problems = changed(wishes={'j': wish})
        expected = {name: value for name, value in RESTORED.items() if name != 'encrypt_pass_file'}
        self.assertEqual({**expected, 'container': '/copy'}, step.action)
        self.assertEqual([], problems)

    def test_skipped_member_leaves_the_plan_incomplete(self):
        plan = planned(
            member(restore_sources.source(backup(status='deleted'), [ACTION])),
            wishes={'j': Wish(skip=True)},
        )
        self.assertEqual((), plan.steps)
        self.assertEqual((), plan.problems)
        self.assertIs(False, plan.complete)


class TestProblems(unittest.TestCase):
    def test_unfinished_failed_or_missing_member_is_a_problem(self):
        source = restore_sources.source(backup(), [ACTION])
        for members, status, found in (
            ([member(source)], 'running', ['running']),
            ([member(source, result='fail')], 'completed', ['failed']),
            ([member()], 'completed', ['missing']),
            ([member(silent=True)], 'completed', []),
            ([member(source), member(source, job_id='k')], 'completed', ['same-path']),
        ):
            plan = planned(*members, status=status)
            self.assertEqual(found, codes(plan))
            self.assertEqual(not found, plan.complete)

    def test_deleted_or_unavailable_backup_is_a_problem(self):
        for status, found in (
            ('deleted', 'deleted'),
            ('deleting', 'deleted'),
            ('error', 'unavailable'),
            ('creating', 'unavailable'),
        ):
            self.assertEqual(
                [found],
                codes(planned(member(restore_sources.source(backup(status=status), [ACTION])))),
            )

    def test_changed_job_is_a_problem_unless_keys_are_set(self):
        for key, value in (
            ('container', '/2'),
            ('backup_name', 'x'),
            ('storage', 'swift'),
            ('mode', 'mysql'),
            ('engine_name', 'rsync'),
            ('path_to_backup', '/srv'),
            ('hostname', 'db'),
            ('action', 'admin'),
        ):
            definition = {**ACTION, key: value}
            plan = planned(member(restore_sources.source(backup(), [definition])))
            self.assertEqual(['changed'], codes(plan), key)
            self.assertEqual('assumed', plan.steps[0].source.sure, key)
            wish = {'j': Wish(freezer_action={'encrypt_pass_file': '/key'})}
            plan = planned(member(restore_sources.source(backup(), [definition])), wishes=wish)
            self.assertEqual(RESTORED, plan.steps[0].action, key)
            self.assertEqual([], codes(plan), key)

    def test_unrestorable_backup_is_a_problem(self):
        for engine in ('rsync', 'rsyncv2'):
            self.assertEqual(
                ['unrestorable'], changed({'engine_name': engine}, {'engine_name': engine})[1]
            )
        self.assertIn('unrestorable', changed(metadata={'mode': 'tape'})[1])
        self.assertIn('no-path', changed({'path_to_backup': None}, {'path_to_backup': None})[1])
        self.assertIn('unidentified', changed({'mode': 'nova'}, {'mode': 'nova'})[1])

    def test_backup_without_name_or_host_is_unidentified(self):
        """Without it an agent would restore what it finds by its own name, or by the usual one."""
        gone = restore_sources.source(backup(backup_name=None), None)
        self.assertEqual(['unidentified'], codes(planned(member(gone))))
        wish = {'j': Wish(freezer_action={'backup_name': 'etc'})}
        self.assertEqual([], codes(planned(member(gone), wishes=wish)))
        self.assertEqual(['unidentified'], changed(metadata={'hostname': None})[1])
        step, problems = changed({'hostname': 'web'}, {'hostname': None})
        self.assertEqual(RESTORED, step.action)
        self.assertEqual([], problems)

    def test_percent_sign_in_a_used_key_is_a_problem(self):
        self.assertEqual(['percent'], changed({'encrypt_pass_file': '/100%'})[1])
        self.assertEqual([], changed({'exclude': '100%'})[1])

    def test_missing_or_incapable_client_is_a_problem(self):
        source = restore_sources.source(backup(), [ACTION])
        self.assertEqual(['client-missing'], codes(planned(member(source), client=None)))
        for key, value in (
            ('actions', ['backup']),
            ('modes', ['nova']),
            ('storages', []),
            ('engines', ['rsync']),
        ):
            plan = planned(member(source), client={**CLIENT, f'supported_{key}': value})
            self.assertEqual(['not-capable'], codes(plan), key)


class TestVerifications(unittest.TestCase):
    def test_verification_by_reading_is_a_dry_run(self):
        step, problems = changed(mode='verify-read')
        self.assertEqual(
            {**RESTORED, 'restore_abs_path': restores.READING, 'dry_run': True}, step.action
        )
        self.assertEqual([], problems)

    def test_mode_that_restores_anyway_is_unverifiable(self):
        told = {'mode': 'cindernative', 'cindernative_vol_id': 'v', 'cinder_backup_id': 'n'}
        for mode, more in (
            ('nova', {'nova_inst_id': 'i', 'engine_name': 'nova'}),
            ('cindernative', told),
            ('cinder', {'cinder_vol_id': 'v'}),
            ('glance', {'glance_image_id': 'g', 'engine_name': 'glance'}),
        ):
            for verification in ('verify-read', 'verify-restore'):
                self.assertEqual(
                    ['unverifiable'],
                    changed({'mode': mode, **more}, {'mode': mode, **more}, mode=verification)[1],
                )

    def test_verification_by_comparing_passes_the_checksum(self):
        step, problems = changed(
            metadata={'consistency_checksum': 'f00'}, mode='verify-restore', path='/v'
        )
        expected = {**RESTORED, 'restore_abs_path': '/v/j', 'consistency_checksum': 'f00'}
        self.assertEqual(expected, step.action)
        self.assertEqual([], problems)
        self.assertEqual((), step.warnings)
        step, _problems = changed(mode='verify-restore', path='/v')
        self.assertEqual(['no-checksum'], [warning['code'] for warning in step.warnings])
        self.assertEqual(
            ['unverifiable'],
            changed({'mode': 'mysql'}, {'mode': 'mysql'}, mode='verify-restore')[1],
        )

    def test_each_backup_has_a_folder_of_its_own(self):
        sources = [
            restore_sources.source(backup(id=path, path_to_backup=path, backup_name=path), None)
            for path in ('/a', '/b')
        ]
        plan = planned(member(*sources), mode='verify-restore', path='/v')
        self.assertEqual(
            ['/v/j/0', '/v/j/1'], [step.action['restore_abs_path'] for step in plan.steps]
        )
        self.assertEqual([], codes(plan))
