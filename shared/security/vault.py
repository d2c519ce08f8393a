"""Encryption of identity, and look-ups on what is encrypted. Pure: keys come in, nothing is read or stored here.

A deployment key (versioned) wraps one data key per household; the data key seals the fields. Erasing the wrapped key
erases the household. Every ciphertext begins with the version of the key that sealed it, and is bound to the place
where it belongs (household and field): moved to another row or column it does not open.
"""

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.security.names import sound_of, words_of

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
_HEADER: Final = struct.Struct(">BI")
_FORMAT: Final = 1
_CACHED_WORDS_MAX: Final = 65_536
INDEX_BYTES: Final = 16
"""Length of a name-word index: short rows, still no accidental meeting in a province."""

IndexKind = Literal["nik", "kk", "phone", "account"]


class VaultError(Exception):
    """A ciphertext that does not open: damaged, moved, of another household, or of a key we do not hold."""


def key_version_of(sealed: bytes) -> int:
    """The version of the key that sealed a ciphertext."""
    if len(sealed) < _HEADER.size + NONCE_BYTES + 16:
        raise VaultError("ciphertext is too short")
    form, version = _HEADER.unpack_from(sealed)
    if form != _FORMAT:
        raise VaultError("ciphertext has an unknown form")
    return int(version)


@dataclass(frozen=True, slots=True, repr=False)
class _Key:
    version: int
    cipher: AESGCM

    def seal(self, plain: bytes, place: bytes) -> bytes:
        header = _HEADER.pack(_FORMAT, self.version)
        nonce = os.urandom(NONCE_BYTES)
        return header + nonce + self.cipher.encrypt(nonce, plain, header + place)

    def open(self, sealed: bytes, place: bytes) -> bytes:
        if key_version_of(sealed) != self.version:
            raise VaultError("ciphertext was sealed with another version of the key")
        body = sealed[_HEADER.size :]
        try:
            return self.cipher.decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], sealed[: _HEADER.size] + place)
        except InvalidTag:
            raise VaultError("ciphertext is damaged or does not belong here") from None


@dataclass(frozen=True, slots=True, repr=False)
class HouseholdKey:
    """Seals and opens the fields of one household."""

    household_id: UUID
    _key: _Key

    @property
    def key_version(self) -> int:
        """Generation of this household's key; also at the head of each ciphertext."""
        return self._key.version

    def seal(self, field: str, value: str) -> bytes:
        """Encrypts a field's text. The same text twice gives two ciphertexts."""
        return self._key.seal(value.encode(), self._place(field))

    def open(self, field: str, sealed: bytes) -> str:
        """The text of a field. Raises VaultError when it was damaged, or sealed for another household or field."""
        return self._key.open(sealed, self._place(field)).decode()

    def _place(self, field: str) -> bytes:
        return b"household\0" + self.household_id.bytes + field.encode()


class Vault:
    """The keys of one deployment. Versions are positive; the highest seals, all of them open."""

    def __init__(self, deployment_keys: Mapping[int, bytes], index_key: bytes) -> None:
        if not deployment_keys or min(deployment_keys) < 1:
            raise ValueError("a vault needs at least one deployment key, with a version of 1 or more")
        if any(len(key) != KEY_BYTES for key in (*deployment_keys.values(), index_key)):
            raise ValueError("every key of a vault has 32 bytes")
        self._keys = {version: _Key(version, AESGCM(key)) for version, key in deployment_keys.items()}
        self._current = self._keys[max(self._keys)]
        newest = deployment_keys[self._current.version]
        # Keyed once, and copied for each message: fetching the algorithm anew costs more than a short message.
        self._digests = HMAC(derive_key(newest, b"digest"), SHA256())
        self._indexes = {
            kind: HMAC(derive_key(index_key, b"index " + kind.encode()), SHA256()) for kind in _INDEX_DOMAINS
        }
        # Few words make up the names of a place: each is worked out once, and kept in memory only.
        self._word_index = lru_cache(maxsize=_CACHED_WORDS_MAX)(self._index_word)

    @property
    def key_version(self) -> int:
        """The version that seals now."""
        return self._current.version

    def new_household_key(self, household_id: UUID, generation: int = 1) -> tuple[HouseholdKey, bytes]:
        """A fresh key for a household, and the wrapped form to store."""
        raw = AESGCM.generate_key(bit_length=KEY_BYTES * 8)
        wrapped = self._current.seal(struct.pack(">I", generation) + raw, _wrap_place(household_id))
        return HouseholdKey(household_id, _Key(generation, AESGCM(raw))), wrapped

    def household_key(self, household_id: UUID, wrapped: bytes) -> HouseholdKey:
        """The key that was wrapped for this household. Raises VaultError for any other."""
        plain = self._holder(wrapped).open(wrapped, _wrap_place(household_id))
        return HouseholdKey(household_id, _Key(struct.unpack_from(">I", plain)[0], AESGCM(plain[4:])))

    def rewrap(self, household_id: UUID, wrapped: bytes) -> bytes:
        """The same household key under the newest deployment key; fields need not be touched."""
        plain = self._holder(wrapped).open(wrapped, _wrap_place(household_id))
        return self._current.seal(plain, _wrap_place(household_id))

    def seal(self, purpose: str, plain: bytes) -> bytes:
        """Encrypts bytes that belong to no household (parked records, kept answers), bound to a purpose."""
        return self._current.seal(plain, b"deployment\0" + purpose.encode())

    def open(self, purpose: str, sealed: bytes) -> bytes:
        """Raises VaultError when damaged, of another purpose, or of a key version not held any more."""
        return self._holder(sealed).open(sealed, b"deployment\0" + purpose.encode())

    def digest(self, plain: bytes) -> bytes:
        """Keyed digest of 32 bytes: tells equal from different without letting anyone try values out."""
        return _digest(self._digests, plain)

    def new_digest(self) -> HMAC:
        """The same digest, to be fed piece by piece and finalized."""
        return self._digests.copy()

    def blind_index(self, kind: IndexKind, value: str) -> bytes:
        """Exact look-up of a number. The same in all registers of a province, different for each kind.

        The caller passes the normalised number: digits only, no placeholder.
        """
        return _digest(self._indexes[kind], value.encode())

    def name_index(self, name: str, kecamatan: str) -> frozenset[bytes]:
        """Look-up values of a name within a kecamatan: one for each word as written and one for how it sounds."""
        return frozenset(index for word in words_of(name) for index in self._word_index(kecamatan, word))

    def _index_word(self, kecamatan: str, word: str) -> tuple[bytes, bytes]:
        return self._digest_word(kecamatan, "word", word), self._digest_word(kecamatan, "sound", sound_of(word))

    def _digest_word(self, kecamatan: str, how: str, word: str) -> bytes:
        message = "\0".join((kecamatan, how, word)).encode()
        return _digest(self._indexes["name"], message)[:INDEX_BYTES]

    def _holder(self, sealed: bytes) -> _Key:
        version = key_version_of(sealed)
        try:
            return self._keys[version]
        except KeyError:
            raise VaultError(f"no deployment key of version {version}") from None


_INDEX_DOMAINS: Final = ("nik", "kk", "phone", "account", "name")


def derive_key(key: bytes, purpose: bytes) -> bytes:
    """A key of its own for each purpose, so that no two uses ever share one."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"tuntas " + purpose).derive(key)


def _digest(keyed: HMAC, message: bytes) -> bytes:
    one = keyed.copy()
    one.update(message)
    return one.finalize()


def _wrap_place(household_id: UUID) -> bytes:
    return b"wrap\0" + household_id.bytes
