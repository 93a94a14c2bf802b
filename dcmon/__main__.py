"""The `dcmon` program; also `python -m dcmon`."""

import signal


def main() -> None:
    """Until there is something to end in order, Ctrl+C ends the process without a word, not with a traceback."""
    interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if interruptible:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from dcmon.cli import program, run

    command = program()
    if interruptible:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run(command)


if __name__ == "__main__":
    main()
