"""Cron expressions at random, as people write them: mostly sound, now and then a little beyond."""

from hypothesis import strategies as st

from freezer_api.domain import calendars, triggers

NAMES = {**triggers.NAMES, 'day': triggers.WEEKDAYS}


def _numbers(low: int, high: int) -> st.SearchStrategy[str]:
    numbers = st.integers(max(low - 1, 0), high + 1)
    return numbers.map(str) | numbers.map('{:02}'.format)


def _parts(field: str, low: int, high: int) -> st.SearchStrategy[str]:
    number = _numbers(low, high)
    steps = _numbers(1, high - low)
    forms = [
        number,
        st.just('*'),
        steps.map('*/{}'.format),
        st.tuples(number, number).map('-'.join),
        st.tuples(number, steps).map('/'.join),
        st.tuples(number, number, steps).map(lambda parts: '{}-{}/{}'.format(*parts)),
    ]
    if field in triggers.NAMES:
        name = st.sampled_from(triggers.NAMES[field])
        forms += [name, name.map(str.upper), st.tuples(name, name).map('-'.join)]
    if field == 'day':
        named = st.tuples(
            st.sampled_from((*calendars.POSITIONS, 'last')),
            st.sampled_from((' ', '  ')),
            st.sampled_from(triggers.WEEKDAYS),
        )
        forms += [st.sampled_from(('last', 'Last')), named.map(''.join)]
    return st.one_of(forms)


def texts(field: str, low: int = 0, high: int = 0) -> st.SearchStrategy[str]:
    """Texts for a cron field; between other bounds than the field's where these are given."""
    bounds = (low, high) if high else triggers.CRON[field]
    parts = st.lists(_parts(field, *bounds), min_size=1, max_size=3)
    commas = st.sampled_from((',', ', ', ' , '))
    return st.builds(lambda texts, comma: comma.join(texts), parts, commas)


def accepted(field: str, *bounds: int) -> st.SearchStrategy[str]:
    """Texts that we take for a cron field."""
    return texts(field, *bounds).filter(lambda text: triggers.is_cron(field, text))


def fields(years: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[dict[str, str]]:
    """Keys of a schedule for some cron fields, with accepted texts."""
    optional = {f'schedule_{field}': accepted(field) for field in triggers.CRON if field != 'year'}
    if years is None:
        return st.fixed_dictionaries({}, optional={**optional, 'schedule_year': accepted('year')})
    return st.fixed_dictionaries({'schedule_year': years}, optional=optional)
