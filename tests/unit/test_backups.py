"""Backups: what is taken from requests, what becomes of a document, and which run it belongs to."""

import copy
import unittest

import hypothesis
from hypothesis import strategies as st

from freezer_api import exceptions
from freezer_api.domain import backups
from freezer_api.domain.documents import BACKUPS, SECOND, Document
from freezer_api.domain.session_state import Record
from freezer_api.schemas import backups as schemas
from tests import base

base.explore()

DATA = {'backup_name': 'etc', 'container': 'c', 'hostname': 'h', 'time_stamp': 1_700_000_000}
WHOLE = {
    'backup_id': 'b',
    'project_id': 'p',
    'user_id': 'u',
    'status': 'available',
    'backup_metadata': DATA,
}
A_TEXT = 'must be a string.'
A_NAME = 'must be a string that is not empty.'
A_MOMENT = 'must be a number of seconds since 1970, in the years 1 to 9999.'
A_STATUS = "must be one of 'creating', 'available', 'error', 'deleting', 'deleted'."

STATUS = st.none() | st.sampled_from(backups.STATUSES)
FREE = (
    st.none()
    | st.text()
    | st.integers()
    | st.lists(st.booleans())
    | st.dictionaries(st.text(), st.floats(allow_nan=False))
)
#: Bodies of a new backup, and what is wrong with them.
REFUSED = (
    ({}, 'backup_name: is required.'),
    ({**DATA, 'backup_name': None}, 'backup_name: is required.'),
    ({**DATA, 'backup_name': ''}, f'backup_name: {A_NAME}'),
    ({**DATA, 'backup_name': 5}, f'backup_name: {A_NAME}'),
    ({'status': 'creating', 'container': 'c', 'hostname': 'h'}, 'backup_name: is required.'),
    ({**DATA, 'container': None}, 'container: is required.'),
    ({'backup_name': 'etc', 'container': 'c'}, 'hostname: is required.'),
    ({'backup_name': 'etc', 'status': 'available'}, 'container: is required.'),
    ({'backup_name': 'etc', 'status': 'deleted'}, 'container: is required.'),
    ({**DATA, 'container': ['c']}, f'container: {A_TEXT}'),
    ({**DATA, 'hostname': 5}, f'hostname: {A_TEXT}'),
    *(
        ({**DATA, 'time_stamp': stamp}, f'time_stamp: {A_MOMENT}')
        for stamp in ('now', ' 5', '5.0', '+5', '1e5', '٣', '5\n', '9' * 20, '9' * 5000)
    ),
    ({**DATA, 'time_stamp': True}, f'time_stamp: {A_MOMENT}'),
    ({**DATA, 'time_stamp': 1e300}, f'time_stamp: {A_MOMENT}'),
    ({**DATA, 'time_stamp': schemas.LATEST + 1}, f'time_stamp: {A_MOMENT}'),
    ({**DATA, 'time_stamp': schemas.EARLIEST - 1}, f'time_stamp: {A_MOMENT}'),
    ({**DATA, 'status': 'done'}, f'status: {A_STATUS}'),
    ({**DATA, 'status': ''}, f'status: {A_STATUS}'),
    ({**DATA, 'status': ['error']}, f'status: {A_STATUS}'),
    ({'backup_metadata': {**DATA, 'status': 'done'}}, f'status: {A_STATUS}'),
    ({'backup_metadata': []}, 'backup_metadata: must be an object.'),
    ({'backup_metadata': 'x', **DATA}, 'backup_metadata: must be an object.'),
    ({'backup_metadata': {}}, 'backup_metadata.backup_name: is required.'),
    (
        {'backup_metadata': {'backup_name': 'etc', 'container': 'c'}},
        'backup_metadata.hostname: is required.',
    ),
    ({'backup_metadata': {**DATA, 'backup_name': ''}}, f'backup_metadata.backup_name: {A_NAME}'),
)
#: Bodies of a new backup, its status and its metadata.
TAKEN = (
    (DATA, 'available', DATA),
    ({**DATA, 'status': None}, 'available', DATA),
    ({**DATA, 'status': 'deleted'}, 'deleted', DATA),
    (
        {**DATA, 'container': '', 'hostname': ''},
        'available',
        {**DATA, 'container': '', 'hostname': ''},
    ),
    ({'backup_name': 'etc', 'status': 'creating'}, 'creating', {'backup_name': 'etc'}),
    (
        {'backup_name': 'etc', 'status': 'error', 'container': None},
        'error',
        {'backup_name': 'etc', 'container': None},
    ),
    ({'backup_name': 'etc', 'status': 'deleting'}, 'deleting', {'backup_name': 'etc'}),
    (
        {**DATA, 'time_stamp': None, 'level': None},
        'available',
        {**DATA, 'time_stamp': ..., 'level': None},
    ),
    ({**DATA, 'time_stamp': ''}, 'available', {**DATA, 'time_stamp': ...}),
    ({**DATA, 'time_stamp': '1700000000'}, 'available', {**DATA, 'time_stamp': 1_700_000_000}),
    ({**DATA, 'time_stamp': '-5'}, 'available', {**DATA, 'time_stamp': -5}),
    ({**DATA, 'time_stamp': 1.5}, 'available', {**DATA, 'time_stamp': 1.5}),
    ({**DATA, 'time_stamp': schemas.LATEST}, 'available', {**DATA, 'time_stamp': schemas.LATEST}),
    (
        {**DATA, 'backup_id': 'gone', 'user_id': 'x'},
        'available',
        {**DATA, 'backup_id': 'gone', 'user_id': 'x'},
    ),
    ({**DATA, 'backup_metadata': None}, 'available', DATA),
    (WHOLE, 'available', DATA),
    ({**WHOLE, 'status': None}, 'available', DATA),
    ({'backup_metadata': {**DATA, 'status': 'error'}}, 'error', DATA),
    ({'backup_metadata': {**DATA, 'status': 'x'}, 'status': 'error'}, 'error', DATA),
    (
        {'backup_metadata': {**DATA, 'level': 1}, 'level': 2, 'mode': 'fs'},
        'available',
        {**DATA, 'level': 2, 'mode': 'fs'},
    ),
)
#: Bodies of a change, and what it makes of the document above.
PATCHED = (
    ({}, WHOLE),
    (WHOLE, WHOLE),
    (dict.fromkeys(WHOLE), WHOLE),
    ({'status': 'error'}, {**WHOLE, 'status': 'error'}),
    ({'backup_metadata': {'level': 1}}, {**WHOLE, 'backup_metadata': {**DATA, 'level': 1}}),
    (
        {'level': 1, 'status': 'deleted'},
        {**WHOLE, 'status': 'deleted', 'backup_metadata': {**DATA, 'level': 1}},
    ),
    (
        {'backup_id': 'x', 'project_id': 'x', 'user_id': 'x', 'level': 1},
        {**WHOLE, 'backup_metadata': {**DATA, 'level': 1}},
    ),
    (
        {'backup_metadata': {'level': 1}, 'level': 2},
        {**WHOLE, 'backup_metadata': {**DATA, 'level': 2}},
    ),
    (
        {'backup_metadata': {'backup_id': 'x'}},
        {**WHOLE, 'backup_metadata': {**DATA, 'backup_id': 'x'}},
    ),
    (
        {'backup_name': None, 'time_stamp': None, 'container': None},
        {**WHOLE, 'backup_metadata': {**DATA, 'container': None}},
    ),
    ({'time_stamp': ''}, WHOLE),
    ({'time_stamp': '5'}, {**WHOLE, 'backup_metadata': {**DATA, 'time_stamp': 5}}),
    ({'time_stamp': 5}, {**WHOLE, 'backup_metadata': {**DATA, 'time_stamp': 5}}),
)


