"""Which zone a text means, who says so, and what is refused with which hint."""

from __future__ import annotations

import contextlib
import csv
import importlib
import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridtide.domain.errors import CarbonError, InvalidInput, UnmappedRegion
from gridtide.domain.zone import Confidence
from gridtide.grid import regions, table
from gridtide.grid.catalogue import Catalogue
from gridtide.grid.mix import FACTOR_SETS
from gridtide.grid.static import StaticTable
from support import ROOT, shared_dir

CATALOGUE = Catalogue()


def key(text):
    return CATALOGUE.resolve(text).zone.key


class TestWhatIsUnderstood:
    @pytest.mark.parametrize(
        ("text", "zone"),
        [
            ("GB", "GB"),
            ("us-cal-ciso", "US-CAL-CISO"),
            ("us cal ciso", "US-CAL-CISO"),
            ("US_CAL_CISO", "US-CAL-CISO"),
            ("zone:de", "DE"),
            ("GB-13", "GB-13"),
            ("aws:eu-west-1", "IE"),
            ("eu-west-1", "IE"),
            ("eu-west-1a", "IE"),
            ("gcp:europe-west1", "BE"),
            ("europe-west1-b", "BE"),
            ("westeurope", "NL"),
            ("West Europe", "NL"),
            ("westeurope-2", "NL"),
            ("azure:uksouth", "GB"),
            ("us-east-1", "US-MIDA-PJM"),
            ("us-east1", "US-CAR-SCEG"),
            ("DEU", "DE"),
            ("Germany", "DE"),
            ("south korea", "KR"),
            ("Côte d'Ivoire", "CI"),
            ("UK", "GB"),
            ("Georgia", "GE"),
            ("Texas", "US-TX"),
            ("PJM", "US-MIDA-PJM"),
            ("eia:SC", "US-CAR-SC"),
            ("SC", "SC"),
            ("entsoe:SE_3", "SE-SE3"),
            ("DK1", "DK-DK1"),
            ("watttime:PJM_DC", "US-MIDA-PJM"),
            ("openelectricity:NSW1", "AU-NSW"),
            ("51.5,-0.12", "GB"),
            (" 45.76 , 4.84 ", "FR"),
            ("SW1A 1AA", "GB"),
            ("m1", "GB"),
            ("postcode:SE1", "GB"),
        ],
    )
    def test_one_text_one_zone(self, text, zone):
        """Keys, cloud regions, countries, providers' own keys, points and postcodes all lead to a zone."""
        assert key(text) == zone

    def test_every_answer_says_who_states_it_and_how_sure_it_is(self):
        """A region on which sources disagree says so and names the other zone."""
        contested = CATALOGUE.resolve("gcp:us-central1")
        settled = CATALOGUE.resolve("aws:eu-west-1")

        assert (contested.confidence, contested.alternatives) == (Confidence.DISAGREE, ("US-MIDW-MISO",))
        assert (settled.confidence, settled.source) == (Confidence.AGREE, "CCF+place")

    def test_a_region_carries_what_providers_need(self):
        """Its own WattTime region, the cloud's name and the yearly figure travel with the zone."""
        zone = CATALOGUE.resolve("aws:us-east-1").zone

        assert (zone.at("watttime"), zone.at("eia"), zone.at("cloud"), zone.at("static")) == (
            "PJM_DC",
            "PJM",
            "aws:us-east-1",
            "US-VA",
        )

    def test_a_split_country_names_its_parts(self):
        """Sweden is four bidding zones; the answer is the whole and says so."""
        mapping = CATALOGUE.resolve("SE")

        assert mapping.zone.key == "SE"
        assert "SE-SE1, SE-SE2, SE-SE3, SE-SE4" in mapping.note

    def test_a_postcode_keeps_its_outward_part_for_the_provider_only(self):
        """Where somebody lives, the inward part, is dropped."""
        zone = CATALOGUE.resolve("sw1a 1aa").zone

        assert (zone.key, zone.at("uk"), zone.name) == ("GB", "SW1A", "Great Britain, postcode SW1A")


