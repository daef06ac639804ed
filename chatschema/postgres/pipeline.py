"""Sending statements without waiting for each answer, in a transaction that knows which statement failed."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Generic, TypeVar

from psycopg.pq import TransactionStatus

from chatschema import postgres
from chatschema.errors import ServerError
from chatschema.postgres import Connection

T = TypeVar("T")

# The limits of what is sent before waiting for answers: enough to keep the server busy, small enough for memory.
_STATEMENTS, _CHARACTERS = 500, 1 << 20
_OPEN = (TransactionStatus.INTRANS, TransactionStatus.INERROR)


class Refused(Exception):
    """The server refused the statement that was sent with this label."""

    def __init__(self, label: Any, cause: ServerError) -> None:
        super().__init__(str(cause))
        self.label, self.cause = label, cause


class Pipeline(Generic[T]):
    """Statements that were sent over a connection, each with a label, until they are answered."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sent: deque[tuple[Any, T]] = deque()
        self._statements = self._characters = 0
        self.is_open = False

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run the block as a transaction that commits at its end; a small one takes a single round trip.

        In it one execute() takes one statement, and reading a row waits for all that was sent before it. Raises Refused
        when a statement of send() failed, ServerError for any other and for the commit; a failed block is rolled back.
        """
        self._sent.clear()
        self._statements = self._characters = 0
        self.is_open = True
        failure: ServerError | None = None
        try:
            with postgres.translated(), self._connection.pipeline():
                try:
                    with postgres.translated():
                        self._connection.execute("begin isolation level read committed")
                        yield
                        self._connection.execute("commit")
                        self._wait()
                except ServerError as error:
                    failure = error
                    self._settle()
                except BaseException:
                    self._settle()
                    raise
        except ServerError as error:
            failure = failure or error
        finally:
            self.is_open = False
            self._roll_back()
        if failure:
            failure = _without_protocol(failure)
            self._forget_answered()
            if self._sent:
                raise Refused(self._sent[0][1], failure)
            raise failure

    def send(self, text: str, label: T) -> None:
        """Send a statement of the transaction; a refusal is raised at the end, or at any later execute()."""
        cursor = self._connection.cursor()
        self._sent.append((cursor, label))
        cursor.execute(text.encode())
        self._forget_answered()
        self._statements += 1
        self._characters += len(text)
        if self._statements == _STATEMENTS or self._characters > _CHARACTERS:
            self._wait()
            self._statements = self._characters = 0

    def _wait(self) -> None:
        """Wait until all is answered; raises ServerError for the first that was refused."""
        with postgres.translated(), self._connection.pipeline() as pipeline:
            pipeline.sync()

    def _settle(self) -> None:
        """Read the remaining answers, which are errors; otherwise psycopg would log them when the pipeline ends."""
        with suppress(ServerError):
            self._wait()

    def _forget_answered(self) -> None:
        while self._sent and self._sent[0][0].pgresult is not None:
            self._sent.popleft()

    def _roll_back(self) -> None:
        # A lost connection has nothing to roll back, and the error that lost it is raised.
        if self._connection.info.transaction_status in _OPEN:
            with suppress(ServerError):
                postgres.execute(self._connection, "rollback")


def _without_protocol(error: ServerError) -> ServerError:
    """Return the error that the statement would have outside of a pipeline, if it comes from the pipeline protocol."""
    if error.sqlstate != "08P01":
        return error
    return ServerError("there is no value for its parameter ($1)", "write the value itself", "42P02", code="server.parameter")
