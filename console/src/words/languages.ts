// The popup's own few words in other languages, for the preview only: in the shop they are those of its pages (data-words).

export interface Language {
  tag: string;
  name: string;
  dir: "ltr" | "rtl";
  words: Record<string, string>;
}

const KEYS = ["close", "email", "submit", "decline", "failed", "invalid", "unticked", "thanks", "code", "copy", "done"];

const language = (tag: string, name: string, text: string, dir: Language["dir"] = "ltr"): Language => {
  const words = text.split("|");
  return { tag, name, dir, words: Object.fromEntries(KEYS.map((key, index) => [key, words[index] ?? ""])) };
};

export const LANGUAGES: Language[] = [
  { tag: "en", name: "English", dir: "ltr", words: {} },
  language(
    "de",
    "Deutsch",
    "Schließen|E-Mail-Adresse|Weiter|Nein danke|Das hat nicht geklappt. Bitte versuchen Sie es noch einmal.|Bitte geben Sie eine gültige E-Mail-Adresse ein.|Bitte stimmen Sie zu.|Vielen Dank!|Ihr Rabattcode:|Kopieren|Weiter einkaufen",
  ),
  language(
    "fr",
    "Français",
    "Fermer|Adresse e-mail|Continuer|Non merci|Cela n’a pas fonctionné. Veuillez réessayer.|Veuillez saisir une adresse e-mail valide.|Veuillez cocher la case.|Merci !|Votre code promo :|Copier|Continuer mes achats",
  ),
  language(
    "es",
    "Español",
    "Cerrar|Correo electrónico|Continuar|No, gracias|No ha funcionado. Inténtalo de nuevo.|Introduce un correo válido.|Marca la casilla, por favor.|¡Gracias!|Tu código de descuento:|Copiar|Seguir comprando",
  ),
  language(
    "ar",
    "العربية",
    "إغلاق|البريد الإلكتروني|متابعة|لا، شكرًا|لم ينجح ذلك. يُرجى المحاولة مرة أخرى.|يُرجى إدخال بريد إلكتروني صالح.|يُرجى الموافقة.|شكرًا لك!|رمز الخصم الخاص بك:|نسخ|متابعة التسوق",
    "rtl",
  ),
];

const ARABIC = /\p{Script=Arabic}/u;

/** The language whose fixed words stand beside a text, as far as its letters tell. */
export const tagOf = (text: string) => (ARABIC.test(text) ? "ar" : "en");

export const languageOf = (tag: string): Language =>
  LANGUAGES.find((each) => each.tag === tag) ?? { tag: "en", name: "English", dir: "ltr", words: {} };
