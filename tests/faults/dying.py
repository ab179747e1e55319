"""lungio in a process that is killed outright (PLACE AFTER WORDS): at the call of PLACE after so many."""

import importlib
import os
import signal
import sys
import warnings


def main() -> None:
    """Set the trap, and call the command."""
    place, after, *words = sys.argv[1:]
    name, _, attribute = place.rpartition(".")
    module = importlib.import_module(name)
    true, seen = getattr(module, attribute), []

    def dying(*args: object, **options: object) -> object:
        if len(seen) == int(after):
            os.kill(os.getpid(), signal.SIGKILL)
        seen.append(place)
        return true(*args, **options)

    setattr(module, attribute, dying)
    import pipeline.artifacts.gallery

    if not attribute.startswith("draw_gallery"):
        pipeline.artifacts.gallery.draw_gallery = lambda *_: None  # nobody looks at them
    from experiments.cli import app

    warnings.simplefilter("ignore")
    app(words)


if __name__ == "__main__":
    main()
