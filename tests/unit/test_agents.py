"""What is known of the published agents."""

import unittest

from freezer_api.domain import agents, restore_keys

#: What every release knows.
KNOWN = frozenset.intersection(*(frozenset(agents.options(version)) for version in agents.VERSIONS))
METADATA = {'mode': 'fs', 'hostname': 'web', 'container': 'c', 'storage': 'local'}


class TestOptions(unittest.TestCase):
    def test_each_release_adds_and_drops_known_options(self):
        known = [set(agents.options(version)) for version in agents.VERSIONS]
        self.assertEqual(known[0], known[1])
        self.assertEqual({'temp_resource_prefix'}, known[2] - known[1])
        self.assertEqual({'no_incremental'}, known[1] - known[2])
        self.assertEqual(
            {
                'os_trust_id',
                'remove_before_date',
                'backup_id',
                'cindernative_backup_container',
                'cindernative_backup_az',
                'cindernative_freezer_only',
            },
            known[3] - known[2],
        )
        self.assertEqual(set(), known[2] - known[3])

    def test_each_option_has_its_type(self):
        options = agents.options(agents.LATEST)
        self.assertEqual(
            ['integer', 'number', 'boolean', 'text', 'text'],
            [
                options[key]
                for key in ('max_level', 'remove_older_than', 'dry_run', 'container', 'log_file')
            ],
        )

    def test_every_agent_knows_whatever_a_restore_may_have(self):
        for mode in restore_keys.MODE_KEYS:
            self.assertEqual(set(), restore_keys.allowed(mode) - KNOWN, mode)
        self.assertLessEqual(
            {'action', 'mode', 'dry_run', 'overwrite', 'consistency_checksum'},
            KNOWN,
        )

    def test_no_restore_may_have_what_removes_or_overwrites(self):
        for mode in restore_keys.MODE_KEYS:
            self.assertEqual(
                set(),
                restore_keys.allowed(mode)
                & {
                    'overwrite',
                    'remove_older_than',
                    'remove_from_date',
                    'remove_before_date',
                    'path_to_backup',
                    'exclude',
                    'snapshot',
                    'max_level',
                    'always_level',
                    'restart_always_level',
                    'incremental',
                    'consistency_check',
                    'upload_limit',
                    'download_limit',
                    'fullbackup_rotation',
                    'lvm_srcvol',
                },
                mode,
            )


class TestNames(unittest.TestCase):
    def test_name_template_is_filled_from_metadata(self):
        for raw, found in (
            ('etc', {'etc'}),
            ('{mode}_{resource_id}', {'{mode}_{resource_id}', 'fs_web'}),
            ('{{x}}', {'{{x}}', '{x}'}),
            (
                '{container}-{storage}-{backup_media}',
                {'{container}-{storage}-{backup_media}', 'c-local-fs'},
            ),
            ('{other}', {'{other}'}),
            ('{}', {'{}'}),
            ('{', {'{'}),
            ('{mode.__class__}', {'{mode.__class__}'}),
            ('{mode:>999999999}', {'{mode:>999999999}'}),
            ('{mode!r}', {'{mode!r}'}),
        ):
            self.assertEqual(found, agents.names(raw, METADATA), raw)

    def test_resource_id_fills_the_name_template(self):
        about = {'mode': 'nova', 'nova_inst_id': 'i', 'hostname': 'web', 'project_id': 'p'}
        self.assertIn('i-nova-p', agents.names('{resource_id}-{backup_media}-{project_id}', about))

    def test_plain_unifies_spellings_and_drops_nulls(self):
        self.assertEqual(
            {'path_to_backup': '/', 'engine_name': 'tar'},
            agents.plain({'Path-To-Backup': '/', 'engine': 'tar', 'exclude': None, 'proxy': ''}),
        )

    def test_lone_percent_sign_is_told_from_a_doubled_one(self):
        for value, any_one, lone in (
            ('a', False, False),
            ('50%', True, True),
            ('50%%', True, False),
            ('%%%', True, True),
            (5, False, False),
        ):
            self.assertEqual(any_one, agents.has_percent(value), value)
            self.assertEqual(lone, agents.has_lone_percent(value), value)

    def test_version_without_a_number_has_no_major(self):
        for version, found in (
            ('19.0.0', 19),
            ('18', 18),
            ('', None),
            (None, None),
            ('x', None),
            (19, None),
        ):
            self.assertEqual(found, agents.major(version))
