"""Access tokens, the keys that sign them, and the secret of the server."""

import base64
import json

import pytest
from joserfc import jwk, jwt

from novacore import identity
from novacore.identity import signing, tables

MINUTE_MS = 60_000


def _parts(token):
    return [json.loads(base64.urlsafe_b64decode(each + "==")) for each in token.split(".")[:2]]


def _signed(world, claims, *, header=None, key=None):
    """A token as a stranger would make it, good but for what is changed."""
    own = world.sign_in().access_token
    head, body = _parts(own)
    key = key or jwk.OKPKey.generate_key("Ed25519")
    return jwt.encode(
        {**head, **(header or {})}, {**body, **claims}, key, registry=signing._REGISTRY
    )


def test_a_token_names_issuer_audience_key_and_fifteen_minutes(world):
    world.person()
    signed_in = world.sign_in()
    head, body = _parts(signed_in.access_token)
    assert head["alg"] == "EdDSA"
    assert head["typ"] == "at+jwt"
    assert head["kid"] == world.identity.published_keys()[0]["kid"]
    assert body["iss"] == "http://127.0.0.1:8080"
    assert body["aud"] == "novacore-api"
    assert body["exp"] - body["iat"] == 900 == signed_in.expires_in_s
    assert (body["sub"], body["sid"]) == (signed_in.account.id, signed_in.session_id)
    assert "ada" not in json.dumps(body)


def test_a_token_runs_out(world):
    world.person()
    token = world.sign_in().access_token
    world.clock.advance_ms(15 * MINUTE_MS - 1_000)
    assert world.identity.authenticate(token)
    world.clock.advance_ms(1_000)
    with pytest.raises(identity.CredentialInvalid):
        world.identity.authenticate(token)


@pytest.mark.parametrize(
    ("claims", "header"),
    [
        ({}, {}),
        ({"aud": "others"}, {}),
        ({"iss": "http://evil.example"}, {}),
        ({"exp": None}, {}),
        ({}, {"kid": "another"}),
        ({}, {"typ": "JWT"}),
    ],
)
def test_a_token_of_a_stranger_is_refused(world, claims, header):
    world.person()
    with pytest.raises(identity.CredentialInvalid):
        world.identity.authenticate(_signed(world, claims, header=header))


@pytest.mark.parametrize(
    ("claims", "header"),
    [
        ({"aud": "others"}, {}),
        ({"iss": "http://evil.example"}, {}),
        ({"exp": "never"}, {}),
        ({"exp": 99}, {}),
        ({"sid": "another"}, {}),
        ({"sub": "another"}, {}),
        ({}, {"typ": "JWT"}),
    ],
)
def test_a_token_that_is_ours_but_not_for_this_is_refused(world, claims, header):
    world.person()
    world.sign_in()
    key = world.identity._ring._signer
    with pytest.raises(identity.CredentialInvalid):
        world.identity.authenticate(_signed(world, claims, header=header, key=key))
    assert world.identity.authenticate(_signed(world, {}, key=key))


def test_no_token_chooses_how_it_is_checked(world):
    """alg none, and our public key as the secret of an HMAC."""
    world.person()
    own = world.sign_in().access_token
    head, body = _parts(own)
    public = world.identity.published_keys()[0]["x"]
    secret = jwk.OctKey.import_key(base64.urlsafe_b64decode(public + "=="))
    confused = jwt.encode({**head, "alg": "HS256"}, body, secret, algorithms=["HS256"])
    first = base64.urlsafe_b64encode(json.dumps({**head, "alg": "none"}).encode()).decode()
    unsigned = f"{first.rstrip('=')}.{own.split('.')[1]}."
    for token in (confused, unsigned, own[:-4] + "AAAA"):
        with pytest.raises(identity.CredentialInvalid):
            world.identity.authenticate(token)


def test_a_key_is_replaced_with_overlap_in_every_process(world):
    world.person()
    old = world.sign_in()
    other = world.other_process()
    assert other.authenticate(old.access_token)
    kid = other.rotate_keys()
    world.clock.advance_ms(1_000)
    assert world.identity.authenticate(old.access_token)
    fresh = world.identity.sessions.refresh(old.refresh_token)
    assert _parts(fresh.access_token)[0]["kid"] == kid
    assert len(world.identity.published_keys()) == 2
    assert other.authenticate(fresh.access_token)
    world.clock.advance_ms(15 * MINUTE_MS)
    world.identity.clean_up()
    assert [row.id for row in world.rows(tables.SIGNING_KEY)] == [kid]
    other.close()


