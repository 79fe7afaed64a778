"""Who is calling, as the program says: contexts that nest, for threads and tasks alike."""

from contextvars import ContextVar, Token
from types import TracebackType
from urllib.parse import quote

from firedoor.errors import CallerError
from firedoor.types.exchange import Binding
from firedoor.types.ids import RunId

_NAME_CHARS_MAX = 200

_instance: ContextVar[Binding | None] = ContextVar("firedoor_instance", default=None)
_run: ContextVar[RunId | None] = ContextVar("firedoor_run", default=None)


def current_binding() -> Binding | None:
    """The innermost instance that is open here."""
    return _instance.get()


def current_run() -> RunId | None:
    """The outermost run that is open here."""
    return _run.get()


def _checked(name: str, what: str) -> str:
    if not isinstance(name, str) or not name.strip() or len(name) > _NAME_CHARS_MAX:
        raise CallerError(
            f"{what}: {name!r} is no name", hint=f"a text of 1 to {_NAME_CHARS_MAX} characters"
        )
    if "/" in name or not name.isprintable():
        raise CallerError(f"{what}: {name!r} holds a slash or a control character")
    return name


class InstanceScope:
    """``with door.instance(name)``: calls inside belong to the instance."""

    def __init__(self, name: str, compartment: str | None = None) -> None:
        self.name = _checked(name, "instance")
        self.compartment = _checked(compartment, "compartment") if compartment is not None else None
        self._tokens: list[Token[Binding | None]] = []

    def __enter__(self) -> "InstanceScope":
        outer = _instance.get()
        compartment = self.compartment
        binding = Binding(self.name, compartment, outer)
        self._tokens.append(_instance.set(binding))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _instance.reset(self._tokens.pop())

    async def __aenter__(self) -> "InstanceScope":
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)


class SpawnScope(InstanceScope):
    """``with door.spawn(name)``: calls inside belong to a child of the instance that is open here.

    Raises:
        CallerError: No instance is open, so there is nobody whose child it could be.
    """

    def __init__(self, name: str, compartment: str | None = None) -> None:
        super().__init__(name, compartment)
        parent = _instance.get()
        if parent is None:
            raise CallerError(
                f"spawn: there is no instance open that {name!r} could be a child of",
                hint='with door.instance("parent"): with door.spawn("child"): …',
            )
        self.parent = parent.name

    @property
    def headers(self) -> dict[str, str]:
        """What a child in another process sends with its calls to a sidecar: whose child it is."""
        return {
            "x-firedoor-instance": quote(self.name),
            "x-firedoor-parent": quote(self.parent),
        }


class RunScope:
    """``with door.run(name)``: calls inside belong to the run. Inside another run it is that run."""

    def __init__(self, run: RunId) -> None:
        self.run = run
        self._tokens: list[Token[RunId | None]] = []

    def __enter__(self) -> "RunScope":
        self._tokens.append(_run.set(_run.get() or self.run))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _run.reset(self._tokens.pop())

    async def __aenter__(self) -> "RunScope":
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)
