"""Where objects are kept on an S3 server. Apart from the adapter: settings need no S3 library."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Bucket:
    """Where a bucket is and who may use it; the keys are in no `repr`, log or message."""

    host: str
    """`host:port`."""
    name: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    secure: bool = True
    """False for a server on the same machine alone."""
    region: str = "us-east-1"
    ca_file: str | None = None
    """The certificates to trust; None trusts those of the system."""
    seconds: float = 60.0
    """How long the server may stay silent."""
