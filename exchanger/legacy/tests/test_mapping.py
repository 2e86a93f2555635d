"""A mapping that cannot be obeyed is refused before anything is read, with the place and the remedy."""

import pytest

from exchanger.legacy.mapping import SHIPPED, WrongMapping, read_mapping, shipped_mappings
from identity.models import User

STEP = """
[[step]]
into = "users"
table = "people"
[step.columns]
id = "id"
email = "mail"
password_hash = "hash"
created_at = "made"
"""


@pytest.fixture
def mapping(tmp_path):
    """``mapping(text)``: read a file of that text."""

    def read(text):
        file = tmp_path / "own.toml"
        file.write_text(text)
        return read_mapping(str(file))

    return read


def test_the_shipped_ones_can_be_read():
    assert shipped_mappings() == ["django", "source"]
    assert {step.into for step in read_mapping("source").steps} > {"users", "orders", "messages", "user_profiles"}
    assert read_mapping("source", zone="Europe/Kyiv").conventions.zone == "Europe/Kyiv"
    assert read_mapping(str(SHIPPED / "django.toml")).steps == read_mapping("django").steps


def test_steps_come_in_the_order_in_which_they_depend_on_each_other(mapping):
    orders = (
        STEP.replace("users", "user_profiles")
        .replace('email = "mail"\npassword_hash = "hash"\ncreated_at = "made"', "")
        .replace('id = "id"', 'user_id = "id"')
    )
    assert [step.name for step in mapping(orders + STEP).steps] == ["users", "user_profiles"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("zone =", "own.toml"),
        ("", r"has no \[\[step\]\]"),
        ('zone = "Kyiv"' + STEP, "zone: 'Kyiv' is no time zone"),
        ("speed = 5" + STEP, "speed is not known"),
        ('[currencies]\nRUR = 5' + STEP, "currencies: maps an old word to a text"),
        ('[statuses.users]\nold = "new"' + STEP, "statuses: users is not known"),
        ('[permissions]\nadmin = ["everything"]' + STEP, "permissions.admin: 'everything' is not like"),
        ("[permissions]\nadmin = []" + STEP, "permissions.admin: is no list"),
        (STEP + STEP, "step users: is there twice"),
        (STEP.replace('"users"', '"people"'), "step 1: into is 'people'"),
        (STEP.replace('table = "people"', ""), "step users: needs a table or a query"),
        (STEP.replace("[step.columns]", "key = 5\n[step.columns]"), "step users: key is neither"),
        (STEP.replace("[step.columns]", "optional = 5\n[step.columns]"), "step users: optional is no bool"),
        (STEP.replace("[step.columns]", "wher = 5\n[step.columns]"), "step users: wher is not known"),
        (STEP.replace('email = "mail"', ""), "step users: columns.email is missing"),
        (STEP + 'shoe_size = "shoes"', "step users: columns.shoe_size: users takes"),
        (STEP.replace('"made"', "5"), "columns.created_at: is no table"),
        (STEP.replace('"made"', '{ column = "made", cast = "magic" }'), "cast is 'magic'"),
        (STEP.replace('"made"', '{ cast = "hundredths" }'), "names no column"),
        (STEP.replace('"made"', '{ column = "made", cast = "uuid_of" }'), "needs of: the old table"),
        (STEP.replace('"made"', '{ constant = [1] }'), "a constant is a text"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_with_its_place(mapping, text, problem):
    with pytest.raises(WrongMapping, match=problem):
        mapping(text)


def test_a_file_that_is_not_there_is_told_with_those_that_ship():
    with pytest.raises(WrongMapping, match=r"nowhere.toml: .* one of django, source"):
        read_mapping("nowhere.toml")


def test_a_column_that_the_old_table_lacks_is_told(old, take, mapping):
    with pytest.raises(WrongMapping, match="step users: the old table has no column mail"):
        take(old, mapping=mapping(STEP.replace('"people"', '"users"')))


def test_columns_are_renamed_cast_and_made_up(old, take, mapping, as_context):
    old.connection.execute(
        "CREATE TABLE people (id integer PRIMARY KEY, mail text, hash text, made bigint);"
        "INSERT INTO people VALUES (1, 'olena@example.com', 'x', 1700000000123)"
    )
    text = STEP.replace('"made"', '{ column = "made", cast = "epoch_milliseconds" }').replace(
        'id = "id"', 'id = { column = "id", cast = "uuid_of", of = "people" }\nemail_verified = { constant = true }'
    )
    take(old, mapping=mapping(text))

    with as_context(None):
        user = User.objects.get()
    assert user.created_at.isoformat() == "2023-11-14T22:13:20.123000+00:00"
    assert user.email_verified
