"""Backups: searches bounded in time, and those that belong to a run, as ``search.matches`` and
``backups.belongs`` define them.
"""

import random

from freezer_api import exceptions
from freezer_api.domain import backups, search, search_query
from freezer_api.domain.documents import BACKUPS
from freezer_api.domain.session_state import Record
from freezer_api.tests.contract import bodies

DAY, NOW = 86_400, 1_700_000_000
#: What backups say of their time, by id; the last ones are no time at all.
STAMPS = {
    'zero': 0,
    'minus': -1,
    'now': NOW,
    'float': float(NOW),
    'half': NOW + 0.5,
    'micro': NOW + 0.000001,
    'day': NOW + DAY,
    'billions': 10**12,
    'alike': 1e12,
    'end': 2**63 - 1,
    'beyond': 1e300,
    'farthest': 1.7e308,
    'start': -(2**63),
    'before': -1e300,
    'text': str(NOW),
    'null': None,
    'true': True,
    'list': [NOW],
    'object': {'time_stamp': NOW},
    'empty': '',
}
UNTIMED = ('text', 'null', 'true', 'list', 'object', 'empty', 'missing')
#: Bounds and what lies in them, in the order of the times above.
BOUNDS = (
    ({'time_after': NOW, 'time_before': NOW}, ('now', 'float')),
    (
        {'time_after': NOW},
        ('now', 'float', 'half', 'micro', 'day', 'billions', 'alike', 'end', 'beyond', 'farthest'),
    ),
    ({'time_after': NOW + 1}, ('day', 'billions', 'alike', 'end', 'beyond', 'farthest')),
    ({'time_before': NOW}, ('zero', 'minus', 'now', 'float', 'start', 'before')),
    ({'time_before': NOW + 0.5, 'time_after': NOW + 0.000001}, ('half', 'micro')),
    ({'time_before': 10**12, 'time_after': 10**12}, ('billions', 'alike')),
    ({'time_before': -1}, ('minus', 'start', 'before')),
    ({'time_before': 0, 'time_after': 0}, ('zero',)),
    ({'time_before': -2}, ('start', 'before')),
    ({'time_after': 2**63 - 1}, ('end', 'beyond', 'farthest')),
    ({'time_after': 1e308}, ('end', 'beyond', 'farthest')),
    ({'time_before': -(2**63)}, ('start', 'before')),
    ({'time_after': str(NOW), 'time_before': f'{NOW}.5'}, ('now', 'float', 'half', 'micro')),
    ({'time_after': NOW, 'time_before': NOW - 1}, ()),
    ({'time_after': -1e308}, tuple(id for id in STAMPS if id not in UNTIMED)),
)


