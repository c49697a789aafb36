"""The desk for the terminal: over HTTP where the city runs, else straight on its database."""

import getpass
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from app.config import CityFile, HttpSection
from app.outcome import OutsideError, WrongError
from app.places import EvidenceLinks, Places
from app.ticket_json import Scribe, sources_json
from citypatrol.clock import Clock
from citypatrol.errors import Retry
from citypatrol.geo import Grid
from citypatrol.registry import Registry
from citypatrol.secret import Secret
from tickets.desk import Desk
from tickets.errors import StoreError, TicketError
from tickets.outbox import Outbox
from tickets.reading import Tickets
from tickets.states import DESK, Step
from tickets.store import Store
from tickets.units import Units

_PATIENCE_S: Final = 15.0  # more than the time between two signs of life of a stream
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - names, not a bind

Json = dict[str, Any]
T = TypeVar("T")


class DeskClient(Protocol):
    """What the commands need. Raises WrongError (no such ticket, forbidden step), OutsideError."""

    def list(self, *, states: Sequence[str], shadow: bool, limit: int) -> list[Json]: ...
    def show(self, ticket: str) -> Json: ...
    def sources(self, ticket: str, *, cursor: str | None) -> Json: ...
    def act(self, ticket: str, action: str, *, note: str | None) -> Json: ...
    def confirm(self, ticket: str, *, note: str | None) -> Json: ...
    def verdict(self, ticket: str, *, real: bool, note: str | None) -> Json: ...


