"""The bundles that are served: found by name and version, swapped for newer files while requests go on."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from defectory.domain import DefectoryError, ParameterError
from defectory.domain.errors import one_line
from defectory.service.errors import RequestError
from defectory.workflows.serving.bundles import (
    NamedFile,
    ServedBundle,
    Signature,
    find_bundles,
    load_served,
    signature_of,
)


@dataclass
class _Place:
    """One bundle's place: what is served, and what became of its newest file."""

    named: NamedFile
    bundle: ServedBundle
    error: str = ""
    refused: Signature | None = None
    seen: Signature | None = None


@dataclass(frozen=True)
class Looked:
    """What became of one bundle that was looked at again.

    Attributes
    ----------
    before : what was served, None for a new file in a folder
    bundle : what is served; None for a new file that does not load
    named : the file
    error : why its file is not served
    """

    before: ServedBundle | None
    bundle: ServedBundle | None
    named: NamedFile
    error: str = ""

    @property
    def has_changed(self) -> bool:
        """Whether another bundle is served now."""
        return self.bundle is not None and self.bundle is not self.before


@dataclass(frozen=True)
class Table:
    """What is served at one moment; it does not change.

    Attributes
    ----------
    bundles : name -> version -> bundle, in the order they were given
    errors : name and version -> why a newer file of it is not served
    failing : names of which a file is refused, one that is not served yet or a newer one
    """

    bundles: Mapping[str, Mapping[str, ServedBundle]]
    errors: Mapping[str, str] = field(default_factory=dict)
    failing: frozenset[str] = frozenset()

    def all(self) -> list[ServedBundle]:
        """Return all bundles."""
        return [bundle for versions in self.bundles.values() for bundle in versions.values()]

    def find(self, name: str, version: str = "") -> ServedBundle:
        """Return a bundle; without a version, the one of that name that was given last; RequestError 404."""
        versions = self.bundles.get(name)
        if versions is None:
            raise RequestError(
                404, f"There is no model of this name, but {', '.join(self.bundles)}."
            )
        if not version:
            return list(versions.values())[-1]
        if version not in versions:
            raise RequestError(404, "There is no such version of this model.")
        return versions[version]

    def only(self) -> ServedBundle:
        """Return the bundle that is meant where none is named; RequestError 400 where there are several."""
        if len(self.bundles) > 1:
            first, *others = self.bundles
            raise RequestError(
                400, f"Several models are served; name one: ?model={first}, or {', '.join(others)}."
            )
        return self.find(next(iter(self.bundles)))


class Models:
    """Loads bundles, and swaps them.

    Parameters
    ----------
    given : see `find_bundles`
    prepare : is called with each bundle before it is served; what it raises keeps the bundle out

    Raises
    ------
    DefectoryError : a bundle cannot be served.
    """

    def __init__(self, given: Sequence[str], prepare: Callable[[ServedBundle], None]) -> None:
        self._given = tuple(given)
        self._prepare = prepare
        self._turn = threading.Lock()
        self._places: dict[str, _Place] = {}
        self._seen: dict[NamedFile, Signature | None] = {}
        self._refused: dict[NamedFile, Signature | None] = {}
        for named in find_bundles(self._given):
            self._places[named.label] = _Place(named, self._load(named))
        self.table = self._make_table()

    def look(self, *, only_settled: bool = False) -> list[Looked]:
        """Load what has changed, and serve it; a bundle that does not load leaves the old one in its place.

        Parameters
        ----------
        only_settled : leave a file alone that has changed since it was looked at last (it may still be
            written), and one that was refused
        """
        with self._turn:
            found = [self._look_at(place, only_settled) for place in self._places.values()]
            found += self._look_for_new(only_settled)
            self.table = self._make_table()
            return found

    def _look_at(self, place: _Place, only_settled: bool) -> Looked:
        before, now = place.bundle, signature_of(place.named.path)
        is_same = now in (None, before.signature)
        has_settled, place.seen = now == place.seen, now
        if is_same and now is not None:
            place.error = ""
        if is_same or (only_settled and (not has_settled or now == place.refused)):
            return Looked(before, before, place.named, place.error)
        try:
            place.bundle = self._load(place.named)
            place.error, place.refused = "", None
        except DefectoryError as error:
            place.error, place.refused = one_line(error, 500), now
        return Looked(before, place.bundle, place.named, place.error)

    def _look_for_new(self, only_settled: bool) -> list[Looked]:
        """Serve what has come into the folders."""
        found, strangers = [], self._strangers()
        self._refused = {named: at for named, at in self._refused.items() if named in strangers}
        for named in strangers:
            now, before = signature_of(named.path), self._seen.get(named)
            self._seen[named] = now
            if only_settled and (now != before or now == self._refused.get(named)):
                continue
            try:
                bundle = self._load(named)
            except DefectoryError as error:
                self._refused[named] = now
                found.append(Looked(None, None, named, one_line(error, 500)))
            else:
                self._places[named.label] = _Place(named, bundle)
                self._refused.pop(named, None)
                found.append(Looked(None, bundle, named))
        return found

    def _strangers(self) -> list[NamedFile]:
        found = []
        for text in self._given:
            if Path(text).is_dir():
                with suppress(ParameterError):  # no bundle is left in it
                    found += find_bundles([text])
        return [named for named in found if named.label not in self._places]

    def _load(self, named: NamedFile) -> ServedBundle:
        bundle = load_served(named)
        self._prepare(bundle)
        return bundle

    def _make_table(self) -> Table:
        bundles: dict[str, dict[str, ServedBundle]] = {}
        errors = {}
        for place in self._places.values():
            bundle = place.bundle
            bundles.setdefault(bundle.name, {})[bundle.version] = bundle
            if place.error:
                errors[bundle.label] = place.error
        refused = [place.named for place in self._places.values() if place.error]
        failing = frozenset(named.name for named in (*refused, *self._refused))
        return Table(bundles, errors, failing)
