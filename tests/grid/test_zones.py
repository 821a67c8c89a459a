"""Where a node or a machine is, and what providers say about it."""

from __future__ import annotations

import json

import httpx2
import pytest

from gridtide.domain.errors import ProviderUnavailable, UnmappedRegion
from gridtide.domain.zone import Confidence
from gridtide.grid.catalogue import Catalogue
from gridtide.grid.cloud_metadata import read_metadata
from gridtide.grid.providers.registry import all_providers
from gridtide.grid.zones import ask_providers, resolve_labels, resolve_metadata

CATALOGUE = Catalogue()
REGION = "topology.kubernetes.io/region"
ZONE = "topology.kubernetes.io/zone"


class TestLabels:
    @pytest.mark.parametrize(
        ("labels", "provider_id", "zone"),
        [
            ({REGION: "eu-west-1"}, "", "IE"),
            ({REGION: "eu-west-1"}, "aws:///eu-west-1a/i-0abc", "IE"),
            ({REGION: "europe-west1", ZONE: "europe-west1-b"}, "gce://project/europe-west1-b/node-1", "BE"),
            ({REGION: "westeurope", ZONE: "westeurope-1"}, "azure:///subscriptions/1/vm", "NL"),
            ({"failure-domain.beta.kubernetes.io/region": "eu-central-1"}, "", "DE"),
            ({ZONE: "eu-west-2c"}, "", "GB"),
            ({}, "aws:///us-west-1b/i-0abc", "US-CAL-CISO"),
            ({}, "gce://project/us-south1-a/node-1", "US-TEX-ERCO"),
            ({REGION: "GB-13"}, "kind://docker/kind/node", "GB-13"),
            ({REGION: "us-east1"}, "gce://p/us-east1-b/n", "US-CAR-SCEG"),
        ],
    )
    def test_region_cloud_and_place_are_found(self, labels, provider_id, zone):
        """Region label first, made unique by the cloud; else the zone label; else the provider id."""
        assert resolve_labels(CATALOGUE, labels, provider_id=provider_id).zone.key == zone

    def test_our_own_label_wins(self):
        """Its owner put it there."""
        labels = {"carbon.codcompass.io/zone": "US-NW-BPAT", REGION: "us-west-2"}
        mapping = resolve_labels(CATALOGUE, labels, provider_id="aws:///us-west-2a/i-1")

        assert (mapping.zone.key, mapping.confidence) == ("US-NW-BPAT", Confidence.USER)

    def test_a_label_that_contradicts_the_machine_says_so(self):
        """The label counts, with the other zone named."""
        mapping = resolve_labels(CATALOGUE, {REGION: "eu-west-1"}, provider_id="aws:///eu-central-1a/i-1")

        assert (mapping.zone.key, mapping.confidence, mapping.alternatives) == ("IE", Confidence.DISAGREE, ("DE",))
        assert "the provider id names eu-central-1a, in DE" in mapping.note

    @pytest.mark.parametrize("labels", [{}, {REGION: " "}, {"app": "web"}])
    def test_nothing_usable_is_refused_with_what_was_looked_at(self, labels):
        """The hint is the label to set."""
        with pytest.raises(UnmappedRegion, match="looked for carbon.codcompass.io/zone") as caught:
            resolve_labels(CATALOGUE, labels, provider_id="kind://docker/kind/node")

        assert caught.value.hint == "label the node, for example carbon.codcompass.io/zone=GB"

    def test_an_unknown_region_is_refused_with_suggestions(self):
        """A cloud's new region is not mapped to a wrong one."""
        with pytest.raises(UnmappedRegion) as caught:
            resolve_labels(CATALOGUE, {REGION: "eu-west-9"}, provider_id="aws:///eu-west-9a/i-1")

        assert "aws:eu-west-" in caught.value.hint


AWS = {"region": "eu-west-1", "availabilityZone": "eu-west-1a", "instanceId": "i-1"}


def cloud(name):
    """The metadata service of one cloud; the others refuse."""

    def answer(request):
        path, head = request.url.path, request.headers
        if name == "aws" and path == "/latest/api/token" and request.method == "PUT":
            return httpx2.Response(200, text="token-1")
        if name == "aws" and path == "/latest/dynamic/instance-identity/document":
            return httpx2.Response(200 if head.get("x-aws-ec2-metadata-token") == "token-1" else 401, json=AWS)
        if name == "gcp" and path == "/computeMetadata/v1/instance/zone" and head.get("metadata-flavor") == "Google":
            return httpx2.Response(200, text="projects/1/zones/europe-west1-b")
        if name == "azure" and path == "/metadata/instance/compute" and head.get("metadata") == "true":
            return httpx2.Response(200, json={"location": "westeurope", "name": "vm"})
        if name == "garbage":
            return httpx2.Response(200, content=b"\xff<html>" + b"x" * 100_000)
        if name == "array":
            return httpx2.Response(200, json=[])
        if name == "none":
            raise httpx2.ConnectTimeout("nobody there")
        return httpx2.Response(404)

    return httpx2.MockTransport(answer)


