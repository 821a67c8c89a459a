"""``gridtide zones resolve``: by name, by a node's labels, by the machine's metadata, and checked with the sources."""

import io
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from gridtide.grid import cloud_metadata
from gridtide.testing.faults import Fault
from gridtide.testing.server import FakeGridServer

REGION = "topology.kubernetes.io/region"
OWN = "carbon.codcompass.io/zone"


def node(labels, provider_id=""):
    """What ``kubectl get node NAME -o json`` prints, as far as it matters."""
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n", "labels": labels},
            "spec": {"providerID": provider_id}}  # fmt: skip


@pytest.fixture
def written(newcomer):
    """Write a value as JSON into a file and give its path."""

    def write(value):
        path = newcomer / "node.json"
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return path

    return write


class TestLabels:
    @pytest.mark.parametrize(
        ("document", "zone"),
        [
            (node({REGION: "us-east1"}, "gce://p/us-east1-b/n"), "US-CAR-SCEG"),
            (node({}, "aws:///us-west-1b/i-0abc"), "US-CAL-CISO"),
            ({REGION: "eu-west-1"}, "IE"),
            ({OWN: "GB-13", "metadata": "a label of that name"}, "GB-13"),
        ],
        ids=["node", "provider id alone", "labels alone", "our own label"],
    )
    def test_a_file_with_a_node_or_its_labels_gives_the_zone(self, run, written, document, zone):
        """The provider id makes a region unique that two clouds have."""
        result = run("zones", "resolve", "--labels", written(document), "--json")

        assert (result.code, result.json["place"]["zone"], result.json["verification"]) == (0, zone, None)

    def test_standard_input_is_read(self, run, monkeypatch):
        """``kubectl get node NAME -o json | gridtide zones resolve --labels -``."""
        text = json.dumps(node({REGION: "eu-west-1"}, "aws:///eu-central-1a/i-1")).encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
        result = run("zones", "resolve", "--labels", "-")

        assert result.code == 0
        assert "the provider id names eu-central-1a, in DE" in result.out

    @pytest.mark.parametrize(
        ("document", "says"),
        [
            ("{", "is not JSON"),
            ("[" * 100_000, "is not JSON"),
            ([], "holds no JSON object"),
            ({"kind": "List", "items": []}, "holds a List, not one node"),
            ({"kind": "Pod", "metadata": {"labels": {}}}, "holds a Pod, not one node"),
            ({REGION: 5}, f"label '{REGION}' in node.json is 5; allowed: texts"),
            (node(["x"]), "the labels in node.json are no object"),
        ],
        ids=["broken", "too deep", "array", "list of nodes", "pod", "number", "labels as array"],
    )
    def test_anything_else_is_refused_with_what_to_give(self, run, written, document, says):
        """Exit 65, and the hint is the command that prints a node."""
        result = run("zones", "resolve", "--labels", written(document))

        assert result.code == 65
        assert says in result.err
        assert "kubectl get node NAME -o json" in result.err

    def test_a_node_without_a_place_names_the_label_to_set(self, run, written):
        """Nothing is guessed."""
        result = run("zones", "resolve", "--labels", written(node(None)))

        assert result.code == 65
        assert f"label the node, for example {OWN}=GB" in result.err

    def test_a_file_that_is_not_there_is_said(self, run):
        """With its name."""
        result = run("zones", "resolve", "--labels", "nowhere.json")

        assert (result.code, "nowhere.json: cannot be opened" in result.err) == (65, True)


class _Aws(BaseHTTPRequestHandler):
    """Metadata service of one cloud."""

    def do_PUT(self):
        self._say(b"token-1" if self.path == "/latest/api/token" else None)

    def do_GET(self):
        good = self.headers.get("X-aws-ec2-metadata-token") == "token-1"
        known = self.path == "/latest/dynamic/instance-identity/document"
        self._say(b'{"region": "eu-west-1", "instanceId": "i-1"}' if known and good else None)

    def _say(self, body):
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_):
        pass


class _Nothing(_Aws):
    """A web server that is no metadata service."""

    def do_PUT(self):
        self._say(None)

    def do_GET(self):
        self._say(None)


@pytest.fixture
def served(monkeypatch):
    """Put a server on loopback in the place of the metadata services."""
    servers = []

    def serve(handler):
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        for cloud in cloud_metadata.ADDRESSES:
            monkeypatch.setitem(cloud_metadata.ADDRESSES, cloud, f"http://127.0.0.1:{server.server_port}")

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


class TestMetadata:
    def test_the_machine_says_where_it_is(self, run, served):
        """The document of its cloud names the region."""
        served(_Aws)
        result = run("zones", "resolve", "--metadata", "--json")

        assert (result.code, result.json["place"]["asked"], result.json["place"]["zone"]) == (0, "aws:eu-west-1", "IE")

    def test_outside_a_cloud_it_says_that_nobody_answers(self, run, served):
        """No zone is guessed, and the hint is to name the place."""
        served(_Nothing)
        result = run("zones", "resolve", "--metadata")

        assert (result.code, result.out) == (65, "")
        assert "no metadata service of aws, gcp or azure answers on this machine" in result.err
        assert "--zone GB" in result.err


