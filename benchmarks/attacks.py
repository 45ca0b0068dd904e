"""What hostile and careless clients do to a running API server: each attack's
answer, seconds, and the server's peak memory.

usage: attacks.py URL [--project P] [--token T] [--only A,B] [--large MIB]

URL is where ``/v2/<project>/sessions`` begins, without the ``/v2``. The
server's processes are found by its port, so it has to run on this machine.
``--large`` is how much the attacks send that fill memory (800 MiB by default).
After each attack a plain request is timed: what others notice of it.
"""

import argparse
import collections.abc
import contextlib
import re
import socket
import threading
import time
import typing
import urllib.parse

import psutil

MIB = 1024 * 1024
PATIENCE = 30


class Memory:
    """The resident bytes and processor seconds of the processes that listen on
    a port, and of their children.
    """

    def __init__(self, port: int):
        listening = [
            one.pid
            for one in psutil.net_connections('tcp')
            if one.status == psutil.CONN_LISTEN
            and one.laddr.port == port
            and one.pid
        ]
        known = {
            process.pid: process
            for pid in listening
            for process in (
                psutil.Process(pid),
                *psutil.Process(pid).children(recursive=True),
            )
        }
        self.processes = list(known.values())

    def now(self) -> int:
        """Bytes at this moment."""
        total = 0
        for process in self.processes:
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
        return total

    def seconds(self) -> float:
        """Processor seconds so far."""
        total = 0.0
        for process in self.processes:
            with contextlib.suppress(psutil.Error):
                total += sum(process.cpu_times()[:2])
        return total

    @contextlib.contextmanager
    def peak(self) -> collections.abc.Iterator[list[int]]:
        """The most that it grows by within the block, in bytes, as the list's
        only entry.
        """
        before, grown, ended = self.now(), [0], threading.Event()

        def watch() -> None:
            while not ended.wait(0.02):
                grown[0] = max(grown[0], self.now() - before)

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            yield grown
        finally:
            ended.set()
            watching.join()


class Target:
    """The server, and how to speak to it byte by byte."""

    def __init__(self, url: str, project: str, token: str, large: int):
        parts = urllib.parse.urlsplit(url)
        self.address = (parts.hostname or '', parts.port or 80)
        self.path = f'{parts.path.rstrip("/")}/v2/{project}/sessions'
        self.token, self.large = token, large

    def connect(self) -> socket.socket:
        """A new connection."""
        return socket.create_connection(self.address, timeout=PATIENCE)

    def head(
        self,
        *lines: str,
        method: str = 'POST',
        path: str = '',
        version: str = '1.1',
    ) -> bytes:
        """The beginning of a request, up to the empty line."""
        first = f'{method} {path or self.path} HTTP/{version}'
        return '\r\n'.join(
            [
                first,
                'Host: localhost',
                f'X-Auth-Token: {self.token}',
                *lines,
                '',
                '',
            ]
        ).encode()

    def exchange(self, *parts: bytes, blindly: int = 0) -> str:
        """Send parts, then ``blindly`` so many bytes more without a look at
        the answer; what came back, in short.
        """
        with self.connect() as connection:
            sent = 0
            try:
                for part in parts:
                    connection.sendall(part)
                while sent < blindly:
                    connection.sendall(b'x' * min(MIB, blindly - sent))
                    sent += MIB
                failed = ''
            except OSError as error:
                failed = f', {type(error).__name__} after {sent // MIB} MiB'
            return self.answers(connection) + failed

    def answers(self, connection: socket.socket) -> str:
        """The status of every answer until the connection is closed, or
        nothing comes for a second.
        """
        received = b''
        connection.settimeout(PATIENCE)
        try:
            while data := connection.recv(65536):
                received += data
                connection.settimeout(1)
            end = 'closed'
        except TimeoutError:
            end = 'open'
        except OSError as error:
            end = type(error).__name__
        statuses = re.findall(rb'HTTP/1\.[01] (\d\d\d)', received)
        kind = (
            'json'
            if b'"code":' in received and b'"title":' in received
            else 'text'
        )
        told = ' id' if b'x-openstack-request-id' in received.lower() else ''
        return (
            ' '.join(status.decode() for status in statuses)
            + f' {kind}{told} ({end})'
        )

    def plain(self) -> float:
        """Seconds that a plain request takes; infinite if it isn't
        answered.
        """
        began = time.monotonic()
        try:
            with self.connect() as connection:
                connection.settimeout(10)
                connection.sendall(
                    self.head('Connection: close', method='GET')
                )
                return (
                    time.monotonic() - began
                    if connection.recv(100).startswith(b'HTTP/1.1 200')
                    else float('inf')
                )
        except OSError:
            return float('inf')