class BackupsInTime:
    def _holds(self, bounds, expected, match=(), match_not=(), **page):
        query = search.parse(
            {'match': list(match), 'match_not': list(match_not), **bounds}, BACKUPS
        )
        with self.subTest(bounds=bounds, match=match, match_not=match_not):
            self.assertEqual(
                list(expected), self.project.ids(BACKUPS, match, match_not, bounds, **page)
            )
            if not page:
                self.assertEqual(
                    list(expected),
                    [
                        document.id
                        for document in self.project.page(BACKUPS).documents
                        if search_query.matches(query, BACKUPS, document.body)
                    ],
                )

    def test_backups_inside_the_bounds_are_found(self):
        for id, stamp in STAMPS.items():
            self.project.put_backup(id, time_stamp=stamp, mode='fs' if len(id) % 2 else 'nova')
        self.project.put_backup('missing')
        for bounds, expected in BOUNDS:
            self._holds(bounds, expected)
            self._holds(bounds, expected[::-1], descending=True)
            fs = [id for id in expected if len(id) % 2]
            self._holds(bounds, fs, [{'mode': 'fs'}])
            self._holds(
                bounds, [id for id in expected if id not in fs], [{'_all': 'NOV'}], [{'mode': 'fs'}]
            )
        self._holds({}, (*STAMPS, 'missing'))

    def test_backup_of_a_changed_time_moves_in_or_out(self):
        for stamp, inside in (
            (NOW, True),
            (NOW + DAY, False),
            ('soon', False),
            (NOW + 5.5, True),
            (None, False),
            (NOW, True),
        ):
            self.project.put_backup('a', time_stamp=stamp)
            self._holds({'time_after': NOW, 'time_before': NOW + 60}, ['a'] if inside else [])
        self.project.write(BACKUPS, 'a', None)
        self._holds({'time_after': NOW}, [])

    def test_backups_of_other_projects_are_not_found(self):
        self.in_project(f'{self.project.project_id}-2').put_backup('a', time_stamp=NOW)
        self._holds({'time_after': NOW}, [])

    def test_pages_within_bounds_follow_the_marker(self):
        """Of more documents than a driver may look at to tell how many there are; neither in the
        order of their times.
        """
        choose = random.Random(5)
        made = {
            f'{number:03d}': choose.choice((NOW + choose.randrange(1000), None))
            for number in range(250)
        }
        for id, stamp in made.items():
            self.project.put_backup(
                id,
                time_stamp=stamp,
                mode='fs' if int(id) % 30 else 'nova',
                hostname=f'h{int(id) % 3}',
            )
        for since, until in ((0, 1000), (0, 990), (100, 110), (500, 700), (999, 1000)):
            bounds = {'time_after': NOW + since, 'time_before': NOW + until}
            inside = [
                id
                for id, stamp in made.items()
                if stamp is not None and since <= stamp - NOW <= until
            ]
            rare, common = (
                [id for id in inside if bool(int(id) % 30) == often] for often in (False, True)
            )
            for match, expected in (
                ((), inside),
                ([{'mode': 'nova'}], rare),
                ([{'hostname': 'h1'}, {'mode': 'fs'}], [id for id in common if int(id) % 3 == 1]),
            ):
                for descending in (False, True):
                    self._pages(
                        match, bounds, expected[::-1] if descending else expected, descending
                    )
        self.assertRaises(
            exceptions.InvalidInput,
            self.project.ids,
            BACKUPS,
            (),
            (),
            {'time_after': NOW},
            marker='none',
        )

    def _pages(self, match, bounds, expected, descending):
        """All pages by markers, one by its offset, and all behind a marker that needn't match."""
        found, marker = [], None
        while True:
            page = self.project.page(
                BACKUPS, match, (), bounds, limit=60, marker=marker, descending=descending
            )
            found += [document.id for document in page.documents]
            if not page.more:
                break
            marker = found[-1]
        self.assertEqual(expected, found)
        some = self.project.ids(
            BACKUPS, match, (), bounds, limit=5, offset=3, descending=descending
        )
        behind = self.project.ids(BACKUPS, match, (), bounds, marker='100', descending=descending)
        self.assertEqual(expected[3:8], some)
        self.assertEqual(
            [id for id in expected if (id < '100') == descending and id != '100'], behind
        )


def record_of(tag=3, time_end=-1, **members):
    """A run, by what its members show: (status, time_started, time_ended)."""
    jobs = {
        id: {
            'client_id': 'c',
            'status': status,
            'result': '',
            'time_started': started,
            'time_ended': ended,
        }
        for id, (status, started, ended) in members.items()
    }
    return Record(tag, 'running', '', NOW, time_end, jobs)