@pytest.fixture
def sources(newcomer, monkeypatch):
    """Both keyed sources that can tell a zone, on loopback, with their keys set."""
    with FakeGridServer() as server:
        for name in ("watttime", "electricitymaps"):
            monkeypatch.setenv(f"GRIDTIDE_PROVIDERS_{name.upper()}_BASE_URL", server.base_url(name))
        monkeypatch.setenv("ELECTRICITYMAPS_API_KEY", "fake-key")
        monkeypatch.setenv("WATTTIME_USER", "user")
        monkeypatch.setenv("WATTTIME_PASSWORD", "password")
        yield server


class TestVerify:
    def test_sources_that_agree_are_named(self, run, sources):
        """Asked at the region's own coordinates."""
        result = run("zones", "resolve", "aws:eu-west-1", "--verify", "--json")
        found = result.json["verification"]

        assert (result.code, result.err, found["verdict"]) == (0, "", "agree")
        assert {o["provider"]: (o["theirs"], o["agrees"]) for o in found["opinions"]} == {
            "watttime": ("IE", True),
            "electricitymaps": ("IE", True),
        }
        assert (round(found["latitude"]), round(found["longitude"])) == (53, -6)

    def test_a_source_that_says_otherwise_is_warned_about_and_ours_stays(self, run, sources):
        """Both zones are shown; the user decides."""
        result = run("zones", "resolve", "aws:us-west-2", "--verify", "--json")
        place = result.json["place"]

        assert (result.code, result.json["verification"]["verdict"]) == (0, "disagree")
        assert (place["zone"], place["confidence"]) == ("US-NW-PACW", "disagree")
        assert "US-CAL-CISO" in place["alternatives"]
        assert result.json["warnings"] == ["electricitymaps places aws:us-west-2 in US-CAL-CISO, our table US-NW-PACW"]
        assert {o["provider"]: o["agrees"] for o in result.json["verification"]["opinions"]} == {
            "watttime": True,
            "electricitymaps": False,
        }

    def test_a_source_that_is_down_is_no_opinion(self, run, sources):
        """Its fault is shown, and the other one still counts."""
        sources.fault("watttime", Fault.status(404))
        result = run("zones", "resolve", "51.5, -0.12", "--verify")
        lines = {line.split()[0]: line for line in result.out.splitlines()[1:]}

        assert result.code == 0
        assert "no answer" in lines["watttime"]
        assert "agrees: GB" in lines["electricitymaps"]
        assert sources.log.count("electricitymaps") == 1

    def test_coordinates_are_asked_as_they_were_given(self, run, sources):
        """Not at the middle of the zone."""
        result = run("zones", "resolve", "--lat", "51.5", "--lon", "-0.12", "--verify", "--json")

        assert (result.json["verification"]["latitude"], result.json["verification"]["longitude"]) == (51.5, -0.12)

    def test_without_a_key_nobody_can_be_asked(self, run):
        """That is said, not taken for agreement."""
        result = run("zones", "resolve", "GB", "--verify")

        assert (result.code, result.out) == (77, "")
        assert "set ELECTRICITYMAPS_API_KEY, or WATTTIME_USER and WATTTIME_PASSWORD" in result.err

    def test_the_key_never_shows(self, run, sources, monkeypatch):
        """Also when the source refuses it."""
        monkeypatch.setenv("ELECTRICITYMAPS_API_KEY", "sk-do-not-show")
        result = run("zones", "resolve", "GB", "--verify", "--json")

        assert result.code == 0
        assert "sk-do-not-show" not in result.out + result.err


PAIRS = [
    (("GB", "--labels", "node.json"), ("PLACE", "--labels")),
    (("GB", "--metadata"), ("PLACE", "--metadata")),
    (("GB", "--zone", "DE"), ("PLACE", "--zone")),
    (("--labels", "node.json", "--metadata"), ("--labels", "--metadata")),
    (("--labels", "-", "--region", "eu-west-1"), ("--labels", "--region")),
    (("--metadata", "--lat", "51", "--lon", "0"), ("--metadata", "--lat")),
    (("--metadata", "--postcode", "SW1A"), ("--metadata", "--postcode")),
]


@pytest.mark.parametrize(("argv", "names"), PAIRS, ids=[" ".join(argv) for argv, _ in PAIRS])
def test_two_places_are_refused_with_both_names(run, argv, names):
    """Nothing is read or asked before."""
    result = run("zones", "resolve", *argv)

    assert (result.code, result.out) == (2, "")
    assert f"{names[0]} and {names[1]} contradict each other" in result.err
