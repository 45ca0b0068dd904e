"""What holds for every plan, whatever jobs and agents have said; and the date, held against a model
of an agent's storage.
"""

import collections
import dataclasses
import datetime
import math
import unittest

import hypothesis
from hypothesis import strategies as st

from freezer_api.domain import (
    agents,
    clients,
    definitions,
    documents,
    restore_actions,
    restore_keys,
    restore_plans,
    restore_sources,
    restores,
)
from freezer_api.domain.documents import Document
from freezer_api.domain.restore_plans import Member, Order, Wish
from tests import base

base.explore()

#: What every release of the agent knows.
KNOWN = frozenset.intersection(*(frozenset(agents.options(version)) for version in agents.VERSIONS))
#: How many plans and dates have been looked at, for who asks.
CASES: collections.Counter = collections.Counter()
CLIENT = clients.registered(None, 'p', 'u', {'client_id': 'c'}, 'uuid')['client']
HARMFUL = {'remove_older_than', 'remove_from_date', 'remove_before_date', 'fullbackup_rotation'}
VALUE = (
    st.none()
    | st.booleans()
    | st.integers(-5, 2**40)
    | st.text(max_size=8)
    | st.lists(st.text(max_size=2), max_size=2)
)
KEYS = sorted({key for version in agents.VERSIONS for key in agents.options(version)})
SPELT = (
    st.sampled_from(KEYS).map(lambda key: key.replace('_', '-'))
    | st.sampled_from(KEYS)
    | st.text(max_size=8)
)
CHOSEN = {
    **{
        key: st.sampled_from(values) | st.none()
        for key, values in definitions.CHOICES.items()
        if key != 'engine'
    },
    'engine_name': st.sampled_from(definitions.CHOICES['engine']) | st.none(),
    'backup_name': st.sampled_from(('etc', '{mode}-{resource_id}', '{', '{x}', '100%')),
    'container': st.sampled_from(('c', '/b')),
    'path_to_backup': st.sampled_from(('/etc', 'C:\\data', '/../x')),
    'hostname': st.sampled_from(('web', 'db')),
}
TOLD = {
    'cinder_backup_id': st.just('n'),
    'consistency_checksum': st.just('f0'),
    'nova_inst_id': st.just('i'),
    'client_version': st.sampled_from(('18.0.0', '19.0.0')),
}


@st.composite
def drawn_definitions(draw):
    """An action as callers may have written it."""
    known = draw(st.fixed_dictionaries({}, optional=CHOSEN))
    return {
        **draw(st.dictionaries(SPELT, VALUE, max_size=6)),
        **known,
        'action': draw(st.sampled_from(('backup',) * 5 + ('admin',))),
    }


@st.composite
def documents_(draw, definition):
    """A backup's document, mostly one that the action made."""
    plain = restore_sources.scalars(definition)
    filled = {**agents.DEFAULTS, **plain, 'hostname': plain.get('hostname', 'web')}
    told = {
        **filled,
        'backup_name': draw(
            st.sampled_from(sorted(agents.names(str(filled['backup_name']), filled)))
        ),
    }
    told['time_stamp'] = draw(st.integers(0, 2**34))
    told |= draw(st.fixed_dictionaries({}, optional=TOLD))
    status = 'available'
    if draw(st.booleans()):
        told |= draw(st.dictionaries(SPELT, VALUE, max_size=5))
        told |= draw(st.fixed_dictionaries({}, optional={**CHOSEN, 'time_stamp': VALUE}))
        status = draw(st.sampled_from(('available', 'deleted', 'error')))
    body = {
        'backup_id': 'b',
        'project_id': 'p',
        'user_id': 'u',
        'status': status,
        'backup_metadata': told,
    }
    return Document(
        documents.BACKUPS, 'p', 'b', 1, draw(st.integers(0, 2**34)) * documents.SECOND, body
    )


@st.composite
def members(draw, job_id):
    """A member of a run."""
    made = draw(st.lists(drawn_definitions(), min_size=1, max_size=2))
    known = made if draw(st.booleans()) else None
    sources = [restore_sources.source(draw(documents_(definition)), known) for definition in made]
    return Member(
        job_id, 'c', draw(st.sampled_from(('success',) * 5 + ('fail',))), restores.latest(sources)
    )


