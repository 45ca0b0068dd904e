"""What an import tells of single rows, each with the rule that decided."""

import dataclasses
import typing

#: The rules by which an import repairs what it reads, or keeps it although the
#: API would refuse it today. Every note names one of them.
RULES: typing.Final[dict[str, str]] = {
    'value-kept': (
        'A value that the API would refuse today is kept as it is.'
    ),
    'id-kept': (
        'An id that the API would refuse today is kept if it is ASCII without'
        ' blanks and not longer than 255 characters.'
    ),
    'id-replaced': (
        'An id that no store can keep is replaced by one that is made from it,'
        ' wherever documents name it; metadata of backups stay as they are.'
    ),
    'json-repaired': (
        'JSON that cannot be read counts as absent; in JSON that can be read,'
        ' single values that no store can keep are replaced.'
    ),
    'client-registered-twice': (
        'Of several registrations of one client in a project, the first is'
        ' kept.'
    ),
    'client-not-central': (
        'Of several central clients with one id, the first one stays central.'
    ),
    'client-gone': 'A job stays although its client no longer exists.',
    'action-restored': (
        'A deleted action that a job still has is brought back.'
    ),
    'action-copied': (
        'A job that has an action of another project gets a copy of it, under'
        ' the same id, in its own project.'
    ),
    'action-made': (
        'A job with a definition that no action has gets an action of its own'
        ' for it.'
    ),
    'action-lost': (
        'An entry of a job is dropped if its action left no definition.'
    ),
    'member-gone': (
        'A session loses a member whose job was deleted or belongs to another'
        ' project.'
    ),
    'member-elsewhere': (
        'A job that several sessions list is a member of the one that the job'
        ' names; of none if the job names none.'
    ),
    'member-added': (
        'A job that names a session of its project is a member of it, also if'
        ' the session does not list it.'
    ),
    'session-gone': (
        'A job that names a session that does not exist in its project is in'
        ' no session and keeps its schedule; without a schedule it is told to'
        ' stop.'
    ),
    'schedule-of-session': 'A member gets the schedule of its session.',
    'tag-repaired': (
        "A session's tag is 0 or more, and no member's tag is greater."
    ),
    'run-settled': (
        'A run is completed if all its members have completed, or if nobody is'
        ' left in it.'
    ),
    'run-unknown': (
        'A session has no run if its tag or its start is unknown, whatever its'
        ' status.'
    ),
    'project-assigned': (
        'A document without a project is put into the project that the'
        ' operator named.'
    ),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Note:
    """What is told of one document: the rule of :data:`RULES` that decided,
    and the particulars.

    ``id`` is the one that the published service has.
    """

    kind: str
    project_id: str
    id: str
    rule: str
    detail: str


class Notes:
    """Collects the notes on one document."""

    def __init__(self, kind: str, project_id: str, id: str):
        self.kind = kind
        self.project_id = project_id
        self.id = id
        self.found: list[Note] = []

    def add(self, rule: str, detail: str) -> None:
        """Note that a rule decided something."""
        # A rule that nobody can look up must not get into a report.
        RULES[rule]
        self.found.append(
            Note(
                self.kind,
                self.project_id,
                self.id,
                rule,
                detail,
            )
        )
