"""A session beside its runs: what its callers set and change, how it is shown and kept, how jobs
enter and leave it.
"""

import dataclasses
import unittest

from freezer_api import exceptions
from freezer_api.domain import (
    documents,
    links,
    membership,
    run_state,
    runs,
    session_index,
    session_state,
    sessions,
)
from freezer_api.domain.documents import Precondition
from freezer_api.domain.session_state import Member, Session

NOW = 1_700_000_000_500_000
KEYS = {
    'session_id',
    'project_id',
    'user_id',
    'description',
    'session_tag',
    'hold_off',
    'schedule',
    'status',
    'result',
    'time_start',
    'time_end',
    'time_started',
    'time_ended',
    'jobs',
}


def made(**body):
    return sessions.create('p', 's', 'u', {'schedule': {}, **body}, NOW)


def job(**changes):
    return {
        'job_id': 'j',
        'client_id': 'c',
        'session_id': '',
        'session_tag': 0,
        'job_schedule': {
            'schedule_date': '2030-01-01',
            'event': '',
            'status': 'running',
            'result': '',
            'time_started': 5,
        },
        **changes,
    }


class Schedule(unittest.TestCase):
    def test_schedule_is_made_of_the_body_and_its_aliases(self):
        for name, body, expected in (
            ('none', {}, None),
            ('null', {'schedule': None}, None),
            ('empty', {'schedule': {}}, {}),
            ('given', {'schedule': {'a': 1}}, {'a': 1}),
            ('alias', {'event': 'start'}, {'event': 'start'}),
            ('null alias', {'event': None}, None),
            ('the other spelling', {'schedule_internval': 'x'}, {'schedule_interval': 'x'}),
            (
                'an alias wins',
                {'schedule': {'schedule_interval': 'x', 'b': 2}, 'schedule_interval': 'y'},
                {'schedule_interval': 'y', 'b': 2},
            ),
            ('a null stands for an absent key', {'schedule': {'a': None, 'b': 2}}, {'b': 2}),
        ):
            with self.subTest(name):
                self.assertEqual(expected, sessions.schedule_of(body))


