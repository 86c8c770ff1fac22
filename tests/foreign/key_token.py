"""SoftHSM: a token of keys behind PKCS#11, in software, for one test."""

import secrets
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.services import missing, program

_MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so")
_SECONDS = 30


@dataclass(frozen=True)
class KeyToken:
    """An initialised token without keys."""

    module: Path
    """The PKCS#11 library. It reads SOFTHSM2_CONF when it is initialised: a process that has used
    another token before must initialise it anew.
    """
    configuration: Path
    """For SOFTHSM2_CONF."""
    label: str
    pin: str = field(repr=False)


def softhsm(folder: Path, label: str = "chauban") -> KeyToken:
    """A fresh token whose files lie in `folder`."""
    tool = program("softhsm2-util")
    module = next((Path(each) for each in _MODULES if Path(each).exists()), None)
    if module is None:
        missing("libsofthsm2.so")
    tokens, configuration = folder / "tokens", folder / "softhsm2.conf"
    tokens.mkdir(parents=True)
    configuration.write_text(
        f"directories.tokendir = {tokens}\nobjectstore.backend = file\nlog.level = ERROR\n"
    )
    token = KeyToken(module, configuration, label, secrets.token_hex(8))
    subprocess.run(
        [
            *(tool, "--init-token", "--free", "--label", label),
            *("--pin", token.pin, "--so-pin", secrets.token_hex(8)),
        ],
        env={"SOFTHSM2_CONF": str(configuration)},
        check=True,
        capture_output=True,
        timeout=_SECONDS,
    )
    return token
