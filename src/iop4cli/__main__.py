"""Start-up: the version without heavy imports, then the command table."""

import sys


def main() -> None:
    """Run the command line and leave with its exit code."""
    from iop4cli.shell import output

    output.open_what_is_closed()
    if sys.argv[1:] in (["--version"], ["-V"]):
        from iop4cli import __version__

        output.line(f"iop4 {__version__}")
        return
    import signal

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Until the command is there Ctrl-C just ends the process: there is nothing to keep, and no traceback to show.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from iop4cli.app import make_app
    from iop4cli.shell.messages import exit_codes, usage_problem

    with exit_codes():
        try:
            code = make_app().main(prog_name="iop4", standalone_mode=False)
        except Exception as error:
            code = usage_problem(error)
        output.flush()
        sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
