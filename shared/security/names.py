"""Words of Indonesian names, made comparable: spelling reforms, abbreviations, titles and ear-written variants.

What comes out is only ever hashed. Two people with the same words are candidates for one another, never equals.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Final


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_TITLES: Final = _set(
    """
    h hj haji hajjah kh ky kyai habib ustadz ustad ust drs dra dr drg prof ir rr rd raden alm almh almarhum almarhumah
    bpk bapak ibu sdr sdri tn ny se sh skom spd sag ssos sip shut ssi spt sp mm msi mh mpd mkes mkom amd lc ba
    """
)
"""Compared without dots. `S.T.` stays a title and `St.` a name: see `_words_of_piece`."""
_CONNECTIVES: Final = _set("bin binti bt bte b al el")
_ABBREVIATED: Final = {
    "muhammad": _set(
        """
        m md mhd muh moh mohd mohamad mohammad mohamed mochamad mochammad moch muhamad muhammad mhmd muchamad muchammad
        muchamat muhamat
        """
    ),
    "siti": _set("st sti siti sitti sitty"),
    "abdul": _set("abd abdl abdul"),
    "ahmad": _set("ahmad akhmad achmad achmat ahmat amad"),
    "nur": _set("nr nur noor noer"),
    "syarif": _set("syarif syarief sjarif"),
}
_FULL: Final = {short: full for full, shorts in _ABBREVIATED.items() for short in shorts}
_OLD_SPELLING: Final = (
    ("oe", "u"),
    ("tj", "c"),
    ("dj", "j"),
    ("nj", "ny"),
    ("sj", "sy"),
    ("hj", "hy"),
    ("lj", "ly"),
    ("ch", "kh"),
)
_DIGRAPHS: Final = (
    ("kh", "h"),
    ("sy", "s"),
    ("sh", "s"),
    ("ny", "n"),
    ("dh", "d"),
    ("dz", "z"),
    ("th", "t"),
    ("ph", "f"),
)
_LETTERS: Final = (
    ("q", "k"),
    ("x", "ks"),
    ("v", "f"),
    ("p", "f"),
    ("z", "s"),
    ("j", "s"),
    ("ai", "e"),
    ("y", "i"),
    ("w", "u"),
)

WORDS_MAX: Final = 12
"""Longer names are cut: no register has them, and each word costs an index row."""


_CACHED_WORDS_MAX: Final = 32_768
"""A province writes its names with fewer words; what is kept is no person's name, and in memory only."""
_APOSTROPHES: Final = re.compile("[’'`]")
_BETWEEN_PIECES: Final = re.compile(r"[\s,/()]+")


def words_of(name: str) -> tuple[str, ...]:
    """The comparable words of a name in their order, each once; empty only for a name without letters."""
    plain = name.casefold()
    if plain.isascii() and plain.replace(" ", "").isalpha():
        return _comparable(plain.split())
    if not plain.isascii():
        plain = "".join(each for each in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(each))
    return _comparable([raw.strip(".-") for raw in _BETWEEN_PIECES.split(_APOSTROPHES.sub("", plain))])


def _comparable(pieces: Sequence[str]) -> tuple[str, ...]:
    found = [word for piece in pieces for word in _words_of_piece(piece)]
    # Somebody may be called Raden or Haji and nothing else.
    found = found or [piece for piece in pieces if piece.isalpha()]
    return tuple(dict.fromkeys(found))[:WORDS_MAX]


@lru_cache(maxsize=_CACHED_WORDS_MAX)
def sound_of(word: str) -> str:
    """How a comparable word sounds, roughly: ear-written variants of one name meet here.

    The first letter, the consonants after it and the last vowel stay: Suwarno and Suwarni remain two names.
    """
    sound = _replace(word, _DIGRAPHS)
    sound = re.sub(r"(?<=.)h(?![aeiou])", "", sound)
    # Old registers write Jusuf and Jani for Yusuf and Yani.
    sound = re.sub(r"^y(?=[aeiou])", "j", sound)
    sound = re.sub(r"d$", "t", _replace(sound, _LETTERS))
    sound = re.sub(r"(?<=.)[aeiou](?=.)", "", sound)
    sound = re.sub(r"(.)\1+", r"\1", sound)
    return sound[:-1] + {"e": "i", "o": "u"}.get(sound[-1], sound[-1]) if sound else word


@lru_cache(maxsize=_CACHED_WORDS_MAX)
def _words_of_piece(piece: str) -> tuple[str, ...]:
    # Dots between single letters are an academic title (S.T., M.Si); a dot after a word abbreviates it (St., Moh.).
    if "." in piece and (re.fullmatch(r"(?:[a-z]\.)+[a-z]{1,4}", piece) or piece.replace(".", "") in _TITLES):
        head, _, rest = piece.partition(".")
        return ("muhammad", *_words_of_piece(rest)) if head == "m" and len(rest) > 3 and rest not in _TITLES else ()
    return tuple(
        _modern(word)
        for word in re.split(r"[.\-]+", piece)
        if word.isalpha() and word not in _TITLES and word not in _CONNECTIVES
    )


def _modern(word: str) -> str:
    spelled = _replace(_FULL.get(word, word), _OLD_SPELLING)
    return _FULL.get(spelled, spelled)


def _replace(word: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for old, new in pairs:
        word = word.replace(old, new)
    return word