class TestMetadata:
    @pytest.mark.parametrize(("name", "zone"), [("aws", "IE"), ("gcp", "BE"), ("azure", "NL")])
    async def test_each_cloud_says_where_its_machine_is(self, name, zone):
        """All three are asked; the one that answers counts."""
        document = await read_metadata(transport=cloud(name))

        assert resolve_metadata(CATALOGUE, document).zone.key == zone

    @pytest.mark.parametrize("name", ["none", "other", "garbage"])
    async def test_outside_a_cloud_there_is_no_metadata(self, name):
        """Silence, refusals and garbage are no place; a transparent proxy's page is none either."""
        document = await read_metadata(transport=cloud(name))

        assert document is None or "zone" in document
        with pytest.raises(UnmappedRegion):
            resolve_metadata(CATALOGUE, document or {})

    async def test_an_answer_of_another_shape_is_no_answer(self):
        """A list is not a document."""
        document = await read_metadata(transport=cloud("array"), addresses={"azure": "http://azure.test"})

        assert document is None

    @pytest.mark.parametrize("document", [{}, {"region": 5}, {"compute": None}, {"zone": "nowhere"}, {"region": ""}])
    def test_a_document_without_a_place_is_refused(self, document):
        """The message says what was looked for."""
        with pytest.raises(UnmappedRegion, match="looked for compute.location, zone and region"):
            resolve_metadata(CATALOGUE, json.loads(json.dumps(document)))


def says(answer):
    async def asker(mapping):
        if isinstance(answer, Exception):
            raise answer
        return answer

    return asker


class TestAskingProviders:
    async def test_agreement_makes_a_rule_sure(self):
        """A second source that says the same turns a rule into agreement."""
        ours = CATALOGUE.resolve("azure:polandcentral")
        mapping, opinions = await ask_providers(CATALOGUE, ours, {"watttime": says("pl")})

        assert (ours.confidence, mapping.confidence) == (Confidence.RULE, Confidence.AGREE)
        assert mapping.source == "place+watttime"
        assert opinions[0].agrees is True

    async def test_disagreement_is_reported_and_ours_stays(self):
        """The user decides; the other zone is an alternative under our key."""
        ours = CATALOGUE.resolve("aws:us-west-2")
        mapping, opinions = await ask_providers(
            CATALOGUE, ours, {"electricitymaps": says("US-NW-BPAT"), "watttime": says("PACW")}
        )

        assert (mapping.zone.key, mapping.confidence) == ("US-NW-PACW", Confidence.DISAGREE)
        assert "US-NW-BPAT" in mapping.alternatives
        assert "electricitymaps says US-NW-BPAT, our table US-NW-PACW" in mapping.note
        assert [o.agrees for o in opinions] == [False, False]

    async def test_a_users_own_mapping_stays_the_users(self):
        """Even when every provider says otherwise; the note still tells."""
        ours = Catalogue(overrides={"us-west-2": "US-NW-BPAT"}).resolve("us-west-2")
        mapping, _ = await ask_providers(CATALOGUE, ours, {"electricitymaps": says("US-NW-PACW")})

        assert (mapping.zone.key, mapping.confidence) == ("US-NW-BPAT", Confidence.USER)
        assert "electricitymaps says US-NW-PACW" in mapping.note

    @pytest.mark.parametrize("answer", [None, ProviderUnavailable("no answer")])
    async def test_no_answer_is_no_opinion(self, answer):
        """An outage changes nothing."""
        ours = CATALOGUE.resolve("aws:eu-west-1")
        mapping, opinions = await ask_providers(CATALOGUE, ours, {"watttime": says(answer)})

        assert mapping == ours
        assert opinions[0].agrees is None

    async def test_a_key_nobody_knows_is_named_as_the_provider_names_it(self):
        """A new region of a provider is reported, not dropped."""
        ours = CATALOGUE.resolve("aws:eu-west-1")
        mapping, _ = await ask_providers(CATALOGUE, ours, {"watttime": says("ATLANTIS")})

        assert mapping.alternatives == ("watttime:ATLANTIS",)


class TestProvidersKnowOurZones:
    @pytest.mark.parametrize(
        ("provider", "place", "key"),
        [
            ("uk", "GB", "GB"),
            ("uk", "GB-13", "13"),
            ("uk", "SW1A 1AA", "SW1A"),
            ("energy-charts", "aws:eu-central-1", "de"),
            ("energy-charts", "SE-SE3", "se"),
            ("watttime", "aws:us-east-1", "PJM_DC"),
            ("electricitymaps", "gcp:us-central1", "US-CENT-SWPP"),
            ("eia", "US-TEX-ERCO", "ERCO"),
            ("caiso", "US-CAL-CISO", "CAISO"),
            ("ercot", "US-TEX-ERCO", "ERCOT"),
            ("nyiso", "US-NY-NYIS", "NYISO"),
            ("miso", "US-MIDW-MISO", "MISO"),
            ("isone", "US-NE-ISNE", "ISONE"),
            ("energidataservice", "DK-DK1", "DK1"),
            ("odre", "aws:eu-west-3", "FR"),
            ("openelectricity", "aws:ap-southeast-2", "NSW1"),
            ("entsoe", "aws:eu-central-1", "10Y1001A1001A82H"),
        ],
    )
    def test_each_provider_finds_its_own_key_in_our_zone(self, provider, place, key):
        """The table and the providers speak of the same names."""
        spec = all_providers()[provider]
        made = spec.create({credential.parameter: "for-this-test-only" for credential in spec.credentials})

        assert made.key_for(CATALOGUE.resolve(place).zone) == key