class BackupsOfRuns:
    def setUp(self):
        super().setUp()
        # What is put is recorded at another time than it is of.
        self.clock.advance(-DAY)

    def _holds(self, record, expected, session='s'):
        found = self.storage.run_backups(self.project.scope, session, record)
        self.assertEqual(tuple(expected), found)
        self.assertEqual(
            found,
            tuple(
                document.id
                for document in self.project.page(BACKUPS).documents
                if backups.belongs(document, session, record)
            ),
        )

    def test_backups_made_while_a_member_ran_are_found(self):
        stamps = (
            NOW - 1,
            NOW - 0.5,
            NOW,
            NOW + 10.25,
            NOW + 20,
            NOW + 20.75,
            NOW + 21,
            None,
            str(NOW),
            True,
            1e300,
        )
        for job in ('ended', 'running', 'scheduled', 'other'):
            for number, stamp in enumerate(stamps):
                self.project.put_backup(f'{job}{number}', job_id=job, time_stamp=stamp)
        self.project.put_backup('nobody', time_stamp=NOW)
        self.project.put_backup('untimed', job_id='ended')
        record = record_of(
            ended=('completed', NOW, NOW + 20),
            running=('running', NOW + 20, -1),
            scheduled=('scheduled', -1, -1),
        )
        self._holds(
            record,
            [
                'ended2',
                'ended3',
                'ended4',
                'ended5',
                'running4',
                'running5',
                'running6',
                'running10',
            ],
        )
        self._holds(record_of(), [])
        self._holds(record_of(ended=('completed', NOW, NOW)), ['ended2'])

    def test_backups_of_a_member_that_never_ended_are_found(self):
        for number, stamp in enumerate((NOW, NOW + 9, NOW + 10)):
            self.project.put_backup(f'{number}', job_id='j', time_stamp=stamp)
        for time_end, expected in ((-1, '012'), (NOW + 9, '01'), (NOW, '0')):
            self._holds(record_of(time_end=time_end, j=('running', NOW, -1)), list(expected))
        self._holds(record_of(time_end=NOW, j=('completed', NOW, NOW + 10)), list('012'))

    def test_backups_that_name_the_run_are_found(self):
        for id, session, tag in (
            ('a', 's', 3),
            ('b', 's', 4),
            ('c', 'S', 3),
            ('d', 's', '3'),
            ('e', 's', True),
            ('f', None, 3),
            ('g', 's', None),
            ('h', 's', 3),
            ('i', 's 3', 3),
            ('j', ['s'], 3),
            ('k', '3 s', 3),
        ):
            self.project.put_backup(id, session_id=session, session_tag=tag)
        self._holds(record_of(), ['a', 'h'])
        self._holds(record_of(tag=4), ['b'])
        self._holds(record_of(tag=5), [])
        self._holds(record_of(), ['c'], 'S')
        self._holds(record_of(tag=1), [])

    def test_backups_found_both_ways_come_once_in_order(self):
        self.project.put_backup('z', job_id='j', time_stamp=NOW, session_id='s', session_tag=3)
        self.project.put_backup('m', session_id='s', session_tag=3)
        self.project.put_backup('a', job_id='k', time_stamp=NOW + 1)
        self.project.put_backup('q', job_id='j', time_stamp=NOW + 1)
        record = record_of(j=('completed', NOW, NOW + 5), k=('running', NOW, -1))
        self._holds(record, ['z', 'm', 'a', 'q'])

    def test_ids_of_jobs_are_compared_exactly(self):
        for number, job in enumerate(
            ('j', 'J', 'j ', ' j', 'j.', '', None, 7, ['j'], 'j\x01', 'é', 'j' * 256)
        ):
            self.project.put_backup(f'{number}', job_id=job, time_stamp=NOW)
        self._holds(record_of(j=('running', NOW, -1)), ['0'])
        self._holds(
            record_of(**{'j.': ('running', NOW, -1), 'J': ('running', NOW, -1)}), ['1', '4']
        )

    def test_backups_of_other_projects_are_not_found(self):
        other = self.in_project(f'{self.project.project_id}-2')
        other.put_backup('a', job_id='j', time_stamp=NOW)
        other.put_backup('b', session_id='s', session_tag=3)
        self.project.put_backup('c', job_id='j', time_stamp=NOW)
        self._holds(record_of(j=('running', NOW, -1)), ['c'])

    def test_changed_backup_joins_or_leaves_the_run(self):
        record = record_of(j=('completed', NOW, NOW + 5))
        for metadata, inside in (
            ({'job_id': 'j', 'time_stamp': NOW}, True),
            ({'job_id': 'k', 'time_stamp': NOW}, False),
            ({'session_id': 's', 'session_tag': 3}, True),
            ({'session_id': 's', 'session_tag': 2}, False),
            ({'job_id': 'j', 'time_stamp': NOW + 9}, False),
            ({'job_id': 'j', 'time_stamp': NOW + 5}, True),
        ):
            self.project.put_backup('a', **metadata)
            self._holds(record, ['a'] if inside else [])
        self.project.write(BACKUPS, 'a', None)
        self._holds(record, [])

    def test_backups_of_many_members_are_found(self):
        """As many as no single condition of a database bears; each with one backup in its time and
        one after it.
        """
        for count in (3, 130, 1100):
            project = self.in_project(bodies.new_id())
            times = {f'j{number}': NOW + number * 7 % 100 for number in range(count)}
            for job in list(times)[:: count // 3]:
                project.put_backup(f'in-{job}', job_id=job, time_stamp=times[job])
                project.put_backup(f'out-{job}', job_id=job, time_stamp=times[job] + 2)
            record = record_of(**{job: ('completed', time, time) for job, time in times.items()})
            self.assertEqual(
                tuple(f'in-{job}' for job in list(times)[:: count // 3]),
                self.storage.run_backups(project.scope, 's', record),
            )

    def test_backup_after_the_end_is_outside_of_the_run(self):
        session = self.project.new_session(hold_off=60)
        first, second = (self.project.new_job(session_id=session) for _ in range(2))
        self.clock.advance(100)
        self.project.start(session, first, 0)
        self.clock.advance(10)
        for job in (first, second):
            self.project.put_backup(f'of-{job}', job_id=job, time_stamp=self.clock.now // 1_000_000)
        self.assertEqual((f'of-{first}',), self._run_backups(session, 1))
        self.project.end(session, first, 1)
        self.clock.advance(1)
        self.project.put_backup('late', job_id=first, time_stamp=self.clock.now // 1_000_000)
        self.assertEqual((f'of-{first}',), self._run_backups(session, 1))

    def test_backups_recorded_while_a_member_ran_are_found(self):
        """Whatever the clock of its machine says, and not only if it says something."""
        here = NOW - DAY
        for number, second in enumerate((-1, 0, 5.5, 10, 11)):
            self.clock.now = int((here + second) * 1_000_000)
            self.project.put_backup(f'ahead{number}', job_id='j', time_stamp=NOW + DAY)
            self.project.put_backup(f'untimed{number}', job_id='j')
            self.project.put_backup(f'other{number}', job_id='k', time_stamp=here + 5)
        self.clock.now = (here + 5) * 1_000_000
        self.project.put_backup('nobody', time_stamp=NOW + DAY)
        inside = [f'{kind}{number}' for number in (1, 2, 3) for kind in ('ahead', 'untimed')]
        self._holds(record_of(j=('completed', here, here + 10)), inside)
        # It stays recorded when it was, however it is changed.
        self.clock.now = (here + 99) * 1_000_000
        self.project.put_backup('ahead1', job_id='j', time_stamp=NOW + 2 * DAY)
        self._holds(record_of(j=('completed', here, here + 10)), inside)
        self._holds(
            record_of(j=('running', here + 11, -1)),
            ['ahead0', 'ahead1', 'ahead2', 'ahead3', 'ahead4', 'untimed4'],
        )
        self._holds(record_of(j=('running', NOW + 2 * DAY, -1)), ['ahead1'])

    def test_backups_by_a_wrong_clock_are_found(self):
        session = self.project.new_session(hold_off=60)
        job = self.project.new_job(session_id=session)
        self.project.start(session, job, 0)
        for off in (-5, 0, 5):
            stamp = self.clock.now // 1_000_000 + off
            self.project.put_backup(f'by{off}', job_id=job, time_stamp=stamp)
        self.clock.advance(1)
        self.project.end(session, job, 1)
        self.assertEqual(('by-5', 'by0', 'by5'), self._run_backups(session, 1))

    def _run_backups(self, session, tag):
        return self.storage.run_backups(
            self.project.scope, session, self.storage.run(self.project.scope, session, tag)
        )
