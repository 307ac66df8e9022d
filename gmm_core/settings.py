"""What an administrator sets, by environment variables, checked once at the start.

Every variable is a field of `Settings`: its name in capitals behind "GMM_". The README's table
lists the same fields with the same words, and a test compares the two.
`python -m gmm_core.settings` says whether the present environment is in order.
"""

from __future__ import annotations

import difflib
import os
import sys
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "GMM_"

Count = Annotated[int, Field(ge=0)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Settings(BaseSettings):
    """Addresses and limits. A limit of 0 is none."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    database: str = Field(
        "",
        description="SQLAlchemy URL of the database that keeps datasets and runs",
        json_schema_extra={"default_said": "an SQLite file in `~/.local/share/mixture-explorer`"},
    )
    scheduler: str = Field(
        "",
        pattern=r"^([a-z]+://\S+)?$",
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
        description="memory of a worker on this machine, such as `2 GiB`; a worker that needs more "
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
        description="days that a run is kept unless it is pinned",
        json_schema_extra={"default_said": "for ever"},
    )

    @field_validator("worker_memory")
    @classmethod
    def _is_memory(cls, given: str) -> str:
        from dask.utils import parse_bytes

        try:
            if given and parse_bytes(given) < 2**28:
                # The engines alone take more, so no run could ever be finished.
                raise ValueError("at least 256 MiB are needed for the engines themselves")
        except (ValueError, KeyError) as error:
            raise ValueError("an amount of memory such as 2 GiB") from error
        return given


_EXPECTED = {
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "greater_than_equal": "0 or more",
    "less_than_equal": "0 to 65,535",
    "string_pattern_mismatch": "an address such as tcp://host:8786",
    "value_error": "an amount of memory of at least 256 MiB, such as 2 GiB",
}


def read() -> Settings:
    """Return the settings of this environment.

    Raises
    ------
    ValueError
        When a variable has a value that cannot be used, or a name that is none of ours: a misspelt
        limit would be no limit.
    """
    known = {variable(name) for name in Settings.model_fields}
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, 1)
            advice = (
                f"Did you mean {near[0]}?" if near else f"Known are {', '.join(sorted(known))}."
            )
            raise ValueError(f"{name} is set, but there is no such setting. {advice}")
    try:
        return Settings()
    except ValidationError as wrong:
        error = wrong.errors()[0]
        expected = _EXPECTED.get(error["type"], error["msg"])
        if error["type"] == "literal_error":
            expected = error["ctx"]["expected"]
        raise ValueError(
            f"{variable(str(error['loc'][0]))} is {error['input']!r}, but {expected} was expected. "
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
