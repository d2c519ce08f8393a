"""Words of names as they are really written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.security.names import WORDS_MAX, sound_of, words_of


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("Muhammad", ["muhammad"]),
        ("MOH. RIDWAN", ["muhammad", "ridwan"]),
        ("M. Ridwan", ["muhammad", "ridwan"]),
        ("M.Ridwan", ["muhammad", "ridwan"]),
        ("Mochamad Ridwan", ["muhammad", "ridwan"]),
        ("H. Achmad Soebarjo, S.H., M.Si", ["ahmad", "subarjo"]),
        ("Hj. St. Aminah", ["siti", "aminah"]),
        ("Sitti Aminah binti Umar", ["siti", "aminah", "umar"]),
        ("Abd. Rahman", ["abdul", "rahman"]),
        ("Nur'aini", ["nuraini"]),
        ("Tjahjono", ["cahyono"]),
        ("Moeljono", ["mulyono"]),
        ("Budi, S.T., M.Kom.", ["budi"]),
        ("Drs. Ir. Haji Budi", ["budi"]),
        ("Raden", ["raden"]),
        ("José", ["jose"]),
        ("Budi Budi", ["budi"]),
        ("  ", []),
        ("12 -- ..", []),
    ],
)
def test_words_of_a_name(written: str, words: list[str]) -> None:
    assert list(words_of(written)) == words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cahyono", "cahjono"),
        ("yusuf", "jusuf"),
        ("fitri", "pitri"),
        ("syamsul", "samsul"),
        ("ahmad", "ahmat"),
        ("khairul", "hairul"),
        ("rizki", "riski"),
        ("zainab", "jainab"),
        ("wahyu", "wahju"),
        ("aminah", "amina"),
        ("sulistyo", "sulistio"),
        ("hasanuddin", "hasanudin"),
    ],
)
def test_ear_written_variants_sound_alike(one: str, other: str) -> None:
    assert sound_of(words_of(one)[0]) == sound_of(words_of(other)[0])


@pytest.mark.parametrize(
    ("one", "other"), [("suwarno", "suwarni"), ("budi", "beni"), ("siti", "sari"), ("umar", "amir")]
)
def test_different_names_sound_different(one: str, other: str) -> None:
    assert sound_of(one) != sound_of(other)


@given(st.text(max_size=300))
def test_any_text_has_few_words_and_each_has_a_sound(written: str) -> None:
    words = words_of(written)
    assert len(words) <= WORDS_MAX
    assert all(word.isalpha() and sound_of(word) for word in words)
    assert words_of(" ".join(words)) is not None


@given(
    st.lists(
        st.sampled_from(["Muhammad", "Siti", "Budi", "Rahman", "Aminah", "Umar"]), min_size=1, max_size=5, unique=True
    )
)
def test_case_titles_and_connectives_change_nothing(names: list[str]) -> None:
    plain = words_of(" ".join(names))
    assert words_of("H. " + " bin ".join(names).upper() + ", S.Pd") == plain


@given(st.lists(st.text(alphabet="abcdhimnostuyzABHMST", min_size=1, max_size=9), min_size=1, max_size=5))
def test_a_plain_name_has_the_words_it_has_with_something_between_them(pieces: list[str]) -> None:
    """Names of letters alone go a short way."""
    assert words_of(" ".join(pieces)) == words_of(" , ".join(pieces))
