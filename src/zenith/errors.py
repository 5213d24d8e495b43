"""What a user can get wrong; the command line prints the message alone."""


class ZenithError(Exception):
    """A mistake that the user can correct; its message names the file, the key and the remedy."""


class ConfigError(ZenithError):
    """A configuration that is not valid: the message names file, key, value and what is allowed."""


class InputError(ZenithError):
    """An input file, tree, branch or value that is missing, corrupt or not what it should be."""


class ReadError(InputError):
    """A file that cannot be read where it is, though perhaps elsewhere; `may_pass`: or later."""

    def __init__(self, message: str, *, may_pass: bool = False) -> None:
        super().__init__(message)
        self.may_pass = may_pass


class OutputError(ZenithError):
    """A file that cannot be written: the message names its path and the reason."""


class FitError(ZenithError):
    """A model that cannot be built, or a fit that did not converge."""
