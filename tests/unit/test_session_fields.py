"""Every field of a session is taken, shown and kept; whoever adds one sees here what is missing.

A field that callers set under its own name is declared in the session and in the schema; all else
follows.
"""

import dataclasses

import testtools

from freezer_api.domain import sessions
from freezer_api.domain.session_state import SETTABLE, Member, Run, Session
from freezer_api.schemas import sessions as schemas

NOW = 1_700_000_000_500_000
#: The field where it has another name than its key in the body; aliases of parts of the schedule
#: are no fields.
FIELDS = {'session_tag': 'tag'}
KEYS = [key for key in schemas.SESSION['properties'] if key not in sessions.ALIASES]
#: A value for each key that a caller may set, other than the default.
VALUES = {
    'description': 'All of it',
    'session_tag': 7,
    'hold_off': 90,
    'schedule': {'schedule_interval': '1 days'},
}
#: Replacing a session leaves its tag as it is.
KEPT_BY_REPLACE = {'session_tag'}


def plain() -> Session:
    """A session with defaults alone."""
    return sessions.create('p', 's', 'u', {'schedule': {}}, NOW)


class TestFields(testtools.TestCase):
    def test_every_field_is_in_the_schemas(self):
        for schema in (schemas.SESSION, schemas.PATCH):
            self.assertEqual(set(), set(SETTABLE) - schema['properties'].keys())

    def test_every_key_has_a_value_here(self):
        self.assertEqual(sorted(KEYS), sorted(VALUES), 'add a value for the new key to VALUES')
        for key, value in VALUES.items():
            self.assertEqual({key: value}, schemas.patch({key: value}))

    def test_create_sets_every_field(self):
        body = schemas.session(VALUES)
        made = sessions.create('p', 's', 'u', body, NOW)
        for key, value in VALUES.items():
            self.assertEqual(value, getattr(made, FIELDS.get(key, key)), key)

    def test_replace_sets_every_field(self):
        made = sessions.replace(plain(), schemas.session(VALUES))
        for key in VALUES.keys() - KEPT_BY_REPLACE:
            self.assertEqual(VALUES[key], getattr(made, FIELDS.get(key, key)), key)

    def test_replace_resets_absent_fields(self):
        changed = sessions.patch(plain(), schemas.session(VALUES))
        replaced = sessions.replace(changed, {'schedule': {}})
        for key in VALUES.keys() - KEPT_BY_REPLACE:
            field = FIELDS.get(key, key)
            self.assertEqual(getattr(plain(), field), getattr(replaced, field), key)

    def test_patch_sets_one_field_alone(self):
        for key, value in VALUES.items():
            field = FIELDS.get(key, key)
            patched = sessions.patch(plain(), schemas.patch({key: value}))
            self.assertEqual(dataclasses.replace(plain(), **{field: value}), patched, key)

    def test_patch_leaves_absent_and_null_fields(self):
        changed = sessions.patch(plain(), schemas.patch(VALUES))
        for body in ({}, dict.fromkeys(VALUES)):
            self.assertEqual(changed, sessions.patch(changed, body))
            self.assertEqual(changed, sessions.patch(changed, schemas.patch(body)))

    def test_body_shows_every_field(self):
        shown = sessions.create('p', 's', 'u', schemas.session(VALUES), NOW).body()
        for key, value in VALUES.items():
            self.assertEqual(value, shown.get(key), key)

    def test_stored_session_is_loaded_unchanged(self):
        """A value that differs from the default, in every field."""
        values = {
            'project_id': 'p',
            'session_id': 's',
            'user_id': 'somebody',
            'run': Run(7, 60, NOW),
            'members': {'j': Member('c')},
            'version': 3,
            'created': NOW,
            'restore': {'session_id': 's', 'session_tag': 1},
            'succeeded': 4,
            **{FIELDS.get(key, key): value for key, value in VALUES.items()},
        }
        fields = {field.name: field.default for field in dataclasses.fields(Session)}
        self.assertEqual(sorted(fields), sorted(values), 'add a value for the new field')
        for name, default in fields.items():
            self.assertNotEqual(default, values[name], name)
        stored = Session(**values)
        loaded = Session.load('p', 's', stored.dump(), stored.members, 3, NOW)
        for name in fields:
            self.assertEqual(getattr(stored, name), getattr(loaded, name), name)

    def test_session_of_the_first_release_is_read(self):
        """The keys that the first release stored are enough; this tuple is never changed."""
        first = ('user_id', 'description', 'tag', 'hold_off', 'schedule', 'run')
        stored = {key: value for key, value in plain().dump().items() if key in first}
        self.assertEqual(plain(), Session.load('p', 's', stored, {}, 1, NOW))
