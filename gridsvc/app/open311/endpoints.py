"""Open311 GeoReport v2 over HTTP: services, requests, and a report as a form; errors as the specification has them.

http://wiki.open311.org/GeoReport_v2/: code and description in the form that was asked for, with the status of HTTP.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.routing import APIRoute
from pydantic import ValidationError

from gridsvc.access.guard import Caller, doorkeeper_of, identify
from gridsvc.app.open311 import reading
from gridsvc.app.open311.shapes import answer
from gridsvc.core.errors import Forbidden, Invalid, NotFound, Refusal, Unauthenticated
from gridsvc.core.http import STATUS, InTransaction
from gridsvc.core.settings import settings
from gridsvc.incidents.intake.report import Reporter, report
from gridsvc.incidents.schemas import Report

FORMS = ("json", "xml")
LONGEST = 100_000


class Told(APIRoute):
    """A route whose refusals are told as the specification has them, in the form that was asked for."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Wrap the handler."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                response: Response = await inner(request)
            except Refusal as refusal:
                form = request.path_params.get("form", "json")
                # The specification has 403 for a missing or wrong key, and 400 for what makes no sense.
                status = {401: 403, 422: 400}.get(STATUS[refusal.kind], STATUS[refusal.kind])
                told = [{"code": status, "description": refusal.sentence}]
                return answer(form if form in FORMS else "json", "errors", told, status)
            return response

        return handle


REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "code and description, as GeoReport has them, in the form that was asked for",
        "content": {"application/json": {}, "text/xml": {}, "application/problem+json": {}},
    }
}

router = APIRouter(prefix="/open311/v2", tags=["open311"], route_class=Told, responses=REFUSALS)


async def form_of(form: str) -> str:
    """Read the form that was asked for; raises NotFound for another one."""
    if form not in FORMS:
        raise NotFound(f"there is no form {form[:20]!r}; there are json and xml")
    return form


async def reader(request: Request) -> Caller:
    """Find who reads or reports: the token as `api_key`, or as everywhere else. Raises Forbidden without one."""
    keys: dict[str, str] = {}
    if settings().open311_key_in_address:
        keys |= request.query_params
    elif "api_key" in request.query_params:
        raise Unauthenticated("api_key is taken in the form or the Authorization header, not in the address")
    if request.method == "POST":
        keys |= await fields_of(request)
    if (key := keys.get("api_key")) is not None:
        caller = await doorkeeper_of(request).recognise(key)
        if caller is None:
            raise Unauthenticated("the api_key was not recognised")
        return caller
    return await identify(request)


async def fields_of(request: Request) -> dict[str, str]:
    """Read the fields of a form; raises Invalid for a body that is none, or far too long."""
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > LONGEST:
        raise Invalid(f"a request has at most {LONGEST:,} bytes")
    async with request.form(max_files=0, max_fields=100, max_part_size=LONGEST) as form:
        return {key: str(value) for key, value in form.multi_items()}


Form = Annotated[str, Depends(form_of)]
Reader = Annotated[Caller, Depends(reader)]


def _let(caller: Caller, verb: str) -> None:
    if not caller.may(verb):
        raise Forbidden(f"this api_key may not do this ({verb})")


@router.get("/discovery.{form}")
def discover(form: Form) -> Response:
    """Tell what this is and where it is: no key is needed for it."""
    endpoint = {
        "specification": "http://wiki.open311.org/GeoReport_v2",
        "url": "/open311/v2",
        "changeset": "2026-11-26T00:00:00Z",
        "type": "production",
        "formats": ["application/json", "text/xml"],
    }
    told = {
        "changeset": "2026-11-26T00:00:00Z",
        "contact": "The office that runs this service gives keys, and answers for it.",
        "key_service": "/api/v1/tokens",
        "endpoints": [endpoint],
    }
    return answer(form, "discovery", told)


@router.get("/services.{form}")
def list_services(session: InTransaction, form: Form, caller: Reader) -> Response:
    """List the services: the classes of the current catalogue."""
    _let(caller, "incident.read")
    return answer(form, "services", reading.services(session))


@router.get("/services/{code}.{form}")
def read_service(session: InTransaction, code: str, form: Form, caller: Reader) -> Response:
    """Tell what a service asks for: its conditions, as the values of the attribute `condition`."""
    _let(caller, "incident.read")
    return answer(form, "service_definition", reading.definition(session, code))


@router.get("/requests.{form}")
def list_requests(session: InTransaction, request: Request, form: Form, caller: Reader) -> Response:
    """List requests by `service_request_id`, `service_code`, `status`, `start_date`, `end_date`, `page`, `page_size`."""
    _let(caller, "incident.read")
    asked = reading.question({**request.query_params}, datetime.now(UTC))
    return answer(form, "service_requests", reading.requests(session, asked))


@router.get("/requests/{number}.{form}")
def read_request(session: InTransaction, number: str, form: Form, caller: Reader) -> Response:
    """Read one request by its number."""
    _let(caller, "incident.read")
    asked = reading.question({"service_request_id": number}, datetime.now(UTC))
    if not (found := reading.requests(session, asked)):
        raise NotFound(f"service_request_id {number[:40]!r} was not found")
    return answer(form, "service_requests", found)


@router.post("/requests.{form}", status_code=201)
def make_request(
    session: InTransaction,
    form: Form,
    caller: Reader,
    fields: Annotated[dict[str, str], Depends(fields_of)],
) -> Response:
    """Report: a form with `service_code`, `lat` and `long` (or `address_string`), `attribute[condition]`, `description`.

    Who reports is not kept: names, mail addresses and phones that a program sends along are passed over.
    """
    _let(caller, "incident.report")
    by = Reporter(caller, datetime.now(UTC), settings())
    made = report(session, given_by(fields), by)
    told = {"service_request_id": made["number"], "service_notice": None, "account_id": None}
    return answer(form, "service_requests", [told], 201)


def given_by(fields: dict[str, str]) -> Report:
    """Make a report of a form; raises Invalid, naming what is missing or wrong."""
    if not fields.get("service_code"):
        raise Invalid("service_code was not provided")
    condition = fields.get("attribute[condition]") or fields.get("attribute[condition][]")
    if not condition:
        raise Invalid("attribute[condition] was not provided; the service definition lists its values")
    given: dict[str, Any] = {
        "class": fields["service_code"],
        "condition": condition,
        "text": fields.get("description", ""),
        "source": "open311",
    }
    if fields.get("lat") and fields.get("long"):
        given["place"] = {"lon": fields["long"], "lat": fields["lat"]}
    elif fields.get("address_string"):
        given["address"] = fields["address_string"]
    else:
        raise Invalid("lat and long, or an address_string, were not provided")
    try:
        return Report.model_validate(given, strict=False)  # in a form a number is text
    except ValidationError as error:
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise Invalid(told) from None
