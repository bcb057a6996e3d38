"""Reach the objects of one bucket of an S3 service, by way of checked addresses only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from .. import errors, outside
from ..errors import _


class Bucket:
    """A bucket of somebody: never the one that this installation keeps its own objects in."""

    def __init__(
        self,
        allowed: Sequence[str],
        name: str,
        *,
        endpoint: str | None,
        region: str | None,
        keys: Mapping[str, str],
        place: str = "endpoint",
    ) -> None:
        """Prepare a client; nothing is asked yet.

        `keys` may have `access_key`, `secret_key` and `session_token`. Without an `endpoint` it
        is a bucket of Amazon's. `place` names the field of an address that cannot be used.

        Raises:
            errors.Invalid: the address is none, or may not be called.
        """
        region = region or "us-east-1"
        target = outside.check(allowed, endpoint or _amazon(region), place)
        if target.path not in ("", "/"):
            raise errors.Invalid(_("must be an address without a path: https://host"), place=place)
        host = f"[{target.host}]" if ":" in target.host else target.host
        self.address, self.name = target.origin, name
        try:
            self.client = Minio(
                f"{host}:{target.port}",
                access_key=keys.get("access_key"),
                secret_key=keys.get("secret_key"),
                session_token=keys.get("session_token"),
                secure=target.scheme == "https",
                region=region,
                http_client=outside.CheckedPools(allowed),
            )
        except ValueError as problem:
            raise errors.Invalid(
                _("the address of the bucket cannot be used"), place=place
            ) from problem

    def get(
        self, key: str, *, start: int = 0, length: int = 0, etag: str | None = None
    ) -> urllib3.BaseHTTPResponse:
        """Begin to read an object, or `length` bytes of it; to be asked inside of `using`.

        With an `etag` only that form of it is given: else the code is PreconditionFailed.
        """
        wanted = None if etag is None else {"If-Match": f'"{etag}"'}
        return self.client.get_object(
            self.name,
            key,
            offset=start,
            length=length,
            request_headers=wanted,  # type: ignore[arg-type]
        )

    @contextmanager
    def using(self) -> Iterator[None]:
        """Raise errors.Refused for whatever the service does not do; `code` is what it says."""
        try:
            yield
        except S3Error as problem:
            raise errors.Refused(
                _("the bucket %(bucket)s at %(address)s says no: %(code)s"),
                bucket=self.name,
                address=self.address,
                code=str(problem.code)[:80],
            ) from problem
        except errors.NotFound as problem:
            raise errors.Refused(problem.message, **problem.values) from problem
        except (MinioException, urllib3.exceptions.HTTPError, OSError, ValueError) as problem:
            raise errors.Refused(
                _("the bucket %(bucket)s at %(address)s does not answer properly: %(reason)s"),
                bucket=self.name[:80],
                address=self.address,
                reason=type(getattr(problem, "reason", None) or problem).__name__,
            ) from problem


def _amazon(region: str) -> str:
    end = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://s3.{region}.{end}"
