"""What is learnt with permission: tokens, fan-out, limits, violations and holds."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from seventh.model.drawing import Drawing, Span


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to a socket when the token that opened it ends."""

    SHOWN: ClassVar = ("source", "lifetime_seconds", "outcome", "after_seconds", "close_code")

    source: str = ""
    """Where the token stood: ``--token-file``, or the name of a parameter."""
    lifetime_seconds: float | None = None
    """What was left of it when the socket opened, by its ``exp``; negative: it had ended."""
    outcome: Literal["closed", "open", "refused", "not-reached"] | None = None
    """``open``: the server still answered pings afterwards."""
    after_seconds: float | None = None
    """How long after the end it was closed, or still open."""
    close_code: int | None = None


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """When a message reached the k-th of its receivers, the fastest being the first."""

    k: int
    least_seconds: float
    """In the best of the rounds; likewise the others."""
    median_seconds: float
    most_seconds: float
    rounds: int
    """In how many of them it reached so many."""


class Fanout(msgspec.Struct, frozen=True, kw_only=True):
    """Publishing on one socket, receiving on others."""

    SHOWN: ClassVar = ("sockets", "rounds", "reached", "echoed", "p50_seconds", "p95_seconds",
                       "max_seconds")  # fmt: skip

    sockets: int
    """How many stood open, the publisher included."""
    rounds: int
    """How often something was published."""
    expected: int
    """Deliveries to the other sockets that should have been."""
    delivered: int
    echoed: int = 0
    """How often the publisher got its own message."""
    p50_seconds: float | None = None
    p95_seconds: float | None = None
    max_seconds: float | None = None
    wait_seconds: float = 0.0
    """How long each round was waited for."""
    receivers: tuple[Receiver, ...] = ()
    """Some of them, from the first to the last."""

    @property
    def quantiles(self) -> dict[str, float]:
        """By the share of the deliveries that had arrived by then, as a label says it."""
        known = {"0.5": self.p50_seconds, "0.95": self.p95_seconds, "1": self.max_seconds}
        return {share: seconds for share, seconds in known.items() if seconds is not None}

    @property
    def reached(self) -> str:
        """Deliveries, of those that should have been."""
        return f"{self.delivered}/{self.expected}"

    def drawing(self) -> Drawing | None:
        """To the k-th receiver: from the best round to the worst."""
        if len(self.receivers) < 2:
            return None
        number = self.sockets - 1
        never = number - max(each.k for each in self.receivers)
        lost = f"; the other {never} got it in no round" if never else ""
        return Drawing(
            title=f"From publishing to the k-th of {number} receivers: median of {self.rounds} "
            f"rounds, best to worst{lost}",
            spans=tuple(
                Span(
                    label=f"k = {each.k}",
                    low=each.least_seconds,
                    high=each.most_seconds,
                    said=f"{each.median_seconds * 1e3:.3g} ms"
                    + (f", in {each.rounds} rounds" if each.rounds < self.rounds else ""),
                )
                for each in self.receivers
            ),
        )

    @property
    def ratio(self) -> float:
        """Delivered for each expected."""
        return self.delivered / self.expected if self.expected else 0.0


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that no client may say, and what the server made of it."""

    SHOWN: ClassVar = ("name", "outcome", "code")

    kind: Literal["mask", "rsv", "utf8", "frag"]
    name: str
    outcome: Literal["refused", "accepted", "unclear"]
    """``accepted``: it went on and answered the ping that followed."""
    code: int | None = None
    """Of the close frame."""
    detail: str = ""


class LongMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Longer and longer messages."""

    SHOWN: ClassVar = ("accepted_bytes", "refused_bytes", "code", "detail")

    accepted_bytes: int = 0
    """The longest after which the server still answered."""
    refused_bytes: int | None = None
    """The one that it did not take; None when it took all."""
    code: int | None = None
    """Of the close frame then; None without one."""
    ended: bool = False
    """Whether the connection just ended, without a close frame."""
    detail: str = ""


class Burst(msgspec.Struct, frozen=True, kw_only=True):
    """Many small messages at once."""

    SHOWN: ClassVar = ("messages", "outcome", "seconds", "code", "hints")

    messages: int
    seconds: float
    """From the first message until the server had read the last one, by the pong after it."""
    outcome: Literal["taken", "closed", "slowed", "unclear"]
    code: int | None = None
    hints: tuple[str, ...] = ()
    """Words of its answers that speak of a limit."""


class Backpressure(msgspec.Struct, frozen=True, kw_only=True):
    """What a server does for a reader that does not read, as long as it has something to say."""

    SHOWN: ClassVar = ("echoes", "outcome", "sent_bytes", "code")

    echoes: bool | None = None
    """Whether the server answers each message with as much; otherwise nothing can be told."""
    sent_bytes: int = 0
    outcome: Literal["stopped", "closed", "dropped", "unbounded", "unclear"] | None = None
    """``stopped``: it read no more from us; ``dropped``: it took all that we had and kept few of
    its answers; ``unbounded``: it kept them."""
    code: int | None = None


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Sockets held without a word from us (pings are answered)."""

    SHOWN: ClassVar = ("seconds", "sockets", "pings", "ping_seconds", "cuts_seconds", "closes",
                       "messages")  # fmt: skip

    seconds: float
    """How long it was."""
    wanted_seconds: float = 0.0
    pings: int = 0
    """How many the server sent on the first socket."""
    ping_seconds: float | None = None
    """The median gap between them."""
    pinged_seconds: tuple[float, ...] = ()
    """At which ages of it, the first of them."""
    sockets: int = 2
    """How many were held, one a little younger than the other."""
    cuts_seconds: tuple[float, ...] = ()
    """At which age each socket ended that ended without a close frame."""
    closes: tuple[int | None, ...] = ()
    """The codes of those that were closed in order."""
    messages: int = 0
    """What the server said meanwhile."""

    def drawing(self) -> Drawing | None:
        """Return how long each socket stood, and when the server pinged."""
        spans = [
            Span(label="cut", low=0.0, high=age, said=f"without a close frame after {age:.1f} s")
            for age in self.cuts_seconds
        ]
        spans += [
            Span(label="closed", low=0.0, high=self.seconds, said=f"with code {code or 'none'}")
            for code in self.closes
        ]
        for _ in range(self.sockets - len(spans)):
            spans.append(Span(label="stood", low=0.0, high=self.seconds, said="to the end"))
        before = 0.0
        for number, at in enumerate(self.pinged_seconds, start=1):
            gap = at - before
            spans.append(Span(label=f"ping {number}", low=before, high=at, said=f"+{gap:.2f} s"))
            before = at
        return Drawing(title=f"{self.seconds:.1f} s without a word from us", spans=tuple(spans))
