"""Starting and ending: each row of the table, each retried request, and when a run is over."""

import dataclasses
import unittest

from freezer_api import exceptions
from freezer_api.domain import documents, run_state, runs, session_state, sessions
from freezer_api.domain.session_state import Member, Run, Session

T0 = 1_700_000_000 * documents.SECOND
HOLD_OFF = 30
WINDOW = HOLD_OFF * documents.SECOND


def session(
    tag=7,
    run=True,
    jobs=('j', 'k'),
    started=(),
    completed=(),
    status=session_state.RUNNING,
    uncounted=(),
):
    """A session whose run, of its own tag, began at T0."""
    members = {job: Member(f'client-{job}', counted=run and job not in uncounted) for job in jobs}
    for job in (*started, *completed):
        members[job] = Member(
            f'client-{job}', session_state.RUNNING, '', T0 // documents.SECOND, -1, True
        )
    for job in completed:
        members[job] = dataclasses.replace(
            members[job],
            status=session_state.COMPLETED,
            result='success',
            time_ended=T0 // documents.SECOND,
        )
    return Session(
        'p',
        's',
        'u',
        tag=tag,
        members=members,
        run=(
            Run(
                tag,
                HOLD_OFF,
                T0,
                status,
                '' if status == session_state.RUNNING else 'success',
                -1 if status == session_state.RUNNING else T0,
            )
            if run
            else None
        ),
    )


FRESH = session(run=False)
GOING = session(started=('j',))
DONE = session(completed=('j', 'k'), status=session_state.COMPLETED)
HALF = session(started=('k',), completed=('j',))
LATE_MEMBER = session(jobs=('j', 'k', 'n'), started=('k',), completed=('j',), uncounted=('n',))
RAISED = dataclasses.replace(DONE, tag=12)
INSIDE, BORDER, BEHIND, BEFORE = T0 + documents.SECOND, T0 + WINDOW, T0 + WINDOW + 1, T0 - WINDOW

