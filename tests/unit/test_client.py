"""Commands for people, as far as they ask nobody: what an option says, and what a table shows."""

import argparse
import unittest

from freezer_api.client import cells, member_options, plans

STEP = {
    'job_id': 'etc',
    'client_id': 'host',
    'backup_id': 'b',
    'time_stamp': 1_700_000_000,
    'sure': 'exact',
    'freezer_action': {'action': 'restore', 'ssh_password': 'unspeakable', 'ssh_host': 'vault'},
    'warnings': [{'code': 'zone', 'text': 'Mind the zone.'}],
}


class MemberOptions(unittest.TestCase):
    def test_options_are_merged_by_member(self):
        words = (
            'etc:client_id=north',
            'etc:path=/a=b:c',
            'etc:overwrite=True',
            'srv:skip=false',
            'srv:log_file=/log',
            'srv:encrypt_pass_file=null',
            'srv:insecure=true',
            'srv:log_file=/other',
            'srv:proxy=',
        )
        self.assertEqual(
            {
                'etc': {'client_id': 'north', 'path': '/a=b:c', 'overwrite': True},
                'srv': {
                    'skip': False,
                    'freezer_action': {
                        'log_file': '/other',
                        'encrypt_pass_file': None,
                        'insecure': True,
                        'proxy': '',
                    },
                },
            },
            member_options.merge(map(member_options.parse, words)),
        )
        self.assertEqual({}, member_options.merge(()))

    def test_malformed_option_is_refused(self):
        for word in ('', 'etc', 'etc:path', 'etc=path:/x', ':path=/x', 'etc:=x', 'etc:skip=yes'):
            with self.assertRaises(argparse.ArgumentTypeError) as caught:
                member_options.parse(word)
            self.assertIn(repr(word), str(caught.exception))


class Cells(unittest.TestCase):
    def test_timestamp_is_shown_as_a_date(self):
        for value, text in (
            (1_700_000_000, '2023-11-14 22:13:20'),
            (0, '1970-01-01 00:00:00'),
            (-1, '-'),
            (None, '-'),
            (True, '-'),
            ('1700000000', '-'),
            (10**30, str(10**30)),
        ):
            self.assertEqual(text, cells.Timestamp(value).human_readable())
            self.assertIs(value, cells.Timestamp(value).machine_readable())

    def test_each_value_is_shown_on_its_line(self):
        jobs = {
            'etc': {'client_id': 'host', 'status': 'completed', 'result': 'success'},
            'srv': {'client_id': 'host', 'status': 'running', 'result': ''},
        }
        self.assertEqual(
            'etc: host completed, success\nsrv: host running', cells.Lines(jobs).human_readable()
        )
        self.assertEqual(
            'a\nb restore active',
            cells.Lines(
                ['a', {'session_id': 'b', 'mode': 'restore', 'status': 'active'}]
            ).human_readable(),
        )
        self.assertEqual('', cells.Lines([]).human_readable())

    def test_control_characters_are_escaped(self):
        value = {'log_file': '/a\x1b[2J\nx\u2028\udc80', 'ö': '¶ 漢'}
        for cell in (cells.Action(value), cells.Lines(value), cells.Lines([*value.values()])):
            shown = cell.human_readable()
            self.assertIn(r'/a\x1b[2J\nx\u2028\udc80', shown)
            self.assertIn('¶ 漢', shown)

    def test_secrets_are_shown_to_programs_only(self):
        cell = cells.Action(STEP['freezer_action'])
        self.assertEqual(
            'action = restore\nssh_password = ***\nssh_host = vault', cell.human_readable()
        )
        self.assertEqual(STEP['freezer_action'], cell.machine_readable())


class Plans(unittest.TestCase):
    def plan(self, *problems, complete=False):
        """A plan of two steps, and one job without any."""
        return {
            'complete': complete,
            'steps': [STEP, {**STEP, 'job_id': 'srv', 'warnings': STEP['warnings'] * 2}],
            'problems': [dict(zip(('job_id', 'code', 'text'), problem)) for problem in problems],
        }

    def test_problem_is_shown_in_the_first_row_of_its_job(self):
        plan = self.plan(('etc', 'deleted', 'Gone.'), ('etc', 'deleted', 'Gone.'))
        first, second = plans.rows(plan)
        self.assertEqual(('etc', 'host', 'b'), first[:3])
        self.assertEqual('zone\ndeleted', first[-1].human_readable())
        self.assertEqual('zone', second[-1].human_readable())
        self.assertEqual(len(plans.COLUMNS), len(first))

    def test_remarks_tell_problems_warnings_and_gaps(self):
        plan = self.plan(('', 'running', 'It goes on.'), ('log', 'missing', 'No backup.'))
        self.assertEqual(
            [
                'Problem: running: It goes on.',
                'Problem: log: missing: No backup.',
                'Warning: zone: Mind the zone.',
                'The plan is not complete: not every member that makes backups is in it.',
            ],
            list(plans.remarks(plan)),
        )
        self.assertEqual(
            ['Warning: zone: Mind the zone.'], list(plans.remarks(self.plan(complete=True)))
        )
