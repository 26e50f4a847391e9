// What went wrong, in words, and which field it belongs to.

/** Messages by the dotted path of their field, as the API gives them: "variants.0.design.width". */
export type FieldErrors = Record<string, string[]>;

export interface ProblemBody {
  status?: number;
  title?: string;
  detail?: string;
  code?: string;
  request_id?: string;
  errors?: FieldErrors;
}

/** An answer that is none of what was asked for. `status` is 0 where nothing was answered at all. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly errors: FieldErrors;
  readonly requestId: string;
  readonly etag: string;

  constructor(status: number, body: ProblemBody, etag = "") {
    super(words(status, body));
    this.status = status;
    this.code = body.code ?? "";
    this.errors = body.errors ?? {};
    this.requestId = body.request_id ?? "";
    this.etag = etag;
  }
}

const WORDS: Record<number, string> = {
  0: "There was no answer. You may be offline, or a content blocker is in the way.",
  403: "This key may only read.",
  404: "It is not there any more, or it belongs to another shop.",
  412: "Somebody else has changed it meanwhile.",
  413: "That is too much at once.",
  429: "Too many requests at once. Please wait a moment.",
  503: "The database cannot be reached just now. Nothing was changed; please try again.",
};

const WORDS_OF_CODES: Record<string, string> = {
  secrets_not_configured:
    "This installation cannot keep secrets yet: whoever runs it has to set SECRETS_KEY. Nothing was changed.",
};

function words(status: number, { detail, title, code = "" }: ProblemBody): string {
  if (code in WORDS_OF_CODES) return WORDS_OF_CODES[code] ?? "";
  if (status === 422) return "Some fields need another value.";
  if (status === 0 && detail) return detail;
  return WORDS[status] ?? detail ?? title ?? `The server answered ${status}.`;
}

/** The messages of one field, and of what is below it where it is edited as a whole. */
export function messagesAt(errors: FieldErrors, path: string): string[] {
  const below = `${path}.`;
  return Object.entries(errors)
    .filter(([key]) => key === path || key.startsWith(below))
    .flatMap(([key, messages]) =>
      key === path ? messages : messages.map((each) => `${key.slice(below.length)}: ${each}`),
    );
}

/** The messages whose field is not among the paths of a form: they are shown above the Save button. */
export function messagesElsewhere(errors: FieldErrors, paths: Iterable<string>): string[] {
  const known = [...paths];
  return Object.entries(errors)
    .filter(([key]) => !known.some((path) => key === path || key.startsWith(`${path}.`)))
    .flatMap(([key, messages]) => messages.map((each) => (key ? `${key}: ${each}` : each)));
}