def nested(levels: int) -> dict:
    """An object with that many levels."""
    value: dict = {}
    for _level in range(levels - 1):
        value = {'x': value}
    return value


class Requests(unittest.TestCase):
    def test_invalid_backup_is_refused_with_its_fault(self):
        for body, complaint in REFUSED:
            with self.subTest(body=body), self.assertRaises(exceptions.InvalidInput) as caught:
                schemas.backup(body)
            self.assertEqual(complaint, caught.exception.message)

    def test_valid_backup_is_parsed_and_left_untouched(self):
        for body, status, metadata in TAKEN:
            with self.subTest(body=body):
                before = copy.deepcopy(body)
                known = {key: value for key, value in metadata.items() if value is not ...}
                self.assertEqual({'status': status, 'backup_metadata': known}, schemas.backup(body))
                self.assertEqual(before, body)

    def test_invalid_patch_is_refused_with_its_fault(self):
        for body, complaint in (
            ({'backup_name': ''}, f'backup_name: {A_NAME}'),
            ({'time_stamp': 'now'}, f'time_stamp: {A_MOMENT}'),
            ({'hostname': {}}, f'hostname: {A_TEXT}'),
            ({'status': 'done'}, f'status: {A_STATUS}'),
            ({'backup_metadata': 5}, 'backup_metadata: must be an object.'),
            ({'backup_metadata': {'time_stamp': []}}, f'backup_metadata.time_stamp: {A_MOMENT}'),
        ):
            with self.subTest(body=body), self.assertRaises(exceptions.InvalidInput) as caught:
                schemas.patch(body)
            self.assertEqual(complaint, caught.exception.message)

    def test_backup_deeper_than_63_levels_is_refused(self):
        for levels, parse, body in (
            (63, schemas.backup, {**DATA, 'x': nested(62)}),
            (63, schemas.patch, {'x': [nested(61)]}),
        ):
            self.assertEqual(body['x'], parse(body)['backup_metadata']['x'], levels)
            with self.assertRaises(exceptions.InvalidInput) as caught:
                parse({**body, 'x': [body['x']]})
            self.assertEqual(
                'body: must not be nested deeper than 63 levels.',
                caught.exception.message,
            )


