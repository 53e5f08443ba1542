"""Whether and how splunkd's certificate is verified: server.conf of this server decides, in all its layers."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ssa.action.alert import EXIT_OK, EXIT_SPLUNKD
from ssa.action.rest.tls import context, settings
from tests.support import pythons
from tests.support.app.alerting import result, running
from tests.support.servers.faults import Faults


def write(home, place, text):
    file = home / "etc" / place / "server.conf"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def verify(home, place="system/local", **more):
    lines = {"sslVerifyServerCert": "true", **more}
    write(home, place, "[sslConfig]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items()))


# -- the layers


@pytest.mark.parametrize(
    "places",
    [
        ("system/default", "apps/zoo/default"),
        ("apps/zoo/default", "apps/ant/default"),
        ("apps/ant/default", "apps/zoo/local"),
        ("apps/zoo/local", "apps/ant/local"),
        ("apps/ant/local", "system/local"),
    ],
    ids=" below ".join,
)
def test_the_higher_layer_wins(tmp_path, places):
    for place, value in zip(places, ("lower", "higher"), strict=True):
        write(tmp_path, place, f"[sslConfig]\nsslRootCAPath = {value}\n{place[:6]} = kept\n")
    layered = settings(str(tmp_path))
    assert layered["sslRootCAPath"] == "higher"
    assert {place[:6] for place in places} <= set(layered)


def test_other_stanzas_do_not_count_and_default_holds_where_nothing_else_is_set(tmp_path):
    write(tmp_path, "system/local", "[default]\nsslVerifyServerCert = 1\na = 1\n[kvstore]\nsslVerifyServerCert = 0\n")
    write(tmp_path, "system/default", "b = 2\n[sslConfig]\n# a = 3\na = 4\n")
    assert settings(str(tmp_path)) == {"sslVerifyServerCert": "1", "a": "4", "b": "2"}


def test_a_line_that_is_no_setting_does_not_turn_verification_off(tmp_path):
    write(tmp_path, "system/local", "nonsense\n[sslConfig\n[sslConfig]\nnonsense\nsslVerifyServerCert = true\n")
    assert context(str(tmp_path)).verify_mode == ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("value", "verified"), [("true", True), ("1", True), ("maybe", True), ("false", False), ("0", False), ("", False)]
)
def test_the_switch_is_a_boolean_and_what_is_none_verifies(tmp_path, value, verified):
    verify(tmp_path, sslVerifyServerCert=value)
    assert (context(str(tmp_path)) is not None) == verified


def test_without_any_server_conf_nothing_is_verified(tmp_path):
    assert context(str(tmp_path)) is None


@pytest.mark.parametrize(("value", "checked"), [("", False), ("false", False), ("true", True), ("maybe", True)])
def test_the_name_is_checked_where_that_is_set(tmp_path, value, checked):
    verify(tmp_path, sslVerifyServerName=value)
    assert context(str(tmp_path)).check_hostname == checked


def test_a_server_conf_that_cannot_be_read_is_an_error_that_names_it(tmp_path):
    (tmp_path / "etc/apps/ant/local/server.conf").mkdir(parents=True)
    with pytest.raises(OSError, match=r"ant/local/server\.conf"):
        context(str(tmp_path))


# -- the action, and a splunkd with a certificate


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module", params=list(pythons.found()))
def splunk(request, tmp_path_factory):
    with running(tmp_path_factory.mktemp("splunk"), pythons.found()[request.param]) as action:
        yield action


@pytest.fixture
def action(splunk, installed):
    splunk.reset(installed)
    (splunk.instance.home / "etc/system/local/server.conf").unlink(missing_ok=True)
    splunk.local("alert_actions", "[ssa_risk]\ndelivery = receivers\n")
    return splunk


def run(action, authority, name="127.0.0.1"):
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(server)
    with Faults(action.splunkd.uri, lambda _: None, server) as proxy:
        assert proxy.uri.startswith("https://")
        code, log = action.run(result(), payload={"server_uri": proxy.uri})
    return code, log


def trust(action, authority, **more):
    file = action.instance.home / "etc/auth/ca.pem"
    file.parent.mkdir(exist_ok=True)
    authority.cert_pem.write_to_path(file)
    verify(action.instance.home, sslRootCAPath="$SPLUNK_HOME/etc/auth/ca.pem", **more)


def warnings(log):
    return [line for line in log.splitlines() if line.startswith("WARN")]


@pytest.mark.parametrize("setting", ["false", ""])
def test_risk_is_written_unverified_where_the_server_does_not_verify(action, authority, setting):
    verify(action.instance.home, sslVerifyServerCert=setting)
    code, log = run(action, authority)
    assert (code, len(action.events), warnings(log)) == (EXIT_OK, 2, [])


def test_risk_is_written_to_a_splunkd_that_the_named_authority_vouches_for(action, authority):
    trust(action, authority)
    code, log = run(action, authority)
    assert (code, len(action.events), warnings(log)) == (EXIT_OK, 2, [])


def test_nothing_is_sent_to_a_splunkd_that_another_authority_vouches_for(action, authority):
    trust(action, trustme.CA())
    code, log = run(action, authority)
    assert (code, action.events, action.splunkd.requests) == (EXIT_SPLUNKD, [], [])
    assert "CERTIFICATE_VERIFY_FAILED" in log
    assert "server.conf [sslConfig] asks to verify it: correct sslRootCAPath or the certificate" in log
    assert "try 1 failed" not in log


def test_the_name_of_the_server_counts_only_where_that_is_set(action, authority):
    trust(action, authority)
    assert run(action, authority, "splunk.example")[0] == EXIT_OK
    trust(action, authority, sslVerifyServerName="true")
    code, log = run(action, authority, "splunk.example")
    assert code == EXIT_SPLUNKD
    assert "CERTIFICATE_VERIFY_FAILED" in log
    assert run(action, authority, "127.0.0.1")[0] == EXIT_OK


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_authorities_that_cannot_be_read_are_named_and_nothing_is_sent(action, authority, content):
    verify(action.instance.home, sslRootCAPath="$SPLUNK_HOME/etc/auth/other.pem")
    if content:
        (action.instance.home / "etc/auth").mkdir(exist_ok=True)
        (action.instance.home / "etc/auth/other.pem").write_text(content)
    code, log = run(action, authority)
    assert (code, action.splunkd.requests) == (EXIT_SPLUNKD, [])
    assert "ERROR nothing was written: whether and how server.conf [sslConfig] asks to verify" in log
    assert f"{action.instance.home}/etc/auth/other.pem: " in log


def test_certificates_as_splunk_ships_them_are_accepted_by_every_python(action, tmp_path):
    """They lack the extensions without which Python 3.13 refuses by default."""
    authority, key = plain_certificate("SplunkCommonCA")
    issued, own_key = plain_certificate("SplunkServerDefaultCert", authority, key)
    root, pem = tmp_path / "cacert.pem", tmp_path / "server.pem"
    root.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    pem.write_bytes(
        issued.public_bytes(serialization.Encoding.PEM)
        + own_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    verify(action.instance.home, sslRootCAPath=str(root))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    with Faults(action.splunkd.uri, lambda _: None, server) as proxy:
        code, log = action.run(result(), payload={"server_uri": proxy.uri})
    assert (code, len(action.events), warnings(log)) == (EXIT_OK, 2, [])


def plain_certificate(name, issuer=None, issuer_key=None):
    """Make a certificate and its key: no key usage, no identifiers, and only an authority says what it is."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]), datetime.now(UTC)
    made = x509.CertificateBuilder(issuer.subject if issuer else subject, subject, key.public_key())
    made = made.serial_number(x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    if not issuer:
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=False)
    return made.sign(issuer_key or key, hashes.SHA256()), key
