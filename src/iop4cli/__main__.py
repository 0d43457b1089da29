"""Start-up: the version without heavy imports, then the command table."""

import os
import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    import signal

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
    from iop4cli.shell.messages import EXIT_INTERRUPTED, exit_codes, usage_problem

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
        _leave_at_once(end.code)
        raise


def _leave_at_once(code: object) -> None:
    """If a server still owes an answer: what waits for it would abort the program as it ends."""
    from iop4cli.shell import output

    waiting = sys.modules.get("iop4cli.archive.waiting")
    if waiting is not None and waiting.is_left():
        output.flush()
        os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    main()