class Documents(unittest.TestCase):
    def test_created_backup_has_every_key(self):
        for body, status, metadata in TAKEN:
            made = backups.created('b', 'p', 'u', schemas.backup(body), 1_800_000_000_999_999)
            known = {
                'time_stamp': 1_800_000_000,
                **{key: value for key, value in metadata.items() if value is not ...},
            }
            self.assertEqual({**WHOLE, 'status': status, 'backup_metadata': known}, made)

    def test_patch_merges_metadata_and_keeps_the_ids(self):
        for body, changed in PATCHED:
            with self.subTest(body=body):
                before = copy.deepcopy(WHOLE)
                self.assertEqual(changed, backups.patched(WHOLE, schemas.patch(body)))
                self.assertEqual(before, WHOLE)

    @hypothesis.given(
        st.fixed_dictionaries(
            {},
            optional={
                'status': STATUS,
                'time_stamp': st.sampled_from([None, '', 5, 1.5]),
                'container': st.text(),
                'x': FREE,
                'backup_id': FREE,
                'project_id': FREE,
                'user_id': FREE,
                'backup_metadata': (
                    st.none()
                    | st.fixed_dictionaries(
                        {}, optional={'status': STATUS, 'x': FREE, 'backup_id': FREE}
                    )
                ),
            },
        )
    )
    def test_shown_backup_sent_back_changes_nothing(self, body):
        made = backups.created('b', 'p', 'u', schemas.backup({**DATA, **body}), 0)
        self.assertEqual(made, backups.patched(made, schemas.patch(made)))
        self.assertEqual(made, backups.created('b', 'p', 'u', schemas.backup(made), 0))
        self.assertEqual(
            ['backup_id', 'project_id', 'user_id', 'status', 'backup_metadata'], list(made)
        )
        self.assertEqual('b', made['backup_id'])
        self.assertEqual('p', made['project_id'])
        self.assertEqual('u', made['user_id'])


