"""The jobs of :mod:`.test_concurrency`, in two processes with half of the threads each."""

from freezer_api.tests.contract import concurrency, parallel


class Processes(concurrency.ConcurrentJobs):
    def live(self, session, jobs, life):
        return parallel.live_in_processes(
            2, self.options, self.project.project_id, session, jobs, life
        )
