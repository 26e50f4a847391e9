-- The form in which the text that somebody agreed to is compared with what a popup said: blanks are one space.
-- In the list of them are those that Unicode calls white space, and those of no width.
CREATE FUNCTION consent_form(text text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN btrim(regexp_replace(
    normalize(text, NFC),
    U&'[\0001-\0020\007F-\00A0\00AD\1680\180E\2000-\200F\2028-\202F\205F-\2064\3000\FEFF]+', ' ', 'g'
));