class TestWhatIsRefusedB07:
    @pytest.mark.parametrize(
        ("text", "error", "message", "hint"),
        [
            ("", InvalidInput, "zone is empty; allowed: a grid zone (GB, US-CAL-CISO)", "gridtide zones"),
            ("  \t\n", InvalidInput, "zone is empty", "gridtide zones"),
            (False, InvalidInput, "zone is False, not a text", "put it in quotes"),
            (None, InvalidInput, "zone is None, not a text", "put it in quotes"),
            ("x" * 10_000, InvalidInput, "is 10000 characters long; allowed: at most 120", None),
            ("\U0001f1e9\U0001f1ea", UnmappedRegion, "is not known; allowed: ", "did you mean DE?"),
            ("\U0001f600", UnmappedRegion, "is not known", "gridtide zones"),
            ("../../etc", UnmappedRegion, "'../../etc' is not known", "gridtide zones"),
            ("a\0b", UnmappedRegion, r"'a\x00b' is not known", "gridtide zones"),
            ("US-PJM", UnmappedRegion, "'US-PJM' is not known", "did you mean US-MIDA-PJM"),
            ("aws:eu-west-9", UnmappedRegion, "is not known", "did you mean aws:eu-west-"),
            ("aws:europe-west1", UnmappedRegion, "is not known", "gcp:europe-west1"),
            ("germny", UnmappedRegion, "is not known", "did you mean DE"),
            ("foo:bar", UnmappedRegion, "is not known", "gridtide zones"),
            ("useast1", UnmappedRegion, "could be aws:us-east-1 (Ashburn) or gcp:us-east1", "write aws:us-east-1 or"),
            ("SE3", UnmappedRegion, "could be SE-SE3 or postcode:SE3", "write SE-SE3 or postcode:SE3"),
        ],
    )
    def test_the_message_names_the_value_what_is_allowed_and_the_nearest_fix(self, text, error, message, hint):
        """Unknown and ambiguous texts are refused; nothing is guessed."""
        with pytest.raises(error) as caught:
            CATALOGUE.resolve(text)

        assert message in caught.value.message
        assert len(caught.value.message) < 400
        assert hint is None or hint in caught.value.hint

    @pytest.mark.parametrize("text", ["no", "NO ", "nO", "\tNO\n"])
    def test_norway_is_not_false(self, text):
        """NO is a country in any case and with any space around it."""
        assert key(text) == "NO"

    @pytest.mark.parametrize("text", ["DE-LU", "de_lu", "DE LU"])
    def test_the_german_bidding_zone_has_one_meaning(self, text):
        """However it is written, ENTSO-E's DE_LU is zone DE."""
        assert key(text) == "DE"

    @given(st.text(max_size=130))
    @settings(max_examples=100, deadline=None)
    def test_no_text_breaks_it(self, text):
        """Any text resolves or is refused with our own error."""
        with contextlib.suppress(CarbonError):
            assert CATALOGUE.resolve(text).zone.key


class TestPointsB08:
    @pytest.mark.parametrize(
        ("lat", "lon", "zone"),
        [
            (51.5, -0.12, "GB"),
            (48.1, 11.6, "DE"),
            (59.9, 10.7, "NO-NO1"),
            (37.6, -122.3, "US-CAL-CISO"),
            (40.7, -74.0, "US-NY-NYIS"),
            (30.1, -95.5, "US-TEX-ERCO"),
            (-33.8, 151.1, "AU-NSW"),
            (35.6, 139.7, "JP-TK"),
            (1.3, 103.8, "SG"),
            (-23.6, -46.7, "BR-CS"),
            (54.6, -5.9, "GB-NIR"),
        ],
    )
    def test_a_city_lies_in_its_zone(self, lat, lon, zone):
        """The nearest known town decides, with the lowest confidence and its distance."""
        mapping = CATALOGUE.resolve_point(lat, lon)

        assert (mapping.zone.key, mapping.confidence) == (zone, Confidence.NEAREST)
        assert "km away, is the nearest known town" in mapping.note

    @pytest.mark.parametrize(
        ("lat", "lon", "message"),
        [
            (91, 0, "latitude is 91; allowed: -90 to 90 degrees"),
            (0, 181, "longitude is 181; allowed: -180 to 180 degrees"),
            (math.nan, 0, "latitude is nan"),
            (0, math.inf, "longitude is inf"),
        ],
    )
    def test_what_is_no_place_is_refused(self, lat, lon, message):
        """Bounds are named."""
        with pytest.raises(InvalidInput, match=message):
            CATALOGUE.resolve_point(lat, lon)

    def test_swapped_coordinates_are_noticed(self):
        """Out of bounds they are refused with the right order; inside, the far answer says so."""
        with pytest.raises(InvalidInput) as caught:
            CATALOGUE.resolve("139.7,35.7")

        assert caught.value.hint == "latitude comes first; did you mean 35.7,139.7?"
        assert "latitude comes first: 51.5,-0.12 is in GB" in CATALOGUE.resolve("-0.12,51.5").note

    def test_the_middle_of_the_atlantic_is_far_from_everywhere(self):
        """A zone more than 200 km away comes with a warning and the distance."""
        mapping = CATALOGUE.resolve("40,-40")

        assert mapping.note.startswith("no known town within 200 km: Azores, 1265 km away")

    def test_a_border_town_names_the_neighbour(self):
        """Aachen lies where three countries meet."""
        mapping = CATALOGUE.resolve_point(50.77, 6.03)

        assert {mapping.zone.key, *mapping.alternatives} >= {"DE", "NL", "BE"}

    @given(st.floats(-90, 90), st.floats(-180, 180))
    @settings(max_examples=50, deadline=None)
    def test_every_point_on_earth_has_a_nearest_zone(self, lat, lon):
        """Poles and the date line included."""
        assert CATALOGUE.resolve_point(lat, lon).zone.key


