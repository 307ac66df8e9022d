"""What psycopg does not promise and gmm_core/store/psycopg_internals.py builds on."""

from __future__ import annotations

import psycopg

from gmm_core.store.psycopg_internals import connection_class

from .promises import files_that_match, name, takes


def test_one_file_replaces_how_connections_wait():
    assert files_that_match(r"def wait\(self, gen", ("pages", "gmm_core")) == {
        "gmm_core/store/psycopg_internals.py"
    }


def test_a_connection_waits_by_its_own_method():
    wait = name("psycopg", "psycopg", "Connection.wait", "a server that says nothing is left there")
    takes("psycopg", wait, "self", "gen")


def test_every_statement_and_the_end_of_a_transaction_go_through_it(postgres):
    waits = []

    class Counting(connection_class(5.0)):
        def _heard(self, gen):
            waits.append(gen)
            return super()._heard(gen)

    url = postgres.new_database().replace("+psycopg", "")
    with Counting.connect(url) as connection:
        assert isinstance(connection, psycopg.Connection)
        for act in (lambda: connection.execute("SELECT 1"), connection.commit):
            before = len(waits)
            act()
            assert len(waits) > before, "psycopg waits elsewhere: a server that hangs holds us up"
