"""The answers beside the examples of the specification (GeoReport v2, wiki.open311.org): every element of theirs, in its place.

The clients that are published for it (`open311` for Python, of 2011, and for node, of 2012) run with no interpreter
of today, so the examples stand in for an independent one.
"""

from typing import Any
from xml.etree import ElementTree

import pytest

from tests.app.open311.test_georeport import V2, fields, parsed, post
from tests.conftest import Service
from tests.town import LAMP

EXAMPLES = {
    "services": """
        <services><service>
            <service_code>001</service_code><service_name>Cans left out 24x7</service_name>
            <description>Garbage or recycling cans that have been left out for more than 24 hours</description>
            <metadata>true</metadata><type>realtime</type><keywords>lorem, ipsum, dolor</keywords><group>sanitation</group>
        </service></services>""",
    f"services/{LAMP}": """
        <service_definition><service_code>DMV66</service_code><attributes><attribute>
            <variable>true</variable><code>WHISHETN</code><datatype>singlevaluelist</datatype><required>true</required>
            <datatype_description></datatype_description><order>1</order><description>What is the number?</description>
            <values><value><key>123</key><name>Ford</name></value></values>
        </attribute></attributes></service_definition>""",
    "requests": """
        <service_requests><request>
            <service_request_id>638344</service_request_id><status>closed</status><status_notes>Duplicate.</status_notes>
            <service_name>Sidewalk and Curb Issues</service_name><service_code>006</service_code><description></description>
            <agency_responsible></agency_responsible><service_notice></service_notice>
            <requested_datetime>2010-04-14T06:37:38-08:00</requested_datetime>
            <updated_datetime>2010-04-14T06:37:38-08:00</updated_datetime>
            <expected_datetime>2010-04-15T06:37:38-08:00</expected_datetime>
            <address>8TH AVE and JUDAH ST</address><address_id>545483</address_id><zipcode>94122</zipcode>
            <lat>37.762221815</lat><long>-122.4651145</long><media_url>http://example.org/638344.jpg</media_url>
        </request></service_requests>""",
    "requests/1": """
        <errors><error><code>404</code><description>service_request_id was not found</description></error></errors>""",
    "discovery": """
        <discovery><changeset>2010-11-23 18:13</changeset><contact>You can email or call for assistance</contact>
            <key_service>You can request a key here</key_service><endpoints><endpoint>
            <specification>http://wiki.open311.org/GeoReport_v2</specification><url>https://open311.example.org/v2</url>
            <changeset>2010-11-23 18:13</changeset><type>production</type><formats><format>text/xml</format></formats>
            </endpoint></endpoints></discovery>""",
}
MADE = """
    <service_requests><request>
        <service_request_id>293944</service_request_id><service_notice>The City will inspect it.</service_notice><account_id/>
    </request></service_requests>"""


def paths(element: ElementTree.Element, above: str = "") -> set[str]:
    """List where the elements of a document stand."""
    here = f"{above}/{element.tag}"
    return {here}.union(*(paths(one, here) for one in element))


def keys(value: Any, above: str = "") -> set[str]:
    """List where the values of a JSON document stand; a list is as its parts."""
    if isinstance(value, list):
        return {above}.union(*(keys(one, above) for one in value))
    if isinstance(value, dict):
        return {above}.union(*(keys(one, f"{above}/{name}") for name, one in value.items()))
    return {above}


@pytest.mark.parametrize("address", EXAMPLES)
def test_every_element_of_the_example_is_where_it_stands_there(service: Service, address: str) -> None:
    made = post(service, "json", fields())
    assert made.status_code == 201
    example = ElementTree.fromstring(EXAMPLES[address])  # noqa: S314 - our own text
    viewer = service.as_("viewer")
    xml = parsed(service.client.get(f"{V2}/{address}.xml", headers=viewer).content)
    assert paths(example) - paths(xml) == set()
    # In JSON a list has no name for its parts: `services/service/x` is `x` there.
    parts = ("service", "request", "attribute", "value", "error", "endpoint", "format")
    told = service.client.get(f"{V2}/{address}.json", headers=viewer).json()
    wanted = {"/" + "/".join(name for name in one.split("/")[2:] if name not in parts) for one in paths(example)}
    assert {one.rstrip("/") for one in wanted} - keys(told) == set()


@pytest.mark.parametrize("form", ["xml", "json"])
def test_a_report_is_answered_as_in_the_example(service: Service, form: str) -> None:
    made = post(service, form, fields())
    if form == "xml":
        assert paths(ElementTree.fromstring(MADE)) == paths(parsed(made.content))  # noqa: S314 - our own text
    else:
        assert [set(one) for one in made.json()] == [{"service_request_id", "service_notice", "account_id"}]
