import { useEffect, useState } from "preact/hooks";
import { isSame } from "../draft/paths.ts";
import { TextField } from "./fields.tsx";

interface Props {
  label: string;
  name: string;
  value: string[];
  onChange: (value: string[]) => void;
  hint?: preact.ComponentChildren;
  placeholder?: string;
  lines?: number;
}

const entries = (text: string) =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);

/** A list, one entry a line. What is typed stays as it is typed: an empty line is no entry, and not taken away. */
export function ListField({ value, onChange, lines = 3, ...more }: Props) {
  const [text, setText] = useState(value.join("\n"));
  useEffect(() => {
    setText((before) => (isSame(entries(before), value) ? before : value.join("\n")));
  }, [value]);
  const change = (typed: string) => {
    setText(typed);
    onChange(entries(typed));
  };
  return <TextField {...more} value={text} onChange={change} lines={lines} spellcheck={false} />;
}