def orders():
    """What requests want."""
    path = st.none() | st.sampled_from(('/r', '/r/s'))
    wish = st.builds(
        Wish, client_id=st.none(), path=path, overwrite=st.booleans(), skip=st.booleans()
    )
    return st.builds(
        Order,
        mode=st.sampled_from(restore_plans.MODES),
        client_id=st.none(),
        path_prefix=path,
        path=path,
        allow_incomplete=st.booleans(),
        wishes=st.dictionaries(st.sampled_from(('j', 'k')), wish),
    )


class TestPlans(unittest.TestCase):
    @hypothesis.settings(max_examples=hypothesis.settings().max_examples * 4)
    @hypothesis.given(members('j'), members('k'), orders())
    def test_every_plan_is_sound_or_tells_its_problems(self, first, second, order):
        plan = restores.plan('s', 1, 'completed', [first, second], order, {'c': CLIENT})
        against = {problem['job_id'] for problem in plan.problems}
        self.assertTrue(all(problem['code'] and problem['text'] for problem in plan.problems))
        self.assertEqual(
            plan.complete,
            not plan.problems and not any(wish.skip for wish in order.wishes.values()),
        )
        for step in plan.steps:
            CASES['steps'] += 1
            self._check(step, order)
            if step.job_id not in against:
                CASES['steps without problems'] += 1
                self._check_sound(step)

    def _check(self, step, order):
        action = step.action
        self.assertEqual(set(), set(action) - KNOWN)
        self.assertEqual(
            set(),
            set(action)
            & (HARMFUL | {'path_to_backup', 'exclude', 'snapshot', 'incremental', 'max_level'}),
        )
        self.assertEqual('restore', action['action'])
        self.assertEqual(order.wish(step.job_id).overwrite, action.get('overwrite', False))
        self.assertEqual(order.mode == restore_plans.READ, action.get('dry_run', False))
        self.assertNotIn(None, action.values())

    def _check_sound(self, step):
        """An agent can act on it."""
        action = step.action
        self.assertFalse(any('%' in str(value) for value in action.values()), action)
        self.assertIn(action['mode'], restore_keys.MODE_KEYS)
        if action['mode'] == 'cindernative':
            self.assertTrue(action['cindernative_backup_id'])
            return
        self.assertNotIn(action['engine_name'], ('rsync', 'rsyncv2'))
        for key in ('storage', 'container', 'hostname', 'backup_name', 'restore_from_date'):
            self.assertTrue(action[key], key)
        self.assertRegex(action['restore_from_date'], r'\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\Z')
        if action['mode'] in agents.FILES:
            self.assertTrue(action['restore_abs_path'])


#: Raw names, none of which is called what another one is called.
RAW = ('etc', 'etc_{mode}', '{resource_id}-{container}', '{{braces}}', 'as_is_{unknown}')


@dataclasses.dataclass
class Made:
    """One backup of the model: its document, and what the storage has of it."""

    document: Document
    action: dict
    place: tuple
    stamp: int
    level: int


