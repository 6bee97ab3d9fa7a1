"""Letters reach a real mail server, encrypted and signed in, or say whether to try again."""

import datetime as dt
import email
import email.policy
import ssl

import pytest
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.rooms.mail.conftest import letter

from novacore import mail


@pytest.fixture
def tls(tmp_path):
    """A server's TLS context, and the file of the certificate to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(tz=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return context, str(trusted)


def _authenticator(_server, _session, _envelope, _mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b"nova", b"right"), handled=False)


async def test_a_letter_arrives_with_its_parts_and_headers(make_mailer, smtp_server, received):
    port = smtp_server()
    mailer = make_mailer(
        smtp_host="127.0.0.1", smtp_port=port, smtp_tls="none", sender="Nova <nova@example.org>"
    )
    delivered = await mailer.deliver(letter())
    assert delivered.where == "smtp"
    ((sender, recipients, content),) = received.letters
    assert (sender, recipients) == ("nova@example.org", ["ann@example.org"])
    told = email.message_from_bytes(content, policy=email.policy.SMTP)
    assert told["Message-ID"] == delivered.message_id == "<0190-1@example.org>"
    assert told["From"] == "Nova <nova@example.org>"
    assert told["Date"] == "Tue, 14 Nov 2023 22:13:20 -0000"
    assert [part.get_content_type() for part in told.iter_parts()] == ["text/plain", "text/html"]


async def test_an_address_in_any_script_arrives(make_mailer, smtp_server, received):
    mailer = make_mailer(
        smtp_host="127.0.0.1", smtp_port=smtp_server(enable_SMTPUTF8=True), smtp_tls="none"
    )
    await mailer.deliver(letter(to="zoë@exämple.org"))
    ((_, recipients, content),) = received.letters
    assert recipients == ["zoë@exämple.org"]
    assert "To: zoë@exämple.org".encode() in content


async def test_an_address_that_a_server_can_not_name_is_refused_for_good(
    make_mailer, smtp_server, received
):
    port = smtp_server(enable_SMTPUTF8=False)
    mailer = make_mailer(smtp_host="127.0.0.1", smtp_port=port, smtp_tls="none")
    with pytest.raises(mail.MailRefused):
        await mailer.deliver(letter(to="zoë@exämple.org"))
    assert received.letters == []


async def test_nothing_is_kept_in_the_outbox_where_letters_are_sent(
    make_mailer, smtp_server, lines, tmp_path
):
    mailer = make_mailer(smtp_host="127.0.0.1", smtp_port=smtp_server(), smtp_tls="none")
    await mailer.deliver(letter())
    assert mailer.is_sending
    assert lines == []
    assert not (tmp_path / "outbox").exists()


async def test_starttls_encrypts_before_the_password_is_told(
    make_mailer, smtp_server, received, tls
):
    context, trusted = tls
    port = smtp_server(
        tls_context=context, require_starttls=True, authenticator=_authenticator,
        auth_required=True, decode_data=False,
    )  # fmt: skip
    mailer = make_mailer(
        smtp_host="localhost", smtp_port=port, smtp_ca_file=trusted, smtp_user="nova",
        smtp_password="right",
    )  # fmt: skip
    await mailer.deliver(letter())
    assert len(received.letters) == 1


async def test_tls_from_the_first_byte(make_mailer, smtp_server, received, tls):
    context, trusted = tls
    port = smtp_server(ssl_context=context)
    mailer = make_mailer(
        smtp_host="localhost", smtp_port=port, smtp_tls="tls", smtp_ca_file=trusted
    )
    await mailer.deliver(letter())
    assert len(received.letters) == 1


async def test_a_server_without_tls_gets_no_letter_where_tls_is_asked_for(
    make_mailer, smtp_server, received
):
    mailer = make_mailer(smtp_host="localhost", smtp_port=smtp_server())
    with pytest.raises(mail.MailUnsent):
        await mailer.deliver(letter())
    assert received.letters == []


async def test_a_certificate_that_nobody_vouches_for_gets_no_letter(
    make_mailer, smtp_server, received, tls
):
    context, _ = tls
    mailer = make_mailer(
        smtp_host="localhost", smtp_port=smtp_server(ssl_context=context), smtp_tls="tls"
    )
    with pytest.raises(mail.MailUnsent, match="certificate"):
        await mailer.deliver(letter())
    assert received.letters == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
async def test_a_wrong_password_waits_for_the_administrator(make_mailer, smtp_server):
    port = smtp_server(authenticator=_authenticator, auth_required=True, auth_require_tls=False)
    mailer = make_mailer(
        smtp_host="127.0.0.1", smtp_port=port, smtp_tls="none", smtp_user="nova",
        smtp_password="wrong",
    )  # fmt: skip
    with pytest.raises(mail.MailUnsent) as caught:
        await mailer.deliver(letter())
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize("step", ["RCPT", "DATA"])
async def test_a_refusal_for_good_is_told_from_one_for_now(
    make_mailer, smtp_server, received, step
):
    mailer = make_mailer(smtp_host="127.0.0.1", smtp_port=smtp_server(), smtp_tls="none")
    received.answers[step] = "550 no such user"
    with pytest.raises(mail.MailRefused, match="no such user"):
        await mailer.deliver(letter())
    received.answers[step] = "451 come back later"
    with pytest.raises(mail.MailUnsent, match="come back later"):
        await mailer.deliver(letter())


async def test_no_server_and_a_server_that_is_silent_are_tried_again(make_mailer, smtp_server):
    port = smtp_server()
    with pytest.raises(mail.MailUnsent):
        await make_mailer(smtp_host="127.0.0.1", smtp_port=1, smtp_tls="none").deliver(letter())
    # TLS spoken to a server that waits for a word in the clear: neither says anything.
    mailer = make_mailer(smtp_host="127.0.0.1", smtp_port=port, smtp_tls="tls", smtp_timeout_ms=200)
    with pytest.raises(mail.MailUnsent):
        await mailer.deliver(letter())


async def test_a_missing_file_of_certificates_is_named(make_mailer, smtp_server, tmp_path):
    mailer = make_mailer(
        smtp_host="localhost", smtp_port=smtp_server(), smtp_tls="tls",
        smtp_ca_file=str(tmp_path / "none.pem"),
    )  # fmt: skip
    with pytest.raises(mail.MailUnsent, match=r"none\.pem"):
        await mailer.deliver(letter())


async def test_the_mailer_knows_what_the_server_said_of_the_last_letter(make_mailer, smtp_server):
    port = smtp_server()
    mailer = make_mailer(
        smtp_host="127.0.0.1", smtp_port=port, smtp_tls="none", sender="Nova <nova@example.org>"
    )
    assert mailer.problem is None
    await mailer.deliver(letter())
    assert mailer.problem == ""
    away = make_mailer(
        smtp_host="127.0.0.1", smtp_port=1, smtp_tls="none", sender="Nova <nova@example.org>"
    )
    with pytest.raises(mail.MailUnsent):
        await away.deliver(letter())
    assert away.problem
