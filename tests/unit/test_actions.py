"""Actions, and the entries of jobs that refer to them or bring them along."""

import itertools
import unittest

from freezer_api import exceptions
from freezer_api.domain import actions, definitions, documents

RULES = {'max_retries': 5, 'max_retries_interval': 6, 'mandatory': False}
BACKUP = {'action': 'backup', 'mode': 'fs', 'storage': 'swift', 'backup_name': 'n'}
ACTION = {
    'action_id': 'a',
    'project_id': 'p',
    'user_id': 'u',
    'freezer_action': BACKUP,
    'max_retries': 1,
    'max_retries_interval': 2,
    'mandatory': True,
}
STORED = {'a': documents.Document(documents.ACTIONS, 'p', 'a', 1, 0, ACTION)}


def entries(*bodies, defaults=None):
    ids = map('new{}'.format, itertools.count())
    return actions.parse_entries(
        [actions.with_defaults(body, defaults or {}) for body in bodies], lambda: next(ids)
    )


def resolved(*bodies, defaults=None, present=()):
    return actions.resolve(entries(*bodies, defaults=defaults), STORED, present).entries


def ids(found):
    return [entry['action_id'] for entry in found]


class Hoisting(unittest.TestCase):
    def test_what_belongs_beside_a_definition_moves_there(self):
        entry = {
            'freezer_action': {
                'action': 'exec',
                'max_retries': 3,
                'max_retries_interval': 4,
                'mandatory': True,
                'action_id': 'x',
            }
        }
        self.assertEqual(
            {
                'freezer_action': {'action': 'exec'},
                'max_retries': 3,
                'max_retries_interval': 4,
                'mandatory': True,
                'action_id': 'x',
            },
            actions.normalize_entry(entry),
        )

    def test_what_is_there_already_stays_and_nothing_remains_inside(self):
        entry = {
            'freezer_action': {'action': 'exec', 'max_retries': 3, 'action_id': 'x'},
            'max_retries': 0,
            'action_id': 'y',
        }
        self.assertEqual(
            {'freezer_action': {'action': 'exec'}, 'max_retries': 0, 'action_id': 'y'},
            actions.normalize_entry(entry),
        )

    def test_nulls_inside_are_dropped(self):
        self.assertEqual(
            {'freezer_action': {}},
            actions.normalize_entry({'freezer_action': {'max_retries': None, 'action_id': None}}),
        )

    def test_unset_value_beside_gives_way_to_the_one_inside(self):
        entry = {
            'freezer_action': {'max_retries': 3, 'action_id': 'x'},
            'max_retries': None,
            'action_id': '',
        }
        self.assertEqual(
            {'freezer_action': {}, 'max_retries': 3, 'action_id': 'x'},
            actions.normalize_entry(entry),
        )

    def test_what_is_no_definition_is_left_for_the_check(self):
        for entry in ({}, {'freezer_action': []}, {'freezer_action': 'x'}):
            self.assertEqual(entry, actions.normalize_entry(entry))

    def test_an_agent_s_credentials_are_left_away(self):
        self.assertEqual(
            {'freezer_action': {'action': 'exec'}},
            actions.normalize_entry({'freezer_action': {'action': 'exec', 'os_trust_id': 't'}}),
        )
        self.assertEqual(
            {'action_id': 'a'},
            actions.with_defaults({'action_id': 'a', 'freezer_action': {'os_trust_id': 't'}}, {}),
        )
        self.assertEqual(
            {'freezer_action': {'action': 'exec'}},
            actions.with_defaults({}, {'action': 'exec', 'os_trust_id': 't'}),
        )
        stored = {**ACTION, 'freezer_action': {**BACKUP, 'os_trust_id': 't'}}
        self.assertEqual(stored, actions.patched(stored, {'freezer_action': {**BACKUP}}))
        self.assertEqual(
            {**BACKUP, 'mode': 'nova'},
            actions.patched(stored, {'freezer_action': {'mode': 'nova'}})['freezer_action'],
        )
        self.assertEqual(
            definitions.fingerprint(BACKUP), definitions.fingerprint(stored['freezer_action'])
        )


