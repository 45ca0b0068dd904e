"""What is answered to everybody: the documents that tell what there is, and
errors; for the description of the API.
"""

from freezer_api import error_codes
from freezer_api.schemas import answers, base

VERSIONS = base.whole(
    'Versions',
    {
        'versions': answers.array(
            base.whole(
                'Version',
                {
                    'id': answers.TEXT,
                    'status': answers.TEXT,
                    'updated': answers.TEXT,
                    'links': answers.array(answers.LINK),
                },
            )
        )
    },
)
_RELATION = base.whole(
    'Relation',
    {
        'href-template': answers.TEXT,
        'href-vars': {
            'type': 'object',
            'additionalProperties': answers.TEXT,
            'description': 'by the variables of the template',
        },
        'hints': answers.free('as JSON Home has them'),
    },
)
HOME = base.whole(
    'Home',
    {
        'api': answers.free('links to what describes the API'),
        'resources': answers.by_id(
            _RELATION, 'the relations, such as rel/sessions'
        ),
    },
)
DESCRIPTION = base.titled(
    'Description',
    {
        **base.record({'openapi': answers.TEXT}, ('openapi',)),
        'additionalProperties': True,
        'description': 'an OpenAPI document',
    },
)
ERROR = base.whole(
    'Error',
    {
        'title': answers.TEXT,
        'description': {
            'type': 'string',
            'description': 'what is wrong; for people',
        },
        'code': {
            'type': 'string',
            'description': 'what is wrong; for programs',
            'examples': sorted(error_codes.MEANINGS),
        },
    },
)
#: The answer of keystonemiddleware to a request without a valid token.
TOKEN_ERROR = base.whole(
    'TokenError',
    {
        'error': base.whole(
            'TokenErrorDetails',
            {
                'code': answers.INTEGER,
                'title': answers.TEXT,
                'message': answers.TEXT,
            },
        )
    },
)
