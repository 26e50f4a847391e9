import { type Address, hash } from "../addresses.ts";
import { SelectField } from "../parts/fields.tsx";
import { Page } from "../parts/Page.tsx";
import { setQuery } from "../router.ts";
import { LANGUAGES } from "../words/languages.ts";
import { Design } from "./Design.tsx";
import { Miniature } from "./templates/Miniature.tsx";
import { TEMPLATES, templateOf } from "./templates/templates.ts";
import "../style/templates.css";

const EMPTY = { id: "empty", name: "Empty", about: "Begin with nothing." };

/** What a new popup begins with; then the builder. Nothing is stored before somebody saves it. */
export function New({ address }: { address: Address }) {
  const { query } = address;
  if (query.template) return <Design address={address} />;
  const language = query.language || "en";
  return (
    <Page
      title="New popup"
      actions={
        <SelectField
          label="Words in"
          name="language"
          value={language}
          choices={LANGUAGES.map(({ tag, name }) => [tag, name] as const)}
          onChange={(tag) => setQuery({ language: tag })}
        />
      }
    >
      <ul class="templates">
        {[...TEMPLATES, EMPTY].map(({ id, name, about }) => (
          <li key={id}>
            <Miniature popup={templateOf(id, language)} lang={language} />
            <h2>
              <a href={hash({ page: "new" }, { template: id, language: language === "en" ? "" : language })}>{name}</a>
            </h2>
            <p class="hint">{about}</p>
          </li>
        ))}
      </ul>
    </Page>
  );
}
