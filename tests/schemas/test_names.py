"""Names: splitting, adjusting."""

import pytest

from faust_cdc_schemas import names


@pytest.mark.parametrize(
    ("full", "expected"),
    [("gp.gold.pk2.Key", ("gp.gold.pk2", "Key")), ("Key", (None, "Key")), ("a.b", ("a", "b"))],
)
def test_full_names_split_at_the_last_dot(full: str, expected: tuple[str | None, str]) -> None:
    assert names.split_full_name(full) == expected


@pytest.mark.parametrize(
    ("name", "adjusted"), [("1st col", "_1st_col"), ("a.b", "a_b"), ("c-d", "c_d"), ("ñ", "_"), ("ok_1", "ok_1")]
)
def test_avro_adjustment(name: str, adjusted: str) -> None:
    assert names.adjust_field_name(name, "avro") == adjusted
    assert names.adjust_field_name(name, "none") == name
    assert names.is_avro_name(adjusted)


@pytest.mark.parametrize(
    ("name", "adjusted"),
    [
        ("1st col", "_u0031st_u0020col"),
        ("a.b", "a_u002eb"),
        ("ok_1", "ok_u005f1"),
        ("ñ", "_u00f1"),
        ("łódź", "_u142_u00f3d_u17a"),
        ("日", "_u65e5"),
        ("😀", "_ud83d_ude00"),
        ("\t", "_u009"),
        ("plain", "plain"),
    ],
)
def test_unicode_adjustment(name: str, adjusted: str) -> None:
    assert names.adjust_field_name(name, "avro_unicode") == adjusted
    assert names.is_avro_name(adjusted)


def test_only_the_first_character_of_a_schema_name_is_leading() -> None:
    assert names.adjust_schema_name("gp.1st.2_t.Value", "avro") == "gp.1st.2_t.Value"
    assert names.adjust_schema_name("1gp.1st.2_t.Key", "avro") == "_1gp.1st.2_t.Key"
    assert names.adjust_schema_name("1gp.1st.2_t.Key", "avro_unicode") == "_u0031gp.1st.2_u005ft.Key"


def test_schema_names_keep_their_dots() -> None:
    assert names.adjust_schema_name("gp.gold.we-ird_tab.Key", "avro") == "gp.gold.we_ird_tab.Key"


def test_unknown_mode_is_an_error() -> None:
    with pytest.raises(ValueError, match="'latin' is not one of none, avro, avro_unicode"):
        names.adjust_field_name("a", "latin")
