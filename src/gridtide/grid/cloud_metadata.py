"""
The document a cloud serves to its own virtual machines, which says where they are.

The three clouds answer at one link-local address, without credentials, to whoever runs on the machine. All three are
asked at once and the first good answer counts; on a machine outside a cloud nobody answers within a second. The address
is a number, because a name would have to be looked up, and nothing bounds how long that takes.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

import httpx2

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["read_metadata"]

ADDRESSES: Final = {
    "aws": "http://169.254.169.254",
    "gcp": "http://169.254.169.254",
    "azure": "http://169.254.169.254",
}
_WAIT_S: Final = 1.0
_MOST_BYTES: Final = 64 * 1024


async def read_metadata(
    *, addresses: Mapping[str, str] = ADDRESSES, transport: httpx2.AsyncBaseTransport | None = None
) -> dict[str, Any] | None:
    """
    Metadata of this machine in a form that `gridtide.grid.zones.resolve_metadata` reads, or None outside a cloud.

    Args:
        addresses: Where each cloud's service is; others in tests.
        transport: Stands in for the network in tests.
    """
    timeout = httpx2.Timeout(_WAIT_S)
    async with httpx2.AsyncClient(transport=transport, timeout=timeout, trust_env=False) as client:
        asked = {"aws": _aws, "gcp": _gcp, "azure": _azure}
        tasks = [asyncio.create_task(asked[cloud](client, base)) for cloud, base in addresses.items()]
        try:
            for done in asyncio.as_completed(tasks, timeout=3 * _WAIT_S):
                found = await _tolerant(done)
                if found:
                    return found
        except TimeoutError:
            return None
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    return None


async def _tolerant(answer: asyncio.Future[dict[str, Any]]) -> dict[str, Any] | None:
    """No answer, a refusal and garbage all mean: this is not that cloud."""
    try:
        return await answer
    except (httpx2.HTTPError, ValueError, RecursionError):
        return None


async def _aws(client: httpx2.AsyncClient, base: str) -> dict[str, Any]:
    ttl = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    token = await _text(client, "PUT", f"{base}/latest/api/token", ttl)
    headers = {"X-aws-ec2-metadata-token": token}
    return _object(await _text(client, "GET", f"{base}/latest/dynamic/instance-identity/document", headers))


async def _gcp(client: httpx2.AsyncClient, base: str) -> dict[str, Any]:
    headers = {"Metadata-Flavor": "Google"}
    return {"zone": (await _text(client, "GET", f"{base}/computeMetadata/v1/instance/zone", headers)).strip()}


async def _azure(client: httpx2.AsyncClient, base: str) -> dict[str, Any]:
    address = f"{base}/metadata/instance/compute?api-version=2021-02-01"
    return {"compute": _object(await _text(client, "GET", address, {"Metadata": "true"}))}


async def _text(client: httpx2.AsyncClient, method: str, address: str, headers: dict[str, str]) -> str:
    async with client.stream(method, address, headers=headers) as response:
        response.raise_for_status()
        body = b""
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > _MOST_BYTES:
                raise ValueError("metadata longer than expected")
        return body.decode()


def _object(text: str) -> dict[str, Any]:
    tree = json.loads(text)
    if not isinstance(tree, dict):
        raise ValueError("metadata is no object")  # noqa: TRY004 - caught as a wrong value with the others
    return tree
