"""What is said while the database is away, always the same, and never where it is."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from gmm_core.store import is_away, reason

logger = logging.getLogger(__name__)

AWAY = (
    "The database does not answer at the moment. Nothing that is finished is lost; try again in a "
    "minute."
)
BROKEN = (
    "The database answers with an error, which the log of this server names. Tell whoever runs it."
)


class DatabaseAwayError(ValueError):
    """The database does not answer; the reason, which may name hosts and people, is logged."""

    def __init__(self, error: SQLAlchemyError) -> None:
        super().__init__(AWAY if is_away(error) else BROKEN)
        logger.warning("The database did not answer: %s", reason(error))


@contextmanager
def store_answers() -> Iterator[None]:
    """Say in a sentence that the database is away; why is for the log."""
    try:
        yield
    except SQLAlchemyError as error:
        raise DatabaseAwayError(error) from error
