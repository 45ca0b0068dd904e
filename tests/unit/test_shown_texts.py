"""The text that a database keeps of a session to show it: the same, as long as its format is."""

import dataclasses
import hashlib

import testtools

from freezer_api.db.sqlalchemy.sessions import shown_texts
from freezer_api.domain import documents
from freezer_api.domain.session_state import Member, Run, Session

#: Of the texts of sessions with all fields, by the format. A line is never changed, but for one
#: that no release has had.
DIGESTS = {'1': '4d0f8d029623515595dbc864d0d41e0c'}
CHANGED = """
What is shown of a session is not what it was. Processes of both releases use the same database
while it is upgraded, and must not take the text of the other for their own: raise FORMAT in
freezer_api/db/sqlalchemy/sessions/shown_texts.py, and add the digest here.
"""
SESSION = Session(
    'project',
    'session',
    'user',
    'description',
    tag=3,
    hold_off=60,
    schedule={'schedule_interval': '1 days'},
    run=Run(3, 60, 5_000_000, 'completed', 'success', 6_000_000),
    members={'job': Member('client', 'completed', 'success', 5, 6, counted=True)},
    version=7,
    created=1,
    restore={'session_id': 'other', 'session_tag': 1},
)
SESSIONS = (
    SESSION,
    Session('project', 'bare', 'user'),
    dataclasses.replace(SESSION, run=Run(3, 60, 5_000_000)),
)


def load(session, now=0):
    """What is read of a session's row."""
    return shown_texts.load('project', f'{session.version} {shown_texts.dump(session)}', now)


class TestTexts(testtools.TestCase):
    def test_text_of_a_format_stays_the_same(self):
        texts = [shown_texts.dump(session) for session in SESSIONS]
        digest = hashlib.blake2b('\n'.join(texts).encode(), digest_size=16).hexdigest()
        self.assertEqual(DIGESTS.get(shown_texts.FORMAT), digest, CHANGED)

    def test_text_is_loaded_as_the_document_of_its_session(self):
        for session in SESSIONS:
            loaded = load(session)
            self.assertEqual(session.document(), loaded)
            self.assertEqual(list(session.body()), list(loaded.body))

    def test_text_tells_when_the_run_lapses(self):
        running = SESSIONS[-1]
        self.assertEqual(65_000_000, running.settle_at)
        self.assertEqual(running.document(), load(running, now=65_000_000))
        self.assertIsNone(load(running, now=65_000_001))
        self.assertEqual(SESSION.document(), load(SESSION, now=10**18))

    def test_text_of_another_version_is_ignored(self):
        text = shown_texts.dump(SESSION)
        self.assertIsNone(shown_texts.load('project', f'8 {text}', 0))
        self.assertIsNone(shown_texts.load('project', f'7 9{text}', 0))
        self.assertIsNone(shown_texts.load('project', '7 no text', 0))
        self.assertIsNone(shown_texts.load('project', None, 0))

    def test_session_with_an_odd_id_has_no_text(self):
        for id in ('two words', 'line\nbreak', ''):
            self.assertIsNone(shown_texts.dump(Session('project', id, 'user')))

    def test_text_of_many_bytes_is_not_kept(self):
        """A page is promised to be no larger than so many of the largest."""
        for letter, number in (('x', 12_000), ('€', 10_000)):
            session = dataclasses.replace(SESSION, description=letter * number)
            self.assertIsNotNone(shown_texts.dump(session), letter)
        session = dataclasses.replace(SESSION, description='€' * 12_000)
        self.assertLess(documents.size(session.body()) // 3, shown_texts.MAX_LENGTH)
        self.assertIsNone(shown_texts.dump(session))

    def test_text_is_never_longer_than_the_longest(self):
        number, text = 0, ''
        while text is not None:
            self.assertLessEqual(len(text), shown_texts.MAX_LENGTH)
            number += 1
            members = {f'{each}': Member('', 'running') for each in range(number)}
            session = dataclasses.replace(SESSION, members=members)
            text = shown_texts.dump(session)
        # What is refused is too long.
        self.assertGreater(documents.size(session.body()) + 40, shown_texts.MAX_LENGTH)
