"""
XML from strangers, read with the standard library's parser and nothing it could be abused for.

A document type, and with it every entity, is refused, so nothing expands and nothing is fetched. Depth and number of
elements are bounded. Namespaces are cut off names: providers change them with each version of a format.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn
from xml.parsers import expat

from gridtide.grid.payload import malformed, text_of

if TYPE_CHECKING:
    from gridtide.grid.provider import Reply

__all__ = ["Element", "read_xml"]

_DEPTH_MAX: Final = 32
_ELEMENTS_MAX: Final = 2_000_000


@dataclass(slots=True)
class Element:
    """One element: its name without namespace, its text, its children in order."""

    name: str
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def all(self, name: str) -> list[Element]:
        """Children of that name."""
        return [child for child in self.children if child.name == name]

    def find(self, path: str) -> str | None:
        """Text of the first element at a path such as ``timeInterval/start``, None where there is none."""
        here: Element | None = self
        for name in path.split("/"):
            here = next((child for child in here.children if child.name == name), None) if here else None
        return None if here is None else here.text.strip()


def read_xml(reply: Reply, provider: str) -> Element:
    """
    Body as a tree.

    Raises:
        ProviderUnavailable: The body is empty or an HTML page.
        MalformedPayload: It is not XML, is cut off, too deep or too large, or has a document type.
    """
    text = text_of(reply, provider)
    reader = _Reader(provider)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.data
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.EntityDeclHandler = reader.refuse
    parser.ExternalEntityRefHandler = reader.refuse
    try:
        parser.Parse(text.encode(), True)
    except expat.ExpatError as error:
        malformed(provider, f"reply is not XML at line {error.lineno}")
    except (ValueError, LookupError):
        malformed(provider, "reply is XML in an encoding other than UTF-8")
    return reader.root


class _Reader:
    """Builds the tree from the parser's events."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._open: list[Element] = []
        self._count = 0
        self.root = Element("")

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) >= _DEPTH_MAX or self._count > _ELEMENTS_MAX:
            malformed(self._provider, "reply is XML nested too deeply or too large")
        element = Element(name.rpartition(":")[2])
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def end(self, _name: str) -> None:
        self._open.pop()

    def data(self, text: str) -> None:
        if self._open:
            self._open[-1].text += text

    def refuse(self, *_details: object) -> NoReturn:
        malformed(self._provider, "reply is XML with a document type or an entity, which are refused")
