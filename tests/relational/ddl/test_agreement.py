"""Generated DDL on real servers: what is resolved from the text is what the server says afterwards."""

from __future__ import annotations

import os
from uuid import uuid4

import pytest

from tests.harness.seeds import seed_of_these_sources
from tests.lab.sql_servers import SqlServer
from tests.relational.ddl.agreement import Agreement

SEED = int(os.environ.get("FAUST_CDC_SEED") or seed_of_these_sources("ddl"))
STATEMENTS = int(os.environ.get("FAUST_CDC_STATEMENTS", "400"))


@pytest.mark.integration
@pytest.mark.parametrize("name", ["mysql", "mariadb"])
def test_resolved_tables_equal_those_of_the_server(request: pytest.FixtureRequest, name: str) -> None:
    server = request.getfixturevalue(name)
    assert isinstance(server, SqlServer)
    databases = (f"ddl one {uuid4().hex[:8]}", f"ddl_two_{uuid4().hex[:8]}")
    for database in databases:
        server.create_database(database)
    try:
        counts = Agreement(server, SEED, databases).run(STATEMENTS)
    finally:
        for database in databases:
            server.drop_database(database)
    print(f"\n{name}, seed {SEED}: {counts}")
    assert not counts.unequal, "\n".join(counts.unequal[:5])
    assert counts.equal > 5 * counts.unresolved
