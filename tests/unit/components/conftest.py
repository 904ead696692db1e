from tests.support.components.examples import Example


def pytest_make_parametrize_id(val: object) -> str | None:
    return val.title if isinstance(val, Example) else None
