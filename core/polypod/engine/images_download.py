"""Fetches a file over http(s) into a nameless temporary file."""

from __future__ import annotations

from ..errors import PolypodError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO


def download(url: str, tmpdir: str) -> IO[bytes]:
    """The content of a URL as an open, seekable file without a name; the caller closes it."""
    import shutil
    import tempfile

    import urllib3

    proxy = _proxy(url)
    pool = urllib3.ProxyManager(proxy) if proxy else urllib3.PoolManager()
    timeout = urllib3.Timeout(connect=30.0, read=120.0)
    target = tempfile.TemporaryFile(dir=tmpdir, buffering=0)
    try:
        response = pool.request(
            "GET",
            url,
            preload_content=False,
            timeout=timeout,
            retries=urllib3.Retry(3, redirect=10),
        )
        if response.status != 200:
            raise PolypodError(
                f"downloading {url}: server answered {response.status} {response.reason}"
            )
        shutil.copyfileobj(response, target, 1 << 20)
        _check_length(url, response, target)
    except OSError as error:
        target.close()
        reason = (error.strerror or str(error)).lower()
        raise PolypodError(f"downloading {url} to {tmpdir}: {reason}") from error
    except urllib3.exceptions.HTTPError as error:
        target.close()
        raise PolypodError(f"downloading {url}: {error}") from error
    except BaseException:
        target.close()
        raise
    finally:
        pool.clear()
    target.seek(0)
    return target


def _check_length(url: str, response: object, target: IO[bytes]) -> None:
    stated = getattr(response, "headers", {}).get("Content-Length")
    if stated and stated.isdigit() and int(stated) != target.tell():
        raise PolypodError(f"downloading {url}: got {target.tell()} of {stated} bytes")


def _proxy(url: str) -> str:
    from urllib.parse import urlsplit
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    if not parts.hostname or proxy_bypass(parts.hostname):
        return ""
    return getproxies().get(parts.scheme, "")