class TestPostcodes:
    @pytest.mark.parametrize(
        ("text", "zone", "place"),
        [("BT1 1AA", "GB-NIR", "Northern Ireland"), ("IM1", "IM", "Isle of Man"), ("JE2 3AB", "JE", "Jersey")],
    )
    def test_a_postcode_off_the_island_names_its_own_zone(self, text, zone, place):
        """The British service would answer for the wrong grid."""
        with pytest.raises(UnmappedRegion, match=place) as caught:
            CATALOGUE.resolve_postcode(text)

        assert caught.value.hint == f"use zone {zone}"
        assert key(zone) == zone

    @pytest.mark.parametrize("text", ["1AA", "ZZ1", "SW", "SW1A 1A", "QQ1 1AA", "", "SW1A/../..", "12345"])
    def test_garbage_is_refused(self, text):
        """An inward part alone, an area that does not exist, half a code."""
        with pytest.raises(InvalidInput, match="is not British"):
            CATALOGUE.resolve_postcode(text)


class TestOverrides:
    @pytest.mark.parametrize("written", ["us-west-2", "aws:us-west-2", "AWS:US_WEST_2"])
    @pytest.mark.parametrize("asked", ["us-west-2", "aws:us-west-2", "us-west-2b"])
    def test_the_users_mapping_wins_however_it_is_written(self, written, asked):
        """Contested regions are the user's to settle."""
        mapping = Catalogue(overrides={written: "us-nw-bpat"}).resolve(asked)

        assert (mapping.zone.key, mapping.confidence, mapping.source) == (
            "US-NW-BPAT",
            Confidence.USER,
            "settings",
        )

    def test_own_names_can_be_given(self):
        """A site's nickname is a name like any other."""
        assert Catalogue(overrides={"our lab": "GB-13"}).resolve("Our Lab").zone.key == "GB-13"

    def test_an_override_to_nowhere_is_refused_at_once(self):
        """Not when the first job waits for it."""
        with pytest.raises(UnmappedRegion, match="'US-NW-BPTA' is not known") as caught:
            Catalogue(overrides={"us-west-2": "US-NW-BPTA"})

        assert "US-NW-BPAT" in caught.value.hint


