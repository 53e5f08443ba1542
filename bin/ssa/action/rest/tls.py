"""How to trust splunkd on HTTPS: by this server's own server.conf, [sslConfig] sslVerifyServerCert."""

from __future__ import annotations

import glob
import os
import ssl

from ssa.content import conf


def settings(home: str = conf.HOME) -> dict[str, str]:
    """Return [sslConfig] of server.conf, layered as splunkd does: system and apps, default and local.

    A line that is no setting is passed over, as splunkd does: it must not turn verification off. Raises OSError for a
    file that cannot be read.
    """
    etc = os.path.join(home, "etc")
    files = [os.path.join(etc, "system", "default", "server.conf")]
    for layer in ("default", "local"):
        # Of two apps the one whose name sorts first wins, so it is laid on last.
        files += sorted(glob.glob(os.path.join(glob.escape(etc), "apps", "*", layer, "server.conf")), reverse=True)
    files.append(os.path.join(etc, "system", "local", "server.conf"))
    stanzas: dict[str, dict[str, str]] = {"default": {}, "sslConfig": {}}
    for file in filter(os.path.exists, files):
        with open(file, encoding="utf-8-sig", errors="replace") as handle:
            stanza = "default"
            for line in map(str.strip, handle):
                if line.startswith("["):
                    stanza = line.strip("[]")
                elif stanza in stanzas and "=" in line and not line.startswith("#"):
                    key, _, value = line.partition("=")
                    stanzas[stanza][key.strip()] = value.strip()
    return {**stanzas["default"], **stanzas["sslConfig"]}


def context(home: str = conf.HOME) -> ssl.SSLContext | None:
    """Return how to verify splunkd's certificate; None where the server is set not to.

    Raises OSError (or ssl.SSLError, a kind of it) when the certificates that it names cannot be read.
    """
    chosen = settings(home)
    if not _is_on(chosen.get("sslVerifyServerCert", "")):
        return None
    authorities = chosen.get("sslRootCAPath") or chosen.get("caCertFile") or ""
    authorities = authorities.replace("$SPLUNK_HOME", home)
    try:
        made = ssl.create_default_context(cafile=authorities or None)
    except OSError as error:
        raise OSError(f"{authorities}: {error}") from None
    # Python 3.13 requires more of certificates than splunkd does, and more than those that Splunk ships have.
    made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    made.check_hostname = _is_on(chosen.get("sslVerifyServerName", ""))
    return made


def _is_on(value: str) -> bool:
    """Read a switch; what is no boolean verifies, as the safer reading."""
    try:
        return conf.is_true(value)
    except ValueError:
        return True
