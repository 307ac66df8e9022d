"""Connections to PostgreSQL: how long they wait for it, and for how long it works for them."""

import sqlalchemy as sa

# What libpq does unless the URL says otherwise. A machine that went away, or a firewall that forgot
# the connection, is told by TCP within eight seconds, whether something was being sent or not.
_CONNECTING = {
    "connect_timeout": "5",
    "keepalives_idle": "4",
    "keepalives_interval": "2",
    "keepalives_count": "2",
    "tcp_user_timeout": "8000",
}
# Seconds that a transaction may stand still. Who holds the queue's lock and was frozen with its
# process loses it then; whoever waits for the lock does so for longer.
_IDLE = 30.0


def engine(url: sa.URL, silence: float) -> sa.Engine:
    """Return what opens connections to a PostgreSQL database.

    Parameters
    ----------
    silence : seconds that the server may say nothing before it is taken to be away.

    Raises
    ------
    ValueError
        When the driver that the URL names is not installed.
    """
    if url.get_driver_name() in ("psycopg", "psycopg2"):
        url = url.update_query_dict({k: v for k, v in _CONNECTING.items() if k not in url.query})
    try:
        made = sa.create_engine(
            url,
            hide_parameters=True,
            pool_pre_ping=True,  # a connection may have ended with the server's restart
            pool_timeout=silence,  # while those in use wait for a server that hangs
        )
    except ModuleNotFoundError as error:
        raise ValueError(
            f"GMM_DATABASE names {url.drivername}, whose driver is not installed "
            f'({error}). For PostgreSQL: pip install "psycopg[binary]".'
        ) from error
    if made.dialect.driver == "psycopg":
        from gmm_core.store.psycopg_internals import connection_class

        connecting = connection_class(silence)
        # SQLAlchemy opens a connection by what such a listener returns.
        sa.event.listen(made, "do_connect", lambda _1, _2, a, more: connecting.connect(*a, **more))
    return made


def limit(engine: sa.Engine, longest: float) -> None:
    """Let the server end, from now on, each statement that takes longer than so many seconds.

    The server keeps this limit: what is given up on here alone would go on there.
    """
    idle = min(_IDLE, longest / 2)

    def begin(connection: sa.engine.interfaces.DBAPIConnection, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET statement_timeout = {round(1000 * longest)}")
        cursor.execute(f"SET idle_in_transaction_session_timeout = {round(1000 * idle)}")
        cursor.close()
        connection.commit()

    sa.event.listen(engine, "connect", begin)
    engine.dispose()