class TestTables:
    def test_every_mapping_points_to_a_known_zone(self):
        """The lint: regions, their alternatives, towns, parents, and every override target exist."""
        known = {row["key"] for row in table.rows("zones")}
        targets = {row["zone"] for name in ("cloud_regions", "places") for row in table.rows(name)}
        targets |= {other for region in regions.all_regions().values() for other in region.alternatives}
        targets |= {row["parent"] for row in table.rows("zones") if row["parent"]}

        assert targets <= known
        assert len(known) == len(table.rows("zones"))

    def test_every_cloud_region_resolves_and_has_a_yearly_value_of_its_own_continent(self):
        """All 152 regions; none falls through to the world's average."""
        static = StaticTable()
        for region in CATALOGUE.cloud_regions():
            zone = CATALOGUE.resolve(region.id).zone
            assert zone.country == region.country
            assert static.value(zone).kind != "world"
        assert len(CATALOGUE.cloud_regions()) == 152

    def test_yearly_codes_lead_somewhere(self):
        """A zone's yearly figure is in the table."""
        codes = {row["code"] for row in table.rows("yearly")}

        assert {row["static"] for row in table.rows("zones") if row["static"]} <= codes

    def test_provider_keys_are_unique(self):
        """Two zones never share one key at a source that has a key for each zone."""
        for provider in ("entsoe-eic", "eia", "uk", "electricitymaps", "openelectricity", "iso3"):
            keys = [zone.at(provider) for zone in CATALOGUE.zones() if zone.at(provider)]
            assert len(keys) == len(set(keys)), provider

    def test_providers_and_tables_call_fuels_the_same(self):
        """What a source's code means is stated once more in the table; both agree."""
        for module, name, column in (("eia", "Eia", "eia"), ("entsoe", "Entsoe", "entsoe_psr")):
            fuels = getattr(importlib.import_module(f"gridtide.grid.providers.{module}"), name).fuels
            known = {code.lower(): row["fuel"] for row in table.rows("fuel_codes") for code in row[column].split("|")}

            shared = set(fuels) & set(known) - {"snb"}  # solar with a battery beside it counts as solar

            assert {code: known[code] for code in shared} == {code: fuels[code] for code in shared}
            assert len(shared) > 8

    def test_factor_sets_use_published_figures(self):
        """Each factor that intensities are computed with stands in the table of citations."""
        published = {(row["scope"], row["fuel"], float(row["g_per_kwh"])) for row in table.rows("emission_factors")}
        cited = {(scope, fuel) for scope, fuel, _ in published}
        for chosen in FACTOR_SETS.values():
            used = {(str(chosen.scope), fuel, value) for fuel, value in chosen.factors.items()}

            assert {entry for entry in used if entry[:2] in cited} <= published

    def test_every_table_is_credited(self):
        """A file without a line in SOURCES.md may not be here."""
        for folder in ("grid/tables", "accounting/tables", "grid/series_data"):
            path = ROOT / "src" / "gridtide" / folder
            credit = (path / "SOURCES.md").read_text("utf-8")
            for file in path.glob("*.*"):
                assert file.name == "SOURCES.md" or f"`{file.name}`" in credit, file

    def test_nothing_of_a_share_alike_source_is_in_the_mapping(self):
        """A zone that only a copyleft repository states was derived again from the town."""
        sources = {region.source for region in regions.all_regions().values()}

        assert sources == {
            "CCF",
            "CCF+decarbonization-potential",
            "CCF+place",
            "decarbonization-potential",
            "decarbonization-potential+place",
            "place",
        }

    def test_loading_is_light(self):
        """A region resolves without numpy or an HTTP client."""
        code = (
            "import sys; from gridtide.grid.catalogue import Catalogue; Catalogue().resolve('aws:eu-west-1'); "
            "print([m for m in ('numpy', 'httpx2', 'polars', 'pydantic', 'difflib') if m in sys.modules])"
        )
        found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

        assert found.stdout.strip() == "[]"


@pytest.mark.shared
class TestAgainstReference:
    def test_keys_exist_at_electricity_maps(self):
        """Every key we would ask Electricity Maps for is one of its 352."""
        path = shared_dir("data", "yearly_intensity_electricitymaps_2025.ODbL.csv")
        with path.open(encoding="utf-8") as stream:
            known = {row["zone"] for row in csv.DictReader(stream)}

        assert {zone.at("electricitymaps") for zone in CATALOGUE.zones()} - {None} <= known

    def test_regions_agree_with_the_reference(self):
        """Own derivation leads to the same zone as the collected sources, for all regions."""
        with shared_dir("data", "cloud_regions.csv").open(encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))

        assert {f"{r['provider']}:{r['region']}": r["em_zone"] for r in rows} == {
            r.id: r.zone for r in CATALOGUE.cloud_regions()
        }

    def test_the_tables_are_what_the_scripts_make(self, tmp_path):
        """Rebuilding gives the same text and the same arrays; a zip's own header depends on who packs it."""
        data = shared_dir("data")
        for script in ("build_tables.py", "build_recordings.py"):
            command = [sys.executable, ROOT / "scripts" / script, data, tmp_path]
            subprocess.run(command, check=True, capture_output=True)
        made = [path for path in tmp_path.rglob("*") if path.is_file()]

        assert len(made) == 15
        for path in made:
            kept = ROOT / "src/gridtide" / path.relative_to(tmp_path)
            if path.suffix == ".npz":
                with np.load(path) as fresh, np.load(kept) as old:
                    assert fresh.files == old.files
                    assert all(np.array_equal(fresh[name], old[name]) for name in old.files), path
            else:
                assert path.read_bytes() == kept.read_bytes(), path
