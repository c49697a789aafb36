"""MQTT connections: the only file that knows paho.

QoS 1, acknowledged by hand after the journal's commit; a persistent session under one client id. A
thread of its own keeps the connection alive, whatever the rest of the process does.
"""

import contextlib
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import paho.mqtt.client as paho
import structlog
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from citypatrol.clock import Clock, Ts
from citypatrol.crashpoints import CrashPoint, crash_point
from ingest.broker import Away, Broker, Patience
from ingest.inbox import Inbox
from ingest.message import Message
from ingest.pace import Pace
from ingest.progress import Progress
from ingest.wire import Wire

log = structlog.get_logger(__name__)

_PATIENCE: Final = Patience()
_SUBSCRIBE_AGAIN_S: Final = 30.0
_STEADY_S: Final = 5.0
_FIRST_WAIT_S: Final = 0.5
_LONGEST_WAIT_S: Final = 30.0
_TAKEN_OVER: Final = 3
_BROKEN: Final = select.POLLHUP | select.POLLERR | select.POLLNVAL


class Link:
    """One connection after another to one broker. ``run`` is the thread's work; the other methods
    may be called from any thread."""

    def __init__(
        self,
        broker: Broker,
        *,
        name: str,
        client_id: str,
        filters: Sequence[str],
        former: Sequence[str],
        had_session: bool,
        inbox: Inbox,
        progress: Progress,
        clock: Clock,
        patience: Patience = _PATIENCE,
    ) -> None:
        """``former``: filters that this client id once had, and is to have no more."""
        self._broker = broker
        self._name = name
        self._client_id = client_id
        self._filters = tuple(filters)
        self._former = tuple(former)
        self._had_session = had_session
        self._inbox = inbox
        self._progress = progress
        self._clock = clock
        self._patience = patience
        self._closing = threading.Event()
        self._paused = False
        self._epoch = 0
        self._durable: deque[tuple[Sequence[Message], Sequence[Ts]]] = deque()
        self._wake_r, self._wake_w = socket.socketpair()
        self._wake_r.setblocking(False)
        self._wake_w.setblocking(False)
        self._pace = Pace()
        self._failures = 0
        self._lost = ""
        self._asked: dict[int, tuple[str, ...]] = {}
        self._asked_at = self._heard_at = 0.0
        self._refused: tuple[str, ...] = ()
        self.waiting_for: str | None = f"connects to {broker.url}"

    def done(self, messages: Sequence[Message], stamps: Sequence[Ts]) -> None:
        """These are durable: acknowledge them. ``stamps``: the times that payloads brought."""
        self._durable.append((messages, stamps))
        self._wake()

    def pause(self) -> None:
        """Read nothing more; go on acknowledging."""
        self._paused = True
        self._wake()

    def close(self) -> None:
        """Take leave of the broker and end ``run``."""
        self._closing.set()
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # it is awake already, or has ended
            self._wake_w.send(b"\0")

    def run(self) -> None:
        while not self._closing.is_set():
            began = time.monotonic()
            self._lost = ""
            try:
                self._serve(self._connect())
                reason = self._lost or f"{self._broker.url} closed the connection"
            except Away as away:
                reason = str(away)
            answered = self._progress.subscribed
            self._progress.lost(time.monotonic())
            if not self._closing.is_set():
                self._wait(reason, answered=answered, lasted_s=time.monotonic() - began)
        self._wake_r.close()
        self._wake_w.close()

    def _wait(self, reason: str, *, answered: bool, lasted_s: float) -> None:
        self._failures = 1 if answered and lasted_s > _STEADY_S else self._failures + 1
        if answered and self._failures >= _TAKEN_OVER:
            reason += f"; does another process use the client id {self._client_id}?"
        wait_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** min(self._failures - 1, 10))
        self.waiting_for = reason
        log.warning("the broker is away", input=self._name, reason=reason, again_in_s=wait_s)
        self._closing.wait(wait_s)

    def _connect(self) -> "_Client":
        self._epoch += 1
        self._asked.clear()
        self._refused = ()
        broker, patience = self._broker, self._patience
        client = _Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            clean_session=False,
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.connect_timeout = patience.connect_s
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_socket_register_write = lambda *_: None  # paho leaves the writing to the loop
        if broker.username is not None:
            secret = broker.password
            client.username_pw_set(broker.username, secret.reveal() if secret else None)
        try:
            if broker.tls:
                client.tls_set_context(broker.tls_context())
            client.connect(broker.host, broker.port, keepalive=patience.keepalive_s)
        except (OSError, ValueError) as error:
            raise Away(broker.failure(error, waited_s=patience.connect_s)) from error
        self._asked_at = time.monotonic()
        return client

    def _serve(self, client: "_Client") -> None:
        """Until the connection is lost, or ``close``."""
        poll = select.poll()
        poll.register(self._wake_r, select.POLLIN)
        more = False
        while (wire := client.wire) is not None:
            now_s = time.monotonic()  # before the poll: what came while we got no processor counts
            nap_ms = self._pace.nap_ms(now_s, window=self._progress.window)
            deaf = self._paused or self._inbox.is_full or nap_ms > 0
            wants = 0 if deaf else select.POLLIN
            poll.register(wire, wants | (select.POLLOUT if wire.wants_write else 0))
            events = dict(poll.poll(0 if more and not deaf else nap_ms or self._patience_ms()))
            if self._wake_r.fileno() in events:
                self._wake_r.recv(4_096)
            self._acknowledge(wire)
            came = events.get(wire.fileno(), 0)
            if came & _BROKEN or (wants & select.POLLIN and (more or came & select.POLLIN)):
                more = self._read(client, wire)
            self._flush_when_due()
            if self._closing.is_set():
                client.disconnect()
            client.loop_write()
            wire.flush()
            client.loop_misc()
            self._look_after(client, wire, now_s)

    def _read(self, client: "_Client", wire: Wire) -> bool:
        """What has come; True where there may be more."""
        messages, more = wire.read(arrived=self._clock.now(), epoch=self._epoch)
        while client.wire is not None and wire.has_news:
            client.loop_read()
        if messages:
            self._take(messages)
        return more

    def _take(self, messages: Sequence[Message]) -> None:
        self._heard_at = now_s = time.monotonic()
        self._inbox.put(messages)
        self._progress.received += len(messages)
        self._progress.read(now_s)
        self._pace.came(len(messages), now_s=now_s)

    def _flush_when_due(self) -> None:
        """At once when the in-flight window in use is full, or the last commit is a while ago."""
        now_s = time.monotonic()
        if self._pace.is_due(now_s) or (self._pace.waits and self._progress.asks_for_a_commit()):
            self._inbox.flush()
            self._pace.flushed(now_s)

    def _patience_ms(self) -> int:
        """How long the network may be waited for."""
        if self._pace.waits:
            return self._pace.left_ms(time.monotonic())
        return 1_000 if self._progress.settled else 50

    def _acknowledge(self, wire: Wire) -> None:
        while self._durable:
            messages, stamps = self._durable.popleft()
            crash_point(CrashPoint.MQTT_ACK_BEFORE)
            # A number of an earlier connection may by now be another message's.
            epoch = self._epoch
            wire.acknowledge([one.mid for one in messages if one.mid and one.epoch == epoch])
            wire.flush()
            crash_point(CrashPoint.MQTT_ACK_AFTER)
            self._progress.finished(len(messages), stamps, now_s=time.monotonic())

    def _look_after(self, client: paho.Client, wire: Wire, now_s: float) -> None:
        silent_s = now_s - max(self._asked_at, self._heard_at)  # what it kept may come first
        if not self._progress.subscribed and silent_s > self._patience.answer_s:
            wire.close()
            what = "SUBACK" if self._asked else "CONNACK"
            message = f"{self._broker.url} sent no {what} within {self._patience.answer_s:.0f} s"
            raise Away(message)
        if self._refused and now_s - self._asked_at > _SUBSCRIBE_AGAIN_S:
            self._subscribe(client, self._refused)
        self._progress.look(now_s)

    def _subscribe(self, client: paho.Client, filters: Sequence[str]) -> None:
        self._asked_at = time.monotonic()
        _, mid = client.subscribe([(one, 1) for one in filters])
        if mid is not None:
            self._asked[mid] = tuple(filters)

    def _on_connect(self, client: paho.Client, _: Any, flags: Any, reason: Any, __: Any) -> None:
        if reason.is_failure:
            self._lost = self._broker.refusal(reason.value, str(reason))
            return
        if not flags.session_present and self._had_session:
            log.error(
                "the broker has forgotten our session: what was published while we were away is"
                " lost; is its persistence on?",
                input=self._name,
            )
        if self._former:
            client.unsubscribe(list(self._former))
        self.waiting_for = f"waits for the SUBACK of {self._broker.url}"
        self._subscribe(client, self._filters)

    def _on_subscribe(
        self, _: paho.Client, __: Any, mid: int, reasons: Sequence[Any], ___: Any
    ) -> None:
        now_s = time.monotonic()
        pairs = list(zip(self._asked.pop(mid, ()), reasons, strict=False))
        self._refused = tuple(one for one, reason in pairs if reason.is_failure)
        if not self._progress.subscribed:
            self._progress.granted(now_s, round_trip_s=now_s - self._asked_at)
        if self._refused:
            topics = ", ".join(f"`{one}`" for one in self._refused)
            who, url = self._broker.who, self._broker.url
            self.waiting_for = f"{url} refused {who} the subscription to {topics}; look at its ACL"
            log.error("subscription refused", input=self._name, reason=self.waiting_for)
            return
        self.waiting_for = None
        self._had_session = True
        self._progress.connected()
        topics = ", ".join(one for one, _ in pairs)
        log.info("subscribed", input=self._name, broker=self._broker.url, topics=topics)
        if any(reason.value == 0 for _, reason in pairs):
            log.warning("granted QoS 0 only: readings can be lost", input=self._name)

    def _on_message(self, _: paho.Client, __: Any, message: paho.MQTTMessage) -> None:
        """QoS 2, which paho acknowledges by itself: only what an earlier client of this session
        subscribed to comes so, and a crash can lose it."""
        topic, payload = message.topic, bytes(message.payload)
        self._take([Message(topic, payload, self._clock.now(), message.retain, message.dup)])

    def _on_disconnect(self, client: Any, _: Any, __: Any, reason: Any, ___: Any) -> None:
        if not (self._lost or self._asked or self._progress.subscribed):
            self._lost = self._broker.cut_off(client.made.failure)
        self._lost = self._lost or f"{self._broker.url} closed the connection ({reason})"


class _Client(paho.Client):
    """paho on a ``Wire``; ``wire`` is None before and after a connection, ``made`` is the last."""

    @property
    def wire(self) -> Wire | None:
        sock: Any = self.socket()
        return sock if isinstance(sock, Wire) else None

    def _create_socket(self) -> Any:
        self.made: Wire = Wire(super()._create_socket())  # type: ignore[arg-type]
        return self.made