def announced(target: Target) -> str:
    """A large body is announced, and some of it sent."""
    return target.exchange(
        target.head(f'Content-Length: {target.large}'), blindly=target.large
    )


def one_chunk(target: Target) -> str:
    """A large body is sent as one chunk."""
    return target.exchange(
        target.head('Transfer-Encoding: chunked'),
        b'%x\r\n' % target.large,
        blindly=target.large,
    )


def many_chunks(target: Target) -> str:
    """A body beyond the limit in chunks, by a client that looks at the answer
    afterwards.
    """
    chunk = b'10000\r\n' + b'x' * 0x10000 + b'\r\n'
    return target.exchange(
        target.head('Transfer-Encoding: chunked'), *[chunk] * 100, b'0\r\n\r\n'
    )


def tiny_chunks(target: Target) -> str:
    """Four MiB of chunks of one byte each."""
    return target.exchange(
        target.head('Transfer-Encoding: chunked'),
        b'1\r\nx\r\n' * (4 * MIB // 6),
        b'0\r\n\r\n',
    )


def somewhat_large(target: Target) -> str:
    """A body of 6 MiB with its length, by a client that looks at the answer
    afterwards.
    """
    return target.exchange(
        target.head(f'Content-Length: {6 * MIB}'), blindly=6 * MIB
    )


def header(target: Target) -> str:
    """A header of 100 MiB."""
    return target.exchange(target.head()[:-2] + b'X: ', blindly=100 * MIB)


def request_line(target: Target) -> str:
    """A request line of 100 MiB."""
    return target.exchange(b'GET /', blindly=100 * MIB)


def digits(target: Target) -> str:
    """A length of 5,000 digits."""
    return target.exchange(target.head(f'Content-Length: {"9" * 5000}'))


def broken_chunks(target: Target) -> str:
    """A size that is no number."""
    return target.exchange(
        target.head('Transfer-Encoding: chunked'), b'zz\r\nabc\r\n0\r\n\r\n'
    )


def both_lengths(target: Target) -> str:
    """A length beside chunks: whoever reads by the length sees a second
    request.
    """
    inner = target.head(method='GET')
    return target.exchange(
        target.head(
            'Transfer-Encoding: chunked', f'Content-Length: {len(inner) + 5}'
        ),
        b'0\r\n\r\n',
        inner,
    )


def two_lengths(target: Target) -> str:
    """Two lengths that differ."""
    return target.exchange(
        target.head('Content-Length: 2', 'Content-Length: 40'),
        b'{}' + target.head(method='GET'),
    )


def old_chunks(target: Target) -> str:
    """Chunks in HTTP/1.0, which has none."""
    lines = ('Transfer-Encoding: chunked', 'Connection: keep-alive')
    return target.exchange(
        target.head(*lines, version='1.0'),
        target.head(method='GET', version='1.0'),
    )


def unread_body(target: Target) -> str:
    """A chunked body that looks like a request, for a path that doesn't
    exist.
    """
    inner = target.head(method='GET')
    head = target.head('Transfer-Encoding: chunked', path='/nothing')
    return target.exchange(
        head, b'%x\r\n%s\r\n0\r\n\r\n' % (len(inner), inner)
    )


def trailers(target: Target) -> str:
    """Trailers that look like a request."""
    inner = target.head(method='GET')
    return target.exchange(
        target.head('Transfer-Encoding: chunked'),
        b'2\r\n{}\r\n0\r\nX: y\r\n' + inner,
    )


def gone(target: Target) -> str:
    """A client that goes away within its body."""
    with target.connect() as connection:
        connection.sendall(
            target.head('Content-Length: 1000') + b'{"schedule"'
        )
    return '-'


@contextlib.contextmanager
def held(
    target: Target, count: int, first: bytes
) -> collections.abc.Iterator[list[socket.socket]]:
    """Connections that have sent something and wait."""
    with contextlib.ExitStack() as stack:
        connections = []
        for _ in range(count):
            connection = stack.enter_context(socket.socket())
            connection.settimeout(2)
            with contextlib.suppress(OSError):
                connection.connect(target.address)
                connection.sendall(first)
            connections.append(connection)
        yield connections


def slow(
    count: int, first: collections.abc.Callable[[Target], bytes]
) -> collections.abc.Callable[[Target], str]:
    """An attack by connections that send a byte now and then."""

    def attack(target: Target) -> str:
        with held(target, count, first(target)) as connections:
            times = []
            for _ in range(5):
                for connection in connections:
                    with contextlib.suppress(OSError):
                        connection.send(b'x')
                time.sleep(0.2)
                times.append(target.plain())
            return f'others wait {max(times):.3f} s'

    return attack


def idle(target: Target) -> str:
    """400 connections that say nothing; best against a server that may open
    256 files.
    """
    memory = Memory(target.address[1])
    with held(target, 400, b''):
        before = memory.seconds()
        time.sleep(2)
        used = memory.seconds() - before
        return (
            f'others wait {target.plain():.3f} s, {used / 2:.0%} of a'
            ' processor'
        )


ATTACKS: dict[str, collections.abc.Callable[[Target], str]] = {
    'announced': announced,
    'one chunk': one_chunk,
    'many chunks': many_chunks,
    'tiny chunks': tiny_chunks,
    '6 MiB': somewhat_large,
    'header': header,
    'request line': request_line,
    '5000 digits': digits,
    'broken chunks': broken_chunks,
    'both lengths': both_lengths,
    'two lengths': two_lengths,
    'chunks in 1.0': old_chunks,
    'unread body': unread_body,
    'trailers': trailers,
    'gone': gone,
    '10 slow headers': slow(10, lambda target: b'GET / HTTP/1.1\r\nX: '),
    '200 slow headers': slow(200, lambda target: b'GET / HTTP/1.1\r\nX: '),
    '200 slow bodies': slow(
        200, lambda target: target.head('Content-Length: 1000')
    ),
    '400 idle': idle,
}


def run(target: Target, name: str) -> tuple[typing.Any, ...]:
    """One attack: its answer, seconds, growth of memory in MiB, seconds of a
    plain request afterwards.
    """
    memory = Memory(target.address[1])
    began = time.monotonic()
    with memory.peak() as grown:
        try:
            said = ATTACKS[name](target)
        except OSError as error:
            said = type(error).__name__
        took = time.monotonic() - began
    return said, took, grown[0] / MIB, target.plain()


def main() -> None:
    """Print a line for each attack."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('url')
    parser.add_argument('--project', default='p1')
    parser.add_argument('--token', default='none')
    parser.add_argument('--only', default=','.join(ATTACKS))
    parser.add_argument('--large', type=int, default=800)
    options = parser.parse_args()
    target = Target(
        options.url, options.project, options.token, options.large * MIB
    )
    print(f'{"attack":17} {"seconds":>7} {"MiB":>6} {"then":>6}  answer')
    for name in options.only.split(','):
        said, took, grown, then = run(target, name)
        print(
            f'{name:17} {took:7.2f} {grown:6.0f} {then:6.3f}  {said}',
            flush=True,
        )


if __name__ == '__main__':
    main()
