"""What a running task can be asked about routes. Values only, as `faust_cdc.snapshot.commands`."""

from __future__ import annotations

from dataclasses import dataclass

from faust_cdc.config.routes import Route


@dataclass(frozen=True, slots=True)
class RoutesChanged:
    """Read the routes again: one of them is another. Whose wish it was does not matter, nor how often it is said."""

    id: str = "routes"


@dataclass(frozen=True, slots=True)
class SetRoute:
    """Keep this route from now on; `route` None: forget the one of `tables`."""

    id: str
    """The signal's."""
    tables: str
    route: Route | None


RouteCommand = RoutesChanged | SetRoute
