"""Registrations of clients."""

import unittest

from freezer_api.domain import clients

NEW = clients.registered(None, 'p', 'u', {'client_id': 'c'}, 'made')


class Registration(unittest.TestCase):
    def test_first_registration_fills_in_defaults(self):
        self.assertEqual(
            {
                'project_id': 'p',
                'user_id': 'u',
                'client': {
                    'client_id': 'c',
                    'hostname': '',
                    'description': '',
                    'uuid': 'made',
                    'is_central': False,
                    'supported_actions': ['backup', 'restore', 'info', 'admin', 'exec'],
                    'supported_modes': [
                        'fs',
                        'mongo',
                        'mysql',
                        'sqlserver',
                        'cinder',
                        'glance',
                        'cindernative',
                        'nova',
                    ],
                    'supported_storages': ['local', 'swift', 'ssh', 's3', 'ftp', 'ftps'],
                    'supported_engines': ['tar', 'rsync', 'rsyncv2', 'nova', 'osbrick', 'glance'],
                },
            },
            NEW,
        )

    def test_named_values_override_the_defaults(self):
        given = {
            'client_id': 'c',
            'hostname': 'h',
            'description': 'd',
            'uuid': 'x',
            'is_central': True,
            'supported_actions': ['exec'],
        }
        client = clients.registered(None, 'p', 'u', given, 'made')['client']
        self.assertEqual({**NEW['client'], **given}, client)

    def test_second_registration_changes_only_what_it_names(self):
        again = clients.registered(
            NEW, 'p', 'other', {'client_id': 'c', 'hostname': 'h', 'supported_modes': []}, 'another'
        )
        self.assertEqual(
            {**NEW, 'client': {**NEW['client'], 'hostname': 'h', 'supported_modes': []}}, again
        )

    def test_second_registration_without_news_changes_nothing(self):
        self.assertEqual(NEW, clients.registered(NEW, 'p', 'u', {'client_id': 'c'}, 'another'))
