"""A client does only what it supports."""

import unittest

from freezer_api import exceptions
from freezer_api.domain import capabilities, clients, definitions

ABLE = clients.registered(None, 'p', 'u', {'client_id': 'c'}, 'uuid')['client']
FEW = {
    **ABLE,
    'supported_actions': ['backup'],
    'supported_modes': ['fs'],
    'supported_storages': ['local'],
    'supported_engines': ['tar'],
}


class Capabilities(unittest.TestCase):
    def test_a_client_that_said_nothing_can_do_everything(self):
        for key, values in (
            *definitions.CHOICES.items(),
            ('engine_name', definitions.CHOICES['engine']),
        ):
            for value in values:
                capabilities.check({key: value}, ABLE, '')

    def test_supported_values_are_accepted(self):
        capabilities.check(
            {
                'action': 'backup',
                'mode': 'fs',
                'storage': 'local',
                'engine': 'tar',
                'engine_name': 'tar',
            },
            FEW,
            '',
        )

    def test_unsupported_value_is_refused_by_its_key(self):
        for key, value in (
            ('action', 'exec'),
            ('mode', 'nova'),
            ('storage', 's3'),
            ('engine', 'rsync'),
            ('engine_name', 'rsync'),
        ):
            with self.assertRaises(exceptions.Unprocessable) as caught:
                capabilities.check(
                    {'action': 'backup', key: value}, FEW, 'job_actions[0].freezer_action'
                )
            self.assertEqual(
                f'job_actions[0].freezer_action.{key}: {value} is not supported by client c.',
                caught.exception.message,
            )

    def test_absent_keys_and_nulls_ask_for_nothing(self):
        capabilities.check({'action': 'backup'}, FEW, '')
        capabilities.check(
            {
                'action': 'backup',
                'mode': None,
                'storage': None,
                'engine': None,
                'engine_name': None,
            },
            FEW,
            '',
        )

    def test_absent_mode_is_checked_as_fs(self):
        """As agents have it."""
        for definition in ({'action': 'backup'}, {'action': 'backup', 'mode': None}):
            with self.assertRaises(exceptions.Unprocessable) as caught:
                capabilities.check(
                    definition, {**FEW, 'supported_modes': ['cinder']}, 'freezer_action'
                )
            self.assertEqual(
                'freezer_action.mode: fs is not supported by client c.', caught.exception.message
            )
        capabilities.check(
            {'action': 'backup', 'mode': 'cinder'}, {**FEW, 'supported_modes': ['cinder']}, ''
        )

    def test_client_without_actions_is_refused_all(self):
        with self.assertRaises(exceptions.Unprocessable):
            capabilities.check({'action': 'backup'}, {**ABLE, 'supported_actions': []}, '')
