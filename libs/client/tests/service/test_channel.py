"""A channel over TLS, to one server and to several: the certificate is checked against the name that was given."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import pytest
import trustme

from lumbung_client import Options
from lumbung_client.channel import open_channel

NAME = "stock.lumbung.test"
METHOD = "/lumbung.test/Echo"


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def port(authority: trustme.CA) -> AsyncIterator[int]:
    """A server with a certificate for one name, which answers what it is asked."""

    async def echo(request: bytes, _context: object) -> bytes:
        return request

    certificate = authority.issue_cert(NAME)
    key = certificate.private_key_pem.bytes()
    chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
    server = grpc.aio.server()
    handler = grpc.method_handlers_generic_handler(
        "lumbung.test", {"Echo": grpc.unary_unary_rpc_method_handler(echo)}
    )
    server.add_generic_rpc_handlers((handler,))
    chosen = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, chain)]))
    await server.start()
    yield chosen
    await server.stop(None)


async def _asked(target: str, authority: trustme.CA, name: str) -> bytes:
    trusted = grpc.ssl_channel_credentials(root_certificates=authority.cert_pem.bytes())
    more = [("grpc.ssl_target_name_override", name)]
    async with open_channel(target, Options(), credentials=trusted, more=more) as channel:
        answer: bytes = await channel.unary_unary(METHOD)(b"here", timeout=10)
        return answer


@pytest.mark.parametrize("addresses", [1, 2], ids=["one", "several"])
async def test_the_certificate_is_checked_against_the_name_given(
    port: int, authority: trustme.CA, addresses: int
) -> None:
    target = "ipv4:" + ",".join([f"127.0.0.1:{port}"] * addresses)
    assert await _asked(target, authority, NAME) == b"here"


@pytest.mark.parametrize("addresses", [1, 2], ids=["one", "several"])
async def test_a_certificate_for_another_name_is_refused(
    port: int, authority: trustme.CA, addresses: int
) -> None:
    target = "ipv4:" + ",".join([f"127.0.0.1:{port}"] * addresses)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _asked(target, authority, "other.lumbung.test")
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
