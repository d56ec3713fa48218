"""Requests that write or read large values, asked as the smaller ones that they become."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeAlias

from afresh.backends.memcached.address import Large
from afresh.backends.memcached.client import Request, Response
from afresh.backends.memcached.store.large import divided, head_of, is_large, reads, refusal, together

Exchange: TypeAlias = Callable[[Sequence[Request]], Awaitable[list[Response]]]
"""Sends requests as they are."""
Place: TypeAlias = Callable[[Request], tuple[int, int]]
"""The server of a request, and how large its values may be."""


def small_writes(requests: Iterable[Request], place: Place, policy: Large) -> list[list[Request] | str]:
    """For each request what is sent instead of it, or why nothing is."""
    sent: list[list[Request] | str] = []
    for request in requests:
        server, largest = place(request)
        if not is_large(request, largest):
            sent.append([request])
        elif why := refusal(request, largest, policy):
            sent.append(why)
        else:
            sent.append(divided(request, largest, secrets.token_bytes(16), server))
    return sent


async def written(
    requests: Sequence[Request], exchange: Exchange, place: Place, policy: Large
) -> list[Response]:
    """Ask, with large values divided. An answer is that of the head, or the first trouble of a chunk."""
    plan = small_writes(requests, place, policy)
    answers = iter(await exchange([each for sent in plan if not isinstance(sent, str) for each in sent]))
    responses = []
    for sent in plan:
        if isinstance(sent, str):
            responses.append(Response("", (), None, sent))
            continue
        own = [next(answers) for _ in sent]
        responses.append(next((each for each in own if each.error), own[-1]))
    return responses


async def completed(
    requests: Sequence[Request], responses: list[Response], exchange: Exchange, place: Place
) -> list[Response]:
    """Put together the values of which only heads were read, with one more round trip for all of them."""
    heads = [(at, head) for at, response in enumerate(responses) if (head := head_of(response)) is not None]
    wanted = [reads(head, requests[at], place(requests[at])[0]) for at, head in heads]
    chunks = iter(await exchange([each for part in wanted for each in part]))
    for (at, head), part in zip(heads, wanted, strict=True):
        responses[at] = together(head, responses[at], [next(chunks) for _ in part])
    return responses
