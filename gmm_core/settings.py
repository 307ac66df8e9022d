"""What an administrator sets, by environment variables, checked once at the start.

Every variable is a field of `Settings`: its name in capitals behind "GMM_". The table in
docs/configuration.md lists the same fields with the same words, and a test compares the two.
`python -m gmm_core.settings` says whether the present environment is in order.
"""

from __future__ import annotations

import difflib
import os
import sys
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "GMM_"

Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Settings(BaseSettings):
    """Addresses and limits. A limit of 0 is none."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    database: str = Field(
        "",
        description="SQLAlchemy URL of the database that keeps datasets and runs",
        json_schema_extra={
            "default_said": "an SQLite file in `~/.local/share/mixture-explorer`",
            "secret": True,
        },
    )
    data: str = Field(
        "",
        description="a folder, or an address of fsspec such as `s3://bucket/folder`, whose tables "
        "the Data page offers to everybody who may open it; nothing outside it is read; "
        "workers elsewhere need it too",
        json_schema_extra={"default_said": "none"},
    )
    out: str = Field(
        "",
        description="a folder, or an address of fsspec, where workers write memberships of data "
        "whose rows stay with them, each time in a new folder of its own; nothing outside it is "
        "written, and nothing in it is changed; workers elsewhere need it too",
        json_schema_extra={"default_said": "none: nothing is written"},
    )
    out_bytes: Amount = Field(
        1e11,
        description="bytes that may lie in the folder `GMM_OUT`; memberships that might exceed "
        "them are refused before any is written",
    )
    scheduler: str = Field(
        "",
        description="address of a Dask scheduler whose workers run the fits, such as "
        "`tcp://host:8786`",
        json_schema_extra={"default_said": "workers on this machine"},
    )
    workers: Count = Field(
        0,
        description="worker processes on this machine, when there is no scheduler",
        json_schema_extra={"default_said": "one per core"},
    )
    worker_memory: str = Field(
        "",
        description="memory of a worker on this machine, such as `2 GiB`, at least 1 GB; "
        "a worker that needs more "
        "is ended, and its run fails",
        json_schema_extra={"default_said": "an equal share of the machine's"},
    )
    running_runs: Count = Field(
        0,
        description="runs that one person may have running at once; further ones wait",
        json_schema_extra={"default_said": "no limit: turns are fair"},
    )
    queued_runs: Count = Field(
        20, description="runs that one person may have waiting; further ones are refused"
    )
    queued_per_address: Count = Field(
        100,
        description="runs that may wait from one address where nobody signs in; further ones are "
        "refused",
    )
    run_seconds: Amount = Field(
        3600,
        description="seconds that a run may take from its start; then it is stopped, and what it "
        "has is kept",
    )
    run_size: Amount = Field(
        1e12,
        description="size of a run, points × columns × components × evaluations of them all; a "
        "larger one is refused",
    )
    run_numbers: Amount = Field(
        2e7,
        description="numbers in the result of a run, such as draws × parameters; a larger one is "
        "refused. Of the losses of a fit, starts × steps, a million are kept",
    )
    store_seconds: Amount = Field(
        120,
        description="seconds that a finished run waits for a database that is away or full",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO",
        description="least level of the log's lines: DEBUG, INFO, WARNING or ERROR",
        json_schema_extra={"default_said": "INFO"},
    )
    log_format: Literal["text", "json"] = Field(
        "text",
        description="form of the log: `text` for people, `json` for one JSON object on each line",
        json_schema_extra={"default_said": "text"},
    )
    metrics_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="port on which the web process tells its metrics (`/metrics`) and its health "
        "(`/health`) to operators",
        json_schema_extra={"default_said": "not told"},
    )
    metrics_address: str = Field(
        "127.0.0.1",
        description="address of this machine on which that port listens",
        json_schema_extra={"default_said": "127.0.0.1"},
    )
    keep_days: Amount = Field(
        0,
        le=36_500,  # a century; many more would be days before the first year of a date
        description="days that a run is kept unless it is pinned, at most 36,500",
        json_schema_extra={"default_said": "for ever"},
    )

    keep_bytes: Amount = Field(
        2e9,
        description="bytes of results and data that are kept for one person; who has more deletes "
        "some before further runs",
    )
    keep_bytes_all: Amount = Field(
        2e10,
        description="bytes of results and data that are kept in all; beyond, the runs that nobody "
        "pinned and that were asked for longest ago go",
    )

    # What a validator raises says what was expected.

    @field_validator("database")
    @classmethod
    def _has_one_at(cls, url: str) -> str:
        # The driver takes the first @ for the end of the password. The rest of the password would
        # be a part of the host, which errors and the log name.
        place = url.partition("://")[2].partition("?")[0]
        authority = place.rpartition("/")[0] or place
        if not place.startswith("/") and authority.count("@") > 1:
            raise ValueError(
                "a URL with a single @, before its host (an @ in the password is written %40)"
            )
        return url

    @field_validator("scheduler")
    @classmethod
    def _is_address(cls, address: str) -> str:
        if address:
            try:
                parts = urlsplit(address)
                usable = parts.scheme in _SCHEMES and parts.hostname and parts.port
            except ValueError:  # a port that is no number, or too large a one
                usable = False
            if (
                not usable
                or address != f"{parts.scheme}://{parts.netloc}"
                or set("@ ") & set(address)
            ):
                raise ValueError(
                    f"an address such as tcp://host:8786 ({', '.join(_SCHEMES)}; port 1 to 65,535)"
                )
        return address

    @field_validator("worker_memory")
    @classmethod
    def _is_memory(cls, memory: str) -> str:
        from dask.utils import parse_bytes

        try:
            # The engines alone take three quarters of it: with less, workers would be ended as
            # they start.
            usable = not memory or parse_bytes(memory) >= 10**9
        except (ValueError, KeyError, OverflowError):
            usable = False
        if not usable:
            raise ValueError("an amount of memory of at least 1 GB, such as 2 GiB")
        return memory


_SCHEMES = ("tcp", "tls", "ws", "wss")  # in which Dask talks between machines
_EXPECTED = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "greater_than_equal": "0 or more",
    "less_than_equal": "0 to {le:,g}",
    "value_error": "{error}",
    "literal_error": "{expected}",
}


def read() -> Settings:
    """Return the settings of this environment.

    Raises
    ------
    ValueError
        When a variable has a value that cannot be used, or a name that is none of ours: a misspelt
        limit would be no limit.
    """
    variables = {variable(name) for name in Settings.model_fields}
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in variables:
            near = difflib.get_close_matches(name, variables, 1)
            advice = (
                f"Did you mean {near[0]}?" if near else f"Known are {', '.join(sorted(variables))}."
            )
            raise ValueError(f"{name} is set, but there is no such setting. {advice}")
    try:
        return Settings()
    except ValidationError as wrong:
        error = wrong.errors()[0]
        field = str(error["loc"][0])
        expected = _EXPECTED.get(error["type"], "{said}").format(
            said=error["msg"], **error.get("ctx", {})
        )
        extra: Any = Settings.model_fields[field].json_schema_extra or {}
        value = "set to what may hold a password" if extra.get("secret") else repr(error["input"])
        raise ValueError(
            f"{variable(field)} is {value}, but {expected} was expected. "
            "Correct it, or leave it out for the default."
        ) from wrong


def variable(name: str) -> str:
    """Return the environment variable of a field."""
    return f"{PREFIX}{name.upper()}"


def table() -> list[tuple[str, str, str]]:
    """List every setting: its variable, what it says, and its default in words."""
    rows = []
    for name, field in Settings.model_fields.items():
        extra: Any = field.json_schema_extra or {}
        default = extra.get("default_said") or f"{field.default:,g}"
        rows.append((f"`{variable(name)}`", str(field.description), str(default)))
    return rows


if __name__ == "__main__":
    try:
        read()
    except ValueError as error:
        sys.exit(str(error))
