"""When the windows of runs end: calls that nobody makes, beside those of a history."""

import math

from tests.linearizable.history import History, Operation
from tests.linearizable.states import SHORT_WINDOW

#: Seconds by which the clocks of servers and callers may differ while a window passes.
TOLERANCE = 0.005
#: Who makes such calls.
NOBODY = -1
#: Who makes all documents before the callers begin, and reads all of them once they have ended.
READER = 0


def with_windows(history: History) -> list[Operation]:
    """Add the end of the window of each run that a start may have begun: a run begins between the
    call and its end, so its window ends as much later as it is long.
    """
    ends = []
    for operation in history:
        if operation.asked['name'] != 'start':
            continue
        if operation.answer is not None and operation.answer['status'] != 202:
            continue
        is_known = operation.answer is not None
        ends.append(
            Operation(
                NOBODY,
                operation.called + SHORT_WINDOW - TOLERANCE,
                operation.ended + SHORT_WINDOW + TOLERANCE if is_known else math.inf,
                {'name': 'pass_window', 'begun_by': operation.asked['id']},
                {} if is_known else None,
            )
        )
    return [*history, *ends]
