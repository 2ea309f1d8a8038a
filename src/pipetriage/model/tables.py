"""How tables are named, and who wrote them."""

from pipetriage.model.write_state import WriteState


def table_name(name: str) -> str:
    """Bring a table's name to the form in which names are compared."""
    return name.strip().replace("`", "").replace('"', "").casefold()


def same_table(one: str, other: str) -> bool:
    """Compare two names of which one may be qualified further (``glue.sales.orders``, ``sales.orders``)."""
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def made_by_several(state: WriteState, attempt: int) -> bool:
    """Whether more than one attempt of the batch committed what is there; ``attempt`` counts from 0."""
    runs = {one.run for one in state.commits}
    if runs == {None}:
        # Nothing says whose they are: in a first attempt they are its own.
        return attempt > 0 and len(state.commits) > 1
    return len(runs) > 1