ENTRY = {
    'client_id': 'c',
    'status': 'completed',
    'result': 'success',
    'time_started': 100,
    'time_ended': 200,
}
RECORD = Record(
    3,
    'running',
    '',
    100,
    -1,
    {
        'done': ENTRY,
        'running': {**ENTRY, 'time_started': 150, 'time_ended': -1},
        'waiting': {**ENTRY, 'status': 'scheduled', 'time_started': -1, 'time_ended': -1},
    },
)


class Runs(unittest.TestCase):
    def belongs(self, created=0, **metadata):
        body = {**WHOLE, 'backup_metadata': metadata}
        return backups.belongs(Document(BACKUPS, 'p', 'b', 1, created, body), 's', RECORD)

    def test_backup_made_while_its_job_ran_belongs_to_the_run(self):
        for job_id, time_stamp in (
            ('done', 100),
            ('done', 150.5),
            ('done', 200),
            ('done', 200.9),
            ('running', 150),
            ('running', 10**9),
        ):
            self.assertTrue(
                self.belongs(job_id=job_id, time_stamp=time_stamp), (job_id, time_stamp)
            )
        for job_id, time_stamp in (
            ('done', 99),
            ('done', 99.9),
            ('done', 201),
            ('running', 149),
            ('waiting', -1),
            ('waiting', 150),
            ('other', 150),
            (None, 150),
            ('done', '150'),
            ('done', None),
            ('done', True),
            (['done'], 150),
        ):
            self.assertFalse(
                self.belongs(job_id=job_id, time_stamp=time_stamp), (job_id, time_stamp)
            )
        self.assertFalse(self.belongs(time_stamp=150))
        self.assertFalse(self.belongs(job_id='done'))

    def test_backup_recorded_while_its_job_ran_belongs_to_the_run(self):
        for second, inside in ((99.9, False), (100, True), (200.9, True), (201, False)):
            created = int(second * SECOND)
            self.assertEqual(inside, self.belongs(created, job_id='done'))
            self.assertEqual(inside, self.belongs(created, job_id='done', time_stamp=500))
            self.assertFalse(self.belongs(created, job_id='other', time_stamp=150))

    def test_backup_that_names_the_run_belongs_to_it(self):
        self.assertTrue(self.belongs(session_id='s', session_tag=3))
        self.assertTrue(self.belongs(session_id='s', session_tag=3, job_id='other', time_stamp=5))
        self.assertTrue(self.belongs(session_id='s', session_tag=2, job_id='done', time_stamp=150))
        self.assertTrue(self.belongs(session_id='s', session_tag=3.0))
        for session_id, tag in (
            ('s', 2),
            ('t', 3),
            ('s', True),
            ('s', '3'),
            ('s', None),
            (None, 3),
            ('s', 3.5),
            (['s'], 3),
        ):
            self.assertFalse(
                self.belongs(session_id=session_id, session_tag=tag), (session_id, tag)
            )


class RunsNamed(unittest.TestCase):
    """The run that a backup's metadata name."""

    def test_a_tag_that_no_run_has_names_none(self):
        for tag in (1e308, 2**31, -1, 1.5, True, '1', None):
            metadata = {'session_id': 's', 'session_tag': tag}
            self.assertIsNone(backups.run_of({'backup_metadata': metadata}), tag)

    def test_valid_tag_names_its_run(self):
        for tag in (0, 1, 1.0, 2**31 - 1):
            metadata = {'session_id': 's', 'session_tag': tag}
            self.assertEqual(('s', int(tag)), backups.run_of({'backup_metadata': metadata}))
