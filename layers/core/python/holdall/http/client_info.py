"""The network and the program that a request comes from."""

import ipaddress
from typing import Annotated

from aws_lambda_powertools.event_handler import Depends, Request
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from holdall.platform import ids, observability
from holdall.platform.caller import ClientInfo
from holdall.platform.config import settings


def client_info(event: APIGatewayProxyEventV2) -> ClientInfo:
    """Return the client of a request. Only CloudFront may name its IP address; otherwise it is that of the gateway."""
    headers = event.headers
    from_edge = ids.constant_time_equal(headers.get("x-holdall-origin-verify") or "", settings().origin_verify_secret)
    viewer_ip = headers.get("x-holdall-viewer") if from_edge else None
    ip = viewer_ip or event.request_context.http.source_ip or ""
    user_agent = (headers.get("user-agent") or "")[:256]
    return ClientInfo(_network(ip), user_agent, observability.request_id(), origin=headers.get("origin"))


def asks_for_page(headers: dict[str, str]) -> bool:
    """Return whether a person looks at the response. Browsers name HTML when they navigate, and programs do not."""
    return "text/html" in (headers.get("accept") or "")


def _read_asks_for_page(request: Request) -> bool:
    return asks_for_page(request.headers)


AsksForPage = Annotated[bool, Depends(_read_asks_for_page)]  # a parameter of a route


def _network(ip: str) -> str:
    """Return the network of an IP address: the address itself, or the /64 of IPv6, because everyone has a whole /64."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return "unknown"
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((address, 64), strict=False))
