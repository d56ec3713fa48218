"""(being written)"""


def canonical(value: object) -> str:
    return repr(value)
