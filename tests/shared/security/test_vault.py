"""The vault: what is sealed opens only where it belongs, only with our keys, and only unharmed."""

import hashlib
import hmac
import os
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.security import Vault, VaultError, key_version_of
from shared.security.vault import INDEX_BYTES, IndexKind, derive_key

KEY_1, KEY_2, INDEX = (bytes([n]) * 32 for n in (1, 2, 3))
VAULT = Vault({1: KEY_1}, INDEX)
ROTATED = Vault({1: KEY_1, 2: KEY_2}, INDEX)
texts = st.text(max_size=200).filter(lambda text: not any("\ud800" <= letter <= "\udfff" for letter in text))
fields = st.sampled_from(["nik", "kk", "name", "address", "phone"])


@given(texts, fields, st.uuids())
def test_what_is_sealed_opens(text: str, field: str, household_id: UUID) -> None:
    key, wrapped = VAULT.new_household_key(household_id)
    sealed = key.seal(field, text)
    assert VAULT.household_key(household_id, wrapped).open(field, sealed) == text
    assert key_version_of(sealed) == 1
    assert key.seal(field, text) != sealed
    assert len(text) < 5 or text.encode() not in sealed


@given(st.data())
def test_one_changed_byte_does_not_open(data: st.DataObject) -> None:
    household_id = uuid4()
    key, wrapped = VAULT.new_household_key(household_id)
    sealed = bytearray(data.draw(st.sampled_from([key.seal("nik", "6472054507790001"), wrapped])))
    is_wrapped = bytes(sealed) == wrapped
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(VaultError):
        VAULT.household_key(household_id, bytes(sealed)) if is_wrapped else key.open("nik", bytes(sealed))


@given(st.binary(max_size=100))
def test_noise_does_not_open(noise: bytes) -> None:
    key, _ = VAULT.new_household_key(uuid4())
    for attempt in (lambda: key.open("nik", noise), lambda: VAULT.open("parked", noise)):
        with pytest.raises(VaultError):
            attempt()


def test_a_field_moved_to_another_place_does_not_open() -> None:
    mine, wrapped = VAULT.new_household_key(uuid4())
    theirs, _ = VAULT.new_household_key(uuid4())
    sealed = mine.seal("nik", "6472054507790001")
    with pytest.raises(VaultError, match="does not belong here"):
        mine.open("kk", sealed)
    with pytest.raises(VaultError, match="does not belong here"):
        theirs.open("nik", sealed)
    with pytest.raises(VaultError, match="does not belong here"):
        VAULT.household_key(theirs.household_id, wrapped)


def test_a_rotated_key_seals_anew_and_opens_what_was() -> None:
    household_id = uuid4()
    key, wrapped = VAULT.new_household_key(household_id)
    sealed = key.seal("nik", "6472054507790001")
    again = ROTATED.rewrap(household_id, wrapped)

    assert (key_version_of(wrapped), key_version_of(again), ROTATED.key_version) == (1, 2, 2)
    without_the_first = Vault({2: KEY_2}, INDEX)
    assert without_the_first.household_key(household_id, again).open("nik", sealed) == "6472054507790001"
    with pytest.raises(VaultError, match="no deployment key of version 1"):
        without_the_first.household_key(household_id, wrapped)
    assert ROTATED.open("parked", VAULT.seal("parked", b"record")) == b"record"


def test_a_purpose_does_not_open_anothers_bytes() -> None:
    with pytest.raises(VaultError):
        VAULT.open("answer", VAULT.seal("parked", b"record"))


def test_an_index_finds_the_same_number_in_the_province_and_differs_by_kind() -> None:
    elsewhere = Vault({7: os.urandom(32)}, INDEX)
    kinds: tuple[IndexKind, ...] = ("nik", "kk", "phone", "account")
    values = [VAULT.blind_index(kind, "6472054507790001") for kind in kinds]
    assert len(set(values)) == 4
    assert values == [elsewhere.blind_index(kind, "6472054507790001") for kind in kinds]
    assert Vault({1: KEY_1}, os.urandom(32)).blind_index("nik", "6472054507790001") not in values


def test_names_meet_by_word_and_by_sound_within_their_kecamatan() -> None:
    asked = VAULT.name_index("Moh. Noer", "64.72.05")
    kept = VAULT.name_index("H. Muhammad Nur bin Abdul", "64.72.05")
    assert asked < kept
    assert asked.isdisjoint(VAULT.name_index("H. Muhammad Nur bin Abdul", "64.72.06"))
    assert VAULT.name_index("Suwarno", "64.72.05").isdisjoint(VAULT.name_index("Suwarni", "64.72.05"))


def test_a_digest_is_keyed() -> None:
    assert VAULT.digest(b"x") == VAULT.digest(b"x") != Vault({1: KEY_2}, INDEX).digest(b"x")


@given(st.lists(st.binary(max_size=200), max_size=3), st.text("0123456789", max_size=20))
def test_digests_are_those_of_the_standard_library(parts: list[bytes], number: str) -> None:
    digest_key, message = derive_key(KEY_1, b"digest"), b"".join(parts)
    assert VAULT.digest(message) == hmac.digest(digest_key, message, hashlib.sha256)
    fed = VAULT.new_digest()
    for part in parts:
        fed.update(part)
    assert fed.finalize() == VAULT.digest(message)
    assert VAULT.blind_index("kk", number) == hmac.digest(derive_key(INDEX, b"index kk"), number.encode(), "sha256")
    word = hmac.digest(derive_key(INDEX, b"index name"), b"64.72.05\0word\0siti", "sha256")[:INDEX_BYTES]
    assert word in VAULT.name_index("Siti", "64.72.05")


@pytest.mark.parametrize(
    ("keys", "index"), [({}, INDEX), ({0: KEY_1}, INDEX), ({1: b"short"}, INDEX), ({1: KEY_1}, b"short")]
)
def test_wrong_keys_are_refused_at_the_start(keys: dict[int, bytes], index: bytes) -> None:
    with pytest.raises(ValueError, match="key"):
        Vault(keys, index)


def test_keys_do_not_show_in_a_traceback() -> None:
    key, _ = VAULT.new_household_key(uuid4())
    assert "AESGCM" not in repr(key)
