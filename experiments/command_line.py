"""What every command of lungio shares: the default seed, checks of numbers, the console."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console

DEFAULT_SEED: Final = 2018  # the default run's: `simulate keynote_189 --n 2000` draws its training patients


def at_least(option: str, value: int | None, smallest: int) -> None:
    """Raise an InputError when `value` is below `smallest`."""
    if value is not None and value < smallest:
        from pipeline.schema import InputError

        raise InputError(f"{option} must be at least {smallest}. Got {value} instead")


def console() -> Console:
    """Return the console for results; wide enough for tables when the output is a file."""
    from rich.console import Console

    wide = Console()
    return wide if wide.is_terminal else Console(width=max(wide.width, 140))
