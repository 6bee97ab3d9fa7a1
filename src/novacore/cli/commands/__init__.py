"""One module per command, each with `run(arguments) -> exit code`, loaded when it is chosen."""

__all__: list[str] = []
