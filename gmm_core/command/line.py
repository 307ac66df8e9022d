"""The command line: a command for each kind of run, `score` and `serve`.

What can be asked is read off the registry of kinds and the models of their options. Errors are
said in words on the standard error, with exit code 2.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, get_args

import click
from pydantic import BaseModel

import gmm_core
from gmm_core.command import asked, fields, output
from gmm_core.command.workers import at_work
from gmm_core.data.dataset import Missing
from gmm_core.data.transforms import TRANSFORMS
from gmm_core.formatting import count
from gmm_core.mixture import Mixture, Priors
from gmm_core.mixture.priors import NAMED
from gmm_core.runs import kinds

USAGE = 2
"""Exit code where what was asked cannot be done as it was asked."""

_INTERRUPTED = 130  # as shells have it: 128 and the signal's number


def main(arguments: list[str] | None = None) -> None:
    """Run the command line, and leave with its exit code."""
    line = group()
    try:
        line.main(arguments, prog_name="mixture-explorer", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(USAGE)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        sys.exit(_INTERRUPTED)
    except ValueError as error:
        click.echo(f"Error: {_named(str(error))}", err=True)
        sys.exit(USAGE)
    sys.exit(0)


def group() -> click.Group:
    """Make the commands of what is registered now."""
    line = click.Group(
        help="Gaussian mixtures fitted, sampled and explained. A FILE is CSV, TSV, Parquet, Excel "
        "or JSON; - reads what is piped in, and example:faithful is an example."
    )
    click.version_option(gmm_core.__version__, prog_name="mixture-explorer")(line)
    seen: set[str] = set()
    for kind in kinds.every():
        if kind.name not in seen:
            together = tuple(kinds.alike(kind.name))
            seen |= {member.name for member in together}
            line.add_command(_computing(together))
    line.add_command(_score())
    line.add_command(_serve())
    return line


def _computing(together: tuple[kinds.Kind, ...]) -> click.Command:
    """Make the command of the kinds of run that are one choice of engines."""
    first = together[0]

    def run(source: str, as_json: bool, figure: Path | None, **values: Any) -> None:
        from gmm_core.inference.run import run_here
        from gmm_core.sharing import answer

        if figure is not None:
            answer.check_figure(first)
            output.check_figure(figure)
        with at_work(values["partitioned"]):
            spec = asked.specification(together, asked.data(source, values), values)
            with output.progress(spec.mixture.label) as report:
                result = run_here(spec, report)
        picture = None if figure is None else answer.figure(spec, result)
        if picture is not None and figure is not None:
            output.write_figure(picture, figure)
        if as_json:
            output.as_json(answer.as_json(spec, result))
        else:
            shown = answer.answer(spec, result)
            output.table(shown.words, shown.head, shown.rows)
            click.echo(f"run {spec.id}")

    options: dict[str, click.Option] = {}
    for kind in together:
        for option in fields.options(kind.options):
            options.setdefault(str(option.name), option)
    left_out = set(Mixture.model_fields) - asked.mixture_fields(first)
    for model, without in ((Mixture, left_out), (Priors, set())):
        for option in fields.options(model, without):
            # Which priors others are changed from is chosen; their own defaults are one choice.
            option.show_default = option.show_default if model is Mixture else False
            options.setdefault(str(option.name), option)
    engines = [engine.name for kind in together for engine in kinds.engines(kind.name)]
    return click.Command(
        (first.verb or first.name).replace("_", "-"),
        params=[
            *_data_options(),
            *options.values(),
            click.Option(
                ["--priors"],
                type=click.Choice(list(NAMED)),
                help="Where priors come from; each can be changed by its own option.",
                show_default="flat" if first.likelihood else "data",
            ),
            click.Option(
                ["--engine"], type=click.Choice(engines), help="Engine.", show_default=first.engine
            ),
            click.Option(
                ["--from", "point"],
                metavar="JSON",
                help="Parameters to begin at, as `fit --json` writes them.",
            ),
            _json(),
            click.Option(
                ["--figure"],
                type=click.Path(path_type=Path, dir_okay=False),
                help="Also draw the figure into this file, .html or .png.",
            ),
        ],
        callback=run,
        help=f"{first.label}: the result of a run on a FILE.",
        short_help=f"{first.label}.",
    )


def _score() -> click.Command:
    def run(source: str, fit: Path, out: str | None, as_json: bool, **values: Any) -> None:
        if values["partitioned"]:
            _score_partitions(source, fit, out, values)
            return
        if out is not None:
            raise ValueError(
                "--out is a folder for the memberships of data in partitions. Give --partitioned, "
                "or leave it out and write what is printed into a file."
            )
        from gmm_core.membership.scoring import score
        from gmm_core.sharing.tables import scores_csv

        data = asked.scored(source, fit, values)
        scores = score(asked.parameters(fit, data), data)
        if not as_json:
            click.echo(scores_csv(data, scores), nl=False)
            return
        output.as_json(
            {
                "data": {"name": data.name, "fingerprint": data.fingerprint},
                "points": [
                    {
                        "component": "noise" if k == scores.n_components else k + 1,
                        "probabilities": p,
                        "log_density": d,
                        "threshold": t,
                        "outlier": o,
                    }
                    for k, p, d, t, o in zip(
                        scores.component.tolist(),
                        scores.probs.tolist(),
                        # Beyond the range of numbers there is no logarithm.
                        [v if v > float("-inf") else None for v in scores.log_density.tolist()],
                        scores.threshold.tolist(),
                        scores.outlier.tolist(),
                        strict=True,
                    )
                ],
            }
        )

    return click.Command(
        "score",
        params=[
            *_data_options(),
            click.Option(
                ["--fit"],
                required=True,
                type=click.Path(path_type=Path),
                help="The JSON that `fit --json` wrote.",
            ),
            click.Option(
                ["--out"],
                metavar="FOLDER",
                help="Of data in partitions: where workers write memberships, as Parquet.",
            ),
            _json(),
        ],
        callback=run,
        help="Say of each row of a FILE which component it belongs to, how surely, and whether it "
        "is an outlier: as CSV, or as JSON.",
        short_help="Memberships and densities of new rows.",
    )


def _score_partitions(source: str, fit: Path, out: str | None, values: dict[str, Any]) -> None:
    """Have workers write where each row of data in partitions belongs."""
    from gmm_core.partitions.memberships import write_memberships

    if out is None:
        raise ValueError(
            "Memberships of data in partitions are written by the workers. Name a folder for them "
            "by --out."
        )
    data = asked.partitioned(source, values)
    point = asked.parameters(fit, data)
    with at_work(True), output.progress("memberships") as report:
        files = write_memberships(data, point, out, on_progress=report)
    click.echo(f"{data.rows:,} rows in {count(len(files), 'file')} in {out}")


def _serve() -> click.Command:
    def run(address: str, port: int) -> None:
        app = Path(gmm_core.__file__).parent.parent / "app.py"
        if not app.is_file():
            raise ValueError(
                "The pages are not installed beside this library. Take the whole of Mixture "
                "Explorer, and run this in its folder."
            )
        os.chdir(app.parent)
        # In place of this process, so that whoever ends it ends the server.
        server = ["streamlit", "run", app.name, "--server.address", address]
        os.execv(sys.executable, [sys.executable, "-m", *server, "--server.port", str(port)])

    return click.Command(
        "serve",
        params=[
            click.Option(
                ["--address"], default="127.0.0.1", show_default=True, help="To listen at."
            ),
            click.Option(
                ["--port"], type=click.IntRange(1, 65535), default=8501, show_default=True
            ),
        ],
        callback=run,
        help="Serve the pages to a browser, until Ctrl+C.",
    )


def _data_options() -> list[click.Parameter]:
    return [
        click.Argument(["source"], metavar="FILE"),
        click.Option(
            ["--columns"],
            help="Columns to fit, separated by commas; by default all that hold measurements.",
        ),
        click.Option(["--name"], help="What to call the data."),
        click.Option(["--weights"], metavar="COLUMN", help="How often each row counts."),
        click.Option(["--classes"], metavar="COLUMN", help="What each row is known to be."),
        click.Option(
            ["--missing"],
            type=click.Choice(get_args(Missing)),
            show_default="keep, as on the Data page",
            help="Missing values: keep integrates them out, drop leaves their rows out, refuse "
            "stops. With --partitioned, and in the library, drop unless you say otherwise.",
        ),
        *(
            click.Option(
                [f"--{transform.name}"],
                metavar="COLUMNS",
                help=f"{transform.label} of these columns is fitted in their place.",
            )
            for transform in TRANSFORMS.values()
        ),
        click.Option(
            ["--partitioned"],
            is_flag=True,
            help="FILE is a folder of Parquet files, a pattern or a URL, which workers read and "
            "keep (those of GMM_SCHEDULER, or of this machine).",
        ),
    ]


def _json() -> click.Option:
    return click.Option(["--json", "as_json"], is_flag=True, help="Print JSON in place of a table.")


def _named(message: str) -> str:
    """Name an option as it is typed, where a message begins with a field's name."""
    name, _, rest = message.partition(" ")
    fields = {field for model in _models() for field in model.model_fields}
    return f"--{name.replace('_', '-')} {rest}" if name in fields else message


def _models() -> list[type[BaseModel]]:
    """Return every model whose fields are options of some command."""
    return [Mixture, Priors, *(kind.options for kind in kinds.every())]