class Machine:
    """A machine that backs up by several jobs at once, as the agent does, with a clock that is
    ``offset`` seconds ahead.
    """

    def __init__(self, host, offset, version):
        self.host, self.offset, self.version = host, offset, version
        #: Chains by place, each a list of backups by level.
        self.chains = collections.defaultdict(list)
        self.free = collections.defaultdict(float)

    def back_up(self, raw, container, mode, begins, snapshot, upload, full):
        """Make a backup; the moments are seconds on the server's clock. One of a place begins when
        the last is recorded.
        """
        key = (raw, container)
        begins = max(begins, self.free[key])
        stamped, recorded = begins + snapshot, begins + snapshot + upload
        self.free[key] = recorded + 1
        place = 'local', container, 'tar', f'{self.host}_{raw}'
        action = {
            'action': 'backup',
            'mode': mode,
            'storage': 'local',
            'container': container,
            'backup_name': raw,
        }
        told = {
            **action,
            'hostname': self.host,
            'engine_name': 'tar',
            'path_to_backup': '/etc',
            'client_version': self.version,
            'time_stamp': math.floor(begins + self.offset),
            'backup_name': self._called(raw, mode, container),
        }
        id = f'{self.host}-{raw}-{container}-{begins}'
        body = {
            'backup_id': id,
            'project_id': 'p',
            'user_id': 'u',
            'status': 'available',
            'backup_metadata': told,
        }
        document = Document(documents.BACKUPS, 'p', id, 1, round(recorded * documents.SECOND), body)
        chains = self.chains[place]
        level = 0 if full or not chains else len(chains[-1])
        made = Made(document, action, place, math.floor(stamped + self.offset), level)
        chains.append([made]) if level == 0 else chains[-1].append(made)
        return made

    def _called(self, raw, mode, container):
        if self.version == '18.0.0':
            return raw
        try:
            return raw.format(
                mode=mode,
                backup_media='fs',
                storage='local',
                container=container,
                project_id='',
                resource_id=self.host,
            )
        except KeyError:
            return raw

    def restored(self, place, until):
        """What the agent restores: of the last chain that is old enough the last increment that
        is.
        """
        chains = [chain for chain in self.chains[place] if chain[0].stamp <= until]
        if not chains:
            return None
        chain = max(chains, key=lambda chain: chain[0].stamp)
        return max((made for made in chain if made.stamp <= until), key=lambda made: made.level)


BACKUP = st.tuples(
    st.sampled_from(('web', 'db')),
    st.sampled_from(RAW),
    st.sampled_from(('/a', '/b')),
    st.sampled_from(sorted(agents.FILES)),
    st.floats(0, 4000),
    st.sampled_from((0, 1, 5, 300)) | st.floats(0, 900),
    st.floats(0, 3000),
    st.booleans(),
)
#: Beyond a minute ahead no date is right, and NTP is asked for; behind, any clock may be.
OFFSETS = st.floats(-90_000, 60)


class TestDates(unittest.TestCase):
    @hypothesis.settings(max_examples=hypothesis.settings().max_examples * 4)
    @hypothesis.given(
        st.lists(BACKUP, min_size=1, max_size=12),
        OFFSETS,
        OFFSETS,
        st.sampled_from(('18.0.0', '19.0.0')),
    )
    def test_the_date_selects_the_very_backup(self, wanted, web, db, version):
        machines = {
            'web': Machine('web', 1_700_000_000 + web, version),
            'db': Machine('db', 1_700_000_000 + db, version),
        }
        made = [
            (host, machines[host].back_up(*rest))
            for host, *rest in sorted(wanted, key=lambda backup: backup[4])
        ]
        every = [one.document for _host, one in made]
        for host, one in made:
            # The model counts from 0 on the server's clock.
            at = dataclasses.replace(
                one.document, created=one.document.created + 1_700_000_000 * documents.SECOND
            )
            source = restore_sources.with_following(restore_sources.source(at, [one.action]), every)
            self.assertTrue(source.fits)
            action = restore_actions.compose(source, '/r')
            place = (
                action['storage'],
                action['container'],
                action['engine_name'],
                f'{action["hostname"]}_{action["backup_name"]}',
            )
            self.assertEqual(one.place, place)
            until = datetime.datetime.fromisoformat(
                action['restore_from_date'] + '+00:00'
            ).timestamp()
            self.assertIs(one, machines[host].restored(place, until))
            CASES['dates'] += 1

    def test_a_clock_too_far_ahead_misses(self):
        """The model tells a wrong date from a right one."""
        machine = Machine('web', 1_700_000_000 + 400, '19.0.0')
        one = machine.back_up('etc', '/a', 'fs', 0, 300, 1, True)
        at = dataclasses.replace(
            one.document, created=one.document.created + 1_700_000_000 * documents.SECOND
        )
        date = restore_sources.date(restore_sources.source(at, [one.action]))
        until = datetime.datetime.fromisoformat(f'{date}+00:00').timestamp()
        self.assertIsNone(machine.restored(one.place, until))
