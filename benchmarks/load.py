"""Throughput of running API servers, side by side: the same requests in turn
to each, several rounds, medians.

usage: load.py NAME=URL [NAME=URL …] [--project P] [--seconds S] [--rounds N]
[--clients C] [--cases A,B]

URL is where ``/v2/<project>/sessions`` begins, without the ``/v2``. Every
server must answer without a token, as one behind ``benchmarks/served.py``
does. Load comes from processes, not threads, so that the client isn't the
limit. The first server is the one that the ratios are of. ``storm`` is 64
members that start and end at once: operations acknowledged per second, and how
many of the 64 the session's document has lost.
"""

import argparse
import concurrent.futures
import http.client
import json
import multiprocessing
import statistics
import time
import urllib.parse
import uuid

MEMBERS = 64


class Api:
    """A caller of one server, with one connection at a time."""

    def __init__(self, url: str, project: str):
        parts = urllib.parse.urlsplit(url)
        self.address = (parts.hostname, parts.port)
        self.base = f'{parts.path.rstrip("/")}/v2/{project}'
        self.headers = {
            'Content-Type': 'application/json',
            'Accept': 'application/json',
            'X-Project-Id': project,
        }

    def __call__(
        self, method: str, path: str, body: object = None
    ) -> tuple[int, object]:
        connection = http.client.HTTPConnection(*self.address, timeout=120)
        try:
            connection.request(
                method,
                self.base + path,
                None if body is None else json.dumps(body),
                self.headers,
            )
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()


def prepare(api: Api) -> dict[str, str]:
    """Documents that the cases work on."""
    status, made = api(
        'POST',
        '/sessions',
        {'description': 'bench', 'schedule': {'schedule_interval': '7 days'}},
    )
    assert status == 201, (status, made)
    return {'session': made['session_id']}


def request_of(
    case: str, made: dict[str, str]
) -> tuple[str, str, object, int]:
    """Method, path, body and the expected status of one request of a case."""
    session = f'/sessions/{made["session"]}'
    schedule = {'schedule_interval': '7 days'}
    two = {'match': [{'hold_off': 40}, {'schedule_interval': '5 days'}]}
    return {
        'get': ('GET', session, None, 200),
        'list 10': ('GET', '/sessions?limit=10', None, 200),
        'list 100': ('GET', '/sessions?limit=100', None, 200),
        'create': (
            'POST',
            '/sessions',
            {'description': 'x', 'schedule': schedule},
            201,
        ),
        'patch': (
            'PATCH',
            session,
            {'description': uuid.uuid4().hex, 'schedule': schedule},
            200,
        ),
        'search 2': ('GET', '/sessions?limit=10', two, 200),
    }[case]


def hammer(
    url: str, project: str, case: str, made: dict[str, str], seconds: float
) -> tuple[int, float]:
    """Requests done, and the seconds they took, by one client that works for
    at least ``seconds``.
    """
    api = Api(url, project)
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds or not count:
        method, path, body, expected = request_of(case, made)
        status, answer = api(method, path, body)
        assert status == expected, (case, status, answer)
        count += 1
    return count, time.perf_counter() - began


def member(url: str, project: str, session: str, job: str) -> int:
    """One member that starts and ends; how many of its two calls were
    acknowledged.
    """
    api = Api(url, project)
    started, answer = api(
        'POST',
        f'/sessions/{session}/action',
        {'start': {'job_id': job, 'current_tag': 0}},
    )
    tag = answer.get('session_tag', 1) if started == 202 else 1
    ended, _ = api(
        'POST',
        f'/sessions/{session}/action',
        {'end': {'job_id': job, 'current_tag': tag, 'result': 'success'}},
    )
    return (started == 202) + (ended == 202)


def storm(
    pool: concurrent.futures.Executor, url: str, project: str
) -> tuple[float, int]:
    """Acknowledged operations per second of 64 members, and entries of the
    document that don't show their end.
    """
    api = Api(url, project)
    api('POST', '/clients', {'client_id': 'bench_host', 'hostname': 'host'})
    made = api(
        'POST',
        '/sessions',
        {
            'description': 'storm',
            'hold_off': 60,
            'schedule': {'schedule_interval': '1 days'},
        },
    )
    session = made[1]['session_id']
    action = {
        'freezer_action': {
            'action': 'backup',
            'mode': 'fs',
            'storage': 'local',
            'backup_name': 'b',
        }
    }
    jobs = []
    for _ in range(MEMBERS):
        job = {
            'client_id': 'bench_host',
            'description': '',
            'job_actions': [action],
            'job_schedule': {},
        }
        jobs.append(api('POST', '/jobs', job)[1]['job_id'])
        api('PUT', f'/sessions/{session}/jobs/{jobs[-1]}')
    began = time.perf_counter()
    members = [(url, project, session, job) for job in jobs]
    done = sum(pool.map(member, *zip(*members, strict=True)))
    took = time.perf_counter() - began
    shown = api('GET', f'/sessions/{session}')[1]['jobs']
    return done / took, sum(
        shown.get(job, {}).get('status') != 'completed' for job in jobs
    )


def measure(
    case: str,
    url: str,
    project: str,
    pool: concurrent.futures.Executor,
    options: argparse.Namespace,
) -> tuple[float, str]:
    """Requests per second of one round, and a remark."""
    if case == 'storm':
        rate, lost = storm(pool, url, project)
        return rate, f'{lost} lost'
    made = prepare(Api(url, project))
    rounds = [
        pool.submit(hammer, url, project, case, made, options.seconds)
        for _ in range(options.clients)
    ]
    return (
        sum(
            count / took for count, took in (each.result() for each in rounds)
        ),
        '',
    )


def main() -> None:
    """Print one row a case: the median rate of each server, and the ratio of
    the first to the others.
    """
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('servers', nargs='+', metavar='NAME=URL')
    parser.add_argument('--project', default='p1')
    parser.add_argument('--seconds', type=float, default=3)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--clients', type=int, default=4)
    parser.add_argument(
        '--cases', default='get,list 10,list 100,create,patch,search 2,storm'
    )
    options = parser.parse_args()
    servers = dict(server.split('=', 1) for server in options.servers)
    with concurrent.futures.ProcessPoolExecutor(
        16, multiprocessing.get_context('spawn')
    ) as pool:
        for case in options.cases.split(','):
            rates: dict[str, list[float]] = {name: [] for name in servers}
            remarks: dict[str, set[str]] = {name: set() for name in servers}
            for _ in range(options.rounds):
                for name, url in servers.items():
                    rate, remark = measure(
                        case, url, options.project, pool, options
                    )
                    rates[name].append(rate)
                    remarks[name].add(remark)
            medians = {
                name: statistics.median(each) for name, each in rates.items()
            }
            first = next(iter(medians.values()))
            print(
                f'{case:10}'
                + ''.join(
                    f'  {name} {rate:9.1f}/s ×{first / rate:.2f}'
                    f' {" ".join(sorted(remarks[name]))}'
                    for name, rate in medians.items()
                ),
                flush=True,
            )


if __name__ == '__main__':
    main()