class Callers(unittest.TestCase):
    def test_new_session_shows_its_defaults(self):
        body = made().body()
        self.assertEqual(KEYS, set(body))
        self.assertEqual(
            ('active', '', -1, -1, -1, -1, {}, 0, 30, ''),
            tuple(
                body[key]
                for key in (
                    'status',
                    'result',
                    'time_start',
                    'time_end',
                    'time_started',
                    'time_ended',
                    'jobs',
                    'session_tag',
                    'hold_off',
                    'description',
                )
            ),
        )

    def test_body_sets_callers_keys_only(self):
        session = made(
            session_tag=5,
            hold_off=0,
            description='d',
            jobs={'x': 1},
            user_id='other',
            status='running',
        )
        self.assertEqual(5, session.tag)
        self.assertEqual(0, session.hold_off)
        self.assertEqual('d', session.description)
        self.assertEqual({}, session.members)
        self.assertEqual('u', session.user_id)
        self.assertIsNone(session.run)
        self.assertEqual(NOW, session.created)
        nulls = made(session_tag=None, hold_off=None, description=None)
        self.assertEqual(0, nulls.tag)
        self.assertEqual(30, nulls.hold_off)
        self.assertEqual('', nulls.description)

    def test_restore_cannot_be_set_by_callers(self):
        restore = {'session_id': 's', 'session_tag': 1, 'mode': 'restore'}
        self.assertNotIn('restore', made(restore=restore).body())
        session = dataclasses.replace(made(), restore=restore)
        for changed in (
            session,
            sessions.patch(session, {'restore': {}}),
            sessions.replace(session, {'schedule': {}}),
        ):
            self.assertEqual(restore, changed.body()['restore'])
            self.assertEqual(changed, Session.load('p', 's', changed.dump(), {}, 1, NOW))

    def test_session_without_schedule_is_refused(self):
        with self.assertRaisesRegex(exceptions.InvalidInput, 'schedule: is required'):
            sessions.create('p', 's', 'u', {'description': 'd'}, NOW)
        self.assertEqual(
            {'event': 'start'}, sessions.create('p', 's', 'u', {'event': 'start'}, NOW).schedule
        )

    def test_patch_changes_what_it_names(self):
        before = made(
            session_tag=5,
            description='d',
            hold_off=10,
            schedule={'schedule_date': 'x', 'schedule_day': '1'},
        )
        for name, body, changes in (
            ('nothing', {}, {}),
            (
                'nulls',
                {'schedule': None, 'hold_off': None, 'description': None, 'session_tag': None},
                {},
            ),
            (
                'the schedule is replaced',
                {'schedule': {'schedule_day': '2'}},
                {'schedule': {'schedule_day': '2'}},
            ),
            ('and cleared', {'schedule': {}}, {'schedule': {}}),
            (
                'aliases merge',
                {'schedule_interval': 'y'},
                {'schedule': {**before.schedule, 'schedule_interval': 'y'}},
            ),
            (
                'an interval beside a schedule',
                {'schedule': {}, 'schedule_internval': 'y'},
                {'schedule': {'schedule_interval': 'y'}},
            ),
            ('an event', {'event': 'start'}, {}),
            (
                'an event beside a schedule',
                {'schedule': {'event': 'abort'}, 'event': 'stop'},
                {'schedule': {'event': 'abort'}},
            ),
            (
                'an event beside an interval',
                {'schedule_interval': 'y', 'event': 'start'},
                {'schedule': {**before.schedule, 'schedule_interval': 'y'}},
            ),
            ('description', {'description': ''}, {'description': ''}),
            ('no hold-off', {'hold_off': 0}, {'hold_off': 0}),
            ('a lower tag', {'session_tag': 4}, {}),
            ('an equal one', {'session_tag': 5}, {}),
            ('a higher one', {'session_tag': 6}, {'tag': 6}),
        ):
            with self.subTest(name):
                self.assertEqual(
                    dataclasses.replace(before, **changes), sessions.patch(before, body)
                )

    def test_tag_cannot_change_while_a_run_is_going_on(self):
        going = runs.start(run_state.joined(made(), 'j', 'c'), 'j', 0, NOW).session
        with self.assertRaisesRegex(exceptions.Conflict, 'session_tag'):
            sessions.patch(going, {'session_tag': 2})
        self.assertEqual(going, sessions.patch(going, {'session_tag': 1}))
        over = runs.end(going, 'j', None, 'success', NOW, None).session
        self.assertEqual(2, sessions.patch(over, {'session_tag': 2}).tag)

    def test_replace_keeps_members_run_and_tag(self):
        going = runs.start(
            run_state.joined(made(description='d', hold_off=10), 'j', 'c'), 'j', 0, NOW
        ).session
        replaced = sessions.replace(going, {'schedule': {'schedule_day': '1'}, 'session_tag': 50})
        self.assertEqual(
            dataclasses.replace(going, description='', hold_off=30, schedule={'schedule_day': '1'}),
            replaced,
        )
        with self.assertRaises(exceptions.InvalidInput):
            sessions.replace(going, {})


class Kept(unittest.TestCase):
    def test_stored_session_is_loaded_unchanged(self):
        opened = runs.start(
            run_state.joined(made(schedule={'event': 'start'}), 'j', 'c'), 'j', 0, NOW
        ).session
        for session in (made(), opened, run_state.left(opened, 'j', NOW)):
            loaded = Session.load(
                'p', 's', session.dump(), session.members, session.version, session.created
            )
            self.assertEqual(session, loaded)

    def test_members_are_shown_in_one_order(self):
        session = dataclasses.replace(made(), members={id: Member('c') for id in 'bca'})
        self.assertEqual(['a', 'b', 'c'], list(session.body()['jobs']))

    def test_document_has_version_and_etag_of_the_session(self):
        session = dataclasses.replace(made(), version=3)
        document = session.document()
        self.assertEqual('sessions', document.kind)
        self.assertEqual('p', document.project_id)
        self.assertEqual('s', document.id)
        self.assertEqual(3, document.version)
        self.assertEqual(NOW, document.created)
        self.assertEqual(session.body(), document.body)
        self.assertEqual(document.etag, session.etag)
        self.assertNotEqual(session.etag, dataclasses.replace(session, created=NOW + 1).etag)


