"""The decorator that meters every call of a function."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from ._async_meter import AsyncMeter
from ._meter import Meter

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._arguments import CallRequest

P = ParamSpec("P")
T = TypeVar("T")


def metered(
    meter: Meter | AsyncMeter,
    *,
    user: str | Callable[..., str],
    messages: Callable[..., Any] | None = None,
    **call: Unpack[CallRequest],
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Meters every call of a function that calls a provider and returns its answer.

    Each call reserves first, and raises ``UsageLimitExceededException`` when there is no room;
    settles with what the answer says was used; and releases the hold when the function raises. A
    stream (an iterator, or an asynchronous one) is settled when it ends or is left.

    ``user`` and ``messages`` may be functions of the arguments of the function. A coroutine
    function is metered on its event loop, without waiting for the disk there.

    >>> import alwrity_metering as am
    >>> meter = am.Meter.open(path)
    >>> _ = meter.seed("default")
    >>> @am.metered(
    ...     meter,
    ...     user=lambda user, prompt: user,
    ...     messages=lambda user, prompt: prompt,
    ...     provider="gemini",
    ...     model="gemini-2.5-flash",
    ... )
    ... def ask(user: str, prompt: str) -> dict[str, object]:
    ...     return {"usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 12}}
    >>> _ = ask("u1", "Say hello.")
    >>> meter.usage_summary("u1").total_tokens
    21
    """
    sync = meter if isinstance(meter, Meter) else meter.meter
    waiting = meter if isinstance(meter, AsyncMeter) else AsyncMeter(meter)

    def wish(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, Any]:
        who = user if isinstance(user, str) else user(*args, **kwargs)
        return who, None if messages is None else messages(*args, **kwargs)

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(function)
        def metered_function(*args: P.args, **kwargs: P.kwargs) -> T:
            who, said = wish(args, kwargs)
            with sync.reserve(who, messages=said, **call) as hold:
                answer = function(*args, **kwargs)
                if isinstance(answer, Iterator | AsyncIterable):
                    return cast("T", hold.stream(cast("Iterator[Any]", answer)))
                hold.settle(response=answer)
                return answer

        @functools.wraps(function)
        async def metered_coroutine(*args: P.args, **kwargs: P.kwargs) -> Any:
            who, said = wish(args, kwargs)
            async with waiting.reserve(who, messages=said, **call) as hold:
                answer = await cast("Awaitable[Any]", function(*args, **kwargs))
                if isinstance(answer, AsyncIterable):
                    return hold.stream(answer)
                await hold.settle(response=answer)
                return answer

        is_coroutine = inspect.iscoroutinefunction(function)
        return cast("Callable[P, T]", metered_coroutine if is_coroutine else metered_function)

    return decorate
