"""The settings of mail are refused where they could not work or would give a password away."""

import pytest

from novacore import kit, mail


@pytest.mark.parametrize(("tls", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_usual_port_of_each_way_is_used(tls, port):
    assert mail.Config(smtp_host="mail.example.org", smtp_tls=tls).port == port
    assert mail.Config(smtp_host="mail.example.org", smtp_tls=tls, smtp_port=26).port == 26


def test_a_password_never_goes_over_a_network_in_the_clear():
    with pytest.raises(kit.SettingInvalid, match="in the clear"):
        mail.Config(smtp_host="mail.example.org", smtp_tls="none", smtp_user="nova")
    assert mail.Config(smtp_host="127.0.0.1", smtp_tls="none", smtp_user="nova").smtp_user


def test_the_sender_must_have_an_address():
    with pytest.raises(kit.SettingInvalid, match="sender"):
        mail.Config(sender="NovaCore")
    taken = mail.Config(sender="Nova of Ann <nova@example.org>")
    assert (taken.sender_name, taken.sender_address) == ("Nova of Ann", "nova@example.org")


def test_the_password_is_not_shown():
    assert "hunter2" not in repr(mail.Config(smtp_password="hunter2"))
