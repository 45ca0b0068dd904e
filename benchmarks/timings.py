"""What operations took on each of several stores, as a table."""

import statistics


class Timings:
    """Milliseconds, round after round, of operations on stores."""

    def __init__(self) -> None:
        #: By operation and store.
        self._taken: dict[str, dict[str, list[float]]] = {}

    def add(self, operation: str, store: str, milliseconds: float) -> None:
        """Add what an operation took on a store."""
        by_store = self._taken.setdefault(operation, {})
        by_store.setdefault(store, []).append(milliseconds)

    def print(self, widths: tuple[int, int], digits: int) -> None:
        """Print a line for each operation, with the median and the lowest on
        each store; ``widths`` are those of the first column and the others.
        """
        first, others = widths
        header = ['ms: median (lowest)'.ljust(first)]
        for name in self._stores():
            header.append(name.rjust(others))
        print(*header)

        for operation, by_store in self._taken.items():
            row = [operation.ljust(first)]
            for values in by_store.values():
                median = statistics.median(values)
                lowest = min(values)
                told = f'{median:.{digits}f} ({lowest:.{digits}f})'
                row.append(told.rjust(others))
            print(*row)

    def _stores(self) -> list[str]:
        """Return the names of the stores, in the order in which they came."""
        found: list[str] = []
        for by_store in self._taken.values():
            for name in by_store:
                if name not in found:
                    found.append(name)
        return found
