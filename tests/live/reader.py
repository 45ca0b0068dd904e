"""What an agent makes of schedules. Run by the agent's own Python: a schedule per line, an answer
per line.

An answer is the next time at which the job would run, null if there is none, or what went wrong.
The agent's own function reads the schedule, and the scheduler that it uses takes what comes of it.
"""

import json
import sys
import traceback

from apscheduler.schedulers import background
from freezer.scheduler import scheduler_job


def answer(scheduler, schedule):
    """The next time in ISO 8601, or None; APScheduler's job has no other text."""
    job = scheduler_job.Job(None, None, {'job_id': 'job', 'job_schedule': schedule})
    added = scheduler.add_job(print, id='job', **job.get_schedule_args())
    next_time = added.next_run_time
    added.remove()
    return next_time and next_time.isoformat()


def main():
    """Answer until there is nothing more to read."""
    scheduler = background.BackgroundScheduler()
    scheduler.start(paused=True)
    for line in sys.stdin:
        try:
            told = {'next': answer(scheduler, json.loads(line))}
        except Exception:
            told = {'error': traceback.format_exc()}
        print(json.dumps(told), flush=True)


if __name__ == '__main__':
    main()
