"""The layers of every domain as collections of features: a name in, its layer, columns and words out."""

from collections.abc import Mapping
from dataclasses import dataclass

from gridsvc.access.guard import Caller
from gridsvc.core.browse import Layer
from gridsvc.core.cql2 import Column
from gridsvc.core.errors import Forbidden, NotFound
from gridsvc.incidents.layers import INCIDENTS
from gridsvc.patrol.layers import ROUTES
from gridsvc.territory.layers import ASSETS, BUILDINGS, COMMUNITIES, DIVISIONS, GRIDS, STREETS


@dataclass(frozen=True)
class Collection:
    """A layer that is offered, the verb that reading it takes, and its titles."""

    layer: Layer
    verb: str
    chinese: str
    english: str

    @property
    def name(self) -> str:
        """Give its id."""
        return self.layer.name

    @property
    def properties(self) -> Mapping[str, Column]:
        """List what a feature says, in the order of the layer: name, SQL and kind."""
        return {
            name: Column(sql, self.layer.kinds[name])
            for name, sql in self.layer.fields.items()
            if name in self.layer.kinds
        }

    @property
    def queryables(self) -> Mapping[str, Column]:
        """List what may be filtered by: the properties and the geometry."""
        return {**self.properties, "geometry": Column(str(self.layer.geometry), "geometry")}


COLLECTIONS = {
    collection.name: collection
    for collection in (
        Collection(DIVISIONS, "territory.read", "行政区划", "Divisions"),
        Collection(COMMUNITIES, "territory.read", "社区", "Communities"),
        Collection(GRIDS, "territory.read", "网格", "Grids"),
        Collection(BUILDINGS, "territory.read", "楼栋", "Buildings"),
        Collection(STREETS, "territory.read", "道路", "Streets"),
        Collection(ASSETS, "territory.read", "部件", "Assets"),
        Collection(ROUTES, "patrol.read", "巡查路线", "Patrol routes"),
        Collection(INCIDENTS, "incident.read", "案件", "Incidents"),
    )
}


def open_to(caller: Caller) -> list[Collection]:
    """List the collections somebody may read."""
    return [collection for collection in COLLECTIONS.values() if caller.may(collection.verb)]


def collection_of(name: str, caller: Caller) -> Collection:
    """Find a collection; raise NotFound or Forbidden."""
    if (found := COLLECTIONS.get(name)) is None:
        raise NotFound(f"There is no collection {name[:60]!r}; there are {', '.join(COLLECTIONS)}.")
    if not caller.may(found.verb):
        raise Forbidden(f"The role {caller.role}, or this token, may not do this ({found.verb}).")
    return found
