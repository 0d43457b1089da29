"""Start-up: the version without heavy imports, then the command table."""

import os
import sys
from contextlib import suppress


def main() -> None:
    """Run the command line and leave with its exit code."""
    import gc
    import signal

    # Plans make rows by ten thousands: looking for cycles after every 700 objects would take a tenth of their time.
    gc.set_threshold(50_000)

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Until the command is there Ctrl-C just ends the process: there is nothing to keep, and no traceback to show.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from iop4cli.shell import output

    output.open_what_is_closed()
    if sys.argv[1:] in (["--version"], ["-V"]):
        from iop4cli import __version__

        output.line(f"iop4 {__version__}")
        return
    from iop4cli.app import make_app
    from iop4cli.shell.messages import BY_SIGNALS, EXIT_INTERRUPTED, exit_codes, usage_problem

    try:
        with exit_codes():
            try:
                code = make_app().main(prog_name="iop4", standalone_mode=False)
            except Exception as error:
                code = usage_problem(error)
            if code == EXIT_INTERRUPTED:
                raise KeyboardInterrupt  # typer made a code of it, and said nothing
            output.flush()
            sys.exit(code if isinstance(code, int) else 0)
    except SystemExit as end:
        if end.code in BY_SIGNALS or _is_awaited():
            _leave_at_once(end.code)
        raise


def _is_awaited() -> bool:
    """Whether a server still owes an answer: what waits for it would abort the program as it ends."""
    waiting = sys.modules.get("iop4cli.archive.waiting")
    return waiting is not None and waiting.is_left()


def _leave_at_once(code: object) -> None:
    """All is closed and said. A library in C whose import or call a signal has broken off may abort where Python takes
    it down (1 of 465 signals did that), and nothing is left that needs it to."""
    from iop4cli.shell import output

    with suppress(OSError):  # the terminal may be gone
        output.flush()
    os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    main()