@dataclass(frozen=True, slots=True)
class HttpDesk:
    """The API of a running city."""

    base: str
    token: Secret | None

    @classmethod
    def of(cls, http: HttpSection) -> "HttpDesk":
        host = _EVERYWHERE.get(http.host, http.host)
        shown = f"[{host}]" if ":" in host else host
        return cls(f"http://{shown}:{http.port}", http.token)

    def answers(self) -> bool:
        """Whether a city runs there; OutsideError where something else does."""
        try:
            with _open(urllib.request.Request(f"{self.base}/healthz")) as answer:  # noqa: S310
                alive = json.loads(answer.read()).get("status") == "alive"
        except urllib.error.HTTPError:
            alive = False
        except OSError:
            return False
        except (ValueError, AttributeError):
            alive = False
        if not alive:
            message = f"{self.base} answers, but is no citypatrol; see http.listen"
            raise OutsideError(message)
        return True

    def explain(self, rule: str, source: str) -> Json:
        return self.ask("/api/v1/explain?" + urlencode({"rule": rule, "source": source}))

    def ask(self, path: str, *, body: Mapping[str, Any] | None = None) -> Json:
        """GET, or POST where there is a body."""
        data = None if body is None else json.dumps(body).encode()
        try:
            with self._opened(path, data) as answer:
                found: Json = json.loads(answer.read())
                return found
        except (OSError, ValueError) as error:
            message = f"{self.base}: {error}"
            raise OutsideError(message) from error

    def follow(self, path: str) -> Iterator[Json]:
        """The server-sent events of an answer that has no end; ends when the city does."""
        try:
            with self._opened(path, None) as answer:
                for line in answer:
                    if line.startswith(b"data: "):
                        yield json.loads(line[6:])
        except TimeoutError as error:
            message = f"{self.base} gives no sign of life any more"
            raise OutsideError(message) from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            message = f"{self.base}: the connection broke off: {error}"
            raise OutsideError(message) from error

    def _opened(self, path: str, data: bytes | None) -> Any:
        request = urllib.request.Request(f"{self.base}{path}", data)  # noqa: S310 - our own base
        request.add_header("Content-Type", "application/json")
        if self.token is not None:
            request.add_header("Authorization", f"Bearer {self.token.reveal()}")
        try:
            return _open(request)
        except urllib.error.HTTPError as error:
            detail = _detail(error)
            if error.code in (400, 404, 409, 422):
                raise WrongError(detail) from None
            if error.code == 401:
                detail = (
                    "the running city has another token; is http.token, or CITYPATROL_TOKEN, here"
                    " the one that it was started with?"
                )
            message = f"{self.base}: {error.code} {detail}"
            raise OutsideError(message) from None

    def list(self, *, states: Sequence[str], shadow: bool, limit: int) -> list[Json]:
        asked = {"state": states, "limit": limit, "shadow": str(shadow).lower()}
        query = urlencode(asked, doseq=True)
        tickets: list[Json] = self.ask(f"/api/v1/tickets?{query}")["tickets"]
        return tickets

    def show(self, ticket: str) -> Json:
        return self.ask(f"/api/v1/tickets/{quote(ticket, safe='')}")

    def sources(self, ticket: str, *, cursor: str | None) -> Json:
        query = urlencode({"limit": 1000} | ({"cursor": cursor} if cursor is not None else {}))
        return self.ask(f"/api/v1/tickets/{quote(ticket, safe='')}/sources?{query}")

    def act(self, ticket: str, action: str, *, note: str | None) -> Json:
        path = f"/api/v1/tickets/{quote(ticket, safe='')}/{action}"
        return self.ask(path, body={"note": note, "who": own_name()})

    def confirm(self, ticket: str, *, note: str | None) -> Json:
        path = f"/api/v1/tickets/{quote(ticket, safe='')}/confirm"
        return self.ask(path, body={"note": note, "who": own_name()})

    def verdict(self, ticket: str, *, real: bool, note: str | None) -> Json:
        path = f"/api/v1/tickets/{quote(ticket, safe='')}/verdict"
        return self.ask(path, body={"real": real, "note": note, "who": own_name()})


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _open(request: urllib.request.Request) -> Any:
    """Straight to the address: never through a proxy that the environment names."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
    return opener.open(request, timeout=_PATIENCE_S)


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["detail"])
    except (ValueError, KeyError, TypeError):
        return str(error.reason)


class StoreDesk:
    """The database of a city that does not run. ``close`` gives its lock back."""

    def __init__(self, file: CityFile, places: Places, units: Units, *, clock: Clock) -> None:
        try:
            self._store = Store(places.tickets_url)
        except StoreError as error:
            raise OutsideError(str(error)) from error
        links = EvidenceLinks(places.evidence_key(), file.http.url)
        self._clock = clock
        self._tickets = Tickets(self._store)
        self._scribe = Scribe(units, links, clock)
        self._desk = Desk(
            self._store,
            city_code=file.city.code,
            timezone=ZoneInfo(file.city.timezone),
            units=units,
            registry=Registry.empty(),
            grid=Grid.empty(),
            evidence_url=links,
            callback_url=places.callback_url,
            outbox=Outbox(self._store),
        )

    def open_to_read(self) -> None:
        _asking(self._store.open_to_read)

    def open(self) -> None:
        _asking(self._store.open)

    def close(self) -> None:
        self._store.close()

    def list(self, *, states: Sequence[str], shadow: bool, limit: int) -> list[Json]:
        def found() -> list[Json]:
            page = self._tickets.list(state=states or None, shadow=shadow, limit=limit)  # type: ignore[arg-type]
            pictures = self._tickets.pictures([ticket.id for ticket in page.tickets])
            return [
                self._scribe.listed(ticket, pictures=pictures.get(ticket.id, ()))
                for ticket in page.tickets
            ]

        return _asking(found)

    def show(self, ticket: str) -> Json:
        return _asking(lambda: self._scribe.detail(self._tickets.get(ticket)))

    def sources(self, ticket: str, *, cursor: str | None) -> Json:
        page = _asking(lambda: self._tickets.sources(ticket, limit=1000, cursor=cursor))
        return sources_json(page)

    def act(self, ticket: str, action: str, *, note: str | None) -> Json:
        step: Step = next(known for known in DESK if known == action)
        now = self._clock.now()
        _asking(lambda: self._desk.act(ticket, step, note=note, who=own_name(), now=now))
        return self.show(ticket)

    def confirm(self, ticket: str, *, note: str | None) -> Json:
        now = self._clock.now()
        _asking(lambda: self._desk.confirm(ticket, note=note, who=own_name(), now=now))
        return self.show(ticket)

    def verdict(self, ticket: str, *, real: bool, note: str | None) -> Json:
        now = self._clock.now()
        who = own_name()
        _asking(lambda: self._desk.verdict(ticket, real=real, note=note, who=who, now=now))
        return self.show(ticket)


def own_name() -> str:
    """The login name of who is at the terminal."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no such user: a container's bare number
        return "the terminal"


def _asking(work: Callable[[], T]) -> T:
    try:
        return work()
    except (StoreError, Retry) as error:
        raise OutsideError(str(error)) from error
    except TicketError as error:
        raise WrongError(str(error)) from error
