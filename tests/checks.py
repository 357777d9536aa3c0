"""What was claimed and whether it held, told at once and counted at the end."""


class Checks:
    """A list of claims."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def hold(self, held: bool, claim: str) -> None:
        """Notes one claim. A false one does not stop the run: what follows may explain it."""
        self.passed += held
        self.failed += not held
        print(f"{'ok    ' if held else 'FAILED'} {claim}", flush=True)

    def total(self) -> str:
        """The line that `cargo xtask check` reads."""
        return f"total: {self.passed} passed, {self.failed} failed"