#: name, session, job, current_tag, moment, result, tag of the answer, what happens
STARTS = (
    ('the first start of all', FRESH, 'j', 7, T0, 'success', 8, 'opens'),
    ('the first start of all, with an old tag', FRESH, 'j', 6, T0, 'out-of-sync', 7, 'nothing'),
    ('retried, running, within the window', GOING, 'j', 6, INSIDE, 'success', 7, 'nothing'),
    ('retried, running, at the border', GOING, 'j', 6, BORDER, 'success', 7, 'nothing'),
    (
        'retried, running, long after the window',
        GOING,
        'j',
        6,
        BEHIND + 100 * WINDOW,
        'success',
        7,
        'nothing',
    ),
    ('retried, running, with a very old tag', GOING, 'j', 0, BEHIND, 'success', 7, 'nothing'),
    ('retried, completed, within the window', HALF, 'j', 6, INSIDE, 'success', 7, 'nothing'),
    ('retried, completed, at the border', HALF, 'j', 6, BORDER, 'success', 7, 'nothing'),
    ('retried, completed, in a run that is over', DONE, 'j', 6, BORDER, 'success', 7, 'nothing'),
    (
        'completed, with an old tag, after the window',
        HALF,
        'j',
        6,
        BEHIND,
        'out-of-sync',
        7,
        'nothing',
    ),
    (
        'completed in a run that is over, after the window',
        DONE,
        'j',
        6,
        BEHIND,
        'out-of-sync',
        7,
        'nothing',
    ),
    ('joins with an old tag', GOING, 'k', 6, INSIDE, 'success', 7, 'joins'),
    ('joins with an old tag at the border', GOING, 'k', 0, BORDER, 'success', 7, 'joins'),
    ('joins with the current tag', GOING, 'k', 7, INSIDE, 'success', 7, 'joins'),
    ('joins with the current tag at the border', GOING, 'k', 7, BORDER, 'success', 7, 'joins'),
    ('a member that was attached since joins', LATE_MEMBER, 'n', 0, INSIDE, 'success', 7, 'joins'),
    ('again with the current tag, running', GOING, 'j', 7, INSIDE, 'hold-off', 7, 'nothing'),
    (
        'again with the current tag, running, at the border',
        GOING,
        'j',
        7,
        BORDER,
        'hold-off',
        7,
        'nothing',
    ),
    ('again with the current tag, completed', HALF, 'j', 7, INSIDE, 'hold-off', 7, 'nothing'),
    ('again with the current tag, the run is over', DONE, 'j', 7, BORDER, 'hold-off', 7, 'nothing'),
    ('a new run after one that is over', DONE, 'j', 7, BEHIND, 'success', 8, 'opens'),
    ('a new run overtakes, opened by one that runs', GOING, 'j', 7, BEHIND, 'success', 8, 'opens'),
    (
        'a new run overtakes, opened by one that completed',
        HALF,
        'j',
        7,
        BEHIND,
        'success',
        8,
        'opens',
    ),
    (
        'a new run overtakes, opened by one that missed it',
        GOING,
        'k',
        7,
        BEHIND,
        'success',
        8,
        'opens',
    ),
    ('missed it, comes with an old tag', GOING, 'k', 6, BEHIND, 'out-of-sync', 7, 'nothing'),
    ('the clock went back: no time has passed', GOING, 'j', 7, BEFORE, 'hold-off', 7, 'nothing'),
    ('the clock went back: joining', GOING, 'k', 7, BEFORE, 'success', 7, 'joins'),
    ('the clock went back: retried', GOING, 'j', 6, BEFORE, 'success', 7, 'nothing'),
    ('a raised tag, at once', RAISED, 'j', 12, INSIDE, 'success', 12, 'opens'),
    ('a raised tag, by one that knows the old', RAISED, 'k', 7, BORDER, 'success', 12, 'opens'),
    ('a raised tag, after the window', RAISED, 'j', 12, BEHIND, 'success', 13, 'opens'),
    (
        'a raised tag, after the window, with the old one',
        RAISED,
        'j',
        7,
        BEHIND,
        'out-of-sync',
        12,
        'nothing',
    ),
)

HOURLY = {'schedule_interval': '1 hours'}
HALF_AN_HOUR = T0 + 1800 * documents.SECOND
EARLY, LATER = HALF_AN_HOUR - 1, HALF_AN_HOUR


def hourly(before):
    return dataclasses.replace(before, schedule=HOURLY)


TWICE_A_DAY = dataclasses.replace(GOING, schedule={'schedule_hour': '0,12'})
ONCE = dataclasses.replace(GOING, schedule={'schedule_date': '2030-01-01T00:00:00'})
#: Its hold-off is longer than half of its period.
SHORT = dataclasses.replace(GOING, schedule={'schedule_interval': '40 seconds'})
SIX_HOURS = T0 + 6 * 3600 * documents.SECOND
AGES = T0 + 10**6 * WINDOW
#: As above, of sessions with a schedule: the nearest round counts.
ROUNDS = (
    ('missed it, in the first half', hourly(GOING), 'k', 6, EARLY, 'out-of-sync', 7, 'nothing'),
    ('missed it, in the second half', hourly(GOING), 'k', 6, LATER, 'success', 8, 'opens'),
    ('missed many, comes much later', hourly(GOING), 'k', 0, AGES, 'success', 8, 'opens'),
    ('completed it with an old tag', hourly(DONE), 'j', 6, LATER, 'success', 8, 'opens'),
    ('retried, running', hourly(GOING), 'j', 6, LATER, 'success', 7, 'nothing'),
    ('with the current tag', hourly(GOING), 'k', 7, LATER, 'success', 8, 'opens'),
    ('with it in the first half', hourly(GOING), 'k', 7, EARLY, 'success', 8, 'opens'),
    ('a raised tag, with the old one', hourly(RAISED), 'j', 7, LATER, 'success', 13, 'opens'),
    ('within the longer window', SHORT, 'k', 6, BORDER, 'success', 7, 'joins'),
    ('behind the longer window', SHORT, 'k', 6, BEHIND, 'success', 8, 'opens'),
    ('the first start of all, old tag', hourly(FRESH), 'j', 6, T0, 'success', 8, 'opens'),
    ('a schedule that fires once', ONCE, 'k', 6, AGES, 'out-of-sync', 7, 'nothing'),
    ('cron fields', TWICE_A_DAY, 'k', 6, SIX_HOURS, 'success', 8, 'opens'),
    ('cron, first half', TWICE_A_DAY, 'k', 6, SIX_HOURS - 1, 'out-of-sync', 7, 'nothing'),
)