class Defaults(unittest.TestCase):
    def test_defaults_fill_missing_keys_only(self):
        entry = {'freezer_action': {'action': 'exec', 'mode': None}}
        self.assertEqual(
            {'freezer_action': {'action': 'exec', 'mode': None, 'storage': 's3'}},
            actions.with_defaults(entry, {'action': 'backup', 'mode': 'fs', 'storage': 's3'}),
        )

    def test_defaults_stand_in_for_an_absent_definition(self):
        for entry in ({}, {'freezer_action': None}, {'freezer_action': {}}):
            self.assertEqual(
                {'freezer_action': {'action': 'exec'}},
                actions.with_defaults(entry, {'action': 'exec'}),
            )

    def test_rules_among_defaults_go_to_the_entry(self):
        defaults = {'max_retries': 9, 'mandatory': True}
        self.assertEqual(
            {'freezer_action': {'action': 'exec'}, 'max_retries': 0, 'mandatory': True},
            actions.with_defaults(
                {'freezer_action': {'action': 'exec'}, 'max_retries': 0}, defaults
            ),
        )

    def test_mere_reference_takes_no_defaults(self):
        self.assertEqual(
            {'action_id': 'a'},
            actions.with_defaults({'action_id': 'a'}, {'action': 'exec', 'mandatory': True}),
        )

    def test_a_definition_of_nulls_alone_is_a_mere_reference(self):
        self.assertEqual(
            {'action_id': 'a'},
            actions.with_defaults({'action_id': 'a', 'freezer_action': {'mode': None}}, {}),
        )
        self.assertEqual(
            {'action_id': 'a'},
            actions.with_defaults({'freezer_action': {'mode': None, 'action_id': 'a'}}, {}),
        )

    def test_empty_action_id_is_dropped(self):
        self.assertEqual(
            {'freezer_action': {'action': 'exec'}},
            actions.with_defaults({'action_id': '', 'freezer_action': {'action': 'exec'}}, {}),
        )

    def test_what_is_no_definition_is_left_for_the_check(self):
        for value in ([], 'x', 0, False):
            self.assertEqual(
                {'freezer_action': value},
                actions.with_defaults({'freezer_action': value}, {'action': 'exec'}),
            )


