"""Without a mail server, letters are kept in a private folder and named on the console."""

import email
import email.policy
import resource

import pytest
from tests.rooms.mail.conftest import EXAMPLES, letter

from novacore import mail


async def test_a_letter_is_kept_and_its_link_shown_on_the_console(make_mailer, lines, tmp_path):
    delivered = await make_mailer().deliver(letter())
    assert delivered.where == "outbox"
    assert "ann@example.org" in lines[0]
    assert "Confirm your address" in lines[0]
    assert EXAMPLES["verify"]["link"] in lines[0]
    assert sorted(path.name for path in (tmp_path / "outbox").iterdir()) == [
        "0190-1.eml", "0190-1.html", "0190-1.txt",
    ]  # fmt: skip


async def test_the_folder_and_its_files_are_for_their_owner_alone(make_mailer, tmp_path):
    await make_mailer().deliver(letter())
    assert (tmp_path / "outbox").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "outbox").iterdir()} == {0o600}


async def test_the_kept_letter_is_the_one_that_would_be_sent(make_mailer):
    mailer = make_mailer()
    await mailer.deliver(letter())
    told = email.message_from_bytes(
        mailer.read_outbox("0190-1", "eml"), policy=email.policy.default
    )
    assert told["To"] == "ann@example.org"
    assert told["Message-ID"] == "<0190-1@localhost>"
    assert told["Auto-Submitted"] == "auto-generated"
    plain, laid_out = (part.get_content() for part in told.iter_parts())
    written = mail.write_letter("verify", EXAMPLES["verify"], home="https://nova.example.org")
    assert (plain.replace("\r", ""), laid_out.replace("\r", "")) == (written.text, written.html)
    assert mailer.read_outbox("0190-1", "txt").decode() == written.text


async def test_a_second_delivery_of_the_same_letter_leaves_one(make_mailer):
    mailer = make_mailer()
    await mailer.deliver(letter())
    await mailer.deliver(letter())
    assert [each.id for each in mailer.list_outbox()] == ["0190-1"]


async def test_the_list_shows_the_newest_first_with_their_links(make_mailer):
    mailer = make_mailer()
    for number in range(3):
        await mailer.deliver(letter(id=f"n{number}", to=f"a{number}@example.org"))
    await mailer.deliver(letter(id="n3", template="account_deleted", params={}))
    listed = mailer.list_outbox(3)
    assert [each.id for each in listed] == ["n3", "n2", "n1"]
    assert [each.link for each in listed] == ["", *[EXAMPLES["verify"]["link"]] * 2]
    assert listed[1].to == "a2@example.org"
    assert listed[1].subject == "Confirm your address"
    assert listed[0].kept_at_us >= listed[1].kept_at_us > 0


async def test_only_so_many_letters_are_kept(make_mailer, tmp_path):
    mailer = make_mailer(outbox_letters_max=2)
    for number in range(4):
        await mailer.deliver(letter(id=f"n{number}"))
    assert [each.id for each in mailer.list_outbox()] == ["n3", "n2"]
    assert len(list((tmp_path / "outbox").iterdir())) == 6


async def test_an_id_never_leads_out_of_the_folder(make_mailer, tmp_path):
    mailer = make_mailer()
    await mailer.deliver(letter(id="../../etc/x\r\nBcc: y@z.org"))
    assert {path.parent for path in tmp_path.rglob("*.eml")} == {tmp_path / "outbox"}
    (tmp_path / "secret.txt").write_text("secret")
    for wanted in ("../secret", "..", "", "n1", "a/b"):
        with pytest.raises(mail.OutboxUnknown):
            mailer.read_outbox(wanted, "txt")
    with pytest.raises(mail.OutboxUnknown):
        mailer.read_outbox(mailer.list_outbox()[0].id, "py")


async def test_an_address_in_any_script_is_kept_as_it_is(make_mailer):
    mailer = make_mailer()
    await mailer.deliver(letter(to="zoë@exämple.org"))
    assert mailer.list_outbox()[0].to == "zoë@exämple.org"


async def test_an_outbox_that_is_not_there_yet_is_empty(make_mailer):
    assert make_mailer().list_outbox() == []


async def test_a_folder_that_can_not_be_written_says_so_and_the_letter_can_be_tried_again(
    make_mailer, tmp_path
):
    (tmp_path / "outbox").write_text("in the way")
    with pytest.raises(mail.MailUnsent, match="can't be kept"):
        await make_mailer().deliver(letter())
    (tmp_path / "outbox").unlink()
    mailer = make_mailer()
    await mailer.deliver(letter())
    assert len(mailer.list_outbox()) == 1


async def test_a_full_disk_leaves_no_half_letter_and_the_letter_can_be_tried_again(
    make_mailer, tmp_path, lines
):
    mailer = make_mailer()
    await mailer.deliver(letter(id="before"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, limits[1]))
    try:
        with pytest.raises(mail.MailUnsent, match="can't be kept"):
            await mailer.deliver(letter(id="later"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [each.id for each in mailer.list_outbox()] == ["before"]
    assert len(lines) == 1
    assert not list((tmp_path / "outbox").glob(".*"))
    await mailer.deliver(letter(id="later"))
    assert [each.id for each in mailer.list_outbox()] == ["later", "before"]


@pytest.mark.parametrize("to", ["ann@example.org\r\nBcc: ben@example.org", "ann", "a@b, c@d"])
async def test_nothing_but_an_address_gets_into_the_header(make_mailer, to, tmp_path):
    with pytest.raises(mail.AddressInvalid):
        await make_mailer().deliver(letter(to=to))
    assert not (tmp_path / "outbox").exists()