def test_a_process_that_has_not_heard_of_a_fresh_key_looks_it_up(world):
    world.person()
    old = world.sign_in()
    other = world.other_process()
    assert other.authenticate(old.access_token)
    world.identity.rotate_keys()
    fresh = world.identity.sessions.refresh(old.refresh_token)
    world.clock.advance_ms(999)
    with pytest.raises(identity.CredentialInvalid):
        other.authenticate(fresh.access_token)
    world.clock.advance_ms(1)
    assert other.authenticate(fresh.access_token)
    other.close()


def test_of_processes_that_start_at_once_one_makes_the_key(world, at_once):
    world.person()
    others = [world.other_process() for _ in range(6)]
    at_once(lambda each: each.published_keys(), others)
    assert len(world.rows(tables.SIGNING_KEY)) == 1
    for each in others:
        each.close()


def test_an_old_key_is_replaced_by_itself(world):
    world.person()
    kid = _parts(world.sign_in().access_token)[0]["kid"]
    world.clock.advance_ms(89 * 24 * 60 * MINUTE_MS)
    world.identity.clean_up()
    assert _parts(world.sign_in().access_token)[0]["kid"] == kid
    world.clock.advance_ms(24 * 60 * MINUTE_MS)
    world.identity.clean_up()
    assert _parts(world.sign_in().access_token)[0]["kid"] != kid


def test_a_signing_key_can_be_made_while_changes_are_watched(world, at_once):
    """The first sign-in of a server whose keys were used before it: nobody waits in a circle."""
    account = world.person()
    secret = world.identity.keys.create(account.id, name="k").secret
    world.identity.authenticate(secret)
    results = at_once(lambda _: world.sign_in(), list(range(4)))
    assert {type(each) for each in results} == {identity.SignedIn}


def test_a_key_that_is_replaced_while_the_keys_are_read_is_not_signed_with(world):
    world.person()
    token = world.sign_in().refresh_token
    other, ring = world.other_process(), world.identity._ring
    ring.forget()
    read, fresh = ring._rows, []

    def read_slowly(**options):
        rows = read(**options)
        if not fresh:
            fresh.append(other.rotate_keys())
            ring.forget()
        return rows

    ring._rows = read_slowly
    signed_in = world.identity.sessions.refresh(token)
    assert _parts(signed_in.access_token)[0]["kid"] == fresh[0]
    other.close()


def test_without_the_key_file_nobody_signs_until_a_key_is_made(world, tmp_path):
    world.person()
    signed_in = world.sign_in()
    stranger = identity.Identity(
        world.database,
        config=world.identity.config,
        clock=world.clock,
        vault=identity.open_vault(tmp_path / "other"),
        public_url="http://127.0.0.1:8080",
        is_public=False,
    )
    assert stranger.authenticate(signed_in.access_token)
    with pytest.raises(identity.VaultDiffers):
        stranger.sessions.refresh(signed_in.refresh_token)
    stranger.rotate_keys()
    assert stranger.sessions.refresh(signed_in.refresh_token)
    with pytest.raises(identity.VaultDiffers):
        stranger.unseal_mail(
            {"template": "verify", "to": "", "params": {}, "sealed": _sealed(world)}
        )
    stranger.close()


def _sealed(world):
    return world.vault.seal({"link": "x"}, purpose="mail")


def test_what_is_sealed_is_read_only_for_its_purpose_and_unchanged(world):
    sealed = _sealed(world)
    assert world.vault.unseal(sealed, purpose="mail") == {"link": "x"}
    assert "link" not in sealed
    for text, purpose in (
        (sealed, "signing key"),
        (sealed[:-6] + "AAAA==", "mail"),
        ("", "mail"),
        ("x.y", "mail"),
    ):
        with pytest.raises(identity.VaultDiffers):
            world.vault.unseal(text, purpose=purpose)


def test_the_key_file_is_made_once_and_for_its_owner_alone(tmp_path, at_once):
    folder = tmp_path / "keys"
    ids = at_once(lambda _: identity.open_vault(folder).id, list(range(8)))
    assert len(set(ids)) == 1
    assert folder.stat().st_mode & 0o777 == 0o700
    (file,) = folder.iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == ("identity.key", 0o600)
    file.write_bytes(b"short")
    with pytest.raises(identity.VaultDiffers):
        identity.open_vault(folder)


def test_cleaning_up_removes_what_ran_out_and_nothing_else(world):
    world.person()
    kept = world.sign_in()
    gone = world.sign_in()
    world.identity.accounts.ask_reset("ada@example.org", client=world.client())
    world.letters()
    world.identity.sessions.sign_out(refresh_token=gone.refresh_token)
    assert set(world.identity.clean_up().values()) == {0}
    world.clock.advance_ms(9 * 24 * 60 * MINUTE_MS)
    counts = world.identity.clean_up()
    assert counts["sessions"] == 1
    assert counts["tickets"] == 2
    assert counts["throttles"] > 0
    assert counts["changes"] > 0
    assert world.identity.sessions.refresh(kept.refresh_token)
