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
import socket
import time
import typing

from benchmarks.target import MIB, Memory, Target


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
    # 64 KiB; its size is hexadecimal.
    chunk = b'10000\r\n' + b'x' * 0x10000 + b'\r\n'
    many = [chunk] * 100
    head = target.head('Transfer-Encoding: chunked')
    return target.exchange(head, *many, b'0\r\n\r\n')


def tiny_chunks(target: Target) -> str:
    """Four MiB of chunks of one byte each."""
    return target.exchange(
        target.head('Transfer-Encoding: chunked'),
        # Six bytes each.
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
    # Without the empty line.
    head = target.head().removesuffix(b'\r\n')
    return target.exchange(head + b'X: ', blindly=100 * MIB)


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
    # The last chunk ends the first request, for who reads by chunks.
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
    # Nobody is there to be answered.
    return '-'


@contextlib.contextmanager
def held(
    target: Target, count: int, first: bytes
) -> collections.abc.Iterator[list[socket.socket]]:
    """Connections that have sent something and wait."""
    with contextlib.ExitStack() as stack:
        connections = []
        for _ in range(count):
            # A server that takes no more of them is an answer, too.
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
            longest = 0.0
            for _ in range(5):
                for connection in connections:
                    # The server may have closed it.
                    with contextlib.suppress(OSError):
                        connection.send(b'x')
                time.sleep(0.2)
                longest = max(longest, target.plain())
            return f'others wait {longest:.3f} s'

    return attack


def idle(target: Target) -> str:
    """400 connections that say nothing; best against a server that may open
    256 files.
    """
    _host, port = target.address
    memory = Memory(port)
    with held(target, 400, b''):
        # A server that polls them in a loop shows by this.
        before = memory.seconds()
        time.sleep(2)
        used = memory.seconds() - before
        share = used / 2
        waited = target.plain()
        return f'others wait {waited:.3f} s, {share:.0%} of a processor'


#: By the names that ``--only`` takes.
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
    attack = ATTACKS[name]
    _host, port = target.address
    memory = Memory(port)
    began = time.monotonic()
    with memory.peak() as grown:
        try:
            said = attack(target)
        except OSError as error:
            said = type(error).__name__
        took = time.monotonic() - began
    growth = grown[0] / MIB
    return said, took, growth, target.plain()


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
        options.url,
        options.project,
        options.token,
        options.large * MIB,
    )
    header = ('attack', 'seconds', 'MiB', 'then', 'answer')
    print('{:17} {:>7} {:>6} {:>6}  {}'.format(*header))
    for name in options.only.split(','):
        said, took, grown, then = run(target, name)
        print(
            f'{name:17} {took:7.2f} {grown:6.0f} {then:6.3f}  {said}',
            flush=True,
        )


if __name__ == '__main__':
    main()
