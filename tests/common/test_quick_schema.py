"""QuickSchema: the quick way and marshmallow's own load the same, and refuse the same for the same reasons."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields, post_load, validate

from common.shop.blanks import BLANK, trimmed
from common.shop.events import EventSchema
from common.shop.quick_schema import QuickSchema, UuidText, keeps
from functions.track_conversion.schemas import ConversionSchema
from functions.track_view.schemas import ViewSchema, ViewsSchema
from tests.support.factories import capture, conversion, purchase, uuid7, view

SCHEMAS: list[QuickSchema] = [EventSchema(), ViewSchema(), ConversionSchema()]
FIELDS = {f"{type(schema).__name__}.{name}": field for schema in SCHEMAS for name, field in schema.load_fields.items()}

SPELLINGS = ("{}", "{{{}}}", "urn:uuid:{}", "{}\n")
ids = st.builds(
    lambda id_, spelling, change: spelling.format(change(str(id_))),
    st.uuids(),
    st.sampled_from(SPELLINGS),
    st.sampled_from([str, str.upper, lambda text: f"{text[:-1]}F", lambda text: text.replace("-", "")]),
)
lengths = st.sampled_from([0, 1, 63, 64, 65, 100, 101, 200, 201, 254, 255, 1000, 1001, 2047, 2048, 2049])
texts = st.one_of(
    st.text(max_size=5),
    lengths.map("x".__mul__),
    st.sampled_from(["desktop", "mobile", "Desktop", "click", "email_capture", "discount_code_used", "purchase"]),
    st.sampled_from(["ann@example.com", " Ann@Example.com\u200b", "ann@example", "EUR", "XXX", "49.90", "1e3", "-1"]),
)
values = st.one_of(
    ids,
    texts,
    st.none(),
    st.booleans(),
    st.integers(-2, 10**13),
    st.floats(allow_nan=False),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
)
VALID: list[dict[str, Any]] = [
    {"popup_id": uuid7(), "session_id": "s"},
    view(uuid7(), page_url="https://shop.example/", visitor_id="v", variant_id="a", device_type="mobile"),
    conversion(uuid7()),
    capture(uuid7(), "ann@example.com", consent=True, consent_text="Yes."),
    purchase(uuid7(), "1001", revenue="49.905", metadata={"items": 2}),
    {"type": "discount_code_used", "discount_code": " SAVE ", "shop_id": "shop", "session_id": "s"},
]
KEYS = sorted({field.data_key or name for schema in SCHEMAS for name, field in schema.load_fields.items()})


@st.composite
def events(draw: st.DrawFn) -> Any:
    """Draw an event that is valid but for a few of its fields."""
    event = dict(draw(st.sampled_from(VALID)))
    for key in draw(st.lists(st.sampled_from([*KEYS, "unknown"]), max_size=3)):
        event.pop(key, None)
        if draw(st.booleans()):
            event[key] = draw(values)
    return event


def outcome(schema: Schema, load: Any, data: Any) -> Any:
    """Return what is loaded, without an id that was made for it, or what is wrong."""
    try:
        loaded = load(schema, data)
    except ValidationError as error:
        return error.messages
    return loaded if data.get("event_id") else {**loaded, "event_id": len(loaded["event_id"])}


@settings(max_examples=200, deadline=None, derandomize=True)
@given(data=st.one_of(events(), st.dictionaries(st.sampled_from(KEYS), values)))
@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: type(schema).__name__)
def test_the_quick_way_loads_and_refuses_what_marshmallow_does(schema: QuickSchema, data: dict[str, Any]) -> None:
    as_sent = dict(data)
    assert outcome(schema, type(schema).load, data) == outcome(schema, Schema.load, data)
    assert data == as_sent


@settings(max_examples=50, deadline=None, derandomize=True)
@given(value=values)
@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_what_is_kept_is_what_the_field_loads(field: fields.Field[Any], value: Any) -> None:
    if keeps(field)(value):
        assert field.deserialize(value) == value


NOT_OBJECTS: list[Any] = [None, 1, "text", [], [{}]]


@pytest.mark.parametrize("data", NOT_OBJECTS, ids=map(str, NOT_OBJECTS))
@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: type(schema).__name__)
def test_what_is_no_object_is_refused_by_marshmallow(schema: QuickSchema, data: Any) -> None:
    with pytest.raises(ValidationError) as quickly:
        schema.load(data)
    with pytest.raises(ValidationError) as own:
        Schema.load(schema, data)
    assert quickly.value.messages == own.value.messages


def test_valid_events_never_come_to_marshmallow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the way would be a detour."""
    monkeypatch.setattr(Schema, "_do_load", None)
    for event in VALID:
        assert ConversionSchema().load(event) if "type" in event else ViewSchema().load(event)
    assert ViewsSchema().load(VALID[1])["events"]


NOT_KEPT: dict[str, fields.Field[Any]] = {
    "of another class": fields.Integer(),
    "of a class of its own": type("Shouted", (fields.String,), {})(),
    "with a validator of its own": fields.String(validate=str.isalpha),
    "with several validators": fields.String(validate=[validate.Length(max=9), validate.OneOf(["a"])]),
    "of one length": fields.String(validate=validate.Length(equal=1)),
    "that is changed before": fields.String(pre_load=str.upper),
    "that is changed after": UuidText(post_load=str.upper),
}


@pytest.mark.parametrize("field", NOT_KEPT.values(), ids=NOT_KEPT)
def test_values_of_a_field_that_may_change_or_refuse_them_are_not_kept(field: fields.Field[Any]) -> None:
    assert not any(map(keeps(field), ["a", uuid7(), "", 1]))


def test_a_schema_of_which_the_quick_way_would_leave_something_out_is_refused() -> None:
    class Hooked(QuickSchema):
        @post_load
        def change(self, loaded: dict[str, Any], **_: Any) -> dict[str, Any]:
            return loaded

    class Made(QuickSchema):
        items = fields.List(fields.String(), load_default=list)

    with pytest.raises(AssertionError, match="change"):
        Hooked()
    with pytest.raises(AssertionError, match="default"):
        Made()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(text=st.text("\t\n\x00\x1f \x7f\xa0\u200b\u3164a.é", max_size=6))
def test_blanks_are_trimmed_of_ascii_as_of_any_text(text: str) -> None:
    assert trimmed(text) == trimmed(f"{text}\u3164") == re.sub(rf"\A[{BLANK}]+|[{BLANK}]+\Z", "", text)
