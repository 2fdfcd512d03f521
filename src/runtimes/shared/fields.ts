import { RuntimeError } from '../../core/container-runtime.ts';

/** An engine's JSON answer, read field by field: what's missing or of another type reads as absent. */
export interface Fields {
  text(name: string): string | undefined;
  number(name: string): number | undefined;
  flag(name: string): boolean;
  fields(name: string): Fields;
  texts(name: string): readonly string[];
  list(name: string): readonly Fields[];
  keys(): readonly string[];
  textMap(name: string): Readonly<Record<string, string>>;
}

/** Rejects what isn't an object: then something else than the expected engine answered. */
export function parseFields(value: unknown, what: string): Fields {
  if (!isRecord(value))
    throw new RuntimeError('wrong_engine', `${what}: the answer is not what this kind of engine answers`);
  return toFields(value);
}

export function parseList(value: unknown, what: string): readonly Fields[] {
  if (!Array.isArray(value))
    throw new RuntimeError('wrong_engine', `${what}: the answer is not what this kind of engine answers`);
  return value.filter(isRecord).map(toFields);
}

function toFields(record: Readonly<Record<string, unknown>>): Fields {
  const array = (name: string): readonly unknown[] => {
    const value = record[name];
    return Array.isArray(value) ? value : [];
  };
  const child = (name: string): Readonly<Record<string, unknown>> => {
    const value = record[name];
    return isRecord(value) ? value : {};
  };
  return {
    text: (name) => (typeof record[name] === 'string' ? record[name] : undefined),
    number: (name) => (typeof record[name] === 'number' ? record[name] : undefined),
    flag: (name) => record[name] === true,
    fields: (name) => toFields(child(name)),
    texts: (name) => array(name).filter((item) => typeof item === 'string'),
    list: (name) => array(name).filter(isRecord).map(toFields),
    keys: () => Object.keys(record),
    textMap: (name) =>
      Object.fromEntries(
        Object.entries(child(name)).filter(
          (entry): entry is [string, string] => typeof entry[1] === 'string',
        ),
      ),
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
