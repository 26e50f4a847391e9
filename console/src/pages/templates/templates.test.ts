import assert from "node:assert/strict";
import test from "node:test";
import { contrast } from "../../words/contrast.ts";
import { TEMPLATES, templateOf } from "./templates.ts";
import { CONSENT, TEXTS } from "./texts.ts";

const LANGUAGES = Object.keys(CONSENT);

test("there are about twelve, in five languages", () => {
  assert.ok(TEMPLATES.length >= 12);
  assert.equal(LANGUAGES.length, 5);
});

for (const { id } of TEMPLATES) {
  test(`${id} has its words in every language, and can be read`, () => {
    for (const language of LANGUAGES) {
      assert.equal(TEXTS[id]?.[language]?.filter(Boolean).length, 3, language);
      const { design } = templateOf(id, language);
      assert.equal(design.heading, TEXTS[id]?.[language]?.[0]);
      assert.ok(contrast(design.text_color, design.background_color) >= 4.5);
    }
  });
}

test("who asks for an address asks for consent", () => {
  for (const { id } of TEMPLATES) {
    const { offer } = templateOf(id);
    assert.equal(!!offer.consent_text, offer.type === "email_capture" || offer.type === "newsletter");
  }
});

test("an unknown template is an empty popup", () => assert.equal(templateOf("nothing").design.heading, ""));