class Resolving(unittest.TestCase):
    def test_a_mere_reference_takes_everything_from_the_action(self):
        self.assertEqual(
            [
                {
                    'action_id': 'a',
                    'freezer_action': BACKUP,
                    'max_retries': 1,
                    'max_retries_interval': 2,
                    'mandatory': True,
                }
            ],
            resolved({'action_id': 'a'}),
        )

    def test_rules_of_an_entry_override_the_action_s(self):
        (entry,) = resolved({'action_id': 'a', 'max_retries': 0, 'mandatory': False})
        self.assertEqual(0, entry['max_retries'])
        self.assertEqual(2, entry['max_retries_interval'])
        self.assertIs(False, entry['mandatory'])

    def test_a_null_rule_is_the_default_not_the_actions(self):
        (entry,) = resolved(
            {'action_id': 'a', 'max_retries': None, 'max_retries_interval': None, 'mandatory': None}
        )
        self.assertEqual(RULES, {key: entry[key] for key in RULES})

    def test_an_equal_definition_is_a_reference_whatever_nulls_it_has(self):
        (entry,) = resolved({'action_id': 'a', 'freezer_action': {**BACKUP, 'engine_name': None}})
        self.assertEqual(BACKUP, entry['freezer_action'])

    def test_a_definition_is_the_action_s_for_defaults_fill_it_before(self):
        (entry,) = resolved(
            {'action_id': 'a', 'freezer_action': {'action': 'backup'}}, defaults=BACKUP
        )
        self.assertEqual(BACKUP, entry['freezer_action'])

    def test_another_definition_makes_another_action(self):
        for definition in (
            {'action': 'backup'},
            {**BACKUP, 'mode': 'nova'},
            {**BACKUP, 'extra': 0},
        ):
            found = actions.resolve(
                entries({'action_id': 'a'}, {'action_id': 'a', 'freezer_action': definition}),
                STORED,
            )
            self.assertEqual(['a', 'new1'], ids(found.entries))
            new = {'action_id': 'new1', 'freezer_action': definition, **RULES}
            self.assertEqual(new, found.entries[1])
            self.assertEqual({'new1': new}, found.actions_to_create)

    def test_definitions_are_compared_as_json_values(self):
        stored = {
            'a': documents.Document(
                documents.ACTIONS,
                'p',
                'a',
                1,
                0,
                {
                    **ACTION,
                    'freezer_action': {
                        'action': 'exec',
                        'dry': True,
                        'level': 1,
                        'paths': ['x', {'y': 0}],
                    },
                },
            )
        }
        same = {
            'paths': ['x', {'y': -0.0}],
            'action': 'exec',
            'dry': True,
            'level': 1.0,
            'mode': None,
        }
        self.assertEqual(
            {},
            actions.resolve(
                entries({'action_id': 'a', 'freezer_action': same}), stored
            ).actions_to_create,
        )
        for other in (
            {'dry': 1},
            {'level': True},
            {'paths': ['x']},
            {'paths': ['x', {'y': False}]},
            {'paths': {}},
            {'level': '1'},
            {'level': 1.5},
            {'level': None},
        ):
            found = actions.resolve(
                entries({'action_id': 'a', 'freezer_action': {**same, **other}}), stored
            )
            self.assertEqual(['new0'], [*found.actions_to_create], other)

    def test_an_action_that_is_not_there_is_made_under_its_id(self):
        definition = {'action': 'exec'}
        found = actions.resolve(
            entries(
                {'action_id': 'x', 'freezer_action': definition, 'max_retries': 2},
                {'action_id': 'x'},
                {'action_id': 'x', 'freezer_action': definition},
                {'action_id': 'x', 'freezer_action': BACKUP},
            ),
            STORED,
        )
        self.assertEqual(['x', 'x', 'x', 'new3'], ids(found.entries))
        self.assertEqual(
            {
                'x': {'action_id': 'x', 'freezer_action': definition, **RULES, 'max_retries': 2},
                'new3': {'action_id': 'new3', 'freezer_action': BACKUP, **RULES},
            },
            found.actions_to_create,
        )
        self.assertEqual([2, 2, 2, 5], [entry['max_retries'] for entry in found.entries])

    def test_an_equal_action_of_the_job_serves_again(self):
        present = resolved(
            {'freezer_action': {'action': 'exec'}, 'max_retries': 9}, {'action_id': 'a'}
        )
        for body, rules in (
            ({'freezer_action': {'action': 'exec', 'mode': None}}, RULES),
            ({'freezer_action': {'action': 'exec'}, 'max_retries': 3}, {**RULES, 'max_retries': 3}),
            ({'action_id': 'a', 'freezer_action': {'action': 'exec'}}, RULES),
        ):
            found = actions.resolve(entries(body), STORED, present)
            self.assertEqual([{**present[0], **rules}], found.entries)
            self.assertEqual({}, found.actions_to_create)
        # What is there under the id that is named goes first, and one that isn't there is made.
        self.assertEqual(
            ['a'], ids(resolved({'action_id': 'a', 'freezer_action': BACKUP}, present=present))
        )
        self.assertEqual(
            ['x'],
            ids(
                resolved({'action_id': 'x', 'freezer_action': {'action': 'exec'}}, present=present)
            ),
        )

    def test_the_same_request_has_the_same_effect_again(self):
        exec_, info = {'freezer_action': {'action': 'exec'}}, {'freezer_action': {'action': 'info'}}
        for bodies in (
            (exec_, exec_, info),
            (exec_, {'action_id': 'a', **exec_}, {'action_id': 'a'}),
            ({'action_id': 'a', **exec_}, {'action_id': 'a', **exec_}),
            ({'action_id': 'x', **info}, info),
            ({'action_id': 'a', 'freezer_action': BACKUP}, {'freezer_action': BACKUP}),
        ):
            first = resolved(*bodies)
            self.assertEqual(first, resolved(*bodies, present=first))
        first = resolved(exec_)
        shared = resolved(exec_, exec_, present=first)
        self.assertEqual(['new0', 'new0'], ids(shared))
        self.assertEqual(shared, resolved(exec_, exec_, present=shared))

    def test_an_unknown_action_is_refused(self):
        with self.assertRaises(exceptions.Unprocessable) as caught:
            resolved({'freezer_action': {'action': 'exec'}}, {'action_id': 'zz'})
        self.assertEqual(
            'job_actions[1].action_id: action zz could not be found.', caught.exception.message
        )

    def test_an_entry_without_reference_makes_an_action(self):
        wanted = entries(
            {'freezer_action': {'action': 'exec'}, 'max_retries': 2, 'mandatory': None}
        )
        self.assertEqual(
            [
                {
                    'action_id': 'new0',
                    'freezer_action': {'action': 'exec'},
                    **RULES,
                    'max_retries': 2,
                }
            ],
            actions.resolve(wanted, {}).entries,
        )
        self.assertEqual(
            {
                'new0': {
                    'action_id': 'new0',
                    'freezer_action': {'action': 'exec'},
                    **RULES,
                    'max_retries': 2,
                }
            },
            actions.resolve(wanted, {}).actions_to_create,
        )

    def test_order_is_kept_and_an_action_may_come_twice(self):
        made = {'freezer_action': {'action': 'exec'}}
        bodies = ({'action_id': 'a'}, made, {'action_id': 'a'}, made)
        self.assertEqual(['a', 'new1', 'a', 'new3'], ids(resolved(*bodies)))
        self.assertEqual(
            {'new1', 'new3'}, actions.resolve(entries(*bodies), STORED).actions_to_create.keys()
        )


class Alone(unittest.TestCase):
    def test_a_new_action_has_the_defaults(self):
        self.assertEqual(
            {
                'action_id': 'x',
                'project_id': 'p',
                'user_id': 'u',
                'freezer_action': BACKUP,
                **RULES,
            },
            actions.created('x', 'p', 'u', {'freezer_action': BACKUP}),
        )

    def test_a_patch_merges_inside_the_definition_and_omitted_keys_stay(self):
        patched = actions.patched(
            ACTION,
            {'freezer_action': {'mode': 'nova', 'storage': None, 'new-key': [1]}, 'max_retries': 0},
        )
        self.assertEqual(
            {
                **ACTION,
                'max_retries': 0,
                'freezer_action': {
                    'action': 'backup',
                    'mode': 'nova',
                    'storage': None,
                    'backup_name': 'n',
                    'new-key': [1],
                },
            },
            patched,
        )
        self.assertEqual(ACTION, actions.patched(ACTION, {}))