class Joining(unittest.TestCase):
    def test_attached_job_takes_tag_and_schedule(self):
        session = made(
            session_tag=3, schedule={'schedule_day': '1', 'event': 'start', 'status': 'scheduled'}
        )
        member, attached = membership.attach(session, job())
        self.assertEqual({'j': Member('c')}, member.members)
        self.assertEqual('s', attached['session_id'])
        self.assertEqual(3, attached['session_tag'])
        self.assertEqual(
            {
                'schedule_day': '1',
                'event': 'start',
                'status': 'scheduled',
                'result': '',
                'time_started': 5,
            },
            attached['job_schedule'],
        )
        self.assertEqual((member, attached), membership.attach(member, attached))

    def test_an_event_goes_along_only_where_there_is_one(self):
        attached = membership.attach(made(), job())[1]
        self.assertEqual(
            {'event': '', 'status': 'running', 'result': '', 'time_started': 5},
            attached['job_schedule'],
        )

    def test_detached_job_is_told_to_stop(self):
        attached = membership.attach(made(session_tag=3, schedule={'schedule_day': '1'}), job())[1]
        self.assertEqual(
            job(
                job_schedule={'event': 'stop', 'status': 'running', 'result': '', 'time_started': 5}
            ),
            membership.detach(attached),
        )

    def test_a_schedule_reaches_a_member_without_its_event(self):
        changed = membership.scheduled_by(
            job(), {'schedule_day': '2', 'event': 'abort', 'status': 'stop'}
        )
        self.assertEqual(
            {
                'schedule_day': '2',
                'event': '',
                'status': 'running',
                'result': '',
                'time_started': 5,
            },
            changed['job_schedule'],
        )


class Links(unittest.TestCase):
    JOB = {
        'job_actions': [
            {'action_id': 'a', 'freezer_action': {'action': 'backup'}, 'mandatory': True},
            {'action_id': 'b', 'freezer_action': {'action': 'info'}},
            {'action_id': 'a', 'freezer_action': {'action': 'backup'}, 'max_retries': 1},
        ]
    }

    def test_every_entry_follows_and_keeps_what_is_its_own(self):
        self.assertEqual({'a', 'b'}, links.action_ids(self.JOB))
        new = {'freezer_action': {'action': 'restore'}, 'mandatory': False}
        entries = links.relinked(self.JOB, 'a', new)['job_actions']
        self.assertEqual(
            [{'action': 'restore'}, {'action': 'info'}, {'action': 'restore'}],
            [entry['freezer_action'] for entry in entries],
        )
        self.assertIs(True, entries[0]['mandatory'])
        self.assertEqual(1, entries[2]['max_retries'])

    def test_entries_of_an_action_that_is_gone_go(self):
        self.assertEqual(
            ['b'],
            [entry['action_id'] for entry in links.relinked(self.JOB, 'a', None)['job_actions']],
        )


class Preconditions(unittest.TestCase):
    def test_preconditions_fit_as_in_the_table(self):
        session = made()
        other = dataclasses.replace(session, version=2)
        for current, match, none_match, fits in (
            (session, None, None, True),
            (None, None, None, True),
            (session, (session.etag,), None, True),
            (session, (other.etag,), None, False),
            (session, ('x', session.etag), None, True),
            (session, ('*',), None, True),
            (None, ('*',), None, False),
            (None, (session.etag,), None, False),
            (session, (), None, False),
            (session, None, ('*',), False),
            (None, None, ('*',), True),
            (session, None, (session.etag,), False),
            (session, None, (other.etag,), True),
            (session, (session.etag,), (session.etag,), False),
        ):
            with self.subTest(current=current, match=match, none_match=none_match):
                precondition = Precondition(match, none_match)
                if fits:
                    precondition.check(current)
                else:
                    self.assertRaises(exceptions.PreconditionFailed, precondition.check, current)

    def test_ids_with_other_characters_do_not_match(self):
        for id in ('a', '0', '_', 'a.b-c_D', 'x' * 255):
            self.assertTrue(documents.ID.match(id), id)
        for id in ('', '.', '-a', 'a b', 'a/b', 'é', 'a\n', 'x' * 256, 'a\0'):
            self.assertFalse(documents.ID.match(id), id)


class FoundAlike(unittest.TestCase):
    def test_any_added_field_changes_the_index(self):
        """What a session has beside its members' progress makes its index anew where it changes."""
        prioritised = dataclasses.make_dataclass(
            'Prioritised', [('priority', int, 0)], bases=(session_state.Session,), frozen=True
        )
        old = prioritised('p', 's', 'user', members={'j': session_state.Member('c')})
        self.assertTrue(session_index.has_same_index(old, dataclasses.replace(old, version=2)))
        self.assertFalse(session_index.has_same_index(old, dataclasses.replace(old, priority=1)))
        one, true = (dataclasses.replace(old, schedule={'x': value}) for value in (1, True))
        self.assertFalse(session_index.has_same_index(one, true))
        for field in dataclasses.fields(session_state.Session):
            if field.name not in ('members', 'version', 'created', 'succeeded'):
                other = dataclasses.replace(old, **{field.name: object()})
                self.assertFalse(session_index.has_same_index(old, other), field.name)