class Start(unittest.TestCase):
    def test_every_start_is_answered_as_in_the_table(self):
        for name, before, job, tag, moment, result, answered, happens in STARTS + ROUNDS:
            with self.subTest(name):
                outcome = runs.start(before, job, tag, moment)
                self.assertEqual({'result': result, 'session_tag': answered}, outcome.answer)
                self.assertEqual(answered, outcome.session.tag)
                getattr(self, f'_{happens}')(before, job, moment, outcome)
                self._tells(job, answered, result, outcome)

    def _tells(self, job, answered, result, outcome):
        """Success and out-of-sync write the tag into the caller's job, and into no other; a
        hold-off writes nothing.
        """
        self.assertEqual(
            frozenset() if result == 'hold-off' else frozenset((job,)), outcome.followers
        )
        if outcome.followers:
            self.assertEqual(
                {'a': 1, 'session_tag': answered}, outcome.follow({'a': 1, 'session_tag': 0})
            )

    def _nothing(self, before, job, moment, outcome):
        self.assertEqual(before, outcome.session)
        self.assertEqual((), outcome.records)

    def _joins(self, before, job, moment, outcome):
        second = moment // documents.SECOND
        self.assertEqual(
            Member(f'client-{job}', 'running', '', second, -1, True), outcome.session.members[job]
        )
        self.assertEqual(
            {**before.members, job: outcome.session.members[job]}, dict(outcome.session.members)
        )
        self.assertEqual(
            dataclasses.replace(before.run, status='running', result='', ended=-1),
            outcome.session.run,
        )
        self.assertEqual((), outcome.records)

    def _opens(self, before, job, moment, outcome):
        second = moment // documents.SECOND
        others = {other: Member(f'client-{other}', counted=True) for other in before.members}
        self.assertEqual(
            {**others, job: Member(f'client-{job}', 'running', '', second, -1, True)},
            dict(outcome.session.members),
        )
        self.assertEqual(Run(outcome.session.tag, HOLD_OFF, moment), outcome.session.run)
        body = outcome.session.body()
        self.assertEqual(
            ('running', '', second, -1),
            tuple(body[key] for key in ('status', 'result', 'time_start', 'time_end')),
        )
        self.assertEqual(
            [before.run.tag] if before.run else [], [record.tag for record in outcome.records]
        )
        for record in outcome.records:
            self.assertEqual('completed', record.status)
            over = before.run.status == 'completed'
            self.assertEqual(
                ('success', T0 // documents.SECOND) if over else ('fail', second),
                (record.result, record.time_end),
            )

    def test_start_of_a_stranger_or_a_high_tag_is_refused(self):
        for job, tag, part in (
            ('x', 7, 'not a member'),
            ('j', 8, 'requested tag value too high'),
            ('x', 8, 'not a member'),
        ):
            with (
                self.subTest(job=job, tag=tag),
                self.assertRaisesRegex(exceptions.InvalidInput, part),
            ):
                runs.start(GOING, job, tag, INSIDE)

    def test_a_member_that_joins_opens_a_run_that_was_over(self):
        early = session(jobs=('j', 'n'), completed=('j',), uncounted=('n',), status='completed')
        joined = runs.start(early, 'n', 7, INSIDE).session
        self.assertEqual('running', joined.run.status)
        self.assertEqual('', joined.run.result)
        self.assertEqual(-1, joined.run.ended)
        ended = runs.end(joined, 'n', 7, 'fail', BORDER, None).session
        self.assertEqual('completed', ended.run.status)
        self.assertEqual('fail', ended.run.result)
        self.assertEqual(BORDER, ended.run.ended)

    def test_window_of_no_length_ends_at_once(self):
        at_once = dataclasses.replace(GOING, run=dataclasses.replace(GOING.run, hold_off=0))
        self.assertEqual('hold-off', runs.start(at_once, 'j', 7, T0).answer['result'])
        self.assertEqual(
            {'result': 'success', 'session_tag': 8}, runs.start(at_once, 'j', 7, T0 + 1).answer
        )

    def test_a_changed_hold_off_counts_from_the_next_run(self):
        changed = sessions.patch(GOING, {'hold_off': 5})
        self.assertEqual('hold-off', runs.start(changed, 'j', 7, BORDER).answer['result'])
        opened = runs.start(changed, 'j', 7, BEHIND).session
        self.assertEqual(5, opened.run.hold_off)
        self.assertEqual(BEHIND + 5 * documents.SECOND, opened.run.window_end)

    def test_start_beyond_the_largest_tag_conflicts(self):
        last = dataclasses.replace(DONE, tag=session_state.MAX_TAG - 1)
        opened = runs.start(last, 'j', session_state.MAX_TAG - 1, BEHIND).session
        self.assertEqual(session_state.MAX_TAG, opened.tag)
        with self.assertRaisesRegex(exceptions.Conflict, 'session_tag'):
            runs.start(opened, 'j', session_state.MAX_TAG, BEHIND + WINDOW + 1)
        self.assertEqual('success', runs.start(opened, 'k', 0, BEHIND).answer['result'])

    def test_largest_hold_off_holds_to_its_end(self):
        endless = dataclasses.replace(FRESH, hold_off=session_state.MAX_TAG)
        opened = runs.start(endless, 'j', 7, T0).session
        self.assertEqual(
            'hold-off',
            runs.start(opened, 'j', 8, T0 + session_state.MAX_TAG * documents.SECOND).answer[
                'result'
            ],
        )
        self.assertEqual(
            'success',
            runs.start(opened, 'j', 8, T0 + session_state.MAX_TAG * documents.SECOND + 1).answer[
                'result'
            ],
        )


class End(unittest.TestCase):
    def _end(self, before, job='j', tag=7, result='success', moment=INSIDE, record=None):
        outcome = runs.end(before, job, tag, result, moment, record)
        self.assertEqual({'result': 'success', 'session_tag': before.tag}, outcome.answer)
        self.assertEqual(frozenset(), outcome.followers)
        return outcome

    def test_a_running_member_is_completed(self):
        for tag in (7, None):
            for result in session_state.RESULTS:
                with self.subTest(tag=tag, result=result):
                    member = self._end(GOING, tag=tag, result=result).session.members['j']
                    self.assertEqual(
                        Member(
                            'client-j',
                            'completed',
                            result,
                            T0 // documents.SECOND,
                            INSIDE // documents.SECOND,
                            True,
                        ),
                        member,
                    )

    def test_end_of_what_is_not_running_changes_nothing(self):
        record = session_state.Record(
            6, 'completed', 'fail', 1, 2, {'j': Member('c', 'completed', 'fail', 1, 2).shown()}
        )
        for name, before, job, tag, known in (
            ('no member', GOING, 'x', 7, None),
            ('not started', GOING, 'k', 7, None),
            ('ended before', HALF, 'j', 7, None),
            ('no run', FRESH, 'j', 7, None),
            ('no record of the run', GOING, 'j', 3, None),
            ('a raised tag', RAISED, 'j', 12, None),
            ('the run before a raised tag', RAISED, 'j', 7, run_state.current(RAISED)),
            ('ended in the record', GOING, 'j', 6, record),
            ('not in the record', GOING, 'k', 6, record),
            ('an old tag without a record', GOING, 'j', 0, None),
        ):
            with self.subTest(name):
                outcome = self._end(before, job, tag, 'fail', BEHIND, known)
                self.assertEqual(before, outcome.session)
                self.assertEqual((), outcome.records)

    def test_end_with_a_higher_tag_is_refused(self):
        for job in ('j', 'x'):
            with self.assertRaisesRegex(exceptions.InvalidInput, 'requested tag value too high'):
                runs.end(GOING, job, 8, 'success', INSIDE, None)

    def test_a_late_end_goes_into_the_record(self):
        opened = runs.start(session(started=('j', 'k')), 'j', 7, BEHIND)
        (record,) = opened.records
        self.assertEqual('fail', record.result)
        self.assertEqual('running', record.jobs['k']['status'])
        late = self._end(opened.session, 'k', 7, 'success', BEHIND + WINDOW, record)
        self.assertEqual(opened.session, late.session)
        (first,) = late.records
        self.assertEqual('completed', first.status)
        self.assertEqual('fail', first.result)
        (second,) = self._end(opened.session, 'j', 7, 'success', BEHIND + WINDOW, first).records
        self.assertEqual('success', second.result)
        self.assertEqual((BEHIND + WINDOW) // documents.SECOND, second.time_end)
        self.assertEqual({'completed'}, {entry['status'] for entry in second.jobs.values()})
        self.assertEqual(
            (), self._end(opened.session, 'j', 7, 'fail', BEHIND + WINDOW, second).records
        )

    def test_a_late_end_does_not_end_the_member_in_the_current_run(self):
        opened = runs.start(session(started=('j', 'k')), 'j', 7, BEHIND)
        outcome = self._end(opened.session, 'j', 7, 'fail', BEHIND + 1, opened.records[0])
        self.assertEqual('running', outcome.session.members['j'].status)
        self.assertEqual('fail', outcome.records[0].jobs['j']['result'])


class Over(unittest.TestCase):
    def _over(self, before, expected, ended=None):
        self.assertEqual(expected, (before.run.status, before.run.result))
        self.assertEqual(-1 if ended is None else ended, before.run.ended)

    def test_run_is_over_when_all_have_completed(self):
        first = runs.end(session(started=('j', 'k')), 'j', 7, 'success', INSIDE, None).session
        self._over(first, ('running', ''))
        for result, expected in (('success', 'success'), ('fail', 'fail'), ('aborted', 'fail')):
            self._over(
                runs.end(first, 'k', 7, result, BEHIND, None).session,
                ('completed', expected),
                BEHIND,
            )

    def test_one_that_may_still_join_is_awaited_until_the_window_has_passed(self):
        for moment in (INSIDE, BORDER):
            waiting = runs.end(GOING, 'j', 7, 'success', moment, None).session
            self._over(waiting, ('running', ''))
            self.assertEqual(BORDER, waiting.settle_at)
            self._over(run_state.lapse(waiting, BORDER), ('running', ''))
            lapsed = run_state.lapse(waiting, BEHIND + WINDOW)
            self._over(lapsed, ('completed', 'fail'), BORDER)
            self.assertEqual(waiting.version + 1, lapsed.version)
            self.assertEqual(lapsed, run_state.lapse(lapsed, BEHIND + 2 * WINDOW))

    def test_one_that_ends_behind_the_window_waits_for_nobody(self):
        self._over(
            runs.end(GOING, 'j', 7, 'success', BEHIND, None).session, ('completed', 'fail'), BEHIND
        )

    def test_a_running_member_is_awaited_for_ever(self):
        self.assertIsNone(GOING.settle_at)
        self.assertIs(GOING, run_state.lapse(GOING, BEHIND + 1000 * WINDOW))

    def test_nothing_lapses_that_is_over_or_never_was(self):
        for before in (FRESH, DONE, RAISED):
            self.assertIsNone(before.settle_at)
            self.assertIs(before, run_state.lapse(before, BEHIND))

    def test_run_is_over_when_the_awaited_member_leaves(self):
        self._over(run_state.left(HALF, 'k', INSIDE), ('completed', 'success'), INSIDE)
        waiting = runs.end(GOING, 'j', 7, 'success', INSIDE, None).session
        self._over(run_state.left(waiting, 'k', BORDER), ('completed', 'success'), BORDER)

    def test_run_that_nobody_is_left_in_fails(self):
        self._over(
            run_state.left(session(jobs=('j',), started=('j',)), 'j', INSIDE),
            ('completed', 'fail'),
            INSIDE,
        )

    def test_nothing_ends_before_it_began_when_the_clock_goes_back(self):
        alone = session(jobs=('j',), started=('j',))
        after = runs.end(alone, 'j', 7, 'success', BEFORE, None).session
        self.assertEqual(T0, after.run.ended)
        self.assertEqual(T0 // documents.SECOND, after.members['j'].time_ended)
        record = run_state.current(alone)
        (late,) = runs.end(
            dataclasses.replace(alone, tag=8), 'j', 7, 'success', BEFORE, record
        ).records
        self.assertEqual(record.jobs['j']['time_started'], late.jobs['j']['time_ended'])

    def test_one_that_is_not_counted_neither_delays_nor_fails_it(self):
        self._over(
            runs.end(LATE_MEMBER, 'k', 7, 'success', INSIDE, None).session,
            ('completed', 'success'),
            INSIDE,
        )
        self.assertEqual({'j', 'k'}, set(run_state.current(LATE_MEMBER).jobs))

    def test_leaving_a_run_that_is_over_changes_no_result(self):
        left = run_state.left(DONE, 'j', BEHIND)
        self.assertEqual(DONE.run, left.run)
        self.assertEqual({'k'}, set(left.members))
        self.assertIs(DONE, run_state.left(DONE, 'x', BEHIND))

    def test_the_overtaken_run_counts_who_was_running(self):
        (record,) = runs.start(HALF, 'j', 7, BEHIND).records
        self.assertEqual('completed', record.status)
        self.assertEqual('fail', record.result)
        self.assertEqual(BEHIND // documents.SECOND, record.time_end)
        self.assertEqual(
            {'j': 'completed', 'k': 'running'},
            {job: entry['status'] for job, entry in record.jobs.items()},
        )


class Membership(unittest.TestCase):
    def test_a_new_member_has_an_empty_entry(self):
        entry = run_state.joined(GOING, 'n', 'client').members['n']
        self.assertEqual(
            {
                'client_id': 'client',
                'status': 'scheduled',
                'result': '',
                'time_started': -1,
                'time_ended': -1,
            },
            entry.shown(),
        )
        self.assertFalse(entry.counted)

    def test_a_member_keeps_what_it_did_when_its_client_changes(self):
        moved = run_state.moved(HALF, 'j', 'other')
        self.assertEqual(
            dataclasses.replace(HALF.members['j'], client_id='other'), moved.members['j']
        )

    def test_the_current_record_agrees_with_the_session(self):
        for before in (GOING, DONE, HALF):
            record, body = run_state.current(before).shown('s'), before.body()
            self.assertEqual(
                {key: body[key] for key in record if key != 'jobs'},
                {key: record[key] for key in record if key != 'jobs'},
            )
            self.assertEqual(body['jobs'], record['jobs'])
        self.assertIsNone(run_state.current(FRESH))
